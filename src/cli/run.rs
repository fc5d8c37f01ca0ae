//! `run`: the operator.

use std::net::SocketAddr;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::exit::Exit;
use crate::desired::parse_duration;
use crate::kubernetes::{self, LeaseSettings, LogFormat, RunSettings, start_logging};

/// The operator's settings.
#[derive(Debug, Args)]
pub(super) struct RunArguments {
    /// A namespace whose resources are kept; may be given more than once. Default: all namespaces
    #[arg(long = "namespace", env = "PGPARTITION_NAMESPACES", value_delimiter = ',')]
    namespaces: Vec<String>,
    /// Where probes, metrics and monitoring are answered
    #[arg(long, env = "PGPARTITION_LISTEN", default_value = "0.0.0.0:8080")]
    listen: SocketAddr,
    /// The Lease by which replicas agree on who leads
    #[arg(long, env = "PGPARTITION_LEASE_NAME", default_value = "pg-partition-operator")]
    lease_name: String,
    /// The namespace of the Lease. Default: the one of the client
    #[arg(long, env = "PGPARTITION_LEASE_NAMESPACE")]
    lease_namespace: Option<String>,
    /// What this replica is called, different from every other. Default: the host's name and a
    /// random suffix
    #[arg(long, env = "PGPARTITION_IDENTITY")]
    identity: Option<String>,
    /// After how long without a sign of life another replica leads
    #[arg(long, default_value = "15s", value_parser = duration)]
    lease_duration: Duration,
    /// After how long without a renewal the leader gives up
    #[arg(long, default_value = "10s", value_parser = duration)]
    lease_renew_deadline: Duration,
    /// How long between two renewals
    #[arg(long, default_value = "2s", value_parser = duration)]
    lease_retry_period: Duration,
    /// How many sessions there are to one Postgres server at most
    #[arg(long, env = "PGPARTITION_SESSIONS_PER_SERVER", default_value_t = 4)]
    sessions_per_server: usize,
    /// How often to look for drift where nothing else asks for a look
    #[arg(long, env = "PGPARTITION_RESYNC", default_value = "10m", value_parser = duration)]
    resync: Duration,
    /// How long what is under way may take to end after SIGTERM
    #[arg(long, default_value = "25s", value_parser = duration)]
    grace: Duration,
    /// The form of the log
    #[arg(long, env = "PGPARTITION_LOG_FORMAT", value_enum, default_value_t = Format::Auto)]
    log_format: Format,
    /// What is logged: a level, or levels by module
    #[arg(long, env = "PGPARTITION_LOG", default_value = "info")]
    log: String,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    /// Text on a terminal, JSON elsewhere
    Auto,
    Text,
    Json,
}

/// Runs the operator until it is asked to end.
pub(super) async fn run(arguments: RunArguments) -> anyhow::Result<Exit> {
    let format = match arguments.log_format {
        Format::Auto => LogFormat::Auto,
        Format::Text => LogFormat::Text,
        Format::Json => LogFormat::Json,
    };
    start_logging(format, &arguments.log)?;
    let lease = LeaseSettings {
        name: arguments.lease_name,
        namespace: arguments.lease_namespace,
        identity: arguments.identity.unwrap_or_else(unique_name),
        duration: arguments.lease_duration,
        renew_deadline: arguments.lease_renew_deadline,
        retry_period: arguments.lease_retry_period,
    };
    anyhow::ensure!(
        lease.retry_period < lease.renew_deadline && lease.renew_deadline < lease.duration,
        "--lease-retry-period must be less than --lease-renew-deadline, and that less than \
         --lease-duration"
    );
    let settings = RunSettings {
        namespaces: arguments.namespaces,
        listen: arguments.listen,
        lease,
        sessions_per_server: arguments.sessions_per_server,
        resync: arguments.resync,
        grace: arguments.grace,
    };
    kubernetes::run(settings).await?;
    Ok(Exit::Done)
}

fn duration(text: &str) -> Result<Duration, &'static str> {
    parse_duration(text).ok_or("not a duration such as 500ms, 10s or 5m")
}

fn unique_name() -> String {
    // In a pod it is the pod's name.
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    format!("{}-{:08x}", host.trim(), fastrand::u32(..))
}
