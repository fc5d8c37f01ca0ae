//! Model of Postgres: the state of a table after a step.
//!
//! On every supported version a test executes each step and holds the catalog against this model.

mod index;
mod routing;

use super::conversion;
use super::equivalent::{attach_to_parent, created_by_attach, detach_from_parent};
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
    attach_index, built, create_parent_index, drop_parent_index, rename_parent_index, validate,
};
use routing::{routed, unrouted};

/// Applies the effects of a step to the simulated state.
pub fn simulate(state: &mut ObservedTable, step: &Step) {
    match step {
        Step::CreatePartition(new) => create(state, new),
        Step::AttachPartition(attach) => attach_partition(state, attach),
        Step::DrainDefault(drain) => drain_default(state, drain),
        Step::DropDefault(remove) => {
            discard(state, &remove.default);
            (state.default_rows, state.default_count) = (None, None);
        }
        Step::MarkPartitions(marks) => mark(state, marks),
        Step::DetachPartition(detach) => detach_partition(state, &detach.partition),
        Step::FinalizeDetach(finalize) => detach_partition(state, &finalize.partition),
        Step::RecordDetach(record) => record_detach(state, record),
        Step::AddBoundsCheck(add) => add_bounds_check(state, add),
        Step::ValidateBoundsCheck(check) => validate_bounds(state, &check.partition),
        Step::DropBoundsCheck(drop) => {
            conversion::on_check(state, &drop.table, Attachment::drop_bounds);
        }
        Step::DropDetached(drop) => discard(state, &drop.partition),
        Step::DiscardPartition(unattached) => discard(state, &unattached.partition),
        Step::AddDefaultCheck(add) => {
            let check = DefaultCheck { name: add.default_check.clone(), validated: false };
            on_default(state, &add.default, |default| default.checks.push(check));
        }
        Step::ValidateDefaultCheck(check) => on_default(state, &check.default, |default| {
            let checks = default.checks.iter_mut().filter(|e| e.name == check.default_check);
            checks.for_each(|e| e.validated = true);
        }),
        Step::DropDefaultCheck(drop) => on_default(state, &drop.default, |default| {
            default.checks.retain(|e| e.name != drop.default_check);
        }),
        Step::CreateParentIndex(create) => create_parent_index(state, create),
        Step::BuildIndex(build) => build_index(state, build),
        Step::AttachIndex(attach) => attach_index(state, attach),
        Step::DropIndex(drop) => {
            state.taken.remove(&drop.index);
            conversion::key_dropped(state, &drop.index);
            on_partition(state, &drop.partition, |p| p.indexes.retain(|i| i.name != drop.index));
        }
        Step::DropParentIndex(drop) => drop_parent_index(state, &drop.index),
        Step::ReplaceParentIndex(replace) => {
            drop_parent_index(state, &replace.index);
            rename_parent_index(state, &replace.replacement, &replace.index);
        }
        Step::CreateCopy(create) => conversion::created(state, create),
        Step::FollowSource(step) => conversion::followed(state, step),
        Step::ValidateCopy(_) => conversion::validated(state),
        Step::InstallSync(install) => conversion::synced(state, install),
        Step::AnalyzeCopy(_) => conversion::analyzed(state),
        Step::EndSync(_) => conversion::unsynced(state),
        Step::DropCopy(drop) => conversion::dropped(state, drop),
        Step::Swap(swap) => conversion::swapped(state, swap),
        Step::DropSource(_) => conversion::retired(state),
        Step::AttachSource(attach) => conversion::attached(state, attach),
        Step::DetachSource(detach) => conversion::detached(state, detach),
        Step::Route(route) => routed(state, route),
        Step::Unroute(unroute) => unrouted(state, unroute),
    }
}

fn build_index(state: &mut ObservedTable, build: &BuildIndex) {
    let index = built(&build.index, &build.definition, build.stands_for.as_ref());
    state.taken.insert(build.index.clone());
    conversion::key_built(state, build);
    on_partition(state, &build.partition, |p| p.indexes.push(index));
}

fn on_partition(
    state: &mut ObservedTable,
    name: &QualifiedName,
    change: impl FnOnce(&mut ObservedPartition),
) {
    if let Some(partition) = state.partition_mut(name) {
        change(partition);
    }
}

fn on_default(
    state: &mut ObservedTable,
    name: &QualifiedName,
    change: impl FnOnce(&mut DefaultFacts),
) {
    if let Some(default) = state.partition_mut(name).and_then(|p| p.default.as_mut()) {
        change(default);
    }
}

