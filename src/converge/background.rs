//! Computations on threads of their own, apart from those for database connections.

use std::future::pending;
use std::panic::resume_unwind;

use tokio::sync::Semaphore;
use tokio::task::{JoinError, spawn_blocking};

use crate::desired::DesiredTable;
use crate::observed::ObservedTable;
use crate::plan::{CheckedPlan, Plan, PlanTime, Violation, check};

/// Maximum number of concurrent computations. It exceeds the number of cores, so that a short plan does not wait behind
/// long ones.
static COMPUTING: Semaphore = Semaphore::const_new(32);

/// Computes a plan in the background.
pub(super) async fn decide<T: Send + 'static>(
    desired: &DesiredTable,
    observed: ObservedTable,
    time: &PlanTime,
    decision: impl FnOnce(&DesiredTable, &ObservedTable, &PlanTime) -> T + Send + 'static,
) -> (ObservedTable, T) {
    let (desired, time) = (desired.clone(), *time);
    in_background(move || {
        let decided = decision(&desired, &observed, &time);
        (observed, decided)
    })
    .await
}

/// Checks a plan in the background.
pub(super) async fn check_in_background(
    plan: Plan,
    desired: &DesiredTable,
    observed: ObservedTable,
    time: &PlanTime,
) -> Result<CheckedPlan, Violation> {
    decide(desired, observed, time, move |d, o, m| check(plan, d, o, m)).await.1
}

/// Computes on another thread, so that other tasks of this thread continue. A panic there is resumed here.
pub(super) async fn in_background<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> T {
    let permit = COMPUTING.acquire().await;
    let computed = spawn_blocking(move || {
        let _permit = permit;
        work()
    });
    match computed.await.map_err(JoinError::try_into_panic) {
        Ok(computed) => computed,
        Err(Ok(panic)) => resume_unwind(panic),
        // The runtime is shutting down together with the waiting task.
        Err(Err(_)) => pending().await,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;
    use std::time::Duration;

    use super::in_background;

    /// Long enough for any machine; no test waits for it to elapse.
    const LIMIT: Duration = Duration::from_mins(2);

    #[tokio::test]
    async fn other_tasks_run_while_a_plan_is_computed() {
        let (release, wait) = channel();
        let computed = in_background(move || wait.recv_timeout(LIMIT));
        let (computed, sent) = tokio::join!(computed, async { release.send(7) });
        assert_eq!((computed, sent), (Ok(7), Ok(())));
    }

    #[tokio::test]
    async fn panic_of_a_plan_is_a_panic_of_its_caller() {
        let ended = tokio::spawn(in_background(|| panic!("no month 13"))).await;
        assert!(ended.is_err_and(|error| error.is_panic()));
    }
}
