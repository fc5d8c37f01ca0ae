//! Rules for marking, detaching, and dropping.

use std::collections::BTreeSet;

use super::allowance::Allowance;
use super::site::Site;
use super::{SafetyRule, attached, find, prepared};
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
    world: &Site<'_>,
    allowance: &Allowance<'_>,
) -> Result<(), SafetyRule> {
    let MarkPartitions { managed, table, partitions, mark_as, adopted } = mark;
    let mark_as = *mark_as;
    let is_of_table = *table == world.name && *managed == world.managed;
    world.ensure(is_of_table, SafetyRule::OfTable)?;
    for marked in partitions {
        let found = find(&marked.name, world)?;
        let is_there = match mark_as {
            MarkAs::Attached => found.state.is_partition(),
            MarkAs::Adopted | MarkAs::Expired { .. } => found.state.is_attached(),
            MarkAs::AdoptionCleared => false,
            MarkAs::ForDrop | MarkAs::NotForDrop => found.state.is_detached(),
        };
        world.ensure(is_there, SafetyRule::MarkedState)?;
        world.ensure(found.owned, SafetyRule::Owned)?;
        world.ensure(found.bounds == marked.bounds, SafetyRule::SameBounds)?;
        world.ensure(marked.oid == found.oid, SafetyRule::SameTable)?;
        match mark_as {
            MarkAs::Adopted => {
                world.ensure(!found.state.is_managed(), SafetyRule::NotManagedYet)?;
                world.ensure(found.bounds != Bounds::Default, SafetyRule::DefaultNotAdopted)?;
                world.ensure(
                    allowance.may_adopt(&marked.name, world),
                    SafetyRule::AdoptionRequested,
                )?;
            }
            MarkAs::Attached => world.ensure(found.state.is_managed(), SafetyRule::Managed)?,
            MarkAs::Expired { .. } => {
                world.ensure(found.state.is_managed(), SafetyRule::Managed)?;
                allowance.is_expired(&found.bounds, world)?;
            }
            MarkAs::ForDrop => {
                world.ensure(found.kind == PartitionKind::Table, SafetyRule::PlainTable)?;
                allowance.is_expired(&found.bounds, world)?;
            }
            MarkAs::NotForDrop | MarkAs::AdoptionCleared => {}
        }
        check_marker(&marked.marker, mark_as, found, allowance, world)?;
    }
    check_adoptions(partitions, mark_as, adopted.as_ref(), world)
}

/// An adoption is recorded with it, is not repeated, and is forgotten only together with nothing else.
fn check_adoptions(
    partitions: &[MarkedPartition],
    mark_as: MarkAs,
    recorded: Option<&BTreeSet<String>>,
    world: &Site<'_>,
) -> Result<(), SafetyRule> {
    let before = &world.adopted;
    let is_adoption = matches!(mark_as, MarkAs::Adopted | MarkAs::AdoptionCleared);
    world.ensure(is_adoption == recorded.is_some(), SafetyRule::AdoptionRecorded)?;
    let Some(recorded) = recorded else { return Ok(()) };
    if mark_as == MarkAs::Adopted {
        let is_new = |marked: &MarkedPartition| {
            recorded.contains(&adoption_digest(&marked.name))
                && !adoption_digests(&marked.name).any(|digest| before.contains(&digest))
        };
        world.ensure(partitions.iter().all(is_new), SafetyRule::AdoptedOnce)
    } else {
        let only_forgets = partitions.is_empty() && recorded.is_subset(before);
        world.ensure(only_forgets, SafetyRule::AdoptionRecorded)
    }
}

