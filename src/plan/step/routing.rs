//! Steps that route roles: a view in the place of a table, and the search paths of the roles that see it first.

use jiff::Timestamp;

use super::facts::{Effort, Facts, Family, Locks, Object, StepFacts, TransactionMode};
use crate::partition::{
    CopiedTable, Identifier, LockMode, QualifiedName, SearchPath, Side, route_view,
};

/// The view and the roles that read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// The plain table and its copy.
    pub table: CopiedTable,
    /// Name of the view.
    pub view: QualifiedName,
    /// Whether the schema of the view is created.
    pub creates_schema: bool,
    /// The view to create, or `None` if it stays as it is.
    pub creates: Option<RoutingView>,
    /// Roles that may use the schema from then on.
    pub users: Vec<Identifier>,
    /// Roles whose path changes.
    pub paths: Vec<PathChange>,
    /// All routed roles.
    pub listed: Vec<RoutedRole>,
}

/// A routed role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoutedRole {
    /// Name of the role.
    pub role: Identifier,
    /// Since when it is routed, or `None` if the step routes it.
    pub since: Option<Timestamp>,
}

/// A view of one of the two tables of a conversion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoutingView {
    /// The table that it reads.
    pub reads: Side,
    /// Columns that it has, in order.
    pub columns: Vec<Identifier>,
    /// Whether a view with other columns is dropped first.
    pub drops_other: bool,
    /// Whether the privileges and the row security of the reader apply.
    pub invoker: bool,
}

/// The search path of a role in this database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathChange {
    /// Name of the role.
    pub role: Identifier,
    /// Name of the database.
    pub database: Identifier,
    /// The setting that was found, or `None` if there is none.
    pub from: Option<String>,
    /// The path to set, or `None` if the setting is removed.
    pub to: Option<SearchPath>,
}

impl StepFacts for Route {
    fn facts(&self) -> Facts<'_> {
        Facts {
            verb: "route",
            family: Family::Routing,
            mode: TransactionMode::InTransaction,
            effort: Effort::Brief,
            waiting_statements: 2,
            needs_long_run: false,
            needs_confirmation: false,
            aside: None,
            unseen: Some(&self.view),
            undo: "remove the role from spec.conversion.routing.roles",
            if_interrupted: "all or nothing; the next run routes roles that are not routed yet",
        }
    }

    fn subject(&self) -> Object {
        Object::Relation(self.view.clone())
    }

    fn needs(&self) -> Vec<Object> {
        let creates = self.creates.iter();
        creates.map(|view| Object::Relation(self.table.name_of(view.reads).clone())).collect()
    }

    fn locks(&self) -> Locks<'_> {
        match &self.creates {
            None => vec![(&self.view, LockMode::ShareUpdateExclusive)],
            Some(view) => vec![
                (&self.view, LockMode::AccessExclusive),
                (self.table.name_of(view.reads), LockMode::AccessShare),
            ],
        }
    }

    fn detail(&self) -> String {
        let reads = self.creates.as_ref().map(|view| self.table.name_of(view.reads).name.display());
        let roles: Vec<_> = self.paths.iter().map(|path| path.role.display()).collect();
        let reads = reads.map(|table| format!("reads {table}"));
        let roles = (!roles.is_empty()).then(|| format!("for {}", roles.join(", ")));
        let parts: Vec<_> = reads.into_iter().chain(roles).collect();
        if parts.is_empty() { "privileges and roles".to_owned() } else { parts.join(", ") }
    }
}

/// The view to drop, and the roles that read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unroute {
    /// The plain table and its copy.
    pub table: CopiedTable,
    /// Name of the view.
    pub view: QualifiedName,
    /// Whether the schema is dropped, too, if nothing else is in it.
    pub drops_schema: bool,
    /// Roles whose path changes.
    pub paths: Vec<PathChange>,
}

impl StepFacts for Unroute {
    fn facts(&self) -> Facts<'_> {
        Facts {
            verb: "unroute",
            family: Family::Routing,
            mode: TransactionMode::InTransaction,
            effort: Effort::Brief,
            waiting_statements: 2,
            needs_long_run: false,
            needs_confirmation: false,
            aside: None,
            unseen: Some(&self.view),
            undo: "add the role to spec.conversion.routing.roles before the cutover",
            if_interrupted: "all or nothing; the next run drops a view that is still there",
        }
    }

    fn subject(&self) -> Object {
        Object::Relation(self.view.clone())
    }

    fn needs(&self) -> Vec<Object> {
        Vec::new()
    }

    fn locks(&self) -> Locks<'_> {
        vec![(&self.view, LockMode::AccessExclusive)]
    }

    fn detail(&self) -> String {
        let roles: Vec<_> = self.paths.iter().map(|path| path.role.display()).collect();
        if roles.is_empty() { "drop the view".to_owned() } else { roles.join(", ") }
    }
}

/// Returns the view of a table as what a later step can need: a copy cannot be dropped before it.
pub(super) fn routing_object(table: &CopiedTable) -> Object {
    Object::Relation(route_view(&table.managed))
}
