//! What has been detached for long enough is dropped, where the spec says so.

use super::expire::clocks_differ;
use super::{Blocker, Cause, Draft, Moment, Step};
use crate::desired::{DesiredRange, DesiredTable, OnExpiry, Partitioning, Zone};
use crate::observed::{ObservedPartition, PartitionKind};
use crate::partition::Mark;
use crate::plan::refute::range_key;
use crate::plan::step::DropDetached;
use crate::plan::window::Window;
use jiff::{SignedDuration, Timestamp};

/// So that what a run has detached is dropped by another, which has seen it detached.
const LEAST_GRACE: SignedDuration = SignedDuration::from_secs(1);

/// Drops detached tables of ours whose grace is over.
pub(super) fn drop_detached(desired: &DesiredTable, moment: &Moment, draft: &mut Draft) {
    let Partitioning::Range(range) = &desired.partitioning else { return };
    let Some(OnExpiry::Drop { after }) = range.retention.map(|retention| retention.on_expiry)
    else {
        return;
    };
    let window =
        range_key(&draft.world).and_then(|key| Window::new(range, key, &draft.world, moment));
    let Some(window) = window else { return };
    let clocks_differ = clocks_differ(draft);
    for partition in draft.all(ObservedPartition::is_let_go) {
        let may_go = partition.bounds.as_range().is_some_and(|range| window.may_go(range));
        let (Some(Mark::Detached(since)), Some(oid), true) =
            (partition.mark, partition.oid, may_go)
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
        match (blocker(&partition, draft), clocks_differ) {
            (Some(blocker), _) => draft.defer(Some(step), blocker),
            (None, Some(seconds)) => draft.defer(None, Blocker::ClocksDiffer { seconds }),
            (None, None) if moment.expire < until => {
                let until = if moment.now < until { until } else { next(range, moment, until) };
                draft.defer(Some(step), Blocker::InGrace { until });
            }
            (None, None) => draft.step(step, Cause::GraceOver),
        }
    }
}

/// When what was due at an instant is due on the schedule.
fn next(range: &DesiredRange, moment: &Moment, due: Timestamp) -> Timestamp {
    let Zone::Known(zone) = &range.zone else { return due };
    let next = range.schedule.expire.as_ref().and_then(|cron| cron.next(zone, moment.now));
    next.unwrap_or(due)
}

/// When the grace of a table is over that has been detached since then.
pub(in crate::plan) fn grace_over(since: Timestamp, grace: std::time::Duration) -> Timestamp {
    let grace = SignedDuration::try_from(grace).unwrap_or(SignedDuration::MAX).max(LEAST_GRACE);
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
