//! How long a bystander waits while partitions are made behind an idle reader, step by step, beside
//! `CREATE TABLE … PARTITION OF` in the same run.
//!
//! `cargo bench --bench stall`; seconds the reader stays, and lockTimeout in ms: `-- 5 1000`.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark prints and may panic")]

#[path = "../tests/support/mod.rs"]
mod support;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use pg_partition_operator::api::v1alpha1::PartitionedTableSpec;
use pg_partition_operator::converge::{Options, converge};
use pg_partition_operator::desired::DesiredTable;
use pg_partition_operator::plan::{Plan, Step};
use pg_partition_operator::postgres::{
    ConnectionSettings, DatabaseError, Progress, Session, StepOutcome,
};
use support::postgres::{Database, Server, majors};
use tokio::task::JoinHandle;

const SETUP: &str = "
    CREATE TABLE revenues (id bigint, org_id int, occurred_at timestamptz NOT NULL, amount numeric,
        PRIMARY KEY (id, occurred_at)) PARTITION BY RANGE (occurred_at);
    CREATE TABLE revenues_2026_11 PARTITION OF revenues
        FOR VALUES FROM ('2026-11-01 00:00+00') TO ('2026-12-01 00:00+00');
    CREATE TABLE revenues_default PARTITION OF revenues DEFAULT;
    INSERT INTO revenues SELECT i, i % 100, '2026-11-10 00:00+00', i FROM generate_series(1, 100000) i;
    INSERT INTO revenues SELECT i, i % 100, '2020-01-01 00:00+00', i FROM generate_series(1, 300000) i;
    ANALYZE revenues;";

#[tokio::main]
async fn main() {
    let numbers: Vec<u64> = std::env::args().filter_map(|a| a.parse().ok()).collect();
    let reader = Duration::from_secs(*numbers.first().unwrap_or(&5));
    let lock_timeout = *numbers.get(1).unwrap_or(&1000);
    println!(
        "longest wait of a bystander that reads and writes every 10 ms, ms; an idle reader holds \
         the table for {} s; lockTimeout {lock_timeout} ms\n",
        reader.as_secs()
    );
    for major in majors() {
        let database = Server::shared(major).database().await;
        database.client().await.batch_execute(SETUP).await.unwrap();
        println!("Postgres {major}");
        apply(&database, reader, lock_timeout).await;
        partition_of(&database, reader).await;
        println!();
    }
}

/// Reads and writes every 10 ms, and keeps the longest time either took.
struct Bystander {
    longest: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
    task: JoinHandle<()>,
}

impl Bystander {
    async fn start(database: &Database) -> Self {
        let client = database.client().await;
        let (longest, stop) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
        let (shared, stopped) = (longest.clone(), stop.clone());
        let task = tokio::spawn(async move {
            let now = "'2026-11-20 00:00+00'";
            let read =
                format!("SELECT count(*) FROM revenues WHERE id = 1 AND occurred_at = {now}");
            let write = format!("INSERT INTO revenues VALUES (nextval('ids'), 1, {now}, 1)");
            client.batch_execute("CREATE TEMP SEQUENCE ids START 1000000").await.unwrap();
            while !stopped.load(Ordering::Relaxed) {
                for statement in [&read, &write] {
                    let started = Instant::now();
                    client.batch_execute(statement).await.unwrap();
                    let took = u64::try_from(started.elapsed().as_micros()).unwrap();
                    shared.fetch_max(took, Ordering::Relaxed);
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        });
        Self { longest, stop, task }
    }

    /// The longest wait since it was last asked for.
    fn take_longest(&self) -> f64 {
        f64::from(u32::try_from(self.longest.swap(0, Ordering::Relaxed)).unwrap()) / 1000.0
    }

    async fn stop(self) {
        self.stop.store(true, Ordering::Relaxed);
        self.task.await.unwrap();
    }
}

/// A transaction that has read the table, and sits.
async fn idle_reader(database: &Database, stays: Duration) -> JoinHandle<()> {
    let client = database.client().await;
    client.batch_execute("BEGIN; SELECT count(*) FROM revenues").await.unwrap();
    tokio::spawn(async move {
        tokio::time::sleep(stays).await;
        client.batch_execute("COMMIT").await.unwrap();
    })
}

struct PerStep<'a> {
    bystander: &'a Bystander,
    steps: Arc<Mutex<Vec<(String, f64, Duration)>>>,
}

impl Progress for PerStep<'_> {
    fn planned(&mut self, _: &Plan) {}

    fn started(&mut self, _: &Step) {
        self.bystander.take_longest();
    }

    fn retried(&mut self, _: &Step, _: &DatabaseError) {}

    fn finished(&mut self, outcome: &StepOutcome) {
        outcome.result.as_ref().unwrap();
        let name = format!("{} {}", outcome.step.verb(), outcome.step.subject().name.shown());
        let step = (name, self.bystander.take_longest(), outcome.took);
        self.steps.lock().unwrap().push(step);
    }
}

async fn apply(database: &Database, reader: Duration, lock_timeout: u64) {
    let settings = ConnectionSettings::from_url(&database.url()).unwrap();
    let session = Session::connect(&settings).await.unwrap();
    let options = Options {
        now: "2026-11-20T00:00:00Z".parse::<Timestamp>().unwrap(),
        patience: reader * 4,
        expect: Vec::new(),
    };
    let bystander = Bystander::start(database).await;
    let steps = Arc::new(Mutex::new(Vec::new()));
    let holder = idle_reader(database, reader).await;
    let mut progress = PerStep { bystander: &bystander, steps: steps.clone() };
    converge(&session, &desired(lock_timeout), &options, &mut progress).await.unwrap();
    holder.await.unwrap();
    bystander.stop().await;
    for (name, longest, took) in steps.lock().unwrap().iter() {
        println!("  {name:45} {longest:8.1}   (took {:.1} s)", took.as_secs_f64());
    }
}

fn desired(lock_timeout: u64) -> DesiredTable {
    let spec: PartitionedTableSpec = serde_json::from_value(serde_json::json!({
        "table": "revenues",
        "partitionBy": {"range": {"column": "occurred_at", "interval": "Month"}},
        "ahead": 1,
        "indexes": [{"name": "revenues_org", "columns": [{"column": "org_id"}]}],
        "limits": {"lockTimeout": format!("{lock_timeout}ms")},
    }))
    .unwrap();
    DesiredTable::parse(&spec).unwrap()
}

async fn partition_of(database: &Database, reader: Duration) {
    let client = database.client().await;
    let bystander = Bystander::start(database).await;
    let holder = idle_reader(database, reader).await;
    bystander.take_longest();
    client
        .batch_execute(
            "CREATE TABLE revenues_2027_01 PARTITION OF revenues \
             FOR VALUES FROM ('2027-01-01 00:00+00') TO ('2027-02-01 00:00+00')",
        )
        .await
        .unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
    let longest = bystander.take_longest();
    holder.await.unwrap();
    bystander.stop().await;
    println!("  {:45} {longest:8.1}", "CREATE TABLE … PARTITION OF, by hand");
}
