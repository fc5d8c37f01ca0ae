//! Finish or clear away what an earlier run left.

use super::{Blocker, Cause, Draft, Moment, Step};
use crate::desired::DesiredTable;
use crate::observed::{Attachment, ObservedPartition};

/// Discards tables that were made to become partitions and cannot be attached as they are, and tells
/// of detaches that were cut off.
pub(super) fn discard_unusable(_: &DesiredTable, _: &Moment, draft: &mut Draft) {
    discard(draft, |partition, draft| !is_usable(partition, draft));
    let pending: Vec<_> = draft
        .world
        .partitions
        .iter()
        .filter(|p| p.attachment == Attachment::DetachPending)
        .map(|p| p.name.clone())
        .collect();
    for partition in pending {
        draft.defer(None, Blocker::DetachPending { partition });
    }
}

/// Discards tables that were made to become partitions and that no rule has wanted.
pub(super) fn discard_unwanted(_: &DesiredTable, _: &Moment, draft: &mut Draft) {
    discard(draft, |_, _| true);
}

fn discard(draft: &mut Draft, is_leftover: impl Fn(&ObservedPartition, &Draft) -> bool) {
    let leftovers: Vec<_> = draft
        .world
        .partitions
        .iter()
        .filter(|p| p.attachment == Attachment::Prepared && is_leftover(p, draft))
        .map(|p| (p.name.clone(), p.owned))
        .collect();
    for (partition, owned) in leftovers {
        let step = Step::DiscardPartition { partition: partition.clone() };
        if owned {
            draft.step(step, Cause::Leftover);
        } else {
            let role = draft.world.server.role.clone();
            draft.defer(Some(step), Blocker::NotOwnerOfPartition { partition, role });
        }
    }
}

/// Whether a table can be attached as it is: it is ours to attach, its columns are those of the table,
/// and each index of the table has its twin, which attaching would build under an exclusive lock.
pub(super) fn is_usable(partition: &ObservedPartition, draft: &Draft) -> bool {
    let mut table_indexes = draft.world.relation.iter().flat_map(|relation| &relation.indexes);
    partition.owned
        && partition.fits
        && table_indexes.all(|of| partition.indexes.iter().any(|index| index.is_twin_of(of)))
}
