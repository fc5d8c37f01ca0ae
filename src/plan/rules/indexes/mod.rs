//! Every index that the spec names is valid on every partition it belongs on. Others are left alone.

mod equivalents;
mod on_partitions;

use super::{Blocker, Cause, Context, Draft, Note, Step};
use crate::desired::DesiredIndex;
use crate::observed::{
    IndexSettings, ObservedPartition, ParentIndex, PartitionIndex, PartitionKind, ReplicaIdentity,
};
use crate::partition::{Identifier, QualifiedName, fit};
use crate::plan::IndexBlocker;
use crate::plan::condition::KnownCondition;
use crate::plan::limits::MAX_STEPS;
use crate::plan::step::{
    AttachIndex, CreateParentIndex, DropParentIndex, IndexDefinition, REPLACEMENT_SUFFIX,
    ReplaceParentIndex,
};
use on_partitions::{DesiredPartitionIndex, build, ensure_on_partitions};

pub(super) use equivalents::ensure_equivalents;

pub(super) fn ensure(context: &Context<'_>, draft: &mut Draft) {
    let indexes = &context.desired.indexes;
    let newest = context.range().map(|range| range.calendar.newest(indexes));
    for index in indexes {
        if let Some(column) = unknown_column(index, context) {
            let (table, index) = (draft.state.name.clone(), index.name.clone());
            draft
                .defer(None, Blocker::Index(IndexBlocker::ColumnNotFound { table, index, column }));
        } else if let Some(column) = draft.unclear_column(context, index) {
            draft.defer(
                None,
                Blocker::Index(IndexBlocker::ConditionUnclear {
                    index: index.name.clone(),
                    column,
                }),
            );
        } else if index.is_of_table() {
            ensure_of_table(index, context, draft);
        } else {
            ensure_on_partitions(index, newest.as_ref(), context, draft);
        }
    }
    if !indexes.is_empty() && !draft.has_room() {
        draft.note(Note::PlanFull { limit: MAX_STEPS });
    }
}

fn unknown_column(index: &DesiredIndex, context: &Context<'_>) -> Option<Identifier> {
    let columns = &context.relation.columns;
    index.shape.named_columns().find(|column| !columns.contains(column)).cloned()
}

/// The table has the index, and those of the partitions belong to it.
fn ensure_of_table(index: &DesiredIndex, context: &Context<'_>, draft: &mut Draft) {
    match parent_index(&index.name, draft).cloned() {
        None if equivalents::gets_name_by_cutover(&index.name, context, draft) => {}
        None if draft.is_taken(&index.name) => {
            let index = draft.state.name.sibling(index.name.clone());
            draft.defer(None, Blocker::Index(IndexBlocker::IndexNameTaken { index }));
        }
        None if foreign_partition(draft).is_some() => {
            create_beside_foreign(index, &index.name, Cause::MissingIndex, context, draft);
        }
        None => {
            create_parent_index(index, index.name.clone(), Cause::MissingIndex, draft);
            complete(index, &index.name, Cause::MissingIndex, context, draft);
        }
        Some(found)
            if found.shape.as_ref() == Some(&index.shape)
                && (found.valid || foreign_partition(draft).is_none()) =>
        {
            drop_replacement(index, draft);
            complete(index, &index.name, Cause::MissingIndex, context, draft);
        }
        Some(found) if found.constraint.is_some() || is_replica_identity(&index.name, context) => {
            let index = draft.state.name.sibling(index.name.clone());
            draft.defer(None, Blocker::Index(IndexBlocker::IndexSupportsConstraint { index }));
        }
        Some(found) if !found.dependents.is_empty() => {
            let of = draft.state.name.sibling(index.name.clone());
            draft.defer(None, Blocker::HasDependents { of, by: found.dependents });
        }
        Some(_) => replace(index, context, draft),
    }
}

/// Whether logical replication tells rows by the index.
fn is_replica_identity(index: &Identifier, context: &Context<'_>) -> bool {
    let identity = &context.relation.template.replica_identity;
    matches!(identity, ReplicaIdentity::Index(found) if found == index)
}

/// Builds a new index beside the old one, and lets it take the old one's place once it is complete.
fn replace(index: &DesiredIndex, context: &Context<'_>, draft: &mut Draft) {
    let replacement = replacement_name(index);
    if parent_index(&replacement, draft).is_some_and(|i| i.shape.as_ref() != Some(&index.shape)) {
        drop_replacement(index, draft);
    }
    if parent_index(&replacement, draft).is_none() {
        if draft.is_taken(&replacement) {
            let index = draft.state.name.sibling(replacement);
            draft.defer(None, Blocker::Index(IndexBlocker::IndexNameTaken { index }));
            return;
        }
        if foreign_partition(draft).is_some() {
            create_beside_foreign(index, &replacement, Cause::DefinitionChanged, context, draft);
        } else {
            create_parent_index(index, replacement.clone(), Cause::DefinitionChanged, draft);
        }
    }
    if parent_index(&replacement, draft).is_some() {
        complete(index, &replacement, Cause::DefinitionChanged, context, draft);
    }
    if parent_index(&replacement, draft).is_some_and(|i| i.valid) {
        let step = Step::ReplaceParentIndex(ReplaceParentIndex {
            table: draft.state.name.clone(),
            index: index.name.clone(),
            replacement,
            partitions: partitions_with_index(&index.name, draft),
        });
        draft.step(step, Cause::DefinitionChanged);
    }
}

