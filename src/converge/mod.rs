//! A run: inspect, plan, claim, check, execute, inspect again.

mod aside;
mod background;
mod convert;
mod look;
mod observe;
mod options;

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use crate::desired::{DesiredTable, Mode};
use crate::observed::ObservedTable;
use crate::plan::{
    Blocker, CheckedPlan, ConversionBlocker, Plan, PlanTime, Step, Violation, drop_default_checks,
    violates_precondition,
};
use crate::postgres::{
    AlwaysGranted, Authority, Certainty, ClaimHolder, DatabaseError, InspectError, LockKeys,
    Progress, Ruling, Session, StepFailure, StepOutcome, TableLock, WorkOutcome, claim, execute,
};
use crate::sql::Timeouts;

use background::check_in_background;
use observe::look;

pub use crate::postgres::LookDigest;
pub use aside::converge_aside;
pub use look::{Look, PlannedLook, digests, look_at_all};
pub use observe::{observe, observe_and_plan};
pub use options::Options;

/// Approximate interval between two attempts to acquire the lock on a table.
const LOCK_RETRY_INTERVAL: Duration = Duration::from_millis(250);

/// Result of a run.
#[derive(Debug)]
pub struct Convergence {
    /// Executed plan.
    pub plan: Plan,
    /// Results of the steps, in order; empty if there was nothing to do, or with `mode: Plan`.
    pub outcomes: Vec<StepOutcome>,
    /// Result of the last work, or `None` if there was none.
    pub work_outcome: Option<WorkOutcome>,
    /// Observed state after the run.
    pub observed: ObservedTable,
    /// Plan of the next run: the same plan if nothing was executed.
    pub remaining: Plan,
    /// Times for which the plan was made.
    pub time: PlanTime,
    /// Digest of the inspection, to compare with [`digests`]; `None` if the run acquired the lock on the table, or if the plan
    /// depends on more than the rows of the catalog query and the clocks.
    pub digest: Option<LookDigest>,
}

impl Convergence {
    /// Returns the failed steps whose subject still has a step to do, such as a `finalize` after a `detach`. If
    /// there were several attempts, the last one counts.
    pub fn failures(&self) -> impl Iterator<Item = (&Step, &StepFailure)> {
        let left: HashSet<_> =
            self.remaining.steps.iter().map(|planned| planned.step.subject()).collect();
        let tried = self.outcomes.iter().enumerate().filter_map(|(at, outcome)| {
            let is_skipped = matches!(outcome.result, Err(StepFailure::Skipped));
            (!is_skipped).then(|| (outcome.step.subject(), at))
        });
        let last: HashMap<_, _> = tried.collect();
        self.outcomes.iter().enumerate().filter_map(move |(at, outcome)| {
            let failure = outcome.result.as_ref().err()?;
            let subject = outcome.step.subject();
            let is_tried_again = last.get(&subject).is_some_and(|last| *last > at);
            let counts = left.contains(&subject) && !is_tried_again;
            counts.then_some((&outcome.step, failure))
        })
    }
}

/// Error of a run that executed nothing.
#[derive(Debug, thiserror::Error)]
pub enum ConvergeError {
    /// Postgres returned an error, or a result that cannot be parsed.
    #[error(transparent)]
    Inspect(#[from] InspectError),
    /// An older resource manages the table.
    #[error("{0} is older and manages the same table: delete one of the two resources")]
    Conflict(ClaimHolder),
    /// Another pg-partition-operator is changing the table.
    #[error(
        "another pg-partition-operator holds the table{}: wait, or end that process",
        .0.as_ref().map(|holder| format!(" in {holder}")).unwrap_or_default()
    )]
    LockedByAnotherOperator(Option<String>),
    /// The plan is not one of the expected ones.
    #[error("the plan is no longer the one expected: it is now {fingerprint}")]
    PlanChanged {
        /// Fingerprint of the current plan.
        fingerprint: String,
    },
    /// The resource was changed or deleted during the run.
    #[error("the resource was changed or deleted during the run")]
    Revoked,
    /// A bug of the operator: nothing was executed.
    #[error(transparent)]
    Violation(#[from] Violation),
}

impl From<DatabaseError> for ConvergeError {
    fn from(error: DatabaseError) -> Self {
        Self::Inspect(error.into())
    }
}

