//! Report of a run: the status, the time of the next reconcile, and whether the table is quiet.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use kube::{Resource, ResourceExt};

use super::ClusterError;
use super::backoff::jittered;
use super::context::Context;
use super::failure::{self, ReconcileError};
use super::last_seen::LastSeen;
use super::logins::Login;
use super::next_reconcile::{NextReconcile, Timing, next_reconcile};
use super::outcome::observation;
use super::patch::{self, Target};
use super::rounds::QUIET_INTERVAL;
use super::rounds::quiet::{self, Quiet};
use super::run::Run;
use super::watched::Watched;
use crate::api::ConditionType;
use crate::api::v1alpha1::{PartitionedTable, PartitionedTableStatus, RECONCILE_ANNOTATION};
use crate::converge::Convergence;
use crate::desired::Mode;
use crate::plan::Plan;
use crate::postgres::CLAIM_RENEW_INTERVAL;
use crate::status::{self, Failure, Outcome, Subject};

/// Result of a run whose status was written.
pub(super) struct Ended {
    pub(super) is_ready: bool,
    pub(super) next: NextReconcile,
}

/// Result of a run for the status and the rounds.
pub(super) struct Judgment {
    /// `None` if the resource has this status already.
    status: Option<PartitionedTableStatus>,
    ended: Ended,
    /// The table if nothing is left to do, without the version of the resource.
    quiet: Option<(Arc<Login>, Quiet)>,
}

/// Returns the resource for a status.
pub(super) fn subject_of(table: &PartitionedTable) -> Subject<'_> {
    Subject {
        previous: table.status.as_ref(),
        generation: table.meta().generation,
        requested: table.annotations().get(RECONCILE_ANNOTATION).map(String::as_str),
    }
}

/// Judges a run: records what it observed, and returns what its status says.
pub(super) fn judge(run: Run, context: &Context) -> Judgment {
    let Run { table, desired, convergence, login, settings } = run;
    let subject = &subject_of(&table);
    let uid = table.uid().unwrap_or_default();
    let now = convergence.time.now;
    let aside = context.builds.failures(&uid, &convergence.remaining);
    let outcome = observation(&desired, &convergence, &aside);
    let status = status::project(subject, &outcome, now);
    let due = due(&status);
    let digest = quiet::digest(&outcome, convergence.digest, due);
    let resync = if digest.is_some() { QUIET_INTERVAL } else { resync(context) };
    let ended = Ended::new(&uid, subject, (&outcome, due, resync), context);
    let quiet = |digest| Quiet {
        name: table.name_any().into(),
        version: None,
        table: desired.name.clone(),
        claims: desired.mode == Mode::Enforce,
        settings,
        digest,
        due,
    };
    let quiet = digest.map(|digest| (login, quiet(digest)));
    let Convergence { observed, remaining, .. } = convergence;
    let before = context.tables.last_seen(&uid);
    // After a restart, deferrals that the status already reports get no new event.
    if before.is_some() || !is_reported(&remaining, subject) {
        context.events.deferrals(&table.object_ref(&()), before.as_deref(), &remaining);
    }
    let last_seen = Arc::new(LastSeen::new(&desired, &observed, &remaining));
    context.tables.set_last_seen(&uid, last_seen, ended.is_ready.then_some(now));
    let is_reported = subject.previous.is_some_and(|found| patch::has_status(found, &status));
    Judgment { status: Some(status).filter(|_| !is_reported), ended, quiet }
}

/// Writes the status if it has changed, and adds a table with nothing to do to the rounds.
pub(super) async fn report(
    watched: &Watched,
    judgment: Judgment,
    context: &Arc<Context>,
) -> Result<Ended, ClusterError> {
    let Judgment { status, ended, quiet } = judgment;
    // If a status must be written, the resource could be parsed before.
    let table = if status.is_some() { watched.table().ok() } else { None };
    let version = match status.zip(table) {
        Some((status, table)) => write(&table, &subject_of(&table), &status, context).await?,
        None => watched.resource_version(),
    };
    if let Some((login, quiet)) = quiet {
        let quiet = Quiet { version: version.map(Into::into), ..quiet };
        context.rounds.add(&watched.uid().unwrap_or_default(), login, quiet, context);
    }
    Ok(ended)
}

/// Reports the error of a reconcile, or returns it if the status does not report it.
pub(super) async fn report_error(
    watched: &Watched,
    error: ReconcileError,
    context: &Context,
) -> Result<Ended, ReconcileError> {
    if !matches!(error, ReconcileError::ShuttingDown) {
        context.tables.clear_last_seen(&watched.uid().unwrap_or_default());
    }
    let outcome = outcome_of(error)?;
    match watched.table() {
        Ok(table) => Ok(write_outcome(&table, &subject_of(&table), &outcome, context).await?),
        Err(unreadable) => Ok(report_unreadable(watched, &unreadable, context).await?),
    }
}

