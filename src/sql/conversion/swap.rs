//! Swap: exchanges the names of both tables and of their objects, so that the other table serves.
//!
//! One block of the owner reads the catalog under its locks and makes all changes. Before the exchange it reads definitions
//! that name the serving table; executed after the exchange, they refer to the other table. So the operator does not write
//! definitions of triggers, views, and functions itself.

use super::bound::{GO_ON_AFTER, LIMIT, fill_bound};
use super::copy::{BEGIN_WORK, END_SWAP, WRITTEN};
use super::create::{fill, names};
use super::record::{CONVERSIONS, is_record_of};
use super::sync::{install_sync, remove_sync};
use super::text::LABEL;
use super::work::run_as_owner;
use crate::partition::{
    ConversionNames, CopiedTable, Identifier, QualifiedName, Side, copy_marker, guard_name,
    source_marker,
};
use crate::plan::Swap;
use crate::sql::Sql;
use crate::sql::quote::{literal, name, qualified};
use crate::sql::record_tables::{LoginRole, prepare_records};

/// Passes the record to [`swap`]: the installed state of the triggers and functions, and the ID of the last transaction in
/// which the operator wrote rows. The operator's role runs it first, in the same transaction.
#[must_use]
pub fn begin_swap(table: &CopiedTable, login: LoginRole) -> Vec<Sql> {
    let is_record = is_record_of(&table.managed);
    let body = format!(
        "BEGIN PERFORM FROM pgpartition.conversions AS c WHERE {is_record} FOR UPDATE NOWAIT; PERFORM \
         set_config('pgpartition.recorded', coalesce((SELECT jsonb_build_object('sync', c.sync, 'changed', \
         c.changed::text)::text FROM pgpartition.conversions AS c WHERE {is_record}), ''), true); END"
    );
    let mut statements = prepare_records(&CONVERSIONS, login);
    statements.push(Sql(format!("DO {}", literal(&body))));
    statements
}

/// Makes the passive table the serving one. The owner of the tables runs it in a transaction between [`begin_swap`] and
/// [`record_swap`](super::record_swap). All waits for locks together take no longer than `lock_timeout`.
///
/// It fails with `object_not_in_prerequisite_state` (55000) if an object has changed since the inspection, and with
/// `lock_not_available` (55P03) if another session holds a lock, or has a snapshot from before the last write of the
/// operator.
#[must_use]
pub fn swap(swap: &Swap) -> Vec<Sql> {
    let serving = swap.table.serving();
    let oid = |side| match side {
        Side::Source => swap.source,
        Side::Partitioned => swap.copy,
    };
    let (serves, waits) = (oid(serving), oid(serving.other()));
    let declared = format!(
        "  serving oid := {serves};\n  passive oid := {waits};\n  written numeric := {WRITTEN};\n"
    );
    let body = fill_bound(include_str!("swap.sql"), parts(swap));
    let block = format!("\n#variable_conflict use_column\n<<{LABEL}>>\nDECLARE\n{declared}{body}");
    run_as_owner(&swap.table.owner, &block).into()
}

fn parts(swap: &Swap) -> Vec<(&'static str, String)> {
    let (table, after) = (&swap.table, swap.table.swapped());
    let serving = table.serving();
    let [is_serving, is_passive] = [serving, serving.other()].map(|side| table.name_of(side));
    // The serving table becomes the passive one.
    let becomes_passive = after.name_of(serving);
    let full_key: Vec<_> = table.full_key().cloned().collect();
    let triggers = ConversionNames::new(&table.managed).triggers;
    let text = |relation: &QualifiedName| literal(&qualified(relation));
    let mut parts = vec![
        ("@begin", BEGIN_WORK.to_owned()),
        ("@end", format!("{END_SWAP}END\n")),
        ("@limit", LIMIT.to_owned()),
        ("@go_on_after", GO_ON_AFTER.to_owned()),
        ("@serving", qualified(is_serving)),
        ("@passive", qualified(is_passive)),
        ("@serving_text", text(is_serving)),
        ("@passive_text", text(is_passive)),
        ("@new_name", name(&becomes_passive.name)),
        ("@name", name(&table.managed.name().name)),
        ("@new_passive_text", text(becomes_passive)),
        ("@passive_name", passive_name(table, &becomes_passive.name, RELATIONS)),
        ("@passive_statistics", passive_name(table, &becomes_passive.name, STATISTICS)),
        ("@installed", names(&installed(swap), "text")),
        ("@triggers", names(&triggers, "name")),
        ("@drop_of_passive", on_trigger("DROP TRIGGER %I ON", is_passive, "")),
        ("@source", swap.source.to_string()),
        ("@copy", swap.copy.to_string()),
        ("@key", names(&table.key, "name")),
        ("@full_key", names(&full_key, "name")),
        ("@remove", execute(&remove_sync(table))),
        ("@install", execute(&install_sync(&after, swap.level, &[].into()))),
        ("@marked_serving", format!("{LABEL}.words")),
    ];
    parts.extend(parts_of_side(table, &after));
    let drops =
        if serving == Side::Partitioned { fill(DROP_OTHERS, &parts) } else { String::new() };
    parts.push(("@drop_others", drops));
    parts
}

