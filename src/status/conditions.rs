//! Conditions, as kstatus reads them: `Ready` always, `Reconciling` and `Stalled` only while true.
//! <https://github.com/kubernetes-sigs/cli-utils/blob/master/pkg/kstatus/README.md>

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

use super::obstacle::{About, Obstacle, about_step, cure, denies_access, is_an_answer, obstacles};
use super::{Failure, Outcome, Seen, Subject, summary};
use crate::api::{ConditionType, Reason};
use crate::desired::Partitioning;
use crate::observed::Origin;
use crate::partition::Identifier;
use crate::plan::{Cause, Coverage, Step, Waits};

/// What the longest message may have, in characters; kubectl shows them whole.
const LONGEST_MESSAGE: usize = 1_000;

const TRUE: &str = "True";
const FALSE: &str = "False";
const UNKNOWN: &str = "Unknown";

/// What one condition says.
struct Statement {
    about: ConditionType,
    status: &'static str,
    reason: Reason,
    message: String,
}

pub(super) fn project(
    subject: &Subject<'_>,
    outcome: &Outcome<'_>,
    now: Timestamp,
) -> Vec<Condition> {
    let statements = match outcome {
        Outcome::Seen(seen) => of_seen(seen),
        Outcome::Failed(failure) => of_failure(failure),
        Outcome::Suspended => {
            let message = "spec.suspend is set: nothing is looked at, nothing is done".to_owned();
            return with_ready(subject, as_before(subject, Reason::Suspended, message), now);
        }
        Outcome::Deleting => {
            let message =
                "the resource is being deleted: the operator neither inspects nor changes the \
                           table"
                    .to_owned();
            return with_ready(subject, as_before(subject, Reason::Deleting, message), now);
        }
        Outcome::WaitingForSession(message) => {
            let reason = Reason::WaitingForSession;
            return with_ready(subject, not_ready(reason, cure(reason), message.clone()), now);
        }
    };
    statements.into_iter().map(|statement| condition(subject, statement, now)).collect()
}

fn of_seen(seen: &Seen<'_>) -> Vec<Statement> {
    let obstacles = obstacles(seen);
    let mut statements = match obstacles.first() {
        None => vec![says(ConditionType::Ready, TRUE, Reason::Succeeded, summary_of(seen))],
        Some(gravest) => not_ready(gravest.reason, gravest.cure, message(&obstacles)),
    };
    statements.push(reachable(seen, &obstacles));
    statements.push(covered(seen, &obstacles));
    statements.extend(retained(seen, &obstacles));
    statements.push(indexed(seen, &obstacles));
    statements
}

fn of_failure(failure: &Failure) -> Vec<Statement> {
    let Failure { reason, message } = failure;
    let mut statements = not_ready(*reason, cure(*reason), message.clone());
    statements.push(if denies_access(*reason) {
        says(ConditionType::Reachable, FALSE, *reason, message.clone())
    } else if is_an_answer(*reason) {
        says(ConditionType::Reachable, TRUE, Reason::Connected, "it answered".to_owned())
    } else {
        unknown(ConditionType::Reachable)
    });
    statements.push(unknown(ConditionType::Covered));
    statements.push(unknown(ConditionType::Retained));
    statements.push(unknown(ConditionType::Indexed));
    statements
}

/// `Ready` as it was, for another reason.
fn as_before(subject: &Subject<'_>, reason: Reason, message: String) -> Vec<Statement> {
    let status = match previous(subject, ConditionType::Ready).map(|ready| ready.status.as_str()) {
        Some(TRUE) => TRUE,
        Some(FALSE) => FALSE,
        _ => UNKNOWN,
    };
    vec![says(ConditionType::Ready, status, reason, message)]
}

/// Replaces `Ready` and what stands beside it, and leaves every other condition as it was.
fn with_ready(subject: &Subject<'_>, statements: Vec<Statement>, now: Timestamp) -> Vec<Condition> {
    let replaced = [ConditionType::Ready, ConditionType::Reconciling, ConditionType::Stalled];
    // A condition of another type is another owner's, and stays that owner's.
    let is_kept = |condition: &&Condition| {
        let mut kept = ConditionType::ALL.iter().filter(|type_| !replaced.contains(type_));
        kept.any(|type_| type_.as_str() == condition.type_)
    };
    let others = subject.previous.map_or(&[][..], |status| &status.conditions);
    let others = others.iter().filter(is_kept);
    let said = statements.into_iter().map(|statement| condition(subject, statement, now));
    said.chain(others.cloned()).collect()
}

