//! What the conditions of a table say, each on its own.

use super::obstacle::{About, Obstacle};
use super::{Failure, Seen, summary};
use crate::api::Reason;
use crate::desired::Partitioning;
use crate::partition::Identifier;
use crate::plan::{Cause, Coverage, Family, Marking, Step};

pub(super) const TRUE: &str = "True";
pub(super) const FALSE: &str = "False";
pub(super) const UNKNOWN: &str = "Unknown";

/// What one condition says.
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
            | Reason::HeldByAnother
            | Reason::LockTimeout
            | Reason::StepFailed
    )
}

pub(super) fn not_checked(_: &Failure) -> Verdict {
    unknown()
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
            (coverage.is_some_and(|found| found.is_complete(calendar)), Reason::AllPeriods)
        }
        (Partitioning::Hash(_), _) if seen.observed.key().is_some() => {
            (summary::takes_every_remainder(seen.observed), Reason::AllRemainders)
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
    let calendar = summary::calendar(seen).filter(|_| first(obstacles, About::Access).is_none());
    let Some(calendar) = calendar else { return Some(unknown()) };
    // `approve` learns here that a plan awaits approval, whatever else keeps partitions.
    let approval = obstacles.iter().find(|obstacle| obstacle.reason == Reason::AwaitingApproval);
    if let Some(obstacle) = approval.or(first(obstacles, About::Retention)) {
        return Some(obstacle.denies());
    }
    let to_go = seen.remaining.steps.iter().filter(|planned| is_of_expired(&planned.step)).count();
    let left_alone = seen.remaining.notes.iter().find(|note| note.is_of_expired());
    Some(match (to_go, left_alone, calendar.kept_from) {
        (0, None, None) if range.retention.is_none() => {
            let message = "spec.retention is absent: nothing expires".to_owned();
            says(TRUE, Reason::KeepsEverything, message)
        }
        (0, None, kept_from) => {
            let from = kept_from.map(|edge| calendar.grid.axis.key.shown(edge)).unwrap_or_default();
            let message = format!("nothing ends before {from}{}", unmanaged(seen));
            says(TRUE, Reason::NothingExpired, message)
        }
        (0, Some(note), _) => says(FALSE, Reason::PartitionsPastRetention, note.explain()),
        (1.., _, _) => says(FALSE, Reason::PartitionsPastRetention, "see plan".to_owned()),
    })
}

/// What the retention does not apply to, though nothing of it has expired yet.
fn unmanaged(seen: &Seen<'_>) -> String {
    let unmanaged = seen.observed.attached().filter(|p| !p.is_managed());
    match unmanaged.filter(|p| p.bounds.as_range().is_some()).count() {
        0 => String::new(),
        1 => "; spec.retention does not apply to 1 unmanaged partition".to_owned(),
        count => format!("; spec.retention does not apply to {count} unmanaged partitions"),
    }
}

/// Returns whether a step is planned only because a partition is past its retention. Other records, such as an
/// adoption or a bounds check, are no sign of that.
fn is_of_expired(step: &Step) -> bool {
    let marks_expired = matches!(step, Step::MarkPartitions(mark) if matches!(mark.marking, Marking::Expired { .. }));
    let records_detach = matches!(step, Step::RememberDetached(_));
    marks_expired || records_detach || step.facts().family == Family::Retention
}

pub(super) fn indexed(seen: &Seen<'_>, obstacles: &[Obstacle]) -> Verdict {
    if first(obstacles, About::Table).or(first(obstacles, About::Access)).is_some() {
        return unknown();
    }
    if let Some(obstacle) = first(obstacles, About::Indexes) {
        return obstacle.denies();
    }
    let mut causes =
        seen.remaining.steps.iter().filter(|p| makes_index(&p.step)).map(|p| p.because);
    match causes.next() {
        None => says(TRUE, Reason::AllValid, "no index is missing".to_owned()),
        Some(Cause::InvalidIndex) => says(FALSE, Reason::IndexInvalid, "see plan".to_owned()),
        Some(_) => says(FALSE, Reason::IndexesMissing, "see plan".to_owned()),
    }
}

fn makes_index(step: &Step) -> bool {
    let only_drops = matches!(step, Step::DropIndex(_) | Step::DropTableIndex(_));
    step.facts().family == Family::Index && !only_drops
}

fn first(obstacles: &[Obstacle], about: About) -> Option<&Obstacle> {
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

fn unknown() -> Verdict {
    says(UNKNOWN, Reason::Unknown, "see Ready".to_owned())
}

pub(super) fn says(status: &'static str, reason: Reason, message: String) -> Verdict {
    Verdict { status, reason, message }
}

impl Obstacle {
    /// What a condition says that the obstacle keeps from being true.
    fn denies(&self) -> Verdict {
        says(FALSE, self.reason, self.message.clone())
    }
}
