//! The plain table after the cutover: end of the sync, and drop.

use super::create::oid;
use super::swap::restore_self_references;
use super::sync::remove_sync;
use super::text::LABEL;
use crate::partition::{
    CopiedTable, Identifier, MARKER_PREFIX, QualifiedName, Side, source_marker,
};
use crate::sql::Sql;
use crate::sql::constraint;
use crate::sql::quote::{literal, qualified};

/// Ends the sync. If the partitioned table serves, the source becomes an ordinary table: its mark is removed, and foreign keys
/// to itself are restored to their state before the cutover. The owner runs it in a transaction.
#[must_use]
pub fn end_sync(table: &CopiedTable) -> Vec<Sql> {
    let mut statements = remove_sync(table);
    if table.serving() == Side::Partitioned {
        statements.push(release(table));
    }
    statements
}

fn release(table: &CopiedTable) -> Sql {
    let source = qualified(&table.source);
    let deferred = literal(&format!("{MARKER_PREFIX}deferred "));
    let comment = literal(&format!("COMMENT ON TABLE {} IS %L", source.replace('%', "%%")));
    let body = format!(
        "<<{LABEL}>>\nDECLARE\n  passive oid := {};\n  deferred jsonb;\n  words text;\n  object record;\nBEGIN\n  SELECT \
         string_agg(l.line, E'\\n' ORDER BY l.at) FILTER (WHERE NOT starts_with(l.line, {})),\n      max(substr(l.line, \
         length({deferred}) + 1)) FILTER (WHERE starts_with(l.line, {deferred}))\n    INTO {LABEL}.words, {LABEL}.deferred\n    \
         FROM unnest(string_to_array(obj_description({LABEL}.passive, 'pg_class'), E'\\n')) WITH ORDINALITY AS l (line, at);\n\
         {}  EXECUTE format({comment}, {LABEL}.words);\nEND",
        oid(&source),
        literal(MARKER_PREFIX),
        restore_self_references(&table.source),
    );
    Sql(format!("DO {}", literal(&body)))
}

/// Drops the source with its rows, the sync, and the foreign keys of other tables that reference it. The owner runs it in
/// a transaction.
///
/// It fails if the source has another OID or no mark (55000), and if other objects depend on it (2BP01): Postgres lists them.
#[must_use]
pub fn drop_source(
    table: &CopiedTable,
    source: u32,
    foreign_keys: &[(QualifiedName, Identifier)],
) -> Vec<Sql> {
    let keys = foreign_keys.iter().map(|(of, key)| constraint::drop(of, key));
    let name = qualified(&table.source);
    [Sql(format!("LOCK TABLE ONLY {name} IN ACCESS EXCLUSIVE MODE")), reject_others(table, source)]
        .into_iter()
        .chain(remove_sync(table))
        .chain(keys)
        .chain([Sql(format!("DROP TABLE {name}"))])
        .collect()
}

fn reject_others(table: &CopiedTable, source: u32) -> Sql {
    let message = format!("table {} is not the planned source: plan again", table.source.display());
    let body = format!(
        "BEGIN IF {}::oid <> {source} OR split_part(obj_description({source}, 'pg_class'), E'\\n', 1) IS DISTINCT FROM {} \
         THEN RAISE object_not_in_prerequisite_state USING MESSAGE = {}; END IF; END",
        oid(&qualified(&table.source)),
        literal(&source_marker(&table.managed)),
        literal(&message)
    );
    Sql(format!("DO {}", literal(&body)))
}
