//! One resource, once: credentials, session, convergence, status.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use kube::runtime::controller::Action;
use kube::{Resource, ResourceExt};

use super::ClusterError;
use super::aside::build_aside;
use super::authority::{ResourceAuthority, RunAuthority};
use super::backoff::jittered;
use super::claimed::ClaimedTable;
use super::claims;
use super::context::{Context, RETRY_TIMEOUT};
use super::failure::{self, ReconcileError};
use super::last_seen::LastSeen;
use super::login::log_in;
use super::next_reconcile::{NextReconcile, Timing, next_reconcile};
use super::outcome::observation;
use super::panics::{Panic, contain};
use super::patch::{self, Target};
use super::progress::StepReporter;
use super::urgency::urgency;
use super::watched::Watched;
use crate::api::v1alpha1::{PartitionedTable, PartitionedTableStatus, RECONCILE_ANNOTATION};
use crate::api::{ConditionType, Reason};
use crate::converge::{self, Convergence};
use crate::desired::{DesiredTable, Mode};
use crate::plan::{Plan, PlanTime};
use crate::postgres::{Borrowed, CLAIM_RENEW_INTERVAL};
use crate::status::{self, Failure, Outcome, Subject};

/// Time until a retry if reporting a panic panics too.
const PANIC_RETRY_INTERVAL: Duration = Duration::from_mins(5);

/// Time that a run spends on work. After that it reports progress, and frees its session for other tables.
const WORK_TIME: Duration = Duration::from_secs(30);

/// Result of a run whose status was written.
struct Ended {
    is_ready: bool,
    next: NextReconcile,
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
            let recorded = contain(record_panic(&watched, &panic, &context)).await;
            recorded.unwrap_or(Some(PANIC_RETRY_INTERVAL))
        }
    };
    Ok(again.map_or_else(Action::await_change, Action::requeue))
}

