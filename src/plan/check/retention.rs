//! Rules for marking, detaching, and dropping.

use std::collections::BTreeSet;

use super::allowance::Allowance;
use super::simulated_state::SimulatedState;
use super::{SafetyRule, attached, find, find_unattached};
use crate::observed::{BoundsCheck, ObservedPartition, PartitionKind};
use crate::partition::{
    Bounds, Detached, Marker, MarkerState, QualifiedName, adoption_digest, adoption_digests,
};
use crate::plan::step::{
    AddBoundsCheck, Detach, DropDetached, MarkAs, MarkPartitions, MarkedPartition, RecordDetach,
    ValidateBoundsCheck,
};
use crate::plan::{PlannedStep, Step};

pub(super) fn check_mark(
    mark: &MarkPartitions,
    state: &SimulatedState<'_>,
    allowance: &Allowance<'_>,
) -> Result<(), SafetyRule> {
    let MarkPartitions { managed, table, partitions, mark_as, adopted } = mark;
    let mark_as = *mark_as;
    let is_of_table = *table == state.name && *managed == state.managed;
    state.ensure(is_of_table, SafetyRule::OfTable)?;
    for marked in partitions {
        let found = find(&marked.name, state)?;
        let is_there = match mark_as {
            MarkAs::Attached => found.state.is_partition(),
            MarkAs::Adopted | MarkAs::Expired { .. } => found.state.is_attached(),
            MarkAs::AdoptionCleared => false,
            MarkAs::ForDrop | MarkAs::NotForDrop => found.state.is_detached(),
        };
        state.ensure(is_there, SafetyRule::MarkedState)?;
        state.ensure(found.owned, SafetyRule::Owned)?;
        state.ensure(found.bounds == marked.bounds, SafetyRule::SameBounds)?;
        state.ensure(marked.oid == found.oid, SafetyRule::SameTable)?;
        match mark_as {
            MarkAs::Adopted => {
                state.ensure(!found.state.is_managed(), SafetyRule::NotManagedYet)?;
                state.ensure(found.bounds != Bounds::Default, SafetyRule::DefaultNotAdopted)?;
                state.ensure(
                    allowance.may_adopt(&marked.name, state),
                    SafetyRule::AdoptionRequested,
                )?;
            }
            MarkAs::Attached => state.ensure(found.state.is_managed(), SafetyRule::Managed)?,
            MarkAs::Expired { .. } => {
                state.ensure(found.state.is_managed(), SafetyRule::Managed)?;
                allowance.is_expired(&found.bounds, state)?;
            }
            MarkAs::ForDrop => {
                state.ensure(found.kind == PartitionKind::Table, SafetyRule::PlainTable)?;
                allowance.is_expired(&found.bounds, state)?;
            }
            MarkAs::NotForDrop | MarkAs::AdoptionCleared => {}
        }
        check_marker(&marked.marker, mark_as, found, allowance, state)?;
    }
    check_adoptions(partitions, mark_as, adopted.as_ref(), state)
}

/// An adoption is recorded with it, is not repeated, and is forgotten only together with nothing else.
fn check_adoptions(
    partitions: &[MarkedPartition],
    mark_as: MarkAs,
    recorded: Option<&BTreeSet<String>>,
    state: &SimulatedState<'_>,
) -> Result<(), SafetyRule> {
    let before = &state.adopted;
    let is_adoption = matches!(mark_as, MarkAs::Adopted | MarkAs::AdoptionCleared);
    state.ensure(is_adoption == recorded.is_some(), SafetyRule::AdoptionRecorded)?;
    let Some(recorded) = recorded else { return Ok(()) };
    if mark_as == MarkAs::Adopted {
        let is_new = |marked: &MarkedPartition| {
            recorded.contains(&adoption_digest(&marked.name))
                && !adoption_digests(&marked.name).any(|digest| before.contains(&digest))
        };
        state.ensure(partitions.iter().all(is_new), SafetyRule::AdoptedOnce)
    } else {
        let only_forgets = partitions.is_empty() && recorded.is_subset(before);
        state.ensure(only_forgets, SafetyRule::AdoptionRecorded)
    }
}

