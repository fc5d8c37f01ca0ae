//! What has been detached for long enough is dropped, where the spec says so.

use super::{Blocker, Cause, Draft, Moment, Step};
use crate::desired::{DesiredTable, OnExpiry, Partitioning};
use crate::observed::{ObservedPartition, PartitionKind};
use crate::partition::Mark;
use crate::plan::refute::range_key;
use crate::plan::step::DropDetached;
use crate::plan::window::Window;
use jiff::{SignedDuration, Timestamp};

/// Drops detached tables of ours whose grace is over.
pub(super) fn drop_detached(desired: &DesiredTable, moment: &Moment, draft: &mut Draft) {
    let Partitioning::Range(range) = &desired.partitioning else { return };
    let Some(OnExpiry::Drop { after }) = range.retention.map(|retention| retention.on_expiry)
    else {
        return;
    };
    let window = range_key(&draft.world)
        .and_then(|key| Window::new(range, key, &draft.world, moment))
        .expect("refuted otherwise");
    for partition in draft.all(ObservedPartition::is_let_go) {
        let is_expired = partition.bounds.as_range().is_some_and(|range| window.is_expired(range));
        let (Some(Mark::Detached(since)), Some(oid), true) =
            (partition.mark, partition.oid, is_expired)
        else {
            continue;
        };
        let step = Step::DropDetached(Box::new(DropDetached {
            table: draft.world.name.clone(),
            partition: partition.name.clone(),
            oid,
            bounds: partition.bounds.clone(),
            key: draft.range_key(),
            since,
            references: draft.references(),
            rows: partition.rows,
            bytes: partition.bytes,
        }));
        let until = grace_over(since, after);
        match blocker(&partition, draft) {
            Some(blocker) => draft.defer(Some(step), blocker),
            None if moment.expire < until => draft.defer(Some(step), Blocker::InGrace { until }),
            None => match draft.clocks_differ() {
                Some(seconds) => draft.defer(Some(step), Blocker::ClocksDiffer { seconds }),
                None => draft.step(step, Cause::GraceOver),
            },
        }
    }
}

/// When the grace of a table is over that has been detached since then.
pub(in crate::plan) fn grace_over(since: Timestamp, grace: std::time::Duration) -> Timestamp {
    let grace = SignedDuration::try_from(grace).unwrap_or(SignedDuration::MAX);
    since.saturating_add(grace).unwrap_or(Timestamp::MAX)
}

fn blocker(partition: &ObservedPartition, draft: &Draft) -> Option<Blocker> {
    let name = partition.name.clone();
    if !partition.owned {
        return Some(draft.not_owner_of(partition));
    }
    if partition.kind != PartitionKind::Table {
        return Some(Blocker::HasPartitions { partition: name });
    }
    let by = partition.referenced_by.clone();
    (!by.is_empty()).then_some(Blocker::Referenced { partition: name, by })
}
