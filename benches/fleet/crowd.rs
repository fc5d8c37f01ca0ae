//! Many resources for tables of the same names, plans that are as costly as the schema allows, and clients
//! that scrape in a loop: the leader has to keep its Lease, and to get to every resource.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use jiff::{Timestamp, ToSpan as _};
use serde_json::{Value, json};

use crate::process::{free_port, get};
use crate::support::kube::Cluster;
use crate::support::operator::Operator;
use crate::support::postgres::{Database, Server};

/// Resources whose plans are costly, and clients that scrape in a loop.
const COSTLY: usize = 2;
const SCRAPERS: usize = 8;

/// Periods before and after the current time in a costly plan.
const PERIODS: (i64, i64) = (3_900, 1_000);
const INDEXES: usize = 16;

/// Time until the benchmark gives up.
const DEADLINE: Duration = Duration::from_mins(20);

/// Pause between two checks of the probe, and of the progress.
const PROBE_PAUSE: Duration = Duration::from_millis(100);
const PROGRESS_PAUSE: Duration = Duration::from_secs(2);

pub(crate) async fn run(databases: usize, schemas: usize) {
    let cluster = Cluster::shared();
    let namespace = cluster.namespace();
    let server = Server::of_default_major();
    let mut objects = Vec::new();
    for number in 0..databases {
        let database = server.database().await;
        objects.extend(tables_of(number, &database, schemas).await);
    }
    objects.extend(costly(&server.database().await).await);
    for object in &mut objects {
        object["metadata"]["namespace"] = namespace.as_str().into();
    }
    declare(cluster, &objects);
    let tables = databases * schemas;
    println!(
        "{tables} tables of {schemas} names in {databases} databases, {COSTLY} costly plans, {SCRAPERS} scrapers\n"
    );

    let port = free_port();
    let listen = format!("127.0.0.1:{port}");
    let arguments =
        ["run", "--namespaces", &namespace, "--lease-namespace", &namespace, "--listen", &listen];
    let started = Instant::now();
    let mut operator =
        Operator::start(&arguments, &[("KUBECONFIG", cluster.kubeconfig().to_str().unwrap())]);
    let done = Arc::new(AtomicBool::new(false));
    let probe = Arc::new(Probe::default());
    let clients = clients(port, &done, &probe);
    let (mut reported, mut ready) = (0, 0);
    while (reported < tables + COSTLY || ready < tables)
        && started.elapsed() < DEADLINE
        && operator.status().is_none()
    {
        thread::sleep(PROGRESS_PAUSE);
        (reported, ready) = (reported_on(port), super::ready(port));
    }
    let took = started.elapsed();
    done.store(true, Ordering::Relaxed);
    for client in clients {
        client.join().unwrap();
    }
    println!(
        "reported on            {reported:6} of {} after {:.1} s",
        tables + COSTLY,
        took.as_secs_f64()
    );
    println!("ready                  {ready:6} of {tables}");
    println!("longest /livez         {:6} ms", probe.slowest.load(Ordering::Relaxed));
    println!("failed /livez          {:6}", probe.failed.load(Ordering::Relaxed));
    println!(
        "operator               {}",
        operator.status().map_or("runs".to_owned(), |s| s.to_string())
    );
    println!("Lease                  {}", lease(cluster, &namespace, &operator.stderr()));
    println!("memory at most         {:6.1} MiB", super::memory(operator.pid(), "VmHWM"));
}

/// A table `events` in each schema of a database, with this month's and the next month's partition, and
/// the objects that declare them.
async fn tables_of(number: usize, database: &Database, schemas: usize) -> Vec<Value> {
    let client = database.client().await;
    let mut objects = vec![secret(&format!("db-{number}"), database)];
    for schema in 0..schemas {
        let sql = format!(
            "CREATE SCHEMA s{schema};
             CREATE TABLE s{schema}.events (id bigint, at timestamptz NOT NULL) PARTITION BY RANGE (at)"
        );
        client.batch_execute(&sql).await.unwrap();
        objects.push(resource(
            &format!("events-{number}-{schema}"),
            &format!("db-{number}"),
            &json!({
                "schema": format!("s{schema}"), "table": "events", "ahead": 1,
                "partitionBy": {"range": {"column": "at", "interval": "Month"}},
            }),
        ));
    }
    objects
}

