//! The rules of safety, known apart from those of planning. Only what passes here is executed.

mod default;
mod indexes;
mod letting_go;

use super::step::{Attach, NewPartition};
use super::{Moment, Plan, Step, simulate};
use crate::desired::DesiredTable;
use crate::observed::{Attachment, BoundsCheck, ObservedPartition, ObservedTable, Origin};
use crate::partition::{Bounds, Mark, QualifiedName};

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
    let successors = indexes::Successors::of(&plan.steps);
    for (at, planned) in plan.steps.iter().enumerate() {
        let verdict = check_step(&planned.step, &world, &leave)
            .and_then(|()| successors.come_first(&planned.step, at, &world))
            .and_then(|()| leave.is_enough_for(&plan.steps[..=at]))
            .and_then(|()| letting_go::remembered_next(&planned.step, plan.steps.get(at + 1)));
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
    leave: &letting_go::Leave<'_>,
) -> Result<(), &'static str> {
    match step {
        Step::CreatePartition(new) => check_create(new, world),
        Step::AttachPartition(attach) => {
            check_attach(attach, world)?;
            default::beside(attach.default.as_ref(), attach.exclusion.as_ref(), world)
        }
        Step::DiscardPartition(discard) => check_discard(&discard.partition, world),
        Step::DrainDefault(drain) => {
            check_attach(&drain.attach, world)?;
            default::check_drain(drain, world)
        }
        Step::RemoveDefault(remove) => default::check_remove(&remove.default, world, leave),
        Step::ExcludeFromDefault(add) => {
            default::check_exclude(&add.default, &add.exclusion, world)
        }
        Step::ValidateExclusion(check) => {
            default::check_promised(&check.default, &check.exclusion, world)
        }
        Step::DropExclusion(drop) => default::check_promised(&drop.default, &drop.exclusion, world),
        Step::MarkPartitions(mark) => {
            let is_of_table = mark.table == world.name && mark.managed == world.managed;
            ensure(is_of_table, "only partitions of this table are marked")?;
            letting_go::check_mark(&mark.partitions, mark.marking, world, leave)?;
            letting_go::check_adoptions(
                &mark.partitions,
                mark.marking,
                mark.adopted.as_ref(),
                world,
            )
        }
        Step::DetachPartition(detach) => letting_go::check_detach(detach, world, leave),
        Step::FinalizeDetach(finalize) => letting_go::check_finalize(&finalize.partition, world),
        Step::RememberDetached(remember) => letting_go::check_remember(remember, world, leave),
        Step::StateBounds(state) => {
            ensure(state.managed == world.managed, "it is said of a partition of this table")?;
            letting_go::check_state(&state.partition, state.range, world)
        }
        Step::ValidateBounds(check) => letting_go::check_validate(check, world),
        Step::DropDetached(drop) => letting_go::check_drop(drop, world, leave),
        Step::CreateTableIndex(create) => indexes::check_create(create, world),
        Step::BuildIndex(build) => {
            attached(&build.partition, world)?;
            ensure(!world.taken.contains(&build.index), "no name is used twice")
        }
        Step::AttachIndex(attach) => {
            indexes::check_attach(&attach.table_index, &attach.partition, &attach.index, world)
        }
        Step::DropIndex(drop) => indexes::check_drop(&drop.partition, &drop.index, world),
        Step::DropTableIndex(drop) => indexes::check_drop_spare(&drop.index, world),
        Step::ReplaceTableIndex(replace) => {
            indexes::check_replace(&replace.index, &replace.replacement, world)
        }
    }
}

fn check_discard(partition: &QualifiedName, world: &ObservedTable) -> Result<(), &'static str> {
    let table = prepared(partition, world)?;
    ensure(table.dependents.is_empty(), "nothing is dropped that other objects depend on")?;
    ensure(table.attachment == Attachment::Prepared, "it has never been a partition")
}

fn check_create(new: &NewPartition, world: &ObservedTable) -> Result<(), &'static str> {
    let is_of_table = new.table == world.name && new.managed == world.managed;
    ensure(is_of_table, "only partitions of this table are made")?;
    ensure(new.partition.schema == world.managed.name().schema, "in the schema of the table")?;
    ensure(!world.taken.contains(&new.partition.name), "no name is used twice")?;
    fits_in(&new.bounds, world)
}

fn check_attach(attach: &Attach, world: &ObservedTable) -> Result<(), &'static str> {
    let table = prepared(&attach.partition, world)?;
    let is_to_table = attach.table == world.name && attach.managed == world.managed;
    ensure(is_to_table, "partitions are attached to this table only")?;
    ensure(table.bounds == attach.bounds, "what was made for a range is attached for it")?;
    let marker = &attach.marker;
    let is_bound = marker.parent == world.relation.as_ref().map(|relation| relation.oid);
    ensure(is_bound && marker.mark == Mark::Attached, "its comment says what it is attached to")?;
    let is_again = table.attachment == Attachment::Detached;
    let is_used_up = !is_again || marker.cycle > table.cycle;
    ensure(is_used_up, "an approval is used up by what it approved")?;
    let is_known =
        table.attachment == Attachment::Prepared || table.bounds_check == BoundsCheck::Proven;
    ensure(is_known || attach.key.is_none(), "what is attached is not scanned under a lock")?;
    indexes::check_replaced(&attach.replaced, table, world)?;
    fits_in(&attach.bounds, world)
}

fn ensure(holds: bool, rule: &'static str) -> Result<(), &'static str> {
    if holds { Ok(()) } else { Err(rule) }
}

/// Whether rows of these bounds have no partition yet.
fn fits_in(bounds: &Bounds, world: &ObservedTable) -> Result<(), &'static str> {
    ensure(!matches!(bounds, Bounds::Other(_)), "nothing is made for bounds that are not managed")?;
    let occupied = world.partitions.iter().filter(|p| p.hangs_on());
    let overlaps = |other: &Bounds| match (bounds, other) {
        (Bounds::Range(a), Bounds::Range(b)) => a.overlaps(b),
        (Bounds::Hash { modulus: m, remainder: r }, Bounds::Hash { modulus: n, remainder: s }) => {
            let smaller = m.min(n);
            r.checked_rem(*smaller) == s.checked_rem(*smaller)
        }
        (Bounds::Default, Bounds::Default) | (Bounds::Other(_), _) => true,
        (Bounds::Default, _)
        | (Bounds::Range(_), Bounds::Hash { .. } | Bounds::Default | Bounds::Other(_))
        | (Bounds::Hash { .. }, Bounds::Range(_) | Bounds::Default | Bounds::Other(_)) => false,
    };
    let free = occupied.into_iter().all(|p| !overlaps(&p.bounds));
    ensure(free, "no two partitions take the same row")
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
