//! Execution of one step that can take hours while other runs continue with the table.

use super::{
    ConvergeError, Options, acquire_claim, check_expected, check_in_background, observe_and_plan,
    timeouts,
};
use crate::desired::{DesiredTable, Mode};
use crate::plan::Step;
use crate::postgres::{
    Certainty, LockKeys, Progress, Ruling, Session, StepOutcome, TableLock, execute,
};

/// Executes the next step that can be executed aside and returns its outcome, or `None` if all such steps were `tried`.
///
/// Only one session at a time executes such steps for a table. It does not hold the lock on the table, so other runs can
/// provide partitions meanwhile.
///
/// # Errors
/// Returns an error if the step could not be started.
pub async fn converge_aside(
    session: &Session,
    desired: &DesiredTable,
    options: &Options,
    tried: &[Step],
    progress: &mut dyn Progress,
) -> Result<Option<StepOutcome>, ConvergeError> {
    let (observed, _) = observe_and_plan(session, desired, &options.time).await?;
    let (Some(oid), Mode::Enforce) = (observed.locked_relation(), desired.mode) else {
        return Ok(None);
    };
    let keys = LockKeys::new(&desired.name, oid);
    let Some(lock) = TableLock::try_acquire_aside(session, keys).await? else {
        let holder = TableLock::holder_aside(session, keys).await?;
        return Err(ConvergeError::LockedByAnotherOperator(holder));
    };
    let outcome = converge_locked(&lock, desired, options, tried, progress).await;
    let released = lock.release().await;
    let outcome = outcome?;
    released?;
    Ok(outcome)
}

/// Inspects again after this session has acquired the right to execute steps aside.
async fn converge_locked(
    lock: &TableLock<'_>,
    desired: &DesiredTable,
    options: &Options,
    tried: &[Step],
    progress: &mut dyn Progress,
) -> Result<Option<StepOutcome>, ConvergeError> {
    let (observed, plan) = observe_and_plan(lock.session(), desired, &options.time).await?;
    if let Some(oid) = observed.locked_relation() {
        lock.covers(oid)?;
    }
    check_expected(&plan, options)?;
    acquire_claim(lock.session(), desired, &observed, options).await?;
    if options.authority.ask(Certainty::Known).await == Ruling::Revoked {
        return Err(ConvergeError::Revoked);
    }
    let Some(next) = plan.next_aside(tried) else { return Ok(None) };
    let checked = check_in_background(next, desired, observed, &options.time).await?;
    let (timeouts, authority, slow) =
        (timeouts(desired, options), &*options.authority, &options.slow);
    Ok(execute(lock, &checked, timeouts, authority, slow, progress).await.pop())
}
