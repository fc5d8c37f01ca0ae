//! Every index that the spec names is valid on every partition it belongs on. Others are left alone.

use super::{Blocker, Cause, Draft, Moment, Step};
use crate::desired::{DesiredIndex, DesiredTable, OnPartitions, Partitioning};
use crate::observed::{
    Attachment, IndexSettings, ObservedPartition, PartitionIndex, PartitionKind, ReplicaIdentity,
    TableIndex,
};
use crate::partition::{Bounds, Identifier, QualifiedName, fit, index_name, unused};
use crate::plan::condition::KnownCondition;
use crate::plan::refute::range_key;
use crate::plan::step::REPLACEMENT_SUFFIX;
use crate::plan::window::{Newest, Window};

/// The steps of a plan after which no more is planned for indexes.
const MAX_STEPS: usize = 10_000;

pub(super) fn ensure(desired: &DesiredTable, moment: &Moment, draft: &mut Draft) {
    let window = match &desired.partitioning {
        Partitioning::Range(range) => {
            range_key(&draft.world).and_then(|key| Window::new(range, key, &draft.world, moment))
        }
        Partitioning::Hash(_) => None,
    };
    let newest = window.map(|window| window.newest(&desired.indexes));
    for index in &desired.indexes {
        if let Some(column) = unknown_column(index, draft) {
            let (table, index) = (draft.world.name.clone(), index.name.clone());
            draft.defer(None, Blocker::NoSuchColumn { table, index, column });
        } else if let Some(column) = draft.unclear_column(index) {
            draft.defer(None, Blocker::ConditionUnclear { index: index.name.clone(), column });
        } else if index.is_of_table() {
            ensure_of_table(index, draft);
        } else {
            ensure_on_partitions(index, newest.as_ref(), draft);
        }
    }
}

fn unknown_column(index: &DesiredIndex, draft: &Draft) -> Option<Identifier> {
    let columns = &draft.world.relation.as_ref()?.columns;
    index.shape.named_columns().find(|column| !columns.contains(column)).cloned()
}

/// The table has the index, and those of the partitions belong to it.
fn ensure_of_table(index: &DesiredIndex, draft: &mut Draft) {
    match table_index(&index.name, draft).cloned() {
        None if draft.is_taken(&index.name) => {
            let index = draft.world.name.sibling(index.name.clone());
            draft.defer(None, Blocker::IndexNameTaken { index });
        }
        None if foreign_partition(draft).is_some() => {
            create_beside_foreign(index, &index.name, Cause::MissingIndex, draft);
        }
        None => {
            create_table_index(index, index.name.clone(), Cause::MissingIndex, draft);
            complete(index, &index.name, Cause::MissingIndex, draft);
        }
        Some(found)
            if found.shape.as_ref() == Some(&index.shape)
                && (found.valid || foreign_partition(draft).is_none()) =>
        {
            drop_replacement(index, draft);
            complete(index, &index.name, Cause::MissingIndex, draft);
        }
        Some(found) if found.constraint.is_some() || is_replica_identity(&index.name, draft) => {
            let index = draft.world.name.sibling(index.name.clone());
            draft.defer(None, Blocker::IndexServesConstraint { index });
        }
        Some(found) if !found.dependents.is_empty() => {
            let of = draft.world.name.sibling(index.name.clone());
            draft.defer(None, Blocker::HasDependents { of, by: found.dependents });
        }
        Some(_) => replace(index, draft),
    }
}

/// Whether logical replication tells rows by the index.
fn is_replica_identity(index: &Identifier, draft: &Draft) -> bool {
    let identity = draft.world.relation.as_ref().map(|r| &r.template.replica_identity);
    matches!(identity, Some(ReplicaIdentity::Index(found)) if found == index)
}

/// Builds a new index beside the old one, and lets it take the old one's place once it is complete.
fn replace(index: &DesiredIndex, draft: &mut Draft) {
    let replacement = replacement_name(index);
    if table_index(&replacement, draft).is_some_and(|i| i.shape.as_ref() != Some(&index.shape)) {
        drop_replacement(index, draft);
    }
    if table_index(&replacement, draft).is_none() {
        if draft.is_taken(&replacement) {
            let index = draft.world.name.sibling(replacement);
            draft.defer(None, Blocker::IndexNameTaken { index });
            return;
        }
        if foreign_partition(draft).is_some() {
            create_beside_foreign(index, &replacement, Cause::OtherDefinition, draft);
        } else {
            create_table_index(index, replacement.clone(), Cause::OtherDefinition, draft);
        }
    }
    if table_index(&replacement, draft).is_some() {
        complete(index, &replacement, Cause::OtherDefinition, draft);
    }
    if table_index(&replacement, draft).is_some_and(|i| i.valid) {
        let step = Step::ReplaceTableIndex {
            table: draft.world.name.clone(),
            index: index.name.clone(),
            replacement,
            partitions: carriers_of(&index.name, draft),
        };
        draft.step(step, Cause::OtherDefinition);
    }
}

