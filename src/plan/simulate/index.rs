//! Effects of the steps on indexes.

use super::on_partition;
use crate::observed::{IndexMarker, ObservedTable, ParentIndex, PartitionIndex};
use crate::partition::{Identifier, IndexShape, QualifiedName};
use crate::plan::conversion;
use crate::plan::equivalent::attach_to_parent;
use crate::plan::step::{AttachIndex, CreateParentIndex, IndexDefinition};

/// A parent index is valid once every partition has an index that is attached to it. A partition with a pending
/// detach does not count.
pub(super) fn validate(state: &mut ObservedTable, name: &Identifier) {
    let is_it = |index: &&ParentIndex| index.name == *name && !index.valid;
    if state.indexes.iter().find(is_it).is_none() {
        return;
    }
    // The last one that was made complete is rarely the first: what comes last is asked first.
    let complete = state
        .partitions
        .iter()
        .rev()
        .filter(|p| p.state.is_attached())
        .all(|p| p.indexes.iter().any(|i| i.valid && i.of.as_ref() == Some(name)));
    for index in state.indexes.iter_mut().filter(|i| i.name == *name) {
        index.valid |= complete;
    }
    if complete {
        conversion::equivalent_completed(state, name);
    }
}

pub(super) fn attach_index(state: &mut ObservedTable, attach: &AttachIndex) {
    on_partition(state, &attach.partition, |p| {
        for found in p.indexes.iter_mut().filter(|i| i.name == attach.index) {
            attach_to_parent(found, attach.parent_index.clone());
        }
    });
    validate(state, &attach.parent_index);
}

pub(super) fn create_parent_index(state: &mut ObservedTable, create: &CreateParentIndex) {
    let CreateParentIndex { index: name, definition, settings, partitions, .. } = create;
    let is_empty = state.attached().next().is_none();
    state.taken.insert(name.clone());
    state.indexes.push(ParentIndex {
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
    state.indexes.sort_by(|a, b| a.name.cmp(&b.name));
    conversion::equivalent_created(state, definition, name);
    take_partition_indexes(state, name, partitions);
}

/// Postgres takes the first index of each partition that is equivalent and belongs to none, and leaves out
/// foreign tables.
fn take_partition_indexes(
    state: &mut ObservedTable,
    name: &Identifier,
    partitions: &[QualifiedName],
) {
    let Some(created) = state.indexes.iter().find(|i| i.name == *name).cloned() else { return };
    for partition in partitions {
        on_partition(state, partition, |p| {
            let equivalent =
                p.indexes.iter_mut().find(|i| i.of.is_none() && i.is_equivalent_to(&created));
            if let Some(equivalent) = equivalent {
                attach_to_parent(equivalent, name.clone());
            }
        });
    }
    if !partitions.is_empty() {
        let indexes = state.indexes.iter_mut();
        indexes.filter(|i| i.name == *name).for_each(|i| i.valid = true);
    }
}

pub(super) fn drop_parent_index(state: &mut ObservedTable, name: &Identifier) {
    state.taken.remove(name);
    state.indexes.retain(|i| i.name != *name);
    for partition in &mut state.partitions {
        for index in partition.indexes.iter().filter(|i| i.of.as_ref() == Some(name)) {
            state.taken.remove(&index.name);
        }
        partition.indexes.retain(|i| i.of.as_ref() != Some(name));
    }
}

pub(super) fn rename_parent_index(state: &mut ObservedTable, from: &Identifier, to: &Identifier) {
    state.taken.remove(from);
    state.taken.insert(to.clone());
    for index in state.indexes.iter_mut().filter(|i| i.name == *from) {
        index.name = to.clone();
    }
    state.indexes.sort_by(|a, b| a.name.cmp(&b.name));
    for index in state.partitions.iter_mut().flat_map(|p| &mut p.indexes) {
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