/// Tables whose plans are as large as the schema allows. They are only planned.
async fn costly(database: &Database) -> Vec<Value> {
    let client = database.client().await;
    let mut objects = vec![secret("costly", database)];
    let start = Timestamp::now().checked_sub(PERIODS.0.hours()).unwrap();
    for number in 0..COSTLY {
        let table = format!("costly_{number}");
        let index = |index: usize| {
            json!({"name": format!("{table}_by_{index}"), "columns": [{"column": "id"}],
                   "partitions": "Newest", "newest": 10_000})
        };
        let indexes: Vec<_> = (0..INDEXES).map(index).collect();
        let sql = format!(
            "CREATE TABLE {table} (id bigint, at timestamptz NOT NULL) PARTITION BY RANGE (at)"
        );
        client.batch_execute(&sql).await.unwrap();
        objects.push(resource(&format!("costly-{number}"), "costly", &json!({
            "table": table, "ahead": PERIODS.1, "mode": "Plan", "indexes": indexes,
            "partitionBy": {"range": {"column": "at", "interval": "Hour", "startAt": start.to_string()}},
        })));
    }
    objects
}

fn secret(name: &str, database: &Database) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": name},
        "stringData": {"uri": format!("{}?sslmode=disable", database.url())},
    })
}

fn resource(name: &str, secret: &str, spec: &Value) -> Value {
    let mut spec = spec.clone();
    spec["database"] = json!({"secretRef": {"name": secret}});
    json!({
        "apiVersion": "pgpartition.dev/v1alpha1", "kind": "PartitionedTable",
        "metadata": {"name": name}, "spec": spec,
    })
}

fn declare(cluster: &Cluster, objects: &[Value]) {
    for arguments in [
        vec!["apply", "--server-side", "-f", super::crd().to_str().unwrap()],
        vec!["wait", "--for=condition=Established", "crd/partitionedtables.pgpartition.dev"],
    ] {
        assert!(cluster.kubectl(&arguments).status.success());
    }
    cluster.apply(objects);
}

/// Results of the liveness probe.
#[derive(Default)]
struct Probe {
    /// Longest time to an answer, in milliseconds.
    slowest: AtomicU64,
    /// Number of requests without an answer, from the first answer on.
    failed: AtomicU64,
}

/// Clients that ask until it is done: the kubelet for the probe, and those who scrape.
fn clients(port: u16, done: &Arc<AtomicBool>, probe: &Arc<Probe>) -> Vec<thread::JoinHandle<()>> {
    let mut clients = Vec::new();
    for _ in 0..SCRAPERS {
        let done = Arc::clone(done);
        clients.push(thread::spawn(move || {
            while !done.load(Ordering::Relaxed) {
                if get(port, "/metrics").is_none() {
                    thread::sleep(PROBE_PAUSE);
                }
            }
        }));
    }
    let (done, probe) = (Arc::clone(done), Arc::clone(probe));
    clients.push(thread::spawn(move || {
        let mut has_answered = false;
        while !done.load(Ordering::Relaxed) {
            let asked = Instant::now();
            let is_answered = get(port, "/livez").is_some_and(|answer| answer.contains(" 200 "));
            if is_answered {
                let took = u64::try_from(asked.elapsed().as_millis()).unwrap();
                probe.slowest.fetch_max(took, Ordering::Relaxed);
            } else if has_answered {
                probe.failed.fetch_add(1, Ordering::Relaxed);
            }
            has_answered |= is_answered;
            thread::sleep(PROBE_PAUSE);
        }
    }));
    clients
}

/// Number of resources that have been reconciled: each has a Ready condition, whatever it says.
fn reported_on(port: u16) -> usize {
    let metrics = get(port, "/metrics").unwrap_or_default();
    let is_ready = |line: &&str| line.contains("type=\"Ready\"") && line.ends_with(" 1");
    metrics.lines().filter(is_ready).filter(|line| !line.contains("status=\"Unknown\"")).count()
}

/// Whether the operator held the Lease all the time.
fn lease(cluster: &Cluster, namespace: &str, log: &str) -> String {
    let lease = ["get", "lease", "pg-partition-operator", "-n", namespace, "-o", "json"];
    let output = cluster.kubectl(&lease).stdout;
    let lease: BTreeMap<String, Value> = serde_json::from_slice(&output).unwrap_or_default();
    let transitions = lease.get("spec").map(|spec| spec["leaseTransitions"].clone());
    let won = log.lines().filter(|line| line.contains("\"message\":\"leading\"")).count();
    let kept = transitions == Some(json!(0)) && won == 1;
    format!("{} (won {won} times, transitions {transitions:?})", if kept { "kept" } else { "LOST" })
}