fn create(state: &mut ObservedTable, new: &NewPartition) {
    state.taken.insert(new.partition.name.clone());
    state.taken.extend(new.indexes.iter().map(|index| index.name.clone()));
    let indexes = new.indexes.iter().map(|index| simulated_index(state, index)).collect();
    state.partitions.push(ObservedPartition {
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

fn simulated_index(state: &ObservedTable, index: &NewIndex) -> PartitionIndex {
    let equivalent = |of: &Identifier, constraint: bool| {
        let parent_index = state.indexes.iter().find(|i| i.name == *of);
        PartitionIndex {
            name: index.name.clone(),
            of: None,
            valid: true,
            building: false,
            constraint,
            exclusion: None,
            shape: parent_index.and_then(|i| i.shape.clone()),
            definition: parent_index.map(|i| i.definition.clone()).unwrap_or_default(),
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
fn attach_partition(state: &mut ObservedTable, attach: &Attach) {
    let parent_indexes = state.indexes.clone();
    on_partition(state, &attach.partition, |p| {
        p.state.attach();
        p.cycle = attach.marker.cycle;
        p.indexes.retain(|index| !attach.replaced.contains(&index.name));
        for parent_index in &parent_indexes {
            if parent_index.exclusion {
                p.indexes.push(created_by_attach(attach, parent_index));
                continue;
            }
            let equivalent =
                p.indexes.iter_mut().find(|i| i.of.is_none() && i.is_equivalent_to(parent_index));
            if let Some(equivalent) = equivalent {
                attach_to_parent(equivalent, parent_index.name.clone());
            }
        }
    });
    if let (Some(default), Some(default_check)) = (&attach.default, &attach.default_check) {
        on_default(state, default, |default| default.checks.retain(|e| e.name != *default_check));
    }
    for parent_index in parent_indexes {
        validate(state, &parent_index.name);
    }
}

/// The rows that lie in the range are no longer in the default partition.
fn drain_default(state: &mut ObservedTable, drain: &Drain) {
    attach_partition(state, &drain.attach);
    let Some(range) = drain.attach.bounds.as_range() else { return };
    if let Some(bins) = &mut state.default_rows {
        bins.retain(|bin| !bin.range.overlaps(&range));
    }
    state.default_count = state.default_count.map(|count| count.saturating_sub(drain.rows));
}

/// Makes a partition a standalone table, with indexes that are not attached to parent indexes. An unmanaged one is
/// not tracked any further.
fn detach_partition(state: &mut ObservedTable, name: &QualifiedName) {
    let parent_indexes = state.indexes.clone();
    on_partition(state, name, |p| {
        (p.rows_referenced_by, p.references_error) = (None, None);
        for index in &mut p.indexes {
            let of = parent_indexes.iter().find(|of| Some(&of.name) == index.of.as_ref());
            if let Some(of) = of {
                detach_from_parent(index, of);
            }
        }
    });
    state.partitions.retain_mut(|p| p.name != *name || p.state.detach());
    for parent_index in parent_indexes {
        validate(state, &parent_index.name);
    }
}

fn mark(state: &mut ObservedTable, marks: &MarkPartitions) {
    if let Some(adopted) = &marks.adopted {
        state.adopted.clone_from(adopted);
    }
    for MarkedPartition { name, marker, .. } in &marks.partitions {
        on_partition(state, name, |p| {
            p.state.set_marker_state(marker.state);
            p.cycle = marker.cycle;
        });
    }
}

fn add_bounds_check(state: &mut ObservedTable, add: &AddBoundsCheck) {
    let table = &add.partition;
    conversion::on_check(state, table, |found| found.state_bounds(&add.range));
    on_partition(state, table, |p| p.state.set_bounds_check(BoundsCheck::NotValid));
}

fn validate_bounds(state: &mut ObservedTable, table: &QualifiedName) {
    conversion::on_check(state, table, |found| found.bounds = BoundsCheck::Validated);
    on_partition(state, table, |p| p.state.set_bounds_check(BoundsCheck::Validated));
}

fn record_detach(state: &mut ObservedTable, record: &RecordDetach) {
    on_partition(state, &record.partition, |p| {
        let drops_since = record.drops.then_some(record.at);
        p.state.record_detach(Detached { at: record.at, drops_since });
        p.cycle = record.cycle;
        p.publications.retain(|publication| !record.publications.contains(&publication.name));
    });
}

fn discard(state: &mut ObservedTable, partition: &QualifiedName) {
    let Some(at) = state.partitions.iter().position(|p| p.name == *partition) else { return };
    let removed = state.partitions.remove(at);
    state.taken.remove(&removed.name.name);
    for index in removed.indexes {
        state.taken.remove(&index.name);
    }
}
