//! Memory and processor time of an operator that manages many tables without pending steps, at the start and at rest.
//!
//! `cargo bench --bench fleet`; tables and partitions of each: `-- 500 36`.
//!
//! `cargo bench --bench fleet -- crowd 300 10` has tables of the same names in 300 databases, ten in each, two
//! tables whose plans are as costly as the schema allows, and eight clients that scrape in a loop. It prints
//! whether the Lease was kept, and how long `/livez` took at most.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark prints and may panic")]

#[path = "fleet/crowd.rs"]
mod crowd;
#[path = "../tests/support/mod.rs"]
mod support;

use std::fmt::Write as _;
use std::io::{Read, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::time::{Duration, Instant};

use jiff::{ToSpan as _, Zoned};
use serde_json::{Value, json};
use support::kube::Cluster;
use support::operator::Operator;
use support::postgres::{Database, Server};
use support::wait_until;

/// Months ahead, of those that each table has.
const AHEAD: usize = 3;

/// Longest duration of the whole measurement.
const DEADLINE: Duration = Duration::from_mins(10);

/// Duration of the measurement at rest: one resync.
const AT_REST: Duration = Duration::from_mins(5);

#[tokio::main]
async fn main() {
    let sizes: Vec<usize> = std::env::args().filter_map(|a| a.parse().ok()).collect();
    if std::env::args().any(|argument| argument == "crowd") {
        return crowd::run(*sizes.first().unwrap_or(&300), *sizes.get(1).unwrap_or(&10)).await;
    }
    let (tables, partitions) = (*sizes.first().unwrap_or(&500), *sizes.get(1).unwrap_or(&36));
    let database = Server::of_default_major().database().await;
    fill(&database, tables, partitions).await;
    let cluster = Cluster::shared();
    let namespace = cluster.namespace();
    declare(cluster, &namespace, &database, tables);

    println!("{tables} tables of {partitions} partitions on one server, nothing to do\n");
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let listen = format!("127.0.0.1:{port}");
    let arguments =
        ["run", "--namespaces", &namespace, "--lease-namespace", &namespace, "--listen", &listen];
    let started = Instant::now();
    let operator =
        Operator::start(&arguments, &[("KUBECONFIG", cluster.kubeconfig().to_str().unwrap())]);
    wait_until("every table is Ready", DEADLINE, async || ready(port) == tables).await;
    let (took, at_start) = (started.elapsed(), cpu(operator.pid()));
    println!("all Ready after        {:6.1} s", took.as_secs_f64());
    println!("processor time so far  {:6.1} s", at_start.as_secs_f64());
    println!("memory at most         {:6} MiB", memory(operator.pid(), "VmHWM"));
    tokio::time::sleep(AT_REST).await;
    let at_rest = cpu(operator.pid()).saturating_sub(at_start);
    let share = at_rest.as_secs_f64() / AT_REST.as_secs_f64();
    println!("at rest, of one core   {:6.2} %", share * 100.0);
    println!("memory at rest         {:6} MiB", memory(operator.pid(), "VmRSS"));
}

async fn fill(database: &Database, tables: usize, partitions: usize) {
    let client = database.client().await;
    let this_month = Zoned::now().date().first_of_month();
    let month = |number: usize| {
        let from_now =
            i64::try_from(number).unwrap() + 1 - i64::try_from(partitions - AHEAD).unwrap();
        this_month.checked_add(from_now.months()).unwrap()
    };
    for table in 0..tables {
        let mut sql = format!(
            "CREATE TABLE t{table} (id bigint, at timestamptz NOT NULL, PRIMARY KEY (id, at)) \
             PARTITION BY RANGE (at);"
        );
        for number in 0..partitions {
            let (from, to) = (month(number), month(number + 1));
            write!(
                sql,
                "CREATE TABLE t{table}_{number} PARTITION OF t{table} \
                 FOR VALUES FROM ('{from} 00:00+00') TO ('{to} 00:00+00');"
            )
            .unwrap();
        }
        client.batch_execute(&sql).await.unwrap();
    }
}

fn declare(cluster: &Cluster, namespace: &str, database: &Database, tables: usize) {
    let crd = Path::new(env!("CARGO_MANIFEST_DIR")).join("crds/partitionedtables.yaml");
    for arguments in [
        vec!["apply", "--server-side", "-f", crd.to_str().unwrap()],
        vec!["wait", "--for=condition=Established", "crd/partitionedtables.pgpartition.dev"],
    ] {
        assert!(cluster.kubectl(&arguments).status.success());
    }
    let mut objects = vec![json!({
        "apiVersion": "v1", "kind": "Secret",
        "metadata": {"name": "db", "namespace": namespace},
        "stringData": {"uri": format!("{}?sslmode=disable", database.url())},
    })];
    objects.extend((0..tables).map(|table| -> Value {
        json!({
            "apiVersion": "pgpartition.dev/v1alpha1", "kind": "PartitionedTable",
            "metadata": {"name": format!("t{table}"), "namespace": namespace},
            "spec": {
                "database": {"secretRef": {"name": "db"}},
                "table": format!("t{table}"),
                "partitionBy": {"range": {"column": "at", "interval": "Month"}},
                "ahead": AHEAD,
            },
        })
    }));
    cluster.apply(&objects);
}

/// Returns the number of tables that the operator reports as Ready.
fn ready(port: u16) -> usize {
    let mut answer = String::new();
    let asked = TcpStream::connect(("127.0.0.1", port)).and_then(|mut stream| {
        stream.write_all(b"GET /metrics HTTP/1.0\r\nHost: here\r\n\r\n")?;
        stream.read_to_string(&mut answer)
    });
    asked.map_or(0, |_| {
        let is_ready =
            |line: &&str| line.contains("status=\"True\",type=\"Ready\"") && line.ends_with(" 1");
        answer.lines().filter(is_ready).count()
    })
}

/// A line of `/proc/PID/status`, in MiB.
fn memory(pid: u32, name: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
}

/// The processor time of a process, in user and system mode: fields 14 and 15 of `/proc/PID/stat`, in hundredths of a
/// second.
fn cpu(pid: u32) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let after_name = stat.rsplit(')').next().unwrap();
    let ticks =
        after_name.split_whitespace().skip(11).take(2).map(|field| field.parse::<u64>().unwrap());
    Duration::from_millis(ticks.sum::<u64>() * 10)
}
