//! What may be done to indexes.

use std::collections::BTreeMap;

use super::{attached, ensure, find};
use crate::observed::{
    ObservedPartition, ObservedTable, PartitionIndex, PartitionKind, TableIndex,
};
use crate::partition::{Identifier, IndexShape, QualifiedName};
use crate::plan::step::{BuildIndex, CreateTableIndex, DropIndex, REPLACEMENT_SUFFIX};
use crate::plan::{PlannedStep, Step};

/// For each partition and index of the spec, the last step that builds one that stands for it.
pub(super) struct Successors<'a>(BTreeMap<(&'a QualifiedName, &'a Identifier), usize>);

impl<'a> Successors<'a> {
    pub(super) fn of(steps: &'a [PlannedStep]) -> Self {
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
        world: &ObservedTable,
    ) -> Result<(), &'static str> {
        let Step::DropIndex(DropIndex { partition, index }) = step else { return Ok(()) };
        let found = find(partition, world)?.indexes.iter().find(|i| i.name == *index && i.valid);
        let Some(marker) = found.and_then(|found| found.marker.as_ref()) else { return Ok(()) };
        let comes_later = self.0.get(&(partition, &marker.index)).is_some_and(|last| *last > at);
        ensure(!comes_later, "an index is not dropped before the one that takes its place is there")
    }
}

pub(super) fn check_create(
    create: &CreateTableIndex,
    world: &ObservedTable,
) -> Result<(), &'static str> {
    check_taken(&create.partitions, &create.shape, world)?;
    ensure(create.table == world.name, "only this table's indexes are made")?;
    ensure(!world.taken.contains(&create.index), "no name is used twice")
}

/// An index that takes those of the partitions builds none under its lock.
fn check_taken(
    partitions: &[QualifiedName],
    shape: &IndexShape,
    world: &ObservedTable,
) -> Result<(), &'static str> {
    let is_equivalent =
        |i: &PartitionIndex| i.valid && i.of.is_none() && i.shape.as_ref() == Some(shape);
    let has_one = |p: &ObservedPartition| {
        p.kind == PartitionKind::Foreign || p.indexes.iter().any(is_equivalent)
    };
    let nothing_is_built = world.attached().all(|p| partitions.contains(&p.name) && has_one(p));
    ensure(partitions.is_empty() || nothing_is_built, "no index is built under a lock")
}

pub(super) fn check_attach(
    table_index: &Identifier,
    partition: &QualifiedName,
    index: &Identifier,
    world: &ObservedTable,
) -> Result<(), &'static str> {
    let partition = attached(partition, world)?;
    let found = partition.indexes.iter().find(|i| i.name == *index);
    let found = found.ok_or("the index is there")?;
    ensure(found.valid && found.of.is_none(), "the index is valid and belongs to none")?;
    ensure(self::table_index(table_index, world).is_some(), "the table has the index")
}

/// A constraint is dropped only if attaching the table creates the same one again.
pub(super) fn check_replaced(
    replaced: &[Identifier],
    unattached: &ObservedPartition,
    world: &ObservedTable,
) -> Result<(), &'static str> {
    let exclusions = world.indexes.iter().filter(|i| i.exclusion);
    let created: Vec<_> = exclusions.filter_map(|i| i.constraint.as_ref()).collect();
    let is_created_again = |name: &Identifier| {
        let index = unattached.indexes.iter().find(|i| i.name == *name);
        index.and_then(|i| i.exclusion.as_ref()).is_some_and(|own| created.contains(&own))
    };
    ensure(replaced.iter().all(is_created_again), "a constraint is replaced only by the same one")
}

pub(super) fn check_drop_spare(
    index: &Identifier,
    world: &ObservedTable,
) -> Result<(), &'static str> {
    let is_spare = index.as_str().ends_with(REPLACEMENT_SUFFIX);
    ensure(is_spare, "an index of the table goes only when another takes its place")?;
    check_drop_table_index(index, world)
}

pub(super) fn check_replace(
    index: &Identifier,
    replacement: &Identifier,
    world: &ObservedTable,
) -> Result<(), &'static str> {
    let complete = table_index(replacement, world).is_some_and(|i| i.valid);
    ensure(complete, "an index is replaced only by a complete one")?;
    check_drop_table_index(index, world)
}

fn table_index<'a>(name: &Identifier, world: &'a ObservedTable) -> Option<&'a TableIndex> {
    world.indexes.iter().find(|i| i.name == *name)
}

/// An index is dropped only where it serves nobody, or where we made it and its like is there or no
/// longer wanted.
pub(super) fn check_drop(
    partition: &QualifiedName,
    index: &Identifier,
    world: &ObservedTable,
) -> Result<(), &'static str> {
    let partition = attached(partition, world)?;
    let found = partition.indexes.iter().find(|i| i.name == *index).ok_or("the index is there")?;
    ensure(found.of.is_none(), "an index of the table is not dropped from under it")?;
    ensure(!found.constraint, "an index that serves a constraint is not dropped")?;
    ensure(found.dependents.is_empty(), "nothing is dropped that other objects depend on")?;
    ensure(!found.building, "an index somebody is building is not dropped")?;
    ensure(!found.valid || found.marker.is_some(), "a valid index that others made is not dropped")
}

fn check_drop_table_index(index: &Identifier, world: &ObservedTable) -> Result<(), &'static str> {
    let found = table_index(index, world).ok_or("the index is there")?;
    ensure(found.dependents.is_empty(), "nothing is dropped that other objects depend on")?;
    ensure(found.constraint.is_none(), "an index that serves a constraint is not dropped")
}
