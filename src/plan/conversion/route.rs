//! Routing: roles that read the copy instead of the plain table before the cutover.
//!
//! A view precedes the table in the search path of these roles. It reads the copy while the copy is in parity, and the
//! plain table otherwise. The view is created at the first parity and dropped at the cutover, when the name itself refers to
//! the partitioned table.

use std::collections::BTreeSet;

use super::copy::sync;
use super::{Copied, Phase};
use crate::desired::ParityLevel;
use crate::observed::{CopyFacts, RouteRole, RouteView, RoutingFacts, SyncState};
use crate::partition::{CopiedTable, Identifier, QualifiedName, ServerVersion, Side, route_view};
use crate::plan::draft::Draft;
use crate::plan::preconditions::Context;
use crate::plan::step::{PathChange, Route, RoutedRole, RoutingView, Unroute};
use crate::plan::{Blocker, Cause, ConversionBlocker, RouteFault, RoutingFault, Step};

/// First version with `security_invoker` views, which apply the privileges and row security of the reader.
const HAS_INVOKER_VIEWS: ServerVersion = ServerVersion(150_000);

/// Routes the roles of the spec, and ends the routing of roles that the spec no longer names.
pub(in crate::plan) fn route(context: &Context<'_>, draft: &mut Draft) {
    let (table, wanted, reads) = match &context.phase {
        Phase::Copied(copied) if copied.facts.serving == Side::Source => {
            let is_in_parity = is_in_parity(copied);
            // The routing does not change immediately before the cutover.
            if is_in_parity && copied.serve_from == Side::Partitioned {
                return;
            }
            let reads = if is_in_parity { Side::Partitioned } else { Side::Source };
            (&copied.table, copied.options.routing.clone(), reads)
        }
        Phase::Copied(copied) => (&copied.table, BTreeSet::new(), Side::Partitioned),
        Phase::Ended(table) => (table, BTreeSet::new(), Side::Source),
        Phase::Partitioned
        | Phase::Begin { .. }
        | Phase::Attaching(_)
        | Phase::Attached(_)
        | Phase::Served { .. } => return,
    };
    let Some(facts) = draft.state.copy.as_ref().and_then(|copy| copy.routing.clone()) else {
        return;
    };
    let hides_owner = draft.state.server.hides_owner;
    let routing = Routing { table, facts: &facts, context, reads, hides_owner };
    if wanted.is_empty() {
        draft.step_if(routing.undo(), Cause::RoutingUnwanted);
        return;
    }
    let is_read = reads == Side::Partitioned || facts.managed_view().is_some();
    if !is_read {
        return;
    }
    let plain = draft
        .state
        .plain_table()
        .map(|plain| plain.columns.iter().map(|column| column.name.clone()).collect::<Vec<_>>());
    if let Some(fault) = routing.fault(draft.state.server.version) {
        // Without `security_invoker`, the view would show rows that row security hides from the reader.
        if fault == RoutingFault::RowSecurity {
            draft.step_if(routing.undo(), Cause::RoutingUnwanted);
        }
        let table = table.managed.name().clone();
        draft.defer(None, ConversionBlocker::CannotRoute { table, fault }.into());
        return;
    }
    for (role, fault) in routing.faults(&wanted) {
        let login = draft.state.server.role.clone();
        let blocker = ConversionBlocker::RoleNotRoutable { role, login, fault };
        draft.defer(None, Blocker::from(blocker));
    }
    draft.step_if(routing.new_step(&wanted, plain.unwrap_or_default()), Cause::RoutingWanted);
}

/// Returns whether the copy has every row of the table and stays in parity. Steps that could change this are planned after
/// this rule.
fn is_in_parity(copied: &Copied<'_>) -> bool {
    let facts: &CopyFacts = copied.facts;
    let is_proven = facts.parity().is_some_and(|parity| {
        parity.is_clean() && (parity.content || copied.options.parity.check == ParityLevel::Count)
    });
    is_proven && facts.is_complete() && !facts.can_differ() && sync(copied) == SyncState::Intact
}

struct Routing<'a> {
    table: &'a CopiedTable,
    facts: &'a RoutingFacts,
    context: &'a Context<'a>,
    /// Table that the view reads.
    reads: Side,
    /// Whether the name of the owner must not be shown.
    hides_owner: bool,
}

