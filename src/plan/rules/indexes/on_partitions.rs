//! Indexes of partitions: those that stand by themselves, and how one is built while its partition is in use.

use super::{Blocker, Cause, Context, Draft, Step, parent_index};
use crate::desired::{DesiredIndex, OnPartitions};
use crate::observed::{IndexSettings, ObservedPartition, PartitionIndex, PartitionKind};
use crate::partition::{Bounds, Identifier, index_name, unused};
use crate::plan::IndexBlocker;
use crate::plan::calendar::Newest;
use crate::plan::limits::MAX_STEPS;
use crate::plan::step::{BuildIndex, DropIndex, IndexDefinition};

impl Draft {
    /// Returns whether the plan has room for more steps of indexes.
    pub(super) fn has_room(&self) -> bool {
        self.steps.len() < MAX_STEPS
    }
}

/// Each partition the index belongs on has one of its own, and no other has.
pub(super) fn ensure_on_partitions(
    index: &DesiredIndex,
    newest: Option<&Newest>,
    context: &Context<'_>,
    draft: &mut Draft,
) {
    let is_marked = |i: &&PartitionIndex| {
        i.of.is_none() && i.marker.as_ref().is_some_and(|m| m.index == index.name)
    };
    let known = draft.condition_of(context, index);
    for at in 0..draft.state.partitions.len() {
        let is_attached =
            |p: &&ObservedPartition| p.state.is_attached() && p.kind != PartitionKind::ForeignTable;
        let Some(partition) = draft.state.partitions.get(at).filter(is_attached) else { continue };
        let good = partition.indexes.iter().find(|i| i.valid && i.is_like(index, &known));
        let wanted = belongs_on(index, partition, newest);
        let is_old = |i: &PartitionIndex| is_marked(&i) && !(wanted && i.is_like(index, &known));
        let has_work = (wanted && good.is_none()) || partition.indexes.iter().any(is_old);
        if !(has_work && draft.has_room()) {
            continue;
        }
        let mut successor = good.map(|index| index.name.clone()).filter(|_| wanted);
        let partition = partition.clone();
        if wanted && successor.is_none() {
            let other = partition.indexes.iter().any(|i| i.valid && is_marked(&i));
            let cause = if other { Cause::DefinitionChanged } else { Cause::MissingIndex };
            let of = (&index.name, Some(&index.name));
            let wanted = DesiredPartitionIndex::of(index, of, context, draft);
            successor = build(&wanted, &partition, cause, draft);
        }
        let old: Vec<_> = partition
            .indexes
            .iter()
            .filter(is_marked)
            .filter(|i| {
                !i.building && (!wanted || (successor.is_some() && !i.is_like(index, &known)))
            })
            .map(|i| (i.name.clone(), i.dependents.clone()))
            .collect();
        let cause = if wanted { Cause::DefinitionChanged } else { Cause::NoLongerNewest };
        for (index, dependents) in old {
            let of = partition.name.sibling(index.clone());
            let (partition, successor) = (partition.name.clone(), successor.clone());
            let step = Step::DropIndex(DropIndex { partition, index, successor });
            match Blocker::from_dependents(of, &dependents) {
                None => draft.step(step, cause),
                Some(blocker) => draft.defer(Some(step), blocker),
            }
        }
    }
}

fn belongs_on(
    index: &DesiredIndex,
    partition: &ObservedPartition,
    newest: Option<&Newest>,
) -> bool {
    match (index.on, &partition.bounds) {
        (OnPartitions::All, _) => true,
        (OnPartitions::Newest(periods), Bounds::Range(of)) => {
            newest.is_some_and(|newest| newest.contains(of.range, periods))
        }
        (OnPartitions::Newest(_), Bounds::Hash { .. } | Bounds::Default | Bounds::Other(_)) => {
            false
        }
    }
}

/// Index that partitions must have.
pub(super) struct DesiredPartitionIndex<'a> {
    /// The index of the table to which those of the partitions will belong, or the name in the spec.
    pub(super) of: &'a Identifier,
    /// The name in the spec, if it stands by itself.
    pub(super) stands_for: Option<&'a Identifier>,
    /// Definition of the index.
    pub(super) definition: IndexDefinition,
    /// The properties that its definition does not have.
    pub(super) settings: IndexSettings,
}

impl<'a> DesiredPartitionIndex<'a> {
    /// Returns an index of the spec.
    pub(super) fn of(
        index: &DesiredIndex,
        (of, stands_for): (&'a Identifier, Option<&'a Identifier>),
        context: &Context<'_>,
        draft: &Draft,
    ) -> Self {
        let settings = IndexSettings {
            operators: draft.condition_of(context, index).operators,
            ..parent_index(of, draft).map(|of| of.settings.clone()).unwrap_or_default()
        };
        let definition = IndexDefinition::Shape(index.shape.clone());
        Self { of, stands_for, definition, settings }
    }

    /// Returns the name that the index of a partition has, if it is not taken.
    pub(super) fn name_on(&self, partition: &ObservedPartition, draft: &Draft) -> Identifier {
        let stems = (&draft.state.managed, &draft.state.name.name);
        index_name(stems, self.of, &partition.name.name)
    }
}

/// Builds an index on a partition, after clearing away what is left of an earlier attempt. None
/// where it cannot be.
pub(super) fn build(
    index: &DesiredPartitionIndex<'_>,
    partition: &ObservedPartition,
    cause: Cause,
    draft: &mut Draft,
) -> Option<Identifier> {
    let wanted = index.name_on(partition, draft);
    let left = |name: &Identifier| {
        partition.indexes.iter().find(|i| !i.valid && i.of.is_none() && i.name == *name)
    };
    let name = unused(&wanted, |name| draft.is_taken(name) && left(name).is_none());
    let leftover = left(&name);
    let step = Step::BuildIndex(BuildIndex {
        partition: partition.name.clone(),
        index: name.clone(),
        definition: index.definition.clone(),
        settings: index.settings.clone(),
        stands_for: index.stands_for.cloned(),
    });
    if let Some(blocker) = build_blocker(partition, leftover) {
        draft.defer(Some(step), blocker);
        return None;
    }
    if let Some(leftover) = leftover {
        let (partition, index) = (partition.name.clone(), leftover.name.clone());
        let drop = DropIndex { partition, index, successor: None };
        draft.step(Step::DropIndex(drop), Cause::InvalidIndex);
    }
    draft.step(step, cause);
    Some(name)
}

fn build_blocker(
    partition: &ObservedPartition,
    leftover: Option<&PartitionIndex>,
) -> Option<Blocker> {
    let name = partition.name.clone();
    if partition.kind != PartitionKind::Table {
        return Some(Blocker::Index(IndexBlocker::CannotBuildConcurrently {
            partition: name,
            kind: partition.kind,
        }));
    }
    if !partition.owned {
        return Some(Blocker::not_owner_of(partition));
    }
    let building = leftover.filter(|index| index.building)?;
    Some(Blocker::Index(IndexBlocker::IndexBuilding { index: name.sibling(building.name.clone()) }))
}
