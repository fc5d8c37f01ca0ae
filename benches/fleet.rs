//! Memory and processor time of an operator that manages many tables without pending steps: at the start, at rest, and
//! for a scrape.
//!
//! `cargo bench --bench fleet -- 10000 36` has 10,000 tables of 36 partitions in 20 databases of one server. Options:
//! `--databases 20`; `--rest 300`, the seconds at rest; `--profile`, a further start that prints which types and which
//! functions hold the memory.
//!
//! `cargo bench --bench fleet -- crowd 300 10` has tables of the same names in 300 databases, ten in each, two
//! tables whose plans are as costly as the schema allows, and eight clients that scrape in a loop. It prints
//! whether the Lease was kept, and how long `/livez` took at most.
//!
//! `cargo bench --bench fleet -- turn 10000 12` has 10,000 tables in 20 databases that are all due at one instant. It
//! prints when the last one was done, how long the most urgent ones waited, and the load on the databases and on the API
//! server.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    reason = "a benchmark prints rounded figures, and may panic"
)]

#[path = "fleet/crowd.rs"]
mod crowd;
#[path = "fleet/databases.rs"]
mod databases;
#[path = "fleet/process.rs"]
mod process;
#[path = "fleet/profile.rs"]
mod profile;
#[path = "fleet/resources.rs"]
mod resources;
#[path = "../tests/support/mod.rs"]
mod support;
#[path = "fleet/turn.rs"]
mod turn;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use process::{cpu, get, memory};
use support::kube::Cluster;
use support::operator::Operator;
use support::postgres::Server;
use support::wait_until;

/// Counts the bytes of each call site in a process that `--profile` starts, and nothing in other processes.
#[global_allocator]
static ALLOCATOR: dhat::Alloc = dhat::Alloc;

/// Months ahead, of those that each table has.
const AHEAD: usize = 3;

/// Longest duration of a start.
const DEADLINE: Duration = Duration::from_mins(30);

/// Pause between two requests that ask how many tables were reconciled.
const POLL_INTERVAL: Duration = Duration::from_millis(500);

/// Scrapes whose processor time is measured.
const SCRAPES: u32 = 5;

/// Time until an operator that was told to end has ended.
const SHUTDOWN: Duration = Duration::from_mins(1);

/// Values of the arguments.
struct Options {
    tables: usize,
    partitions: usize,
    databases: usize,
    at_rest: Duration,
    profile: bool,
}

fn main() -> ExitCode {
    if let Some(file) = profile::asked_file() {
        return profile::run_operator(file);
    }
    tokio::runtime::Runtime::new().unwrap().block_on(run());
    ExitCode::SUCCESS
}

async fn run() {
    let arguments: Vec<String> = std::env::args().collect();
    let sizes: Vec<usize> = sizes(&arguments);
    if arguments.iter().any(|argument| argument == "crowd") {
        return crowd::run(*sizes.first().unwrap_or(&300), *sizes.get(1).unwrap_or(&10)).await;
    }
    if arguments.iter().any(|argument| argument == "turn") {
        return turn::run(*sizes.first().unwrap_or(&500), *sizes.get(1).unwrap_or(&12)).await;
    }
    let tables = *sizes.first().unwrap_or(&500);
    let option = |name: &str| {
        let place = arguments.iter().position(|argument| argument == name)?;
        arguments.get(place + 1)?.parse::<usize>().ok()
    };
    measure(&Options {
        tables,
        partitions: *sizes.get(1).unwrap_or(&36),
        databases: option("--databases").unwrap_or(20).clamp(1, tables),
        at_rest: Duration::from_secs(option("--rest").unwrap_or(300) as u64),
        profile: arguments.iter().any(|argument| argument == "--profile"),
    })
    .await;
}

/// Returns the numbers that are not values of options.
fn sizes(arguments: &[String]) -> Vec<usize> {
    let mut sizes = Vec::new();
    let mut before = "";
    for argument in arguments {
        if !before.starts_with("--") || before == "--profile" || before == "--bench" {
            sizes.extend(argument.parse::<usize>());
        }
        before = argument;
    }
    sizes
}

async fn measure(options: &Options) {
    let Options { tables, partitions, .. } = *options;
    let server = Server::of_default_major();
    let per_database = tables.div_ceil(options.databases);
    let databases =
        databases::filled(server, options.databases, per_database, (partitions, AHEAD)).await;
    let cluster = Cluster::shared();
    let namespace = cluster.namespace();
    let declared = resources::monthly(databases.len(), tables);
    resources::create(cluster, &namespace, &databases, declared).await;
    println!("{tables} tables of {partitions} partitions in {} databases\n", databases.len());
    let fleet = Fleet { namespace, tables };

    println!("first start, which writes each status");
    fleet.measured_start(cluster).await.end().await;
    println!("\nsecond start, with nothing to do");
    let operator = fleet.measured_start(cluster).await;
    let at_start = cpu(operator.pid());
    tokio::time::sleep(options.at_rest).await;
    let at_rest = cpu(operator.pid()).saturating_sub(at_start);
    let share = at_rest.as_secs_f64() / options.at_rest.as_secs_f64().max(1.0);
    println!("at rest, of one core   {:6.2} %", share * 100.0);
    println!("memory at rest         {:6.1} MiB", memory(operator.pid(), "VmRSS"));
    scrapes(&operator, tables);
    operator.end().await;
    if options.profile {
        profile::print(&fleet, cluster, options.at_rest).await;
    }
}

