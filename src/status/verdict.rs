//! Verdict of each condition of a table.

use std::collections::BTreeSet;

use super::problem::{About, Obstacle};
use super::{Failure, Seen, conversion, summary};
use crate::api::Reason;
use crate::desired::{Mode, Partitioning};
use crate::partition::{Identifier, Mark, QualifiedName};
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
        says(FALSE, *reason, message.clone())
    } else if is_answer(*reason) {
        says(TRUE, Reason::Connected, "it answered".to_owned())
    } else {
        unknown()
    }
}

/// Returns whether a failure says that the database cannot be worked with.
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

/// Returns whether a failure says that the database can be worked with, though not now.
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

pub(super) fn reachable(seen: &Seen<'_>, obstacles: &[Obstacle]) -> Verdict {
    if let Some(obstacle) = first(obstacles, About::Access) {
        return obstacle.denies();
    }
    let server = &seen.observed.server;
    let role = server.role.as_ref().map_or("the login role".to_owned(), Identifier::shown);
    let mut message = format!("Postgres {}, as {role}", server.version);
    if server.superuser {
        message
            .push_str(", a superuser: log in as a role that is only a member of the table owner");
    }
    says(TRUE, Reason::Connected, message)
}

pub(super) fn covered(seen: &Seen<'_>, obstacles: &[Obstacle]) -> Verdict {
    let calendar = summary::calendar(seen);
    let (is_covered, reason) = match (&seen.desired.partitioning, &calendar) {
        (Partitioning::Range(_), Some(calendar)) => {
            let coverage = Coverage::new(calendar, seen.observed);
            (coverage.is_some_and(|found| found.is_complete(calendar)), Reason::PeriodsCovered)
        }
        (Partitioning::Hash(_), _) if seen.observed.key().is_some() => {
            (summary::takes_every_remainder(seen.observed), Reason::RemaindersCovered)
        }
        _ => return unknown(),
    };
    if is_covered {
        says(TRUE, reason, coverage_message(seen))
    } else if let Some(obstacle) = first(obstacles, About::Partitions) {
        obstacle.denies()
    } else {
        says(FALSE, Reason::PartitionsMissing, coverage_message(seen))
    }
}

/// `None` on a hash, of which nothing expires.
pub(super) fn retained(seen: &Seen<'_>, obstacles: &[Obstacle]) -> Option<Verdict> {
    let Partitioning::Range(range) = &seen.desired.partitioning else { return None };
    let blocked = first(obstacles, About::Table).or(first(obstacles, About::Access));
    let is_paused = seen.observed.copy.is_some() || seen.observed.plain.is_some();
    if is_paused && conversion::stage(seen).is_some() && blocked.is_none() {
        let message = "nothing expires while the table is converted".to_owned();
        return Some(says(TRUE, Reason::ConversionFirst, message));
    }
    let calendar = summary::calendar(seen).filter(|_| blocked.is_none());
    let Some(calendar) = calendar else { return Some(unknown()) };
    // `approve` learns here that a plan awaits approval, whatever else keeps partitions.
    let approval = obstacles.iter().find(|obstacle| obstacle.reason == Reason::AwaitingApproval);
    if let Some(obstacle) = approval.or(first(obstacles, About::Retention)) {
        return Some(obstacle.denies());
    }
    let expired = past_retention(seen);
    let left_alone = seen.remaining.notes.iter().find(|note| note.is_of_expired());
    Some(match (expired, left_alone, calendar.kept_from) {
        (None, None, None) if range.retention.is_none() => {
            let message = "spec.retention is absent: nothing expires".to_owned();
            says(TRUE, Reason::NoRetention, message)
        }
        (None, None, kept_from) => {
            let from = kept_from.map(|edge| calendar.grid.axis.key.shown(edge)).unwrap_or_default();
            let message = format!("nothing ends before {from}{}", unmanaged(seen));
            says(TRUE, Reason::NothingExpired, message)
        }
        (None, Some(note), _) => says(FALSE, Reason::PartitionsPastRetention, note.explain()),
        (Some(expired), _, _) => says(FALSE, Reason::PartitionsPastRetention, expired),
    })
}

/// Returns the partitions that the retention does not apply to, although none has expired yet.
fn unmanaged(seen: &Seen<'_>) -> String {
    let unmanaged = seen.observed.attached().filter(|p| !p.state.is_managed());
    match unmanaged.filter(|p| p.bounds.as_range().is_some()).count() {
        0 => String::new(),
        1 => "; spec.retention does not apply to 1 unmanaged partition".to_owned(),
        count => format!("; spec.retention does not apply to {count} unmanaged partitions"),
    }
}

/// Returns what is wrong and what resolves it if steps are planned for partitions that are past the retention, or `None`
/// if there are none.
fn past_retention(seen: &Seen<'_>) -> Option<String> {
    let steps = seen.remaining.steps.iter();
    let expired: BTreeSet<_> = steps.flat_map(|planned| expired_by(&planned.step, seen)).collect();
    let first = expired.first()?.shown();
    let (state, them) = match expired.len() {
        1 => (format!("partition {first} is past the retention"), "it"),
        count => (format!("{count} partitions are past the retention (first: {first})"), "them"),
    };
    Some(state + ": " + &remedy(seen, ("detaches or drops", "detach or drop"), them))
}