impl Routing<'_> {
    fn schema(&self) -> Identifier {
        self.view().schema
    }

    fn view(&self) -> QualifiedName {
        route_view(&self.table.managed)
    }

    /// Returns what prevents the routing of all roles, or `None` if nothing does.
    fn fault(&self, version: ServerVersion) -> Option<RoutingFault> {
        let owner = Some(self.context.relation.owner.clone()).filter(|_| !self.hides_owner);
        let database = self.facts.database.clone();
        let schema = self.schema();
        if self.facts.row_security && version < HAS_INVOKER_VIEWS {
            return Some(RoutingFault::RowSecurity);
        }
        if self.facts.view.as_ref().is_some_and(|view| !view.managed) {
            return Some(RoutingFault::NameTaken { view: self.view() });
        }
        match &self.facts.schema {
            None => (!self.facts.can_create_schema).then_some(RoutingFault::SchemaMissing {
                schema,
                owner,
                database,
            }),
            Some(found) if !found.trusted => Some(RoutingFault::SchemaNotTrusted { schema, owner }),
            Some(found) if !found.can_create => Some(RoutingFault::SchemaDenied { schema, owner }),
            Some(_) => None,
        }
    }

    /// Returns the roles that cannot be routed, with causes.
    fn faults(&self, wanted: &BTreeSet<Identifier>) -> Vec<(Identifier, RouteFault)> {
        let faults = wanted.iter().map(|name| match self.facts.role(name) {
            Some(role) => (name.clone(), self.role_fault(role)),
            None => (name.clone(), Some(RouteFault::RoleNotFound)),
        });
        faults.filter_map(|(name, fault)| Some((name, fault?))).collect()
    }

    fn role_fault(&self, role: &RouteRole) -> Option<RouteFault> {
        let (schema, table) = (self.schema(), &self.table.managed.name().schema);
        let database = self.facts.database.clone();
        if !role.exists {
            return Some(RouteFault::RoleNotFound);
        }
        let Some(path) = role.path().with(&schema, table, &role.name) else {
            return Some(RouteFault::NotInPath { schema: table.clone() });
        };
        if self.facts.row_security && !role.selects {
            return Some(RouteFault::ColumnsOnly { table: self.table.managed.name().clone() });
        }
        if path != role.path() && !role.is_member {
            let path = path.display();
            return Some(RouteFault::NotMember { database, path });
        }
        let is_granted = self.facts.schema.as_ref().is_none_or(|found| found.owned);
        (!is_granted && !role.uses_schema).then_some(RouteFault::SchemaNotGranted { schema })
    }

    /// Returns the step that applies the routing of the spec, or `None` if it is in place.
    fn new_step(&self, wanted: &BTreeSet<Identifier>, columns: Vec<Identifier>) -> Option<Step> {
        let view = self.view();
        let found = self.facts.managed_view();
        let creates = self.new_view(found, columns);
        let existing = wanted.iter().filter_map(|name| self.facts.role(name));
        let existing: Vec<_> = existing.filter(|role| role.exists).collect();
        let owns_schema = self.facts.schema.as_ref().is_none_or(|schema| schema.owned);
        let users = existing.iter().filter(|role| owns_schema && !role.uses_schema);
        let users: Vec<_> = users.map(|role| role.name.clone()).collect();
        let routed = existing.iter().filter(|role| self.role_fault(role).is_none());
        let mut paths: Vec<_> = routed.clone().filter_map(|role| self.routed_path(role)).collect();
        paths.extend(self.removed(wanted).into_iter().filter_map(|role| self.plain_path(role)));
        let since = |name: &Identifier| found.and_then(|view| view.since.get(name).copied());
        let listed: Vec<_> = routed
            .map(|role| RoutedRole { role: role.name.clone(), since: since(&role.name) })
            .collect();
        let is_listed = found
            .is_some_and(|view| view.since.keys().eq(listed.iter().map(|routed| &routed.role)));
        let grants_match = found.is_some_and(|view| view.grants_match);
        if creates.is_none() && users.is_empty() && paths.is_empty() && is_listed && grants_match {
            return None;
        }
        Some(Step::Route(Box::new(Route {
            table: self.table.clone(),
            view,
            creates_schema: self.facts.schema.is_none(),
            creates,
            users,
            paths,
            listed,
        })))
    }

    fn new_view(&self, found: Option<&RouteView>, columns: Vec<Identifier>) -> Option<RoutingView> {
        let (reads, invoker) = (self.reads, self.facts.row_security);
        let is_same = |view: &RouteView| {
            view.reads == Some(reads) && view.columns == columns && view.invoker == invoker
        };
        let drops_other = found.is_some_and(|view| !columns.starts_with(&view.columns));
        (!found.is_some_and(is_same)).then_some(RoutingView {
            reads,
            columns,
            drops_other,
            invoker,
        })
    }

    /// Returns the step that removes the routing, or `None` if there is none.
    fn undo(&self) -> Option<Step> {
        self.facts.managed_view()?;
        let paths = self.removed(&BTreeSet::new());
        let marked = self.facts.schema.as_ref().is_some_and(|schema| schema.marked && schema.owned);
        Some(Step::Unroute(Box::new(Unroute {
            table: self.table.clone(),
            view: self.view(),
            drops_schema: marked,
            paths: paths.into_iter().filter_map(|role| self.plain_path(role)).collect(),
        })))
    }

    /// Returns the routed roles that the spec no longer names and whose search path the operator can change. In the path of
    /// other roles, the schema remains, which has no effect without the view.
    fn removed(&self, wanted: &BTreeSet<Identifier>) -> Vec<&RouteRole> {
        let listed = self.facts.managed_view().into_iter().flat_map(|view| view.since.keys());
        let unwanted = listed
            .filter(|name| !wanted.contains(name) && !self.facts.listed_elsewhere.contains(name));
        let roles = unwanted.filter_map(|name| self.facts.role(name));
        roles.filter(|role| role.exists && role.is_member).collect()
    }

    fn routed_path(&self, role: &RouteRole) -> Option<PathChange> {
        let table = &self.table.managed.name().schema;
        let to = role.path().with(&self.schema(), table, &role.name)?;
        (to != role.path()).then(|| self.change(role, Some(to)))
    }

    /// Returns the change that restores the search path; the setting is removed if the default path is the same.
    fn plain_path(&self, role: &RouteRole) -> Option<PathChange> {
        role.setting.as_ref()?;
        let to = role.path().without(&self.schema());
        let changes = to != role.path();
        let kept = Some(to).filter(|to| *to != role.inherited_path());
        changes.then(|| self.change(role, kept))
    }

    fn change(&self, role: &RouteRole, to: Option<crate::partition::SearchPath>) -> PathChange {
        let (role, from) = (role.name.clone(), role.setting.clone());
        PathChange { role, database: self.facts.database.clone(), from, to }
    }
}
