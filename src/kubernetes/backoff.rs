//! When to try again.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

const FIRST: Duration = Duration::from_secs(2);
const LONGEST: Duration = Duration::from_mins(5);

/// How often each resource has failed in a row, by its UID and the generation that failed.
#[derive(Default)]
pub(super) struct Backoff {
    failures: Mutex<HashMap<String, Failures>>,
}

#[derive(Clone, Copy)]
struct Failures {
    generation: Option<i64>,
    count: u32,
}

impl Backoff {
    /// How long to wait after another failure. A new generation starts anew.
    pub(super) fn failed(&self, uid: &str, generation: Option<i64>) -> Duration {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        let known = failures.get(uid).filter(|known| known.generation == generation);
        let count = known.map_or(0, |known| known.count + 1);
        failures.insert(uid.to_owned(), Failures { generation, count });
        let delay = FIRST.saturating_mul(2_u32.saturating_pow(count)).min(LONGEST);
        jittered(delay)
    }

    /// All is well.
    pub(super) fn succeeded(&self, uid: &str) {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner).remove(uid);
    }

    /// Forgets the resources that are not there any more.
    pub(super) fn retain(&self, is_there: impl Fn(&str) -> bool) {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        failures.retain(|uid, _| is_there(uid));
    }
}

/// Up to a fifth more or less, so that what came together does not return together.
pub(super) fn jittered(delay: Duration) -> Duration {
    delay.mul_f64(0.8 + 0.4 * fastrand::f64())
}
