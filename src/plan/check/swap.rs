//! Rules of safety for the cutover, the rollback, and the drop of a source.

use super::conversion::{copy, names_both};
use super::wanted::Wanted;
use super::{SafetyRule, Site};
use crate::observed::{CopyDifferences, CopyFacts, Sweep, SyncState};
use crate::partition::Side;
use crate::plan::LossAt;
use crate::plan::step::{DropSource, Swap};

/// A swap loses nothing: the other table has every row, and is what the spec wants.
pub(super) fn check_swap(
    swap: &Swap,
    world: &Site<'_>,
    wanted: &Wanted<'_>,
) -> Result<(), SafetyRule> {
    let facts = copy(world)?;
    world.ensure(wanted.serves_from(swap.to()), SafetyRule::SwapWanted)?;
    let oid = world.relation.as_ref().map(|relation| relation.oid);
    let is_same = facts.source == swap.source && oid == Some(swap.copy);
    world.ensure(is_same, SafetyRule::SameTable)?;
    // The sync was judged for tables of these names, columns, and owner.
    let is_intact = facts.sync(&swap.table, swap.level) == SyncState::Intact;
    world.ensure(is_intact, SafetyRule::SyncIntact)?;
    world.ensure(facts.older.is_empty(), SafetyRule::NoOldSnapshot)?;
    match swap.to() {
        Side::Partitioned => check_cutover(facts, world, wanted),
        Side::Source => check_rollback(facts, world, wanted),
    }
}

fn check_cutover(
    facts: &CopyFacts,
    world: &Site<'_>,
    wanted: &Wanted<'_>,
) -> Result<(), SafetyRule> {
    let is_clean = facts.parity().is_some_and(|sweep| {
        sweep.is_clean()
            && sweep.checked_at.is_some()
            && (sweep.content || !wanted.compares_content())
    });
    world.ensure(is_clean, SafetyRule::CutoverInParity)?;
    let is_alike = facts.differences().is_some_and(CopyDifferences::is_none);
    let is_indexed = world.indexes.iter().all(|index| index.valid);
    let lacks_nothing = is_alike && is_indexed && facts.analyzed;
    world.ensure(lacks_nothing, SafetyRule::CopyLacksNothing)?;
    world.ensure(!wanted.lost.contains(&LossAt::Cutover), SafetyRule::LossAcknowledged)
}

fn check_rollback(
    facts: &CopyFacts,
    world: &Site<'_>,
    wanted: &Wanted<'_>,
) -> Result<(), SafetyRule> {
    let is_alike = facts.differences().is_some_and(CopyDifferences::has_all_properties);
    world.ensure(is_alike, SafetyRule::SourceHasColumns)?;
    let is_clean = facts.parity().is_some_and(Sweep::is_clean);
    world.ensure(is_clean || wanted.is_approved, SafetyRule::RollbackProven)
}

/// A source is dropped when nothing needs it any more.
pub(super) fn check_drop_source(
    drop: &DropSource,
    world: &Site<'_>,
    wanted: &Wanted<'_>,
) -> Result<(), SafetyRule> {
    names_both(&drop.table, world)?;
    let facts = copy(world)?;
    world.ensure(facts.source == drop.oid, SafetyRule::SameTable)?;
    world.ensure(facts.serving == Side::Partitioned, SafetyRule::ServingTableStays)?;
    let after = world.need(wanted.source_dropped_after(), SafetyRule::SourceUnwanted)?;
    let until = facts.serving_since().and_then(|since| since.checked_add(after).ok());
    let is_over = until.is_some_and(|until| until <= world.server.clock);
    world.ensure(is_over, SafetyRule::GraceOver)?;
    let is_free = facts.plain.bound.is_empty()
        && !facts.plain.referenced_by.iter().any(|key| key.other_owner);
    world.ensure(is_free, SafetyRule::NoDependents)?;
    world.ensure(!wanted.lost.contains(&LossAt::Drop), SafetyRule::LossAcknowledged)
}
