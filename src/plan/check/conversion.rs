//! Rules of safety for the copy of a plain table, its triggers, and work on both.

use super::conversion_spec::ConversionSpec;
use super::{SafetyRule, SimulatedState};
use crate::observed::{CopyFacts, ObservedTable, SyncState};
use crate::partition::{Bounds, CopiedTable, Side, copy_name, source_name};
use crate::plan::step::{
    AnalyzeCopy, CreateCopy, DropCopy, EndSync, FollowSource, InstallSync, ValidateCopy,
};
use crate::plan::{Step, Work};

pub(super) fn check_create(
    create: &CreateCopy,
    state: &SimulatedState<'_>,
    spec: &ConversionSpec<'_>,
) -> Result<(), SafetyRule> {
    state.ensure(spec.has_conversion(), SafetyRule::ConversionRequested)?;
    names_both(&create.table, state)?;
    state.ensure(state.copy.is_none() && state.plain.is_some(), SafetyRule::NoCopyYet)?;
    let oid = state.relation.as_ref().map(|relation| relation.oid);
    state.ensure(oid == Some(create.source), SafetyRule::SameTable)
}

pub(super) fn check_install(
    install: &InstallSync,
    state: &SimulatedState<'_>,
    spec: &ConversionSpec<'_>,
) -> Result<(), SafetyRule> {
    state.ensure(spec.converts(), SafetyRule::ConversionRequested)?;
    names_both(&install.table, state)?;
    let facts = copy(state)?;
    state.ensure(facts.source == install.source, SafetyRule::SameTable)?;
    let is_accepted = facts.serving == Side::Partitioned || accepts_every_row(state);
    state.ensure(is_accepted, SafetyRule::CopyAcceptsRows)
}

/// The passive table changes only as the one did that applications use.
pub(super) fn check_follow(
    follow: &FollowSource,
    state: &SimulatedState<'_>,
    spec: &ConversionSpec<'_>,
) -> Result<(), SafetyRule> {
    state.ensure(spec.has_conversion(), SafetyRule::ConversionRequested)?;
    names_both(&follow.table, state)?;
    copy(state)?;
    follow.sync.as_ref().map_or(Ok(()), |install| check_install(install, state, spec))
}

pub(super) fn check_validate(
    validate: &ValidateCopy,
    state: &SimulatedState<'_>,
) -> Result<(), SafetyRule> {
    names_both(&validate.table, state)?;
    copy(state).map(|_| ())
}

pub(super) fn check_analyze(
    analyze: &AnalyzeCopy,
    state: &SimulatedState<'_>,
) -> Result<(), SafetyRule> {
    if state.attached_source().is_none() {
        copy(state)?;
    }
    state.ensure(analyze.copy == state.name, SafetyRule::OfTable)
}

pub(super) fn check_end(
    end: &EndSync,
    state: &SimulatedState<'_>,
    spec: &ConversionSpec<'_>,
) -> Result<(), SafetyRule> {
    names_both(&end.table, state)?;
    copy(state)?;
    state.ensure(!spec.has_conversion(), SafetyRule::ConversionRemoved)
}

pub(super) fn check_drop(
    drop: &DropCopy,
    state: &SimulatedState<'_>,
    spec: &ConversionSpec<'_>,
) -> Result<(), SafetyRule> {
    names_both(&drop.table, state)?;
    let facts = copy(state)?;
    let oid = state.relation.as_ref().map(|relation| relation.oid);
    state.ensure(oid == Some(drop.oid), SafetyRule::SameTable)?;
    state.ensure(!spec.has_conversion(), SafetyRule::ConversionRemoved)?;
    state.ensure(facts.serving == Side::Source, SafetyRule::ServingTableStays)?;
    state.ensure(spec.is_approved, SafetyRule::DropOfCopyApproved)?;
    state.ensure(!facts.has_sync(), SafetyRule::SyncEndedFirst)
}

/// Nothing is detached and nothing is dropped of a copy, but the copy as a whole.
pub(super) fn keeps_rows(step: &Step, state: &SimulatedState<'_>) -> Result<(), SafetyRule> {
    let removes_rows =
        matches!(step, Step::DetachPartition(_) | Step::DropDetached(_) | Step::DropDefault(_));
    let is_copy = state.copy.is_some();
    if removes_rows { state.ensure(!is_copy, SafetyRule::CopyKeepsRows) } else { Ok(()) }
}

/// Holds work against the tables as they are.
pub(super) fn check_work(
    work: &Work,
    spec: &ConversionSpec<'_>,
    state: &SimulatedState<'_>,
) -> Result<(), SafetyRule> {
    let table = work.table();
    let facts = copy(state)?;
    let options = state.need(spec.options, SafetyRule::ConversionRequested)?;
    let is_intact = facts.sync(table, options.sync) == SyncState::Intact;
    state.ensure(is_intact, SafetyRule::SyncIntact)?;
    match work {
        Work::Copy(_) => state.ensure(!facts.is_complete(), SafetyRule::CopiedOnce),
        Work::Compare(_) => state.ensure(facts.is_complete(), SafetyRule::ComparedWhenComplete),
    }
}

/// The tables have the names that a step has for them.
pub(super) fn names_both(
    table: &CopiedTable,
    state: &SimulatedState<'_>,
) -> Result<(), SafetyRule> {
    let managed = &state.managed;
    let serving = state.copy.as_ref().map_or(Side::Source, |facts| facts.serving);
    let passive = match serving {
        Side::Source => copy_name(managed),
        Side::Partitioned => source_name(managed),
    };
    let is_named = table.managed == *managed
        && table.name_of(serving) == managed.name()
        && *table.name_of(serving.other()) == managed.sibling(passive);
    state.ensure(is_named, SafetyRule::OfTable)?;
    let owner = state.relation.as_ref().map(|relation| &relation.owner);
    state.ensure(owner == Some(&table.owner), SafetyRule::Owned)
}

pub(super) fn copy<'a>(state: &SimulatedState<'a>) -> Result<&'a CopyFacts, SafetyRule> {
    state.need(state.table.copy.as_deref(), SafetyRule::CopyExists)
}

/// Every row of the source has a place: a default partition, or a partition for each remainder. Each modulus of a hash
/// is a factor of the largest.
fn accepts_every_row(state: &ObservedTable) -> bool {
    let moduli: Vec<u64> = state.attached().filter_map(|p| modulus(&p.bounds)).collect();
    let largest = moduli.iter().copied().max().unwrap_or(0);
    let remainders: u64 = moduli.iter().filter_map(|modulus| largest.checked_div(*modulus)).sum();
    state.default_partition().is_some() || (largest > 0 && remainders >= largest)
}

fn modulus(bounds: &Bounds) -> Option<u64> {
    match bounds {
        Bounds::Hash { modulus, .. } => Some(u64::from(*modulus)),
        Bounds::Range(_) | Bounds::Default | Bounds::Other(_) => None,
    }
}
