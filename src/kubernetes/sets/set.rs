//! One set: claims, inspection, and the judgment of each table.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use kube::{Resource, ResourceExt};
use tokio::time::timeout;

use super::super::claimed::ClaimedTable;
use super::super::claims;
use super::super::context::Context;
use super::super::failure;
use super::super::logins::Login;
use super::super::report::{Judgment, judge};
use super::super::run::Run;
use super::{Reply, Waiting, is_current};
use crate::converge::{Convergence, Look, PlannedLook, look_at_all};
use crate::desired::{DesiredTable, Mode};
use crate::plan::{Blocker, Deferral, PlanTime};
use crate::postgres::{
    BorrowError, Borrowed, ConnectionSettings, HeldClaim, InspectError, Urgency, renew,
};

/// Time for the statements about one set. Each statement has a timeout of its own.
const SET_TIMEOUT: Duration = Duration::from_mins(1);

/// Tables of a set.
struct Set {
    waiting: Vec<Option<Waiting>>,
    tables: Vec<(DesiredTable, PlanTime)>,
}

/// Inspects a set of tables, and replies to those with nothing to do.
pub(super) async fn inspect(waiting: Vec<Waiting>, login: &Arc<Login>, context: &Arc<Context>) {
    let Some(settings) = waiting.first().map(|first| Arc::clone(&first.settings)) else { return };
    // Another leader may change the tables.
    if !context.leadership.is_held() {
        return;
    }
    let set = Set::new(waiting, &settings, context);
    if set.tables.is_empty() {
        return;
    }
    let borrowed = match context.pool.borrow(&settings, Urgency::Later).await {
        Ok(borrowed) => borrowed,
        Err(error) => return set.fail(&error),
    };
    let looked = set.look(&borrowed, (login, &settings), context);
    match timeout(SET_TIMEOUT, looked).await {
        Ok(Ok(true)) => borrowed.return_to_pool().await,
        // The server may be a standby by now, and a new session finds the primary.
        Ok(Ok(false)) => {}
        Ok(Err(error)) => tracing::debug!(%error, "could not inspect a set of tables"),
        Err(_) => borrowed.session.cancel().await,
    }
}

impl Set {
    /// Parses the resources, and records which tables they claim. The reconcile of a resource with another login, or
    /// whose spec is invalid, continues by itself.
    fn new(
        waiting: Vec<Waiting>,
        settings: &Arc<ConnectionSettings>,
        context: &Arc<Context>,
    ) -> Self {
        let (mut kept, mut tables) = (Vec::new(), Vec::new());
        for waiting in waiting {
            let table = waiting.watched.table().ok().filter(|_| waiting.settings == *settings);
            let desired = table.and_then(|table| DesiredTable::from_resource(&table).ok());
            let Some(desired) = desired else { continue };
            if desired.mode == Mode::Enforce {
                let (settings, table) = (Arc::clone(settings), desired.name.clone());
                let uid = waiting.watched.meta().uid.as_deref().unwrap_or_default();
                claims::set_claim(uid, Some(ClaimedTable { settings, table }), context);
            }
            let time = PlanTime::scheduled(&desired, Timestamp::now());
            tables.push((desired, time));
            kept.push(Some(waiting));
        }
        Self { waiting: kept, tables }
    }

    /// Replies that there is no session.
    fn fail(self, error: &BorrowError) {
        for waiting in self.waiting.into_iter().flatten() {
            // A reconcile that has ended does not need the reply.
            drop(waiting.reply.send(Reply::Failed(failure::from_borrow_error(error))));
        }
    }

    /// Renews the claims, then inspects. Returns whether a table has nothing to do.
    async fn look(
        mut self,
        borrowed: &Borrowed,
        login: (&Arc<Login>, &Arc<ConnectionSettings>),
        context: &Arc<Context>,
    ) -> Result<bool, InspectError> {
        self.renew(borrowed, context).await?;
        let (waiting, tables, mut is_some_done) = (&mut self.waiting, &self.tables, false);
        let mut each = |at: usize, look: Look| {
            let waiting = waiting.get_mut(at).and_then(Option::take);
            let (Some(waiting), Some((desired, time))) = (waiting, tables.get(at)) else { return };
            let Look::Planned(planned) = look else { return };
            let judgment = judge_alone(&waiting, (desired, *time), *planned, login, context);
            if let Some(judgment) = judgment {
                is_some_done = true;
                drop(waiting.reply.send(Reply::Judged(Box::new(judgment))));
            }
        };
        look_at_all(&borrowed.session, tables, &mut each).await?;
        Ok(is_some_done)
    }

    /// Renews the claims of the set. The reconcile of a resource without its claim continues by itself.
    async fn renew(&mut self, borrowed: &Borrowed, context: &Context) -> Result<(), InspectError> {
        let uids: Vec<_> = self
            .waiting
            .iter()
            .map(|waiting| waiting.as_ref().and_then(|waiting| waiting.watched.uid()))
            .collect();
        let claiming =
            self.tables.iter().zip(&uids).enumerate().filter_map(|(at, (table, uid))| {
                let (desired, _) = table;
                let claim = HeldClaim { table: &desired.name, uid: uid.as_deref()? };
                (desired.mode == Mode::Enforce).then_some((at, claim))
            });
        let (places, claims): (Vec<usize>, Vec<_>) = claiming.unzip();
        if claims.is_empty() {
            return Ok(());
        }
        let installation = context.leadership.installation();
        for lost in renew(&borrowed.session, &claims, &installation).await? {
            if let Some(waiting) = places.get(lost).and_then(|at| self.waiting.get_mut(*at)) {
                *waiting = None;
            }
        }
        Ok(())
    }
}

/// Judges the inspection of a table, or returns `None` if something is to do or the resource has changed.
fn judge_alone(
    waiting: &Waiting,
    (desired, time): (&DesiredTable, PlanTime),
    planned: PlannedLook,
    (login, settings): (&Arc<Login>, &Arc<ConnectionSettings>),
    context: &Context,
) -> Option<Judgment> {
    let PlannedLook { observed, plan, digest } = planned;
    let is_blocked =
        |deferral: &Deferral| !matches!(deferral.blocker, Blocker::InGracePeriod { .. });
    let has_work =
        !plan.steps.is_empty() || plan.work.is_some() || plan.deferred.iter().any(is_blocked);
    if has_work || !is_current(&waiting.watched, context) || !context.leadership.is_held() {
        return None;
    }
    let table = waiting.watched.table().ok()?;
    let convergence = Convergence {
        plan: plan.clone(),
        outcomes: Vec::new(),
        work_outcome: None,
        observed,
        remaining: plan,
        time,
        digest: Some(digest),
    };
    let (login, settings) = (Arc::clone(login), Arc::clone(settings));
    let run = Run { table, desired: desired.clone(), convergence, login, settings };
    Some(judge(run, context))
}
