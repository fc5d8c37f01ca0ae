//! Claims of the resources of this installation: the database records which resource manages a table, see
//! [`crate::postgres::claim()`]. This module knows which resources exist, and so which claims are void.
//!
//! A resource that is deleted, suspended, or in mode Plan claims nothing. If the operator sees the change, it releases the
//! claim immediately. Otherwise the claim expires because it is not renewed, or the next resource that wants the table finds
//! that no resource of this installation has that UID. So no finalizer has to delay a deletion.

use std::sync::Arc;
use std::time::Duration;

use kube::ResourceExt;
use tokio::time::{sleep, timeout};

use super::claimed::ClaimedTable;
use super::context::Context;
use super::failure::{self, ReconcileError};
use super::older::Seniority;
use crate::api::v1alpha1::PartitionedTable;
use crate::converge::{self, ConvergeError, Convergence, converge};
use crate::desired::DesiredTable;
use crate::postgres::{BorrowError, Claimant, Progress, Session, Urgency, release};

/// Time to release a claim; after that, the claim expires.
const RELEASE_TIMEOUT: Duration = Duration::from_secs(10);

/// Time to wait for older resources.
const OLDER_FIRST_TIMEOUT: Duration = Duration::from_secs(10);

/// Returns the identity with which a resource claims a table.
pub(super) fn claimant(table: &PartitionedTable, context: &Context) -> Claimant {
    Claimant {
        uid: table.uid().unwrap_or_default(),
        namespace: table.namespace().unwrap_or_default(),
        name: table.name_any(),
        installation: context.leadership.installation(),
        created: table.creation_timestamp().map(|time| time.0).unwrap_or_default(),
    }
}

/// Waits for older resources that may claim the same table. Otherwise, if neither of two has a claim yet, the
/// younger one might act before the older one is reconciled.
pub(super) async fn wait_for_older_resources(
    seniority: &Seniority,
    database: &str,
    context: &Context,
) {
    tokio::select! {
        () = context.tables.older_resources_reconciled(seniority, database) => {}
        // The older one is being reconciled, and so has its claim; or its server does not answer.
        () = sleep(OLDER_FIRST_TIMEOUT) => {}
        () = context.abort.cancelled() => {}
    }
}

/// Sets the claim of a resource. A former claim is released in the background, because the server might not
/// answer, or all its sessions be in use.
pub(super) fn set_claim(uid: &str, claimed: Option<ClaimedTable>, context: &Arc<Context>) {
    let former = context.tables.replace_claim(uid, claimed.clone());
    if let Some(former) = former
        && claimed.is_none_or(|claimed| !claimed.is_same(&former))
    {
        release_claim_later(uid.to_owned(), former, context);
    }
}

/// Converges. It ignores a claim of this installation whose resource no longer exists.
pub(super) async fn converge_claimed(
    session: &Session,
    (table, desired): (&PartitionedTable, &DesiredTable),
    options: &converge::Options,
    progress: &mut dyn Progress,
    context: &Context,
) -> Result<Convergence, ReconcileError> {
    // A reconcile that waits for a session would be larger by the state of a run.
    let mut ended = Box::pin(converge(session, desired, options, progress)).await;
    if let Err(ConvergeError::Conflict(holder)) = &ended
        && !holder.elsewhere
        && !context.tables.may_claim(holder)
    {
        ended = match release(session, &desired.name, &holder.uid).await {
            Ok(()) => Box::pin(converge(session, desired, options, progress)).await,
            Err(error) => Err(error.into()),
        };
    }
    if let Err(ConvergeError::Conflict(holder)) = &ended
        && !holder.elsewhere
    {
        context.tables.record_conflict(holder, table);
    }
    ended.map_err(|error| {
        if matches!(error, ConvergeError::Revoked) {
            return ReconcileError::Superseded;
        }
        ReconcileError::Of(failure::from_converge_error(&error))
    })
}

/// Releases the claims of resources that no longer exist.
pub(super) fn release_deleted(context: &Arc<Context>) {
    for (uid, claimed) in context.tables.forget_deleted() {
        release_claim_later(uid, claimed, context);
    }
}

fn release_claim_later(uid: String, claimed: ClaimedTable, context: &Arc<Context>) {
    let context = Arc::clone(context);
    tokio::spawn(async move { release_claim(&uid, &claimed, &context).await });
}

/// Tries to release a claim, and reconciles the resources that may have waited for it.
async fn release_claim(uid: &str, claimed: &ClaimedTable, context: &Context) {
    let ClaimedTable { settings, table } = claimed;
    let released = async {
        let borrowed = context.pool.borrow(settings, Urgency::Later).await?;
        // The resource might claim its table again meanwhile.
        if !context.tables.has_claim(uid, claimed) {
            release(&borrowed.session, table, uid).await?;
        }
        // Not given back: an idle session blocks DROP DATABASE.
        Ok::<_, BorrowError>(())
    };
    let reason = match timeout(RELEASE_TIMEOUT, released).await {
        Ok(Ok(())) => None,
        Ok(Err(error)) => Some(error.to_string()),
        Err(_) => Some(format!("not done within {} s", RELEASE_TIMEOUT.as_secs())),
    };
    if let Some(reason) = reason {
        let table = table.display();
        tracing::info!(table, uid, reason, "could not release the claim on the table");
    }
    context.pool.forget(settings);
    context.tables.reconcile_same_table(uid).await;
}
