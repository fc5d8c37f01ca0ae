//! Waiting time of another client while partitions are created behind an idle reader, step by step, beside
//! `CREATE TABLE … PARTITION OF` in the same run.
//!
//! `cargo bench --bench stall`; seconds the reader stays, and lockTimeout in ms: `-- 5 1000`.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark prints and may panic")]

mod clients;
#[path = "../tests/support/mod.rs"]
mod support;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use clients::{Act, Bystander, Witness};
use pg_partition_operator::api::v1alpha1::PartitionedTableSpec;
use pg_partition_operator::converge::{Options, converge};
use pg_partition_operator::desired::DesiredTable;
use pg_partition_operator::plan::{Plan, PlanTime, Step};
use pg_partition_operator::postgres::{
    ConnectionSettings, DatabaseError, Progress, Session, StepOutcome,
};
use support::postgres::{Database, Server, majors};
use tokio::task::JoinHandle;

/// One table without a default partition, one with.
const SETUP: &str = "
    CREATE TABLE expenses (id bigint, org_id int, occurred_at timestamptz NOT NULL, amount numeric,
        PRIMARY KEY (id, occurred_at)) PARTITION BY RANGE (occurred_at);
    CREATE TABLE expenses_2026_11 PARTITION OF expenses
        FOR VALUES FROM ('2026-11-01 00:00+00') TO ('2026-12-01 00:00+00');
    INSERT INTO expenses SELECT i, i % 100, '2026-11-10 00:00+00', i FROM generate_series(1, 100000) i;
    CREATE TABLE revenues (id bigint, org_id int, occurred_at timestamptz NOT NULL, amount numeric,
        PRIMARY KEY (id, occurred_at)) PARTITION BY RANGE (occurred_at);
    CREATE TABLE revenues_2026_11 PARTITION OF revenues
        FOR VALUES FROM ('2026-11-01 00:00+00') TO ('2026-12-01 00:00+00');
    CREATE TABLE revenues_default PARTITION OF revenues DEFAULT;
    CREATE SEQUENCE ids START 1000000;
    INSERT INTO revenues SELECT i, i % 100, '2026-11-10 00:00+00', i FROM generate_series(1, 100000) i;
    INSERT INTO revenues SELECT i, i % 100, '2020-01-01 00:00+00', i FROM generate_series(1, 300000) i;
    ANALYZE;";

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
        for table in ["expenses", "revenues"] {
            apply(&database, table, reader, lock_timeout).await;
        }
        partition_of(&database, "expenses", reader).await;
        println!();
    }
}

/// Reads and writes every 10 ms.
async fn bystander(database: &Database, witness: &Witness, table: &str) -> Bystander {
    // It does not name the key, and so reads every partition, the default one too.
    let read = format!("SELECT count(*) FROM {table} WHERE id = 1");
    let write = format!("INSERT INTO {table} VALUES (nextval('ids'), 1, '2026-11-20 00:00Z', 1)");
    Bystander::start(database, witness, move || {
        let pause = Act::Sit(Duration::from_millis(10));
        vec![Act::Send(read.clone()), Act::Send(write.clone()), pause]
    })
    .await
}

/// A transaction that has read the table, and sits.
async fn idle_reader(database: &Database, table: &str, stays: Duration) -> JoinHandle<()> {
    let client = database.client().await;
    client.batch_execute(&format!("BEGIN; SELECT count(*) FROM {table}")).await.unwrap();
    tokio::spawn(async move {
        tokio::time::sleep(stays).await;
        client.batch_execute("COMMIT").await.unwrap();
    })
}

struct PerStep {
    witness: Witness,
    steps: Arc<Mutex<Vec<(String, f64, Duration)>>>,
}

impl Progress for PerStep {
    fn planned(&mut self, _: &Plan) {}

    fn started(&mut self, _: &Step) {
        self.witness.take_longest();
    }

    fn retried(&mut self, _: &Step, _: &DatabaseError) {}

    fn finished(&mut self, outcome: &StepOutcome) {
        outcome.result.as_ref().unwrap();
        let name = format!("{} {}", outcome.step.verb(), outcome.step.subject().name.display());
        let step = (name, self.witness.take_longest(), outcome.took);
        self.steps.lock().unwrap().push(step);
    }
}

async fn apply(database: &Database, table: &str, reader: Duration, lock_timeout: u64) {
    let settings = ConnectionSettings::from_url(&database.url()).unwrap();
    let session = Session::connect(&settings).await.unwrap();
    let options = Options::new(PlanTime::at("2026-11-20T00:00:00Z".parse().unwrap()), reader * 4);
    let witness = Witness::default();
    let bystander = bystander(database, &witness, table).await;
    let steps = Arc::new(Mutex::new(Vec::new()));
    let holder = idle_reader(database, table, reader).await;
    let mut progress = PerStep { witness: witness.clone(), steps: steps.clone() };
    converge(&session, &desired(table, lock_timeout), &options, &mut progress).await.unwrap();
    holder.await.unwrap();
    bystander.stop().await;
    assert_eq!(witness.errors(), Vec::<String>::new());
    for (name, longest, took) in steps.lock().unwrap().iter() {
        println!("  {name:45} {longest:8.1}   (took {:.1} s)", took.as_secs_f64());
    }
}

fn desired(table: &str, lock_timeout: u64) -> DesiredTable {
    let spec: PartitionedTableSpec = serde_json::from_value(serde_json::json!({
        "table": table,
        "partitionBy": {"range": {"column": "occurred_at", "interval": "Month"}},
        "ahead": 1,
        "indexes": [{"name": format!("{table}_org"), "columns": [{"column": "org_id"}]}],
        "limits": {"lockTimeout": format!("{lock_timeout}ms")},
    }))
    .unwrap();
    DesiredTable::parse(&spec).unwrap()
}

async fn partition_of(database: &Database, table: &str, reader: Duration) {
    let client = database.client().await;
    let witness = Witness::default();
    let bystander = bystander(database, &witness, table).await;
    let holder = idle_reader(database, table, reader).await;
    witness.take_longest();
    client
        .batch_execute(&format!(
            "CREATE TABLE {table}_2027_01 PARTITION OF {table} \
             FOR VALUES FROM ('2027-01-01 00:00+00') TO ('2027-02-01 00:00+00')"
        ))
        .await
        .unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
    let longest = witness.take_longest();
    holder.await.unwrap();
    bystander.stop().await;
    assert_eq!(witness.errors(), Vec::<String>::new());
    println!("  {:45} {longest:8.1}", "CREATE TABLE … PARTITION OF, by hand");
}
