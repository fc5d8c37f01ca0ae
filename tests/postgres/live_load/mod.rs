//! A live load of every kind of write, while the program and its sessions are killed, the server crashes, and the
//! application changes its tables.
//!
//! At the end both tables are equal, they have what the application recorded in the same transactions, and the
//! application has met no error that the docs do not name. `PGPARTITION_SEED` repeats what was drawn by chance; it does
//! not repeat in which order the server does what happens at the same time.

mod application;
mod chaos;
mod client;
mod keys;
mod many;
mod program;
mod tables;
mod verdict;
mod write;

use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;
use tokio::task::JoinHandle;

use self::application::{Application, Longest};
use self::chaos::Chaos;
use self::client::{Done, Worker, connect};
use self::keys::Keys;
use self::program::Program;
use self::tables::{CHANGES, Change, Role, Table};
use self::write::Write;
use crate::database::{SCHEMA_SQL, World};
use crate::support::postgres::{Server, majors};

/// An edit of the specs, and the changes of the tables meanwhile.
#[derive(Debug)]
struct Edit {
    levels: [&'static str; 2],
    serve_from: &'static str,
    changes: &'static [Change],
}

/// The edits on the way to parity.
const TO_PARITY: [Edit; 2] = [
    Edit { levels: ["Row", "Statement"], serve_from: "Source", changes: CHANGES[0] },
    Edit { levels: ["Statement", "Row"], serve_from: "Source", changes: CHANGES[1] },
];

/// The edits there and back, again and again.
const TURNS: [Edit; 4] = [
    Edit { levels: ["Statement", "Row"], serve_from: "Partitioned", changes: &[] },
    Edit { levels: ["Row", "Statement"], serve_from: "Source", changes: &[] },
    Edit { levels: ["Row", "Statement"], serve_from: "Partitioned", changes: &[] },
    Edit { levels: ["Statement", "Row"], serve_from: "Source", changes: &[] },
];

impl Edit {
    fn documents(&self, tables: &[Arc<Table>]) -> String {
        let levels = self.levels.iter().cycle();
        let documents = tables.iter().zip(levels);
        let documents = documents.map(|(table, level)| table.document(self.serve_from, level));
        documents.collect::<Vec<_>>().join("\n---\n")
    }
}

struct Load {
    server: Server,
    world: World,
    tables: Vec<Arc<Table>>,
    application: Arc<Application>,
    clients: Vec<JoinHandle<Done>>,
    rng: Rng,
}

impl Load {
    async fn new(major: u16, seed: u64) -> Self {
        // Little to recover after a crash.
        let server = Server::start(major, &["-c", "checkpoint_timeout=30s"]);
        let world = World::on(&server, major).await;
        let mut tables: Vec<_> = tables::tables(major).into_iter().map(Arc::new).collect();
        // Before the first cutover nothing of a table that is attached changes.
        tables.retain(|table| table.is_copied() || turns() > 0);
        let application = Arc::new(Application::default());
        let rng = Rng::with_seed(seed);
        let role = tables::create(&world, &tables).await;
        let clients = Vec::new();
        let mut load = Self { server, world, tables, application, clients, rng };
        load.start_clients(&role, seed);
        load
    }

    fn start_clients(&mut self, role: &str, seed: u64) {
        let path = format!("SET search_path = {SCHEMA_SQL}");
        let replica = format!("{path}; SET session_replication_role = replica");
        let (role, admin) = (self.world.database.url_as(role), self.world.database.url());
        let of_tables =
            self.tables.iter().flat_map(|table| table.clients().iter().map(move |r| (table, *r)));
        for (number, (table, kind)) in (1..).zip(of_tables) {
            let (writes, pause): (&[Write], u64) = match kind {
                Role::One => (write::ONE, 10),
                Role::Many => (many::MANY, 50),
                Role::Replica => (write::REPLICA, 20),
                Role::Lines => (write::LINES, 20),
            };
            let (url, greeting) = match kind {
                Role::One | Role::Many | Role::Lines => (&role, &path),
                Role::Replica => (&admin, &replica),
            };
            let worker = Worker {
                application: Arc::clone(&self.application),
                table: Arc::clone(table),
                role: kind,
                url: url.clone(),
                greeting: greeting.clone(),
                writes,
                pause: Duration::from_millis(pause),
                keys: Keys::new(number, seed),
                done: Done::default(),
            };
            self.clients.push(tokio::spawn(worker.work()));
        }
    }

