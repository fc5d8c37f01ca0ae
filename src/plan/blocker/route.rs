//! Why roles are not routed to a copy.

use crate::partition::{Identifier, QualifiedName};

/// Why no role can be routed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RoutingFault {
    /// Row security is enabled, and this version of Postgres has no views that apply it for the reader.
    RowSecurity,
    /// Another relation has the name of the view.
    NameTaken {
        /// Name of the relation.
        view: QualifiedName,
    },
    /// The schema of the view is not there, and the owner of the table cannot create it.
    SchemaMissing {
        /// Name of the schema.
        schema: Identifier,
        /// The owner, or `None` if the name must not be shown.
        owner: Option<Identifier>,
        /// Name of the database.
        database: Identifier,
    },
    /// Another role could put objects into the schema of the view, before those of the table's schema.
    SchemaNotTrusted {
        /// Name of the schema.
        schema: Identifier,
        /// The owner of the table, or `None` if the name must not be shown.
        owner: Option<Identifier>,
    },
    /// The owner of the table cannot create the view in its schema.
    SchemaDenied {
        /// Name of the schema.
        schema: Identifier,
        /// The owner, or `None` if the name must not be shown.
        owner: Option<Identifier>,
    },
}

/// Why one role cannot be routed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RouteFault {
    /// There is no such role.
    RoleNotFound,
    /// The login is not a member of the role, and so cannot set its search path.
    NotMember {
        /// Name of the database.
        database: Identifier,
        /// The path to set.
        path: String,
    },
    /// The role does not look for names in the schema of the table.
    NotInPath {
        /// Name of the schema.
        schema: Identifier,
    },
    /// Row security is enabled, and the role may read single columns only.
    ColumnsOnly {
        /// Name of the table.
        table: QualifiedName,
    },
    /// The role may not use the schema of the view, which belongs to another role than the owner of the table.
    SchemaNotGranted {
        /// Name of the schema.
        schema: Identifier,
    },
}