/// Reconciles, and returns the time until the next reconcile, or `None` if only a change triggers one.
async fn attempt(watched: &Watched, context: &Arc<Context>) -> Option<Duration> {
    let began = Instant::now();
    let ended = match watched.table() {
        Ok(table) => Box::pin(work(&table, context)).await,
        Err(error) => {
            report_unreadable(watched, &error, context).await.map_err(ReconcileError::Cluster)
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
            (false, next_reconcile(Err(failed), &timing(&uid, generation, None, context)))
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
        return Ok(write_outcome(table, &subject, &outcome, context).await?);
    }
    let authority = Arc::new(ResourceAuthority::new(table, context));
    let mut result = Box::pin(converged(table, &authority, context)).await;
    if let Ok((desired, convergence)) = &result
        && build_aside(table, (desired, convergence), &authority, context).await
    {
        result = Box::pin(converged(table, &authority, context)).await;
    }
    // The status would be about a spec that has changed.
    if !matches!(result, Err(ReconcileError::ShuttingDown)) && !authority.is_current() {
        context.tables.clear_last_seen(&uid);
        return Err(ReconcileError::Superseded);
    }
    let (desired, convergence) = match result {
        Ok(converged) => converged,
        Err(error) => {
            if !matches!(error, ReconcileError::ShuttingDown) {
                context.tables.clear_last_seen(&uid);
            }
            return Ok(write_outcome(table, &subject, &outcome_of(error)?, context).await?);
        }
    };
    let now = convergence.time.now;
    let aside = context.builds.failures(&uid, &convergence.remaining);
    let outcome = observation(&desired, &convergence, &aside);
    let status = status::project(&subject, &outcome, now);
    let ended = Ended::new(table, &subject, &outcome, &status, context);
    let Convergence { observed, remaining, .. } = convergence;
    let before = context.tables.last_seen(&uid);
    // After a restart, deferrals that the status already reports get no new event.
    if before.is_some() || !is_reported(&remaining, &subject) {
        context.events.deferrals(&table.object_ref(&()), before.as_deref(), &remaining);
    }
    let last_seen = Arc::new(LastSeen::new(&desired, &observed, &remaining));
    context.tables.set_last_seen(&uid, last_seen, ended.is_ready.then_some(now));
    write(table, &subject, &status, context).await?;
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

/// Converges, with a session and with the time at which the session was acquired.
async fn converged(
    table: &PartitionedTable,
    authority: &Arc<ResourceAuthority>,
    context: &Arc<Context>,
) -> Result<(DesiredTable, Convergence), ReconcileError> {
    let desired =
        DesiredTable::from_resource(table).map_err(|errors| failure::from_spec_errors(&errors))?;
    let borrowed = tokio::select! {
        borrowed = turn(table, &desired, context) => borrowed?,
        () = authority.superseded() => return Err(ReconcileError::Superseded),
        () = context.abort.cancelled() => return Err(ReconcileError::ShuttingDown),
    };
    let authority = Arc::new(RunAuthority::new(authority, borrowed.long_run()));
    let options = converge::Options {
        claimant: Some(claims::claimant(table, context)),
        authority,
        slow: context.backoff.slow_steps(table),
        skip_aside: true,
        work_time: WORK_TIME,
        routine: true,
        // The wait for the session can have been long.
        ..converge::Options::new(PlanTime::scheduled(&desired, Timestamp::now()), RETRY_TIMEOUT)
    };
    let mut progress = StepReporter::new(table.object_ref(&()), &context.events, &context.metrics);
    let convergence = tokio::select! {
        ended = claims::converge_claimed(
            &borrowed.session, (table, &desired), &options, &mut progress, context,
        ) => ended?,
        () = context.abort.cancelled() => {
            // Otherwise the server would continue, an index build for hours.
            borrowed.session.cancel().await;
            return Err(ReconcileError::ShuttingDown);
        }
    };
    // A list of hosts or a name may lead to the new primary now.
    if !convergence.observed.server.in_recovery {
        borrowed.return_to_pool().await;
    }
    Ok((desired, convergence))
}

/// Waits for older resources and for a session, and returns the session.
async fn turn(
    table: &PartitionedTable,
    desired: &DesiredTable,
    context: &Arc<Context>,
) -> Result<Borrowed, ReconcileError> {
    let settings = log_in(table, context).await?;
    let claimed = ClaimedTable { settings: settings.clone(), table: desired.name.clone() };
    let claimed = Some(claimed).filter(|_| desired.mode == Mode::Enforce);
    claims::set_claim(&table.uid().unwrap_or_default(), claimed, context);
    claims::wait_for_older_resources(table, settings.database(), context).await;
    let borrowed = context.pool.borrow(&settings, urgency(table, Timestamp::now())).await;
    borrowed.map_err(|error| failure::from_borrow_error(&error))
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
    Ok(Ended::new(object, subject, outcome, &status, context))
}

/// Writes the status if it has changed.
async fn write(
    object: &(impl Resource<DynamicType = ()> + Sync),
    subject: &Subject<'_>,
    status: &PartitionedTableStatus,
    context: &Context,
) -> Result<(), ClusterError> {
    if subject.previous.is_some_and(|previous| patch::has_status(previous, status)) {
        return Ok(());
    }
    {
        let _asking = context.request_permit().await;
        patch::status(&context.client, &Target::from_object(object), status).await?;
    }
    context.events.repairs(&object.object_ref(&()), subject.previous, status);
    let before = subject.previous.map_or(&[][..], |previous| &previous.conditions);
    context.events.transitions(&object.object_ref(&()), before, &status.conditions);
    Ok(())
}

impl Ended {
    fn new(
        object: &impl ResourceExt,
        subject: &Subject<'_>,
        outcome: &Outcome<'_>,
        status: &PartitionedTableStatus,
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
        let due = status.next_action_at.as_ref().map(|due| due.0);
        let uid = object.uid().unwrap_or_default();
        let timing = timing(&uid, subject.generation, due, context);
        if is_ready {
            context.backoff.ready(&uid);
        }
        Self { is_ready, next: next_reconcile(Ok(outcome), &timing) }
    }
}

fn timing(uid: &str, generation: Option<i64>, due: Option<Timestamp>, context: &Context) -> Timing {
    Timing {
        now: Timestamp::now(),
        unready_for: context.backoff.unready_for(uid, generation),
        resync: jittered(context.resync.min(CLAIM_RENEW_INTERVAL)),
        due,
    }
}
