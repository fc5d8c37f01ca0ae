//! Reports transitions, once each, in the log and in events that `kubectl describe` shows.

use std::collections::HashSet;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::api::events;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, MicroTime};
use kube::api::{ObjectMeta, PostParams};
use kube::runtime::events::{Event, EventType, Recorder, Reporter};
use kube::{Api, Client};
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::last_seen::{DeferredStep, LastSeen};
use super::panics::contain;
use super::patch::API_DEADLINE;
use crate::api::v1alpha1::PartitionedTableStatus;
use crate::api::{ConditionType, Reason, ResolvedBy};
use crate::partition::digest;
use crate::plan::{CopyRows, Deferral, Plan, PlannedStep, Step, Work};
use crate::postgres::{Milestone, StepOutcome, WorkOutcome};
use crate::status;

/// Maximum length of the note of an event, in bytes.
const MAX_NOTE_LENGTH: usize = 1_000;

/// Maximum length of the name of an object.
const MAX_NAME: usize = 253;

/// Characters that the recorder adds to the name of an object: a dot, and nanoseconds in hexadecimal.
const RECORDER_SUFFIX: usize = 17;

/// Queue of events, which are written in the background.
#[derive(Clone)]
pub(super) struct Events {
    queue: mpsc::Sender<(ObjectReference, Event)>,
}

impl Events {
    /// Starts the task that writes events one after the other. If the API server is too slow, events are lost, but
    /// reconciles do not wait.
    pub(super) fn start(client: Client, identity: &str) -> Self {
        let (queue, mut taken) = mpsc::channel::<(ObjectReference, Event)>(1_000);
        let reporter = Reporter {
            controller: "pg-partition-operator".to_owned(),
            instance: Some(identity.to_owned()),
        };
        let recorder = Recorder::new(client.clone(), reporter.clone());
        tokio::spawn(async move {
            while let Some((about, event)) = taken.recv().await {
                let written = write(&client, &recorder, &reporter, &event, &about);
                match contain(timeout(API_DEADLINE, written)).await {
                    Ok(Ok(Ok(()))) => {}
                    Ok(Ok(Err(error))) => tracing::debug!(%error, "could not write an event"),
                    Ok(Err(_)) => tracing::debug!("could not write an event in time"),
                    Err(panic) => {
                        tracing::error!(place = panic.place, panic = panic.message, "panicked");
                    }
                }
            }
        });
        Self { queue }
    }

    /// Reports a step that ended.
    pub(super) fn step(&self, about: &ObjectReference, outcome: &StepOutcome) {
        let step = &outcome.step;
        let what = format!("{} {} {}", step.verb(), step.subject().display(), step.detail());
        let (type_, reason, note) = match &outcome.result {
            // Applications possibly waited during this time.
            Ok(()) if matches!(step, Step::Swap(_)) => {
                let note =
                    format!("{what}, in {} ms including all attempts", outcome.took.as_millis());
                (EventType::Normal, Reason::Succeeded, note)
            }
            Ok(()) => (EventType::Normal, Reason::Succeeded, what),
            Err(error) => (EventType::Warning, Reason::StepFailed, format!("{what}: {error}")),
        };
        // Kubernetes counts events of the same action and reason as repetitions of one.
        self.publish(about, type_, reason.as_str(), &action(step), note);
    }

    /// Reports a milestone of the copying. Comparisons repeat, so only their repairs get an event.
    pub(super) fn work(
        &self,
        about: &ObjectReference,
        outcome: &WorkOutcome,
        milestone: Milestone,
    ) {
        let Work::Copy(CopyRows { table, estimated, .. }) = &outcome.work else { return };
        let (source, copy) = (table.source.display(), table.copy.display());
        let of_all = estimated.map_or_else(String::new, |rows| format!(" of ~{rows}"));
        let rows = outcome.rows_in_all();
        let (reason, action, note) = match milestone {
            Milestone::Begin => {
                let note = format!("started to copy the rows of {source} to {copy}");
                (Reason::RowsCopying, "copy begin".to_owned(), note)
            }
            Milestone::Quarters(quarters) => {
                let percent = quarters * 25;
                let note = format!("copied {percent} % of {source}: {rows}{of_all} rows");
                (Reason::RowsCopying, format!("copy {percent}"), note)
            }
            Milestone::End => {
                let note = format!("copied all rows of {source} to {copy}: {rows}");
                (Reason::Succeeded, "copy end".to_owned(), note)
            }
        };
        self.publish(about, EventType::Normal, reason.as_str(), &action, note);
    }

