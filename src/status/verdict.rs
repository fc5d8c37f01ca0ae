//! Verdict of each condition of a table.

use std::collections::BTreeSet;

use super::problem::{Area, Problem};
use super::{Failure, Observation, conversion, summary};
use crate::api::Reason;
use crate::desired::{Mode, Partitioning};
use crate::partition::{Identifier, MarkerState, QualifiedName};
use crate::plan::{Cause, Coverage, Family, MarkAs, MarkPartitions, PlannedStep, Step};

pub(super) const TRUE: &str = "True";
pub(super) const FALSE: &str = "False";
pub(super) const UNKNOWN: &str = "Unknown";

/// Status, reason, and message of a condition.
pub(super) struct Verdict {
    pub(super) status: &'static str,
    pub(super) reason: Reason,
    pub(super) message: String,
}

pub(super) fn reachable_after_failure(failure: &Failure) -> Verdict {
    let Failure { reason, message } = failure;
    if denies_access(*reason) {
        new_verdict(FALSE, *reason, message.clone())
    } else if is_answer(*reason) {
        new_verdict(TRUE, Reason::Connected, "the database responded".to_owned())
    } else {
        not_checked(*reason)
    }
}

/// Returns whether the operator cannot use the database after this failure.
fn denies_access(reason: Reason) -> bool {
    matches!(
        reason,
        Reason::SecretNotFound
            | Reason::SecretInvalid
            | Reason::ConnectionFailed
            | Reason::AuthenticationFailed
            | Reason::TlsFailed
            | Reason::PoolerDetected
            | Reason::ReadOnlyReplica
            | Reason::ReadOnly
            | Reason::UnsupportedServer
            | Reason::InsufficientPrivilege
    )
}

/// Returns whether the database responded although the reconcile failed.
fn is_answer(reason: Reason) -> bool {
    matches!(
        reason,
        Reason::Conflict
            | Reason::TableLocked
            | Reason::LockedByAnotherOperator
            | Reason::LockTimeout
            | Reason::StepFailed
    )
}

pub(super) fn reachable(observation: &Observation<'_>, problems: &[Problem]) -> Verdict {
    if let Some(problem) = first(problems, Area::Access) {
        return problem.to_verdict();
    }
    let server = &observation.observed.server;
    let role = server.role.as_ref().map_or("the login role".to_owned(), Identifier::display);
    let mut message = format!("Postgres {}, as {role}", server.version);
    if server.superuser {
        message
            .push_str(", a superuser: log in as a role that is only a member of the table owner");
    }
    new_verdict(TRUE, Reason::Connected, message)
}

pub(super) fn covered(observation: &Observation<'_>, problems: &[Problem]) -> Verdict {
    let calendar = summary::calendar(observation);
    let (is_covered, reason) = match (&observation.desired.partitioning, &calendar) {
        (Partitioning::Range(_), Some(calendar)) => {
            let coverage = Coverage::new(calendar, observation.observed);
            (coverage.is_some_and(|found| found.is_complete(calendar)), Reason::PeriodsCovered)
        }
        (Partitioning::Hash(_), _) if observation.observed.key().is_some() => {
            (summary::takes_every_remainder(observation.observed), Reason::RemaindersCovered)
        }
        _ => return not_checked_because(problems.first()),
    };
    if is_covered {
        new_verdict(TRUE, reason, coverage_message(observation))
    } else if let Some(problem) = first(problems, Area::Partitions) {
        problem.to_verdict()
    } else {
        new_verdict(FALSE, Reason::PartitionsMissing, coverage_message(observation))
    }
}

