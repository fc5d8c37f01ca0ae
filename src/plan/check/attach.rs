//! Rules of safety for a plain table that becomes the oldest partition, and a plain table again.

use super::conversion::{copy, names_both};
use super::wanted::Wanted;
use super::{SafetyRule, Site, attached};
use crate::observed::{Attachment, BoundsCheck, CopyDifferences};
use crate::partition::{
    QualifiedName, RangeBounds, Side, attached_key_name, own_key_name, source_name,
};
use crate::plan::LossAt;
use crate::plan::step::{
    AddBoundsCheck, AttachSource, DetachSource, DropBoundsCheck, DropIndex, ValidateBoundsCheck,
};

/// Returns whether a relation is the plain table of a copy, which is not a partition.
pub(super) fn is_plain(relation: &QualifiedName, world: &Site<'_>) -> bool {
    let is_copied = world.copy.as_ref().is_some_and(|facts| facts.serving == Side::Source);
    is_copied && relation == world.managed.name()
}

/// The plain table takes the place of no other partition, and Postgres reads none of its rows under the lock.
pub(super) fn check_attach(
    attach: &AttachSource,
    world: &Site<'_>,
    wanted: &Wanted<'_>,
) -> Result<(), SafetyRule> {
    world.ensure(wanted.attaches(Side::Partitioned), SafetyRule::SwapWanted)?;
    names_both(&attach.table, world)?;
    let facts = copy(world)?;
    let oid = world.relation.as_ref().map(|relation| relation.oid);
    let is_same = facts.source == attach.source && oid == Some(attach.copy);
    world.ensure(is_same, SafetyRule::SameTable)?;
    let attachment = world.attachment.as_deref();
    let has_keys = attachment.is_some_and(Attachment::has_keys);
    let lacks_nothing = has_keys && facts.differences().is_some_and(CopyDifferences::is_none);
    world.ensure(lacks_nothing, SafetyRule::CopyLacksNothing)?;
    let is_proven =
        attachment.is_some_and(|found| found.bounds_of(&attach.range) == BoundsCheck::Validated);
    world.ensure(is_proven, SafetyRule::NoScanOnAttach)?;
    let overlaps = |range: RangeBounds| range.overlaps(&attach.range.range);
    let is_free = !world.attached().any(|p| p.bounds.as_range().is_some_and(overlaps));
    world.ensure(is_free, SafetyRule::NoOverlap)?;
    world.ensure(!wanted.lost.contains(&LossAt::Cutover), SafetyRule::LossAcknowledged)
}

/// No row is left in the partitioned table, which loses its name.
pub(super) fn check_detach(
    detach: &DetachSource,
    world: &Site<'_>,
    wanted: &Wanted<'_>,
) -> Result<(), SafetyRule> {
    world.ensure(wanted.attaches(Side::Source), SafetyRule::SwapWanted)?;
    let managed = &world.managed;
    let is_named = detach.table.managed == *managed
        && detach.table.copy == *managed.name()
        && detach.table.source == managed.sibling(source_name(managed));
    world.ensure(is_named, SafetyRule::OfTable)?;
    let partition = attached(&detach.table.source, world)?;
    let oid = world.relation.as_ref().map(|relation| relation.oid);
    let is_same = partition.oid == Some(detach.source) && oid == Some(detach.copy);
    world.ensure(is_same, SafetyRule::SameTable)?;
    let attachment = world.attachment.as_ref();
    let loses_nothing = attachment.is_some_and(|found| found.prevents_detach().is_empty());
    world.ensure(loses_nothing, SafetyRule::RollbackProven)
}

pub(super) fn check_state(
    state: &AddBoundsCheck,
    world: &Site<'_>,
    wanted: &Wanted<'_>,
) -> Result<(), SafetyRule> {
    world.ensure(wanted.attaches(Side::Partitioned), SafetyRule::SwapWanted)?;
    world.ensure(state.managed == world.managed, SafetyRule::OfTable)?;
    let source = world.copy.as_ref().map(|facts| facts.source);
    world.ensure(source == state.oid, SafetyRule::SameTable)
}

pub(super) fn check_validate(
    check: &ValidateBoundsCheck,
    world: &Site<'_>,
) -> Result<(), SafetyRule> {
    world.ensure(check.managed == world.managed, SafetyRule::OfTable)?;
    has_bounds(world)
}

pub(super) fn check_drop_bounds(
    drop: &DropBoundsCheck,
    world: &Site<'_>,
) -> Result<(), SafetyRule> {
    let is_of_table = drop.managed == world.managed && is_plain(&drop.table, world);
    world.ensure(is_of_table, SafetyRule::OfTable)?;
    has_bounds(world)
}

fn has_bounds(world: &Site<'_>) -> Result<(), SafetyRule> {
    let bounds = world.attachment.as_ref().map_or(BoundsCheck::Absent, |found| found.bounds);
    world.ensure(bounds != BoundsCheck::Absent, SafetyRule::BoundsCheckExists)
}

/// Only those indexes are dropped that the conversion needs.
pub(super) fn check_drop_index(drop: &DropIndex, world: &Site<'_>) -> Result<(), SafetyRule> {
    let own = [attached_key_name(&world.managed), own_key_name(&world.managed)];
    world.ensure(own.contains(&drop.index), SafetyRule::OwnIndexOnly)
}
