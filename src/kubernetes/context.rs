//! What every reconcile shares.

use std::sync::Arc;
use std::time::Duration;

use kube::Client;
use tokio::sync::{Notify, Semaphore, SemaphorePermit};
use tokio_util::sync::CancellationToken;

use super::backoff::Backoff;
use super::builds::Asides;
use super::events::Events;
use super::leader::Leadership;
use super::metrics::Metrics;
use super::tables::Tables;
use crate::postgres::Pool;

/// Time for which a step retries to acquire what other sessions hold, before the next run tries it.
pub(super) const RETRY_TIMEOUT: Duration = Duration::from_secs(30);

/// What every reconcile shares.
pub(super) struct Context {
    pub(super) client: Client,
    /// How many ask the API server at once.
    pub(super) requests: Semaphore,
    pub(super) pool: Pool,
    pub(super) tables: Arc<Tables>,
    pub(super) backoff: Backoff,
    pub(super) events: Events,
    pub(super) metrics: Arc<Metrics>,
    /// How often to look for drift where nothing else asks for a look.
    pub(super) resync: Duration,
    /// Whether this replica leads: no step begins otherwise.
    pub(super) leadership: Arc<Leadership>,
    /// When no further reconcile begins.
    pub(super) stop: CancellationToken,
    /// When what is under way is to be left as it is.
    pub(super) leave: CancellationToken,
    /// A resource was deleted.
    pub(super) deleted: Notify,
    /// Builds of indexes in progress.
    pub(super) asides: Arc<Asides>,
}

impl Context {
    /// Waits until fewer than the most requests are under way. To be kept until the request has its answer.
    pub(super) async fn request_permit(&self) -> Option<SemaphorePermit<'_>> {
        // `None` only if the semaphore is closed, which it never is.
        self.requests.acquire().await.ok()
    }
}
