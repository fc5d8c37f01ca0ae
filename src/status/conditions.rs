//! Conditions, as kstatus reads them: `Ready` always, `Reconciling` and `Stalled` only while true.
//! <https://github.com/kubernetes-sigs/cli-utils/blob/master/pkg/kstatus/README.md>

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

use super::converted::{converted, in_sync};
use super::problem::{Problem, problems};
use super::verdict::{
    FALSE, TRUE, UNKNOWN, Verdict, covered, indexed, new_verdict, not_checked, reachable,
    reachable_after_failure, retained, summary_of,
};
use super::{Failure, Observation, Outcome, Subject};
use crate::api::{ConditionType, Reason, ResolvedBy};

/// Maximum length of a message in characters; kubectl shows it whole.
const MAX_MESSAGE_LENGTH: usize = 1_000;

/// Functions that compute one condition.
struct Row {
    /// Returns the verdict after an inspection, or `None` if the table has no such condition.
    inspected: fn(&Observation<'_>, &[Problem]) -> Option<Verdict>,
    /// Returns the verdict after a failure before the inspection, or `None` if the table has no such condition.
    failed: fn(&Subject<'_>, &Failure) -> Option<Verdict>,
}

/// Returns the functions of a condition, or `None` for `Ready` and the conditions that repeat it, which [`ready`] computes.
fn row(type_: ConditionType) -> Option<Row> {
    match type_ {
        ConditionType::Ready | ConditionType::Reconciling | ConditionType::Stalled => None,
        ConditionType::Reachable => Some(Row {
            inspected: |observation, problems| Some(reachable(observation, problems)),
            failed: |_, failure| Some(reachable_after_failure(failure)),
        }),
        ConditionType::Covered => Some(Row {
            inspected: |observation, problems| Some(covered(observation, problems)),
            failed: |_, failure| Some(not_checked(failure.reason)),
        }),
        ConditionType::Retained => Some(Row {
            inspected: retained,
            failed: |_, failure| Some(not_checked(failure.reason)),
        }),
        ConditionType::Indexed => Some(Row {
            inspected: |observation, problems| Some(indexed(observation, problems)),
            failed: |_, failure| Some(not_checked(failure.reason)),
        }),
        ConditionType::InSync => Some(Row {
            inspected: |observation, _| in_sync(observation),
            failed: |subject, failure| {
                previous(subject, ConditionType::InSync).map(|_| not_checked(failure.reason))
            },
        }),
        ConditionType::Converted => Some(Row {
            inspected: converted,
            // A failure does not include the spec: the spec had a conversion if the condition existed.
            failed: |subject, failure| {
                previous(subject, ConditionType::Converted).map(|_| not_checked(failure.reason))
            },
        }),
    }
}

pub(super) fn project(
    subject: &Subject<'_>,
    outcome: &Outcome<'_>,
    now: Timestamp,
) -> Vec<Condition> {
    let (ready, others) = match outcome {
        Outcome::Inspected(observation) => inspected(observation),
        Outcome::Failed(failure) => (
            ready(new_verdict(FALSE, failure.reason, failure.message.clone())),
            decided(|row| (row.failed)(subject, failure)),
        ),
        Outcome::Suspended => {
            let message =
                "spec.suspend is true: the operator neither inspects nor changes the table";
            return with_ready(subject, as_before(subject, Reason::Suspended, message), now);
        }
        Outcome::Deleting => {
            let message = "the resource is being deleted: the operator neither inspects nor changes the table";
            return with_ready(subject, as_before(subject, Reason::Deleting, message), now);
        }
        Outcome::WaitingForSession(message) => {
            let waits = new_verdict(FALSE, Reason::WaitingForSession, message.clone());
            return with_ready(subject, ready(waits), now);
        }
    };
    let verdicts = ready.into_iter().chain(others);
    verdicts.map(|(type_, verdict)| condition(subject, type_, verdict, now)).collect()
}

/// Returns `Ready` with the condition that repeats it, and the conditions of the table.
fn inspected(observation: &Observation<'_>) -> (Vec<TypedVerdict>, Vec<TypedVerdict>) {
    let problems = problems(observation);
    let verdict = match problems.first() {
        None => new_verdict(TRUE, Reason::Succeeded, summary_of(observation)),
        Some(first) => new_verdict(FALSE, first.reason, message(&problems)),
    };
    (ready(verdict), decided(|row| (row.inspected)(observation, &problems)))
}

/// A condition and its verdict.
type TypedVerdict = (ConditionType, Verdict);

fn decided(decide: impl Fn(Row) -> Option<Verdict>) -> Vec<TypedVerdict> {
    let types = ConditionType::ALL.iter();
    types.filter_map(|type_| Some((*type_, decide(row(*type_)?)?))).collect()
}

/// Returns `Ready`. While it is false, kstatus expects `Stalled` if a user must act, and `Reconciling` otherwise.
fn ready(verdict: Verdict) -> Vec<TypedVerdict> {
    let Verdict { status, reason, message } = verdict;
    let mut verdicts = vec![(ConditionType::Ready, new_verdict(status, reason, message.clone()))];
    if status == FALSE {
        let repeated = match reason.resolved_by() {
            ResolvedBy::User => ConditionType::Stalled,
            ResolvedBy::OtherSessions | ResolvedBy::Time => ConditionType::Reconciling,
        };
        verdicts.push((repeated, new_verdict(TRUE, reason, message)));
    }
    verdicts
}

/// Returns `Ready` with its previous status and another reason.
fn as_before(subject: &Subject<'_>, reason: Reason, message: &str) -> Vec<TypedVerdict> {
    let status = match previous(subject, ConditionType::Ready).map(|ready| ready.status.as_str()) {
        Some(TRUE) => TRUE,
        Some(FALSE) => FALSE,
        _ => UNKNOWN,
    };
    vec![(ConditionType::Ready, new_verdict(status, reason, message.to_owned()))]
}

/// Replaces `Ready` and the conditions that repeat it, and leaves the other conditions of the operator unchanged.
fn with_ready(subject: &Subject<'_>, ready: Vec<TypedVerdict>, now: Timestamp) -> Vec<Condition> {
    let has_row =
        |condition: &&Condition| ConditionType::from_name(&condition.type_).and_then(row).is_some();
    let before = subject.previous.map_or(&[][..], |status| &status.conditions);
    let verdicts =
        ready.into_iter().map(|(type_, verdict)| condition(subject, type_, verdict, now));
    verdicts.chain(before.iter().filter(has_row).cloned()).collect()
}

fn message(problems: &[Problem]) -> String {
    match problems {
        [] => String::new(),
        [only] => only.message.clone(),
        [first, rest @ ..] => format!("{} (and {} more)", first.message, rest.len()),
    }
}

fn previous<'a>(subject: &Subject<'a>, type_: ConditionType) -> Option<&'a Condition> {
    subject.previous?.condition(type_)
}

fn condition(
    subject: &Subject<'_>,
    type_: ConditionType,
    verdict: Verdict,
    now: Timestamp,
) -> Condition {
    let Verdict { status, reason, message } = verdict;
    let since = previous(subject, type_)
        .filter(|previous| previous.status == status)
        .map_or(Time(whole_seconds(now)), |previous| previous.last_transition_time.clone());
    Condition {
        type_: type_.as_str().to_owned(),
        status: status.to_owned(),
        reason: reason.as_str().to_owned(),
        message: message.chars().take(MAX_MESSAGE_LENGTH).collect(),
        observed_generation: subject.generation,
        last_transition_time: since,
    }
}

/// Rounds down to whole seconds, as `metav1.Time` does: with a fraction, a status would never equal the stored one.
pub(super) fn whole_seconds(instant: Timestamp) -> Timestamp {
    Timestamp::from_second(instant.as_second()).unwrap_or(instant)
}
