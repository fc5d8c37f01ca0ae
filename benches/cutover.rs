//! Waiting time of a client that reads and writes every 5 ms while a converted table is swapped with its copy and back,
//! beside the same with two manual renames and with the statements of `pgslice swap`.
//!
//! `cargo bench --bench cutover`; milliseconds that an idle reader holds the table meanwhile, and turns: `-- 2000 4`.
//! `PGPARTITION_TEST_MAJORS=15` runs on this major only. All ways take turns on one server.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark prints and may panic")]

mod clients;
#[path = "../tests/support/mod.rs"]
mod support;

use std::time::{Duration, Instant};

use clients::{Act, Bystander, Witness};
use pg_partition_operator::api::v1alpha1::PartitionedTableSpec;
use pg_partition_operator::converge::{Options, converge};
use pg_partition_operator::desired::DesiredTable;
use pg_partition_operator::plan::{Plan, PlanTime, Step};
use pg_partition_operator::postgres::{
    ConnectionSettings, DatabaseError, Progress, Session, StepOutcome,
};
use support::postgres::{Database, NEWEST_MAJOR, Server, majors};
use tokio::task::JoinHandle;

/// A table, and by hand the same with a partitioned copy.
const SETUP: &str = "
    CREATE SCHEMA pgpartition;
    CREATE TABLE orders (id bigint PRIMARY KEY, org_id int NOT NULL, amount numeric);
    INSERT INTO orders SELECT n, n % 300, n FROM generate_series(1, 50000) AS n;
    CREATE TABLE by_hand (LIKE orders INCLUDING ALL);
    CREATE TABLE by_hand_intermediate (LIKE orders, PRIMARY KEY (id, org_id)) PARTITION BY HASH (org_id);
    DO $$ BEGIN FOR n IN 0..15 LOOP EXECUTE format('CREATE TABLE by_hand_%s PARTITION OF by_hand_intermediate
        FOR VALUES WITH (MODULUS 16, REMAINDER %s)', n, n); END LOOP; END $$;
    CREATE SEQUENCE ids START 1000000;
    ANALYZE;";

/// Two renames, and back.
const RENAMES: [&str; 2] = [
    "BEGIN; ALTER TABLE by_hand RENAME TO by_hand_old; ALTER TABLE by_hand_intermediate RENAME TO by_hand; COMMIT",
    "BEGIN; ALTER TABLE by_hand RENAME TO by_hand_intermediate; ALTER TABLE by_hand_old RENAME TO by_hand; COMMIT",
];

/// `pgslice swap` and `pgslice unswap` of a table without a sequence.
const PGSLICE: [&str; 2] = [
    "BEGIN; SET LOCAL lock_timeout = '5s'; ALTER TABLE by_hand RENAME TO by_hand_retired; \
     ALTER TABLE by_hand_intermediate RENAME TO by_hand; COMMIT",
    "BEGIN; SET LOCAL lock_timeout = '5s'; ALTER TABLE by_hand RENAME TO by_hand_intermediate; \
     ALTER TABLE by_hand_retired RENAME TO by_hand; COMMIT",
];

#[tokio::main]
async fn main() {
    let numbers: Vec<u64> = std::env::args().filter_map(|a| a.parse().ok()).collect();
    let reader = Duration::from_millis(*numbers.first().unwrap_or(&2_000));
    let turns = usize::try_from(*numbers.get(1).unwrap_or(&4)).unwrap();
    println!("longest wait of a client that reads and writes every 5 ms, ms");
    let majors = match std::env::var("PGPARTITION_TEST_MAJORS") {
        Ok(_) => majors(),
        Err(_) => vec![15, NEWEST_MAJOR],
    };
    for major in majors {
        let database = Server::shared(major).database().await;
        database.client().await.batch_execute(SETUP).await.unwrap();
        converge_to(&database, "Source").await;
        for holds in [Duration::ZERO, reader] {
            println!(
                "\nPostgres {major}, an idle reader holds the table for {} ms",
                holds.as_millis()
            );
            for turn in 0..turns {
                let side = ["Partitioned", "Source"][turn % 2];
                Box::pin(operator(&database, side, holds)).await;
                by_hand(&database, "two renames", RENAMES[turn % 2], holds).await;
            }
            for turn in 0..turns {
                by_hand(&database, "pgslice", PGSLICE[turn % 2], holds).await;
            }
        }
    }
}

fn print(what: &str, longest: f64, took: Duration) {
    println!("  {what:45} {longest:8.1}   (took {:.2} s)", took.as_secs_f64());
}

/// Reads and writes every 5 ms.
async fn client(database: &Database, witness: &Witness, table: &str) -> Bystander {
    let read = format!("SELECT count(*) FROM {table} WHERE id = 1");
    let write = format!("INSERT INTO {table} VALUES (nextval('ids'), 1, 1)");
    Bystander::start(database, witness, move || {
        let pause = Act::Sit(Duration::from_millis(5));
        vec![Act::Send(read.clone()), Act::Send(write.clone()), pause]
    })
    .await
}

/// A transaction that has read the table, and sits.
async fn idle_reader(database: &Database, table: &str, holds: Duration) -> JoinHandle<()> {
    let client = database.client().await;
    client.batch_execute(&format!("BEGIN; SELECT count(*) FROM {table}")).await.unwrap();
    tokio::spawn(async move {
        tokio::time::sleep(holds).await;
        client.batch_execute("COMMIT").await.unwrap();
    })
}

async fn operator(database: &Database, side: &str, holds: Duration) {
    let witness = Witness::default();
    let client = client(database, &witness, "orders").await;
    let reader = idle_reader(database, "orders", holds).await;
    let took = converge_to(database, side).await;
    reader.await.unwrap();
    client.stop().await;
    assert_eq!(witness.errors(), Vec::<String>::new());
    print(&format!("operator, serveFrom: {side}"), witness.take_longest(), took);
}

async fn by_hand(database: &Database, what: &str, statements: &str, holds: Duration) {
    let witness = Witness::default();
    let client = client(database, &witness, "by_hand").await;
    let reader = idle_reader(database, "by_hand", holds).await;
    let started = Instant::now();
    database.client().await.batch_execute(statements).await.unwrap();
    let took = started.elapsed();
    reader.await.unwrap();
    client.stop().await;
    assert_eq!(witness.errors(), Vec::<String>::new());
    print(what, witness.take_longest(), took);
}

/// Converts the table until this side serves, and returns how long the run took.
async fn converge_to(database: &Database, side: &str) -> Duration {
    let settings = ConnectionSettings::from_url(&database.url()).unwrap();
    let session = Session::connect(&settings).await.unwrap();
    let spec: PartitionedTableSpec = serde_json::from_value(serde_json::json!({
        "table": "orders",
        "partitionBy": {"hash": {"columns": ["org_id"], "partitions": 16}},
        "conversion": {"method": "Copy", "serveFrom": side, "acknowledge": ["UniqueKey:orders_pkey"]},
    }))
    .unwrap();
    let desired = DesiredTable::parse(&spec).unwrap();
    let time = PlanTime::at("2026-03-15T12:00:00Z".parse().unwrap());
    let options = Options::new(time, Duration::from_mins(1));
    let started = Instant::now();
    let done = converge(&session, &desired, &options, &mut Unshown).await.unwrap();
    assert!(done.remaining.is_done(), "{}", done.remaining);
    started.elapsed()
}

struct Unshown;

impl Progress for Unshown {
    fn planned(&mut self, _: &Plan) {}

    fn started(&mut self, _: &Step) {}

    fn retried(&mut self, _: &Step, _: &DatabaseError) {}

    fn finished(&mut self, outcome: &StepOutcome) {
        outcome.result.as_ref().unwrap();
    }
}
