//! `status.conversion.routing`: which roles read the copy before the cutover.

use super::Observation;
use crate::api::v1alpha1::RoutedRole;
use crate::desired::ConversionMethod;
use crate::observed::{RouteRole, RoutingFacts};
use crate::partition::{Identifier, ManagedTable, Side, route_view};

/// Returns each role of the spec, or nothing if the partitioned table has the name.
pub(super) fn routing(observation: &Observation<'_>) -> Vec<RoutedRole> {
    let method = observation.desired.conversion.as_ref().map(|conversion| &conversion.method);
    let Some(ConversionMethod::Copy(options)) = method else { return Vec::new() };
    let managed = &observation.observed.managed;
    let copy = observation.observed.copy.as_ref().filter(|copy| copy.serving == Side::Source);
    let facts = copy.and_then(|copy| copy.routing.as_deref());
    let roles = options.routing.iter().filter(|_| copy.is_some());
    roles.map(|role| reported(role, facts, managed)).collect()
}

fn reported(role: &Identifier, facts: Option<&RoutingFacts>, table: &ManagedTable) -> RoutedRole {
    let view = facts.and_then(RoutingFacts::managed_view);
    let known = facts.and_then(|facts| facts.role(role));
    let reads_copy = view.is_some_and(|view| view.reads == Some(Side::Partitioned));
    let routed = reads_copy && known.is_some_and(|known| sees_view(known, table));
    let older = known.and_then(|known| known.older_sessions).filter(|_| routed);
    RoutedRole {
        role: role.as_str().to_owned(),
        routed,
        older_sessions: older.and_then(|count| i32::try_from(count).ok()),
    }
}

fn sees_view(role: &RouteRole, table: &ManagedTable) -> bool {
    let path = role.path();
    path.with(&route_view(table).schema, &table.name().schema, &role.name) == Some(path)
}
