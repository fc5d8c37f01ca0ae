//! Our model of Postgres: what a step makes of the world.
//!
//! On every supported version a test executes each step and holds the catalog against this model.

use super::conversion;
use super::equivalent::{belong, created_by_attach, stand_alone};
use super::step::{
    Attach, AttachIndex, CreateTableIndex, Drain, IndexBody, MarkPartitions, MarkedPartition,
    NewIndex, NewPartition, Remember, Step,
};
use crate::observed::{
    BoundsCheck, DefaultFacts, Exclusion, IndexMarker, IndexSettings, ObservedPartition,
    ObservedTable, PartitionIndex, PartitionKind, PartitionState, TableIndex,
};
use crate::partition::{Bounds, Detached, Identifier, IndexShape, QualifiedName};

/// Makes of `world` what it is after `step`.
pub fn simulate(world: &mut ObservedTable, step: &Step) {
    match step {
        Step::CreatePartition(new) => create(world, new),
        Step::AttachPartition(attach) => attach_partition(world, attach),
        Step::DrainDefault(drain) => drain_default(world, drain),
        Step::RemoveDefault(remove) => {
            discard(world, &remove.default);
            (world.default_rows, world.default_count) = (None, None);
        }
        Step::MarkPartitions(marks) => mark(world, marks),
        Step::DetachPartition(detach) => detach_partition(world, &detach.partition),
        Step::FinalizeDetach(finalize) => detach_partition(world, &finalize.partition),
        Step::RememberDetached(remember) => remember_detached(world, remember),
        Step::StateBounds(state) => {
            check_bounds(world, &state.partition, BoundsCheck::Stated);
        }
        Step::ValidateBounds(check) => check_bounds(world, &check.partition, BoundsCheck::Proven),
        Step::DropDetached(drop) => discard(world, &drop.partition),
        Step::DiscardPartition(unattached) => discard(world, &unattached.partition),
        Step::ExcludeFromDefault(add) => {
            let check = Exclusion { name: add.exclusion.clone(), validated: false };
            on_default(world, &add.default, |default| default.checks.push(check));
        }
        Step::ValidateExclusion(check) => on_default(world, &check.default, |default| {
            let checks = default.checks.iter_mut().filter(|e| e.name == check.exclusion);
            checks.for_each(|e| e.validated = true);
        }),
        Step::DropExclusion(drop) => {
            on_default(world, &drop.default, |default| {
                default.checks.retain(|e| e.name != drop.exclusion);
            });
        }
        Step::CreateTableIndex(create) => create_table_index(world, create),
        Step::BuildIndex(build) => {
            let index = built(&build.index, &build.shape, build.stands_for.as_ref());
            world.taken.insert(build.index.clone());
            on(world, &build.partition, |p| p.indexes.push(index));
        }
        Step::AttachIndex(attach) => attach_index(world, attach),
        Step::DropIndex(drop) => {
            world.taken.remove(&drop.index);
            on(world, &drop.partition, |p| p.indexes.retain(|i| i.name != drop.index));
        }
        Step::DropTableIndex(drop) => drop_table_index(world, &drop.index),
        Step::ReplaceTableIndex(replace) => {
            drop_table_index(world, &replace.index);
            rename_table_index(world, &replace.replacement, &replace.index);
        }
        Step::CreateCopy(create) => conversion::created(world, create),
        Step::InstallSync(install) => conversion::synced(world, install),
        Step::AnalyzeCopy(_) => conversion::analyzed(world),
        Step::EndSync(_) => conversion::unsynced(world),
        Step::DropCopy(drop) => conversion::dropped(world, drop),
    }
}

fn on(
    world: &mut ObservedTable,
    name: &QualifiedName,
    change: impl FnOnce(&mut ObservedPartition),
) {
    if let Some(partition) = world.partition_mut(name) {
        change(partition);
    }
}

