//! Contains panics. A panic while one resource is reconciled is an error of that resource: every other
//! resource, the Lease, and the probes continue.

use std::any::Any;
use std::panic::{AssertUnwindSafe, PanicHookInfo, set_hook};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::FutureExt;
use tokio::time::sleep;

/// Time until a service that panicked is started again.
const RESTART_INTERVAL: Duration = Duration::from_secs(5);

/// Place of the latest panic, which only the hook learns. A plan panics on another thread than the one
/// that reconciles.
static PLACE: Mutex<Option<String>> = Mutex::new(None);

/// A panic that was contained.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Panic {
    /// File and line, or `None` if no hook is installed.
    pub(super) place: Option<String>,
    /// Message of the panic. It can quote values, so it is logged and never written to a status.
    pub(super) message: String,
}

impl Panic {
    fn new(payload: &(dyn Any + Send)) -> Self {
        Self { place: last_panic_place().take(), message: message(payload) }
    }
}

impl std::fmt::Display for Panic {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let place = self.place.as_deref().unwrap_or("an unknown place");
        write!(f, "the operator panicked at {place}: report this bug with the operator's log")
    }
}

/// Logs panics in the format of the log from now on: whatever reads it gets no other lines.
pub(super) fn log_panics() {
    set_hook(Box::new(log));
}

fn log(info: &PanicHookInfo<'_>) {
    let place = info.location().map(|at| format!("{}:{}", at.file(), at.line()));
    self::last_panic_place().clone_from(&place);
    tracing::error!(place, panic = message(info.payload()), "panicked");
}

/// Runs `work` to its end, across its awaits. What it owns is dropped before this returns.
///
/// # Errors
/// Returns an error if `work` panics.
pub(super) async fn contain<T>(work: impl Future<Output = T>) -> Result<T, Panic> {
    // State that several reconciles share is behind mutexes that survive a panic.
    AssertUnwindSafe(work).catch_unwind().await.map_err(|payload| Panic::new(&*payload))
}

/// Runs a service to its end. After a panic it is started again.
pub(super) async fn restart_after_panics<F: Future<Output = ()>>(
    service: &str,
    mut start: impl FnMut() -> F,
) {
    while let Err(panic) = contain(start()).await {
        let Panic { place, message } = panic;
        tracing::error!(service, place, panic = message, "a service panicked and is restarted");
        sleep(RESTART_INTERVAL).await;
    }
}

fn last_panic_place() -> MutexGuard<'static, Option<String>> {
    PLACE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn message(payload: &(dyn Any + Send)) -> String {
    let literal = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
    literal.or_else(|| payload.downcast_ref::<String>().cloned()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::contain;

    /// Panics after an await, if requested.
    async fn work(panics: bool, owned: Arc<Mutex<u32>>) -> u32 {
        tokio::task::yield_now().await;
        let value = owned.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        assert!(!panics, "no month {}", 13);
        *value
    }

    #[tokio::test]
    async fn panic_after_an_await_becomes_an_error_and_drops_owned_values() {
        let owned = Arc::new(Mutex::new(7));
        let panic = contain(work(true, Arc::clone(&owned))).await.err();
        assert_eq!(panic.map(|panic| panic.message).as_deref(), Some("no month 13"));
        assert_eq!(Arc::strong_count(&owned), 1);
        assert_eq!(contain(work(false, owned)).await, Ok(7));
    }
}
