//! The turn of a month: all tables of 20 databases are due at one instant.
//!
//! Half of the tables lack a month ahead, the other half have an expired partition, and one table of each database has
//! no partition after the current period, which ends within half an hour.

use std::time::{Duration, Instant};

use jiff::{Timestamp, ToSpan as _, Zoned};
use serde_json::{Value, json};
use tokio_postgres::Client;

use crate::support::kube::Cluster;
use crate::support::postgres::Server;
use crate::{AHEAD, DEADLINE, Fleet, databases, process, ready, resources};

const DATABASES: usize = 20;

/// Time from now until the tables are due, for each table and in all.
const LEAD: (Duration, Duration) = (Duration::from_millis(60), Duration::from_mins(2));

/// Pause between two looks at the databases.
const POLL_INTERVAL: Duration = Duration::from_millis(500);

/// Name of the table of each database whose coverage ends first.
const URGENT: &str = "urgent";

/// Minutes by which the hours of a time zone begin after those of UTC, and such a time zone.
const ZONES: [(i64, &str); 2] = [(0, "UTC"), (30, "Asia/Kolkata")];

/// Progress of all databases at one time.
#[derive(Default)]
struct Progress {
    urgent: usize,
    created: usize,
    detached: usize,
    sessions: i64,
}

pub(crate) async fn run(tables: usize, partitions: usize) {
    let server = Server::of_default_major();
    let each = tables.div_ceil(DATABASES);
    // One month less than the spec asks for.
    let filled = databases::filled(server, DATABASES, each, (partitions, AHEAD - 1)).await;
    let mut clients = Vec::new();
    for database in &filled {
        clients.push(database.client().await);
    }
    let cluster = Cluster::shared();
    let namespace = cluster.namespace();
    let lead = LEAD.1 + LEAD.0 * u32::try_from(tables).unwrap();
    let due = next_minute(Timestamp::now() + lead);
    let zone = zone(due);
    for client in &clients {
        client.batch_execute(&urgent_table(zone)).await.unwrap();
    }
    let of_databases = (0..DATABASES).flat_map(|database| {
        let monthly = (0..each).map(move |table| resource(database, table, each, partitions, due));
        monthly.chain([urgent_resource(database, due, zone)])
    });
    resources::create(cluster, &namespace, &filled, of_databases).await;
    let all = (each + 1) * DATABASES;
    println!("{all} tables in {DATABASES} databases on one server, due at one instant\n");
    let operator = Fleet { namespace, tables: all }.start(cluster);
    while ready(operator.port) < all {
        assert!(Timestamp::now() < due, "{} tables are Ready: raise LEAD", ready(operator.port));
        tokio::time::sleep(POLL_INTERVAL).await;
    }
    let before = process::cpu(operator.pid());
    let requests = requests(cluster);
    let transactions = transactions(&clients[0]).await;
    let until = Duration::try_from(due.duration_since(Timestamp::now())).unwrap_or_default();
    tokio::time::sleep(until).await;
    let took = watch(&clients, each).await;
    let cpu = process::cpu(operator.pid()).saturating_sub(before);
    println!("processor time of the operator  {:7.1} s", cpu.as_secs_f64());
    println!(
        "memory at most                  {:7.1} MiB",
        process::memory(operator.pid(), "VmHWM")
    );
    let of_database = self::transactions(&clients[0]).await - transactions;
    println!(
        "transactions per second         {:7.1} in each database",
        of_database as f64 / DATABASES as f64 / took.as_secs_f64()
    );
    // The last statuses follow the last steps.
    tokio::time::sleep(Duration::from_secs(5)).await;
    let sent = self::requests(cluster) - requests;
    println!("requests to the API server      {:7.1} for each table", sent / all as f64);
    operator.end().await;
}

/// Waits until all is done, and prints when each kind of work was.
async fn watch(clients: &[Client], each: usize) -> Duration {
    let started = Instant::now();
    let (mut urgent, mut created, mut detached) = (None, None, None);
    let (mut most, mut urgent_first) = (0, None);
    while urgent.is_none() || created.is_none() || detached.is_none() {
        assert!(started.elapsed() < DEADLINE, "not done after {DEADLINE:?}");
        let progress = progress(clients).await;
        most = most.max(progress.sessions);
        let done = |at: &mut Option<Duration>, count: usize, of: usize| {
            if count >= of && at.is_none() {
                *at = Some(started.elapsed());
            }
        };
        done(&mut urgent_first, progress.urgent, 1);
        done(&mut urgent, progress.urgent, clients.len());
        done(&mut created, progress.created, each / 2 * clients.len());
        done(&mut detached, progress.detached, (each - each / 2) * clients.len());
        tokio::time::sleep(POLL_INTERVAL).await;
    }
    let seconds = |at: Option<Duration>| at.unwrap_or_default().as_secs_f64();
    println!("first urgent table done after   {:7.1} s", seconds(urgent_first));
    println!("last urgent table done after    {:7.1} s", seconds(urgent));
    println!("last month ahead created after  {:7.1} s", seconds(created));
    println!("last partition detached after   {:7.1} s", seconds(detached));
    println!("sessions at most                {most:7}");
    started.elapsed()
}