/// Checks that the new marker has the new state, names the table, and begins a new cycle if it reverses an expiry.
fn check_marker(
    marker: &Marker,
    mark_as: MarkAs,
    found: &ObservedPartition,
    allowance: &Allowance<'_>,
    state: &SimulatedState<'_>,
) -> Result<(), SafetyRule> {
    let is_bound = marker.oid == found.oid && marker.parent == allowance.table;
    state.ensure(is_bound, SafetyRule::MarkerBound)?;
    let (is_meant, is_taken_back) = match (mark_as, marker.state, found.state.marker_state()) {
        (MarkAs::Adopted, MarkerState::Attached, _) => (true, false),
        (MarkAs::Attached, MarkerState::Attached, _) => (true, true),
        (MarkAs::Expired { drops }, MarkerState::Expired { drops: written }, was) => (
            drops == written && drops == allowance.drops,
            matches!(was, Some(MarkerState::Detached(_))),
        ),
        (MarkAs::ForDrop, MarkerState::Detached(to), Some(MarkerState::Detached(from))) => {
            let starts = from.drops_since.is_none() && to.drops_since.is_some();
            (starts && allowance.drops && to.at == from.at, false)
        }
        (MarkAs::NotForDrop, MarkerState::Detached(to), Some(MarkerState::Detached(from))) => {
            (to.drops_since.is_none() && to.at == from.at, true)
        }
        _ => (false, false),
    };
    state.ensure(is_meant, SafetyRule::MarkerDecision)?;
    if is_taken_back {
        state.ensure(marker.cycle > found.cycle, SafetyRule::NewCycle)?;
    }
    Ok(())
}

pub(super) fn check_detach(
    detach: &Detach,
    state: &SimulatedState<'_>,
    allowance: &Allowance<'_>,
) -> Result<(), SafetyRule> {
    let found = attached(&detach.partition, state)?;
    state.ensure(found.owned && found.state.is_managed(), SafetyRule::Managed)?;
    let is_marked = matches!(found.state.marker_state(), Some(MarkerState::Expired { .. }));
    state.ensure(is_marked, SafetyRule::MarkedBeforeDetach)?;
    state.ensure(found.bounds == detach.bounds, SafetyRule::SameBounds)?;
    allowance.is_expired(&found.bounds, state)?;
    let is_found =
        state.finds_by_name(&found.name) || found.state.bounds_check() != BoundsCheck::Absent;
    state.ensure(is_found, SafetyRule::FoundAgain)?;
    state.ensure(found.referenced_by.is_empty(), SafetyRule::NotReferenced)?;
    let is_referenced = state.relation.as_ref().is_none_or(|r| !r.referenced_by.is_empty());
    let is_clear = found.rows_referenced_by.as_ref().is_some_and(Vec::is_empty);
    state.ensure(!is_referenced || is_clear, SafetyRule::RowsNotReferenced)?;
    let others = |p: &&ObservedPartition| p.name != found.name && p.bounds.as_range().is_some();
    state.ensure(state.attached().any(|p| others(&p)), SafetyRule::LastPartitionStays)?;
    let pending = state.partitions.iter().any(|p| p.state.is_pending_detach());
    state.ensure(!pending, SafetyRule::OneDetachAtATime)?;
    let default = state.default_partition().map(|(p, _)| &p.name);
    state.ensure(detach.default.as_ref() == default, SafetyRule::DefaultKnown)?;
    state
        .ensure(!(detach.concurrently && default.is_some()), SafetyRule::NotConcurrentBesideDefault)
}

/// Checks that the record of a detach follows the detach.
pub(super) fn recorded_next(
    step: &Step,
    next: Option<&PlannedStep>,
    state: &SimulatedState<'_>,
) -> Result<(), SafetyRule> {
    let Step::DetachPartition(detach) = step else { return Ok(()) };
    let is_recorded = next.is_some_and(
        |next| matches!(&next.step, Step::RecordDetach(r) if r.partition == detach.partition),
    );
    state.ensure(is_recorded, SafetyRule::DetachRecordedNext)
}

pub(super) fn check_finalize(
    partition: &QualifiedName,
    state: &SimulatedState<'_>,
) -> Result<(), SafetyRule> {
    let found = find(partition, state)?;
    let is_pending = found.state.is_pending_detach();
    state.ensure(is_pending, SafetyRule::DetachPending)?;
    let is_dated = matches!(found.state.marker_state(), Some(MarkerState::Detached(_)));
    state.ensure(!is_dated, SafetyRule::NoOldDate)
}

