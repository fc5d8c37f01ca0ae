//! `run`: the operator.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use clap::{Args, ValueEnum};

use super::duration;
use super::exit::Exit;
use super::scope::{distinct, namespace};
use crate::kubernetes::{self, LeaseSettings, LogFormat, RunSettings};

/// Number of random digits of the identity, enough that no two processes share it.
const IDENTITY_DIGITS: usize = 5;

#[derive(Debug, Args)]
pub(super) struct RunArguments {
    /// Namespaces to watch, separated by commas (default: all)
    #[arg(long, value_name = "NAMESPACE", env = "PGPARTITION_NAMESPACES", value_delimiter = ',',
          value_parser = namespace)]
    namespaces: Vec<String>,
    /// Address of the probes, the metrics, and the JSON paths under /monitoring; [::] is every address of IPv6 and IPv4
    #[arg(long, value_name = "ADDRESS", env = "PGPARTITION_LISTEN", default_value = "[::]:8080")]
    listen: SocketAddr,
    /// Average time between two inspections of a table; the operator varies it at random by up to 20 % in both directions
    #[arg(long, value_name = "DURATION", env = "PGPARTITION_RESYNC", default_value = "5m",
          value_parser = duration)]
    resync: Duration,
    /// Maximum number of sessions to one Postgres server. If it is 1, the operator opens a second session for index builds
    #[arg(
        long,
        value_name = "NUMBER",
        env = "PGPARTITION_SESSIONS_PER_SERVER",
        default_value_t = 4
    )]
    sessions_per_server: usize,
    /// Time for running steps to finish after a termination signal
    #[arg(long, value_name = "DURATION", env = "PGPARTITION_GRACE", default_value = "25s",
          value_parser = duration)]
    grace: Duration,
    /// Format of the log
    #[arg(long, value_enum, env = "PGPARTITION_LOG_FORMAT", default_value_t = Log::Auto)]
    log_format: Log,
    /// Filter of the log, such as info or info,kube=debug
    #[arg(
        long,
        value_name = "FILTER",
        env = "PGPARTITION_LOG",
        default_value = "info,kube_runtime=warn"
    )]
    log: String,
    #[command(flatten)]
    lease: LeaseArguments,
}

/// Minimum of `--resync`, below which the operator would reconcile continuously.
const MIN_RESYNC: Duration = Duration::from_millis(100);

/// Leader election.
#[derive(Debug, Args)]
#[allow(clippy::struct_field_names, reason = "they name the flags")]
#[command(next_help_heading = "Leader election")]
struct LeaseArguments {
    /// Name of the Lease
    #[arg(
        long,
        value_name = "NAME",
        env = "PGPARTITION_LEASE_NAME",
        default_value = "pg-partition-operator"
    )]
    lease_name: String,
    /// Namespace of the Lease (default: namespace of the kubeconfig or Pod)
    #[arg(long, value_name = "NAMESPACE", env = "PGPARTITION_LEASE_NAMESPACE",
          value_parser = namespace)]
    lease_namespace: Option<String>,
    /// Time without a renewal after which another replica takes over
    #[arg(long, value_name = "DURATION", default_value = "15s", value_parser = duration)]
    lease_duration: Duration,
    /// Time without a renewal after which the leader stops leading
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = duration)]
    lease_renew_deadline: Duration,
    /// Time between two renewals
    #[arg(long, value_name = "DURATION", default_value = "2s", value_parser = duration)]
    lease_retry_period: Duration,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Log {
    /// Text on a terminal, JSON elsewhere
    Auto,
    /// Text for users
    Text,
    /// JSON for programs
    Json,
}

/// Checks what no flag alone can check.
fn check(arguments: &RunArguments) -> anyhow::Result<()> {
    let lease = &arguments.lease;
    ensure!(arguments.resync >= MIN_RESYNC, "--resync must be 100ms or longer");
    ensure!(arguments.sessions_per_server > 0, "--sessions-per-server must be 1 or more");
    ensure!(
        lease.lease_retry_period > Duration::ZERO
            && lease.lease_retry_period < lease.lease_renew_deadline
            && lease.lease_renew_deadline < lease.lease_duration,
        "--lease-retry-period must be shorter than --lease-renew-deadline, and that shorter than \
         --lease-duration, or two replicas could lead at the same time"
    );
    Ok(())
}

pub(super) async fn run(arguments: RunArguments) -> anyhow::Result<Exit> {
    check(&arguments)?;
    let format = match arguments.log_format {
        Log::Auto => LogFormat::Auto,
        Log::Text => LogFormat::Text,
        Log::Json => LogFormat::Json,
    };
    kubernetes::start_logging(format, &arguments.log).context("cannot start the log")?;
    let lease = arguments.lease;
    let ended = kubernetes::run(RunSettings {
        namespaces: distinct(arguments.namespaces),
        listen: arguments.listen,
        lease: LeaseSettings {
            name: lease.lease_name,
            namespace: lease.lease_namespace,
            identity: identity(),
            duration: lease.lease_duration,
            renew_deadline: lease.lease_renew_deadline,
            retry_period: lease.lease_retry_period,
        },
        sessions_per_server: arguments.sessions_per_server,
        resync: arguments.resync,
        grace: arguments.grace,
    })
    .await;
    let Err(error) = ended else { return Ok(Exit::Done) };
    // Whatever reads the log gets lines of one format, the last one among them.
    tracing::error!(error = format!("{:#}", anyhow::Error::from(error)), "the operator stopped");
    Ok(Exit::Failed)
}

/// The pod, or the machine, and something that tells this process from the one before it.
fn identity() -> String {
    let host = std::env::var("HOSTNAME").unwrap_or_else(|_| "pg-partition-operator".to_owned());
    let suffix: String =
        std::iter::repeat_with(fastrand::alphanumeric).take(IDENTITY_DIGITS).collect();
    format!("{host}_{suffix}")
}
