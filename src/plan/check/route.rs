//! Rules of safety for routing.

use super::conversion::{copy, names_both};
use super::conversion_spec::ConversionSpec;
use super::{SafetyRule, SimulatedState};
use crate::observed::{Sweep, SyncState};
use crate::partition::{CopiedTable, QualifiedName, Side, route_view};
use crate::plan::step::{PathChange, Route, Unroute};

/// A role is routed only if the spec names it, and to the copy only while that is in parity.
pub(super) fn check_route(
    route: &Route,
    state: &SimulatedState<'_>,
    spec: &ConversionSpec<'_>,
) -> Result<(), SafetyRule> {
    names_view(&route.table, &route.view, state)?;
    let facts = copy(state)?;
    let options = state.need(spec.options, SafetyRule::ConversionRequested)?;
    let is_routed = |change: &&PathChange| {
        let path = change.to.as_ref();
        path.is_some_and(|path| path.elements().any(|name| name == route.view.schema.as_str()))
    };
    let set = route.paths.iter().filter(is_routed).map(|change| &change.role);
    let listed = route.listed.iter().map(|routed| &routed.role);
    let are_wanted = set.chain(listed).all(|role| options.routing.contains(role));
    state.ensure(are_wanted, SafetyRule::RoutedAsRequested)?;
    let reads_copy = route.creates.as_ref().is_some_and(|view| view.reads == Side::Partitioned);
    if !reads_copy {
        return Ok(());
    }
    let is_intact = facts.sync(&route.table, options.sync) == SyncState::Intact;
    let is_proven = facts.is_complete() && facts.parity().is_some_and(Sweep::is_clean);
    state.ensure(is_intact && is_proven, SafetyRule::RoutedInParity)
}

pub(super) fn check_unroute(
    unroute: &Unroute,
    state: &SimulatedState<'_>,
) -> Result<(), SafetyRule> {
    names_view(&unroute.table, &unroute.view, state)?;
    copy(state).map(drop)
}

/// The view has the name of this table, and is not one of a user.
fn names_view(
    table: &CopiedTable,
    view: &QualifiedName,
    state: &SimulatedState<'_>,
) -> Result<(), SafetyRule> {
    names_both(table, state)?;
    state.ensure(*view == route_view(&state.managed), SafetyRule::OfTable)?;
    let routing = state.table.copy.as_ref().and_then(|copy| copy.routing.as_ref());
    let found = routing.and_then(|routing| routing.view.as_ref());
    state.ensure(found.is_none_or(|found| found.managed), SafetyRule::ManagedView)
}