/// Reads the catalogs of all databases.
async fn progress(clients: &[Client]) -> Progress {
    let month = |months: usize| {
        let first = Zoned::now().date().first_of_month();
        let month = first.checked_add(i64::try_from(months).unwrap().months()).unwrap();
        month.strftime("%Y_%m").to_string()
    };
    let newest = month(AHEAD);
    let query = "SELECT count(*) FILTER (WHERE p.relname = $1),
            count(*) FILTER (WHERE right(c.relname, 7) = $2),
            (SELECT count(*) FROM pg_description WHERE objsubid = 0 AND description LIKE 'pgpartition.dev/expired%'),
            (SELECT count(*) FROM pg_stat_activity WHERE datname IS NOT NULL AND pid <> pg_backend_pid()
                AND application_name LIKE 'pg-partition-operator%')
        FROM pg_inherits JOIN pg_class AS c ON c.oid = inhrelid JOIN pg_class AS p ON p.oid = inhparent
        WHERE p.relkind = 'p'";
    let mut all = Progress::default();
    for client in clients {
        let row = client.query_one(query, &[&URGENT, &newest]).await.unwrap();
        let count = |at: usize| usize::try_from(row.get::<_, i64>(at)).unwrap();
        all.urgent += usize::from(count(0) > 1);
        all.created += count(1);
        all.detached += count(2);
        all.sessions = row.get(3);
    }
    all
}

/// Returns the number of transactions in all databases of a server since its start.
async fn transactions(client: &Client) -> i64 {
    let sql = "SELECT sum(xact_commit + xact_rollback)::int8 FROM pg_stat_database WHERE datname LIKE 'test%'";
    client.query_one(sql, &[]).await.unwrap().get(0)
}

/// Returns the number of requests that the API server has had for resources of this operator and for events.
fn requests(cluster: &Cluster) -> f64 {
    let metrics = cluster.kubectl(&["get", "--raw", "/metrics"]);
    let metrics = String::from_utf8(metrics.stdout).unwrap();
    let counted = metrics.lines().filter(|line| {
        line.starts_with("apiserver_request_total{")
            && ["\"partitionedtables\"", "\"events\"", "\"secrets\""]
                .iter()
                .any(|of| line.contains(of))
    });
    counted.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
}

fn next_minute(at: Timestamp) -> Timestamp {
    Timestamp::from_second((at.as_second() / 60 + 1) * 60).unwrap()
}

/// Returns a time zone in which an hour ends within half an hour after an instant.
fn zone(due: Timestamp) -> &'static str {
    let minute = due.as_second() / 60 % 60;
    let left = |(begins, _): &(i64, &str)| (begins - minute).rem_euclid(60);
    ZONES.iter().filter(|zone| left(zone) > 0).min_by_key(|zone| left(zone)).unwrap().1
}

/// Returns the cron expression of one instant of each month. The operator plans as of the last scheduled time, a month before.
fn cron(due: Timestamp, zone: &str) -> String {
    due.in_tz(zone).unwrap().strftime("%-M %-H %-d * *").to_string()
}

fn urgent_table(zone: &str) -> String {
    let now = Zoned::now().with_time_zone(jiff::tz::TimeZone::get(zone).unwrap());
    let begins =
        now.round(jiff::ZonedRound::new().smallest(jiff::Unit::Hour).mode(jiff::RoundMode::Trunc));
    let begins = begins.unwrap();
    // The instant at which the tables are due can be in the next hour.
    let ends = begins.checked_add(1.hours()).unwrap();
    let (begins, ends) = (begins.timestamp(), ends.timestamp());
    format!(
        "CREATE TABLE {URGENT} (id bigint, at timestamptz NOT NULL) PARTITION BY RANGE (at);
        CREATE TABLE {URGENT}_first PARTITION OF {URGENT} FOR VALUES FROM ('{begins}') TO ('{ends}')"
    )
}

fn urgent_resource(database: usize, due: Timestamp, zone: &str) -> Value {
    let mut resource = resources::resource(database, 0);
    resource["metadata"]["name"] = format!("d{database}-{URGENT}").into();
    resource["spec"]["table"] = URGENT.into();
    resource["spec"]["ahead"] = 1.into();
    resource["spec"]["partitionBy"]["range"] =
        json!({"column": "at", "interval": "Hour", "timeZone": zone});
    resource["spec"]["schedule"] = json!({"provision": cron(due, zone)});
    resource
}

/// Returns the resource of a table that lacks a month, or of one with an expired partition.
fn resource(
    database: usize,
    table: usize,
    each: usize,
    partitions: usize,
    due: Timestamp,
) -> Value {
    let mut resource = resources::resource(database, table);
    if table < each / 2 {
        resource["spec"]["schedule"] = json!({"provision": cron(due, "UTC")});
    } else {
        resource["spec"]["ahead"] = (AHEAD - 1).into();
        resource["spec"]["schedule"] = json!({"expire": cron(due, "UTC")});
        // The current month, the months ahead, and all but one of the others.
        resource["spec"]["retention"] = json!({"keep": partitions - AHEAD - 1});
    }
    resource
}
