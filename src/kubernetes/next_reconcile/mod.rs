//! Time of the next reconcile: a plain function of the result of the run.
//!
//! | result of the run | next reconcile |
//! |---|---|
//! | everything is as the spec says, and the catalog shows each change of that: the table is quiet | after an hour; meanwhile a [round](super::rounds) inspects the table every `--resync` |
//! | everything is as the spec says, but not only the catalog shows it, or the run has executed steps | after `--resync`, 5 minutes at most, which renews the claim |
//! | a plan awaits approval, or `mode` is `Plan` | after `--resync`: the watch reports the approval and the edit |
//! | a deferred step waits for a user, or for another build of its index | while it lasts, see below |
//! | steps are left and none failed: an index is being built, or the catalog changed | while it lasts, see below |
//! | a table has a copy or a source that the spec asks for, and `mode` is `Enforce` | 30 s: a change of the table is followed |
//! | work is left and none failed: rows are being copied or compared | after 1 s |
//! | a detach is pending: rows of its partition are invisible | while it lasts, every 10 s at least |
//! | a step or the whole run waits for a session | while it lasts, every 10 s at least |
//! | an older resource manages the table | while it lasts, every 50 s at least |
//! | a step failed, or the table could not be inspected | after a failure: 2 s, 4 s, … 5 minutes |
//! | the API server failed, or the reconcile panicked | after a failure |
//! | something becomes due by the clock | then, if that is earlier |
//! | the spec is invalid, `suspend` is set, or the resource is being deleted | on change |
//! | the resource changed during the run | now |
//!
//! If several apply, the earliest counts. The operator gets no notification of a change in the database, such as a grant. So
//! what lasts is checked again after half the time it has lasted, `--resync` at most: soon while a user
//! works on it, and seldom if it lasts for days.

use std::time::Duration;

use jiff::Timestamp;

use super::failure::ReconcileError;
use crate::api::Reason;
use crate::desired::Mode;
use crate::status::{Observation, Outcome};

/// Time until a problem that has only begun is checked again.
const FIRST_CHECK: Duration = Duration::from_secs(1);

/// Longest time between two checks of what may end at any moment: a pending detach, or the lack of a session.
const SHORT_CHECK_INTERVAL: Duration = Duration::from_secs(10);

/// Longest time between two inspections of a table that is converted: until the copy follows a change of its source, writes
/// can fail.
const CONVERSION_INTERVAL: Duration = Duration::from_secs(30);

/// Longest time between two checks of whether an older resource still manages the table.
const CONFLICT_CHECK_INTERVAL: Duration = Duration::from_secs(50);

/// Time of the next reconcile. A change of the resource always triggers one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NextReconcile {
    /// Immediately: the resource has changed since the run began.
    Now,
    /// At this instant.
    At(Timestamp),
    /// Only if the resource changes, or what it refers to.
    OnChange,
    /// After a pause that grows with each failure.
    AfterFailure {
        /// The instant at which to reconcile even if the pause is longer.
        at_latest: Option<Timestamp>,
    },
}

/// Inputs of the next reconcile in addition to the outcome.
#[derive(Debug, Clone, Copy)]
pub(super) struct Timing {
    pub(super) now: Timestamp,
    /// Time for which the resource has not been Ready since its spec was edited last.
    pub(super) unready_for: Duration,
    /// Time after which a table is reconciled without any other trigger.
    pub(super) resync: Duration,
    /// Time of the next step that is due because of time alone.
    pub(super) due: Option<Timestamp>,
}

impl Timing {
    fn after(&self, pause: Duration) -> Timestamp {
        self.now.checked_add(pause).unwrap_or(Timestamp::MAX)
    }

    /// Returns when to check again what has lasted since the resource was Ready.
    fn check(&self, longest: Duration) -> Timestamp {
        self.after((self.unready_for / 2).max(FIRST_CHECK).min(longest))
    }
}