/// `Ready`, and what kstatus wants to know besides: whether anybody has to do something.
fn not_ready(reason: Reason, cure: Waits, message: String) -> Vec<Statement> {
    let besides = match cure {
        Waits::ForPerson => ConditionType::Stalled,
        Waits::ForOthers | Waits::ForTime => ConditionType::Reconciling,
    };
    vec![
        says(ConditionType::Ready, FALSE, reason, message.clone()),
        says(besides, TRUE, reason, message),
    ]
}

fn reachable(seen: &Seen<'_>, obstacles: &[Obstacle]) -> Statement {
    if let Some(obstacle) = first(obstacles, About::Access) {
        return says(ConditionType::Reachable, FALSE, obstacle.reason, obstacle.message.clone());
    }
    let server = &seen.observed.server;
    let role = server.role.as_ref().map_or("the login role".to_owned(), Identifier::shown);
    let mut message = format!("Postgres {}, as {role}", server.version);
    if server.superuser {
        message
            .push_str(", a superuser: log in as a role that is only a member of the table owner");
    }
    says(ConditionType::Reachable, TRUE, Reason::Connected, message)
}

fn covered(seen: &Seen<'_>, obstacles: &[Obstacle]) -> Statement {
    let calendar = summary::calendar(seen);
    let (is_covered, reason) = match (&seen.desired.partitioning, &calendar) {
        (Partitioning::Range(_), Some(calendar)) => {
            let coverage = Coverage::new(calendar, seen.observed);
            (coverage.is_some_and(|found| found.is_complete(calendar)), Reason::AllPeriods)
        }
        (Partitioning::Hash(_), _) if seen.observed.key().is_some() => {
            (summary::takes_every_remainder(seen.observed), Reason::AllRemainders)
        }
        _ => return unknown(ConditionType::Covered),
    };
    if is_covered {
        return says(ConditionType::Covered, TRUE, reason, coverage_message(seen));
    }
    match first(obstacles, About::Partitions) {
        Some(Obstacle { reason, message, .. }) => {
            says(ConditionType::Covered, FALSE, *reason, message.clone())
        }
        None => {
            says(ConditionType::Covered, FALSE, Reason::PartitionsMissing, coverage_message(seen))
        }
    }
}

/// None on a hash, of which nothing expires.
fn retained(seen: &Seen<'_>, obstacles: &[Obstacle]) -> Option<Statement> {
    let Partitioning::Range(range) = &seen.desired.partitioning else { return None };
    let about = ConditionType::Retained;
    let calendar = summary::calendar(seen).filter(|_| first(obstacles, About::Access).is_none());
    let Some(calendar) = calendar else { return Some(unknown(about)) };
    if let Some(Obstacle { reason, message, .. }) = first(obstacles, About::Retention) {
        return Some(says(about, FALSE, *reason, message.clone()));
    }
    let to_go = seen.remaining.steps.iter().filter(|planned| lets_go(&planned.step)).count();
    let left_alone = seen.remaining.notes.iter().find(|note| note.is_of_expired());
    Some(match (to_go, left_alone, calendar.kept_from) {
        (0, None, None) if range.retention.is_none() => {
            let message = "spec.retention is absent: nothing expires".to_owned();
            says(about, TRUE, Reason::KeepsEverything, message)
        }
        (0, None, kept_from) => {
            let from = kept_from.map(|edge| calendar.grid.axis.key.shown(edge)).unwrap_or_default();
            let message = format!("nothing ends before {from}{}", unmanaged(seen));
            says(about, TRUE, Reason::NothingExpired, message)
        }
        (0, Some(note), _) => says(about, FALSE, Reason::PartitionsPastRetention, note.explain()),
        (1.., _, _) => says(about, FALSE, Reason::PartitionsPastRetention, "see plan".to_owned()),
    })
}

