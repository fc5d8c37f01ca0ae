//! Rules for steps on indexes.

use std::collections::BTreeMap;

use super::attach::{check_drop_index, is_plain};
use super::site::Site;
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
    pub(super) fn come_first(
        &self,
        step: &Step,
        at: usize,
        world: &Site<'_>,
    ) -> Result<(), SafetyRule> {
        let Step::DropIndex(DropIndex { partition, index, .. }) = step else { return Ok(()) };
        if is_plain(partition, world) {
            return Ok(());
        }
        let found = find(partition, world)?.indexes.iter().find(|i| i.name == *index && i.valid);
        let Some(marker) = found.and_then(|found| found.marker.as_ref()) else { return Ok(()) };
        let comes_later = self.0.get(&(partition, &marker.index)).is_some_and(|last| *last > at);
        world.ensure(!comes_later, SafetyRule::SuccessorFirst)
    }
}

pub(super) fn check_create(create: &CreateParentIndex, world: &Site<'_>) -> Result<(), SafetyRule> {
    check_taken(&create.partitions, create.definition.shape(), world)?;
    world.ensure(create.table == world.name, SafetyRule::OfTable)?;
    world.ensure(!world.taken.contains(&create.index), SafetyRule::UnusedName)
}

/// An index that takes those of the partitions builds none under its lock.
fn check_taken(
    partitions: &[QualifiedName],
    shape: Option<&IndexShape>,
    world: &Site<'_>,
) -> Result<(), SafetyRule> {
    let is_equivalent = |i: &PartitionIndex| {
        i.valid && i.of.is_none() && shape.is_some() && i.shape.as_ref() == shape
    };
    let has_one = |p: &ObservedPartition| {
        p.kind == PartitionKind::ForeignTable || p.indexes.iter().any(is_equivalent)
    };
    let nothing_is_built = world.attached().all(|p| partitions.contains(&p.name) && has_one(p));
    world.ensure(partitions.is_empty() || nothing_is_built, SafetyRule::NoBuildUnderLock)
}

pub(super) fn check_build(build: &BuildIndex, world: &Site<'_>) -> Result<(), SafetyRule> {
    if !is_plain(&build.partition, world) {
        attached(&build.partition, world)?;
    }
    world.ensure(!world.taken.contains(&build.index), SafetyRule::UnusedName)
}

pub(super) fn check_attach(attach: &AttachIndex, world: &Site<'_>) -> Result<(), SafetyRule> {
    let partition = attached(&attach.partition, world)?;
    let found = partition.indexes.iter().find(|i| i.name == attach.index);
    let found = world.need(found, SafetyRule::IndexExists)?;
    world.ensure(found.valid && found.of.is_none(), SafetyRule::ValidFreeIndex)?;
    world.ensure(table_index(&attach.table_index, world).is_some(), SafetyRule::IndexExists)
}

/// A constraint is dropped only if attaching the table creates the same one again.
pub(super) fn check_replaced(
    replaced: &[Identifier],
    unattached: &ObservedPartition,
    world: &Site<'_>,
) -> Result<(), SafetyRule> {
    let exclusions = world.indexes.iter().filter(|i| i.exclusion);
    let created: Vec<_> = exclusions.filter_map(|i| i.constraint.as_ref()).collect();
    let is_created_again = |name: &Identifier| {
        let index = unattached.indexes.iter().find(|i| i.name == *name);
        index.and_then(|i| i.exclusion.as_ref()).is_some_and(|own| created.contains(&own))
    };
    world.ensure(replaced.iter().all(is_created_again), SafetyRule::SameConstraint)
}

pub(super) fn check_drop_spare(index: &Identifier, world: &Site<'_>) -> Result<(), SafetyRule> {
    let is_spare = index.as_str().ends_with(REPLACEMENT_SUFFIX);
    world.ensure(is_spare, SafetyRule::SpareIndexOnly)?;
    check_drop_table_index(index, world)
}

pub(super) fn check_replace(
    replace: &ReplaceParentIndex,
    world: &Site<'_>,
) -> Result<(), SafetyRule> {
    let complete = table_index(&replace.replacement, world).is_some_and(|i| i.valid);
    world.ensure(complete, SafetyRule::CompleteReplacement)?;
    check_drop_table_index(&replace.index, world)
}

fn table_index<'a>(name: &Identifier, world: &Site<'a>) -> Option<&'a ParentIndex> {
    world.world.indexes.iter().find(|i| i.name == *name)
}

/// Checks that a dropped index is unused, or that the operator built it and an equivalent one exists or is no
/// longer declared.
pub(super) fn check_drop(drop: &DropIndex, world: &Site<'_>) -> Result<(), SafetyRule> {
    if is_plain(&drop.partition, world) {
        return check_drop_index(drop, world);
    }
    let partition = attached(&drop.partition, world)?;
    let named = |name: &Identifier| partition.indexes.iter().find(|i| i.name == *name);
    let found = world.need(named(&drop.index), SafetyRule::IndexExists)?;
    let is_built = |successor: &Identifier| {
        *successor != drop.index && named(successor).is_some_and(|i| i.valid)
    };
    world.ensure(drop.successor.as_ref().is_none_or(is_built), SafetyRule::SuccessorFirst)?;
    world.ensure(found.of.is_none(), SafetyRule::NotOfParent)?;
    world.ensure(!found.constraint, SafetyRule::NoConstraintIndex)?;
    world.ensure(found.dependents.is_empty(), SafetyRule::NoDependents)?;
    world.ensure(!found.building, SafetyRule::NoRunningBuild)?;
    world.ensure(!found.valid || found.marker.is_some(), SafetyRule::OwnIndexOnly)
}

fn check_drop_table_index(index: &Identifier, world: &Site<'_>) -> Result<(), SafetyRule> {
    let found = world.need(table_index(index, world), SafetyRule::IndexExists)?;
    world.ensure(found.dependents.is_empty(), SafetyRule::NoDependents)?;
    world.ensure(found.constraint.is_none(), SafetyRule::NoConstraintIndex)
}
