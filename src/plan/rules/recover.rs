//! Finish or clear away what an earlier run left.

use jiff::Timestamp;

use super::{Blocker, Cause, Draft, Step, remainders};
use crate::desired::{DesiredTable, Partitioning};
use crate::observed::{Attachment, ObservedPartition};
use crate::partition::Bounds;
use crate::plan::refute::range_key;
use crate::plan::window::Window;

/// Discards tables that were made to become partitions and are not wanted as such any more. One that
/// still is wanted is attached by the rule that wants it.
pub(super) fn recover(desired: &DesiredTable, now: Timestamp, draft: &mut Draft) {
    let mut wanted = wanted(desired, now, draft);
    let leftovers: Vec<_> = draft
        .world
        .partitions
        .iter()
        .filter(|p| p.attachment == Attachment::Prepared)
        .filter(|p| !(is_usable(p, draft) && take(&mut wanted, &p.bounds)))
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

/// Whether a table can be attached as it is: it is ours to attach, its columns are those of the table,
/// and each index of the table has its twin, which attaching would build under an exclusive lock.
fn is_usable(partition: &ObservedPartition, draft: &Draft) -> bool {
    let mut table_indexes = draft.world.relation.iter().flat_map(|relation| &relation.indexes);
    partition.owned
        && partition.fits
        && table_indexes.all(|of| partition.indexes.iter().any(|index| index.is_twin_of(of)))
}

/// Whether the bounds are wanted; another table with the same bounds is not.
fn take(wanted: &mut Vec<Bounds>, bounds: &Bounds) -> bool {
    let found = wanted.iter().position(|wanted| wanted == bounds);
    found.map(|at| wanted.swap_remove(at)).is_some()
}

/// The bounds for which a partition is missing.
fn wanted(desired: &DesiredTable, now: Timestamp, draft: &Draft) -> Vec<Bounds> {
    match &desired.partitioning {
        Partitioning::Range(range) => range_key(&draft.world)
            .and_then(|key| Window::new(range, key, &draft.world, now))
            .map(|window| window.missing.iter().map(|m| Bounds::Range(m.range)).collect())
            .unwrap_or_default(),
        Partitioning::Hash(hash) => remainders::missing(hash, &draft.world).unwrap_or_default(),
    }
}