/// Drops what an earlier run left of a replacement that is no longer needed.
fn drop_replacement(index: &DesiredIndex, draft: &mut Draft) {
    let replacement = replacement_name(index);
    let is_replacement = parent_index(&replacement, draft).is_some_and(|i| i.constraint.is_none());
    if is_replacement {
        let step = Step::DropParentIndex(DropParentIndex {
            table: draft.state.name.clone(),
            partitions: partitions_with_index(&replacement, draft),
            index: replacement,
        });
        draft.step(step, Cause::Leftover);
    }
}

fn replacement_name(index: &DesiredIndex) -> Identifier {
    fit(index.name.as_str(), REPLACEMENT_SUFFIX)
}

fn create_parent_index(index: &DesiredIndex, name: Identifier, cause: Cause, draft: &mut Draft) {
    let table = draft.state.name.clone();
    let definition = IndexDefinition::Shape(index.shape.clone());
    let (settings, partitions) = (IndexSettings::default(), Vec::new());
    let create = CreateParentIndex { table, index: name, definition, settings, partitions };
    draft.step(Step::CreateParentIndex(create), cause);
}

fn foreign_partition(draft: &Draft) -> Option<&ObservedPartition> {
    draft.state.attached().find(|p| p.kind == PartitionKind::ForeignTable)
}

/// Builds the index on each partition first, and lets the table's take these: beside a foreign partition an
/// index that is created on the table alone never becomes valid.
fn create_beside_foreign(
    index: &DesiredIndex,
    name: &Identifier,
    cause: Cause,
    context: &Context<'_>,
    draft: &mut Draft,
) {
    let foreign = foreign_partition(draft).map(|p| (p.name.clone(), p.kind));
    if let Some((partition, kind)) = foreign.filter(|_| index.shape.unique) {
        return draft.defer(
            None,
            Blocker::Index(IndexBlocker::CannotBuildConcurrently { partition, kind }),
        );
    }
    let attached: Vec<_> = draft.state.attached().cloned().collect();
    let mut is_complete = true;
    for partition in attached.iter().filter(|p| p.kind != PartitionKind::ForeignTable) {
        is_complete &= equivalent(index, partition).is_some()
            || draft.has_room()
                && build(
                    &DesiredPartitionIndex::of(index, (name, None), context, draft),
                    partition,
                    cause,
                    draft,
                )
                .is_some();
    }
    if is_complete {
        let step = Step::CreateParentIndex(CreateParentIndex {
            table: draft.state.name.clone(),
            index: name.clone(),
            definition: IndexDefinition::Shape(index.shape.clone()),
            settings: IndexSettings::default(),
            partitions: attached.into_iter().map(|p| p.name).collect(),
        });
        draft.step(step, cause);
    }
}

/// The index of a partition that can belong to the table's.
fn equivalent<'a>(
    index: &DesiredIndex,
    partition: &'a ObservedPartition,
) -> Option<&'a PartitionIndex> {
    let known = KnownCondition::from_index(index);
    partition.indexes.iter().find(|i| {
        let stands_for_another = i.marker.as_ref().is_some_and(|m| m.index != index.name);
        let is_free = i.of.is_none() && !i.constraint && !stands_for_another;
        i.valid && is_free && i.is_like(index, &known)
    })
}

/// Gives every partition an index that belongs to the table's.
fn complete(
    index: &DesiredIndex,
    of: &Identifier,
    cause: Cause,
    context: &Context<'_>,
    draft: &mut Draft,
) {
    let lacks = |partition: &&ObservedPartition| {
        partition.state.is_attached()
            && partition.kind != PartitionKind::ForeignTable
            && !partition.indexes.iter().any(|i| i.of.as_ref() == Some(of))
    };
    for at in 0..draft.state.partitions.len() {
        if !draft.has_room() {
            return;
        }
        let partition = draft.state.partitions.get(at).filter(lacks).cloned();
        let Some(partition) = partition else { continue };
        let name = if let Some(equivalent) = equivalent(index, &partition) {
            Some(equivalent.name.clone())
        } else {
            let wanted = DesiredPartitionIndex::of(index, (of, None), context, draft);
            build(&wanted, &partition, cause, draft)
        };
        if let Some(name) = name {
            let step = Step::AttachIndex(AttachIndex {
                table: draft.state.name.clone(),
                parent_index: of.clone(),
                partition: partition.name.clone(),
                index: name,
            });
            draft.step(step, cause);
        }
    }
}

pub(super) fn parent_index<'a>(name: &Identifier, draft: &'a Draft) -> Option<&'a ParentIndex> {
    draft.state.indexes.iter().find(|index| index.name == *name)
}

/// The partitions with an index that belongs to the table's.
fn partitions_with_index(parent_index: &Identifier, draft: &Draft) -> Vec<QualifiedName> {
    draft
        .state
        .partitions
        .iter()
        .filter(|p| p.indexes.iter().any(|i| i.of.as_ref() == Some(parent_index)))
        .map(|p| p.name.clone())
        .collect()
}
