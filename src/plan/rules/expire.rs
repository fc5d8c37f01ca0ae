//! Expiry: partitions before the oldest period to keep are detached, and dropped later if the spec says so.

use std::time::Duration;

use super::{Blocker, Cause, Context, Draft, Note, Step};
use crate::desired::OnExpiry;
use crate::observed::{BoundsCheck, ObservedPartition, PartitionKind};
use crate::partition::{MarkerState, QualifiedName};
use crate::plan::Calendar;
use crate::plan::limits::clocks_differ;
use crate::plan::step::{Detach, MarkAs};

/// Detaches what has expired, and keeps what no longer has.
pub(super) fn expire(context: &Context<'_>, draft: &mut Draft) {
    expire_range(context, draft);
    // A user has attached them again. What their comments say of the earlier detach is over, lest the date of
    // it counts when they are detached again.
    let is_reattached = |p: &ObservedPartition| {
        p.state.is_attached()
            && p.owned
            && matches!(p.state.marker_state(), Some(MarkerState::Detached(_)))
    };
    let reattached = draft.all(is_reattached);
    draft.mark(context, &reattached, MarkAs::Attached, Cause::Reattached);
}

fn expire_range(context: &Context<'_>, draft: &mut Draft) {
    let Some(range) = context.range() else { return };
    keep(context, &range.calendar, draft);
    let expired = expired(&range.calendar, draft);
    if expired.is_empty() {
        return;
    }
    if let Some(seconds) = clock_skew(draft) {
        return draft.defer(None, Blocker::ClockSkew { seconds });
    }
    let mut free = Vec::new();
    for partition in expired {
        match blocker(&partition, context, draft) {
            None => free.push(partition),
            Some(blocker) => {
                let wanted = detach(&partition, None, context, draft);
                draft.defer(Some(wanted), blocker);
            }
        }
    }
    detach_expired(context, &free, draft);
}

/// Reverses the expiry of partitions that are kept again.
fn keep(context: &Context<'_>, calendar: &Calendar, draft: &mut Draft) {
    let is_kept = |p: &ObservedPartition| {
        p.bounds.as_range().is_none_or(|range| !calendar.is_past(range))
            && p.state.is_attached()
            && matches!(
                p.state.marker_state(),
                Some(MarkerState::Expired { .. } | MarkerState::Detached(_))
            )
            && p.owned
    };
    let kept = draft.all(is_kept);
    draft.mark(context, &kept, MarkAs::Attached, Cause::RetentionExtended);
}

/// Returns the managed partitions that have expired, oldest first.
fn expired(calendar: &Calendar, draft: &mut Draft) -> Vec<ObservedPartition> {
    let mut expired = draft.all(|p| {
        p.state.is_attached() && p.bounds.as_range().is_some_and(|range| calendar.is_expired(range))
    });
    expired.sort_by_key(|p| p.bounds.as_range());
    let names = |partitions: &[ObservedPartition]| -> Vec<QualifiedName> {
        partitions.iter().map(|p| p.name.clone()).collect()
    };
    let (managed, unmanaged): (Vec<_>, Vec<_>) =
        expired.into_iter().partition(|p| p.state.is_managed());
    let (foreign_tables, unmanaged): (Vec<_>, Vec<_>) =
        unmanaged.into_iter().partition(|p| p.kind == PartitionKind::ForeignTable);
    if !foreign_tables.is_empty() {
        draft.note(Note::ExpiredForeign { partitions: names(&foreign_tables) });
    }
    if !unmanaged.is_empty() {
        draft.note(Note::ExpiredUnmanaged { partitions: names(&unmanaged) });
    }
    let (bounded, unbounded): (Vec<_>, Vec<_>) = managed
        .into_iter()
        .partition(|p| p.bounds.as_range().is_some_and(|r| calendar.can_expire(r)));
    if !unbounded.is_empty() {
        draft.note(Note::NeverExpires { partitions: names(&unbounded) });
    }
    bounded
}

/// Returns the clock skew in seconds, if it is too large.
pub(super) fn clock_skew(draft: &Draft) -> Option<i64> {
    let clock_offset = draft.state.server.clock_offset?;
    clocks_differ(clock_offset).then_some(clock_offset.as_secs())
}

