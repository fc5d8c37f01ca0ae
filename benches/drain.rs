//! Duration of draining rows from a default partition, beside the planner's estimate, and beside a plain
//! `WITH d AS (DELETE … RETURNING *) INSERT`.
//!
//! `cargo bench --bench drain`; `PGPARTITION_TEST_MAJORS=15` runs this major only.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark prints and may panic")]

#[path = "../tests/support/mod.rs"]
mod support;

use std::time::{Duration, Instant};

use pg_partition_operator::api::v1alpha1::PartitionedTableSpec;
use pg_partition_operator::converge::{Options, converge, observe_and_plan};
use pg_partition_operator::desired::DesiredTable;
use pg_partition_operator::plan::{Blocker, DefaultBlocker, Plan, PlanTime, Step};
use pg_partition_operator::postgres::{
    ConnectionSettings, DatabaseError, Progress, Session, StepOutcome,
};
use support::postgres::{Database, Server, majors};
use tokio_postgres::Client;

/// Rows to move.
const ROWS: [u32; 3] = [1_000, 10_000, 50_000];

/// Rows that stay, of about 200 bytes each.
const OTHERS: [u32; 3] = [0, 100_000, 500_000];

/// Each figure is the median of so many.
const TIMES: usize = 3;

const SETUP: &str = "
    DROP TABLE IF EXISTS payments;
    CREATE TABLE payments (id bigint, org_id int, occurred_at timestamptz NOT NULL, amount numeric,
        note text, PRIMARY KEY (id, occurred_at)) PARTITION BY RANGE (occurred_at);
    CREATE INDEX ON payments (org_id, occurred_at);
    CREATE INDEX ON payments (amount);
    CREATE TABLE payments_default PARTITION OF payments DEFAULT;";

#[tokio::main]
async fn main() {
    println!(
        "a drain of a default partition, with a primary key and two indexes; medians of {TIMES}"
    );
    for major in majors() {
        let database = Server::shared(major).database().await;
        println!("\nPostgres {major}");
        println!(
            "{:>8} {:>12} {:>12} {:>12} {:>16}",
            "rows", "default MB", "took ms", "planned ms", "plain move ms"
        );
        let mut cases = Vec::new();
        let client = database.client().await;
        for others in OTHERS {
            client.batch_execute(&setup(others)).await.unwrap();
            for rows in ROWS {
                let case = Box::pin(Case::measured(&database, &client, rows)).await;
                case.print();
                cases.push(case);
            }
        }
        summarize(&cases);
    }
}

/// Duration of one drain in milliseconds.
struct Case {
    rows: u32,
    bytes: u32,
    took: f64,
    planned: f64,
    plain: f64,
}

impl Case {
    async fn measured(database: &Database, client: &Client, rows: u32) -> Self {
        let (mut took, mut plain, mut planned, mut bytes) = (Vec::new(), Vec::new(), 0.0, 0);
        for _ in 0..TIMES {
            insert(client, rows).await;
            bytes = bytes_of_default(client).await;
            let this = drain(database).await;
            planned = this.0;
            took.push(this.1);
            drop_partition(client).await;
            insert(client, rows).await;
            plain.push(move_by_hand(client).await);
        }
        Self { rows, bytes, took: median(took), planned, plain: median(plain) }
    }

    fn print(&self) {
        let Self { rows, bytes, took, planned, plain } = self;
        let megabytes = bytes / 1_000_000;
        println!("{rows:8} {megabytes:12} {took:12.1} {planned:12.0} {plain:16.1}");
    }
}

/// A default partition with rows that belong nowhere.
fn setup(others: u32) -> String {
    format!(
        "{SETUP} INSERT INTO payments SELECT i, i % 100, '2020-01-01 00:00Z', i * 0.01, \
         repeat('x', 130) FROM generate_series(1, {others}) i"
    )
}

/// Adds January's rows, which have no partition.
async fn insert(client: &Client, rows: u32) {
    let insert = format!(
        "INSERT INTO payments SELECT 1000000 + i, i % 100, \
         '2026-01-02 00:00Z'::timestamptz + i * interval '10 s', i * 0.01, repeat('x', 130) \
         FROM generate_series(1, {rows}) i"
    );
    client.batch_execute(&insert).await.unwrap();
    client.batch_execute("VACUUM ANALYZE payments").await.unwrap();
}

