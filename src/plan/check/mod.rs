//! The rules of safety, known apart from those of planning. Only what passes here is executed.

mod allowance;
mod attach;
mod conversion;
mod conversion_spec;
mod default;
mod expiry;
mod index;
mod retention;
mod route;
mod rule;
mod simulated_state;
mod swap;

use allowance::Allowance;
use conversion_spec::ConversionSpec;
pub use rule::SafetyRule;
use simulated_state::SimulatedState;

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

/// Checks each step against the simulated state that the steps before it produce.
///
/// # Errors
/// The first rule that is broken.
pub fn check(
    plan: Plan,
    desired: &DesiredTable,
    observed: &ObservedTable,
    time: &PlanTime,
) -> Result<CheckedPlan, Violation> {
    match violation(&plan, desired, observed, time, &|_, _| false) {
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
    time: &PlanTime,
    waives: &dyn Fn(SafetyRule, &'static str) -> bool,
) -> Option<Violation> {
    let mut state = observed.clone();
    let allowance = Allowance::new(plan, desired, observed, time);
    let spec = ConversionSpec::new(plan, desired, observed, time);
    let successors = index::Successors::from_steps(&plan.steps);
    for (at, planned) in plan.steps.iter().enumerate() {
        let verb = planned.step.verb();
        let simulated = SimulatedState { table: &state, verb, waives };
        let steps = plan.steps.get(..=at).unwrap_or_default();
        let next = plan.steps.get(at + 1);
        let verdict = check_step(&planned.step, &simulated, (&allowance, &spec))
            .and_then(|()| conversion::keeps_rows(&planned.step, &simulated))
            .and_then(|()| successors.precede(&planned.step, at, &simulated))
            .and_then(|()| allowance.within_limit(steps, &simulated))
            .and_then(|()| retention::recorded_next(&planned.step, next, &simulated));
        // A step about what does not exist cannot be judged any further.
        if let Err(rule) = verdict
            && !waives(rule, verb)
        {
            return Some(Violation { position: at + 1, rule });
        }
        simulate(&mut state, &planned.step);
    }
    let work = &plan.work.as_ref()?.work;
    // None of the steps has been done.
    let simulated = SimulatedState { table: observed, verb: work.verb(), waives };
    let rule = conversion::check_work(work, &spec, &simulated).err()?;
    (!waives(rule, work.verb())).then(|| Violation { position: plan.steps.len() + 1, rule })
}

fn check_step(
    step: &Step,
    state: &SimulatedState<'_>,
    (allowance, spec): (&Allowance<'_>, &ConversionSpec<'_>),
) -> Result<(), SafetyRule> {
    match step {
        Step::CreatePartition(new) => check_create(new, state),
        Step::AttachPartition(attach) => {
            check_attach(attach, state).and_then(|()| default::check_attach_beside(attach, state))
        }
        Step::DiscardPartition(discard) => check_discard(&discard.partition, state),
        Step::DrainDefault(drain) => default::check_drain(drain, state),
        Step::DropDefault(remove) => default::check_remove(&remove.default, state, allowance),
        Step::AddDefaultCheck(add) => default::check_add(add, state),
        Step::ValidateDefaultCheck(check) => {
            default::check_exists(&check.default, &check.default_check, state)
        }
        Step::DropDefaultCheck(drop) => {
            default::check_exists(&drop.default, &drop.default_check, state)
        }
        Step::MarkPartitions(mark) => retention::check_mark(mark, state, allowance),
        Step::DetachPartition(detach) => retention::check_detach(detach, state, allowance),
        Step::FinalizeDetach(finalize) => retention::check_finalize(&finalize.partition, state),
        Step::RecordDetach(record) => retention::check_record_detach(record, state, allowance),
        Step::AddBoundsCheck(add) if attach::is_plain(&add.partition, state) => {
            attach::check_add_bounds(add, state, spec)
        }
        Step::AddBoundsCheck(add) => retention::check_add_bounds(add, state),
        Step::ValidateBoundsCheck(check) if attach::is_plain(&check.partition, state) => {
            attach::check_validate(check, state)
        }
        Step::ValidateBoundsCheck(check) => retention::check_validate(check, state),
        Step::DropBoundsCheck(drop) => attach::check_drop_bounds(drop, state),
        Step::DropDetached(drop) => retention::check_drop(drop, state, allowance),
        Step::CreateParentIndex(create) => index::check_create(create, state),
        Step::BuildIndex(build) => index::check_build(build, state),
        Step::AttachIndex(attach) => index::check_attach(attach, state),
        Step::DropIndex(drop) => index::check_drop(drop, state),
        Step::DropParentIndex(drop) => index::check_drop_spare(&drop.index, state),
        Step::ReplaceParentIndex(replace) => index::check_replace(replace, state),
        Step::CreateCopy(create) => conversion::check_create(create, state, spec),
        Step::InstallSync(install) => conversion::check_install(install, state, spec),
        Step::FollowSource(step) => conversion::check_follow(step, state, spec),
        Step::ValidateCopy(step) => conversion::check_validate(step, state),
        Step::AnalyzeCopy(analyze) => conversion::check_analyze(analyze, state),
        Step::EndSync(end) => conversion::check_end(end, state, spec),
        Step::DropCopy(drop) => conversion::check_drop(drop, state, spec),
        Step::Swap(step) => swap::check_swap(step, state, spec),
        Step::DropSource(drop) => swap::check_drop_source(drop, state, spec),
        Step::AttachSource(step) => attach::check_attach(step, state, spec),
        Step::DetachSource(step) => attach::check_detach(step, state, spec),
        Step::Route(step) => route::check_route(step, state, spec),
        Step::Unroute(unroute) => route::check_unroute(unroute, state),
    }
}

fn check_discard(partition: &QualifiedName, state: &SimulatedState<'_>) -> Result<(), SafetyRule> {
    let table = find_unattached(partition, state)?;
    state.ensure(table.dependents.is_empty(), SafetyRule::NoDependents)?;
    state.ensure(table.state == PartitionState::NeverAttached, SafetyRule::NeverAttached)
}

fn check_create(new: &NewPartition, state: &SimulatedState<'_>) -> Result<(), SafetyRule> {
    let is_of_table = new.table == state.name && new.managed == state.managed;
    state.ensure(is_of_table, SafetyRule::OfTable)?;
    state.ensure(new.partition.schema == state.managed.name().schema, SafetyRule::OfTable)?;
    state.ensure(!state.taken.contains(&new.partition.name), SafetyRule::UnusedName)?;
    check_no_overlap(&new.bounds, state)
}

fn check_attach(attach: &Attach, state: &SimulatedState<'_>) -> Result<(), SafetyRule> {
    let table = find_unattached(&attach.partition, state)?;
    let is_to_table = attach.table == state.name && attach.managed == state.managed;
    state.ensure(is_to_table, SafetyRule::OfTable)?;
    state.ensure(table.bounds == attach.bounds, SafetyRule::SameBounds)?;
    let marker = &attach.marker;
    let is_bound = marker.parent == state.relation.as_ref().map(|relation| relation.oid);
    state.ensure(is_bound && marker.state == MarkerState::Attached, SafetyRule::MarkerBound)?;
    let is_again = table.state.is_detached();
    if is_again {
        state.ensure(marker.cycle > table.cycle, SafetyRule::NewCycle)?;
    }
    let is_known = table.state == PartitionState::NeverAttached
        || table.state.bounds_check() == BoundsCheck::Validated;
    // Rows of a hash partition are not looked at.
    let is_hash = matches!(attach.bounds, Bounds::Hash { .. });
    state.ensure(is_known || is_hash, SafetyRule::NoScanOnAttach)?;
    index::check_replaced(&attach.replaced, table, state)?;
    check_no_overlap(&attach.bounds, state)
}

/// Whether rows of these bounds have no partition yet.
fn check_no_overlap(bounds: &Bounds, state: &SimulatedState<'_>) -> Result<(), SafetyRule> {
    state.ensure(!matches!(bounds, Bounds::Other(_)), SafetyRule::KnownBounds)?;
    let occupied = state.partitions.iter().filter(|p| p.state.is_partition());
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
    state.ensure(free, SafetyRule::NoOverlap)
}

fn find<'a>(
    name: &QualifiedName,
    state: &SimulatedState<'a>,
) -> Result<&'a ObservedPartition, SafetyRule> {
    state.need(state.table.partition(name), SafetyRule::PartitionExists)
}

fn find_unattached<'a>(
    name: &QualifiedName,
    state: &SimulatedState<'a>,
) -> Result<&'a ObservedPartition, SafetyRule> {
    let found = find(name, state)?;
    state.ensure(!found.state.is_partition(), SafetyRule::NotAttached)?;
    state.ensure(found.state.is_managed(), SafetyRule::Managed)?;
    state.ensure(found.owned, SafetyRule::Owned)?;
    Ok(found)
}

fn attached<'a>(
    name: &QualifiedName,
    state: &SimulatedState<'a>,
) -> Result<&'a ObservedPartition, SafetyRule> {
    let found = find(name, state)?;
    state.ensure(found.state.is_attached(), SafetyRule::Attached)?;
    Ok(found)
}
