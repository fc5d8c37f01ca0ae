//! Status of a resource, as a plain function of the outcome of a reconcile.
//!
//! Only [`project`] computes a status. It uses neither the cluster, the database, nor a clock.

mod conditions;
mod conversion;
mod converted;
mod drift;
mod problem;
mod routing;
mod summary;
mod verdict;

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use crate::api::v1alpha1::PartitionedTableStatus;
use crate::api::{Reason, ResolvedBy};
use crate::desired::DesiredTable;
use crate::observed::ObservedTable;
use crate::plan::{Blocker, Plan, PlanTime, Step};

pub use conversion::{SyncTriggers, sync_triggers};
pub use drift::drift;
pub use problem::resolved_by;
pub use summary::strategy;

/// The reconciled resource.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// Previous status of the resource.
    pub previous: Option<&'a PartitionedTableStatus>,
    /// Generation of its spec.
    pub generation: Option<i64>,
    /// Value of its annotation [`crate::api::v1alpha1::RECONCILE_ANNOTATION`].
    pub requested: Option<&'a str>,
}

/// Outcome of a reconcile.
#[derive(Debug, Clone)]
pub enum Outcome<'a> {
    /// The operator inspected the table, and possibly changed it.
    Inspected(Observation<'a>),
    /// The operator could not inspect the table.
    Failed(Failure),
    /// `spec.suspend` is set.
    Suspended,
    /// The resource is being deleted, and a finalizer keeps it.
    Deleting,
    /// All sessions to its server are in use; the text says so.
    WaitingForSession(String),
}

/// An inspected table.
#[derive(Debug, Clone)]
pub struct Observation<'a> {
    /// Desired state.
    pub desired: &'a DesiredTable,
    /// Observed state.
    pub observed: &'a ObservedTable,
    /// Plan of the next run.
    pub remaining: &'a Plan,
    /// Times for which the plan was made.
    pub time: PlanTime,
    /// Failed steps.
    pub failed: Vec<FailedStep<'a>>,
    /// Why long-running work failed, or `None` if it did not.
    pub failed_work: Option<Failure>,
    /// Number of copied rows of a plain table and the time for them; `None` if none were copied.
    pub copied: Option<(u64, Duration)>,
}

impl Observation<'_> {
    /// Returns whether the table matches the spec, which makes `Ready` true.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        let has_failed = !self.failed.is_empty() || self.failed_work.is_some();
        self.remaining.is_done() && !has_failed && self.blocked().next().is_none()
    }

    /// Returns the reasons of the failed steps and of failed work.
    pub fn failed(&self) -> impl Iterator<Item = Reason> {
        let steps = self.failed.iter().map(|failed| problem::failed_step_reason(failed, self));
        steps.chain(self.failed_work.as_ref().map(|failure| failure.reason))
    }

    /// Returns the reasons of the blockers that time alone does not resolve.
    pub fn blocked(&self) -> impl Iterator<Item = Reason> {
        let reasons = self.remaining.deferred.iter().map(|deferral| reason_for(&deferral.blocker));
        reasons.filter(|reason| reason.resolved_by() != ResolvedBy::Time)
    }
}

/// A failed step.
#[derive(Debug, Clone)]
pub struct FailedStep<'a> {
    /// Failed step.
    pub step: &'a Step,
    /// Cause of the failure.
    pub failure: Failure,
}

/// Reason and message of a failure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Reason for a condition.
    pub reason: Reason,
    /// Message for a condition.
    pub message: String,
}

/// Returns the status for `outcome`.
#[must_use]
pub fn project(
    subject: &Subject<'_>,
    outcome: &Outcome<'_>,
    now: Timestamp,
) -> PartitionedTableStatus {
    let previous = subject.previous.cloned().unwrap_or_default();
    let mut status = PartitionedTableStatus {
        observed_generation: subject.generation,
        conditions: conditions::project(subject, outcome, now),
        ..previous
    };
    match outcome {
        Outcome::Suspended | Outcome::Deleting => {
            status.next_action_at = None;
            return status;
        }
        Outcome::WaitingForSession(_) => return status,
        // The last observed state stays; the time of the next step is unknown.
        Outcome::Failed(_) => status.next_action_at = None,
        Outcome::Inspected(observation) => describe(&mut status, observation),
    }
    status.last_handled_reconcile = subject.requested.map(str::to_owned);
    status
}

/// Returns the reason that a blocker gives a condition.
#[must_use]
pub fn reason_for(blocker: &Blocker) -> Reason {
    problem::reason_and_area(blocker).0
}

fn describe(status: &mut PartitionedTableStatus, observation: &Observation<'_>) {
    let (from, until) = summary::coverage(observation);
    status.strategy = Some(strategy(&observation.desired.partitioning));
    status.partitions = summary::counts(observation);
    status.covered_from = from;
    status.covered_until = until;
    status.next_action_at = summary::next_action(observation).map(Time);
    status.plan = summary::plan(observation.remaining);
    status.conversion = conversion::conversion(observation);
    status.parity = conversion::parity(observation);
}

#[cfg(test)]
mod tests;
