//! One run of a resource: wait for older resources and for a session, then converge.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use kube::{Resource, ResourceExt};

use super::authority::{ResourceAuthority, RunAuthority};
use super::claimed::ClaimedTable;
use super::claims;
use super::context::{Context, RETRY_TIMEOUT};
use super::failure::{self, ReconcileError};
use super::login::log_in;
use super::logins::Login;
use super::older::Seniority;
use super::progress::StepReporter;
use super::urgency::urgency;
use crate::api::v1alpha1::PartitionedTable;
use crate::converge::{self, Convergence};
use crate::desired::{DesiredTable, Mode};
use crate::plan::PlanTime;
use crate::postgres::{Borrowed, ConnectionSettings};

/// Time that a run spends on work. After that it reports progress, and frees its session for other tables.
const WORK_TIME: Duration = Duration::from_secs(30);

/// Result of a run.
pub(super) struct Run {
    pub(super) desired: DesiredTable,
    pub(super) convergence: Convergence,
    pub(super) login: Arc<Login>,
    /// Settings of the session.
    pub(super) settings: Arc<ConnectionSettings>,
}

/// Waits for a session and converges. Thousands of resources can wait, so that what they do afterwards has its own
/// future, which does not exist while they wait.
pub(super) async fn run(
    table: &PartitionedTable,
    authority: &Arc<ResourceAuthority>,
    context: &Arc<Context>,
) -> Result<Box<Run>, ReconcileError> {
    let desired =
        DesiredTable::from_resource(table).map_err(|errors| failure::from_spec_errors(&errors))?;
    let (borrowed, settings) = tokio::select! {
        borrowed = turn(table, &desired, context) => borrowed?,
        () = authority.superseded() => return Err(ReconcileError::Superseded),
        () = context.abort.cancelled() => return Err(ReconcileError::ShuttingDown),
    };
    let convergence = Box::pin(converged(table, &desired, borrowed, authority, context)).await?;
    let login = context.logins.of(table);
    Ok(Box::new(Run { desired, convergence, login, settings }))
}

/// Converges, with the time at which the session was acquired.
async fn converged(
    table: &PartitionedTable,
    desired: &DesiredTable,
    borrowed: Borrowed,
    authority: &Arc<ResourceAuthority>,
    context: &Arc<Context>,
) -> Result<Convergence, ReconcileError> {
    let authority = Arc::new(RunAuthority::new(authority, borrowed.long_run()));
    let options = converge::Options {
        claimant: Some(claims::claimant(table, context)),
        authority,
        slow: context.backoff.slow_steps(table),
        skip_aside: true,
        work_time: WORK_TIME,
        routine: true,
        // The wait for the session can have been long.
        ..converge::Options::new(PlanTime::scheduled(desired, Timestamp::now()), RETRY_TIMEOUT)
    };
    let mut progress = StepReporter::new(table.object_ref(&()), &context.events, &context.metrics);
    let convergence = tokio::select! {
        ended = claims::converge_claimed(
            &borrowed.session, (table, desired), &options, &mut progress, context,
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
    Ok(convergence)
}

/// Waits for older resources and for a session, and returns the session and its login.
async fn turn(
    table: &PartitionedTable,
    desired: &DesiredTable,
    context: &Arc<Context>,
) -> Result<(Borrowed, Arc<ConnectionSettings>), ReconcileError> {
    let settings = Box::pin(log_in(table, context)).await?;
    let claimed = ClaimedTable { settings: Arc::clone(&settings), table: desired.name.clone() };
    let claimed = Some(claimed).filter(|_| desired.mode == Mode::Enforce);
    claims::set_claim(&table.uid().unwrap_or_default(), claimed, context);
    let seniority = Seniority::new(table);
    claims::wait_for_older_resources(&seniority, settings.database(), context).await;
    let borrowed = context.pool.borrow(&settings, urgency(table, Timestamp::now())).await;
    Ok((borrowed.map_err(|error| failure::from_borrow_error(&error))?, settings))
}
