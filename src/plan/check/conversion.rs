//! Rules of safety for the copy of a plain table, its triggers, and work on both.

use super::wanted::Wanted;
use super::{SafetyRule, Site};
use crate::observed::{CopyFacts, ObservedTable, SyncState};
use crate::partition::{Bounds, CopiedTable, Side, copy_name, source_name};
use crate::plan::step::{
    AnalyzeCopy, CreateCopy, DropCopy, EndSync, FollowSource, InstallSync, ValidateCopy,
};
use crate::plan::{Step, Work};

pub(super) fn check_create(
    create: &CreateCopy,
    world: &Site<'_>,
    wanted: &Wanted<'_>,
) -> Result<(), SafetyRule> {
    world.ensure(wanted.has_conversion(), SafetyRule::ConversionWanted)?;
    names_both(&create.table, world)?;
    world.ensure(world.copy.is_none() && world.plain.is_some(), SafetyRule::NoCopyYet)?;
    let oid = world.relation.as_ref().map(|relation| relation.oid);
    world.ensure(oid == Some(create.source), SafetyRule::SameTable)
}

pub(super) fn check_install(
    install: &InstallSync,
    world: &Site<'_>,
    wanted: &Wanted<'_>,
) -> Result<(), SafetyRule> {
    world.ensure(wanted.converts(), SafetyRule::ConversionWanted)?;
    names_both(&install.table, world)?;
    let facts = copy(world)?;
    world.ensure(facts.source == install.source, SafetyRule::SameTable)?;
    let is_accepted = facts.serving == Side::Partitioned || accepts_every_row(world);
    world.ensure(is_accepted, SafetyRule::CopyAcceptsRows)
}

/// The passive table changes only as the one did that applications use.
pub(super) fn check_follow(
    follow: &FollowSource,
    world: &Site<'_>,
    wanted: &Wanted<'_>,
) -> Result<(), SafetyRule> {
    world.ensure(wanted.has_conversion(), SafetyRule::ConversionWanted)?;
    names_both(&follow.table, world)?;
    copy(world)?;
    follow.sync.as_ref().map_or(Ok(()), |install| check_install(install, world, wanted))
}

pub(super) fn check_validate(validate: &ValidateCopy, world: &Site<'_>) -> Result<(), SafetyRule> {
    names_both(&validate.table, world)?;
    copy(world).map(|_| ())
}

pub(super) fn check_analyze(analyze: &AnalyzeCopy, world: &Site<'_>) -> Result<(), SafetyRule> {
    if world.attached_source().is_none() {
        copy(world)?;
    }
    world.ensure(analyze.copy == world.name, SafetyRule::OfTable)
}

pub(super) fn check_end(
    end: &EndSync,
    world: &Site<'_>,
    wanted: &Wanted<'_>,
) -> Result<(), SafetyRule> {
    names_both(&end.table, world)?;
    copy(world)?;
    world.ensure(!wanted.has_conversion(), SafetyRule::ConversionUnwanted)
}

pub(super) fn check_drop(
    drop: &DropCopy,
    world: &Site<'_>,
    wanted: &Wanted<'_>,
) -> Result<(), SafetyRule> {
    names_both(&drop.table, world)?;
    let facts = copy(world)?;
    let oid = world.relation.as_ref().map(|relation| relation.oid);
    world.ensure(oid == Some(drop.oid), SafetyRule::SameTable)?;
    world.ensure(!wanted.has_conversion(), SafetyRule::ConversionUnwanted)?;
    world.ensure(facts.serving == Side::Source, SafetyRule::ServingTableStays)?;
    world.ensure(wanted.is_approved, SafetyRule::DropOfCopyApproved)?;
    world.ensure(!facts.has_sync(), SafetyRule::SyncEndedFirst)
}

/// Nothing is detached and nothing is dropped of a copy, but the copy as a whole.
pub(super) fn keeps_rows(step: &Step, world: &Site<'_>) -> Result<(), SafetyRule> {
    let removes_rows =
        matches!(step, Step::DetachPartition(_) | Step::DropDetached(_) | Step::DropDefault(_));
    let is_copy = world.copy.is_some();
    if removes_rows { world.ensure(!is_copy, SafetyRule::CopyKeepsRows) } else { Ok(()) }
}

/// Holds work against the tables as they are.
pub(super) fn check_work(
    work: &Work,
    wanted: &Wanted<'_>,
    world: &Site<'_>,
) -> Result<(), SafetyRule> {
    let table = work.table();
    let facts = copy(world)?;
    let options = world.need(wanted.options, SafetyRule::ConversionWanted)?;
    let is_intact = facts.sync(table, options.sync) == SyncState::Intact;
    world.ensure(is_intact, SafetyRule::SyncIntact)?;
    match work {
        Work::Copy(_) => world.ensure(!facts.is_complete(), SafetyRule::CopiedOnce),
        Work::Compare(_) => world.ensure(facts.is_complete(), SafetyRule::ComparedWhenComplete),
    }
}

/// The tables have the names that a step has for them.
pub(super) fn names_both(table: &CopiedTable, world: &Site<'_>) -> Result<(), SafetyRule> {
    let managed = &world.managed;
    let serving = world.copy.as_ref().map_or(Side::Source, |facts| facts.serving);
    let passive = match serving {
        Side::Source => copy_name(managed),
        Side::Partitioned => source_name(managed),
    };
    let is_named = table.managed == *managed
        && table.name_of(serving) == managed.name()
        && *table.name_of(serving.other()) == managed.sibling(passive);
    world.ensure(is_named, SafetyRule::OfTable)?;
    let owner = world.relation.as_ref().map(|relation| &relation.owner);
    world.ensure(owner == Some(&table.owner), SafetyRule::Owned)
}

pub(super) fn copy<'a>(world: &Site<'a>) -> Result<&'a CopyFacts, SafetyRule> {
    world.need(world.world.copy.as_deref(), SafetyRule::CopyExists)
}

/// Every row of the source has a place: a default partition, or a partition for each remainder. Each modulus of a hash
/// is a factor of the largest.
fn accepts_every_row(world: &ObservedTable) -> bool {
    let moduli: Vec<u64> = world.attached().filter_map(|p| modulus(&p.bounds)).collect();
    let largest = moduli.iter().copied().max().unwrap_or(0);
    let remainders: u64 = moduli.iter().filter_map(|modulus| largest.checked_div(*modulus)).sum();
    world.default_partition().is_some() || (largest > 0 && remainders >= largest)
}

fn modulus(bounds: &Bounds) -> Option<u64> {
    match bounds {
        Bounds::Hash { modulus, .. } => Some(u64::from(*modulus)),
        Bounds::Range(_) | Bounds::Default | Bounds::Other(_) => None,
    }
}
