//! Shared state of all reconciles.

use std::sync::Arc;
use std::time::Duration;

use kube::Client;
use tokio::sync::{Notify, Semaphore, SemaphorePermit};
use tokio_util::sync::CancellationToken;

use super::backoff::Backoff;
use super::builds::IndexBuilds;
use super::events::Events;
use super::leader::Leadership;
use super::logins::Logins;
use super::metrics::Metrics;
use super::rounds::Rounds;
use super::sets::Sets;
use super::tables::Tables;
use crate::postgres::Pool;

/// Time for which a step retries to acquire what other sessions hold, before the next run tries it.
pub(super) const RETRY_TIMEOUT: Duration = Duration::from_secs(30);

/// Shared state of all reconciles.
pub(super) struct Context {
    pub(super) client: Client,
    /// Limit of concurrent requests to the API server.
    pub(super) requests: Semaphore,
    pub(super) pool: Pool,
    pub(super) logins: Logins,
    pub(super) tables: Arc<Tables>,
    pub(super) rounds: Rounds,
    pub(super) sets: Sets,
    pub(super) backoff: Backoff,
    pub(super) events: Events,
    pub(super) metrics: Arc<Metrics>,
    /// Interval of rounds, and of reconciles without any other trigger.
    pub(super) resync: Duration,
    /// Whether this replica leads. Otherwise no step begins.
    pub(super) leadership: Arc<Leadership>,
    /// Canceled when no further reconcile may begin.
    pub(super) stop: CancellationToken,
    /// Canceled when running steps must be abandoned.
    pub(super) abort: CancellationToken,
    /// Notified when a resource is deleted.
    pub(super) deleted: Notify,
    /// Index builds in progress.
    pub(super) builds: Arc<IndexBuilds>,
}

impl Context {
    /// Waits for a permit for a request. Keep it until the request has its answer.
    pub(super) async fn request_permit(&self) -> Option<SemaphorePermit<'_>> {
        // `None` only if the semaphore is closed, which it never is.
        self.requests.acquire().await.ok()
    }
}