/// What the retention does not apply to, though nothing of it has expired yet.
fn unmanaged(seen: &Seen<'_>) -> String {
    let unmanaged = seen.observed.attached().filter(|p| p.origin == Origin::Foreign);
    match unmanaged.filter(|p| p.bounds.as_range().is_some()).count() {
        0 => String::new(),
        1 => "; spec.retention does not apply to 1 unmanaged partition".to_owned(),
        count => format!("; spec.retention does not apply to {count} unmanaged partitions"),
    }
}

fn lets_go(step: &Step) -> bool {
    about_step(step) == About::Retention
}

fn indexed(seen: &Seen<'_>, obstacles: &[Obstacle]) -> Statement {
    if first(obstacles, About::Table).or(first(obstacles, About::Access)).is_some() {
        return unknown(ConditionType::Indexed);
    }
    if let Some(Obstacle { reason, message, .. }) = first(obstacles, About::Indexes) {
        return says(ConditionType::Indexed, FALSE, *reason, message.clone());
    }
    let mut causes =
        seen.remaining.steps.iter().filter(|p| makes_index(&p.step)).map(|p| p.because);
    match causes.next() {
        None => {
            says(ConditionType::Indexed, TRUE, Reason::AllValid, "no index is missing".to_owned())
        }
        Some(Cause::InvalidIndex) => {
            says(ConditionType::Indexed, FALSE, Reason::IndexInvalid, "see plan".to_owned())
        }
        Some(_) => {
            says(ConditionType::Indexed, FALSE, Reason::IndexesMissing, "see plan".to_owned())
        }
    }
}

fn makes_index(step: &Step) -> bool {
    match step {
        Step::CreateTableIndex(_)
        | Step::BuildIndex(_)
        | Step::AttachIndex(_)
        | Step::ReplaceTableIndex(_) => true,
        Step::CreatePartition(_)
        | Step::ExcludeFromDefault(_)
        | Step::ValidateExclusion(_)
        | Step::AttachPartition(_)
        | Step::DiscardPartition(_)
        | Step::DropExclusion(_)
        | Step::DrainDefault(_)
        | Step::RemoveDefault(_)
        | Step::MarkPartitions(_)
        | Step::DetachPartition(_)
        | Step::FinalizeDetach(_)
        | Step::RememberDetached(_)
        | Step::StateBounds(_)
        | Step::ValidateBounds(_)
        | Step::DropDetached(_)
        | Step::DropIndex(_)
        | Step::DropTableIndex(_) => false,
    }
}

fn first(obstacles: &[Obstacle], about: About) -> Option<&Obstacle> {
    obstacles.iter().find(|obstacle| obstacle.about == about)
}

fn message(obstacles: &[Obstacle]) -> String {
    match obstacles {
        [] => String::new(),
        [only] => only.message.clone(),
        [gravest, rest @ ..] => format!("{} (and {} more)", gravest.message, rest.len()),
    }
}

fn summary_of(seen: &Seen<'_>) -> String {
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

fn unknown(about: ConditionType) -> Statement {
    says(about, UNKNOWN, Reason::Unknown, "see Ready".to_owned())
}

fn says(about: ConditionType, status: &'static str, reason: Reason, message: String) -> Statement {
    Statement { about, status, reason, message }
}

fn previous<'a>(subject: &Subject<'a>, about: ConditionType) -> Option<&'a Condition> {
    subject.previous?.conditions.iter().find(|condition| condition.type_ == about.as_str())
}

fn condition(subject: &Subject<'_>, statement: Statement, now: Timestamp) -> Condition {
    let Statement { about, status, reason, message } = statement;
    let since = previous(subject, about)
        .filter(|previous| previous.status == status)
        .map_or(Time(whole_seconds(now)), |previous| previous.last_transition_time.clone());
    Condition {
        type_: about.as_str().to_owned(),
        status: status.to_owned(),
        reason: reason.as_str().to_owned(),
        message: message.chars().take(LONGEST_MESSAGE).collect(),
        observed_generation: subject.generation,
        last_transition_time: since,
    }
}

/// `metav1.Time` keeps whole seconds: a status with more would never equal what is stored.
fn whole_seconds(instant: Timestamp) -> Timestamp {
    Timestamp::from_second(instant.as_second()).unwrap_or(instant)
}
