//! Rules for steps on a default partition.

use super::allowance::Allowance;
use super::site::Site;
use super::{SafetyRule, attached, check_attach};
use crate::observed::{DefaultFacts, ObservedPartition, Relation};
use crate::partition::{Bounds, Identifier, QualifiedName};
use crate::plan::step::{AddDefaultCheck, Attach, Drain};

/// A default partition that has anything in it is never scanned under an exclusive lock.
pub(super) fn beside(attach: &Attach, world: &Site<'_>) -> Result<(), SafetyRule> {
    let Some((default, facts)) = world.default_partition() else { return Ok(()) };
    world.ensure(attach.default.as_ref() == Some(&default.name), SafetyRule::DefaultKnown)?;
    let promised =
        facts.checks.iter().any(|e| Some(&e.name) == attach.exclusion.as_ref() && e.validated);
    world.ensure(default.bytes == 0 || promised, SafetyRule::NoDefaultScan)
}

pub(super) fn check_drain(drain: &Drain, world: &Site<'_>) -> Result<(), SafetyRule> {
    check_attach(&drain.attach, world)?;
    let (_, facts) = is_default(&drain.default, world)?;
    let referenced = world.relation.as_ref().is_none_or(|r| !r.referenced_by.is_empty());
    world.ensure(!referenced, SafetyRule::NoMovedReference)?;
    let runs_code = world.relation.as_ref().is_none_or(Relation::runs_code_with_more_rights);
    world.ensure(!runs_code, SafetyRule::NoOwnerCode)?;
    world.ensure(drain.triggers == facts.triggers, SafetyRule::NoTrigger)
}

pub(super) fn check_remove(
    default: &QualifiedName,
    world: &Site<'_>,
    allowance: &Allowance<'_>,
) -> Result<(), SafetyRule> {
    world.ensure(allowance.covers_current_period(world), SafetyRule::CurrentPeriodCovered)?;
    let (default, _) = is_default(default, world)?;
    world.ensure(default.state.is_managed(), SafetyRule::Managed)?;
    world.ensure(default.dependents.is_empty(), SafetyRule::NoDependents)?;
    let is_empty = default.bytes == 0 || world.default_count == Some(0);
    world.ensure(is_empty, SafetyRule::EmptyDefault)
}

pub(super) fn check_exclude(add: &AddDefaultCheck, world: &Site<'_>) -> Result<(), SafetyRule> {
    let (_, facts) = is_default(&add.default, world)?;
    world.ensure(facts.checks.iter().all(|e| e.name != add.exclusion), SafetyRule::UnusedName)
}

pub(super) fn check_promised(
    default: &QualifiedName,
    exclusion: &Identifier,
    world: &Site<'_>,
) -> Result<(), SafetyRule> {
    let (_, facts) = is_default(default, world)?;
    world.ensure(facts.checks.iter().any(|e| e.name == *exclusion), SafetyRule::DefaultCheckExists)
}

fn is_default<'a>(
    name: &QualifiedName,
    world: &Site<'a>,
) -> Result<(&'a ObservedPartition, &'a DefaultFacts), SafetyRule> {
    let found = attached(name, world)?;
    world.ensure(found.bounds == Bounds::Default, SafetyRule::IsDefault)?;
    Ok((found, world.need(found.default.as_ref(), SafetyRule::IsDefault)?))
}
