//! Events during the load: processes and sessions of the operator are killed, the server crashes, and the application
//! changes its tables.

use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use fastrand::Rng;
use tokio_postgres::Client;

use super::application::Application;
use super::client::connect;
use super::program::Program;
use super::tables::{Change, Table};
use crate::support::postgres::Server;
use crate::support::wait_until;

const DEADLINE: Duration = Duration::from_secs(30);

/// Transactions between two events at most.
const MAX_TURNS: u64 = 120;

/// Progress of the conversions.
const PROGRESS: &str = "
    SELECT coalesce(string_agg(concat_ws(' ', table_name, copied, 'done ' || backfilled_at::time, sweep->'rowsSource'), ', '), 'no record')
    FROM pgpartition.conversions";

#[derive(Debug, Clone, Copy)]
pub(super) enum Event {
    KillProgram,
    KillBothPrograms,
    TerminateSessions,
    CancelStatements,
    /// Postgres ends all sessions and recovers if one of its processes dies.
    KillSession,
    KillServer,
    Change(Change),
}

/// Number of each event in up to eight edits, apart from changes.
const EVENTS: &[(Event, usize)] = &[
    (Event::KillProgram, 7),
    (Event::KillBothPrograms, 3),
    (Event::TerminateSessions, 5),
    (Event::CancelStatements, 2),
    (Event::KillSession, 1),
    (Event::KillServer, 2),
];

/// Deals the events to the edits in an order by chance, twice as many to those with changes, and puts the changes between
/// them. The changes stay in their order.
pub(super) fn spread(changes: &[&[Change]], rng: &mut Rng) -> Vec<Vec<Event>> {
    let factor = changes.len().div_ceil(8);
    let events = EVENTS.iter().flat_map(|(event, times)| vec![*event; *times * factor]);
    let mut events: Vec<_> = events.collect();
    rng.shuffle(&mut events);
    let mut parts = vec![Vec::new(); changes.len()];
    let places: Vec<_> = (0..changes.len())
        .flat_map(|part| vec![part; if changes[part].is_empty() { 1 } else { 2 }])
        .collect();
    for (event, part) in events.into_iter().zip(places.iter().cycle()) {
        parts[*part].push(event);
    }
    for (part, changes) in parts.iter_mut().zip(changes) {
        let mut at = 0;
        for change in *changes {
            at = rng.usize(at..=part.len());
            part.insert(at, Event::Change(*change));
            at += 1;
        }
    }
    parts
}

pub(super) struct Chaos<'a> {
    pub(super) server: &'a mut Server,
    pub(super) program: &'a Program,
    pub(super) application: &'a Application,
    pub(super) tables: &'a [Arc<Table>],
    /// The address for the superuser.
    pub(super) url: String,
    /// The role that owns the tables, and their schema.
    pub(super) as_owner: String,
    pub(super) operator: String,
    /// Whether the tables change names.
    pub(super) is_turn: bool,
    pub(super) rng: &'a mut Rng,
    pub(super) started: Instant,
    pub(super) happened: Vec<String>,
}

impl Chaos<'_> {
    /// Lets the events happen, with some time between them.
    pub(super) async fn happen(&mut self, events: Vec<Event>) {
        for event in events {
            self.wait().await;
            self.cause(event).await;
        }
    }

    /// Waits until the application has done some transactions, and the program some steps, if it has any to do. Or, in a
    /// turn, until the program changes names.
    async fn wait(&mut self) {
        let (turns, steps) = (self.application.turns(), self.program.done());
        let (more_turns, more_steps) = (self.rng.u64(5..50), self.rng.usize(1..10));
        let admin = connect(&self.url).await;
        let start = Instant::now();
        loop {
            let done = self.application.turns() - turns;
            if done >= more_turns && self.program.done() - steps >= more_steps || done >= MAX_TURNS
            {
                break;
            }
            if self.is_turn && self.swaps(&admin).await {
                // Somewhere in it.
                tokio::time::sleep(Duration::from_millis(self.rng.u64(0..60))).await;
                break;
            }
            assert!(start.elapsed() < DEADLINE * 10, "the application stands still");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        self.application.assert_no_fault();
    }

    /// Returns whether a session of the program locks a table so that no other session can read it, or waits for that.
    async fn swaps(&self, admin: &Client) -> bool {
        let locks = format!(
            "SELECT EXISTS (SELECT FROM pg_locks JOIN pg_stat_activity USING (pid)
                 WHERE mode = 'AccessExclusiveLock' AND locktype = 'relation' AND usename = '{}')",
            self.operator
        );
        admin.query_one(&locks, &[]).await.is_ok_and(|row| row.get(0))
    }

    async fn cause(&mut self, event: Event) {
        let admin = connect(&self.url).await;
        let progress = admin.query_one(PROGRESS, &[]).await;
        let progress = progress.map_or_else(|_| "nothing".to_owned(), |row| row.get(0));
        let (at, turns) = (self.started.elapsed(), self.application.turns());
        self.happened.push(format!("{at:?}, turn {turns}: {event:?}, with {progress}"));
        match event {
            Event::KillProgram => self.program.kill(self.rng, false),
            Event::KillBothPrograms => self.program.kill(self.rng, true),
            Event::TerminateSessions => self.signal_sessions(&admin, "pg_terminate_backend").await,
            Event::CancelStatements => self.signal_sessions(&admin, "pg_cancel_backend").await,
            Event::KillSession => self.kill_session(admin).await,
            Event::KillServer => {
                self.application.count_crash();
                tokio::task::block_in_place(|| self.server.restart());
                self.application.count_crash();
            }
            Event::Change(change) => self.change(&admin, change).await,
        }
    }

    async fn signal_sessions(&self, admin: &Client, function: &str) {
        let sql = format!(
            "SELECT {function}(pid) FROM pg_stat_activity WHERE usename = '{}'",
            self.operator
        );
        admin.batch_execute(&sql).await.unwrap();
    }

    /// Kills the server process of a session of the operator.
    async fn kill_session(&self, admin: Client) {
        let one = format!(
            "SELECT pid FROM pg_stat_activity WHERE usename = '{}' ORDER BY random() LIMIT 1",
            self.operator
        );
        self.application.count_crash();
        wait_until("a session of the program is killed", DEADLINE, async || {
            let Some(row) = admin.query_opt(&one, &[]).await.unwrap() else { return false };
            let pid: i32 = row.get(0);
            let mut kill = Command::new("kill");
            // It can have ended meanwhile.
            kill.args(["-KILL", &pid.to_string()]).stderr(Stdio::null()).status().unwrap().success()
        })
        .await;
        wait_until("the crash is noticed", DEADLINE, async || admin.is_closed()).await;
        connect(&self.url).await;
        self.application.count_crash();
    }

    async fn change(&self, admin: &Client, change: Change) {
        admin.batch_execute(&self.as_owner).await.unwrap();
        if change.is_awaited {
            self.application.set_awaited(true);
        }
        let has_it = |table: &&Arc<Table>| table.is_copied() || !change.is_of_copies;
        for table in self.tables.iter().filter(has_it) {
            let sql = change.sql.replace("{t}", table.name);
            let done = admin.batch_execute(&sql).await;
            done.unwrap_or_else(|error| panic!("{error:?}: {sql}"));
            if change.is_used {
                table.set_changed();
            }
        }
    }
}
