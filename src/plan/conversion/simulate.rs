//! Our model of Postgres: what the steps of a conversion make of the world.

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

/// After the cutover, the source is no more than an ordinary table.
pub(in crate::plan) fn unsynced(world: &mut ObservedTable) {
    on_copy(world, CopyFacts::end_sync);
    if world.copy.as_ref().is_some_and(|facts| facts.serving == Side::Partitioned) {
        retired(world);
    }
}

/// The tables have exchanged their names. What was equal stays equal.
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

/// The table has no source any more.
pub(in crate::plan) fn retired(world: &mut ObservedTable) {
    world.copy = None;
    if let Some(relation) = &mut world.relation {
        relation.copy_of = CopyOf::None;
    }
}

/// The plain table has an index that it needs before it is attached.
pub(in crate::plan) fn key_built(world: &mut ObservedTable, build: &BuildIndex) {
    if build.partition == *world.managed.name() {
        set_key(world, &build.index, KeyState::Valid);
    }
}

/// The plain table has no longer an index that it could not use.
pub(in crate::plan) fn key_dropped(world: &mut ObservedTable, index: &Identifier) {
    set_key(world, index, KeyState::Missing);
}

fn set_key(world: &mut ObservedTable, index: &Identifier, state: KeyState) {
    let keys = world.attachment.iter_mut().flat_map(|attachment| &mut attachment.keys);
    keys.filter(|key| key.name == *index).for_each(|key| key.state = state);
}

/// Changes what is known of the check of the plain table, if `table` is that.
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

/// The plain table is the oldest partition. Its indexes are for the next look.
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

/// The oldest partition is the plain table again, beside a copy without rows. What it has is for the next look.
pub(in crate::plan) fn detached(world: &mut ObservedTable, detach: &DetachSource) {
    world.partitions.retain(|partition| partition.name != detach.table.source);
    world.name = detach.table.swapped().copy;
    world.attachment = None;
    world.copy = Some(Box::new(CopyFacts::new(detach.source, PlainTable::default())));
    if let Some(relation) = &mut world.relation {
        relation.copy_of = CopyOf::Table;
    }
}

/// The copy has all columns and properties of its source again.
pub(in crate::plan) fn followed(world: &mut ObservedTable, step: &FollowSource) {
    on_differences(world, CopyDifferences::follow);
    if let Some(install) = &step.sync {
        synced(world, install);
    }
}

/// Constraints of the copy are enforced for all rows.
pub(in crate::plan) fn validated(world: &mut ObservedTable) {
    on_differences(world, |differences| differences.not_valid.clear());
}

/// The copy has the twin of an index, which is not valid yet.
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

/// The twin of an index is valid.
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

/// From here on, the table is its copy. Its object identifier and its indexes are for the next look.
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

/// The table is the plain one again. What it has is for the next look.
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