/// Returns the blocker of one partition, independent of the others.
fn blocker(partition: &ObservedPartition, context: &Context<'_>, draft: &Draft) -> Option<Blocker> {
    let name = partition.name.clone();
    if !partition.owned {
        return Some(Blocker::not_owner_of(partition));
    }
    let is_pending = |p: &&ObservedPartition| p.state.is_pending_detach();
    if let Some(pending) = draft.state.partitions.iter().find(is_pending) {
        return Some(Blocker::AnotherDetachPending { partition: pending.name.clone() });
    }
    if !partition.referenced_by.is_empty() {
        return Some(Blocker::PartitionReferenced {
            partition: name,
            by: partition.referenced_by.clone(),
        });
    }
    let by = context.referenced_by();
    if by.is_empty() {
        return None;
    }
    match &partition.rows_referenced_by {
        None => {
            let error = partition.references_error.clone();
            Some(Blocker::ReferencesUnknown { partition: name, by, error })
        }
        Some(by) if by.is_empty() => None,
        Some(by) => Some(Blocker::PartitionReferenced { partition: name, by: by.clone() }),
    }
}

fn detach_expired(context: &Context<'_>, free: &[ObservedPartition], draft: &mut Draft) {
    let attached = draft.state.attached().filter(|p| p.bounds.as_range().is_some()).count();
    let (free, last) = match free.split_last() {
        Some((last, others)) if free.len() == attached => (others, Some(last)),
        Some(_) | None => (free, None),
    };
    if let Some(last) = last {
        let wanted = detach(last, None, context, draft);
        draft.defer(Some(wanted), Blocker::LastPartition { partition: last.name.clone() });
    }
    let (decided, fresh): (Vec<_>, Vec<_>) = free
        .iter()
        .cloned()
        .partition(|p| matches!(p.state.marker_state(), Some(MarkerState::Expired { .. })));
    let count = u32::try_from(fresh.len()).unwrap_or(u32::MAX);
    let limit = context.desired.limits.max_expire_per_run;
    let dropped_after = dropped_after(context);
    let mark_as = MarkAs::Expired { drops: dropped_after.is_some() };
    let can_expire = count <= limit || draft.approved;
    if count > limit && draft.approved {
        // First of all steps: if the run is interrupted, the next run sees what the user approved.
        draft.mark_first(context, &fresh, mark_as);
    } else if can_expire {
        draft.mark(context, &fresh, mark_as, Cause::Expired);
    }
    let mut after = None;
    for partition in decided.iter().chain(fresh.iter().filter(|_| can_expire)) {
        let has_bounds_check = partition.state.bounds_check() != BoundsCheck::Absent;
        if !(has_bounds_check || draft.state.finds_by_name(&partition.name)) {
            draft.state_bounds(context, partition, Cause::Expired);
        }
        let step = detach(partition, after.take(), context, draft);
        draft.step(step, Cause::Expired);
        draft.record_detach(context, partition, Cause::Expired);
        after = Some(partition.name.clone());
    }
    for partition in fresh.iter().filter(|_| !can_expire) {
        let wanted = detach(partition, None, context, draft);
        draft.defer(Some(wanted), Blocker::AwaitingApproval { count, limit, dropped_after });
    }
}

/// Returns the time from the detach to the drop; `None` if the table is kept.
pub(super) fn dropped_after(context: &Context<'_>) -> Option<Duration> {
    match context.range()?.spec.retention?.on_expiry {
        OnExpiry::Drop { after } => Some(after),
        OnExpiry::Detach => None,
    }
}

fn detach(
    partition: &ObservedPartition,
    after: Option<QualifiedName>,
    context: &Context<'_>,
    draft: &Draft,
) -> Step {
    let default = draft.state.default_partition().map(|(p, _)| p.name.clone());
    let referenced_by = context.referenced_by();
    // Where foreign keys lead here, Postgres looks through the tables they come from while it keeps
    // their writers waiting: that must end in time, and a concurrent detach has none.
    let concurrently = default.is_none() && referenced_by.is_empty();
    Step::DetachPartition(Box::new(Detach {
        table: draft.state.name.clone(),
        partition: partition.name.clone(),
        bounds: partition.bounds.clone(),
        concurrently,
        default,
        references: context.references(),
        referenced_by,
        after: after.filter(|_| concurrently),
        rows: partition.rows,
        bytes: partition.bytes,
    }))
}
