//! Our model of Postgres: what a step makes of the world.
//!
//! On every supported version a test executes each step and holds the catalog against this model.

mod index;
mod routing;

use super::conversion;
use super::equivalent::{belong, created_by_attach, stand_alone};
use super::step::{
    AddBoundsCheck, Attach, BuildIndex, Drain, IndexBody, IndexDefinition, MarkPartitions,
    MarkedPartition, NewIndex, NewPartition, RecordDetach, Step,
};
use crate::observed::{
    Attachment, BoundsCheck, DefaultCheck, DefaultFacts, ObservedPartition, ObservedTable,
    PartitionIndex, PartitionKind, PartitionState,
};
use crate::partition::{Bounds, Detached, Identifier, QualifiedName};
use index::{
    attach_index, built, create_table_index, drop_table_index, rename_table_index, validate,
};
use routing::{routed, unrouted};

/// Makes of `world` what it is after `step`.
pub fn simulate(world: &mut ObservedTable, step: &Step) {
    match step {
        Step::CreatePartition(new) => create(world, new),
        Step::AttachPartition(attach) => attach_partition(world, attach),
        Step::DrainDefault(drain) => drain_default(world, drain),
        Step::DropDefault(remove) => {
            discard(world, &remove.default);
            (world.default_rows, world.default_count) = (None, None);
        }
        Step::MarkPartitions(marks) => mark(world, marks),
        Step::DetachPartition(detach) => detach_partition(world, &detach.partition),
        Step::FinalizeDetach(finalize) => detach_partition(world, &finalize.partition),
        Step::RecordDetach(record) => record_detach(world, record),
        Step::AddBoundsCheck(state) => state_bounds(world, state),
        Step::ValidateBoundsCheck(check) => validate_bounds(world, &check.partition),
        Step::DropBoundsCheck(drop) => {
            conversion::on_check(world, &drop.table, Attachment::drop_bounds);
        }
        Step::DropDetached(drop) => discard(world, &drop.partition),
        Step::DiscardPartition(unattached) => discard(world, &unattached.partition),
        Step::AddDefaultCheck(add) => {
            let check = DefaultCheck { name: add.exclusion.clone(), validated: false };
            on_default(world, &add.default, |default| default.checks.push(check));
        }
        Step::ValidateDefaultCheck(check) => on_default(world, &check.default, |default| {
            let checks = default.checks.iter_mut().filter(|e| e.name == check.exclusion);
            checks.for_each(|e| e.validated = true);
        }),
        Step::DropDefaultCheck(drop) => on_default(world, &drop.default, |default| {
            default.checks.retain(|e| e.name != drop.exclusion);
        }),
        Step::CreateParentIndex(create) => create_table_index(world, create),
        Step::BuildIndex(build) => build_index(world, build),
        Step::AttachIndex(attach) => attach_index(world, attach),
        Step::DropIndex(drop) => {
            world.taken.remove(&drop.index);
            conversion::key_dropped(world, &drop.index);
            on(world, &drop.partition, |p| p.indexes.retain(|i| i.name != drop.index));
        }
        Step::DropParentIndex(drop) => drop_table_index(world, &drop.index),
        Step::ReplaceParentIndex(replace) => {
            drop_table_index(world, &replace.index);
            rename_table_index(world, &replace.replacement, &replace.index);
        }
        Step::CreateCopy(create) => conversion::created(world, create),
        Step::FollowSource(step) => conversion::followed(world, step),
        Step::ValidateCopy(_) => conversion::validated(world),
        Step::InstallSync(install) => conversion::synced(world, install),
        Step::AnalyzeCopy(_) => conversion::analyzed(world),
        Step::EndSync(_) => conversion::unsynced(world),
        Step::DropCopy(drop) => conversion::dropped(world, drop),
        Step::Swap(swap) => conversion::swapped(world, swap),
        Step::DropSource(_) => conversion::retired(world),
        Step::AttachSource(attach) => conversion::attached(world, attach),
        Step::DetachSource(detach) => conversion::detached(world, detach),
        Step::Route(route) => routed(world, route),
        Step::Unroute(unroute) => unrouted(world, unroute),
    }
}

fn build_index(world: &mut ObservedTable, build: &BuildIndex) {
    let index = built(&build.index, &build.definition, build.stands_for.as_ref());
    world.taken.insert(build.index.clone());
    conversion::key_built(world, build);
    on(world, &build.partition, |p| p.indexes.push(index));
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
        columns_match: true,
        referenced_by: Vec::new(),
        rows_referenced_by: None,
        references_error: None,
        publications: Vec::new(),
        dependents: Vec::new(),
        default: (new.bounds == Bounds::Default).then(DefaultFacts::default),
    });
}

fn made(world: &ObservedTable, index: &NewIndex) -> PartitionIndex {
    let equivalent = |of: &Identifier, constraint: bool| {
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
        IndexBody::Equivalent { of, .. } => equivalent(of, false),
        IndexBody::Constraint { of, .. } => equivalent(of, true),
        IndexBody::Named { stands_for, shape } => {
            let definition = IndexDefinition::Shape(shape.clone());
            built(&index.name, &definition, stands_for.as_ref())
        }
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
            let equivalent =
                p.indexes.iter_mut().find(|i| i.of.is_none() && i.is_equivalent_to(table_index));
            if let Some(equivalent) = equivalent {
                belong(equivalent, table_index.name.clone());
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

/// Makes a partition a standalone table, with indexes that are not attached to parent indexes. An unmanaged one is
/// not tracked any further.
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

fn state_bounds(world: &mut ObservedTable, state: &AddBoundsCheck) {
    let table = &state.partition;
    conversion::on_check(world, table, |found| found.state_bounds(&state.range));
    on(world, table, |p| p.state.set_bounds_check(BoundsCheck::NotValid));
}

fn validate_bounds(world: &mut ObservedTable, table: &QualifiedName) {
    conversion::on_check(world, table, |found| found.bounds = BoundsCheck::Validated);
    on(world, table, |p| p.state.set_bounds_check(BoundsCheck::Validated));
}

fn record_detach(world: &mut ObservedTable, record: &RecordDetach) {
    on(world, &record.partition, |p| {
        let drops_since = record.drops.then_some(record.at);
        p.state.record_detach(Detached { at: record.at, drops_since });
        p.cycle = record.cycle;
        p.publications.retain(|publication| !record.publications.contains(&publication.name));
    });
}

fn discard(world: &mut ObservedTable, partition: &QualifiedName) {
    let Some(at) = world.partitions.iter().position(|p| p.name == *partition) else { return };
    let gone = world.partitions.remove(at);
    world.taken.remove(&gone.name.name);
    for index in gone.indexes {
        world.taken.remove(&index.name);
    }
}