/// Parts in which a cutover and a rollback differ.
fn parts_of_side(table: &CopiedTable, after: &CopiedTable) -> [(&'static str, String); 4] {
    let (to_copy, to_source) = (copy_marker(&table.managed), source_marker(&table.managed));
    let marked = |mark: &str, deferred: &str| {
        let mark = literal(mark);
        format!(
            "concat_ws(E'\\n', {mark}, array_to_string({LABEL}.marks, E'\\n'), {deferred}{LABEL}.words)"
        )
    };
    match table.serving() {
        Side::Source => [
            ("@mark", literal(&to_copy)),
            (
                "@retire_trigger",
                on_trigger("ALTER TABLE ONLY", &table.source, " DISABLE TRIGGER %I"),
            ),
            ("@self_references", defer_self_references(&after.source)),
            (
                "@marked_passive",
                marked(
                    &to_source,
                    &format!("'pgpartition.dev deferred ' || {LABEL}.deferred::text, "),
                ),
            ),
        ],
        Side::Partitioned => [
            ("@mark", literal(&to_source)),
            ("@retire_trigger", on_trigger("DROP TRIGGER %I ON", &table.copy, "")),
            ("@self_references", restore_self_references(&after.source)),
            ("@marked_passive", marked(&to_copy, "")),
        ],
    }
}

/// Statements for triggers that the application dropped from the partitioned table since the cutover.
const DROP_OTHERS: &str = "  FOR object IN
    SELECT p.tgname
    FROM pg_trigger AS p
    WHERE p.tgrelid = pgpartition.passive AND NOT p.tgisinternal AND p.tgname <> ALL (@triggers) AND NOT EXISTS (
      SELECT FROM pg_trigger AS g
      WHERE g.tgrelid = pgpartition.serving AND g.tgname = p.tgname AND NOT g.tgisinternal
    )
  LOOP
    EXECUTE format(@drop_of_passive, object.tgname);
  END LOOP;\n";

/// Triggers that must exist: those of the level, and the guard.
fn installed(swap: &Swap) -> Vec<Identifier> {
    let (table, serving) = (&swap.table, swap.table.serving());
    let sync = table.sync_triggers(swap.level).iter();
    sync.map(|trigger| trigger.name(&table.managed, serving)).chain([guard_name(serving)]).collect()
}

/// Template for `format` with the name of a trigger as its argument.
fn on_trigger(before: &str, relation: &QualifiedName, after: &str) -> String {
    literal(&format!("{before} {}{after}", qualified(relation).replace('%', "%%")))
}

/// Executes statements within a block.
pub(super) fn execute(statements: &[Sql]) -> String {
    statements.iter().map(|sql| format!("  EXECUTE {};\n", literal(sql.as_str()))).collect()
}

/// Catalog of renamed objects, with its columns for the schema and the name.
type Named = (&'static str, &'static str, &'static str);

const RELATIONS: Named = ("pg_class", "relnamespace", "relname");
const STATISTICS: Named = ("pg_statistic_ext", "stxnamespace", "stxname");

/// New name of an index, a sequence, or a statistics object: the name of its table and the rest of its own name. If that is too
/// long or taken, it is another unique name.
fn passive_name(
    table: &CopiedTable,
    becomes: &Identifier,
    (catalog, schema, object_name): Named,
) -> String {
    let prefix = format!("{}_", table.managed.name().name.as_str());
    format!(
        "(SELECT CASE WHEN octet_length(n.name) < 64 AND NOT EXISTS (SELECT FROM {catalog} AS c JOIN {catalog} AS t ON \
         t.{schema} = c.{schema} WHERE t.oid = object.serving AND c.{object_name} = n.name) THEN n.name ELSE \
         concat('pgpartition_', object.serving) END FROM (SELECT concat({}, CASE WHEN starts_with(object.name, {}) THEN \
         substr(object.name, {}) ELSE object.name END) AS name) AS n)",
        literal(&format!("{}_", becomes.as_str())),
        literal(&prefix),
        prefix.chars().count().saturating_add(1)
    )
}

/// Defers foreign keys of the source to itself: the source gets rows one by one, so it cannot check them before the end of the
/// statement. `source` is its name after the exchange.
fn defer_self_references(source: &QualifiedName) -> String {
    let alter = on_trigger(
        "ALTER TABLE ONLY",
        source,
        " ALTER CONSTRAINT %I DEFERRABLE INITIALLY DEFERRED",
    );
    format!(
        "  FOR object IN
    SELECT c.conname, c.condeferrable
    FROM pg_constraint AS c
    WHERE c.conrelid = {LABEL}.serving AND c.confrelid = c.conrelid AND c.contype = 'f' AND NOT c.condeferred
    ORDER BY c.conname
  LOOP
    deferred := coalesce({LABEL}.deferred, '{{}}') || jsonb_build_object(object.conname, object.condeferrable);
    EXECUTE format({alter}, object.conname);
  END LOOP;\n"
    )
}

/// Restores the foreign keys of the source to itself to their state before the cutover.
pub(super) fn restore_self_references(source: &QualifiedName) -> String {
    let alter = on_trigger("ALTER TABLE ONLY", source, " ALTER CONSTRAINT %I %s");
    format!(
        "  FOR object IN
    SELECT c.conname, {LABEL}.deferred->>c.conname AS was
    FROM pg_constraint AS c
    WHERE c.conrelid = {LABEL}.passive AND c.confrelid = c.conrelid AND c.contype = 'f'
      AND {LABEL}.deferred->>c.conname IN ('true', 'false')
    ORDER BY c.conname
  LOOP
    EXECUTE format({alter}, object.conname, CASE object.was WHEN 'true' THEN 'DEFERRABLE INITIALLY IMMEDIATE' ELSE
      'NOT DEFERRABLE' END);
  END LOOP;\n"
    )
}
