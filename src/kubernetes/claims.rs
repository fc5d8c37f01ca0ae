//! Who of us has a table: the database remembers it, see [`crate::postgres::claim()`]. Here it is known
//! which resources there are, and so whose claims of our own are void.
//!
//! A resource that is deleted, suspended or only planning claims nothing. What it claimed is given up
//! at once where the operator is there to see it; where not, nobody renews the claim, or the next who
//! wants the table finds that no resource of ours has that UID any more. So nothing has to hold up a
//! deletion.

use std::sync::Arc;
use std::time::Duration;

use kube::ResourceExt;
use tokio::time::{sleep, timeout};

use super::claimed::ClaimedTable;
use super::context::Context;
use super::failure::{self, Trouble};
use crate::api::v1alpha1::PartitionedTable;
use crate::converge::{self, ConvergeError, Convergence, converge};
use crate::desired::DesiredTable;
use crate::postgres::{BorrowError, Claimant, Progress, Session, release};

/// How long giving up a claim may take before it is left to expire.
const RELEASING: Duration = Duration::from_secs(10);

/// How long those that are older may take to come first.
const ELDERS_FIRST: Duration = Duration::from_secs(10);

/// What a resource says of itself when it claims a table.
pub(super) fn claimant(table: &PartitionedTable, context: &Context) -> Claimant {
    Claimant {
        uid: table.uid().unwrap_or_default(),
        namespace: table.namespace().unwrap_or_default(),
        name: table.name_any(),
        installation: context.leadership.installation(),
        created: table.creation_timestamp().map(|time| time.0).unwrap_or_default(),
    }
}

/// Lets those that are older go first, where they may claim the same table: else, of two where nobody
/// has claimed it yet, the younger might act before the older comes.
pub(super) async fn let_elders_go_first(
    table: &PartitionedTable,
    database: &str,
    context: &Context,
) {
    tokio::select! {
        () = context.tables.elders_tried(table, database) => {}
        // It is at work, and so has its claim; or its server is silent to it.
        () = sleep(ELDERS_FIRST) => {}
        () = context.leave.cancelled() => {}
    }
}

/// From now on the resource claims this and nothing else. A former claim is given up in the background:
/// the server may be silent, or all its sessions in use.
pub(super) fn hold(uid: &str, held: Option<ClaimedTable>, context: &Arc<Context>) {
    let former = context.tables.set_held(uid, held.clone());
    if let Some(former) = former
        && held.is_none_or(|held| !held.is(&former))
    {
        give_up_later(uid.to_owned(), former, context);
    }
}

/// Converges. A claim that stands in the way is not respected where it is a void one of our own.
pub(super) async fn converge_claimed(
    session: &Session,
    (table, desired): (&PartitionedTable, &DesiredTable),
    options: &converge::Options,
    progress: &mut dyn Progress,
    context: &Context,
) -> Result<Convergence, Trouble> {
    let mut ended = converge(session, desired, options, progress).await;
    if let Err(ConvergeError::Conflict(holder)) = &ended
        && !holder.elsewhere
        && !context.tables.may_claim(holder)
    {
        ended = match release(session, &desired.name, &holder.uid).await {
            Ok(()) => converge(session, desired, options, progress).await,
            Err(error) => Err(error.into()),
        };
    }
    if let Err(ConvergeError::Conflict(holder)) = &ended
        && !holder.elsewhere
    {
        context.tables.left_to(holder, table);
    }
    ended.map_err(|error| {
        if matches!(error, ConvergeError::Revoked) {
            return Trouble::Superseded;
        }
        Trouble::Of(failure::of_converging(&error))
    })
}

/// Gives up what resources had that are not there any more, and forgets them.
pub(super) fn give_up_deleted(context: &Arc<Context>) {
    for (uid, held) in context.tables.forget_deleted() {
        give_up_later(uid, held, context);
    }
}

fn give_up_later(uid: String, held: ClaimedTable, context: &Arc<Context>) {
    let context = Arc::clone(context);
    tokio::spawn(async move { give_up(&uid, &held, &context).await });
}

/// Releases a claim as well as it can be, and has those reconciled who may have waited for it.
async fn give_up(uid: &str, held: &ClaimedTable, context: &Context) {
    let ClaimedTable { settings, table } = held;
    let released = async {
        let borrowed = context.pool.borrow(settings).await?;
        // Meanwhile the resource may want its table again.
        if !context.tables.holds(uid, held) {
            release(&borrowed.session, table, uid).await?;
        }
        // Not given back: an idle session blocks DROP DATABASE.
        Ok::<_, BorrowError>(())
    };
    let reason = match timeout(RELEASING, released).await {
        Ok(Ok(())) => None,
        Ok(Err(error)) => Some(error.to_string()),
        Err(_) => Some(format!("not done within {} s", RELEASING.as_secs())),
    };
    if let Some(reason) = reason {
        let table = table.shown();
        tracing::info!(table, uid, reason, "what it may have claimed will expire");
    }
    context.pool.forget(settings);
    context.tables.ask_those_who_left_to(uid).await;
}
