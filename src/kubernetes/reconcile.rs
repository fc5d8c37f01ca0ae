//! One resource, once: credentials, session, convergence, status.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use kube::runtime::controller::Action;
use kube::{Resource, ResourceExt};

use super::ClusterError;
use super::aside::build_aside;
use super::authority::ResourceAuthority;
use super::backoff::jittered;
use super::claims;
use super::context::Context;
use super::failure::ReconcileError;
use super::last_seen::LastSeen;
use super::next_reconcile::{NextReconcile, Timing, next_reconcile};
use super::outcome::observation;
use super::panics::{Panic, contain};
use super::patch::{self, Target};
use super::rounds::QUIET_INTERVAL;
use super::rounds::quiet::{self, Quiet};
use super::run::{Run, run};
use super::watched::Watched;
use crate::api::v1alpha1::{PartitionedTable, PartitionedTableStatus, RECONCILE_ANNOTATION};
use crate::api::{ConditionType, Reason};
use crate::converge::Convergence;
use crate::desired::Mode;
use crate::plan::Plan;
use crate::postgres::CLAIM_RENEW_INTERVAL;
use crate::status::{self, Failure, Outcome, Subject};

/// Time until a retry if reporting a panic panics too.
const PANIC_RETRY_INTERVAL: Duration = Duration::from_mins(5);

/// Result of a run whose status was written.
struct Ended {
    is_ready: bool,
    next: NextReconcile,
}

/// Result of a run for the status and the rounds.
struct Judgment {
    status: PartitionedTableStatus,
    ended: Ended,
    /// The table if nothing is left to do, without the version of the resource.
    quiet: Option<Quiet>,
}

/// Reconciles a resource, writes its status, and returns when to reconcile again.
pub(super) async fn reconcile(
    watched: Arc<Watched>,
    context: Arc<Context>,
) -> Result<Action, Infallible> {
    tokio::select! {
        biased;
        () = context.leadership.acquired() => {}
        () = context.stop.cancelled() => return Ok(Action::await_change()),
    }
    // A panic here would end the operator.
    let again = match contain(Box::pin(attempt(&watched, &context))).await {
        Ok(again) => again,
        Err(panic) => {
            let recorded = contain(Box::pin(record_panic(&watched, &panic, &context))).await;
            recorded.unwrap_or(Some(PANIC_RETRY_INTERVAL))
        }
    };
    Ok(again.map_or_else(Action::await_change, Action::requeue))
}

/// Reconciles, and returns the time until the next reconcile, or `None` if only a change triggers one.
async fn attempt(watched: &Watched, context: &Arc<Context>) -> Option<Duration> {
    let began = Instant::now();
    context.rounds.remove(&watched.uid().unwrap_or_default());
    let ended = match watched.table() {
        Ok(table) => Box::pin(work(&table, context)).await,
        Err(error) => {
            let reported = Box::pin(report_unreadable(watched, &error, context)).await;
            reported.map_err(ReconcileError::Cluster)
        }
    };
    let (uid, generation) = (watched.uid().unwrap_or_default(), watched.meta().generation);
    let (is_ready, next) = match &ended {
        Ok(ended) => (ended.is_ready, ended.next),
        Err(failed) => {
            if let ReconcileError::Cluster(error) = failed {
                let error = error.chain();
                let (namespace, name) = (watched.namespace(), watched.name_any());
                tracing::warn!(
                    namespace,
                    name,
                    error,
                    "could not read from or write to the API server"
                );
            }
            let unready_for = context.backoff.unready_for(&uid, generation);
            let timing = timing(unready_for, None, resync(context));
            (false, next_reconcile(Err(failed), &timing))
        }
    };
    if !matches!(ended, Err(ReconcileError::Superseded)) {
        context.tables.mark_reconciled(&uid);
    }
    context.metrics.reconciled(is_ready, began.elapsed());
    context.backoff.retry_after(&uid, generation, next)
}

/// Reports a panic as an error of its resource, and returns the time until the next reconcile.
async fn record_panic(watched: &Watched, panic: &Panic, context: &Context) -> Option<Duration> {
    let target = Target::from_object(watched);
    tracing::error!(
        namespace = target.namespace,
        name = target.name,
        place = panic.place,
        panic = panic.message,
        "reconcile panicked"
    );
    context.tables.mark_reconciled(&target.uid);
    context.tables.clear_last_seen(&target.uid);
    context.metrics.reconciled(false, Duration::ZERO);
    let next = NextReconcile::AfterFailure { at_latest: None };
    let pause = context.backoff.retry_after(&target.uid, watched.meta().generation, next);
    let failure = Failure { reason: Reason::InternalError, message: panic.to_string() };
    if let Err(error) = fail(watched, failure, context).await {
        let error = error.chain();
        let (namespace, name) = (target.namespace, target.name);
        tracing::warn!(namespace, name, error, "could not report the panic");
    }
    pause
}