    /// Reports altered triggers of a conversion, which the operator will reinstall.
    pub(super) fn sync_altered(&self, about: &ObjectReference, install: &PlannedStep) {
        let (reason, action) = (Reason::SyncAltered.as_str(), action(&install.step));
        self.publish(about, EventType::Warning, reason, &action, install.line());
    }

    /// Reports rows that comparisons repaired since the last status.
    pub(super) fn repairs(
        &self,
        about: &ObjectReference,
        before: Option<&PartitionedTableStatus>,
        after: &PartitionedTableStatus,
    ) {
        let in_all = |status: &PartitionedTableStatus| status.parity.as_ref()?.repaired_rows;
        let (before, after) = (before.and_then(in_all).unwrap_or(0), in_all(after).unwrap_or(0));
        let repaired = after.saturating_sub(before);
        if repaired > 0 {
            let note = format!(
                "repaired {repaired} differing rows of the copy, {after} since the conversion began"
            );
            let (reason, action) = (Reason::RowsRepaired.as_str(), format!("compare {after}"));
            self.publish(about, EventType::Warning, reason, &action, note);
        }
    }

    /// Reports each deferred step that was not deferred before.
    pub(super) fn deferrals(
        &self,
        about: &ObjectReference,
        before: Option<&LastSeen>,
        after: &Plan,
    ) {
        let known = before.map_or(&[][..], |last_seen| &last_seen.deferred);
        let mut plan_reported = known.iter().any(|deferred| deferred.is_about_plan);
        let known: HashSet<_> = known.iter().collect();
        let is_new = |deferral: &&Deferral| !known.contains(&DeferredStep::new(deferral));
        for deferral in after.deferred.iter().filter(is_new) {
            let Deferral { step, blocker, rule: _ } = deferral;
            let is_reported =
                blocker.is_about_plan() && std::mem::replace(&mut plan_reported, true);
            if is_reported || status::resolved_by(blocker) == ResolvedBy::Time {
                continue;
            }
            log_deferral(about, deferral);
            let step = step.as_ref().filter(|_| !blocker.is_about_plan()).map(action);
            let about_step = step.as_deref().unwrap_or("table");
            let note = format!("deferred {about_step}: {}", blocker.explain());
            let reason = status::reason_for(blocker).as_str();
            self.publish(about, EventType::Warning, reason, about_step, note);
        }
    }

    /// Reports each condition that changed.
    pub(super) fn transitions(
        &self,
        about: &ObjectReference,
        before: &[Condition],
        after: &[Condition],
    ) {
        for condition in after.iter().filter(|condition| is_new(condition, before)) {
            let type_ = match condition.status.as_str() {
                "True" => EventType::Normal,
                "False" => EventType::Warning,
                _ => continue,
            };
            let note = format!("{}={}: {}", condition.type_, condition.status, condition.message);
            // Kubernetes counts events of the same action as repetitions of one, with the note of the first.
            let action = format!("{}{} {}", condition.type_, condition.status, digest(&note, 6));
            log(about, condition);
            self.publish(about, type_, &condition.reason, &action, note);
        }
    }

    fn publish(
        &self,
        about: &ObjectReference,
        type_: EventType,
        reason: &str,
        action: &str,
        note: String,
    ) {
        let event = Event {
            type_,
            reason: reason.to_owned(),
            note: Some(cut(note, MAX_NOTE_LENGTH)),
            action: action.to_owned(),
            secondary: None,
        };
        if self.queue.try_send((about.clone(), event)).is_err() {
            tracing::debug!("discarded an event because the queue is full");
        }
    }
}

