//! The rules of safety, known apart from those of planning. Only what passes here is executed.

mod allowance;
mod attach;
mod conversion;
mod default;
mod expiry;
mod index;
mod retention;
mod route;
mod rule;
mod site;
mod swap;
mod wanted;

use allowance::Allowance;
pub use rule::SafetyRule;
use site::Site;
use wanted::Wanted;

use super::step::{Attach, NewPartition};
use super::{Plan, PlanTime, Step, simulate};
use crate::desired::DesiredTable;
use crate::observed::{BoundsCheck, ObservedPartition, ObservedTable, PartitionState};
use crate::partition::{Bounds, MarkerState, QualifiedName};

/// A plan that keeps the rules of safety. Only [`check`] makes one, and only it can be executed.
#[derive(Debug)]
pub struct CheckedPlan(Plan);

impl CheckedPlan {
    /// Checked plan.
    pub fn plan(&self) -> &Plan {
        &self.0
    }
}

/// Safety rule that a plan violates, which is a bug of the operator. Such a plan is never executed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("step {position} violates a safety rule: {rule}")]
pub struct Violation {
    /// Which step, counted from 1.
    pub position: usize,
    /// Violated rule.
    pub rule: SafetyRule,
}

/// Holds each step against the world as the steps before it leave it.
///
/// # Errors
/// The first rule that is broken.
pub fn check(
    plan: Plan,
    desired: &DesiredTable,
    observed: &ObservedTable,
    moment: &PlanTime,
) -> Result<CheckedPlan, Violation> {
    match violation(&plan, desired, observed, moment, &|_, _| false) {
        None => Ok(CheckedPlan(plan)),
        Some(violation) => Err(violation),
    }
}