/// Returns `None` for a hash, which has no retention.
pub(super) fn retained(observation: &Observation<'_>, problems: &[Problem]) -> Option<Verdict> {
    let Partitioning::Range(range) = &observation.desired.partitioning else { return None };
    let blocked = first(problems, Area::Table).or(first(problems, Area::Access));
    let is_paused = observation.observed.copy.is_some() || observation.observed.plain.is_some();
    if is_paused && conversion::stage(observation).is_some() && blocked.is_none() {
        let message = "retention is paused while the table is converted".to_owned();
        return Some(new_verdict(TRUE, Reason::ConversionFirst, message));
    }
    let calendar = summary::calendar(observation).filter(|_| blocked.is_none());
    let Some(calendar) = calendar else {
        return Some(not_checked_because(blocked.or(problems.first())));
    };
    // `approve` reads from this condition that a plan awaits approval, so that takes precedence over other blockers.
    let approval = problems.iter().find(|problem| problem.reason == Reason::AwaitingApproval);
    if let Some(problem) = approval.or(first(problems, Area::Retention)) {
        return Some(problem.to_verdict());
    }
    let expired = past_retention(observation);
    let left_alone = observation.remaining.notes.iter();
    let left_alone = left_alone.map(|planned| &planned.note).find(|note| note.is_about_expired());
    Some(match (expired, left_alone, calendar.retained_from) {
        (None, None, None) if range.retention.is_none() => {
            let message = "spec.retention is absent: nothing expires".to_owned();
            new_verdict(TRUE, Reason::NoRetention, message)
        }
        (None, None, retained_from) => {
            let from =
                retained_from.map(|edge| calendar.grid.axis.key.display(edge)).unwrap_or_default();
            let message = format!("no partition ends before {from}{}", unmanaged(observation));
            new_verdict(TRUE, Reason::NothingExpired, message)
        }
        (None, Some(note), _) => {
            new_verdict(FALSE, Reason::PartitionsPastRetention, note.explain())
        }
        (Some(expired), _, _) => new_verdict(FALSE, Reason::PartitionsPastRetention, expired),
    })
}

/// Returns the partitions that the retention does not apply to, although none has expired yet.
fn unmanaged(observation: &Observation<'_>) -> String {
    let unmanaged = observation.observed.attached().filter(|p| !p.state.is_managed());
    match unmanaged.filter(|p| p.bounds.as_range().is_some()).count() {
        0 => String::new(),
        1 => "; spec.retention does not apply to 1 unmanaged partition".to_owned(),
        count => format!("; spec.retention does not apply to {count} unmanaged partitions"),
    }
}

/// Returns a message about the partitions past the retention that have planned steps, or `None` if there are none.
fn past_retention(observation: &Observation<'_>) -> Option<String> {
    let steps = observation.remaining.steps.iter();
    let expired: BTreeSet<_> =
        steps.flat_map(|planned| expired_by(&planned.step, observation)).collect();
    let first = expired.first()?.display();
    let (state, them) = match expired.len() {
        1 => (format!("partition {first} is past the retention"), "it"),
        count => (format!("{count} partitions are past the retention (first: {first})"), "them"),
    };
    Some(state + ": " + &remedy(observation, ("detaches or drops", "detach or drop"), them))
}

/// Returns the partitions of a step that is planned because they are past the retention. An adoption, a bounds check, and the
/// finalize of a detach that a user started have other causes.
fn expired_by(step: &Step, observation: &Observation<'_>) -> Vec<QualifiedName> {
    if let Step::MarkPartitions(MarkPartitions { partitions, mark_as, .. }) = step {
        let is_expired = matches!(mark_as, MarkAs::Expired { .. });
        return partitions
            .iter()
            .filter(|_| is_expired)
            .map(|marked| marked.name.clone())
            .collect();
    }
    let is_expired = if let Step::FinalizeDetach(finalize) = step {
        is_marked_expired(&finalize.partition, observation)
    } else {
        matches!(step, Step::RecordDetach(_)) || step.facts().family == Family::Retention
    };
    is_expired.then(|| step.subject()).into_iter().collect()
}

fn is_marked_expired(partition: &QualifiedName, observation: &Observation<'_>) -> bool {
    let mark =
        observation.observed.partition(partition).and_then(|found| found.state.marker_state());
    matches!(mark, Some(MarkerState::Expired { .. }))
}

/// Returns who executes the remaining steps.
pub(super) fn remedy(
    observation: &Observation<'_>,
    (does, verb): (&str, &str),
    them: &str,
) -> String {
    match observation.desired.mode {
        Mode::Enforce => format!("the next run {does} {them}"),
        Mode::Plan => format!("set spec.mode to Enforce to let the operator {verb} {them}"),
    }
}

