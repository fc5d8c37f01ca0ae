//! Rules of safety for a plain table that becomes the oldest partition, and a plain table again.

use super::conversion::{copy, names_both};
use super::wanted::Wanted;
use super::{SafetyRule, Site, attached};
use crate::partition::{Side, source_name};
use crate::plan::step::{AttachSource, DetachSource};

/// The plain table takes the place of no other partition, and all rows stay in the table.
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
    world.ensure(is_same, SafetyRule::SameTable)
}

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
    world.ensure(is_same, SafetyRule::SameTable)
}
