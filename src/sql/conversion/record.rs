//! Statements on the table of conversions, which [`CONVERSIONS`] describes.

use serde_json::json;

use super::sync::expected_sync;
use crate::partition::{CopiedTable, ManagedTable, SyncLevel, guard_name};
use crate::sql::Sql;
use crate::sql::quote::literal;
use crate::sql::record_tables::{Column, LoginRole, RecordTable, check_records, prepare_records};

/// Table of conversions: progress of copying and comparing. Records refer to tables by name, so they survive dump and restore.
/// A conversion without its record copies and compares again.
pub const CONVERSIONS: RecordTable = RecordTable {
    name: "conversions",
    content: "the progress of conversions",
    key: &["schema_name", "table_name"],
    versions: &[FIRST, &[SERVING_SINCE, PARTITIONS]],
};

/// Column with the time of the last swap; NULL before the first cutover.
const SERVING_SINCE: Column = Column { name: "serving_since", definition: "timestamptz" };

/// Column with the partitions that the sweeps compared: see `leaves.rs`.
const PARTITIONS: Column = Column { name: "partitions", definition: "jsonb" };

const FIRST: &[Column] = &[
    Column { name: "schema_name", definition: "text" },
    Column { name: "table_name", definition: "text" },
    // Keys of the last copied row and of the last row to copy, as text.
    Column { name: "reached", definition: "text[]" },
    Column { name: "until", definition: "text[]" },
    Column { name: "copied", definition: "bigint NOT NULL DEFAULT 0" },
    Column { name: "backfilled_at", definition: "timestamptz" },
    // ID of the last transaction in which the operator wrote rows.
    Column { name: "changed", definition: "xid8" },
    // State of the triggers at their last installation.
    Column { name: "sync", definition: "jsonb" },
    // Number of rows that all sweeps have repaired.
    Column { name: "repaired", definition: "bigint NOT NULL DEFAULT 0" },
    // The sweep in progress and the last complete one.
    Column { name: "sweep", definition: "jsonb" },
    Column { name: "parity", definition: "jsonb" },
];

/// Records the state of the triggers and functions of a conversion. The operator's role runs it after
/// [`install_sync`](super::install_sync), in the same transaction.
///
/// It creates the table of records and the record if they are missing. An installation voids the result of sweeps, because
/// altered triggers may have missed writes; the progress of the copy stays. With `keeps_parity`, it voids nothing if
/// [`note_sync`] found the triggers unchanged.
#[must_use]
pub fn record_sync(
    table: &CopiedTable,
    level: SyncLevel,
    keeps_parity: bool,
    login: LoginRole,
) -> Vec<Sql> {
    let kept = |column: &str| {
        let kept = "CASE WHEN current_setting('pgpartition.intact') = 'true' THEN";
        if keeps_parity { format!("{kept} c.{column} END") } else { "NULL".to_owned() }
    };
    let mut statements = prepare_records(&CONVERSIONS, login);
    let [schema, name] = names(&table.managed);
    statements.push(Sql(format!(
        "INSERT INTO pgpartition.conversions AS c (schema_name, table_name, sync) SELECT {schema}, {name}, {} ON \
         CONFLICT (schema_name, table_name) DO UPDATE SET sync = excluded.sync, sweep = {}, parity = {}",
        sync(table, level),
        kept("sweep"),
        kept("parity"),
    )));
    statements
}

/// Notes for [`record_sync`] whether every trigger and function is unchanged since its installation. The operator's role runs
/// it after the owner locked the table, in the transaction that installs new ones.
#[must_use]
pub fn note_sync(table: &CopiedTable, login: LoginRole) -> Vec<Sql> {
    let is_intact = |objects: &str, catalog: &str, more: &str| {
        format!(
            "NOT EXISTS (SELECT FROM jsonb_each(c.sync->'{objects}') AS w (name, was) WHERE NOT EXISTS (SELECT FROM \
             {catalog} AS o WHERE o.oid::text = w.was->>'oid' AND o.xmin::text = w.was->>'xmin'{more}))"
        )
    };
    let note = format!(
        "BEGIN PERFORM set_config('pgpartition.intact', EXISTS (SELECT FROM pgpartition.conversions AS c WHERE {} AND \
         c.sync IS NOT NULL AND {} AND {})::text, true); END",
        is_record_of(&table.managed),
        is_intact("triggers", "pg_trigger", " AND o.tgenabled = 'A'"),
        is_intact("functions", "pg_proc", ""),
    );
    vec![check_records(&CONVERSIONS, login), Sql(format!("DO {}", literal(&note)))]
}