/// Checks that the new marker has the new state, names the table, and begins a new cycle if it reverses an expiry.
fn check_marker(
    marker: &Marker,
    mark_as: MarkAs,
    found: &ObservedPartition,
    allowance: &Allowance<'_>,
    world: &Site<'_>,
) -> Result<(), SafetyRule> {
    let is_bound = marker.oid == found.oid && marker.parent == allowance.table;
    world.ensure(is_bound, SafetyRule::MarkerBound)?;
    let (is_meant, is_taken_back) = match (mark_as, marker.mark, found.state.mark()) {
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
    world.ensure(is_meant, SafetyRule::MarkerDecision)?;
    if is_taken_back {
        world.ensure(marker.cycle > found.cycle, SafetyRule::NewCycle)?;
    }
    Ok(())
}

pub(super) fn check_detach(
    detach: &Detach,
    world: &Site<'_>,
    allowance: &Allowance<'_>,
) -> Result<(), SafetyRule> {
    let found = attached(&detach.partition, world)?;
    world.ensure(found.owned && found.state.is_managed(), SafetyRule::Managed)?;
    let is_marked = matches!(found.state.mark(), Some(MarkerState::Expired { .. }));
    world.ensure(is_marked, SafetyRule::MarkedBeforeDetach)?;
    world.ensure(found.bounds == detach.bounds, SafetyRule::SameBounds)?;
    allowance.is_expired(&found.bounds, world)?;
    let is_found =
        world.finds_by_name(&found.name) || found.state.bounds_check() != BoundsCheck::Absent;
    world.ensure(is_found, SafetyRule::FoundAgain)?;
    world.ensure(found.referenced_by.is_empty(), SafetyRule::NotReferenced)?;
    let is_referenced = world.relation.as_ref().is_none_or(|r| !r.referenced_by.is_empty());
    let is_clear = found.rows_referenced_by.as_ref().is_some_and(Vec::is_empty);
    world.ensure(!is_referenced || is_clear, SafetyRule::RowsNotReferenced)?;
    let others = |p: &&ObservedPartition| p.name != found.name && p.bounds.as_range().is_some();
    world.ensure(world.attached().any(|p| others(&p)), SafetyRule::LastPartitionStays)?;
    let pending = world.partitions.iter().any(|p| p.state.is_pending_detach());
    world.ensure(!pending, SafetyRule::OneDetachAtATime)?;
    let default = world.default_partition().map(|(p, _)| &p.name);
    world.ensure(detach.default.as_ref() == default, SafetyRule::DefaultKnown)?;
    world
        .ensure(!(detach.concurrently && default.is_some()), SafetyRule::NotConcurrentBesideDefault)
}

/// Checks that the record of a detach follows the detach.
pub(super) fn recorded_next(
    step: &Step,
    next: Option<&PlannedStep>,
    world: &Site<'_>,
) -> Result<(), SafetyRule> {
    let Step::DetachPartition(detach) = step else { return Ok(()) };
    let is_recorded = next.is_some_and(
        |next| matches!(&next.step, Step::RecordDetach(r) if r.partition == detach.partition),
    );
    world.ensure(is_recorded, SafetyRule::DetachRecordedNext)
}

pub(super) fn check_finalize(
    partition: &QualifiedName,
    world: &Site<'_>,
) -> Result<(), SafetyRule> {
    let found = find(partition, world)?;
    let is_pending = found.state.is_pending_detach();
    world.ensure(is_pending, SafetyRule::DetachPending)?;
    let is_dated = matches!(found.state.mark(), Some(MarkerState::Detached(_)));
    world.ensure(!is_dated, SafetyRule::NoOldDate)
}

pub(super) fn check_record_detach(
    record: &RecordDetach,
    world: &Site<'_>,
    allowance: &Allowance<'_>,
) -> Result<(), SafetyRule> {
    let table = prepared(&record.partition, world)?;
    world.ensure(table.state.is_detached(), SafetyRule::Detached)?;
    world.ensure(record.managed == world.managed, SafetyRule::OfTable)?;
    world.ensure(table.bounds == record.bounds, SafetyRule::SameBounds)?;
    world.ensure(table.oid == record.oid, SafetyRule::SameTable)?;
    world.ensure(record.cycle >= table.cycle, SafetyRule::NewCycle)?;
    let was_to_be_dropped =
        table.state.mark() == Some(MarkerState::Expired { drops: true }) && allowance.drops;
    world.ensure(!record.drops || was_to_be_dropped, SafetyRule::DropDecided)
}

pub(super) fn check_validate(
    check: &ValidateBoundsCheck,
    world: &Site<'_>,
) -> Result<(), SafetyRule> {
    let found = prepared(&check.partition, world)?;
    world.ensure(check.managed == world.managed, SafetyRule::OfTable)?;
    world.ensure(found.state.bounds_check() != BoundsCheck::Absent, SafetyRule::BoundsCheckExists)
}

pub(super) fn check_state(state: &AddBoundsCheck, world: &Site<'_>) -> Result<(), SafetyRule> {
    world.ensure(state.managed == world.managed, SafetyRule::OfTable)?;
    let found = find(&state.partition, world)?;
    world.ensure(found.owned && found.state.is_managed(), SafetyRule::Managed)?;
    let is_expired = matches!(found.state.mark(), Some(MarkerState::Expired { .. }));
    let is_expired_or_detached = is_expired || found.state.is_detached();
    world.ensure(is_expired_or_detached, SafetyRule::ExpiredOrDetached)?;
    world.ensure(found.bounds == Bounds::Range(state.range.clone()), SafetyRule::SameBounds)
}

pub(super) fn check_drop(
    drop: &DropDetached,
    world: &Site<'_>,
    allowance: &Allowance<'_>,
) -> Result<(), SafetyRule> {
    let found = find(&drop.partition, world)?;
    world.ensure(found.state.is_detached(), SafetyRule::Detached)?;
    world.ensure(found.owned && found.state.is_managed(), SafetyRule::Managed)?;
    world.ensure(drop.managed == world.managed, SafetyRule::OfTable)?;
    world.ensure(found.oid == Some(drop.oid), SafetyRule::SameTable)?;
    world.ensure(found.bounds == drop.bounds, SafetyRule::SameBounds)?;
    world.ensure(found.kind == PartitionKind::Table, SafetyRule::PlainTable)?;
    world.ensure(found.referenced_by.is_empty(), SafetyRule::NotReferenced)?;
    world.ensure(found.dependents.is_empty(), SafetyRule::NoDependents)?;
    world.ensure(!found.state.is_restored(), SafetyRule::NotRestored)?;
    let is_bound = drop.marker.oid == Some(drop.oid) && drop.marker.parent == allowance.table;
    world.ensure(is_bound, SafetyRule::MarkerBound)?;
    let is_marked =
        found.state.mark() == Some(drop.marker.mark) && found.cycle == drop.marker.cycle;
    // The marker of a restored table is not compared: NotRestored alone rejects its drop.
    world.ensure(is_marked || found.state.is_restored(), SafetyRule::MarkerUnchanged)?;
    allowance.is_expired(&found.bounds, world)?;
    let waits_since = match drop.marker.mark {
        MarkerState::Detached(Detached { drops_since, .. }) => drops_since,
        MarkerState::ToBeAttached | MarkerState::Attached | MarkerState::Expired { .. } => None,
    };
    let since = world.need(waits_since, SafetyRule::WaitsForDrop)?;
    let grace_over = allowance.dropped_since.is_some_and(|until| since <= until);
    world.ensure(grace_over, SafetyRule::GraceOver)
}
