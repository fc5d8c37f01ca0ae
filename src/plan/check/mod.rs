//! The rules of safety, known apart from those of planning. Only what passes here is executed.

mod letting_go;

use super::step::{Attach, REPLACEMENT_SUFFIX};
use super::{Moment, Plan, PlannedStep, Step, simulate};
use crate::desired::DesiredTable;
use crate::observed::{Attachment, ObservedPartition, ObservedTable, Origin};
use crate::partition::{Bounds, Identifier, Mark, QualifiedName};

/// A plan that keeps the rules of safety. Only [`check`] makes one, and only it can be executed.
#[derive(Debug)]
pub struct CheckedPlan(Plan);

impl CheckedPlan {
    /// The plan.
    pub fn plan(&self) -> &Plan {
        &self.0
    }
}

/// A rule of safety that a plan would break: a fault of ours. Such a plan is never executed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("step {position} would break a rule of safety: {rule}")]
pub struct Violation {
    /// Which step, counted from 1.
    pub position: usize,
    /// The rule.
    pub rule: &'static str,
}

/// Holds each step against the world as the steps before it leave it.
///
/// # Errors
/// The first rule that is broken.
pub fn check(
    plan: Plan,
    desired: &DesiredTable,
    observed: &ObservedTable,
    moment: &Moment,
) -> Result<CheckedPlan, Violation> {
    let mut world = observed.clone();
    let leave = letting_go::Leave::new(&plan, desired, observed, moment);
    for (at, planned) in plan.steps.iter().enumerate() {
        let to_come = &plan.steps[at + 1..];
        let verdict = check_step(&planned.step, &world, &leave)
            .and_then(|()| successor_first(&planned.step, to_come, &world));
        if let Err(rule) = verdict {
            return Err(Violation { position: at + 1, rule });
        }
        simulate(&mut world, &planned.step);
    }
    Ok(CheckedPlan(plan))
}

