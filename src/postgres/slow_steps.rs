//! Steps whose own work takes too long. An immediate retry would only block the table again.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::DatabaseError;
use crate::partition::QualifiedName;
use crate::plan::Step;

/// Time until such a step is retried.
const RETRY_INTERVAL: Duration = Duration::from_hours(1);

/// Remembers the steps of one table that ran out of time by their own work.
///
/// A step is refused for an hour, or until `limits.lockTimeout` gives it more time. Clones share what they remember.
#[derive(Debug, Clone, Default)]
pub struct SlowSteps(Arc<Mutex<SlowStepMap>>);

type SlowStepMap = HashMap<(&'static str, QualifiedName), Slow>;

#[derive(Debug)]
struct Slow {
    error: DatabaseError,
    lock_timeout: Duration,
    tried: Instant,
}

impl SlowSteps {
    /// Returns whether no step is recorded, and no run can record one.
    #[must_use]
    pub fn is_unused(&self) -> bool {
        Arc::strong_count(&self.0) == 1 && self.lock().is_empty()
    }

    /// Returns the error with which the step failed, or `None` if it may be tried.
    pub(super) fn recent_failure(
        &self,
        step: &Step,
        lock_timeout: Duration,
    ) -> Option<DatabaseError> {
        let slow_steps = self.lock();
        let slow = slow_steps.get(&(step.verb(), step.subject()))?;
        let is_refused = slow.tried.elapsed() < RETRY_INTERVAL && lock_timeout <= slow.lock_timeout;
        is_refused.then(|| slow.error.clone())
    }

    /// Remembers how a step failed.
    pub(super) fn record(&self, step: &Step, lock_timeout: Duration, error: &DatabaseError) {
        let slow = Slow { error: error.clone(), lock_timeout, tried: Instant::now() };
        self.lock().insert((step.verb(), step.subject()), slow);
    }

    /// Returns whether both remember the same.
    #[cfg(test)]
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    fn lock(&self) -> MutexGuard<'_, SlowStepMap> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
