//! Rules of safety for a plain table that becomes the oldest partition, and a plain table again.

use super::conversion::{copy, names_both};
use super::conversion_spec::ConversionSpec;
use super::{SafetyRule, SimulatedState, attached};
use crate::observed::{Attachment, BoundsCheck, CopyDifferences};
use crate::partition::{
    QualifiedName, RangeBounds, Side, attached_key_name, own_key_name, source_name,
};
use crate::plan::LossAt;
use crate::plan::step::{
    AddBoundsCheck, AttachSource, DetachSource, DropBoundsCheck, DropIndex, ValidateBoundsCheck,
};

/// Returns whether a relation is the plain table of a copy, which is not a partition.
pub(super) fn is_plain(relation: &QualifiedName, state: &SimulatedState<'_>) -> bool {
    let is_copied = state.copy.as_ref().is_some_and(|facts| facts.serving == Side::Source);
    is_copied && relation == state.managed.name()
}

/// The plain table takes the place of no other partition, and Postgres reads none of its rows under the lock.
pub(super) fn check_attach(
    attach: &AttachSource,
    state: &SimulatedState<'_>,
    spec: &ConversionSpec<'_>,
) -> Result<(), SafetyRule> {
    state.ensure(spec.attaches(Side::Partitioned), SafetyRule::SwapRequested)?;
    names_both(&attach.table, state)?;
    let facts = copy(state)?;
    let oid = state.relation.as_ref().map(|relation| relation.oid);
    let is_same = facts.source == attach.source && oid == Some(attach.copy);
    state.ensure(is_same, SafetyRule::SameTable)?;
    let attachment = state.attachment.as_deref();
    let has_keys = attachment.is_some_and(Attachment::has_keys);
    let lacks_nothing = has_keys && facts.differences().is_some_and(CopyDifferences::is_none);
    state.ensure(lacks_nothing, SafetyRule::CopyLacksNothing)?;
    let is_proven =
        attachment.is_some_and(|found| found.bounds_of(&attach.range) == BoundsCheck::Validated);
    state.ensure(is_proven, SafetyRule::NoScanOnAttach)?;
    let overlaps = |range: RangeBounds| range.overlaps(&attach.range.range);
    let is_free = !state.attached().any(|p| p.bounds.as_range().is_some_and(overlaps));
    state.ensure(is_free, SafetyRule::NoOverlap)?;
    state.ensure(!spec.lost.contains(&LossAt::Cutover), SafetyRule::LossAcknowledged)
}

/// No row is left in the partitioned table, which loses its name.
pub(super) fn check_detach(
    detach: &DetachSource,
    state: &SimulatedState<'_>,
    spec: &ConversionSpec<'_>,
) -> Result<(), SafetyRule> {
    state.ensure(spec.attaches(Side::Source), SafetyRule::SwapRequested)?;
    let managed = &state.managed;
    let is_named = detach.table.managed == *managed
        && detach.table.copy == *managed.name()
        && detach.table.source == managed.sibling(source_name(managed));
    state.ensure(is_named, SafetyRule::OfTable)?;
    let partition = attached(&detach.table.source, state)?;
    let oid = state.relation.as_ref().map(|relation| relation.oid);
    let is_same = partition.oid == Some(detach.source) && oid == Some(detach.copy);
    state.ensure(is_same, SafetyRule::SameTable)?;
    let attachment = state.attachment.as_ref();
    let loses_nothing = attachment.is_some_and(|found| found.prevents_detach().is_empty());
    state.ensure(loses_nothing, SafetyRule::RollbackLosesNothing)
}

pub(super) fn check_add_bounds(
    add: &AddBoundsCheck,
    state: &SimulatedState<'_>,
    spec: &ConversionSpec<'_>,
) -> Result<(), SafetyRule> {
    state.ensure(spec.attaches(Side::Partitioned), SafetyRule::SwapRequested)?;
    state.ensure(add.managed == state.managed, SafetyRule::OfTable)?;
    let source = state.copy.as_ref().map(|facts| facts.source);
    state.ensure(source == add.oid, SafetyRule::SameTable)
}

pub(super) fn check_validate(
    check: &ValidateBoundsCheck,
    state: &SimulatedState<'_>,
) -> Result<(), SafetyRule> {
    state.ensure(check.managed == state.managed, SafetyRule::OfTable)?;
    has_bounds(state)
}

pub(super) fn check_drop_bounds(
    drop: &DropBoundsCheck,
    state: &SimulatedState<'_>,
) -> Result<(), SafetyRule> {
    let is_of_table = drop.managed == state.managed && is_plain(&drop.table, state);
    state.ensure(is_of_table, SafetyRule::OfTable)?;
    has_bounds(state)
}

fn has_bounds(state: &SimulatedState<'_>) -> Result<(), SafetyRule> {
    let bounds = state.attachment.as_ref().map_or(BoundsCheck::Absent, |found| found.bounds);
    state.ensure(bounds != BoundsCheck::Absent, SafetyRule::BoundsCheckExists)
}

/// Only those indexes are dropped that the conversion needs.
pub(super) fn check_drop_index(
    drop: &DropIndex,
    state: &SimulatedState<'_>,
) -> Result<(), SafetyRule> {
    let own = [attached_key_name(&state.managed), own_key_name(&state.managed)];
    state.ensure(own.contains(&drop.index), SafetyRule::OwnIndexOnly)
}
