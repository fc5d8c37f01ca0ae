//! Cost of inspections of tables without pending steps, for each table: by itself, in a set with one statement, and the digest
//! alone; beside `pg-partsmith plan` on the same database.
//!
//! `cargo bench --bench reconcile`; tables and partitions: `-- 500 36`. `-- looks` omits `pg-partsmith`, and measures also a
//! query that sums the `xmin` of the catalog rows (docs/adr/0015).

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark prints and may panic")]

#[path = "../tests/support/mod.rs"]
mod support;

use std::fmt::Write as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use jiff::ToSpan as _;
use jiff::civil::{Date, date};
use pg_partition_operator::api::v1alpha1::PartitionedTableSpec;
use pg_partition_operator::converge::{Look, LookDigest, digests, look_at_all, observe_and_plan};
use pg_partition_operator::desired::DesiredTable;
use pg_partition_operator::plan::{Plan, PlanTime};
use pg_partition_operator::postgres::{ConnectionSettings, Session};
use support::postgres::{Database, Server};
use tokio_postgres::Client;

/// First month of the partitions, so that no step is pending.
const FIRST: Date = date(2024, 1, 1);

/// Repetitions of each kind of inspection.
const REPEATS: u32 = 5;

/// Sums of the `xmin` of the catalog rows of a table and its partitions, as an alternative to the digest.
const XMIN: &str = "SELECT asked.name, sums.* FROM unnest($1::text[]) AS asked (name) CROSS JOIN LATERAL (
    WITH relations AS (
        SELECT c.oid, c.xmin FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = 'public' AND c.relname = asked.name::name
        UNION ALL
        SELECT c.oid, c.xmin FROM pg_class p JOIN pg_namespace n ON n.oid = p.relnamespace
        JOIN pg_inherits i ON i.inhparent = p.oid JOIN pg_class c ON c.oid = i.inhrelid
        WHERE n.nspname = 'public' AND p.relname = asked.name::name
    )
    SELECT sum(xmin::text::bigint) + count(*),
        (SELECT sum(x.xmin::text::bigint) + sum(c.xmin::text::bigint) FROM relations r
            JOIN pg_index x ON x.indrelid = r.oid JOIN pg_class c ON c.oid = x.indexrelid),
        (SELECT sum(i.xmin::text::bigint) FROM relations r JOIN pg_inherits i ON i.inhrelid = r.oid),
        (SELECT sum(a.xmin::text::bigint) FROM relations r JOIN pg_attribute a ON a.attrelid = r.oid AND a.attnum > 0),
        (SELECT sum(c.xmin::text::bigint) FROM relations r JOIN pg_constraint c ON c.conrelid = r.oid),
        (SELECT sum(g.xmin::text::bigint) FROM relations r JOIN pg_trigger g ON g.tgrelid = r.oid),
        (SELECT sum(d.xmin::text::bigint) FROM relations r JOIN pg_description d
            ON d.objoid = r.oid AND d.classoid = 'pg_class'::regclass)
    FROM relations
) AS sums (relations, indexes, inherits, attributes, constraints, triggers, comments)";

#[tokio::main]
async fn main() {
    let sizes: Vec<usize> = std::env::args().filter_map(|a| a.parse().ok()).collect();
    let (tables, partitions) = (*sizes.first().unwrap_or(&500), *sizes.get(1).unwrap_or(&36));
    let only_looks = std::env::args().any(|argument| argument == "looks");
    let server = Server::start(
        Server::DEFAULT_MAJOR,
        &["-c", "shared_preload_libraries=pg_stat_statements"],
    );
    let database = server.database().await;
    let client = database.client().await;
    client.batch_execute("CREATE EXTENSION pg_stat_statements").await.unwrap();
    fill(&client, tables, partitions).await;
    println!("{tables} tables of {partitions} partitions, nothing to do\n");
    println!("{:26} {:>12} {:>12} {:>14}", "a table", "statements", "ms", "of them in db");
    let theirs = if only_looks {
        xmin(&client, tables).await;
        None
    } else {
        Some(partsmith(&database, &client, tables, partitions).await)
    };
    let mut operator = Operator::new(&database, &client, tables, partitions).await;
    let looks = [
        ("each by itself", operator.each_by_itself().await),
        ("in a set", operator.in_a_set().await),
        ("digests of a set", operator.digests().await),
    ];
    println!();
    for (name, look) in looks {
        let trips = look.round_trips;
        print!("{name}: {trips} round trips for {tables} tables");
        let factor = theirs.map(|theirs| theirs.as_secs_f64() / look.took.as_secs_f64());
        println!("{}", factor.map(|f| format!(", {f:.0} times as fast")).unwrap_or_default());
    }
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
    println!("{name:26} {statements:12.3} {:12.2} {:14.2}", each(took), each(in_db));
}