fn on_default(
    world: &mut ObservedTable,
    name: &QualifiedName,
    change: impl FnOnce(&mut DefaultFacts),
) {
    if let Some(default) = world.partition_mut(name).and_then(|p| p.default.as_mut()) {
        change(default);
    }
}

fn create(world: &mut ObservedTable, new: &NewPartition) {
    world.taken.insert(new.partition.name.clone());
    world.taken.extend(new.indexes.iter().map(|index| index.name.clone()));
    let indexes = new.indexes.iter().map(|index| made(world, index)).collect();
    world.partitions.push(ObservedPartition {
        oid: None,
        name: new.partition.clone(),
        kind: PartitionKind::Table,
        bounds: new.bounds.clone(),
        state: PartitionState::NeverAttached,
        cycle: 0,
        comment: None,
        owned: true,
        rows: None,
        bytes: 0,
        storage: new.storage.clone(),
        indexes,
        fits: true,
        referenced_by: Vec::new(),
        rows_referenced_by: None,
        references_error: None,
        publications: Vec::new(),
        dependents: Vec::new(),
        default: (new.bounds == Bounds::Default).then(DefaultFacts::default),
    });
}

fn made(world: &ObservedTable, index: &NewIndex) -> PartitionIndex {
    let twin = |of: &Identifier, constraint: bool| {
        let table_index = world.indexes.iter().find(|i| i.name == *of);
        PartitionIndex {
            name: index.name.clone(),
            of: None,
            valid: true,
            building: false,
            constraint,
            exclusion: None,
            shape: table_index.and_then(|i| i.shape.clone()),
            definition: table_index.map(|i| i.definition.clone()).unwrap_or_default(),
            dependents: Vec::new(),
            marker: None,
        }
    };
    match &index.body {
        IndexBody::Twin { of, .. } => twin(of, false),
        IndexBody::Constraint { of, .. } => twin(of, true),
        IndexBody::Named { stands_for, shape } => built(&index.name, shape, stands_for.as_ref()),
    }
}

fn built(name: &Identifier, shape: &IndexShape, stands_for: Option<&Identifier>) -> PartitionIndex {
    PartitionIndex {
        name: name.clone(),
        of: None,
        valid: true,
        building: false,
        constraint: false,
        exclusion: None,
        shape: Some(shape.clone()),
        definition: String::new(),
        dependents: Vec::new(),
        marker: stands_for
            .map(|index| IndexMarker { index: index.clone(), digest: shape.digest() }),
    }
}

/// Postgres makes an index of the new partition belong to each index of the table that is like it.
fn attach_partition(world: &mut ObservedTable, attach: &Attach) {
    let table_indexes = world.indexes.clone();
    on(world, &attach.partition, |p| {
        p.state.attach();
        p.cycle = attach.marker.cycle;
        p.indexes.retain(|index| !attach.replaced.contains(&index.name));
        for table_index in &table_indexes {
            if table_index.exclusion {
                p.indexes.push(created_by_attach(attach, table_index));
                continue;
            }
            let twin = p.indexes.iter_mut().find(|i| i.of.is_none() && i.is_twin_of(table_index));
            if let Some(twin) = twin {
                belong(twin, table_index.name.clone());
            }
        }
    });
    if let (Some(default), Some(exclusion)) = (&attach.default, &attach.exclusion) {
        on_default(world, default, |default| default.checks.retain(|e| e.name != *exclusion));
    }
    for table_index in table_indexes {
        validate(world, &table_index.name);
    }
}

/// The rows that lie in the range are no longer in the default partition.
fn drain_default(world: &mut ObservedTable, drain: &Drain) {
    attach_partition(world, &drain.attach);
    let Some(range) = drain.attach.bounds.as_range() else { return };
    if let Some(stretches) = &mut world.default_rows {
        stretches.retain(|stretch| !stretch.range.overlaps(&range));
    }
    world.default_count = world.default_count.map(|count| count.saturating_sub(drain.rows));
}

