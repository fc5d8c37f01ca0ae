//! Effects of the steps of a conversion on the simulated state.

use crate::observed::{
    Attachment, CopyDifferences, CopyFacts, CopyOf, KeyState, ObservedPartition, ObservedTable,
    PartitionKind, PartitionState, PlainTable, RelationKind,
};
use crate::partition::{
    Bounds, Identifier, KeyColumn, PartitionKey, QualifiedName, Side, source_mark,
};
use crate::plan::step::{
    AttachSource, BuildIndex, CreateCopy, DetachSource, DropCopy, FollowSource, IndexDefinition,
    InstallSync, Swap,
};

pub(in crate::plan) fn synced(world: &mut ObservedTable, install: &InstallSync) {
    on_copy(world, |facts| {
        facts.install_sync(&install.table, install.level, install.keeps_parity);
    });
}

pub(in crate::plan) fn analyzed(world: &mut ObservedTable) {
    on_copy(world, |facts| facts.analyzed = true);
    if let Some(attachment) = &mut world.attachment {
        attachment.analyzed = true;
    }
}

/// Ends the sync. After the cutover, the source becomes an ordinary table.
pub(in crate::plan) fn unsynced(world: &mut ObservedTable) {
    on_copy(world, CopyFacts::end_sync);
    if world.copy.as_ref().is_some_and(|facts| facts.serving == Side::Partitioned) {
        retired(world);
    }
}

/// Exchanges the names of the tables. Parity and sync stay.
pub(in crate::plan) fn swapped(world: &mut ObservedTable, swap: &Swap) {
    let after = swap.table.swapped();
    world.name = after.copy.clone();
    if let Some(relation) = &mut world.relation {
        relation.copy_of = match after.serving() {
            Side::Source => CopyOf::Table,
            Side::Partitioned => CopyOf::Replaced,
        };
    }
    on_copy(world, |facts| facts.swap(&after, swap.level));
}

/// Removes the source.
pub(in crate::plan) fn retired(world: &mut ObservedTable) {
    world.copy = None;
    if let Some(relation) = &mut world.relation {
        relation.copy_of = CopyOf::None;
    }
}

/// Builds a unique index on the plain table that the attach needs.
pub(in crate::plan) fn key_built(world: &mut ObservedTable, build: &BuildIndex) {
    if build.partition == *world.managed.name() {
        set_key(world, &build.index, KeyState::Valid);
    }
}

/// Drops an unusable index of the plain table.
pub(in crate::plan) fn key_dropped(world: &mut ObservedTable, index: &Identifier) {
    set_key(world, index, KeyState::Missing);
}

fn set_key(world: &mut ObservedTable, index: &Identifier, state: KeyState) {
    let keys = world.attachment.iter_mut().flat_map(|attachment| &mut attachment.keys);
    keys.filter(|key| key.name == *index).for_each(|key| key.state = state);
}

/// Changes the state of the bounds check if `table` is the plain table.
pub(in crate::plan) fn on_check(
    world: &mut ObservedTable,
    table: &QualifiedName,
    change: impl FnOnce(&mut Attachment),
) {
    let is_plain = world.copy.is_some() && table == world.managed.name();
    if let Some(attachment) = world.attachment.as_mut().filter(|_| is_plain) {
        change(attachment);
    }
}

/// Attaches the plain table as the oldest partition. The next inspection reads its indexes.
pub(in crate::plan) fn attached(world: &mut ObservedTable, attach: &AttachSource) {
    let after = attach.table.swapped();
    retired(world);
    world.attachment = None;
    world.name = after.copy;
    let mut state = PartitionState::NeverAttached;
    state.attach();
    world.partitions.push(ObservedPartition {
        oid: Some(attach.source),
        name: after.source,
        kind: PartitionKind::Table,
        bounds: Bounds::Range(attach.range.clone()),
        state,
        cycle: 0,
        comment: Some(source_mark(&attach.table.managed)),
        owned: true,
        rows: None,
        bytes: 0,
        storage: Vec::new(),
        indexes: Vec::new(),
        columns_match: true,
        referenced_by: Vec::new(),
        rows_referenced_by: None,
        references_error: None,
        publications: Vec::new(),
        dependents: Vec::new(),
        default: None,
    });
}