/// The operator with one session, and what it inspects.
struct Operator<'a> {
    session: Session,
    client: &'a Client,
    tables: Vec<(DesiredTable, PlanTime)>,
    /// Digests of the last set.
    found: Vec<LookDigest>,
}

/// Cost of inspecting all tables once.
struct Cost {
    took: Duration,
    round_trips: u64,
}

impl<'a> Operator<'a> {
    async fn new(
        database: &Database,
        client: &'a Client,
        tables: usize,
        partitions: usize,
    ) -> Self {
        let settings = ConnectionSettings::from_url(&database.url()).unwrap();
        let session = Session::connect(&settings).await.unwrap();
        let now = month(partitions - 4).at(0, 0, 0, 0).in_tz("UTC").unwrap().timestamp();
        let tables = (0..tables).map(|table| (desired(table), PlanTime::at(now))).collect();
        Self { session, client, tables, found: Vec::new() }
    }

    async fn each_by_itself(&mut self) -> Cost {
        self.measure("each by itself", async |operator| {
            for (table, time) in &operator.tables {
                let (_, plan) = observe_and_plan(&operator.session, table, time).await.unwrap();
                assert_quiet(&plan);
            }
        })
        .await
    }

    async fn in_a_set(&mut self) -> Cost {
        self.measure("in a set", async |operator| {
            let mut found = Vec::new();
            let mut record = |_: usize, look: Look| {
                let Look::Planned(planned) = look else { panic!("not planned") };
                assert_quiet(&planned.plan);
                found.push(planned.digest);
            };
            look_at_all(&operator.session, &operator.tables, &mut record).await.unwrap();
            operator.found = found;
        })
        .await
    }

    async fn digests(&mut self) -> Cost {
        self.measure("digests of a set", async |operator| {
            let tables: Vec<_> = operator.tables.iter().map(|(table, _)| &table.name).collect();
            let read = digests(&operator.session, &tables).await.unwrap();
            assert!(
                read.iter().eq(operator
                    .found
                    .iter()
                    .map(|digest| Some(*digest))
                    .collect::<Vec<_>>()
                    .iter())
            );
        })
        .await
    }

    /// Measures the mean of several repetitions. The first one, which prepares the statement, does not count.
    async fn measure(&mut self, name: &str, inspect: impl AsyncFn(&mut Self)) -> Cost {
        inspect(self).await;
        counted(self.client).await;
        let (before, started) = (self.session.round_trips(), Instant::now());
        for _ in 0..REPEATS {
            inspect(self).await;
        }
        let took = started.elapsed() / REPEATS;
        let (statements, in_db) = counted(self.client).await;
        let statements = statements / i64::from(REPEATS);
        print(name, self.tables.len(), statements, took, in_db / REPEATS);
        let round_trips = (self.session.round_trips() - before) / u64::from(REPEATS);
        Cost { took, round_trips }
    }
}

fn assert_quiet(plan: &Plan) {
    assert!(plan.steps.is_empty() && plan.deferred.is_empty(), "{plan}");
}

/// Measures the alternative to the digest.
async fn xmin(client: &Client, tables: usize) {
    let names: Vec<_> = (0..tables).map(|table| format!("t{table}")).collect();
    client.batch_execute("SET plan_cache_mode = force_generic_plan").await.unwrap();
    let statement = client.prepare(XMIN).await.unwrap();
    client.query(&statement, &[&names]).await.unwrap();
    counted(client).await;
    let started = Instant::now();
    for _ in 0..REPEATS {
        assert_eq!(client.query(&statement, &[&names]).await.unwrap().len(), tables);
    }
    let took = started.elapsed() / REPEATS;
    let (statements, in_db) = counted(client).await;
    let statements = statements / i64::from(REPEATS);
    print("sums of xmin", tables, statements, took, in_db / REPEATS);
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
