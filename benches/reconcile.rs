//! Cost of a reconcile without pending steps, beside `pg-partsmith plan` on the same database.
//!
//! `cargo bench --bench reconcile`; tables and partitions: `-- 500 36`.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark prints and may panic")]

#[path = "../tests/support/mod.rs"]
mod support;

use std::fmt::Write as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use jiff::civil::{Date, date};
use jiff::{Timestamp, ToSpan as _};
use pg_partition_operator::api::v1alpha1::PartitionedTableSpec;
use pg_partition_operator::converge::observe_and_plan;
use pg_partition_operator::desired::DesiredTable;
use pg_partition_operator::plan::PlanTime;
use pg_partition_operator::postgres::{ConnectionSettings, Session};
use support::postgres::{Database, Server};
use tokio_postgres::Client;

/// First month of the partitions, so that no step is pending.
const FIRST: Date = date(2024, 1, 1);

#[tokio::main]
async fn main() {
    let sizes: Vec<usize> = std::env::args().filter_map(|a| a.parse().ok()).collect();
    let (tables, partitions) = (*sizes.first().unwrap_or(&500), *sizes.get(1).unwrap_or(&36));
    let server = Server::start(
        Server::DEFAULT_MAJOR,
        &["-c", "shared_preload_libraries=pg_stat_statements"],
    );
    let database = server.database().await;
    let client = database.client().await;
    client.batch_execute("CREATE EXTENSION pg_stat_statements").await.unwrap();
    fill(&client, tables, partitions).await;
    println!("{tables} tables of {partitions} partitions, nothing to do\n");
    println!("{:22} {:>12} {:>12} {:>14}", "a table", "statements", "ms", "of them in db");
    let theirs = partsmith(&database, &client, tables, partitions).await;
    let ours = operator(&database, &client, tables, partitions).await;
    println!("\n{:.0} times as fast", theirs.as_secs_f64() / ours.as_secs_f64());
}

fn month(number: usize) -> Date {
    FIRST.checked_add(i64::try_from(number).unwrap().months()).unwrap()
}

async fn fill(client: &Client, tables: usize, partitions: usize) {
    for table in 0..tables {
        let mut sql = format!(
            "CREATE TABLE t{table} (id bigint, occurred_at timestamptz NOT NULL, amount numeric, \
             PRIMARY KEY (id, occurred_at)) PARTITION BY RANGE (occurred_at);"
        );
        for number in 0..partitions {
            let (from, to) = (month(number), month(number + 1));
            let name = format!("t{table}_{}", from.strftime("%Y_%m"));
            write!(
                sql,
                "CREATE TABLE {name} PARTITION OF t{table} \
                 FOR VALUES FROM ('{from} 00:00+00') TO ('{to} 00:00+00');"
            )
            .unwrap();
        }
        client.batch_execute(&sql).await.unwrap();
    }
    client.batch_execute("VACUUM ANALYZE").await.unwrap();
}

/// Statements and their time since the last call, as the server counted them.
async fn counted(client: &Client) -> (i64, Duration) {
    let sum = "SELECT coalesce(sum(calls), 0)::int8, coalesce(sum(total_exec_time), 0)::float8 \
               FROM pg_stat_statements WHERE query NOT LIKE '%pg_stat_statements%'";
    let row = client.query_one(sum, &[]).await.unwrap();
    client.batch_execute("SELECT pg_stat_statements_reset()").await.unwrap();
    (row.get(0), Duration::from_secs_f64(row.get::<_, f64>(1) / 1000.0))
}

fn print(name: &str, tables: usize, statements: i64, took: Duration, in_db: Duration) {
    let each = |d: Duration| d.as_secs_f64() * 1000.0 / f64::from(u32::try_from(tables).unwrap());
    let statements =
        f64::from(i32::try_from(statements).unwrap()) / f64::from(u32::try_from(tables).unwrap());
    println!("{name:22} {statements:12.1} {:12.2} {:14.2}", each(took), each(in_db));
}

async fn operator(
    database: &Database,
    client: &Client,
    tables: usize,
    partitions: usize,
) -> Duration {
    let settings = ConnectionSettings::from_url(&database.url()).unwrap();
    let session = Session::connect(&settings).await.unwrap();
    let now = month(partitions - 4).at(0, 0, 0, 0).in_tz("UTC").unwrap().timestamp();
    let desired: Vec<_> = (0..tables).map(desired).collect();
    // The first inspection prepares the statement.
    reconcile(&session, &desired[0], now).await;
    counted(client).await;
    let before = session.round_trips();
    let started = Instant::now();
    for table in &desired {
        reconcile(&session, table, now).await;
    }
    let took = started.elapsed();
    let (statements, in_db) = counted(client).await;
    print("pg-partition-operator", tables, statements, took, in_db);
    let round_trips = session.round_trips() - before;
    println!("round trips: {round_trips} for {tables} tables");
    took
}

async fn reconcile(session: &Session, table: &DesiredTable, now: Timestamp) {
    let (_, plan) = observe_and_plan(session, table, &PlanTime::at(now)).await.unwrap();
    assert!(plan.steps.is_empty() && plan.deferred.is_empty(), "{plan}");
}

fn desired(table: usize) -> DesiredTable {
    let spec: PartitionedTableSpec = serde_json::from_value(serde_json::json!({
        "table": format!("t{table}"),
        "partitionBy": {"range": {"column": "occurred_at", "interval": "Month"}},
    }))
    .unwrap();
    DesiredTable::parse(&spec).unwrap()
}

async fn partsmith(
    database: &Database,
    client: &Client,
    tables: usize,
    partitions: usize,
) -> Duration {
    let program = support::tool("pg-partsmith", "PGPARTITION_PARTSMITH");
    let mut config = "version: 1\ntables:\n".to_owned();
    for table in 0..tables {
        writeln!(
            config,
            "- {{schema_name: public, table_name: t{table}, partition_type: range, \
             partition_strategy: time_based, partition_column: occurred_at, granularity: month, \
             create_ahead_count: 1, retention_count: {partitions}}}"
        )
        .unwrap();
    }
    let file = tempfile::Builder::new().suffix(".yaml").tempfile().unwrap();
    std::fs::write(file.path(), config).unwrap();
    counted(client).await;
    let started = Instant::now();
    let status = Command::new(program)
        .args(["plan", "--dsn", &database.url(), "-c"])
        .arg(file.path())
        .stdout(Stdio::null())
        .status()
        .unwrap();
    let took = started.elapsed();
    assert!(status.success(), "pg-partsmith: {status}");
    let (statements, in_db) = counted(client).await;
    print("pg-partsmith plan", tables, statements, took, in_db);
    took
}
