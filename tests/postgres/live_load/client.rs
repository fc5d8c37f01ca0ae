//! Clients of the application. Each does one transaction after the other, connects again if the server has crashed, and
//! remembers which transactions were committed.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Cursor;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::SinkExt as _;
use tokio_postgres::{Client, Error, NoTls, Statement};

use super::application::Application;
use super::keys::Keys;
use super::tables::{Role, Table};
use super::write::{Act, Write, named, prepared};

/// Longer than a server takes to start again.
const DEADLINE: Duration = Duration::from_mins(2);

/// Connects, as soon as the server accepts connections.
pub(super) async fn connect(url: &str) -> Client {
    let start = Instant::now();
    loop {
        match tokio_postgres::connect(url, NoTls).await {
            Ok((client, connection)) => {
                tokio::spawn(connection);
                return client;
            }
            Err(error) => assert!(start.elapsed() < DEADLINE, "cannot connect: {error}"),
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// A client, with what it remembers.
pub(super) struct Worker {
    pub(super) application: Arc<Application>,
    pub(super) table: Arc<Table>,
    pub(super) role: Role,
    pub(super) url: String,
    /// Statements at the beginning of a session.
    pub(super) greeting: String,
    pub(super) writes: &'static [Write],
    /// Pause between two transactions, so that other processes get the processor.
    pub(super) pause: Duration,
    pub(super) keys: Keys,
    pub(super) done: Done,
}

/// Result of a client.
#[derive(Debug, Default)]
pub(super) struct Done {
    pub(super) client: u64,
    /// Number of committed transactions of each kind.
    pub(super) writes: BTreeMap<&'static str, u64>,
    /// Transactions that were committed.
    pub(super) committed: BTreeSet<i64>,
    /// Transactions whose commit is unknown.
    pub(super) in_doubt: BTreeSet<i64>,
}

impl std::fmt::Display for Done {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { client, writes, committed, in_doubt } = self;
        let (committed, in_doubt) = (committed.len(), in_doubt.len());
        write!(f, "client {client}: {committed} committed, {in_doubt} in doubt; {writes:?}")
    }
}

struct Session {
    client: Client,
    statements: Vec<Statement>,
    /// The crashes before it.
    crashes: u64,
}

impl Worker {
    /// Works until the application stops, and each kind of write was committed.
    pub(super) async fn work(mut self) -> Done {
        self.done.client = self.keys.client();
        let mut turn = 0;
        while !self.is_done() {
            let Ok(session) = self.begin().await else { continue };
            while !self.is_done() && !session.client.is_closed() {
                self.turn(&session, turn).await;
                turn += 1;
                tokio::time::sleep(self.pause).await;
            }
        }
        self.done
    }

    fn is_done(&self) -> bool {
        let has_all = || self.writes.iter().all(|(name, _)| self.done.writes.contains_key(name));
        self.application.has_stopped() && has_all()
    }

    /// A session that began before the server has recovered can still be ended by the crash.
    async fn begin(&self) -> Result<Session, Error> {
        let crashes = self.application.crashes();
        let client = connect(&self.url).await;
        while self.application.crashes() % 2 == 1 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let begun = async {
            client.batch_execute(&self.greeting).await?;
            client.batch_execute(&named(&self.table)).await?;
            let mut statements = Vec::new();
            for sql in prepared(&self.table) {
                statements.push(client.prepare(&sql).await?);
            }
            Ok(statements)
        };
        let statements = begun.await;
        if let Err(error) = &statements {
            self.application.judge("the beginning of a session", error, (crashes, false));
        }
        let crashes = self.application.crashes();
        Ok(Session { client, statements: statements?, crashes })
    }

    async fn turn(&mut self, session: &Session, turn: usize) {
        let (name, write) = self.writes[turn % self.writes.len()];
        let act = write(&self.table, &mut self.keys);
        let number = i64::try_from(turn).unwrap();
        let is_awaited = self.application.is_awaited();
        let started = Instant::now();
        let sent = send(session, &act, (self.keys.client(), number)).await;
        match &sent {
            Ok(()) => {
                *self.done.writes.entry(name).or_default() += 1;
                if self.application.crashes() == session.crashes {
                    self.application.took(self.role, started.elapsed());
                }
                if !matches!(act, Act::RolledBack(_)) {
                    self.done.committed.insert(number);
                }
            }
            Err(error) => {
                if self.application.judge(name, error, (session.crashes, is_awaited)) {
                    self.done.in_doubt.insert(number);
                }
                // If the session is over, so is the transaction.
                let _ended = session.client.batch_execute("ROLLBACK").await;
            }
        }
        self.application.count_turn();
    }
}

/// Does a transaction, which records that it was committed.
async fn send(session: &Session, act: &Act, (client, turn): (u64, i64)) -> Result<(), Error> {
    let Session { client: connection, statements, .. } = session;
    let end = format!("INSERT INTO turns VALUES ({client}, {turn}); COMMIT");
    match act {
        Act::Text(begin, sql) => connection.batch_execute(&format!("{begin}; {sql}; {end}")).await,
        Act::RolledBack(sql) => connection.batch_execute(&format!("BEGIN; {sql}; ROLLBACK")).await,
        Act::Prepared(place, key, amount) => {
            connection.batch_execute("BEGIN").await?;
            connection.execute(&statements[*place], &[key, amount]).await?;
            connection.batch_execute(&end).await
        }
        Act::Copy(copy, lines, sql) => {
            connection.batch_execute("BEGIN").await?;
            let mut sink = pin!(connection.copy_in(copy).await?);
            sink.send(Cursor::new(lines.clone().into_bytes())).await?;
            sink.finish().await?;
            connection.batch_execute(&format!("{sql}; {end}")).await
        }
    }
}