/// Returns the partitions that a step is planned for only because they are past the retention. Other records, such as an
/// adoption or a bounds check, are no sign of that, nor is the end of a detach that a user began.
fn expired_by(step: &Step, seen: &Seen<'_>) -> Vec<QualifiedName> {
    if let Step::MarkPartitions(MarkPartitions { partitions, mark_as, .. }) = step {
        let is_expired = matches!(mark_as, MarkAs::Expired { .. });
        return partitions
            .iter()
            .filter(|_| is_expired)
            .map(|marked| marked.name.clone())
            .collect();
    }
    let is_expired = if let Step::FinalizeDetach(finalize) = step {
        is_marked_expired(&finalize.partition, seen)
    } else {
        matches!(step, Step::RecordDetach(_)) || step.facts().family == Family::Retention
    };
    is_expired.then(|| step.subject()).into_iter().collect()
}

fn is_marked_expired(partition: &QualifiedName, seen: &Seen<'_>) -> bool {
    let mark = seen.observed.partition(partition).and_then(|found| found.state.mark());
    matches!(mark, Some(Mark::Expired { .. }))
}

/// Says who executes the steps that are left.
pub(super) fn remedy(seen: &Seen<'_>, (does, verb): (&str, &str), them: &str) -> String {
    match seen.desired.mode {
        Mode::Enforce => format!("the next run {does} {them}"),
        Mode::Plan => format!("set spec.mode to Enforce to let the operator {verb} {them}"),
    }
}

pub(super) fn indexed(seen: &Seen<'_>, obstacles: &[Obstacle]) -> Verdict {
    if first(obstacles, About::Table).or(first(obstacles, About::Access)).is_some() {
        return unknown();
    }
    if let Some(obstacle) = first(obstacles, About::Indexes) {
        return obstacle.denies();
    }
    let steps = || seen.remaining.steps.iter().filter(|planned| is_for_index(planned));
    let Some(because) = steps().next().map(|planned| planned.because) else {
        return says(TRUE, Reason::IndexesValid, "no index is missing".to_owned());
    };
    let (reason, state) = if because == Cause::InvalidIndex {
        (Reason::IndexInvalid, "invalid")
    } else if because == Cause::OtherDefinition {
        (Reason::IndexesMissing, "not as the spec says")
    } else {
        (Reason::IndexesMissing, "missing or incomplete")
    };
    let of_cause = steps().filter(|planned| planned.because == because);
    let indexes: BTreeSet<_> = of_cause.map(|planned| planned.step.subject()).collect();
    let first = indexes.first().map(QualifiedName::shown).unwrap_or_default();
    let (state, them) = match indexes.len() {
        1 => (format!("index {first} is {state}"), "it"),
        count => (format!("{count} indexes are {state} (first: {first})"), "them"),
    };
    says(FALSE, reason, state + ": " + &remedy(seen, ("builds", "build"), them))
}

/// Returns whether a step is planned because an index is missing, is another, or is invalid. The drop of one that nothing
/// needs is no sign of that.
pub(super) fn is_for_index(planned: &PlannedStep) -> bool {
    let only_drops = matches!(planned.step, Step::DropIndex(_) | Step::DropParentIndex(_));
    let is_of_index = planned.step.facts().family == Family::Index;
    is_of_index && (!only_drops || planned.because == Cause::InvalidIndex)
}

pub(super) fn first(obstacles: &[Obstacle], about: About) -> Option<&Obstacle> {
    obstacles.iter().find(|obstacle| obstacle.about == about)
}

pub(super) fn summary_of(seen: &Seen<'_>) -> String {
    let attached = match seen.observed.attached().count() {
        1 => "1 partition".to_owned(),
        count => format!("{count} partitions"),
    };
    format!("{attached}, {}", coverage_message(seen))
}

fn coverage_message(seen: &Seen<'_>) -> String {
    match (&seen.desired.partitioning, summary::coverage(seen).1) {
        (Partitioning::Range(_), Some(until)) => format!("covered until {until}"),
        (Partitioning::Range(_), None) => "no partition takes rows of now".to_owned(),
        (Partitioning::Hash(_), _) if summary::takes_every_remainder(seen.observed) => {
            "every remainder covered".to_owned()
        }
        (Partitioning::Hash(_), _) => "some remainders have no partition".to_owned(),
    }
}

pub(super) fn unknown() -> Verdict {
    says(UNKNOWN, Reason::NotChecked, "see Ready".to_owned())
}

pub(super) fn says(status: &'static str, reason: Reason, message: String) -> Verdict {
    Verdict { status, reason, message }
}

impl Obstacle {
    /// Returns the verdict of a condition that a problem makes false.
    pub(super) fn denies(&self) -> Verdict {
        says(FALSE, self.reason, self.message.clone())
    }
}