fn check_step(
    step: &Step,
    world: &ObservedTable,
    leave: &letting_go::Leave,
) -> Result<(), &'static str> {
    match step {
        Step::CreatePartition(new) => {
            ensure(new.table == world.name, "only partitions of this table are made")?;
            ensure(new.partition.schema == world.name.schema, "in the schema of the table")?;
            ensure(!world.taken.contains(&new.partition.name), "no name is used twice")?;
            fits_in(&new.bounds, world)
        }
        Step::AttachPartition(attach) => {
            check_attach(attach, world)?;
            beside_default(attach.default.as_ref(), attach.exclusion.as_ref(), world)
        }
        Step::DrainDefault(drain) => {
            check_attach(&drain.attach, world)?;
            let default = is_default(&drain.default, world)?;
            let referenced = world.relation.as_ref().is_none_or(|r| !r.referenced_by.is_empty());
            ensure(!referenced, "no row is moved that a foreign key may follow")?;
            ensure(drain.triggers == default.triggers, "no trigger fires for rows that are moved")
        }
        Step::RemoveDefault { default, .. } => {
            let default = is_default(default, world)?;
            ensure(default.origin == Origin::Ours, "it is ours")?;
            let is_empty = default.bytes == 0 || world.default_count == Some(0);
            ensure(is_empty, "a default partition with rows stays")
        }
        Step::MarkPartitions { partitions, marking, .. } => {
            letting_go::check_mark(partitions, *marking, world, leave)
        }
        Step::DetachPartition(detach) => letting_go::check_detach(detach, world, leave),
        Step::FinalizeDetach { partition, .. } => {
            let pending = find(partition, world)?.attachment == Attachment::DetachPending;
            ensure(pending, "only a detach that was cut off is finalised")
        }
        Step::RememberDetached(remember) => {
            let table = prepared(&remember.partition, world)?;
            ensure(table.attachment == Attachment::Detached, "it is detached")?;
            ensure(table.bounds == remember.bounds, "what it held is written down")
        }
        Step::ValidateBounds { partition, .. } => {
            let mark = prepared(partition, world)?.mark;
            ensure(matches!(mark, Some(Mark::Detached(_))), "it has the constraint")
        }
        Step::DropDetached(drop) => letting_go::check_drop(drop, world, leave),
        Step::DiscardPartition { partition } => {
            let table = prepared(partition, world)?;
            ensure(table.attachment == Attachment::Prepared, "it has never been a partition")
        }
        Step::ExcludeFromDefault { default, exclusion, .. } => {
            let found = is_default(default, world)?;
            ensure(found.exclusions.iter().all(|e| e.name != *exclusion), "no name is used twice")
        }
        Step::ValidateExclusion { default, exclusion }
        | Step::DropExclusion { default, exclusion } => {
            let found = is_default(default, world)?;
            ensure(found.exclusions.iter().any(|e| e.name == *exclusion), "the promise is there")
        }
        Step::CreateTableIndex { table, index, .. } => {
            ensure(*table == world.name, "only this table's indexes are made")?;
            ensure(!world.taken.contains(index), "no name is used twice")
        }
        Step::BuildIndex { partition, index, .. } => {
            attached(partition, world)?;
            ensure(!world.taken.contains(index), "no name is used twice")
        }
        Step::AttachIndex { table_index, partition, index, .. } => {
            let partition = attached(partition, world)?;
            let found = partition.indexes.iter().find(|i| i.name == *index);
            let found = found.ok_or("the index is there")?;
            ensure(found.valid && found.of.is_none(), "the index is valid and belongs to none")?;
            ensure(has_table_index(table_index, world), "the table has the index")
        }
        Step::DropIndex { partition, index } => check_drop_index(partition, index, world),
        Step::DropTableIndex { index, .. } => {
            let is_spare = index.as_str().ends_with(REPLACEMENT_SUFFIX);
            ensure(is_spare, "an index of the table goes only when another takes its place")?;
            check_drop_table_index(index, world)
        }
        Step::ReplaceTableIndex { index, replacement, .. } => {
            let complete = table_index(replacement, world).is_some_and(|i| i.valid);
            ensure(complete, "an index is replaced only by a complete one")?;
            check_drop_table_index(index, world)
        }
    }
}

fn check_attach(attach: &Attach, world: &ObservedTable) -> Result<(), &'static str> {
    let table = prepared(&attach.partition, world)?;
    ensure(attach.table == world.name, "partitions are attached to this table only")?;
    ensure(table.bounds == attach.bounds, "what was made for a range is attached for it")?;
    let is_known = table.attachment == Attachment::Prepared || table.proven;
    ensure(is_known || attach.key.is_none(), "what is attached is not scanned under a lock")?;
    fits_in(&attach.bounds, world)
}

/// An index that works is not dropped while the one that will stand for the same name is still to come.
fn successor_first(
    step: &Step,
    to_come: &[PlannedStep],
    world: &ObservedTable,
) -> Result<(), &'static str> {
    let Step::DropIndex { partition, index } = step else { return Ok(()) };
    let found = find(partition, world)?.indexes.iter().find(|i| i.name == *index && i.valid);
    let Some(marker) = found.and_then(|found| found.marker.as_ref()) else { return Ok(()) };
    let comes_later = to_come.iter().any(|later| {
        matches!(&later.step, Step::BuildIndex { partition: on, stands_for: Some(name), .. }
            if on == partition && *name == marker.index)
    });
    ensure(!comes_later, "an index is not dropped before the one that takes its place is there")
}

