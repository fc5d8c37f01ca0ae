//! Messages about routing.

use crate::partition::{Identifier, QualifiedName};
use crate::plan::{RouteFault, RoutingFault};

fn owner_of(owner: Option<&Identifier>) -> String {
    owner.map_or_else(|| "the owner of the table".to_owned(), Identifier::display)
}

impl RoutingFault {
    /// Returns why no role is routed to the copy of a table and how to resolve it.
    pub(super) fn explain(&self, table: &QualifiedName) -> String {
        let (why, remedy) = match self {
            Self::RowSecurity => (
                "row security is enabled on it, which needs Postgres 15 or later".to_owned(),
                "remove spec.conversion.routing, or upgrade the server".to_owned(),
            ),
            Self::NameTaken { view } => (
                format!("another relation is named {}", view.display()),
                "rename or drop it".to_owned(),
            ),
            Self::SchemaMissing { schema, owner, database } => (
                format!("the owner of the table cannot create the schema {}", schema.display()),
                format!(
                    "run CREATE SCHEMA {} AUTHORIZATION {}, or GRANT CREATE ON DATABASE {} TO {}",
                    schema.display(),
                    owner_of(owner.as_ref()),
                    database.display(),
                    owner_of(owner.as_ref())
                ),
            ),
            Self::SchemaNotTrusted { schema, owner } => (
                format!("other roles can create objects in the schema {}", schema.display()),
                format!(
                    "run ALTER SCHEMA {} OWNER TO {} and REVOKE CREATE ON SCHEMA {} FROM PUBLIC",
                    schema.display(),
                    owner_of(owner.as_ref()),
                    schema.display()
                ),
            ),
            Self::SchemaDenied { schema, owner } => (
                format!(
                    "the owner of the table cannot create a view in the schema {}",
                    schema.display()
                ),
                format!(
                    "run GRANT USAGE, CREATE ON SCHEMA {} TO {}",
                    schema.display(),
                    owner_of(owner.as_ref())
                ),
            ),
        };
        format!("no role can be routed to the copy of {}, because {why}: {remedy}", table.display())
    }
}

impl RouteFault {
    /// Returns why a role is not routed and how to resolve it.
    pub(super) fn explain(&self, role: &Identifier, login: Option<&Identifier>) -> String {
        let remove = "remove it from spec.conversion.routing.roles";
        let role = role.display();
        match self {
            Self::RoleNotFound => {
                format!("role {role} does not exist: create it, or {remove}")
            }
            Self::NotMember { database, path } => format!(
                "the operator is not a member of role {role} and cannot set its search path: run GRANT {role} TO {}, or \
                 ALTER ROLE {role} IN DATABASE {} SET search_path = {path}",
                login.map_or_else(|| "the login role".to_owned(), Identifier::display),
                database.display()
            ),
            Self::NotInPath { schema } => format!(
                "the search path of role {role} does not contain {}, so its queries name the schema of the table \
                 and cannot be routed: set its search path, or {remove}",
                schema.display()
            ),
            Self::ColumnsOnly { table } => format!(
                "role {role} can read only some columns of {}, which is not enough to read a table with row security \
                 through a view: grant it SELECT on the table, or {remove}",
                table.display()
            ),
            Self::SchemaNotGranted { schema } => format!(
                "role {role} lacks USAGE on schema {}: run GRANT USAGE ON SCHEMA {} TO {role}",
                schema.display(),
                schema.display()
            ),
        }
    }
}
