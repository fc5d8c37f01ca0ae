//! Model of Postgres: the state after the steps of routing.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::observed::{ObservedTable, RouteRole, RouteSchema, RouteView, RoutingFacts};
use crate::partition::SearchPath;
use crate::plan::step::{PathChange, Route, Unroute};

/// Applies the view and the search paths of the step. The next inspection reads the time since which a role is routed.
pub(super) fn routed(state: &mut ObservedTable, route: &Route) {
    on_routing(state, |facts| {
        let owned = RouteSchema { marked: true, owned: true, trusted: true, can_create: true };
        facts.schema.get_or_insert(owned);
        if let Some(view) = &route.creates {
            facts.view = Some(RouteView {
                managed: true,
                reads: Some(view.reads),
                columns: view.columns.clone(),
                grants_match: true,
                invoker: view.invoker,
                since: BTreeMap::new(),
            });
        }
        if let Some(view) = &mut facts.view {
            let since = |at: Option<Timestamp>| at.unwrap_or_default();
            view.since = route.listed.iter().map(|of| (of.role.clone(), since(of.since))).collect();
            view.grants_match = true;
        }
        let users = |role: &&mut RouteRole| route.users.contains(&role.name);
        facts.roles.iter_mut().filter(users).for_each(|role| role.uses_schema = true);
        set_paths(facts, &route.paths);
    });
    if let Some(copy) = &mut state.copy {
        copy.routed = true;
    }
}

/// Whether the schema was empty is for the next look.
pub(super) fn unrouted(state: &mut ObservedTable, unroute: &Unroute) {
    on_routing(state, |facts| {
        facts.view = None;
        if unroute.drops_schema {
            facts.schema = None;
        }
        set_paths(facts, &unroute.paths);
    });
    if let Some(copy) = &mut state.copy {
        copy.routed = false;
    }
}

fn set_paths(facts: &mut RoutingFacts, paths: &[PathChange]) {
    for change in paths {
        let of_role = facts.roles.iter_mut().find(|role| role.name == change.role);
        if let Some(role) = of_role {
            role.setting = change.to.as_ref().map(SearchPath::stored);
        }
    }
}

fn on_routing(state: &mut ObservedTable, change: impl FnOnce(&mut RoutingFacts)) {
    if let Some(routing) = state.copy.as_mut().and_then(|copy| copy.routing.as_mut()) {
        change(routing);
    }
}