/// What an earlier run left of a replacement that nothing needs any more.
fn drop_replacement(index: &DesiredIndex, draft: &mut Draft) {
    let replacement = replacement_name(index);
    let is_ours = table_index(&replacement, draft).is_some_and(|i| i.constraint.is_none());
    if is_ours {
        let step = Step::DropTableIndex {
            table: draft.world.name.clone(),
            partitions: carriers_of(&replacement, draft),
            index: replacement,
        };
        draft.step(step, Cause::Leftover);
    }
}

fn replacement_name(index: &DesiredIndex) -> Identifier {
    fit(index.name.as_str(), REPLACEMENT_SUFFIX)
}

fn create_table_index(index: &DesiredIndex, name: Identifier, because: Cause, draft: &mut Draft) {
    let table = draft.world.name.clone();
    let shape = index.shape.clone();
    let partitions = Vec::new();
    draft.step(Step::CreateTableIndex { table, index: name, shape, partitions }, because);
}

fn foreign_partition(draft: &Draft) -> Option<&ObservedPartition> {
    draft.world.attached().find(|p| p.kind == PartitionKind::Foreign)
}

/// Builds the index on each partition first, and lets the table's take these: beside a foreign partition an
/// index that is created on the table alone never becomes valid.
fn create_beside_foreign(
    index: &DesiredIndex,
    name: &Identifier,
    because: Cause,
    draft: &mut Draft,
) {
    let foreign = foreign_partition(draft).map(|p| (p.name.clone(), p.kind));
    if let Some((partition, kind)) = foreign.filter(|_| index.shape.unique) {
        return draft.defer(None, Blocker::NoConcurrentBuild { partition, kind });
    }
    let attached: Vec<_> = draft.world.attached().cloned().collect();
    let mut is_complete = true;
    for partition in attached.iter().filter(|p| p.kind != PartitionKind::Foreign) {
        is_complete &= equivalent(index, partition).is_some()
            || draft.has_room() && build(index, name, partition, because, None, draft).is_some();
    }
    if is_complete {
        let step = Step::CreateTableIndex {
            table: draft.world.name.clone(),
            index: name.clone(),
            shape: index.shape.clone(),
            partitions: attached.into_iter().map(|p| p.name).collect(),
        };
        draft.step(step, because);
    }
}

/// The index of a partition that can belong to the table's.
fn equivalent<'a>(
    index: &DesiredIndex,
    partition: &'a ObservedPartition,
) -> Option<&'a PartitionIndex> {
    let known = KnownCondition::of_table(index);
    partition.indexes.iter().find(|i| {
        let stands_for_another = i.marker.as_ref().is_some_and(|m| m.index != index.name);
        let is_free = i.of.is_none() && !i.constraint && !stands_for_another;
        i.valid && is_free && i.is_like(index, &known)
    })
}

impl Draft {
    /// Returns whether the plan has room for more steps of indexes: the next run plans the rest. A plan for
    /// every index on every partition would take longer to compute, check, and read than any run lasts.
    fn has_room(&self) -> bool {
        self.steps.len() < MAX_STEPS
    }
}

/// Gives every partition an index that belongs to the table's.
fn complete(index: &DesiredIndex, of: &Identifier, because: Cause, draft: &mut Draft) {
    let lacks = |partition: &&ObservedPartition| {
        partition.attachment == Attachment::Attached
            && partition.kind != PartitionKind::Foreign
            && !partition.indexes.iter().any(|i| i.of.as_ref() == Some(of))
    };
    for at in 0..draft.world.partitions.len() {
        if !draft.has_room() {
            return;
        }
        let partition = draft.world.partitions.get(at).filter(lacks).cloned();
        let Some(partition) = partition else { continue };
        let name = match equivalent(index, &partition) {
            Some(twin) => Some(twin.name.clone()),
            None => build(index, of, &partition, because, None, draft),
        };
        if let Some(name) = name {
            let step = Step::AttachIndex {
                table: draft.world.name.clone(),
                table_index: of.clone(),
                partition: partition.name.clone(),
                index: name,
            };
            draft.step(step, because);
        }
    }
}