/// Reconcile that one problem needs.
enum Retry {
    /// The pause grows with each failure.
    Backoff,
    /// Check again at least this often.
    Check(Duration),
    /// Only a change of the resource resolves it.
    OnChange,
}

/// Returns when to reconcile a resource again after a run with this outcome, or after none because of an error.
pub(super) fn next_reconcile(
    run: Result<&Outcome<'_>, &ReconcileError>,
    timing: &Timing,
) -> NextReconcile {
    match run {
        Ok(Outcome::Inspected(observation)) => after_inspection(observation, timing),
        Ok(Outcome::Failed(failure)) | Err(ReconcileError::Of(failure)) => {
            match after_failure(failure.reason, timing) {
                Retry::Backoff => NextReconcile::AfterFailure { at_latest: None },
                Retry::Check(longest) => NextReconcile::At(timing.check(longest)),
                Retry::OnChange => NextReconcile::OnChange,
            }
        }
        Ok(Outcome::WaitingForSession(_)) | Err(ReconcileError::NoSession(_)) => {
            NextReconcile::At(timing.check(SHORT_CHECK_INTERVAL))
        }
        Ok(Outcome::Suspended | Outcome::Deleting) | Err(ReconcileError::ShuttingDown) => {
            NextReconcile::OnChange
        }
        Err(ReconcileError::Superseded) => NextReconcile::Now,
        Err(ReconcileError::Cluster(_)) => NextReconcile::AfterFailure { at_latest: None },
    }
}

fn after_inspection(observation: &Observation<'_>, timing: &Timing) -> NextReconcile {
    let failed = observation.failed().map(|reason| after_failure(reason, timing));
    let blocked = observation.blocked().map(|reason| while_blocked(reason, timing));
    let goes_on =
        observation.desired.mode == Mode::Enforce && observation.failed().next().is_none();
    if goes_on && observation.remaining.work.is_some() {
        return NextReconcile::At(timing.after(FIRST_CHECK));
    }
    let has_steps = goes_on && !observation.remaining.steps.is_empty();
    let work = has_steps.then_some(Retry::Check(timing.resync));
    let (mut earliest, mut has_failed) = (timing.due, false);
    for retry in failed.chain(blocked).chain(work) {
        match retry {
            Retry::Backoff => has_failed = true,
            Retry::Check(longest) => {
                let check = timing.check(longest);
                earliest = Some(earliest.map_or(check, |earliest| earliest.min(check)));
            }
            Retry::OnChange => {}
        }
    }
    if has_failed {
        return NextReconcile::AfterFailure { at_latest: earliest };
    }
    let is_converted =
        observation.observed.copy.is_some() && observation.desired.conversion.is_some();
    let follows = is_converted && observation.desired.mode == Mode::Enforce;
    let longest = if follows { CONVERSION_INTERVAL } else { Duration::MAX };
    let resync = timing.after(timing.resync.min(longest));
    NextReconcile::At(earliest.map_or(resync, |earliest| earliest.min(resync)))
}

fn after_failure(reason: Reason, timing: &Timing) -> Retry {
    let is = |reasons: &[Reason]| reasons.contains(&reason);
    if is(&[Reason::DetachPending, Reason::WaitingForSession]) {
        Retry::Check(SHORT_CHECK_INTERVAL)
    } else if is(&[Reason::Conflict]) {
        Retry::Check(CONFLICT_CHECK_INTERVAL)
    } else if is(&[Reason::Progressing]) {
        // The step or the table had changed, and the next run sees it as it is.
        Retry::Check(timing.resync)
    } else if is(&[Reason::InvalidSpec]) {
        Retry::OnChange
    } else {
        Retry::Backoff
    }
}

fn while_blocked(reason: Reason, timing: &Timing) -> Retry {
    if reason == Reason::AwaitingApproval {
        Retry::OnChange
    } else if reason == Reason::DetachPending {
        Retry::Check(SHORT_CHECK_INTERVAL)
    } else {
        Retry::Check(timing.resync)
    }
}

#[cfg(test)]
mod tests;