pub(super) fn indexed(observation: &Observation<'_>, problems: &[Problem]) -> Verdict {
    let blocked = first(problems, Area::Table).or(first(problems, Area::Access));
    if blocked.is_some() {
        return not_checked_because(blocked);
    }
    if let Some(problem) = first(problems, Area::Indexes) {
        return problem.to_verdict();
    }
    let steps = || observation.remaining.steps.iter().filter(|planned| is_for_index(planned));
    let Some(cause) = steps().next().map(|planned| planned.cause) else {
        return new_verdict(
            TRUE,
            Reason::IndexesValid,
            "no index is missing or invalid".to_owned(),
        );
    };
    let (reason, state) = if cause == Cause::InvalidIndex {
        (Reason::IndexInvalid, "invalid")
    } else if cause == Cause::DefinitionChanged {
        (Reason::IndexesMissing, "different from the spec")
    } else {
        (Reason::IndexesMissing, "missing or incomplete")
    };
    let of_cause = steps().filter(|planned| planned.cause == cause);
    let indexes: BTreeSet<_> = of_cause.map(|planned| planned.step.subject()).collect();
    let first = indexes.first().map(QualifiedName::display).unwrap_or_default();
    let (state, them) = match indexes.len() {
        1 => (format!("index {first} is {state}"), "it"),
        count => (format!("{count} indexes are {state} (first: {first})"), "them"),
    };
    new_verdict(FALSE, reason, state + ": " + &remedy(observation, ("builds", "build"), them))
}

/// Returns whether a step is planned because an index is missing, is invalid, or differs from the spec. The drop of an index
/// that is not needed has another cause.
pub(super) fn is_for_index(planned: &PlannedStep) -> bool {
    let only_drops = matches!(planned.step, Step::DropIndex(_) | Step::DropParentIndex(_));
    let is_of_index = planned.step.facts().family == Family::Index;
    is_of_index && (!only_drops || planned.cause == Cause::InvalidIndex)
}

pub(super) fn first(problems: &[Problem], area: Area) -> Option<&Problem> {
    problems.iter().find(|problem| problem.area == area)
}

pub(super) fn summary_of(observation: &Observation<'_>) -> String {
    let attached = match observation.observed.attached().count() {
        1 => "1 partition".to_owned(),
        count => format!("{count} partitions"),
    };
    format!("{attached}, {}", coverage_message(observation))
}

fn coverage_message(observation: &Observation<'_>) -> String {
    match (&observation.desired.partitioning, summary::coverage(observation).1) {
        (Partitioning::Range(_), Some(until)) => format!("covered until {until}"),
        (Partitioning::Range(_), None) => "no partition covers the current period".to_owned(),
        (Partitioning::Hash(_), _) if summary::takes_every_remainder(observation.observed) => {
            "every remainder covered".to_owned()
        }
        (Partitioning::Hash(_), _) => "some remainders have no partition".to_owned(),
    }
}

/// Returns the verdict of a condition that a problem of the whole table prevents from being checked.
pub(super) fn not_checked(reason: Reason) -> Verdict {
    let message = format!("not checked because of {reason}: resolve that first");
    new_verdict(UNKNOWN, Reason::NotChecked, message)
}

/// Returns the verdict of a condition that a problem prevents from being checked, or that was not read in this run.
pub(super) fn not_checked_because(problem: Option<&Problem>) -> Verdict {
    let not_read =
        || new_verdict(UNKNOWN, Reason::NotChecked, "not checked in this run".to_owned());
    problem.map_or_else(not_read, |problem| not_checked(problem.reason))
}

pub(super) fn new_verdict(status: &'static str, reason: Reason, message: String) -> Verdict {
    Verdict { status, reason, message }
}

impl Problem {
    /// Returns the verdict of a condition that a problem makes false.
    pub(super) fn to_verdict(&self) -> Verdict {
        new_verdict(FALSE, self.reason, self.message.clone())
    }
}
