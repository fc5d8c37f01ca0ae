//! Talks to the API server: `PartitionedTable` resources, and the Secrets and `ConfigMaps` they
//! refer to, are watched; their status, events and one Lease are written.

mod aside;
mod authority;
mod backoff;
mod builds;
mod check;
mod claimed;
mod claims;
mod cluster;
mod cluster_error;
mod context;
mod controller;
mod conversion_gauges;
mod credentials;
mod events;
mod exposition;
mod failure;
mod gauges;
mod http;
mod last_seen;
mod leader;
mod logging;
mod login;
mod logins;
mod metrics;
mod next_reconcile;
mod older;
mod outcome;
mod packed;
mod pages;
mod panics;
mod patch;
mod progress;
mod reconcile;
mod references;
mod report;
mod rounds;
mod row;
mod run;
mod serve;
mod sets;
mod tables;
mod urgency;
mod watch_log;
mod watched;
mod workers;

use std::collections::HashSet;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::future::join_all;
use kube::{Client, ResourceExt};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{Notify, Semaphore};
use tokio::task::JoinHandle;
use tokio::time::{interval, timeout};
use tokio_util::sync::CancellationToken;

pub use check::{CheckError, CheckSettings, Finding, check};
pub use cluster::{AccessError, Cluster, ClusterSettings};
pub use leader::LeaseSettings;
pub use logging::{LogFormat, start_logging};
pub use metrics::{MetricDescription, describe_metrics};

pub(crate) use cluster_error::ClusterError;

use backoff::Backoff;
use context::Context;
use events::Events;
use http::HttpState;
use leader::{Election, Leadership};
use logins::Logins;
use metrics::Metrics;
use pages::Pages;
use panics::contain;
use rounds::Rounds;
use sets::Sets;
use tables::Tables;
use workers::Workers;

use crate::postgres::{Pool, PoolLimits};

/// Maximum number of concurrent requests to the API server.
const MAX_API_REQUESTS: usize = 8;

/// Time to abandon running steps.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(5);

/// Interval of the cleanup, in addition to the one after each deletion.
const CLEANUP_INTERVAL: Duration = Duration::from_secs(30);

/// Settings of the operator.
#[derive(Debug, Clone)]
pub struct RunSettings {
    /// Namespaces of the operator; empty for all.
    pub namespaces: Vec<String>,
    /// Address of the probes, the metrics, and the JSON paths under `/monitoring`.
    pub listen: SocketAddr,
    /// Leader election.
    pub lease: LeaseSettings,
    /// Maximum number of sessions to one Postgres server.
    pub sessions_per_server: usize,
    /// Interval at which every table is inspected without any other trigger.
    pub resync: Duration,
    /// Time for running steps to end at shutdown.
    pub grace: Duration,
}