/// Converges the table and writes the status. An error that the status cannot report is returned.
async fn work(table: &PartitionedTable, context: &Arc<Context>) -> Result<Ended, ReconcileError> {
    let uid = table.uid().unwrap_or_default();
    let subject = Subject {
        previous: table.status.as_ref(),
        generation: table.meta().generation,
        requested: table.annotations().get(RECONCILE_ANNOTATION).map(String::as_str),
    };
    if let Some(outcome) = inactive_outcome(table) {
        context.builds.cancel(&uid);
        claims::set_claim(&uid, None, context);
        return Ok(Box::pin(write_outcome(table, &subject, &outcome, context)).await?);
    }
    let authority = Arc::new(ResourceAuthority::new(table, context));
    let mut result = Box::pin(run(table, &authority, context)).await;
    if let Ok(first) = &result
        && Box::pin(build_aside(table, (&first.desired, &first.convergence), &authority, context))
            .await
    {
        result = Box::pin(run(table, &authority, context)).await;
    }
    // The status would be about a spec that has changed.
    if !matches!(result, Err(ReconcileError::ShuttingDown)) && !authority.is_current() {
        context.tables.clear_last_seen(&uid);
        return Err(ReconcileError::Superseded);
    }
    match result {
        Ok(ended) => {
            let judgment = judge(table, &subject, *ended, context);
            Ok(Box::pin(report(table, &subject, judgment, context)).await?)
        }
        Err(error) => {
            if !matches!(error, ReconcileError::ShuttingDown) {
                context.tables.clear_last_seen(&uid);
            }
            Ok(Box::pin(write_outcome(table, &subject, &outcome_of(error)?, context)).await?)
        }
    }
}

/// Judges a run: records what it observed, and returns what its status says.
fn judge(table: &PartitionedTable, subject: &Subject<'_>, run: Run, context: &Context) -> Judgment {
    let Run { desired, convergence, settings } = run;
    let uid = table.uid().unwrap_or_default();
    let now = convergence.time.now;
    let aside = context.builds.failures(&uid, &convergence.remaining);
    let outcome = observation(&desired, &convergence, &aside);
    let status = status::project(subject, &outcome, now);
    let due = due(&status);
    let digest = quiet::digest(&outcome, convergence.digest, due);
    let resync = if digest.is_some() { QUIET_INTERVAL } else { resync(context) };
    let ended = Ended::new(&uid, subject, (&outcome, due, resync), context);
    let quiet = digest.map(|digest| Quiet {
        name: table.name_any().into(),
        version: None,
        table: desired.name.clone(),
        claims: desired.mode == Mode::Enforce,
        settings,
        digest,
        due,
    });
    let Convergence { observed, remaining, .. } = convergence;
    let before = context.tables.last_seen(&uid);
    // After a restart, deferrals that the status already reports get no new event.
    if before.is_some() || !is_reported(&remaining, subject) {
        context.events.deferrals(&table.object_ref(&()), before.as_deref(), &remaining);
    }
    let last_seen = Arc::new(LastSeen::new(&desired, &observed, &remaining));
    context.tables.set_last_seen(&uid, last_seen, ended.is_ready.then_some(now));
    Judgment { status, ended, quiet }
}

/// Writes the status, and adds a table with nothing to do to the rounds.
async fn report(
    table: &PartitionedTable,
    subject: &Subject<'_>,
    judgment: Judgment,
    context: &Arc<Context>,
) -> Result<Ended, ClusterError> {
    let Judgment { status, ended, quiet } = judgment;
    let version = write(table, subject, &status, context).await?;
    if let Some(quiet) = quiet {
        let quiet = Quiet { version: version.map(Into::into), ..quiet };
        context.rounds.add(
            &table.uid().unwrap_or_default(),
            context.logins.of(table),
            quiet,
            context,
        );
    }
    Ok(ended)
}

/// Returns the outcome for a table that is suspended or being deleted, or `None`.
fn inactive_outcome(table: &PartitionedTable) -> Option<Outcome<'static>> {
    if table.meta().deletion_timestamp.is_some() {
        return Some(Outcome::Deleting);
    }
    table.spec.suspend.then_some(Outcome::Suspended)
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
async fn report_unreadable(
    watched: &Watched,
    error: &str,
    context: &Context,
) -> Result<Ended, ClusterError> {
    let message = format!("this version of the operator cannot read the resource: {error}");
    context.tables.clear_last_seen(&watched.uid().unwrap_or_default());
    fail(watched, Failure { reason: Reason::InvalidSpec, message }, context).await
}

/// Reports a failure of a resource without reading its spec.
async fn fail(
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
async fn write_outcome(
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
fn resync(context: &Context) -> Duration {
    context.resync.min(CLAIM_RENEW_INTERVAL)
}

fn timing(unready_for: Duration, due: Option<Timestamp>, resync: Duration) -> Timing {
    Timing { now: Timestamp::now(), unready_for, resync: jittered(resync), due }
}
