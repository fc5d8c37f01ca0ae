//! Effects of the steps of a conversion on the simulated state.

use crate::observed::{
    Attachment, CopyDifferences, CopyFacts, CopyOf, KeyState, ObservedPartition, ObservedTable,
    PartitionKind, PartitionState, PlainTable, RelationKind,
};
use crate::partition::{
    Bounds, Identifier, KeyColumn, PartitionKey, QualifiedName, Side, source_marker,
};
use crate::plan::step::{
    AttachSource, BuildIndex, CreateCopy, DetachSource, DropCopy, FollowSource, IndexDefinition,
    InstallSync, Swap,
};

pub(in crate::plan) fn synced(state: &mut ObservedTable, install: &InstallSync) {
    on_copy(state, |facts| {
        facts.install_sync(&install.table, install.level, install.keeps_parity);
    });
}

pub(in crate::plan) fn analyzed(state: &mut ObservedTable) {
    on_copy(state, |facts| facts.analyzed = true);
    if let Some(attachment) = &mut state.attachment {
        attachment.analyzed = true;
    }
}

/// Ends the sync. After the cutover, the source becomes an ordinary table.
pub(in crate::plan) fn unsynced(state: &mut ObservedTable) {
    on_copy(state, CopyFacts::end_sync);
    if state.copy.as_ref().is_some_and(|facts| facts.serving == Side::Partitioned) {
        retired(state);
    }
}

/// Exchanges the names of the tables. Parity and sync stay.
pub(in crate::plan) fn swapped(state: &mut ObservedTable, swap: &Swap) {
    let after = swap.table.swapped();
    state.name = after.copy.clone();
    if let Some(relation) = &mut state.relation {
        relation.copy_of = match after.serving() {
            Side::Source => CopyOf::Table,
            Side::Partitioned => CopyOf::Replaced,
        };
    }
    on_copy(state, |facts| facts.swap(&after, swap.level));
}

/// Removes the source.
pub(in crate::plan) fn retired(state: &mut ObservedTable) {
    state.copy = None;
    if let Some(relation) = &mut state.relation {
        relation.copy_of = CopyOf::None;
    }
}

/// Builds a unique index on the plain table that the attach needs.
pub(in crate::plan) fn key_built(state: &mut ObservedTable, build: &BuildIndex) {
    if build.partition == *state.managed.name() {
        set_key(state, &build.index, KeyState::Valid);
    }
}

/// Drops an unusable index of the plain table.
pub(in crate::plan) fn key_dropped(state: &mut ObservedTable, index: &Identifier) {
    set_key(state, index, KeyState::Missing);
}

fn set_key(state: &mut ObservedTable, index: &Identifier, key_state: KeyState) {
    let keys = state.attachment.iter_mut().flat_map(|attachment| &mut attachment.keys);
    keys.filter(|key| key.name == *index).for_each(|key| key.state = key_state);
}

/// Changes the state of the bounds check if `table` is the plain table.
pub(in crate::plan) fn on_check(
    state: &mut ObservedTable,
    table: &QualifiedName,
    change: impl FnOnce(&mut Attachment),
) {
    let is_plain = state.copy.is_some() && table == state.managed.name();
    if let Some(attachment) = state.attachment.as_mut().filter(|_| is_plain) {
        change(attachment);
    }
}

/// Attaches the plain table as the oldest partition. The next inspection reads its indexes.
pub(in crate::plan) fn attached(state: &mut ObservedTable, attach: &AttachSource) {
    let after = attach.table.swapped();
    retired(state);
    state.attachment = None;
    state.name = after.copy;
    let mut partition_state = PartitionState::NeverAttached;
    partition_state.attach();
    state.partitions.push(ObservedPartition {
        oid: Some(attach.source),
        name: after.source,
        kind: PartitionKind::Table,
        bounds: Bounds::Range(attach.range.clone()),
        state: partition_state,
        cycle: 0,
        comment: Some(source_marker(&attach.table.managed)),
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
pub(in crate::plan) fn detached(state: &mut ObservedTable, detach: &DetachSource) {
    state.partitions.retain(|partition| partition.name != detach.table.source);
    state.name = detach.table.swapped().copy;
    state.attachment = None;
    state.copy = Some(Box::new(CopyFacts::new(detach.source, PlainTable::default())));
    if let Some(relation) = &mut state.relation {
        relation.copy_of = CopyOf::Table;
    }
}

/// Applies the changes of the source to the copy.
pub(in crate::plan) fn followed(state: &mut ObservedTable, step: &FollowSource) {
    on_differences(state, CopyDifferences::follow);
    if let Some(install) = &step.sync {
        synced(state, install);
    }
}

/// Validates the constraints of the copy.
pub(in crate::plan) fn validated(state: &mut ObservedTable) {
    on_differences(state, |differences| differences.not_valid.clear());
}

/// Creates the equivalent of an index on the copy, not yet valid.
pub(in crate::plan) fn equivalent_created(
    state: &mut ObservedTable,
    definition: &IndexDefinition,
    name: &Identifier,
) {
    let text = definition.catalog_text();
    on_differences(state, |differences| {
        let of = differences.indexes.iter_mut().filter(|index| index.definition == text);
        of.for_each(|index| index.equivalent = Some(name.clone()));
    });
}

/// Makes the equivalent of an index valid.
pub(in crate::plan) fn equivalent_completed(state: &mut ObservedTable, name: &Identifier) {
    on_differences(state, |differences| {
        differences.indexes.retain(|index| index.equivalent.as_ref() != Some(name));
    });
}

fn on_differences(state: &mut ObservedTable, change: impl FnOnce(&mut CopyDifferences)) {
    on_copy(state, |facts| {
        if let Some(differences) = facts.differences_mut() {
            change(differences);
        }
    });
}

fn on_copy(state: &mut ObservedTable, change: impl FnOnce(&mut CopyFacts)) {
    if let Some(facts) = &mut state.copy {
        change(facts);
    }
}

/// Replaces the plain table by its copy. The next inspection reads its OID and its indexes.
pub(in crate::plan) fn created(state: &mut ObservedTable, create: &CreateCopy) {
    let Some(relation) = &mut state.relation else { return };
    let Some(plain) = state.plain.take() else { return };
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
    state.adopted.clear();
    state.name = create.table.copy.clone();
    let mut facts = CopyFacts::new(create.source, *plain);
    facts.keys = vec![create.table.full_key().cloned().collect()];
    state.copy = Some(Box::new(facts));
}

/// Replaces the copy by the plain table. The next inspection reads its properties.
pub(in crate::plan) fn dropped(state: &mut ObservedTable, drop: &DropCopy) {
    let (Some(relation), Some(facts)) = (&mut state.relation, state.copy.take()) else { return };
    relation.kind = RelationKind::Other("table");
    relation.oid = facts.source;
    relation.copy_of = CopyOf::None;
    state.name = drop.table.source.clone();
    state.attachment = None;
    state.partitions.clear();
    state.indexes.clear();
}
