//! Time to wait until the next reconcile.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use kube::{Resource as _, ResourceExt as _};

use super::next_reconcile::NextReconcile;
use crate::api::v1alpha1::{PartitionedTable, RECONCILE_ANNOTATION};
use crate::postgres::SlowSteps;

const MIN_RETRY_INTERVAL: Duration = Duration::from_secs(2);
const MAX_RETRY_INTERVAL: Duration = Duration::from_mins(5);

/// Pause before a run that an edit has ended is repeated. The watch can be late to report the edit.
const WATCH_DELAY: Duration = Duration::from_secs(1);

/// Longest delay after an instant at which many resources can be due.
const MAX_SPREAD: Duration = Duration::from_secs(2);

/// Records of each resource that is not Ready, by its UID.
#[derive(Default)]
pub(super) struct Backoff {
    unready: Mutex<HashMap<String, Unready>>,
    /// Steps of each resource that take too long, and the request of the user when they were tried.
    slow: Mutex<HashMap<String, (UserRequest, SlowSteps)>>,
}

/// Request of a user: the generation, and the annotation that requests a reconcile.
type UserRequest = (Option<i64>, Option<String>);

/// A resource that is not Ready.
#[derive(Clone, Copy)]
struct Unready {
    generation: Option<i64>,
    since: Instant,
    /// Runs in a row that ended with a failure.
    failures: u32,
}

impl Backoff {
    /// Returns for how long a resource of this generation has not been Ready.
    pub(super) fn unready_for(&self, uid: &str, generation: Option<i64>) -> Duration {
        unready(&mut self.unready(), uid, generation).since.elapsed()
    }

    /// Removes the records of a resource that is Ready.
    pub(super) fn ready(&self, uid: &str) {
        self.unready().remove(uid);
    }

    /// Returns the time until the next reconcile, or `None` if only a change triggers one.
    pub(super) fn retry_after(
        &self,
        uid: &str,
        generation: Option<i64>,
        next: NextReconcile,
    ) -> Option<Duration> {
        match next {
            NextReconcile::Now => Some(jittered(WATCH_DELAY)),
            NextReconcile::OnChange => None,
            NextReconcile::At(at) => {
                if let Some(unready) = self.unready().get_mut(uid) {
                    unready.failures = 0;
                }
                Some(until(at))
            }
            NextReconcile::AfterFailure { at_latest } => {
                let pause = self.failed(uid, generation);
                Some(at_latest.map_or(pause, |at| until(at).min(pause)))
            }
        }
    }

    /// Counts a failure, and returns the pause after it. An edit of the spec begins a new count.
    fn failed(&self, uid: &str, generation: Option<i64>) -> Duration {
        let mut resources = self.unready();
        let unready = unready(&mut resources, uid, generation);
        let pause = MIN_RETRY_INTERVAL
            .saturating_mul(2_u32.saturating_pow(unready.failures))
            .min(MAX_RETRY_INTERVAL);
        unready.failures += 1;
        jittered(pause)
    }

    fn unready(&self) -> MutexGuard<'_, HashMap<String, Unready>> {
        self.unready.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the steps of a resource that take too long; empty if a user has edited it or requested a
    /// reconcile since.
    pub(super) fn slow_steps(&self, table: &PartitionedTable) -> SlowSteps {
        let requested = table.annotations().get(RECONCILE_ANNOTATION).cloned();
        let request = (table.meta().generation, requested);
        let mut slow = self.slow.lock().unwrap_or_else(PoisonError::into_inner);
        let known = slow.entry(table.uid().unwrap_or_default()).or_default();
        if known.0 != request {
            *known = (request, SlowSteps::default());
        }
        known.1.clone()
    }

    /// Removes the records of resources that no longer exist, and records without content.
    pub(super) fn retain(&self, exists: impl Fn(&str) -> bool) {
        let mut unready = self.unready();
        unready.retain(|uid, _| exists(uid));
        unready.shrink_to_fit();
        let mut slow = self.slow.lock().unwrap_or_else(PoisonError::into_inner);
        slow.retain(|uid, (_, steps)| exists(uid) && !steps.is_unused());
        slow.shrink_to_fit();
    }
}

fn unready<'a>(
    resources: &'a mut HashMap<String, Unready>,
    uid: &str,
    generation: Option<i64>,
) -> &'a mut Unready {
    let new = || Unready { generation, since: Instant::now(), failures: 0 };
    let known = resources.entry(uid.to_owned()).or_insert_with(new);
    if known.generation != generation {
        *known = new();
    }
    known
}

/// Returns the time until an instant, and a little more: not all resources that are due then begin together.
fn until(at: Timestamp) -> Duration {
    let wait = Duration::try_from(at.duration_since(Timestamp::now())).unwrap_or_default();
    wait + (wait / 5).min(MAX_SPREAD).mul_f64(fastrand::f64())
}

/// Returns up to a fifth more or less, so that resources that came together do not return together.
pub(super) fn jittered(delay: Duration) -> Duration {
    delay.mul_f64(0.8 + 0.4 * fastrand::f64())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use jiff::Timestamp;

    use super::{Backoff, NextReconcile, SlowSteps};
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

    #[test]
    fn resource_without_slow_steps_has_no_record_after_its_run() {
        let backoff = Backoff::default();
        let of_a_run = backoff.slow_steps(&table(1, "a"));
        backoff.retain(|_| true);
        assert!(of_a_run.is_same(&backoff.slow_steps(&table(1, "a"))), "the run can record a step");
        drop(of_a_run);
        backoff.retain(|_| true);
        assert!(backoff.slow.lock().is_ok_and(|slow| slow.is_empty()));
    }

    /// Returns the pause in seconds, rounded to the power of two that was jittered.
    fn failed(backoff: &Backoff, generation: i64) -> Option<u64> {
        let next = NextReconcile::AfterFailure { at_latest: None };
        let pause = backoff.retry_after("1", Some(generation), next)?;
        [2, 4, 8].into_iter().find(|seconds| {
            let jitter = Duration::from_secs(*seconds).mul_f64(0.8)
                ..=Duration::from_secs(*seconds).mul_f64(1.2);
            jitter.contains(&pause)
        })
    }

    #[test]
    fn pause_grows_with_each_failure_of_one_generation() {
        let backoff = Backoff::default();
        assert_eq!([failed(&backoff, 1), failed(&backoff, 1)], [Some(2), Some(4)]);
        assert_eq!([failed(&backoff, 2), failed(&backoff, 2)], [Some(2), Some(4)]);
    }

    #[test]
    fn run_that_waits_or_succeeds_ends_the_count_of_failures() {
        let backoff = Backoff::default();
        assert_eq!([failed(&backoff, 1), failed(&backoff, 1)], [Some(2), Some(4)]);
        assert!(backoff.retry_after("1", Some(1), NextReconcile::At(Timestamp::now())).is_some());
        assert_eq!([failed(&backoff, 1), failed(&backoff, 1)], [Some(2), Some(4)]);
        backoff.ready("1");
        assert_eq!(failed(&backoff, 1), Some(2));
    }

    #[test]
    fn failure_delays_nothing_that_is_due() {
        let backoff = Backoff::default();
        let at_latest = Some(Timestamp::now());
        let next = NextReconcile::AfterFailure { at_latest };
        assert_eq!(backoff.retry_after("1", Some(1), next), Some(Duration::ZERO));
        assert_eq!(backoff.retry_after("1", Some(1), NextReconcile::OnChange), None);
    }
}
