//! Effects of the steps on indexes.

use super::on;
use crate::observed::{IndexMarker, ObservedTable, ParentIndex, PartitionIndex};
use crate::partition::{Identifier, IndexShape, QualifiedName};
use crate::plan::conversion;
use crate::plan::equivalent::belong;
use crate::plan::step::{AttachIndex, CreateParentIndex, IndexDefinition};

/// A parent index is valid once every partition has an index that is attached to it. A partition with a pending
/// detach does not count.
pub(super) fn validate(world: &mut ObservedTable, name: &Identifier) {
    let is_it = |index: &&ParentIndex| index.name == *name && !index.valid;
    if world.indexes.iter().find(is_it).is_none() {
        return;
    }
    // The last one that was made complete is rarely the first: what comes last is asked first.
    let complete = world
        .partitions
        .iter()
        .rev()
        .filter(|p| p.state.is_attached())
        .all(|p| p.indexes.iter().any(|i| i.valid && i.of.as_ref() == Some(name)));
    for index in world.indexes.iter_mut().filter(|i| i.name == *name) {
        index.valid |= complete;
    }
    if complete {
        conversion::twin_completed(world, name);
    }
}

pub(super) fn attach_index(world: &mut ObservedTable, attach: &AttachIndex) {
    on(world, &attach.partition, |p| {
        for found in p.indexes.iter_mut().filter(|i| i.name == attach.index) {
            belong(found, attach.table_index.clone());
        }
    });
    validate(world, &attach.table_index);
}

pub(super) fn create_table_index(world: &mut ObservedTable, create: &CreateParentIndex) {
    let CreateParentIndex { index: name, definition, settings, partitions, .. } = create;
    let is_empty = world.attached().next().is_none();
    world.taken.insert(name.clone());
    world.indexes.push(ParentIndex {
        name: name.clone(),
        valid: is_empty,
        shape: definition.shape().cloned(),
        definition: definition.catalog_text(),
        unique: definition.is_unique(),
        constraint: None,
        dependents: Vec::new(),
        exclusion: false,
        settings: settings.clone(),
    });
    world.indexes.sort_by(|a, b| a.name.cmp(&b.name));
    conversion::twin_created(world, definition, name);
    take_partition_indexes(world, name, partitions);
}

/// Postgres takes the first index of each partition that is equivalent and belongs to none, and leaves out
/// foreign tables.
fn take_partition_indexes(
    world: &mut ObservedTable,
    name: &Identifier,
    partitions: &[QualifiedName],
) {
    let Some(created) = world.indexes.iter().find(|i| i.name == *name).cloned() else { return };
    for partition in partitions {
        on(world, partition, |p| {
            let equivalent =
                p.indexes.iter_mut().find(|i| i.of.is_none() && i.is_equivalent_to(&created));
            if let Some(equivalent) = equivalent {
                belong(equivalent, name.clone());
            }
        });
    }
    if !partitions.is_empty() {
        let indexes = world.indexes.iter_mut();
        indexes.filter(|i| i.name == *name).for_each(|i| i.valid = true);
    }
}

pub(super) fn drop_table_index(world: &mut ObservedTable, name: &Identifier) {
    world.taken.remove(name);
    world.indexes.retain(|i| i.name != *name);
    for partition in &mut world.partitions {
        for index in partition.indexes.iter().filter(|i| i.of.as_ref() == Some(name)) {
            world.taken.remove(&index.name);
        }
        partition.indexes.retain(|i| i.of.as_ref() != Some(name));
    }
}

pub(super) fn rename_table_index(world: &mut ObservedTable, from: &Identifier, to: &Identifier) {
    world.taken.remove(from);
    world.taken.insert(to.clone());
    for index in world.indexes.iter_mut().filter(|i| i.name == *from) {
        index.name = to.clone();
    }
    world.indexes.sort_by(|a, b| a.name.cmp(&b.name));
    for index in world.partitions.iter_mut().flat_map(|p| &mut p.indexes) {
        if index.of.as_ref() == Some(from) {
            index.of = Some(to.clone());
        }
    }
}

pub(super) fn built(
    name: &Identifier,
    definition: &IndexDefinition,
    stands_for: Option<&Identifier>,
) -> PartitionIndex {
    let digest = definition.shape().map(IndexShape::digest);
    PartitionIndex {
        name: name.clone(),
        of: None,
        valid: true,
        building: false,
        constraint: false,
        exclusion: None,
        shape: definition.shape().cloned(),
        definition: definition.catalog_text(),
        dependents: Vec::new(),
        marker: stands_for
            .zip(digest)
            .map(|(index, digest)| IndexMarker { index: index.clone(), digest }),
    }
}