/// Makes the table match the desired state, as far as possible.
///
/// # Errors
/// Returns an error if no step could be started. Otherwise, the result has the outcome of each step.
pub async fn converge(
    session: &Session,
    desired: &DesiredTable,
    options: &Options,
    progress: &mut dyn Progress,
) -> Result<Convergence, ConvergeError> {
    let (observed, plan, digest) = look(session, desired, &options.time).await?;
    check_expected(&plan, options)?;
    acquire_claim(session, desired, &observed, options).await?;
    let has_work = if options.skip_aside {
        !plan.clone().without_aside().steps.is_empty()
    } else {
        !plan.steps.is_empty()
    };
    let works = plan.work.as_ref().is_some_and(|planned| options.executes(planned));
    let has_work =
        has_work || works || (is_detach_blocked(&plan) && !options.detach_timeout.is_zero());
    let oid = observed.locked_relation().filter(|_| has_work);
    let (Some(oid), Mode::Enforce) = (oid, desired.mode) else {
        return Ok(Convergence {
            remaining: plan.clone(),
            plan,
            outcomes: Vec::new(),
            work_outcome: None,
            observed,
            time: options.time,
            digest,
        });
    };
    let keys = LockKeys::new(&desired.name, oid);
    // Interrupted: the claim stays until it expires; the advisory lock ends with the session.
    let lock = acquire_lock(session, keys, options.retry_timeout).await?;
    let convergence = Box::pin(converge_locked(&lock, desired, options, progress)).await;
    let released = lock.release().await;
    let convergence = convergence?;
    released?;
    Ok(convergence)
}

/// Claims the table for the resource, if the table exists and can be managed.
async fn acquire_claim(
    session: &Session,
    desired: &DesiredTable,
    observed: &ObservedTable,
    options: &Options,
) -> Result<(), ConvergeError> {
    let (Some(claimant), Some(oid), Mode::Enforce) =
        (&options.claimant, observed.locked_relation(), desired.mode)
    else {
        return Ok(());
    };
    if violates_precondition(desired, observed, &options.time) {
        return Ok(());
    }
    match claim(session, &desired.name, oid, claimant).await? {
        None => Ok(()),
        Some(holder) => Err(ConvergeError::Conflict(holder)),
    }
}

/// Waits until another operator releases the lock on the table.
async fn acquire_lock(
    session: &Session,
    table: LockKeys,
    retry_timeout: Duration,
) -> Result<TableLock<'_>, ConvergeError> {
    let started = Instant::now();
    loop {
        if let Some(lock) = TableLock::try_acquire(session, table).await? {
            return Ok(lock);
        }
        if started.elapsed() >= retry_timeout {
            let holder = TableLock::holder(session, table).await?;
            return Err(ConvergeError::LockedByAnotherOperator(holder));
        }
        tokio::time::sleep(LOCK_RETRY_INTERVAL.mul_f64(0.5 + fastrand::f64())).await;
    }
}

/// Inspects again under the lock: another operator may have executed the plan meanwhile.
async fn converge_locked(
    lock: &TableLock<'_>,
    desired: &DesiredTable,
    options: &Options,
    progress: &mut dyn Progress,
) -> Result<Convergence, ConvergeError> {
    let started = Instant::now();
    let (before, first) = observe_and_plan(lock.session(), desired, &options.time).await?;
    if let Some(oid) = before.locked_relation() {
        lock.covers(oid)?;
    }
    check_expected(&first, options)?;
    // An older resource may have claimed the table during the wait for the lock.
    acquire_claim(lock.session(), desired, &before, options).await?;
    // The resource may have been edited, too.
    if options.authority.ask(Certainty::Known).await == Ruling::Revoked {
        return Err(ConvergeError::Revoked);
    }
    let mut aside = lock_aside(lock, &first, &before, options).await?;
    let first = if aside.is_some() { first } else { first.without_aside() };
    let checked = check_in_background(first, desired, before, &options.time).await?;
    let plan = checked.plan().clone();
    let (outcomes, work_outcome) = (Vec::new(), None);
    let mut runner = StepRunner { lock, desired, options, progress, outcomes, work_outcome };
    let (mut observed, mut remaining) = runner.all(&checked).await?;
    (observed, remaining) = Box::pin(runner.convert((observed, remaining), &mut aside)).await?;
    while is_pending(&remaining) && started.elapsed() < options.detach_timeout {
        tokio::time::sleep(LOCK_RETRY_INTERVAL).await;
        (observed, remaining) = observe_and_plan(lock.session(), desired, &options.time).await?;
        if !is_detach_blocked(&remaining) {
            let rest = if aside.is_some() { remaining } else { remaining.without_aside() };
            let checked = check_in_background(rest, desired, observed, &options.time).await?;
            (observed, remaining) = runner.all(&checked).await?;
        }
    }
    if let Some(aside) = aside {
        aside.release().await?;
    }
    let StepRunner { outcomes, work_outcome, .. } = runner;
    let time = options.time;
    Ok(Convergence { plan, outcomes, work_outcome, observed, remaining, time, digest: None })
}