pub(super) fn check_record_detach(
    record: &RecordDetach,
    state: &SimulatedState<'_>,
    allowance: &Allowance<'_>,
) -> Result<(), SafetyRule> {
    let table = find_unattached(&record.partition, state)?;
    state.ensure(table.state.is_detached(), SafetyRule::Detached)?;
    state.ensure(record.managed == state.managed, SafetyRule::OfTable)?;
    state.ensure(table.bounds == record.bounds, SafetyRule::SameBounds)?;
    state.ensure(table.oid == record.oid, SafetyRule::SameTable)?;
    state.ensure(record.cycle >= table.cycle, SafetyRule::NewCycle)?;
    let was_to_be_dropped =
        table.state.marker_state() == Some(MarkerState::Expired { drops: true }) && allowance.drops;
    state.ensure(!record.drops || was_to_be_dropped, SafetyRule::DropDecided)
}

pub(super) fn check_validate(
    check: &ValidateBoundsCheck,
    state: &SimulatedState<'_>,
) -> Result<(), SafetyRule> {
    let found = find_unattached(&check.partition, state)?;
    state.ensure(check.managed == state.managed, SafetyRule::OfTable)?;
    state.ensure(found.state.bounds_check() != BoundsCheck::Absent, SafetyRule::BoundsCheckExists)
}

pub(super) fn check_add_bounds(
    add: &AddBoundsCheck,
    state: &SimulatedState<'_>,
) -> Result<(), SafetyRule> {
    state.ensure(add.managed == state.managed, SafetyRule::OfTable)?;
    let found = find(&add.partition, state)?;
    state.ensure(found.owned && found.state.is_managed(), SafetyRule::Managed)?;
    let is_expired = matches!(found.state.marker_state(), Some(MarkerState::Expired { .. }));
    let is_expired_or_detached = is_expired || found.state.is_detached();
    state.ensure(is_expired_or_detached, SafetyRule::ExpiredOrDetached)?;
    state.ensure(found.bounds == Bounds::Range(add.range.clone()), SafetyRule::SameBounds)
}

pub(super) fn check_drop(
    drop: &DropDetached,
    state: &SimulatedState<'_>,
    allowance: &Allowance<'_>,
) -> Result<(), SafetyRule> {
    let found = find(&drop.partition, state)?;
    state.ensure(found.state.is_detached(), SafetyRule::Detached)?;
    state.ensure(found.owned && found.state.is_managed(), SafetyRule::Managed)?;
    state.ensure(drop.managed == state.managed, SafetyRule::OfTable)?;
    state.ensure(found.oid == Some(drop.oid), SafetyRule::SameTable)?;
    state.ensure(found.bounds == drop.bounds, SafetyRule::SameBounds)?;
    state.ensure(found.kind == PartitionKind::Table, SafetyRule::PlainTable)?;
    state.ensure(found.referenced_by.is_empty(), SafetyRule::NotReferenced)?;
    state.ensure(found.dependents.is_empty(), SafetyRule::NoDependents)?;
    state.ensure(!found.state.is_restored(), SafetyRule::NotRestored)?;
    let is_bound = drop.marker.oid == Some(drop.oid) && drop.marker.parent == allowance.table;
    state.ensure(is_bound, SafetyRule::MarkerBound)?;
    let is_marked =
        found.state.marker_state() == Some(drop.marker.state) && found.cycle == drop.marker.cycle;
    // The marker of a restored table is not compared: NotRestored alone rejects its drop.
    state.ensure(is_marked || found.state.is_restored(), SafetyRule::MarkerUnchanged)?;
    allowance.is_expired(&found.bounds, state)?;
    let waits_since = match drop.marker.state {
        MarkerState::Detached(Detached { drops_since, .. }) => drops_since,
        MarkerState::ToBeAttached | MarkerState::Attached | MarkerState::Expired { .. } => None,
    };
    let since = state.need(waits_since, SafetyRule::WaitsForDrop)?;
    let is_grace_period_over = allowance.dropped_since.is_some_and(|until| since <= until);
    state.ensure(is_grace_period_over, SafetyRule::GracePeriodOver)
}
