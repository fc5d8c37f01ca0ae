//! Observed routing of a table: a view in the place of the table, and roles that find it first.

#![allow(clippy::struct_excessive_bools, reason = "the catalog answers yes or no")]

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{ObservedTable, Question};
use crate::partition::{DEFAULT_SEARCH_PATH, Identifier, SearchPath, Side};

/// The routing of a table whose copy is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RoutingFacts {
    /// Name of the database, for which paths of roles are set.
    pub database: Identifier,
    /// Schema of the view, or `None` if there is none.
    pub schema: Option<RouteSchema>,
    /// Whether the owner of the table can create the schema.
    pub can_create_schema: bool,
    /// Relation with the name of the view, or `None` if there is none.
    pub view: Option<RouteView>,
    /// Whether row security is enabled on one of the two tables.
    pub row_security: bool,
    /// Roles that views of other tables in the schema list.
    #[serde(default)]
    pub listed_elsewhere: BTreeSet<Identifier>,
    /// The roles that were asked about, and those that the view lists.
    #[serde(default)]
    pub roles: Vec<RouteRole>,
}

/// The schema of the view.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RouteSchema {
    /// Whether the operator created it.
    pub marked: bool,
    /// Whether it belongs to the owner of the table.
    pub owned: bool,
    /// Whether only the owner of the table, superusers, and roles that were granted it by name can create objects there.
    pub trusted: bool,
    /// Whether the owner of the table can create objects there.
    pub can_create: bool,
}

/// Name of the view.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RouteView {
    /// Whether it is a view of the owner of the table whose comment names this table.
    pub managed: bool,
    /// The table that it reads, or `None` if that is neither of the two.
    pub reads: Option<Side>,
    /// Its columns, in order.
    pub columns: Vec<Identifier>,
    /// Whether other roles have exactly the privileges to read that they have on the plain table.
    pub grants_match: bool,
    /// Whether the privileges and the row security of the reader apply to the table that it reads.
    pub invoker: bool,
    /// The roles that are routed, each with the time since when.
    pub since: BTreeMap<Identifier, Timestamp>,
}

/// A role that is routed, or will be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RouteRole {
    /// Name.
    pub name: Identifier,
    /// Whether there is such a role.
    pub exists: bool,
    /// Whether the login role can act as this role.
    pub is_member: bool,
    /// Search path that is set for the role in this database, or `None` if none is.
    pub setting: Option<String>,
    /// Search path that holds otherwise, or `None` if nothing sets it.
    pub inherited: Option<String>,
    /// Whether the role may use the schema of the view.
    pub uses_schema: bool,
    /// Whether the role may read every column of the plain table.
    pub selects: bool,
    /// Sessions of the role that began before it was routed, or `None` if the login role cannot see them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub older_sessions: Option<u64>,
}

impl RoutingFacts {
    /// Returns a role, or `None` if there was no question about it.
    #[must_use]
    pub fn role(&self, name: &Identifier) -> Option<&RouteRole> {
        self.roles.iter().find(|role| role.name == *name)
    }

    /// Returns the view if the operator manages it.
    #[must_use]
    pub fn managed_view(&self) -> Option<&RouteView> {
        self.view.as_ref().filter(|view| view.managed)
    }
}

impl ObservedTable {
    /// Adds the answer to [`Question::Routing`].
    pub(super) fn set_routing(
        &mut self,
        roles: BTreeSet<Identifier>,
        facts: Option<Box<RoutingFacts>>,
    ) -> Question {
        if let Some(copy) = &mut self.copy {
            copy.routing = facts;
        }
        Question::Routing(roles)
    }
}

impl RouteRole {
    /// Returns the path of new sessions. A path that Postgres would reject counts as empty.
    #[must_use]
    pub fn path(&self) -> SearchPath {
        let text = self.setting.as_ref().or(self.inherited.as_ref());
        parse(text.map_or(DEFAULT_SEARCH_PATH, String::as_str))
    }

    /// Returns the path that holds if none is set for the role in this database.
    #[must_use]
    pub fn inherited_path(&self) -> SearchPath {
        parse(self.inherited.as_deref().unwrap_or(DEFAULT_SEARCH_PATH))
    }
}

fn parse(text: &str) -> SearchPath {
    SearchPath::parse(text).unwrap_or_default()
}