/// Acquires the lock for steps that can be executed aside, if this run executes such steps. If another session holds the
/// lock, the run omits these steps.
async fn lock_aside<'a>(
    lock: &TableLock<'a>,
    plan: &Plan,
    observed: &ObservedTable,
    options: &Options,
) -> Result<Option<TableLock<'a>>, DatabaseError> {
    let has_some = plan.steps.iter().any(|planned| planned.step.facts().aside.is_some());
    match observed.locked_relation() {
        Some(oid) if has_some && !options.skip_aside => {
            let keys = LockKeys::new(&observed.managed, oid);
            TableLock::try_acquire_aside(lock.session(), keys).await
        }
        Some(_) | None => Ok(None),
    }
}

fn timeouts(desired: &DesiredTable, options: &Options) -> Timeouts {
    Timeouts { lock_timeout: desired.limits.lock_timeout, retry_timeout: options.retry_timeout }
}

/// State of a run that executes a plan.
struct StepRunner<'a> {
    lock: &'a TableLock<'a>,
    desired: &'a DesiredTable,
    options: &'a Options,
    progress: &'a mut dyn Progress,
    outcomes: Vec<StepOutcome>,
    /// Result of the last work.
    work_outcome: Option<WorkOutcome>,
}

impl StepRunner<'_> {
    /// Executes every step that can be executed, and inspects again.
    async fn all(&mut self, checked: &CheckedPlan) -> Result<(ObservedTable, Plan), ConvergeError> {
        // Interrupted: a default-partition check that this run added can remain. It rejects inserts of its range until the next
        // run attaches the partition or drops the check.
        self.execute(checked, &*self.options.authority).await;
        let is_revoked = self.outcomes.last().is_some_and(StepOutcome::is_revoked);
        if is_revoked && !self.has_added_check() {
            return Err(ConvergeError::Revoked);
        }
        let (session, time) = (self.lock.session(), &self.options.time);
        let (mut observed, mut remaining) =
            observe_and_plan(session, self.desired, &self.options.time).await?;
        // A default-partition check rejects rows that the default partition accepted before. If the attach failed, the run
        // drops the check before it ends, even if it was revoked: while a resource is suspended, no other run would drop it.
        let broken = drop_default_checks(&observed);
        if !broken.steps.is_empty() {
            let checked = check_in_background(broken, self.desired, observed, time).await?;
            self.execute(&checked, &AlwaysGranted).await;
            (observed, remaining) =
                observe_and_plan(session, self.desired, &self.options.time).await?;
        }
        if is_revoked { Err(ConvergeError::Revoked) } else { Ok((observed, remaining)) }
    }

    /// Returns whether this run has added a check to the default partition, or to a plain table.
    fn has_added_check(&self) -> bool {
        let adds = |outcome: &StepOutcome| {
            matches!(outcome.step, Step::AddDefaultCheck(_) | Step::AddBoundsCheck(_))
        };
        self.outcomes.iter().any(adds)
    }

    async fn execute(&mut self, checked: &CheckedPlan, authority: &dyn Authority) {
        let (timeouts, slow) = (timeouts(self.desired, self.options), &self.options.slow);
        let outcomes = execute(self.lock, checked, timeouts, authority, slow, self.progress).await;
        self.outcomes.extend(outcomes);
    }
}

/// Returns whether a detach is pending (blocked, or started by this run and not finalized), or a swap is blocked.
fn is_pending(plan: &Plan) -> bool {
    is_detach_blocked(plan) || plan.steps.iter().any(|p| matches!(p.step, Step::FinalizeDetach(_)))
}

/// Returns whether a transaction of another session blocks a detach or a swap.
fn is_detach_blocked(plan: &Plan) -> bool {
    let waits = |blocker: &Blocker| {
        matches!(
            blocker,
            Blocker::DetachBlocked { .. }
                | Blocker::Conversion(ConversionBlocker::SwapBlocked { .. })
        )
    };
    plan.deferred.iter().any(|deferral| waits(&deferral.blocker))
}

fn check_expected(plan: &Plan, options: &Options) -> Result<(), ConvergeError> {
    if options.expect.is_empty() || options.expect.contains(&plan.fingerprint) {
        return Ok(());
    }
    Err(ConvergeError::PlanChanged { fingerprint: plan.fingerprint.clone() })
}
