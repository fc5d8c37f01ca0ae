//! Permissions and time limits of a run.

use std::sync::Arc;
use std::time::Duration;

use crate::plan::{PlanTime, PlannedWork};
use crate::postgres::{Authority, Claimant, SlowSteps, Unrevoked};

/// Options of a run.
#[derive(Debug, Clone)]
pub struct Options {
    /// The instants the plan is for.
    pub moment: PlanTime,
    /// Time to retry while other sessions hold a lock.
    pub retry_timeout: Duration,
    /// The fingerprints a person has seen; empty where any plan will do.
    pub expect: Vec<String>,
    /// Time to keep retrying a detach whose end waits for an old transaction.
    pub detach_timeout: Duration,
    /// The resource that claims the table; `None` on the command line.
    pub claimant: Option<Claimant>,
    /// Asked whether the run may go on, under the lock of the table and before each step.
    pub authority: Arc<dyn Authority>,
    /// Steps that take too long, and are not retried immediately.
    pub slow: SlowSteps,
    /// Whether steps that [`super::converge_aside`] executes are left to it.
    pub leave_aside: bool,
    /// Time that a run may spend on work; what is left is for the next run.
    pub work_time: Duration,
    /// Whether comparisons are done that are only due again.
    pub routine: bool,
}

impl Options {
    /// Accepts any plan for that moment and cannot be revoked. It claims no table and waits for no blocked detach.
    #[must_use]
    pub fn new(moment: PlanTime, retry_timeout: Duration) -> Self {
        Self {
            moment,
            retry_timeout,
            expect: Vec::new(),
            detach_timeout: Duration::ZERO,
            claimant: None,
            authority: Arc::new(Unrevoked),
            slow: SlowSteps::default(),
            leave_aside: false,
            work_time: Duration::MAX,
            routine: false,
        }
    }

    /// Returns whether this run does such work.
    #[must_use]
    pub(super) fn does(&self, planned: &PlannedWork) -> bool {
        self.routine || !planned.is_routine()
    }
}