async fn bytes_of_default(client: &Client) -> u32 {
    let size = "SELECT pg_relation_size('payments_default')::int4";
    client.query_one(size, &[]).await.unwrap().get::<_, i32>(0).unsigned_abs()
}

/// Removes the objects that a drain created.
async fn drop_partition(client: &Client) {
    let partition = "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = \
                     'payments'::regclass AND inhrelid <> 'payments_default'::regclass";
    let partition: String = client.query_one(partition, &[]).await.unwrap().get(0);
    client.batch_execute(&format!("DROP TABLE {partition}")).await.unwrap();
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

/// Returns the estimate of the plan and the measured duration, in milliseconds.
async fn drain(database: &Database) -> (f64, f64) {
    let settings = ConnectionSettings::from_url(&database.url()).unwrap();
    let session = Session::connect(&settings).await.unwrap();
    let time = PlanTime::at("2026-01-15T00:00:00Z".parse().unwrap());
    let (_, plan) = observe_and_plan(&session, &desired("10ms"), &time).await.unwrap();
    let planned = plan.deferred.iter().find_map(|held| {
        let Blocker::Default(DefaultBlocker::DrainTooLong { millis, .. }) = held.blocker else {
            return None;
        };
        Some(millis)
    });
    let options = Options::new(time, Duration::ZERO);
    let mut drained = Drained(None);
    converge(&session, &desired("60s"), &options, &mut drained).await.unwrap();
    let planned = planned.expect("10 ms are too little for any of these");
    (f64::from(u32::try_from(planned).unwrap()), milliseconds(drained.0.unwrap()))
}

fn desired(lock_timeout: &str) -> DesiredTable {
    let spec: PartitionedTableSpec = serde_json::from_value(serde_json::json!({
        "table": "payments",
        "partitionBy": {"range": {"column": "occurred_at", "interval": "Month"}},
        "ahead": 0,
        "defaultPartition": "Present",
        "limits": {"lockTimeout": lock_timeout},
    }))
    .unwrap();
    DesiredTable::parse(&spec).unwrap()
}

/// Duration of the drain, or `None` before its end.
struct Drained(Option<Duration>);

impl Progress for Drained {
    fn planned(&mut self, _: &Plan) {}

    fn started(&mut self, _: &Step) {}

    fn retried(&mut self, _: &Step, _: &DatabaseError) {}

    fn finished(&mut self, outcome: &StepOutcome) {
        outcome.result.as_ref().unwrap();
        if matches!(outcome.step, Step::DrainDefault(_)) {
            self.0 = Some(outcome.took);
        }
    }
}

/// The rows moved by hand, to a table with the same indexes.
async fn move_by_hand(client: &Client) -> f64 {
    client.batch_execute("CREATE TABLE moved (LIKE payments INCLUDING ALL)").await.unwrap();
    let started = Instant::now();
    let moving = "WITH d AS (DELETE FROM payments_default WHERE occurred_at >= '2026-01-01 00:00Z' \
                  AND occurred_at < '2026-02-01 00:00Z' RETURNING *) INSERT INTO moved SELECT * FROM d";
    client.batch_execute(moving).await.unwrap();
    let took = milliseconds(started.elapsed());
    client.batch_execute("DROP TABLE moved").await.unwrap();
    took
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

/// Prints the cost of a drained row and of a row that is only read, as measured and as estimated.
fn summarize(cases: &[Case]) {
    let (few, many, large) = (&cases[0], &cases[ROWS.len() - 1], &cases[cases.len() - ROWS.len()]);
    let row = |took: fn(&Case) -> f64| {
        (took(many) - took(few)) * 1000.0 / f64::from(many.rows - few.rows)
    };
    // It is read twice: to find the rows, and by Postgres, to see that none is left.
    let read = |took: fn(&Case) -> f64| {
        2.0 * f64::from(large.bytes - few.bytes) / (took(large) - took(few))
    };
    println!("µs a row: {:.1}, planned {:.1}", row(|c| c.took), row(|c| c.planned));
    println!("bytes a ms: {:.0}, planned {:.0}", read(|c| c.took), read(|c| c.planned));
}
