//! One resource, once: credentials, session, convergence, status.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};

use kube::runtime::controller::Action;
use kube::{Resource, ResourceExt};

use super::aside::build_aside;
use super::authority::ResourceAuthority;
use super::claims;
use super::context::Context;
use super::failure::ReconcileError;
use super::next_reconcile::{NextReconcile, next_reconcile};
use super::panics::{Panic, contain};
use super::patch::Target;
use super::report::{
    Ended, fail, judge, report, report_error, report_unreadable, resync, subject_of, timing,
    write_outcome,
};
use super::run::run;
use super::sets::reconcile_in_set;
use super::watched::Watched;
use crate::api::Reason;
use crate::api::v1alpha1::PartitionedTable;
use crate::status::{Failure, Outcome};

/// Time until a retry if reporting a panic panics too.
const PANIC_RETRY_INTERVAL: Duration = Duration::from_mins(5);

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
async fn attempt(watched: &Arc<Watched>, context: &Arc<Context>) -> Option<Duration> {
    let began = Instant::now();
    context.rounds.remove(&watched.uid().unwrap_or_default());
    let ended = match Box::pin(reconcile_in_set(watched, context)).await {
        Some(ended) => ended,
        None => Box::pin(reconcile_alone(watched, context)).await,
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

/// Reconciles a table by itself.
async fn reconcile_alone(
    watched: &Watched,
    context: &Arc<Context>,
) -> Result<Ended, ReconcileError> {
    let inactive = match watched.table() {
        Ok(table) => inactive_outcome(&table).map(|outcome| (Box::new(table), outcome)),
        Err(error) => return Ok(Box::pin(report_unreadable(watched, &error, context)).await?),
    };
    let Some((table, outcome)) = inactive else {
        return Box::pin(work(watched, context)).await;
    };
    let uid = table.uid().unwrap_or_default();
    context.builds.cancel(&uid);
    claims::set_claim(&uid, None, context);
    Ok(Box::pin(write_outcome(&*table, &subject_of(&table), &outcome, context)).await?)
}

/// Converges the table and writes the status. An error that the status cannot report is returned.
async fn work(watched: &Watched, context: &Arc<Context>) -> Result<Ended, ReconcileError> {
    let authority = Arc::new(ResourceAuthority::new(watched, context));
    let mut result = Box::pin(run(watched, &authority, context)).await;
    if let Ok(first) = &result
        && Box::pin(build_aside(first, &authority, context)).await
    {
        result = Box::pin(run(watched, &authority, context)).await;
    }
    // The status would be about a spec that has changed.
    if !matches!(result, Err(ReconcileError::ShuttingDown)) && !authority.is_current() {
        context.tables.clear_last_seen(&watched.uid().unwrap_or_default());
        return Err(ReconcileError::Superseded);
    }
    match result {
        Ok(ended) => {
            let judgment = judge(*ended, context);
            Ok(Box::pin(report(watched, judgment, context)).await?)
        }
        Err(error) => Box::pin(report_error(watched, error, context)).await,
    }
}

/// Returns the outcome for a table that is suspended or being deleted, or `None`.
fn inactive_outcome(table: &PartitionedTable) -> Option<Outcome<'static>> {
    if table.meta().deletion_timestamp.is_some() {
        return Some(Outcome::Deleting);
    }
    table.spec.suspend.then_some(Outcome::Suspended)
}