/// Records the time of a swap and the new state of the triggers and functions. The operator's role runs it after
/// [`swap`](super::swap()), in the same transaction. `table` has the names after the swap.
///
/// The result of sweeps stays, because a swap changes no rows.
#[must_use]
pub fn record_swap(table: &CopiedTable, level: SyncLevel) -> Vec<Sql> {
    let update = format!(
        "UPDATE pgpartition.conversions AS c SET sync = {}, serving_since = clock_timestamp() WHERE {}",
        sync(table, level),
        is_record_of(&table.managed)
    );
    vec![Sql(update)]
}

/// Records the time of a cutover or rollback of a conversion without triggers. The operator's role runs it in the same
/// transaction, after [`prepare_records`].
#[must_use]
pub fn record_serving(table: &ManagedTable) -> Vec<Sql> {
    let [schema, name] = names(table);
    vec![Sql(format!(
        "INSERT INTO pgpartition.conversions AS c (schema_name, table_name, serving_since) VALUES ({schema}, {name}, \
         clock_timestamp()) ON CONFLICT (schema_name, table_name) DO UPDATE SET serving_since = excluded.serving_since"
    ))]
}

/// Current state in the catalog, in the format that `RecordedSync` in `observed/conversion.rs` reads, with digests of the
/// installed objects.
fn sync(table: &CopiedTable, level: SyncLevel) -> String {
    let expected = expected_sync(table, level);
    let triggers = expected.triggers.iter().map(|(name, digest)| {
        let serving = table.serving();
        let is_guard = *name == guard_name(serving);
        let relation = table.name_of(if is_guard { serving.other() } else { serving });
        json!({"relation": relation.name, "name": name, "digest": digest})
    });
    let functions = expected.functions.iter();
    let functions = functions.map(|(name, digest)| json!({"name": name, "digest": digest}));
    let json = |value: serde_json::Value| format!("{}::jsonb", literal(&value.to_string()));
    let schema = literal(table.managed.name().schema.as_str());
    let fact = |row: &str| {
        format!(
            "jsonb_object_agg(w.name, jsonb_build_object('oid', {row}.oid::bigint, 'xmin', {row}.xmin::text::bigint, \
             'digest', w.digest))"
        )
    };
    format!(
        "jsonb_build_object('level', {}, 'columns', {}, 'triggers', (SELECT {} FROM jsonb_to_recordset({}) AS w \
         (relation text, name text, digest text) JOIN pg_namespace AS n ON n.nspname = {schema} JOIN pg_class AS r ON \
         r.relnamespace = n.oid AND r.relname = w.relation JOIN pg_trigger AS g ON g.tgrelid = r.oid AND g.tgname = \
         w.name), 'functions', (SELECT {} FROM jsonb_to_recordset({}) AS w (name text, digest text) JOIN pg_namespace AS n ON n.nspname = {schema} JOIN pg_proc AS p ON p.pronamespace = n.oid AND p.proname = \
         w.name AND p.pronargs = 0))",
        json(json!(table.sync_level(level))),
        json(json!(table.columns)),
        fact("g"),
        json(triggers.collect()),
        fact("p"),
        json(functions.collect()),
    )
}

/// Deletes the record of a conversion, so that the next one copies all rows. The operator's role runs it in a transaction.
#[must_use]
pub fn delete_record(table: &ManagedTable, login: LoginRole) -> Vec<Sql> {
    let mut statements = prepare_records(&CONVERSIONS, login);
    let delete = format!("DELETE FROM pgpartition.conversions AS c WHERE {}", is_record_of(table));
    statements.push(Sql(delete));
    statements
}

/// Condition for the record of a table.
pub(super) fn is_record_of(table: &ManagedTable) -> String {
    let [schema, name] = names(table);
    format!("c.schema_name = {schema} AND c.table_name = {name}")
}

fn names(table: &ManagedTable) -> [String; 2] {
    [&table.name().schema, &table.name().name].map(|name| literal(name.as_str()))
}