/// Returns the outcome of an error for the status, or the error if the status does not report it.
fn outcome_of(error: ReconcileError) -> Result<Outcome<'static>, ReconcileError> {
    match error {
        ReconcileError::Of(failure) => Ok(Outcome::Failed(failure)),
        ReconcileError::NoSession(message) => Ok(Outcome::WaitingForSession(message)),
        ReconcileError::Cluster(_) | ReconcileError::ShuttingDown | ReconcileError::Superseded => {
            Err(error)
        }
    }
}

/// Returns whether the previous status reports this plan.
fn is_reported(plan: &Plan, subject: &Subject<'_>) -> bool {
    let reported = subject.previous.and_then(|status| status.plan.as_ref());
    reported.is_some_and(|reported| reported.fingerprint == plan.fingerprint)
}

/// Reports a resource that cannot be parsed.
pub(super) async fn report_unreadable(
    watched: &Watched,
    error: &str,
    context: &Context,
) -> Result<Ended, ClusterError> {
    context.tables.clear_last_seen(&watched.uid().unwrap_or_default());
    fail(watched, failure::unreadable(error), context).await
}

/// Reports a failure of a resource without reading its spec.
pub(super) async fn fail(
    watched: &Watched,
    failure: Failure,
    context: &Context,
) -> Result<Ended, ClusterError> {
    let previous = patch::read_status(&context.client, &Target::from_object(watched)).await?;
    let subject = Subject {
        previous: previous.as_ref(),
        generation: watched.meta().generation,
        requested: watched.annotations().get(RECONCILE_ANNOTATION).map(String::as_str),
    };
    write_outcome(watched, &subject, &Outcome::Failed(failure), context).await
}

/// Writes the status that an outcome gives.
pub(super) async fn write_outcome(
    object: &(impl Resource<DynamicType = ()> + Sync),
    subject: &Subject<'_>,
    outcome: &Outcome<'_>,
    context: &Context,
) -> Result<Ended, ClusterError> {
    let status = status::project(subject, outcome, Timestamp::now());
    write(object, subject, &status, context).await?;
    let uid = object.uid().unwrap_or_default();
    Ok(Ended::new(&uid, subject, (outcome, due(&status), resync(context)), context))
}

/// Writes the status if it has changed, and returns the version of the resource that has this status.
async fn write(
    object: &(impl Resource<DynamicType = ()> + Sync),
    subject: &Subject<'_>,
    status: &PartitionedTableStatus,
    context: &Context,
) -> Result<Option<String>, ClusterError> {
    if subject.previous.is_some_and(|previous| patch::has_status(previous, status)) {
        return Ok(object.resource_version());
    }
    let version = {
        let _asking = context.request_permit().await;
        patch::status(&context.client, &Target::from_object(object), status).await?
    };
    context.events.repairs(&object.object_ref(&()), subject.previous, status);
    let before = subject.previous.map_or(&[][..], |previous| &previous.conditions);
    context.events.transitions(&object.object_ref(&()), before, &status.conditions);
    Ok(version)
}

impl Ended {
    /// Returns when to reconcile again: when a step is `due`, or after `resync` without any other trigger.
    fn new(
        uid: &str,
        subject: &Subject<'_>,
        (outcome, due, resync): (&Outcome<'_>, Option<Timestamp>, Duration),
        context: &Context,
    ) -> Self {
        let is_ready = match outcome {
            Outcome::Inspected(observation) => observation.is_ready(),
            Outcome::Failed(_) | Outcome::WaitingForSession(_) => false,
            // The table counts as what it was when the operator last inspected it.
            Outcome::Suspended | Outcome::Deleting => {
                subject.previous.is_some_and(|previous| previous.is_true(ConditionType::Ready))
            }
        };
        let unready_for = context.backoff.unready_for(uid, subject.generation);
        if is_ready {
            context.backoff.ready(uid);
        }
        Self { is_ready, next: next_reconcile(Ok(outcome), &timing(unready_for, due, resync)) }
    }
}

fn due(status: &PartitionedTableStatus) -> Option<Timestamp> {
    status.next_action_at.as_ref().map(|due| due.0)
}

/// Returns the interval of reconciles of a table that is not quiet, which renew its claim.
pub(super) fn resync(context: &Context) -> Duration {
    context.resync.min(CLAIM_RENEW_INTERVAL)
}

pub(super) fn timing(unready_for: Duration, due: Option<Timestamp>, resync: Duration) -> Timing {
    Timing { now: Timestamp::now(), unready_for, resync: jittered(resync), due }
}