/// A table that was a partition stands by itself, and its indexes belong to none of the table's. One that
/// is not ours is none of our business any more.
fn detach_partition(world: &mut ObservedTable, name: &QualifiedName) {
    let table_indexes = world.indexes.clone();
    on(world, name, |p| {
        (p.rows_referenced_by, p.references_error) = (None, None);
        for index in &mut p.indexes {
            let of = table_indexes.iter().find(|of| Some(&of.name) == index.of.as_ref());
            if let Some(of) = of {
                stand_alone(index, of);
            }
        }
    });
    world.partitions.retain_mut(|p| p.name != *name || p.state.detach());
    for table_index in table_indexes {
        validate(world, &table_index.name);
    }
}

fn mark(world: &mut ObservedTable, marks: &MarkPartitions) {
    if let Some(adopted) = &marks.adopted {
        world.adopted.clone_from(adopted);
    }
    for MarkedPartition { name, marker, .. } in &marks.partitions {
        on(world, name, |p| {
            p.state.set_mark(marker.mark);
            p.cycle = marker.cycle;
        });
    }
}

fn check_bounds(world: &mut ObservedTable, name: &QualifiedName, check: BoundsCheck) {
    on(world, name, |p| p.state.set_bounds_check(check));
}

fn remember_detached(world: &mut ObservedTable, remember: &Remember) {
    on(world, &remember.partition, |p| {
        let drops_since = remember.drops.then_some(remember.at);
        p.state.record_detach(Detached { at: remember.at, drops_since });
        p.cycle = remember.cycle;
        p.publications.retain(|publication| !remember.publications.contains(&publication.name));
    });
}

/// An index of the table is valid once every partition has one that belongs to it. A partition whose
/// detach was cut off does not count.
fn validate(world: &mut ObservedTable, name: &Identifier) {
    let is_it = |index: &&TableIndex| index.name == *name && !index.valid;
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
}

fn attach_index(world: &mut ObservedTable, attach: &AttachIndex) {
    on(world, &attach.partition, |p| {
        for found in p.indexes.iter_mut().filter(|i| i.name == attach.index) {
            belong(found, attach.table_index.clone());
        }
    });
    validate(world, &attach.table_index);
}

fn create_table_index(world: &mut ObservedTable, create: &CreateTableIndex) {
    let CreateTableIndex { index: name, shape, partitions, .. } = create;
    let is_empty = world.attached().next().is_none();
    world.taken.insert(name.clone());
    world.indexes.push(TableIndex {
        name: name.clone(),
        valid: is_empty,
        shape: Some(shape.clone()),
        definition: String::new(),
        unique: shape.unique,
        constraint: None,
        dependents: Vec::new(),
        exclusion: false,
        settings: IndexSettings::default(),
    });
    world.indexes.sort_by(|a, b| a.name.cmp(&b.name));
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
                p.indexes.iter_mut().find(|i| i.of.is_none() && i.is_twin_of(&created));
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

fn discard(world: &mut ObservedTable, partition: &QualifiedName) {
    let Some(at) = world.partitions.iter().position(|p| p.name == *partition) else { return };
    let gone = world.partitions.remove(at);
    world.taken.remove(&gone.name.name);
    for index in gone.indexes {
        world.taken.remove(&index.name);
    }
}

fn drop_table_index(world: &mut ObservedTable, name: &Identifier) {
    world.taken.remove(name);
    world.indexes.retain(|i| i.name != *name);
    for partition in &mut world.partitions {
        for index in partition.indexes.iter().filter(|i| i.of.as_ref() == Some(name)) {
            world.taken.remove(&index.name);
        }
        partition.indexes.retain(|i| i.of.as_ref() != Some(name));
    }
}

fn rename_table_index(world: &mut ObservedTable, from: &Identifier, to: &Identifier) {
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