/// Returns the first violation of a plan, or `None` if there is none.
///
/// The tests waive one rule at a time for one verb, and see that no other rule stands in for it.
#[must_use]
pub fn violation(
    plan: &Plan,
    desired: &DesiredTable,
    observed: &ObservedTable,
    moment: &PlanTime,
    waives: &dyn Fn(SafetyRule, &'static str) -> bool,
) -> Option<Violation> {
    let mut world = observed.clone();
    let allowance = Allowance::new(plan, desired, observed, moment);
    let wanted = Wanted::new(plan, desired, observed, moment);
    let successors = index::Successors::from_steps(&plan.steps);
    for (at, planned) in plan.steps.iter().enumerate() {
        let verb = planned.step.verb();
        let site = Site { world: &world, verb, waives };
        let steps = plan.steps.get(..=at).unwrap_or_default();
        let next = plan.steps.get(at + 1);
        let verdict = check_step(&planned.step, &site, (&allowance, &wanted))
            .and_then(|()| conversion::keeps_rows(&planned.step, &site))
            .and_then(|()| successors.come_first(&planned.step, at, &site))
            .and_then(|()| allowance.within_limit(steps, &site))
            .and_then(|()| retention::recorded_next(&planned.step, next, &site));
        // A step about what does not exist cannot be judged any further.
        if let Err(rule) = verdict
            && !waives(rule, verb)
        {
            return Some(Violation { position: at + 1, rule });
        }
        simulate(&mut world, &planned.step);
    }
    let work = &plan.work.as_ref()?.work;
    // None of the steps has been done.
    let site = Site { world: observed, verb: work.verb(), waives };
    let rule = conversion::check_work(work, &wanted, &site).err()?;
    (!waives(rule, work.verb())).then(|| Violation { position: plan.steps.len() + 1, rule })
}

fn check_step(
    step: &Step,
    world: &Site<'_>,
    (allowance, wanted): (&Allowance<'_>, &Wanted<'_>),
) -> Result<(), SafetyRule> {
    match step {
        Step::CreatePartition(new) => check_create(new, world),
        Step::AttachPartition(attach) => {
            check_attach(attach, world).and_then(|()| default::beside(attach, world))
        }
        Step::DiscardPartition(discard) => check_discard(&discard.partition, world),
        Step::DrainDefault(drain) => default::check_drain(drain, world),
        Step::DropDefault(remove) => default::check_remove(&remove.default, world, allowance),
        Step::AddDefaultCheck(add) => default::check_exclude(add, world),
        Step::ValidateDefaultCheck(check) => {
            default::check_promised(&check.default, &check.exclusion, world)
        }
        Step::DropDefaultCheck(drop) => {
            default::check_promised(&drop.default, &drop.exclusion, world)
        }
        Step::MarkPartitions(mark) => retention::check_mark(mark, world, allowance),
        Step::DetachPartition(detach) => retention::check_detach(detach, world, allowance),
        Step::FinalizeDetach(finalize) => retention::check_finalize(&finalize.partition, world),
        Step::RecordDetach(record) => retention::check_record_detach(record, world, allowance),
        Step::AddBoundsCheck(state) if attach::is_plain(&state.partition, world) => {
            attach::check_state(state, world, wanted)
        }
        Step::AddBoundsCheck(state) => retention::check_state(state, world),
        Step::ValidateBoundsCheck(check) if attach::is_plain(&check.partition, world) => {
            attach::check_validate(check, world)
        }
        Step::ValidateBoundsCheck(check) => retention::check_validate(check, world),
        Step::DropBoundsCheck(drop) => attach::check_drop_bounds(drop, world),
        Step::DropDetached(drop) => retention::check_drop(drop, world, allowance),
        Step::CreateParentIndex(create) => index::check_create(create, world),
        Step::BuildIndex(build) => index::check_build(build, world),
        Step::AttachIndex(attach) => index::check_attach(attach, world),
        Step::DropIndex(drop) => index::check_drop(drop, world),
        Step::DropParentIndex(drop) => index::check_drop_spare(&drop.index, world),
        Step::ReplaceParentIndex(replace) => index::check_replace(replace, world),
        Step::CreateCopy(create) => conversion::check_create(create, world, wanted),
        Step::InstallSync(install) => conversion::check_install(install, world, wanted),
        Step::FollowSource(step) => conversion::check_follow(step, world, wanted),
        Step::ValidateCopy(step) => conversion::check_validate(step, world),
        Step::AnalyzeCopy(analyze) => conversion::check_analyze(analyze, world),
        Step::EndSync(end) => conversion::check_end(end, world, wanted),
        Step::DropCopy(drop) => conversion::check_drop(drop, world, wanted),
        Step::Swap(step) => swap::check_swap(step, world, wanted),
        Step::DropSource(drop) => swap::check_drop_source(drop, world, wanted),
        Step::AttachSource(step) => attach::check_attach(step, world, wanted),
        Step::DetachSource(step) => attach::check_detach(step, world, wanted),
        Step::Route(step) => route::check_route(step, world, wanted),
        Step::Unroute(unroute) => route::check_unroute(unroute, world),
    }
}

fn check_discard(partition: &QualifiedName, world: &Site<'_>) -> Result<(), SafetyRule> {
    let table = prepared(partition, world)?;
    world.ensure(table.dependents.is_empty(), SafetyRule::NoDependents)?;
    world.ensure(table.state == PartitionState::NeverAttached, SafetyRule::NeverAttached)
}

fn check_create(new: &NewPartition, world: &Site<'_>) -> Result<(), SafetyRule> {
    let is_of_table = new.table == world.name && new.managed == world.managed;
    world.ensure(is_of_table, SafetyRule::OfTable)?;
    world.ensure(new.partition.schema == world.managed.name().schema, SafetyRule::OfTable)?;
    world.ensure(!world.taken.contains(&new.partition.name), SafetyRule::UnusedName)?;
    fits_in(&new.bounds, world)
}

fn check_attach(attach: &Attach, world: &Site<'_>) -> Result<(), SafetyRule> {
    let table = prepared(&attach.partition, world)?;
    let is_to_table = attach.table == world.name && attach.managed == world.managed;
    world.ensure(is_to_table, SafetyRule::OfTable)?;
    world.ensure(table.bounds == attach.bounds, SafetyRule::SameBounds)?;
    let marker = &attach.marker;
    let is_bound = marker.parent == world.relation.as_ref().map(|relation| relation.oid);
    world.ensure(is_bound && marker.mark == MarkerState::Attached, SafetyRule::MarkerBound)?;
    let is_again = table.state.is_detached();
    if is_again {
        world.ensure(marker.cycle > table.cycle, SafetyRule::NewCycle)?;
    }
    let is_known = table.state == PartitionState::NeverAttached
        || table.state.bounds_check() == BoundsCheck::Validated;
    // Rows of a hash partition are not looked at.
    let is_hash = matches!(attach.bounds, Bounds::Hash { .. });
    world.ensure(is_known || is_hash, SafetyRule::NoScanOnAttach)?;
    index::check_replaced(&attach.replaced, table, world)?;
    fits_in(&attach.bounds, world)
}

/// Whether rows of these bounds have no partition yet.
fn fits_in(bounds: &Bounds, world: &Site<'_>) -> Result<(), SafetyRule> {
    world.ensure(!matches!(bounds, Bounds::Other(_)), SafetyRule::KnownBounds)?;
    let occupied = world.partitions.iter().filter(|p| p.state.is_partition());
    let overlaps = |other: &Bounds| match (bounds, other) {
        (Bounds::Range(a), Bounds::Range(b)) => a.range.overlaps(&b.range),
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
    world.ensure(free, SafetyRule::NoOverlap)
}

fn find<'a>(name: &QualifiedName, world: &Site<'a>) -> Result<&'a ObservedPartition, SafetyRule> {
    world.need(world.world.partition(name), SafetyRule::PartitionExists)
}

fn prepared<'a>(
    name: &QualifiedName,
    world: &Site<'a>,
) -> Result<&'a ObservedPartition, SafetyRule> {
    let found = find(name, world)?;
    world.ensure(!found.state.is_partition(), SafetyRule::NotAttached)?;
    world.ensure(found.state.is_managed(), SafetyRule::Managed)?;
    world.ensure(found.owned, SafetyRule::Owned)?;
    Ok(found)
}

fn attached<'a>(
    name: &QualifiedName,
    world: &Site<'a>,
) -> Result<&'a ObservedPartition, SafetyRule> {
    let found = find(name, world)?;
    world.ensure(found.state.is_attached(), SafetyRule::Attached)?;
    Ok(found)
}
