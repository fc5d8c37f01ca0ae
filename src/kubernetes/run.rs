//! One run of a resource: wait for older resources and for a session, then converge.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use kube::Resource;

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
use super::watched::Watched;
use crate::api::v1alpha1::PartitionedTable;
use crate::converge::{self, Convergence};
use crate::desired::{DesiredTable, Mode};
use crate::partition::ManagedTable;
use crate::plan::PlanTime;
use crate::postgres::{Borrowed, ConnectionSettings, Urgency};

/// Time that a run spends on work. After that it reports progress, and frees its session for other tables.
const WORK_TIME: Duration = Duration::from_secs(30);

/// Result of a run.
pub(super) struct Run {
    pub(super) table: PartitionedTable,
    pub(super) desired: DesiredTable,
    pub(super) convergence: Convergence,
    pub(super) login: Arc<Login>,
    /// Settings of the session.
    pub(super) settings: Arc<ConnectionSettings>,
}

/// Parts of a resource that a wait for a session needs. Thousands of resources can wait, so that everything else, and the
/// future of the run, does not exist while they wait.
struct Waiting {
    login: Arc<Login>,
    /// Table that the resource claims, or `None` if it claims none.
    claimed: Option<ManagedTable>,
    seniority: Seniority,
    urgency: Urgency,
}

/// Waits for a session and converges.
pub(super) async fn run(
    watched: &Watched,
    authority: &Arc<ResourceAuthority>,
    context: &Arc<Context>,
) -> Result<Box<Run>, ReconcileError> {
    let waiting = Box::new(Waiting::new(watched, context)?);
    let (borrowed, settings) = tokio::select! {
        borrowed = waiting.turn(context) => borrowed?,
        () = authority.superseded() => return Err(ReconcileError::Superseded),
        () = context.abort.cancelled() => return Err(ReconcileError::ShuttingDown),
    };
    Box::pin(converged(watched, borrowed, authority, context, (waiting.login, settings))).await
}
/// Converges, with the time at which the session was acquired.
async fn converged(
    watched: &Watched,
    borrowed: Borrowed,
    authority: &Arc<ResourceAuthority>,
    context: &Arc<Context>,
    (login, settings): (Arc<Login>, Arc<ConnectionSettings>),
) -> Result<Box<Run>, ReconcileError> {
    let (table, desired) = parse(watched)?;
    let authority = Arc::new(RunAuthority::new(authority, borrowed.long_run()));
    let options = converge::Options {
        claimant: Some(claims::claimant(&table, context)),
        authority,
        slow: context.backoff.slow_steps(&table),
        skip_aside: true,
        work_time: WORK_TIME,
        routine: true,
        // The wait for the session can have been long.
        ..converge::Options::new(PlanTime::scheduled(&desired, Timestamp::now()), RETRY_TIMEOUT)
    };
    let mut progress = StepReporter::new(table.object_ref(&()), &context.events, &context.metrics);
    let convergence = tokio::select! {
        ended = claims::converge_claimed(
            &borrowed.session, (&table, &desired), &options, &mut progress, context,
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
    Ok(Box::new(Run { table, desired, convergence, login, settings }))
}

impl Waiting {
    fn new(watched: &Watched, context: &Context) -> Result<Self, ReconcileError> {
        let (table, desired) = parse(watched)?;
        Ok(Self {
            login: context.logins.of(&table),
            claimed: (desired.mode == Mode::Enforce).then_some(desired.name),
            seniority: Seniority::new(&table),
            urgency: urgency(&table, Timestamp::now()),
        })
    }

    /// Waits for older resources and for a session, and returns the session and its settings.
    async fn turn(
        &self,
        context: &Arc<Context>,
    ) -> Result<(Borrowed, Arc<ConnectionSettings>), ReconcileError> {
        let uid = self.seniority.uid();
        let settings = Box::pin(log_in(&self.login, uid, context)).await?;
        let claimed = self.claimed.clone();
        let claimed = claimed.map(|table| ClaimedTable { settings: Arc::clone(&settings), table });
        claims::set_claim(uid, claimed, context);
        claims::wait_for_older_resources(&self.seniority, settings.database(), context).await;
        let borrowed = context.pool.borrow(&settings, self.urgency).await;
        Ok((borrowed.map_err(|error| failure::from_borrow_error(&error))?, settings))
    }
}

/// Parses a resource and its spec.
fn parse(watched: &Watched) -> Result<(PartitionedTable, DesiredTable), ReconcileError> {
    let table = watched.table().map_err(|error| failure::unreadable(&error))?;
    let desired = DesiredTable::from_resource(&table);
    Ok((table, desired.map_err(|errors| failure::from_spec_errors(&errors))?))
}
