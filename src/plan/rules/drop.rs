//! Drop of detached tables after their grace period.

use std::time::Duration;

use super::expire::{clock_skew, dropped_after};
use super::{Blocker, Cause, Context, Draft, Step};
use crate::observed::{ObservedPartition, PartitionKind};
use crate::plan::PlanTime;
use crate::plan::limits::MIN_GRACE_PERIOD;
use crate::plan::preconditions::Range;
use crate::plan::step::{DropDetached, MarkAs};
use jiff::{SignedDuration, Timestamp};

/// Drops managed, detached tables whose grace period is over, and starts the grace period of tables that were kept
/// before the spec said `Drop`.
pub(super) fn drop_detached(context: &Context<'_>, draft: &mut Draft) {
    let (Some(range), time) = (context.range(), context.time) else { return };
    keep_detached(context, range, draft);
    let Some(after) = dropped_after(context) else { return };
    let clock_skew = clock_skew(draft);
    let mut undecided = Vec::new();
    for partition in draft.all(|p| p.state.recorded_detach().is_some()) {
        let can_expire =
            partition.bounds.as_range().is_some_and(|bounds| range.calendar.can_expire(bounds));
        let (Some(detached), Some(step), true) =
            (partition.state.recorded_detach(), draft.drop_step(context, &partition), can_expire)
        else {
            continue;
        };
        match (blocker(&partition), clock_skew, detached.drops_since) {
            (Some(blocker), _, _) => draft.defer(Some(step), blocker),
            (None, Some(seconds), _) => draft.defer(None, Blocker::ClockSkew { seconds }),
            (None, None, None) => undecided.push(partition),
            (None, None, Some(since)) => {
                drop_after_grace_period(range, time, grace_period_end(since, after), step, draft);
            }
        }
    }
    for partition in decide(context, after, undecided, draft) {
        let decided = draft.state.partition(&partition.name).cloned();
        let recorded = decided.as_ref().and_then(|p| p.state.recorded_detach());
        let until = recorded.and_then(|detached| detached.drops_since);
        if let (Some(step), Some(since)) =
            (decided.and_then(|p| draft.drop_step(context, &p)), until)
        {
            drop_after_grace_period(range, time, grace_period_end(since, after), step, draft);
        }
    }
}

/// Marks tables as kept if the spec no longer says `Drop`: if it says so again, their grace period starts again.
fn keep_detached(context: &Context<'_>, range: &Range<'_>, draft: &mut Draft) {
    let drops = dropped_after(context).is_some();
    let is_kept = |p: &ObservedPartition| {
        let is_past = p.bounds.as_range().is_some_and(|bounds| range.calendar.is_past(bounds));
        let waits =
            p.state.recorded_detach().is_some_and(|detached| detached.drops_since.is_some());
        waits && p.owned && !(drops && is_past)
    };
    let kept = draft.all(is_kept);
    draft.mark(context, &kept, MarkAs::NotForDrop, Cause::NotDropped);
}

fn drop_after_grace_period(
    range: &Range<'_>,
    time: &PlanTime,
    until: Timestamp,
    step: Step,
    draft: &mut Draft,
) {
    if time.expire < until {
        let until = if time.now < until { until } else { next(range, time, until) };
        draft.defer(Some(step), Blocker::InGracePeriod { until });
    } else {
        draft.step(step, Cause::GracePeriodOver);
    }
}

/// Starts the grace period of tables that were detached to be kept, and returns these tables. More than go without
/// saying need approval. What this plan records as detached waits for an approval of its own: an interruption
/// before the record would void this one.
fn decide(
    context: &Context<'_>,
    after: Duration,
    undecided: Vec<ObservedPartition>,
    draft: &mut Draft,
) -> Vec<ObservedPartition> {
    let count = u32::try_from(undecided.len()).unwrap_or(u32::MAX);
    let limit = context.desired.limits.max_expire_per_run;
    let (decided, waiting): (Vec<_>, Vec<_>) = undecided
        .into_iter()
        .partition(|p| count <= limit || (draft.approved && !draft.records(p)));
    draft.mark(context, &decided, MarkAs::ForDrop, Cause::Dropped);
    for partition in &waiting {
        let wanted = draft.drop_step(context, partition);
        draft.defer(wanted, Blocker::DropNeedsApproval { count, limit, after });
    }
    decided
}

impl Draft {
    /// Returns whether a step of this plan records that the partition is detached.
    fn records(&self, partition: &ObservedPartition) -> bool {
        self.steps.iter().any(|planned| {
            matches!(&planned.step, Step::RecordDetach(record) if record.partition == partition.name)
        })
    }

    fn drop_step(&self, context: &Context<'_>, partition: &ObservedPartition) -> Option<Step> {
        Some(Step::DropDetached(Box::new(DropDetached {
            managed: self.state.managed.clone(),
            partition: partition.name.clone(),
            oid: partition.oid?,
            bounds: partition.bounds.clone(),
            marker: context.found_marker(partition),
            references: context.references(),
            rows: partition.rows,
            bytes: partition.bytes,
        })))
    }
}

/// Returns the scheduled time of a step that was due at a time.
fn next(range: &Range<'_>, time: &PlanTime, due: Timestamp) -> Timestamp {
    let zone = &range.calendar.grid.axis.zone;
    let next = range.spec.schedule.expire.as_ref().and_then(|cron| cron.next(zone, time.now));
    next.unwrap_or(due)
}

/// Returns the end of the grace period of a table that was detached at a time.
pub(in crate::plan) fn grace_period_end(since: Timestamp, grace: Duration) -> Timestamp {
    let grace =
        SignedDuration::try_from(grace).unwrap_or(SignedDuration::MAX).max(MIN_GRACE_PERIOD);
    since.saturating_add(grace).unwrap_or(Timestamp::MAX)
}

fn blocker(partition: &ObservedPartition) -> Option<Blocker> {
    let name = partition.name.clone();
    if !partition.owned {
        return Some(Blocker::not_owner_of(partition));
    }
    if partition.kind != PartitionKind::Table {
        return Some(Blocker::DetachedHasPartitions { partition: name });
    }
    let by = partition.referenced_by.clone();
    if !by.is_empty() {
        return Some(Blocker::PartitionReferenced { partition: name, by });
    }
    Blocker::from_dependents(name, &partition.dependents)
}
