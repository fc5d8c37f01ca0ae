//! Rules of safety for the cutover, the rollback, and the drop of a source.

use super::conversion::{copy, names_both};
use super::conversion_spec::ConversionSpec;
use super::{SafetyRule, SimulatedState};
use crate::observed::{CopyDifferences, CopyFacts, Sweep, SyncState};
use crate::partition::Side;
use crate::plan::LossAt;
use crate::plan::step::{DropSource, Swap};

/// A swap loses nothing: the other table has every row, and is what the spec wants.
pub(super) fn check_swap(
    swap: &Swap,
    state: &SimulatedState<'_>,
    spec: &ConversionSpec<'_>,
) -> Result<(), SafetyRule> {
    let facts = copy(state)?;
    state.ensure(spec.serves_from(swap.to()), SafetyRule::SwapRequested)?;
    let oid = state.relation.as_ref().map(|relation| relation.oid);
    let is_same = facts.source == swap.source && oid == Some(swap.copy);
    state.ensure(is_same, SafetyRule::SameTable)?;
    // The sync was judged for tables of these names, columns, and owner.
    let is_intact = facts.sync(&swap.table, swap.level) == SyncState::Intact;
    state.ensure(is_intact, SafetyRule::SyncIntact)?;
    state.ensure(facts.older.is_empty(), SafetyRule::NoOldSnapshot)?;
    match swap.to() {
        Side::Partitioned => check_cutover(facts, state, spec),
        Side::Source => check_rollback(facts, state, spec),
    }
}

fn check_cutover(
    facts: &CopyFacts,
    state: &SimulatedState<'_>,
    spec: &ConversionSpec<'_>,
) -> Result<(), SafetyRule> {
    let is_clean = facts.parity().is_some_and(|sweep| {
        sweep.is_clean()
            && sweep.checked_at.is_some()
            && (sweep.content || !spec.compares_content())
    });
    state.ensure(is_clean, SafetyRule::CutoverInParity)?;
    let is_equal = facts.differences().is_some_and(CopyDifferences::is_none);
    let is_indexed = state.indexes.iter().all(|index| index.valid);
    let lacks_nothing = is_equal && is_indexed && facts.analyzed;
    state.ensure(lacks_nothing, SafetyRule::CopyLacksNothing)?;
    state.ensure(!spec.lost.contains(&LossAt::Cutover), SafetyRule::LossAcknowledged)
}

fn check_rollback(
    facts: &CopyFacts,
    state: &SimulatedState<'_>,
    spec: &ConversionSpec<'_>,
) -> Result<(), SafetyRule> {
    let is_equal = facts.differences().is_some_and(CopyDifferences::has_all_properties);
    state.ensure(is_equal, SafetyRule::SourceHasColumns)?;
    let is_clean = facts.parity().is_some_and(Sweep::is_clean);
    state.ensure(is_clean || spec.is_approved, SafetyRule::RollbackLosesNothing)
}

/// A source is dropped when nothing needs it any more.
pub(super) fn check_drop_source(
    drop: &DropSource,
    state: &SimulatedState<'_>,
    spec: &ConversionSpec<'_>,
) -> Result<(), SafetyRule> {
    names_both(&drop.table, state)?;
    let facts = copy(state)?;
    state.ensure(facts.source == drop.oid, SafetyRule::SameTable)?;
    state.ensure(facts.serving == Side::Partitioned, SafetyRule::ServingTableStays)?;
    let after = state.need(spec.source_dropped_after(), SafetyRule::SourceDropRequested)?;
    let until = facts.serving_since().and_then(|since| since.checked_add(after).ok());
    let is_over = until.is_some_and(|until| until <= state.server.clock);
    state.ensure(is_over, SafetyRule::GracePeriodOver)?;
    let is_free = facts.plain.bound.is_empty()
        && !facts.plain.referenced_by.iter().any(|key| key.other_owner);
    state.ensure(is_free, SafetyRule::NoDependents)?;
    state.ensure(!spec.lost.contains(&LossAt::Drop), SafetyRule::LossAcknowledged)
}