fn ensure(holds: bool, rule: &'static str) -> Result<(), &'static str> {
    if holds { Ok(()) } else { Err(rule) }
}

/// Whether rows of these bounds have no partition yet.
fn fits_in(bounds: &Bounds, world: &ObservedTable) -> Result<(), &'static str> {
    let occupied = world.partitions.iter().filter(|p| p.hangs_on());
    let overlaps = |other: &Bounds| match (bounds, other) {
        (Bounds::Range(a), Bounds::Range(b)) => a.overlaps(b),
        (Bounds::Hash { modulus: m, remainder: r }, Bounds::Hash { modulus: n, remainder: s }) => {
            let smaller = m.min(n);
            r % smaller == s % smaller
        }
        (Bounds::Default, Bounds::Default) | (Bounds::Other(_), _) => true,
        (Bounds::Default, _)
        | (Bounds::Range(_), Bounds::Hash { .. } | Bounds::Default | Bounds::Other(_))
        | (Bounds::Hash { .. }, Bounds::Range(_) | Bounds::Default | Bounds::Other(_)) => false,
    };
    let free = occupied.into_iter().all(|p| !overlaps(&p.bounds));
    ensure(free, "no two partitions take the same row")
}

/// A default partition that has anything in it is never scanned under an exclusive lock.
fn beside_default(
    named: Option<&QualifiedName>,
    exclusion: Option<&Identifier>,
    world: &ObservedTable,
) -> Result<(), &'static str> {
    let Some(default) = world.default_partition() else { return Ok(()) };
    ensure(named == Some(&default.name), "the default partition is known")?;
    let promised = default.exclusions.iter().any(|e| Some(&e.name) == exclusion && e.validated);
    ensure(default.bytes == 0 || promised, "the default partition is not scanned under a lock")
}

fn find<'a>(
    name: &QualifiedName,
    world: &'a ObservedTable,
) -> Result<&'a ObservedPartition, &'static str> {
    world.partition(name).ok_or("the partition is there")
}

fn prepared<'a>(
    name: &QualifiedName,
    world: &'a ObservedTable,
) -> Result<&'a ObservedPartition, &'static str> {
    let found = find(name, world)?;
    ensure(!found.hangs_on(), "it is no partition")?;
    ensure(found.origin == Origin::Ours, "it is ours")?;
    ensure(found.owned, "its owner is one we may act as")?;
    Ok(found)
}

fn attached<'a>(
    name: &QualifiedName,
    world: &'a ObservedTable,
) -> Result<&'a ObservedPartition, &'static str> {
    let found = find(name, world)?;
    ensure(found.attachment == Attachment::Attached, "it is a partition")?;
    Ok(found)
}

fn is_default<'a>(
    name: &QualifiedName,
    world: &'a ObservedTable,
) -> Result<&'a ObservedPartition, &'static str> {
    let found = attached(name, world)?;
    ensure(found.bounds == Bounds::Default, "it is the default partition")?;
    Ok(found)
}

fn table_index<'a>(
    name: &Identifier,
    world: &'a ObservedTable,
) -> Option<&'a crate::observed::TableIndex> {
    world.relation.as_ref()?.indexes.iter().find(|i| i.name == *name)
}

fn has_table_index(name: &Identifier, world: &ObservedTable) -> bool {
    table_index(name, world).is_some()
}

/// An index is dropped only where it serves nobody, or where we made it and its like is there or no
/// longer wanted.
fn check_drop_index(
    partition: &QualifiedName,
    index: &Identifier,
    world: &ObservedTable,
) -> Result<(), &'static str> {
    let partition = attached(partition, world)?;
    let found = partition.indexes.iter().find(|i| i.name == *index).ok_or("the index is there")?;
    ensure(found.of.is_none(), "an index of the table is not dropped from under it")?;
    ensure(!found.constraint, "an index that serves a constraint is not dropped")?;
    ensure(!found.building, "an index somebody is building is not dropped")?;
    ensure(!found.valid || found.marker.is_some(), "a valid index that others made is not dropped")
}

fn check_drop_table_index(index: &Identifier, world: &ObservedTable) -> Result<(), &'static str> {
    let found = table_index(index, world).ok_or("the index is there")?;
    ensure(found.constraint.is_none(), "an index that serves a constraint is not dropped")
}