/// Why the operator ended other than because it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// No way to an API server is configured, or it cannot be used.
    #[error("no Kubernetes API server is configured")]
    Configuration(#[source] kube::config::InferConfigError),
    /// The client cannot be made.
    #[error("cannot create the Kubernetes client")]
    Client(#[source] kube::Error),
    /// The address cannot be listened on.
    #[error("cannot listen on {0}")]
    Listen(SocketAddr, #[source] std::io::Error),
    /// The threads of the reconciles cannot be started.
    #[error("cannot start threads")]
    Threads(#[source] std::io::Error),
    /// A metric cannot be registered.
    #[error("cannot register the metrics")]
    Metrics(#[source] prometheus::Error),
    /// Signals cannot be received.
    #[error("cannot listen for signals")]
    Signals(#[source] std::io::Error),
    /// Watching ended.
    #[error("the watch of the resources ended")]
    WatchEnded,
}

/// Runs the operator until SIGTERM or SIGINT.
///
/// A background task may still run when this returns, and the caller must not wait for
/// it: shut the runtime down with [`tokio::runtime::Runtime::shutdown_background`].
///
/// # Errors
/// Returns an error if the operator cannot start.
pub async fn run(settings: RunSettings) -> Result<(), RunError> {
    // Fails only if a provider is installed already, which is fine.
    drop(rustls::crypto::ring::default_provider().install_default());
    let workers = Workers::start().map_err(RunError::Threads)?;
    let mut config = kube::Config::infer().await.map_err(RunError::Configuration)?;
    let (client, events) = {
        // A client answers on the threads that it was made on.
        let _on_workers = workers.handle().enter();
        let client = Client::try_from(config.clone()).map_err(RunError::Client)?;
        (client.clone(), Events::start(client, &settings.lease.identity))
    };
    config.default_retry = false;
    let no_retry = Client::try_from(config).map_err(RunError::Client)?;
    let metrics = Arc::new(Metrics::new().map_err(RunError::Metrics)?);
    let tables = Arc::new(Tables::default());
    let leadership = Arc::new(Leadership::default());
    let http = Arc::new(HttpState {
        metrics: Arc::clone(&metrics),
        tables: Arc::clone(&tables),
        leadership: Arc::clone(&leadership),
        ready: AtomicBool::new(true),
        heartbeat: workers.heartbeat(),
        pages: Pages::default(),
    });
    let listener = serve::bind(settings.listen)
        .await
        .map_err(|error| RunError::Listen(settings.listen, error))?;
    let stop = stop_on_signal(Arc::clone(&http))?;
    let context = Context {
        client: client.clone(),
        requests: Semaphore::new(MAX_API_REQUESTS),
        pool: Pool::new(PoolLimits::new(settings.sessions_per_server)),
        logins: Logins::default(),
        tables,
        rounds: Rounds::default(),
        sets: Sets::default(),
        backoff: Backoff::default(),
        events,
        metrics,
        resync: settings.resync,
        leadership,
        stop: stop.clone(),
        abort: CancellationToken::new(),
        deleted: Notify::new(),
        builds: Arc::default(),
    };
    let election = Election::new(no_retry, settings.lease.clone());
    tracing::info!(
        listen = %settings.listen,
        namespaces = scope(&settings.namespaces),
        version = env!("CARGO_PKG_VERSION"),
        "started"
    );
    tokio::select! {
        never = http::listen(listener, http) => match never {},
        ended = run_as_leader(client, &settings, election, context, stop, &workers) => ended,
    }
}

/// The namespaces that are watched, for the log.
fn scope(namespaces: &[String]) -> String {
    if namespaces.is_empty() { "all".to_owned() } else { namespaces.join(",") }
}

/// Waits for the Lease, leads until `stop`, and releases the Lease. A leader that loses the Lease stands by, and
/// is there when it can win it again.
async fn run_as_leader(
    client: Client,
    settings: &RunSettings,
    mut election: Election,
    context: Context,
    stop: CancellationToken,
    workers: &Workers,
) -> Result<(), RunError> {
    tokio::select! {
        () = election.acquire() => {}
        () = stop.cancelled() => return Ok(()),
    }
    let context = Arc::new(context);
    let abort = context.abort.clone();
    begin_to_lead(&election, &context);
    let work = keep_tables(client, settings.namespaces.clone(), Arc::clone(&context), stop.clone());
    let mut work = workers.handle().spawn(work);
    let ended = tokio::select! {
        never = stay(&mut election, &context) => match never {},
        _ = &mut work => if stop.is_cancelled() { Ok(()) } else { Err(RunError::WatchEnded) },
        () = stop.cancelled() => tokio::select! {
            never = stay(&mut election, &context) => match never {},
            () = shut_down(&mut work, &abort, settings.grace) => Ok(()),
        },
    };
    work.abort();
    context.metrics.set_leader(false);
    if ended.is_ok() {
        election.release().await;
    }
    ended
}

/// Renews the Lease. While renewal fails, no step starts. Running steps continue; the advisory lock of the table protects
/// them.
async fn stay(election: &mut Election, context: &Context) -> Infallible {
    loop {
        if !context.leadership.is_held() {
            election.acquire().await;
            begin_to_lead(election, context);
        }
        election.renew().await;
        context.leadership.revoke();
        context.metrics.set_leader(false);
        tracing::warn!("lost the Lease; running steps finish, and no step starts");
    }
}

fn begin_to_lead(election: &Election, context: &Context) {
    tracing::info!("became the leader");
    context.metrics.set_leader(true);
    context.leadership.begin(election);
}

/// Waits for running steps, and interrupts them after most of `grace`.
async fn shut_down(work: &mut JoinHandle<()>, abort: &CancellationToken, grace: Duration) {
    let shutdown_timeout = grace.min(SHUTDOWN_TIMEOUT);
    if timeout(grace.saturating_sub(shutdown_timeout), &mut *work).await.is_ok() {
        return;
    }
    tracing::warn!("interrupted the running steps");
    abort.cancel();
    if timeout(shutdown_timeout, work).await.is_err() {
        tracing::warn!("some steps did not stop in time");
    }
}

async fn keep_tables(
    client: Client,
    namespaces: Vec<String>,
    context: Arc<Context>,
    stop: CancellationToken,
) {
    let scopes: Vec<Option<&str>> = if namespaces.is_empty() {
        vec![None]
    } else {
        namespaces.iter().map(|namespace| Some(namespace.as_str())).collect()
    };
    let controllers = scopes.into_iter().map(|scope| {
        controller::control(client.clone(), scope, Arc::clone(&context), stop.clone())
    });
    let end = async {
        join_all(controllers).await;
        context.builds.all_ended().await;
    };
    tokio::select! {
        () = end => {}
        () = clean_up(&context) => {}
    }
}

/// Closes idle sessions and removes the state of deleted resources. It does not wait for a watch: there is no state for
/// resources in a namespace that was never listed.
async fn clean_up(context: &Arc<Context>) {
    let mut ticks = interval(CLEANUP_INTERVAL);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = context.deleted.notified() => {}
        }
        let cleaned = contain(async {
            context.pool.close_idle();
            if context.leadership.is_held() {
                claims::release_deleted(context);
            }
            let existing: HashSet<_> =
                context.tables.all().iter().filter_map(|w| w.uid()).collect();
            context.backoff.retain(|uid| existing.contains(uid));
            context.rounds.retain(|uid| existing.contains(uid));
            context.logins.clean_up();
            context.builds.retain(&existing);
        });
        if let Err(panic) = cleaned.await {
            tracing::error!(place = panic.place, panic = panic.message, "cleanup panicked");
        }
    }
}

fn stop_on_signal(http: Arc<HttpState>) -> Result<CancellationToken, RunError> {
    let mut terminate = signal(SignalKind::terminate()).map_err(RunError::Signals)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(RunError::Signals)?;
    let stop = CancellationToken::new();
    let stopped = stop.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("shutting down");
        http.ready.store(false, Ordering::Relaxed);
        stopped.cancel();
    });
    Ok(stop)
}
