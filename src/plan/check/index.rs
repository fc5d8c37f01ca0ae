//! Rules for steps on indexes.

use std::collections::BTreeMap;

use super::attach::{check_drop_index, is_plain};
use super::simulated_state::SimulatedState;
use super::{SafetyRule, attached, find};
use crate::observed::{ObservedPartition, ParentIndex, PartitionIndex, PartitionKind};
use crate::partition::{Identifier, IndexShape, QualifiedName};
use crate::plan::step::{
    AttachIndex, BuildIndex, CreateParentIndex, DropIndex, REPLACEMENT_SUFFIX, ReplaceParentIndex,
};
use crate::plan::{PlannedStep, Step};

/// For each partition and index of the spec, the last step that builds one that stands for it.
pub(super) struct Successors<'a>(BTreeMap<(&'a QualifiedName, &'a Identifier), usize>);

impl<'a> Successors<'a> {
    pub(super) fn from_steps(steps: &'a [PlannedStep]) -> Self {
        let mut last = BTreeMap::new();
        for (at, planned) in steps.iter().enumerate() {
            if let Step::BuildIndex(BuildIndex { partition, stands_for: Some(name), .. }) =
                &planned.step
            {
                last.insert((partition, name), at);
            }
        }
        Self(last)
    }

    /// An index that works is not dropped while the one that will stand for the same name is still to
    /// come.
    pub(super) fn precede(
        &self,
        step: &Step,
        at: usize,
        state: &SimulatedState<'_>,
    ) -> Result<(), SafetyRule> {
        let Step::DropIndex(DropIndex { partition, index, .. }) = step else { return Ok(()) };
        if is_plain(partition, state) {
            return Ok(());
        }
        let found = find(partition, state)?.indexes.iter().find(|i| i.name == *index && i.valid);
        let Some(marker) = found.and_then(|found| found.marker.as_ref()) else { return Ok(()) };
        let comes_later = self.0.get(&(partition, &marker.index)).is_some_and(|last| *last > at);
        state.ensure(!comes_later, SafetyRule::SuccessorFirst)
    }
}

pub(super) fn check_create(
    create: &CreateParentIndex,
    state: &SimulatedState<'_>,
) -> Result<(), SafetyRule> {
    check_taken(&create.partitions, create.definition.shape(), state)?;
    state.ensure(create.table == state.name, SafetyRule::OfTable)?;
    state.ensure(!state.taken.contains(&create.index), SafetyRule::UnusedName)
}

/// An index that takes those of the partitions builds none under its lock.
fn check_taken(
    partitions: &[QualifiedName],
    shape: Option<&IndexShape>,
    state: &SimulatedState<'_>,
) -> Result<(), SafetyRule> {
    let is_equivalent = |i: &PartitionIndex| {
        i.valid && i.of.is_none() && shape.is_some() && i.shape.as_ref() == shape
    };
    let has_one = |p: &ObservedPartition| {
        p.kind == PartitionKind::ForeignTable || p.indexes.iter().any(is_equivalent)
    };
    let nothing_is_built = state.attached().all(|p| partitions.contains(&p.name) && has_one(p));
    state.ensure(partitions.is_empty() || nothing_is_built, SafetyRule::NoBuildUnderLock)
}

pub(super) fn check_build(
    build: &BuildIndex,
    state: &SimulatedState<'_>,
) -> Result<(), SafetyRule> {
    if !is_plain(&build.partition, state) {
        attached(&build.partition, state)?;
    }
    state.ensure(!state.taken.contains(&build.index), SafetyRule::UnusedName)
}

pub(super) fn check_attach(
    attach: &AttachIndex,
    state: &SimulatedState<'_>,
) -> Result<(), SafetyRule> {
    let partition = attached(&attach.partition, state)?;
    let found = partition.indexes.iter().find(|i| i.name == attach.index);
    let found = state.need(found, SafetyRule::IndexExists)?;
    state.ensure(found.valid && found.of.is_none(), SafetyRule::ValidFreeIndex)?;
    state.ensure(parent_index(&attach.parent_index, state).is_some(), SafetyRule::IndexExists)
}

/// A constraint is dropped only if attaching the table creates the same one again.
pub(super) fn check_replaced(
    replaced: &[Identifier],
    unattached: &ObservedPartition,
    state: &SimulatedState<'_>,
) -> Result<(), SafetyRule> {
    let exclusions = state.indexes.iter().filter(|i| i.exclusion);
    let created: Vec<_> = exclusions.filter_map(|i| i.constraint.as_ref()).collect();
    let is_created_again = |name: &Identifier| {
        let index = unattached.indexes.iter().find(|i| i.name == *name);
        index.and_then(|i| i.exclusion.as_ref()).is_some_and(|own| created.contains(&own))
    };
    state.ensure(replaced.iter().all(is_created_again), SafetyRule::SameConstraint)
}

pub(super) fn check_drop_spare(
    index: &Identifier,
    state: &SimulatedState<'_>,
) -> Result<(), SafetyRule> {
    let is_spare = index.as_str().ends_with(REPLACEMENT_SUFFIX);
    state.ensure(is_spare, SafetyRule::SpareIndexOnly)?;
    check_drop_table_index(index, state)
}

pub(super) fn check_replace(
    replace: &ReplaceParentIndex,
    state: &SimulatedState<'_>,
) -> Result<(), SafetyRule> {
    let complete = parent_index(&replace.replacement, state).is_some_and(|i| i.valid);
    state.ensure(complete, SafetyRule::CompleteReplacement)?;
    check_drop_table_index(&replace.index, state)
}

fn parent_index<'a>(name: &Identifier, state: &SimulatedState<'a>) -> Option<&'a ParentIndex> {
    state.table.indexes.iter().find(|i| i.name == *name)
}

/// Checks that a dropped index is unused, or that the operator built it and an equivalent one exists or is no
/// longer declared.
pub(super) fn check_drop(drop: &DropIndex, state: &SimulatedState<'_>) -> Result<(), SafetyRule> {
    if is_plain(&drop.partition, state) {
        return check_drop_index(drop, state);
    }
    let partition = attached(&drop.partition, state)?;
    let named = |name: &Identifier| partition.indexes.iter().find(|i| i.name == *name);
    let found = state.need(named(&drop.index), SafetyRule::IndexExists)?;
    let is_built = |successor: &Identifier| {
        *successor != drop.index && named(successor).is_some_and(|i| i.valid)
    };
    state.ensure(drop.successor.as_ref().is_none_or(is_built), SafetyRule::SuccessorFirst)?;
    state.ensure(found.of.is_none(), SafetyRule::NotOfParent)?;
    state.ensure(!found.constraint, SafetyRule::NoConstraintIndex)?;
    state.ensure(found.dependents.is_empty(), SafetyRule::NoDependents)?;
    state.ensure(!found.building, SafetyRule::NoRunningBuild)?;
    state.ensure(!found.valid || found.marker.is_some(), SafetyRule::OwnIndexOnly)
}

fn check_drop_table_index(
    index: &Identifier,
    state: &SimulatedState<'_>,
) -> Result<(), SafetyRule> {
    let found = state.need(parent_index(index, state), SafetyRule::IndexExists)?;
    state.ensure(found.dependents.is_empty(), SafetyRule::NoDependents)?;
    state.ensure(found.constraint.is_none(), SafetyRule::NoConstraintIndex)
}