/// Prints the processor time of a scrape for each 1,000 tables, its size, and the memory after all scrapes.
fn scrapes(operator: &Running, tables: usize) {
    let before = cpu(operator.pid());
    let size = (0..SCRAPES).map(|_| {
        // A page that was rendered within the last second would be answered again.
        std::thread::sleep(Duration::from_millis(1_500));
        get(operator.port, "/metrics").unwrap().len()
    });
    let size = size.max().unwrap_or_default();
    let took = (cpu(operator.pid()).saturating_sub(before)) / SCRAPES;
    let of_thousand = took.as_secs_f64() * 1_000.0 * 1_000.0 / tables as f64;
    println!("scrape, 1,000 tables   {of_thousand:6.1} ms of processor time");
    println!("size of a scrape       {:6.1} MiB", size as f64 / 1_048_576.0);
    for path in ["/monitoring/partitions/metrics", "/monitoring/verify-partitions"] {
        let before = cpu(operator.pid());
        let size = get(operator.port, path).unwrap().len() as f64 / 1_048_576.0;
        let took = (cpu(operator.pid()).saturating_sub(before)).as_millis();
        println!("{path}: {size:.1} MiB in {took} ms of processor time");
    }
    println!("memory after that      {:6.1} MiB", memory(operator.pid(), "VmRSS"));
    println!("memory at most         {:6.1} MiB", memory(operator.pid(), "VmHWM"));
}

/// Resources of one namespace.
struct Fleet {
    namespace: String,
    tables: usize,
}

/// An operator, and the port that it answers on.
struct Running {
    operator: Operator,
    port: u16,
}

impl Fleet {
    fn arguments(&self, port: u16) -> Vec<String> {
        let (namespace, listen) = (self.namespace.clone(), format!("127.0.0.1:{port}"));
        ["run", "--namespaces", &namespace, "--lease-namespace", &namespace, "--listen", &listen]
            .map(str::to_owned)
            .to_vec()
    }

    fn start(&self, cluster: &Cluster) -> Running {
        let port = process::free_port();
        let arguments = self.arguments(port);
        let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
        let kubeconfig = cluster.kubeconfig().to_str().unwrap();
        Running { operator: Operator::start(&arguments, &[("KUBECONFIG", kubeconfig)]), port }
    }

    /// Starts the operator, and prints what it needs until each table is Ready.
    async fn measured_start(&self, cluster: &Cluster) -> Running {
        let started = Instant::now();
        let operator = self.start(cluster);
        self.reconciled(operator.port).await;
        println!("all Ready after        {:6.1} s", started.elapsed().as_secs_f64());
        println!("processor time         {:6.1} s", cpu(operator.pid()).as_secs_f64());
        println!("memory at most         {:6.1} MiB", memory(operator.pid(), "VmHWM"));
        operator
    }

    /// Waits until the operator on this port has found each table as its spec declares it.
    async fn reconciled(&self, port: u16) {
        let all_ready = async || {
            tokio::time::sleep(POLL_INTERVAL).await;
            process::reconciles(port) >= self.tables && succeeded(port) >= self.tables
        };
        wait_until("every table is Ready", DEADLINE, all_ready).await;
    }
}

impl Running {
    fn pid(&self) -> u32 {
        self.operator.pid()
    }

    async fn end(mut self) {
        self.operator.terminate();
        let ended = async || self.operator.status().is_some();
        wait_until("the operator has ended", SHUTDOWN, ended).await;
    }
}

/// Returns the number of tables that the operator has found as declared since it started.
fn succeeded(port: u16) -> usize {
    let name = "pgpartition_last_success_timestamp_seconds{";
    get(port, "/metrics").unwrap_or_default().lines().filter(|line| line.starts_with(name)).count()
}

/// Returns the number of tables that the operator reports as Ready.
fn ready(port: u16) -> usize {
    let is_ready =
        |line: &&str| line.contains("status=\"True\",type=\"Ready\"") && line.ends_with(" 1");
    get(port, "/metrics").unwrap_or_default().lines().filter(is_ready).count()
}

/// The schema of the resource.
fn crd() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("crds/partitionedtables.yaml")
}