/// Writes an event. The recorder appends 17 characters to the name of the object; if that is too long, this function
/// shortens the name.
async fn write(
    client: &Client,
    recorder: &Recorder,
    reporter: &Reporter,
    event: &Event,
    about: &ObjectReference,
) -> kube::Result<()> {
    let object = about.name.as_deref().unwrap_or_default();
    if object.len() + RECORDER_SUFFIX <= MAX_NAME {
        return recorder.publish(event, about).await;
    }
    let events = Api::namespaced(client.clone(), about.namespace.as_deref().unwrap_or_default());
    let event = with_short_name(reporter, event, about, Timestamp::now());
    events.create(&PostParams::default(), &event).await.map(drop)
}

fn with_short_name(
    reporter: &Reporter,
    event: &Event,
    about: &ObjectReference,
    now: Timestamp,
) -> events::v1::Event {
    let object = about.name.as_deref().unwrap_or_default();
    let beginning = cut(object.to_owned(), 200);
    let beginning = beginning.trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
    let name = format!("{beginning}-{}.{:x}", digest(object, 10), now.as_nanosecond());
    events::v1::Event {
        metadata: ObjectMeta {
            namespace: about.namespace.clone(),
            name: Some(name),
            ..ObjectMeta::default()
        },
        action: Some(event.action.clone()),
        reason: Some(event.reason.clone()),
        note: event.note.clone(),
        event_time: Some(MicroTime(now)),
        regarding: Some(about.clone()),
        reporting_controller: Some(reporter.controller.clone()),
        reporting_instance: reporter.instance.clone(),
        type_: Some(match event.type_ {
            EventType::Normal => "Normal".to_owned(),
            EventType::Warning => "Warning".to_owned(),
        }),
        ..events::v1::Event::default()
    }
}

fn log_deferral(about: &ObjectReference, deferral: &Deferral) {
    let (namespace, name) = (&about.namespace, &about.name);
    let Deferral { rule, step, blocker } = deferral;
    let (step, subject) = step.as_ref().map(|step| (step.verb(), step.subject().display())).unzip();
    let (rule, blocker) = (rule.name(), blocker.name());
    tracing::info!(namespace, name, step, subject, rule, blocker, "deferred");
}

/// Logs a change of `Ready`. Other conditions are not logged.
fn log(about: &ObjectReference, condition: &Condition) {
    let (namespace, name) = (&about.namespace, &about.name);
    // A field named message would be a duplicate in the line.
    let Condition { reason, message: detail, .. } = condition;
    match condition.status.as_str() {
        _ if condition.type_ != ConditionType::Ready.as_str() => {}
        "True" => tracing::info!(namespace, name, reason, detail, "ready"),
        _ => tracing::warn!(namespace, name, reason, detail, "not ready"),
    }
}

/// Returns whether a condition has another status or reason, and does not only repeat what `Ready` says. In the first status,
/// only `Ready` and the conditions that are `False` are new: five events for each of thousands of tables would fill the
/// queue.
fn is_new(condition: &Condition, before: &[Condition]) -> bool {
    if ConditionType::from_name(&condition.type_).is_some_and(ConditionType::repeats_ready) {
        return false;
    }
    if before.is_empty() {
        let is_ready = condition.type_ == ConditionType::Ready.as_str();
        return is_ready || condition.status == "False";
    }
    before.iter().find(|before| before.type_ == condition.type_).is_none_or(|before| {
        (&before.status, &before.reason) != (&condition.status, &condition.reason)
    })
}

/// Returns an action that identifies the step, in the 128 bytes that the API server allows.
fn action(step: &Step) -> String {
    cut(format!("{} {}", step.verb(), step.subject().name.display()), 128)
}

fn cut(mut text: String, longest: usize) -> String {
    text.truncate(text.floor_char_boundary(longest));
    text
}
