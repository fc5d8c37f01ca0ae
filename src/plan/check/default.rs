//! What may be done to a default partition.

use super::letting_go::Leave;
use super::{attached, ensure};
use crate::observed::{ObservedPartition, ObservedTable, Origin, Relation};
use crate::partition::{Bounds, Identifier, QualifiedName};
use crate::plan::step::Drain;

/// A default partition that has anything in it is never scanned under an exclusive lock.
pub(super) fn beside(
    named: Option<&QualifiedName>,
    exclusion: Option<&Identifier>,
    world: &ObservedTable,
) -> Result<(), &'static str> {
    let Some(default) = world.default_partition() else { return Ok(()) };
    ensure(named == Some(&default.name), "the default partition is known")?;
    let promised = default.exclusions.iter().any(|e| Some(&e.name) == exclusion && e.validated);
    ensure(default.bytes == 0 || promised, "the default partition is not scanned under a lock")
}

pub(super) fn check_drain(drain: &Drain, world: &ObservedTable) -> Result<(), &'static str> {
    let default = is_default(&drain.default, world)?;
    let referenced = world.relation.as_ref().is_none_or(|r| !r.referenced_by.is_empty());
    ensure(!referenced, "no row is moved that a foreign key may follow")?;
    let runs_code = world.relation.as_ref().is_none_or(Relation::runs_code_with_more_rights);
    ensure(!runs_code, "no code of the owner runs where the login can do more than the owner")?;
    ensure(drain.triggers == default.triggers, "no trigger fires for rows that are moved")
}

pub(super) fn check_remove(
    default: &QualifiedName,
    world: &ObservedTable,
    leave: &Leave<'_>,
) -> Result<(), &'static str> {
    ensure(leave.has_place_for_now(world), "rows of now keep their place")?;
    let default = is_default(default, world)?;
    ensure(default.origin == Origin::Ours, "it is ours")?;
    ensure(default.dependents.is_empty(), "nothing is dropped that other objects depend on")?;
    let is_empty = default.bytes == 0 || world.default_count == Some(0);
    ensure(is_empty, "a default partition with rows stays")
}

pub(super) fn check_exclude(
    default: &QualifiedName,
    exclusion: &Identifier,
    world: &ObservedTable,
) -> Result<(), &'static str> {
    let found = is_default(default, world)?;
    ensure(found.exclusions.iter().all(|e| e.name != *exclusion), "no name is used twice")
}

pub(super) fn check_promised(
    default: &QualifiedName,
    exclusion: &Identifier,
    world: &ObservedTable,
) -> Result<(), &'static str> {
    let found = is_default(default, world)?;
    ensure(found.exclusions.iter().any(|e| e.name == *exclusion), "the promise is there")
}

fn is_default<'a>(
    name: &QualifiedName,
    world: &'a ObservedTable,
) -> Result<&'a ObservedPartition, &'static str> {
    let found = attached(name, world)?;
    ensure(found.bounds == Bounds::Default, "it is the default partition")?;
    Ok(found)
}
