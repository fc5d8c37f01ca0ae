//! Permissions and time limits of a run.

use std::sync::Arc;
use std::time::Duration;

use crate::plan::{PlanTime, PlannedWork};
use crate::postgres::{AlwaysGranted, Authority, Claimant, SlowSteps};

/// Options of a run.
#[derive(Debug, Clone)]
pub struct Options {
    /// Times for which the plan is made.
    pub time: PlanTime,
    /// Time to retry while other sessions hold a lock.
    pub retry_timeout: Duration,
    /// Accepted fingerprints; if empty, any plan is accepted.
    pub expect: Vec<String>,
    /// Time to retry a detach that an older transaction blocks.
    pub detach_timeout: Duration,
    /// Resource that claims the table, or `None` on the command line.
    pub claimant: Option<Claimant>,
    /// Confirms that the run may continue, under the lock of the table and before each step.
    pub authority: Arc<dyn Authority>,
    /// Steps that exceeded their time limit and are not retried in this run.
    pub slow: SlowSteps,
    /// Whether this run leaves out the steps that [`super::converge_aside`] executes.
    pub skip_aside: bool,
    /// Time limit for long-running work; the next run continues.
    pub work_time: Duration,
    /// Whether the run executes comparisons that are due only because of `parity.every`.
    pub routine: bool,
}

impl Options {
    /// Returns options that accept any plan, claim no table, cannot be revoked, and do not wait for a blocked detach.
    #[must_use]
    pub fn new(time: PlanTime, retry_timeout: Duration) -> Self {
        Self {
            time,
            retry_timeout,
            expect: Vec::new(),
            detach_timeout: Duration::ZERO,
            claimant: None,
            authority: Arc::new(AlwaysGranted),
            slow: SlowSteps::default(),
            skip_aside: false,
            work_time: Duration::MAX,
            routine: false,
        }
    }

    /// Returns whether this run executes the work.
    #[must_use]
    pub(super) fn executes(&self, planned: &PlannedWork) -> bool {
        self.routine || !planned.is_routine()
    }
}
