//! Rules for steps on a default partition.

use super::allowance::Allowance;
use super::simulated_state::SimulatedState;
use super::{SafetyRule, attached, check_attach};
use crate::observed::{DefaultFacts, ObservedPartition, Relation};
use crate::partition::{Bounds, Identifier, QualifiedName};
use crate::plan::step::{AddDefaultCheck, Attach, Drain};

/// A default partition that has anything in it is never scanned under an exclusive lock.
pub(super) fn check_attach_beside(
    attach: &Attach,
    state: &SimulatedState<'_>,
) -> Result<(), SafetyRule> {
    let Some((default, facts)) = state.default_partition() else { return Ok(()) };
    state.ensure(attach.default.as_ref() == Some(&default.name), SafetyRule::DefaultKnown)?;
    let has_check =
        facts.checks.iter().any(|e| Some(&e.name) == attach.default_check.as_ref() && e.validated);
    state.ensure(default.bytes == 0 || has_check, SafetyRule::NoDefaultScan)
}

pub(super) fn check_drain(drain: &Drain, state: &SimulatedState<'_>) -> Result<(), SafetyRule> {
    check_attach(&drain.attach, state)?;
    let (_, facts) = is_default(&drain.default, state)?;
    let referenced = state.relation.as_ref().is_none_or(|r| !r.referenced_by.is_empty());
    state.ensure(!referenced, SafetyRule::NoMovedReference)?;
    let runs_code = state.relation.as_ref().is_none_or(Relation::runs_code_with_more_rights);
    state.ensure(!runs_code, SafetyRule::NoOwnerCode)?;
    state.ensure(drain.triggers == facts.triggers, SafetyRule::NoTrigger)
}

pub(super) fn check_remove(
    default: &QualifiedName,
    state: &SimulatedState<'_>,
    allowance: &Allowance<'_>,
) -> Result<(), SafetyRule> {
    state.ensure(allowance.covers_current_period(state), SafetyRule::CurrentPeriodCovered)?;
    let (default, _) = is_default(default, state)?;
    state.ensure(default.state.is_managed(), SafetyRule::Managed)?;
    state.ensure(default.dependents.is_empty(), SafetyRule::NoDependents)?;
    let is_empty = default.bytes == 0 || state.default_count == Some(0);
    state.ensure(is_empty, SafetyRule::EmptyDefault)
}

pub(super) fn check_add(
    add: &AddDefaultCheck,
    state: &SimulatedState<'_>,
) -> Result<(), SafetyRule> {
    let (_, facts) = is_default(&add.default, state)?;
    state.ensure(facts.checks.iter().all(|e| e.name != add.default_check), SafetyRule::UnusedName)
}

pub(super) fn check_exists(
    default: &QualifiedName,
    default_check: &Identifier,
    state: &SimulatedState<'_>,
) -> Result<(), SafetyRule> {
    let (_, facts) = is_default(default, state)?;
    state.ensure(
        facts.checks.iter().any(|e| e.name == *default_check),
        SafetyRule::DefaultCheckExists,
    )
}

fn is_default<'a>(
    name: &QualifiedName,
    state: &SimulatedState<'a>,
) -> Result<(&'a ObservedPartition, &'a DefaultFacts), SafetyRule> {
    let found = attached(name, state)?;
    state.ensure(found.bounds == Bounds::Default, SafetyRule::IsDefault)?;
    Ok((found, state.need(found.default.as_ref(), SafetyRule::IsDefault)?))
}