/// Each partition the index belongs on has one of its own, and no other has.
fn ensure_on_partitions(index: &DesiredIndex, newest: Option<&Newest>, draft: &mut Draft) {
    let ours = |i: &&PartitionIndex| {
        i.of.is_none() && i.marker.as_ref().is_some_and(|m| m.index == index.name)
    };
    let known = draft.condition_of(index);
    for at in 0..draft.world.partitions.len() {
        let is_attached = |p: &&ObservedPartition| {
            p.attachment == Attachment::Attached && p.kind != PartitionKind::Foreign
        };
        let Some(partition) = draft.world.partitions.get(at).filter(is_attached) else { continue };
        let good = partition.indexes.iter().any(|i| i.valid && i.is_like(index, &known));
        let wanted = belongs_on(index, partition, newest);
        let is_old = |i: &PartitionIndex| ours(&i) && !(wanted && i.is_like(index, &known));
        let has_work = (wanted && !good) || partition.indexes.iter().any(is_old);
        if !(has_work && draft.has_room()) {
            continue;
        }
        let partition = partition.clone();
        let mut is_replaced = good;
        if wanted && !good {
            let other = partition.indexes.iter().any(|i| i.valid && ours(&i));
            let because = if other { Cause::OtherDefinition } else { Cause::MissingIndex };
            let stands_for = Some(index.name.clone());
            is_replaced =
                build(index, &index.name, &partition, because, stands_for, draft).is_some();
        }
        let old: Vec<_> = partition
            .indexes
            .iter()
            .filter(ours)
            .filter(|i| !i.building && (!wanted || (is_replaced && !i.is_like(index, &known))))
            .map(|i| (i.name.clone(), i.dependents.clone()))
            .collect();
        let because = if wanted { Cause::OtherDefinition } else { Cause::NoLongerNewest };
        for (index, dependents) in old {
            let of = partition.name.sibling(index.clone());
            let step = Step::DropIndex { partition: partition.name.clone(), index };
            match Blocker::of_dependents(of, &dependents) {
                None => draft.step(step, because),
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
        (OnPartitions::Newest(periods), Bounds::Range(range)) => {
            newest.is_some_and(|newest| newest.holds(*range, periods))
        }
        (OnPartitions::Newest(_), Bounds::Hash { .. } | Bounds::Default | Bounds::Other(_)) => {
            false
        }
    }
}

/// Builds an index on a partition, after clearing away what is left of an earlier attempt. None
/// where it cannot be.
fn build(
    index: &DesiredIndex,
    of: &Identifier,
    partition: &ObservedPartition,
    because: Cause,
    stands_for: Option<Identifier>,
    draft: &mut Draft,
) -> Option<Identifier> {
    let wanted = index_name(&draft.world.name.name, of, &partition.name.name);
    let left = |name: &Identifier| {
        partition.indexes.iter().find(|i| !i.valid && i.of.is_none() && i.name == *name)
    };
    let name = unused(&wanted, |name| draft.is_taken(name) && left(name).is_none());
    let leftover = left(&name);
    let step = Step::BuildIndex {
        partition: partition.name.clone(),
        index: name.clone(),
        shape: index.shape.clone(),
        settings: IndexSettings {
            operators: draft.condition_of(index).operators,
            ..table_index(of, draft).map(|of| of.settings.clone()).unwrap_or_default()
        },
        stands_for,
    };
    if let Some(blocker) = build_blocker(partition, leftover, draft) {
        draft.defer(Some(step), blocker);
        return None;
    }
    if let Some(leftover) = leftover {
        let (partition, index) = (partition.name.clone(), leftover.name.clone());
        draft.step(Step::DropIndex { partition, index }, Cause::InvalidIndex);
    }
    draft.step(step, because);
    Some(name)
}

fn build_blocker(
    partition: &ObservedPartition,
    leftover: Option<&PartitionIndex>,
    draft: &Draft,
) -> Option<Blocker> {
    let name = partition.name.clone();
    if partition.kind != PartitionKind::Table {
        return Some(Blocker::NoConcurrentBuild { partition: name, kind: partition.kind });
    }
    if !partition.owned {
        let role = draft.world.server.role.clone();
        return Some(Blocker::NotOwnerOfPartition { partition: name, role });
    }
    let building = leftover.filter(|index| index.building)?;
    Some(Blocker::IndexBeingBuilt { index: name.sibling(building.name.clone()) })
}

fn table_index<'a>(name: &Identifier, draft: &'a Draft) -> Option<&'a TableIndex> {
    draft.world.relation.as_ref()?.indexes.iter().find(|index| index.name == *name)
}

/// The partitions with an index that belongs to the table's.
fn carriers_of(table_index: &Identifier, draft: &Draft) -> Vec<QualifiedName> {
    draft
        .world
        .partitions
        .iter()
        .filter(|p| p.indexes.iter().any(|i| i.of.as_ref() == Some(table_index)))
        .map(|p| p.name.clone())
        .collect()
}