/// Detaches the oldest partition, which becomes the plain table next to an empty copy. The next inspection reads its
/// properties.
pub(in crate::plan) fn detached(world: &mut ObservedTable, detach: &DetachSource) {
    world.partitions.retain(|partition| partition.name != detach.table.source);
    world.name = detach.table.swapped().copy;
    world.attachment = None;
    world.copy = Some(Box::new(CopyFacts::new(detach.source, PlainTable::default())));
    if let Some(relation) = &mut world.relation {
        relation.copy_of = CopyOf::Table;
    }
}

/// Applies the changes of the source to the copy.
pub(in crate::plan) fn followed(world: &mut ObservedTable, step: &FollowSource) {
    on_differences(world, CopyDifferences::follow);
    if let Some(install) = &step.sync {
        synced(world, install);
    }
}

/// Validates the constraints of the copy.
pub(in crate::plan) fn validated(world: &mut ObservedTable) {
    on_differences(world, |differences| differences.not_valid.clear());
}

/// Creates the equivalent of an index on the copy, not yet valid.
pub(in crate::plan) fn twin_created(
    world: &mut ObservedTable,
    definition: &IndexDefinition,
    name: &Identifier,
) {
    let text = definition.catalog_text();
    on_differences(world, |differences| {
        let of = differences.indexes.iter_mut().filter(|index| index.definition == text);
        of.for_each(|index| index.equivalent = Some(name.clone()));
    });
}

/// Makes the equivalent of an index valid.
pub(in crate::plan) fn twin_completed(world: &mut ObservedTable, name: &Identifier) {
    on_differences(world, |differences| {
        differences.indexes.retain(|index| index.equivalent.as_ref() != Some(name));
    });
}

fn on_differences(world: &mut ObservedTable, change: impl FnOnce(&mut CopyDifferences)) {
    on_copy(world, |facts| {
        if let Some(differences) = facts.differences_mut() {
            change(differences);
        }
    });
}

fn on_copy(world: &mut ObservedTable, change: impl FnOnce(&mut CopyFacts)) {
    if let Some(facts) = &mut world.copy {
        change(facts);
    }
}

/// Replaces the plain table by its copy. The next inspection reads its OID and its indexes.
pub(in crate::plan) fn created(world: &mut ObservedTable, create: &CreateCopy) {
    let Some(relation) = &mut world.relation else { return };
    let Some(plain) = world.plain.take() else { return };
    let columns = create.table.partition_columns.iter().map(|column| KeyColumn {
        name: Some(column.clone()),
        type_name: plain.column(column).map(|found| found.base_type.clone()).unwrap_or_default(),
    });
    let key = PartitionKey { method: create.method, columns: columns.collect() };
    relation.kind = RelationKind::Partitioned(key);
    relation.oid = 0;
    relation.copy_of = CopyOf::Table;
    relation.template.access_method = None;
    relation.references.clone_from(&create.references);
    relation.referenced_by.clear();
    relation.publications.clear();
    world.adopted.clear();
    world.name = create.table.copy.clone();
    let mut facts = CopyFacts::new(create.source, *plain);
    facts.keys = vec![create.table.full_key().cloned().collect()];
    world.copy = Some(Box::new(facts));
}

/// Replaces the copy by the plain table. The next inspection reads its properties.
pub(in crate::plan) fn dropped(world: &mut ObservedTable, drop: &DropCopy) {
    let (Some(relation), Some(facts)) = (&mut world.relation, world.copy.take()) else { return };
    relation.kind = RelationKind::Other("table");
    relation.oid = facts.source;
    relation.copy_of = CopyOf::None;
    world.name = drop.table.source.clone();
    world.attachment = None;
    world.partitions.clear();
    world.indexes.clear();
}
