//! The oldest and the newest row of a plain table, and whether tables have rows.

use std::time::Duration;

use super::quote::{literal, name, qualified};
use super::{Script, Sql};
use crate::partition::{Identifier, KeyType, QualifiedName, RangeKey};

/// Time limit of the search. With an index on the column it is immediate; without one it reads every row.
const SEARCH_TIMEOUT: Duration = Duration::from_secs(10);

/// Lock timeout of the search.
const LOCK_TIMEOUT: Duration = Duration::from_secs(1);

/// The function that searches. It never exists outside of the transaction, which is rolled back. No other session can put
/// something else in the place of this schema.
const FUNCTION: &str = "pg_temp.pgpartition_oldest_row()";

/// A transaction that returns the least finite value in the partition column of a plain table, or NULL if there is none.
/// It has to be rolled back.
///
/// Planning and reading can run code of the owner: an expression of an index, or a view that took the table's place. In a
/// function with `SECURITY DEFINER` that code cannot change to the login role (42501).
/// It waits for ACCESS SHARE only.
#[must_use]
pub fn find_oldest_row(owner: &Identifier, table: &QualifiedName, key: &RangeKey) -> Script {
    let column = name(&key.column);
    let key_type = key.key_type.type_name();
    let finite = match key.key_type {
        KeyType::Date | KeyType::Timestamp | KeyType::TimestampTz => format!(
            " WHERE {column} > '-infinity'::{key_type} AND {column} < 'infinity'::{key_type}"
        ),
        KeyType::UuidV7 => String::new(),
    };
    search(owner, &first_row(table, key, &finite, ""))
}

/// The same for the least and the greatest value, which can be infinite.
#[must_use]
pub fn find_extent(owner: &Identifier, table: &QualifiedName, key: &RangeKey) -> [Script; 2] {
    ["", " DESC"].map(|order| search(owner, &first_row(table, key, "", order)))
}

/// A transaction that returns whether one of these tables has a row. It has to be rolled back.
#[must_use]
pub fn has_rows(owner: &Identifier, tables: &[&QualifiedName]) -> Script {
    let any = tables.iter().map(|table| format!("EXISTS (SELECT FROM {})", qualified(table)));
    let any: Vec<_> = any.chain(["false".to_owned()]).collect();
    search(owner, &format!("SELECT ({})::text", any.join(" OR ")))
}

fn first_row(table: &QualifiedName, key: &RangeKey, condition: &str, order: &str) -> String {
    let (column, key_type) = (name(&key.column), key.key_type.type_name());
    format!(
        "SELECT {column}::{key_type}::text FROM ONLY {}{condition} ORDER BY {column}{order} LIMIT 1",
        qualified(table)
    )
}

fn search(owner: &Identifier, search: &str) -> Script {
    let statements = [
        format!("SET LOCAL statement_timeout = {}", SEARCH_TIMEOUT.as_millis()),
        format!("SET LOCAL lock_timeout = {}", LOCK_TIMEOUT.as_millis()),
        format!(
            "CREATE FUNCTION {FUNCTION} RETURNS text LANGUAGE sql STABLE SECURITY DEFINER \
             SET search_path = pg_catalog, pg_temp SET row_security = off AS {}",
            literal(search)
        ),
        format!("SELECT {FUNCTION}"),
    ];
    Script::as_owner(owner, statements.map(Sql))
}