    /// Applies an edit during the events, and then until both tables are in parity. The application continues.
    async fn apply(&mut self, edit: &Edit, events: Vec<chaos::Event>) -> Vec<String> {
        let program = Program::new(self.world.url(), edit.documents(&self.tables));
        let is_partitioned = edit.serve_from == "Partitioned";
        if is_partitioned {
            self.application.set_swapped();
        }
        self.application.take_longest();
        let mut chaos = Chaos {
            server: &mut self.server,
            program: &program,
            application: &self.application,
            tables: &self.tables,
            url: self.world.database.url(),
            as_owner: format!("SET ROLE {}; SET search_path = {SCHEMA_SQL}", self.world.owner),
            operator: self.world.operator.clone(),
            is_turn: edit.changes.is_empty(),
            rng: &mut self.rng,
            started: std::time::Instant::now(),
            happened: Vec::new(),
        };
        tokio::select! {
            () = chaos.happen(events) => {}
            () = program.keep_running() => {}
        }
        let (started, mut happened) = (chaos.started, chaos.happened);
        program.kill(&mut self.rng, true);
        happened.push(format!("{:?}: the program may finish", started.elapsed()));
        program.finish().await;
        self.application.set_awaited(false);
        for table in &self.tables {
            table.set_partitioned(is_partitioned);
        }
        happened.push(format!("{:?}: it has", started.elapsed()));
        happened
            .extend(program.ended().iter().map(|(status, times)| format!("{times} × {status}")));
        self.application.assert_no_fault();
        happened
    }

    async fn assert_served(&self, serve_from: &str) {
        let client = self.client().await;
        for table in &self.tables {
            let kind = "SELECT relkind = 'p' FROM pg_class WHERE oid = $1::text::regclass";
            let is_partitioned: bool = client.query_one(kind, &[&table.name]).await.unwrap().get(0);
            assert_eq!(is_partitioned, serve_from == "Partitioned", "{}", table.name);
        }
    }

    async fn assert_equal(&self, what: &str) {
        let mut client = self.client().await;
        verdict::assert_equal(&mut client, &self.tables, what).await;
    }

    async fn client(&self) -> tokio_postgres::Client {
        let client = connect(&self.world.database.url()).await;
        client.batch_execute(&format!("SET search_path = {SCHEMA_SQL}")).await.unwrap();
        client
    }

    /// Stops the application, and compares all.
    async fn stop(mut self) {
        self.application.stop();
        let client = self.client().await;
        for worker in std::mem::take(&mut self.clients) {
            let done = worker.await.unwrap();
            verdict::assert_committed(&client, &done).await;
            report(&format!("{done}"));
        }
        self.application.assert_no_fault();
        report(&format!("{:#?}", self.application.seen()));
        self.assert_equal(&format!("Postgres {}, the application has stopped", self.world.major))
            .await;
    }
}

#[expect(clippy::print_stdout, reason = "shows why the test failed")]
fn report(text: &str) {
    println!("{text}");
}

/// Returns the seed, which is another one in each run.
fn seed() -> u64 {
    let given = std::env::var("PGPARTITION_SEED");
    given.map_or_else(|_| fastrand::u64(..), |seed| seed.parse().unwrap())
}

/// Returns how often the tables change places.
fn turns() -> usize {
    std::env::var("PGPARTITION_TURNS").map_or(0, |turns| turns.parse().unwrap())
}

/// Returns the edits to do.
fn edits() -> impl Iterator<Item = &'static Edit> {
    TO_PARITY.iter().chain(TURNS.iter().cycle().take(turns()))
}

/// Does the edits under load. Returns the longest transactions of each.
async fn run(major: u16, seed: u64) -> Vec<Longest> {
    let mut load = Load::new(major, seed).await;
    let changes: Vec<_> = edits().map(|edit| edit.changes).collect();
    let events = chaos::spread(&changes, &mut load.rng);
    let mut longest = Vec::new();
    for (number, (edit, events)) in edits().zip(events).enumerate() {
        let happened = load.apply(edit, events).await;
        longest.push(load.application.take_longest());
        let what = format!("Postgres {major}, edit {number}");
        report(&format!("{what}, serves from {}: {happened:#?}", edit.serve_from));
        load.assert_served(edit.serve_from).await;
        load.assert_equal(&what).await;
    }
    load.stop().await;
    longest
}

/// Returns a table of the longest transactions: of each turn, and of each major.
fn in_table(majors: &[(u16, Vec<Longest>)]) -> String {
    let names: Vec<_> = majors.iter().map(|(major, _)| major.to_string()).collect();
    let mut table = vec![
        format!("| turn | {} |", names.join(" | ")),
        format!("|---|{}", "---|".repeat(majors.len())),
    ];
    for (number, edit) in edits().enumerate() {
        let turn = match (number, edit.serve_from) {
            (0, _) => "to parity".to_owned(),
            (1, _) => "to parity, another `sync.level`".to_owned(),
            (_, "Partitioned") => format!("{}: cutover", number - 1),
            (_, _) => format!("{}: rollback", number - 1),
        };
        let times = majors.iter().map(|(_, longest)| {
            let Longest { one, many } = longest[number];
            format!("{}, {}", one.as_millis(), many.as_millis())
        });
        table.push(format!("| {turn} | {} |", times.collect::<Vec<_>>().join(" | ")));
    }
    table.join("\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_remain_equal_under_load_with_kills_crashes_and_changes() {
    let seed = seed();
    report(&format!("PGPARTITION_SEED={seed}"));
    application::assert_documented();
    let mut longest = Vec::new();
    for major in majors() {
        longest.push((major, run(major, seed.wrapping_add(major.into())).await));
    }
    report(&format!(
        "Longest transaction of a client that writes few rows, and of one that writes many, in ms:\n\n{}",
        in_table(&longest)
    ));
}
