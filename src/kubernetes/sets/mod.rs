//! Sets: one inspection of several tables that wait for a reconcile with the same login.
//!
//! After a start of the operator, most tables have nothing to do. If the status of a resource says so, its reconcile
//! first waits here, in a future that needs little memory, for an inspection together with other tables. One task for each
//! login takes up to [`SET_SIZE`] waiting tables, older resources first, and for them one session, one transaction that
//! renews their claims, and one statement that inspects them. A table with nothing to do is finished by that.
//!
//! The reconcile continues by itself if the table has steps, work, or open questions, if the resource does not have the
//! claim, or if the set failed. So a set only makes a reconcile cheaper, and decides nothing else. A set waits for no
//! other login, and an edit of a resource ends its wait.

mod set;

use std::collections::{BTreeMap, HashMap};
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use kube::{Resource, ResourceExt};
use tokio::sync::oneshot;

use super::claims;
use super::context::Context;
use super::failure::ReconcileError;
use super::login::log_in;
use super::logins::Login;
use super::older::Seniority;
use super::panics::contain;
use super::report::{Ended, Judgment, report, report_error};
use super::watched::Watched;
use crate::api::ConditionType;
use crate::api::v1alpha1::{PartitionedTable, RECONCILE_ANNOTATION};
use crate::postgres::ConnectionSettings;

/// Number of tables in a set. The catalog query costs little less in larger ones.
const SET_SIZE: usize = 100;

/// Tables that wait for an inspection in a set.
#[derive(Default)]
pub(super) struct Sets {
    /// Waiting tables of each login that has a task.
    queues: Mutex<HashMap<Arc<Login>, Queue>>,
}

/// Waiting tables, by the age of their resources.
type Queue = BTreeMap<(Option<Timestamp>, String), Waiting>;

/// A table that waits. If the reply is dropped, the reconcile continues by itself.
struct Waiting {
    watched: Arc<Watched>,
    settings: Arc<ConnectionSettings>,
    reply: oneshot::Sender<Reply>,
}

/// Result of a set for one table.
enum Reply {
    /// The table has nothing to do.
    Judged(Box<Judgment>),
    /// There is no session.
    Failed(ReconcileError),
}

impl Sets {
    /// Adds a waiting table, and returns whether its login has no task yet.
    fn add(&self, login: &Arc<Login>, waiting: Waiting) -> bool {
        let meta = waiting.watched.meta();
        let created = meta.creation_timestamp.as_ref().map(|time| time.0);
        let age = (created, meta.uid.clone().unwrap_or_default());
        let mut queues = self.lock();
        let is_new = !queues.contains_key(login);
        queues.entry(Arc::clone(login)).or_default().insert(age, waiting);
        is_new
    }

    /// Returns the next tables of a login, or `None` if none wait and the task of the login must end.
    fn take(&self, login: &Login) -> Option<Vec<Waiting>> {
        let mut queues = self.lock();
        let queue = queues.get_mut(login)?;
        let mut taken = Vec::new();
        while taken.len() < SET_SIZE
            && let Some((_, waiting)) = queue.pop_first()
        {
            // A reconcile that has ended has dropped the receiver.
            if !waiting.reply.is_closed() {
                taken.push(waiting);
            }
        }
        if taken.is_empty() {
            queues.remove(login);
            return None;
        }
        Some(taken)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Arc<Login>, Queue>> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reconciles a table in a set, and returns `None` if it needs a reconcile by itself.
pub(super) async fn reconcile_in_set(
    watched: &Arc<Watched>,
    context: &Arc<Context>,
) -> Option<Result<Ended, ReconcileError>> {
    let joined = tokio::select! {
        joined = join(watched, context) => joined,
        () = superseded(watched, context) => return Some(Err(ReconcileError::Superseded)),
        () = context.stop.cancelled() => return Some(Err(ReconcileError::ShuttingDown)),
    };
    match joined? {
        Ok(Reply::Judged(judgment)) => {
            let reported = Box::pin(report(watched, *judgment, context)).await;
            Some(reported.map_err(ReconcileError::Cluster))
        }
        Ok(Reply::Failed(error)) | Err(error) => {
            Some(Box::pin(report_error(watched, error, context)).await)
        }
    }
}

/// Waits for the login, for older resources, and for the inspection. Returns `None` if the table needs a reconcile by
/// itself.
async fn join(
    watched: &Arc<Watched>,
    context: &Arc<Context>,
) -> Option<Result<Reply, ReconcileError>> {
    // The resource itself is parsed again when the set begins: thousands may wait.
    let (login, seniority) = parse(watched, context)?;
    let uid = watched.meta().uid.as_deref().unwrap_or_default();
    let settings = match Box::pin(log_in(&login, uid, context)).await {
        Ok(settings) => settings,
        Err(error) => return Some(Err(error)),
    };
    Box::pin(claims::wait_for_older_resources(&seniority, settings.database(), context)).await;
    drop(seniority);
    let (reply, replied) = oneshot::channel();
    let waiting = Waiting { watched: Arc::clone(watched), settings, reply };
    if context.sets.add(&login, waiting) {
        tokio::spawn(serve(login, Arc::clone(context)));
    }
    replied.await.ok().map(Ok)
}

/// Returns what a table waits for, or `None` if it waits for no set.
fn parse(watched: &Watched, context: &Context) -> Option<(Arc<Login>, Seniority)> {
    let table = watched.table().ok().filter(is_expected_done)?;
    Some((context.logins.of(&table), Seniority::new(&table)))
}

/// Returns whether the status says that the table has nothing to do, and no user waits for an answer.
fn is_expected_done(table: &PartitionedTable) -> bool {
    let Some(status) = &table.status else { return false };
    let is_due = status.next_action_at.as_ref().is_some_and(|due| due.0 <= Timestamp::now());
    let requested = table.annotations().get(RECONCILE_ANNOTATION);
    status.is_true(ConditionType::Ready)
        && status.plan.is_none()
        && status.conversion.is_none()
        && status.observed_generation == table.meta().generation
        && status.last_handled_reconcile.as_ref() == requested
        && !is_due
        && table.spec.conversion.is_none()
        && !table.spec.suspend
        && table.meta().deletion_timestamp.is_none()
}

/// Waits until the watch reports a change of the resource that triggers a reconcile.
async fn superseded(watched: &Watched, context: &Context) {
    let changes = context.tables.changes(watched.meta().uid.as_deref().unwrap_or_default());
    loop {
        let mut change = pin!(changes.notified());
        change.as_mut().enable();
        if !is_current(watched, context) {
            return;
        }
        change.await;
    }
}

/// Returns whether the resource is as the watch last reported it, apart from its status.
fn is_current(watched: &Watched, context: &Context) -> bool {
    let (namespace, name) = (watched.namespace().unwrap_or_default(), watched.name_any());
    let current = context.tables.current(&namespace, &name);
    current.is_some_and(|current| current.trigger_hash() == watched.trigger_hash())
}

/// Inspects waiting tables of a login in sets, until none wait.
async fn serve(login: Arc<Login>, context: Arc<Context>) {
    while let Some(waiting) = context.sets.take(&login) {
        let set = contain(Box::pin(set::inspect(waiting, &login, &context)));
        let ended = tokio::select! {
            ended = set => ended,
            // The reconciles that wait end, too.
            () = context.stop.cancelled() => return,
        };
        if let Err(panic) = ended {
            let (place, panic) = (panic.place, panic.message);
            tracing::error!(place, panic, "inspection of a set panicked");
        }
    }
}

#[cfg(test)]
mod tests;
