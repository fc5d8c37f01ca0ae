//! Our model of Postgres: what the steps of a conversion make of the world.

use crate::observed::{CopyFacts, ObservedTable, RelationKind};
use crate::partition::{KeyColumn, PartitionKey};
use crate::plan::step::{CreateCopy, DropCopy, InstallSync};

pub(in crate::plan) fn synced(world: &mut ObservedTable, install: &InstallSync) {
    on_copy(world, |facts| facts.install_sync(&install.table, install.level));
}

pub(in crate::plan) fn analyzed(world: &mut ObservedTable) {
    on_copy(world, |facts| facts.analyzed = true);
}

pub(in crate::plan) fn unsynced(world: &mut ObservedTable) {
    on_copy(world, CopyFacts::end_sync);
}

fn on_copy(world: &mut ObservedTable, change: impl FnOnce(&mut CopyFacts)) {
    if let Some(facts) = &mut world.copy {
        change(facts);
    }
}

/// From here on, the table is its copy. The object identifier of the copy is not known.
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
    world.name = create.table.copy.clone();
    world.copy = Some(Box::new(CopyFacts::new(create.source, *plain)));
}

/// The table is the plain one again.
pub(in crate::plan) fn dropped(world: &mut ObservedTable, drop: &DropCopy) {
    let (Some(relation), Some(facts)) = (&mut world.relation, world.copy.take()) else { return };
    relation.kind = RelationKind::Other("table");
    relation.oid = facts.source;
    world.name = drop.table.source.clone();
    world.partitions.clear();
    world.indexes.clear();
}
