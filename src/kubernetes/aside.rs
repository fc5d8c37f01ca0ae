//! Index builds, on a session of their own, beside the reconciles of their table.
//!
//! A build can wait and work for hours. Meanwhile its table needs partitions, and the operator
//! must react to edits. So a reconcile only begins the builds; when they have ended, the resource is reconciled again.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use kube::{Resource, ResourceExt};
use tokio::time::timeout;

use super::authority::ResourceAuthority;
use super::builds::BuildRun;
use super::claims;
use super::context::{Context, RETRY_TIMEOUT};
use super::failure::{self, ReconcileError};
use super::login::log_in;
use super::panics::contain;
use super::progress::StepReporter;
use super::run::Run;
use crate::api::Reason;
use crate::api::v1alpha1::PartitionedTable;
use crate::converge::{self, ConvergeError, converge_aside};
use crate::desired::{DesiredTable, Mode};
use crate::plan::{PlanTime, Step};
use crate::postgres::{Session, SlowSteps};
use crate::status::Failure;

/// Time for which a reconcile waits for the builds that it began: small ones end within it.
const SHORT_BUILD_TIME: Duration = Duration::from_secs(5);

/// Begins the builds that a run left, and returns whether they have ended already, so that another run can execute
/// the steps that depend on them.
pub(super) async fn build_aside(
    run: &Run,
    authority: &Arc<ResourceAuthority>,
    context: &Arc<Context>,
) -> bool {
    let Run { table, desired, convergence, .. } = run;
    let uid = table.uid().unwrap_or_default();
    if desired.mode != Mode::Enforce {
        context.builds.cancel(&uid);
        return false;
    }
    let next = convergence.remaining.next_aside(&[]);
    let Some(next) = next.and_then(|plan| plan.steps.into_iter().next()) else { return false };
    let message = "waits for one of the sessions for long steps to this server: wait for the builds of other \
                   tables, or raise --sessions-per-server";
    let waiting = Failure { reason: Reason::WaitingForSession, message: message.to_owned() };
    let Some(ticket) = context.builds.begin(&uid, (next.step.clone(), waiting)) else {
        return false;
    };
    let ended = context.builds.ended(&uid);
    let work = Work {
        table: table.clone(),
        desired: desired.clone(),
        authority: Arc::clone(authority),
        context: Arc::clone(context),
        slow: context.backoff.slow_steps(table),
    };
    tokio::spawn(work.until_done(next.step, ticket));
    let Some(mut ended) = ended else { return true };
    tokio::select! {
        waited = timeout(SHORT_BUILD_TIME, ended.changed()) => waited.is_ok(),
        () = authority.superseded() => false,
        () = context.abort.cancelled() => false,
    }
}

/// Arguments of a run of builds.
struct Work {
    table: PartitionedTable,
    desired: DesiredTable,
    authority: Arc<ResourceAuthority>,
    context: Arc<Context>,
    /// Slow steps known at the start of the builds. Reading them again for this resource, which can be outdated by then,
    /// would discard records of newer reconciles.
    slow: SlowSteps,
}

impl Work {
    async fn until_done(self, first: Step, ticket: BuildRun) {
        match contain(Box::pin(self.with_session(&first, &ticket))).await {
            Ok(failed) => ticket.report(failed),
            Err(panic) => {
                tracing::error!(place = panic.place, panic = panic.message, "index build panicked");
                let (reason, message) = (Reason::InternalError, panic.to_string());
                ticket.report(vec![(first, Failure { reason, message })]);
            }
        }
        drop(ticket);
        let namespace = self.table.namespace().unwrap_or_default();
        self.context.tables.request_reconcile(&namespace, &self.table.name_any()).await;
    }

    /// Waits for a session and uses it, until the builds are done or interrupted.
    async fn with_session(&self, first: &Step, ticket: &BuildRun) -> Vec<(Step, Failure)> {
        let context = &self.context;
        let borrowing = async {
            let login = context.logins.of(&self.table);
            let uid = self.table.uid().unwrap_or_default();
            let settings = log_in(&login, &uid, context).await?;
            let borrowed = context.pool.borrow_long(&settings).await;
            borrowed.map_err(|error| failure::from_borrow_error(&error))
        };
        let borrowed = tokio::select! {
            borrowed = borrowing => borrowed,
            () = self.authority.superseded() => return Vec::new(),
            () = context.stop.cancelled() => return Vec::new(),
            () = interrupted(ticket, context) => return Vec::new(),
        };
        let borrowed = match borrowed {
            Ok(borrowed) => borrowed,
            Err(error) => return failed_with(first, error),
        };
        ticket.has_session();
        let failed = tokio::select! {
            failed = self.build(first, &borrowed.session) => failed,
            () = interrupted(ticket, context) => {
                // Otherwise the server would continue the build for hours.
                borrowed.session.cancel().await;
                return Vec::new();
            }
        };
        borrowed.return_to_pool().await;
        failed
    }

    /// Executes one step after the other, each after an inspection of its own: hours may have passed.
    async fn build(&self, first: &Step, session: &Session) -> Vec<(Step, Failure)> {
        let Self { table, desired, authority, context, slow } = self;
        let mut progress =
            StepReporter::new(table.object_ref(&()), &context.events, &context.metrics);
        let (mut tried, mut failed) = (Vec::new(), Vec::new());
        loop {
            let time = PlanTime::scheduled(desired, Timestamp::now());
            let authority: Arc<ResourceAuthority> = Arc::clone(authority);
            let options = converge::Options {
                claimant: Some(claims::claimant(table, context)),
                authority,
                slow: slow.clone(),
                ..converge::Options::new(time, RETRY_TIMEOUT)
            };
            let step = converge_aside(session, desired, &options, &tried, &mut progress).await;
            let outcome = match step {
                Ok(Some(outcome)) => outcome,
                Ok(None) | Err(ConvergeError::Revoked) => return failed,
                Err(error) => {
                    failed.push((first.clone(), failure::from_converge_error(&error)));
                    return failed;
                }
            };
            if outcome.is_revoked() {
                return failed;
            }
            let failure = outcome.result.as_ref().err();
            let failure = failure.and_then(|failure| failure::from_step_failure(failure, true));
            failed.extend(failure.map(|failure| (outcome.step.clone(), failure)));
            tried.push(outcome.step);
            if context.stop.is_cancelled() {
                return failed;
            }
        }
    }
}

/// Waits until the builds must stop: the operator shuts down, or the table is suspended or deleted.
async fn interrupted(ticket: &BuildRun, context: &Context) {
    tokio::select! {
        () = ticket.cancel.cancelled() => {}
        () = context.abort.cancelled() => {}
    }
}

fn failed_with(step: &Step, error: ReconcileError) -> Vec<(Step, Failure)> {
    let failure = match error {
        ReconcileError::Of(failure) => failure,
        ReconcileError::NoSession(message) => {
            Failure { reason: Reason::WaitingForSession, message }
        }
        // The next reconcile has the same error, and reports it.
        ReconcileError::Cluster(_) | ReconcileError::ShuttingDown | ReconcileError::Superseded => {
            return Vec::new();
        }
    };
    vec![(step.clone(), failure)]
}
