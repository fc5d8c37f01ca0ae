//! Indexes of partitions that belong to an index of the table, in the model of Postgres.

use super::step::Attach;
use crate::observed::{ParentIndex, PartitionIndex};
use crate::partition::{Identifier, index_name};

/// An index that Postgres creates for one of the table with exclusion operators. Its name is Postgres' choice.
pub(super) fn created_by_attach(attach: &Attach, parent_index: &ParentIndex) -> PartitionIndex {
    PartitionIndex {
        name: index_name(
            (&attach.managed, &attach.table.name),
            &parent_index.name,
            &attach.partition.name,
        ),
        of: Some(parent_index.name.clone()),
        valid: true,
        building: false,
        constraint: false,
        exclusion: None,
        shape: None,
        definition: String::new(),
        dependents: Vec::new(),
        marker: None,
    }
}

impl PartitionIndex {
    /// Whether Postgres would make the index belong to that index of the table.
    pub(super) fn is_equivalent_to(&self, parent_index: &ParentIndex) -> bool {
        let is_equal = match (&self.shape, &parent_index.shape) {
            (Some(a), Some(b)) => a == b,
            (None, None) => self.definition == parent_index.definition,
            (Some(_), None) | (None, Some(_)) => false,
        };
        is_equal && self.valid && self.constraint == parent_index.constraint.is_some()
    }
}

pub(super) fn attach_to_parent(index: &mut PartitionIndex, to: Identifier) {
    index.of = Some(to);
    index.constraint = false;
    index.exclusion = None;
    index.shape = None;
    index.definition = String::new();
}

/// The reverse of [`attach_to_parent`].
pub(super) fn detach_from_parent(index: &mut PartitionIndex, of: &ParentIndex) {
    index.of = None;
    index.constraint = of.constraint.is_some();
    index.exclusion = of.constraint.clone().filter(|_| of.exclusion);
    index.shape.clone_from(&of.shape);
    index.definition.clone_from(&of.definition);
}
