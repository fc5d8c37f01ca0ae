//! Constraints of tables that are validated or dropped by name.

use super::Sql;
use super::quote::{name, qualified};
use crate::partition::{Identifier, QualifiedName};

pub(super) fn validate(table: &QualifiedName, constraint: &Identifier) -> Sql {
    Sql(format!("ALTER TABLE {} VALIDATE CONSTRAINT {}", qualified(table), name(constraint)))
}

pub(super) fn drop_if_exists(table: &QualifiedName, constraint: &Identifier) -> Sql {
    let (table, constraint) = (qualified(table), name(constraint));
    Sql(format!("ALTER TABLE {table} DROP CONSTRAINT IF EXISTS {constraint}"))
}

pub(super) fn drop(table: &QualifiedName, constraint: &Identifier) -> Sql {
    Sql(format!("ALTER TABLE {} DROP CONSTRAINT {}", qualified(table), name(constraint)))
}
