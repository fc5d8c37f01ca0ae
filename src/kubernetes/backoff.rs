//! When to try again.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use kube::{Resource as _, ResourceExt as _};

use crate::api::v1alpha1::{PartitionedTable, RECONCILE_ANNOTATION};
use crate::postgres::SlowSteps;

const FIRST: Duration = Duration::from_secs(2);
const LONGEST: Duration = Duration::from_mins(5);

/// How often each resource has failed in a row, by its UID and the generation that failed.
#[derive(Default)]
pub(super) struct Backoff {
    failures: Mutex<HashMap<String, Failures>>,
    /// The steps of each resource that take too long, and what a user asked for when they were tried.
    slow: Mutex<HashMap<String, (Asked, SlowSteps)>>,
}

/// What tells whether a user has asked for something since: the generation, and the annotation that asks for a
/// reconcile.
type Asked = (Option<i64>, Option<String>);

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

    /// Returns the steps of a resource that take too long; empty if a user has edited it or requested a
    /// reconcile since.
    pub(super) fn slow_steps(&self, table: &PartitionedTable) -> SlowSteps {
        let requested = table.annotations().get(RECONCILE_ANNOTATION).cloned();
        let asked = (table.meta().generation, requested);
        let mut slow = self.slow.lock().unwrap_or_else(PoisonError::into_inner);
        let known = slow.entry(table.uid().unwrap_or_default()).or_default();
        if known.0 != asked {
            *known = (asked, SlowSteps::default());
        }
        known.1.clone()
    }

    /// Forgets the resources that are not there any more.
    pub(super) fn retain(&self, is_there: impl Fn(&str) -> bool) {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        failures.retain(|uid, _| is_there(uid));
        let mut slow = self.slow.lock().unwrap_or_else(PoisonError::into_inner);
        slow.retain(|uid, _| is_there(uid));
    }
}

/// Up to a fifth more or less, so that what came together does not return together.
pub(super) fn jittered(delay: Duration) -> Duration {
    delay.mul_f64(0.8 + 0.4 * fastrand::f64())
}

#[cfg(test)]
mod tests {
    use super::{Backoff, SlowSteps};
    use crate::api::v1alpha1::{PartitionedTable, RECONCILE_ANNOTATION};

    fn table(generation: i64, requested: &str) -> PartitionedTable {
        let resource = serde_json::json!({
            "apiVersion": "pgpartition.dev/v1alpha1", "kind": "PartitionedTable",
            "metadata": {
                "name": "t", "uid": "1", "generation": generation,
                "annotations": {RECONCILE_ANNOTATION: requested},
            },
            "spec": {"table": "t", "partitionBy": {"hash": {"columns": ["id"], "partitions": 2}}},
        });
        serde_json::from_value(resource).expect("a resource")
    }

    #[test]
    fn slow_steps_are_remembered_until_a_user_edits_or_requests() {
        let backoff = Backoff::default();
        let first = backoff.slow_steps(&table(1, "a"));
        let is_first = |other: &SlowSteps| SlowSteps::is_same(&first, other);
        assert!(is_first(&backoff.slow_steps(&table(1, "a"))));
        assert!(!is_first(&backoff.slow_steps(&table(1, "b"))), "a reconcile was requested");
        assert!(!is_first(&backoff.slow_steps(&table(2, "b"))), "the spec was edited");
    }
}
