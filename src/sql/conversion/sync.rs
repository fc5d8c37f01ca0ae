//! Sync triggers, which apply the writes of the application on the serving table to the passive one: the copy before the
//! cutover, the source after it.
//!
//! They do not replay a write. For each key that the write touched, they set the row of the passive table to the current row of
//! the serving table, or delete it if there is none. So the order of triggers, nested writes, and deferrable keys do not
//! matter. [`reverse`](super::reverse) has the function that differs after the cutover.

use std::collections::BTreeSet;

use super::function::{Function, LOOK_UP_ROWS};
use super::functions::{drop_functions, reject_others, revoke};
use super::guard::{create_guard, guard};
use super::text::Text;
use crate::observed::ExpectedSync;
use crate::partition::{
    ConversionFunction, CopiedTable, Identifier, Side, SyncLevel, SyncTrigger, guard_name,
};
use crate::sql::Sql;
use crate::sql::quote::{literal, name, qualified};

/// Isolation levels in which a trigger cannot see rows that the operator has written since its transaction began.
pub(super) const ONE_SNAPSHOT: &str =
    "current_setting('transaction_isolation') IN ('repeatable read', 'serializable')";

/// Names of the transition tables.
const NEW: &str = "pgpartition_new";
const OLD: &str = "pgpartition_old";

/// Returns the trigger functions that a conversion needs while this table serves.
#[must_use]
pub fn sync_functions(table: &CopiedTable, level: SyncLevel) -> Vec<Function> {
    let level = table.sync_level(level);
    let of_triggers = table.sync_triggers(level).iter().map(|trigger| {
        let body = trigger_body(Text(table), *trigger, level);
        let function = Function::new(table, ConversionFunction::Sync(*trigger), body);
        function.with_settings(if reads_transition_table(*trigger, table.sync_level(level)) {
            &LOOK_UP_ROWS
        } else {
            &[]
        })
    });
    of_triggers.chain([guard(table)]).collect()
}

fn reads_transition_table(trigger: SyncTrigger, level: SyncLevel) -> bool {
    match trigger {
        SyncTrigger::Write => level == SyncLevel::Statement,
        SyncTrigger::Update | SyncTrigger::Delete => true,
        SyncTrigger::Move | SyncTrigger::Truncate => false,
    }
}

/// Returns the objects that [`install_sync`] creates, for comparison with the catalog.
#[must_use]
pub fn expected_sync(table: &CopiedTable, level: SyncLevel) -> ExpectedSync {
    let digest = |statement: &Sql| crate::partition::digest(statement.as_str(), 16);
    let triggers = table.sync_triggers(level).iter().map(|trigger| {
        let [create, _] = create_trigger(table, *trigger, level);
        (trigger.name(&table.managed, table.serving()), digest(&create))
    });
    let [create_guard, _] = create_guard(table);
    let triggers = triggers.chain([(guard_name(table.serving()), digest(&create_guard))]).collect();
    let functions = sync_functions(table, level).into_iter();
    let functions = functions.map(|function| (function.name.name.clone(), function.digest()));
    ExpectedSync { triggers, functions: functions.collect() }
}

/// Creates the functions and triggers, or replaces existing ones. The owner of the tables runs it in a transaction.
///
/// `present` are the triggers of the serving table. Those of another level are dropped, which takes an ACCESS EXCLUSIVE lock on
/// the table. Otherwise the lock is SHARE ROW EXCLUSIVE, which does not block readers.
#[must_use]
pub fn install_sync(
    table: &CopiedTable,
    level: SyncLevel,
    present: &BTreeSet<Identifier>,
) -> Vec<Sql> {
    let functions = sync_functions(table, level);
    let mut statements = vec![reject_others(table, &functions)];
    statements.extend(functions.iter().map(Function::create));
    statements.push(revoke(&functions));
    let wanted = table.sync_triggers(level);
    for trigger in SyncTrigger::ALL.iter().filter(|trigger| !wanted.contains(trigger)) {
        if present.contains(&trigger.name(&table.managed, table.serving())) {
            statements.push(drop_trigger(table, *trigger));
        }
    }
    statements.extend(create_guard(table));
    statements.extend(wanted.iter().flat_map(|trigger| create_trigger(table, *trigger, level)));
    statements
}

/// Drops the triggers of every level, and the functions that no other table uses. The owner of the tables runs it in a
/// transaction while both tables exist.
#[must_use]
pub fn remove_sync(table: &CopiedTable) -> Vec<Sql> {
    let triggers = SyncTrigger::ALL.iter().map(|trigger| drop_trigger(table, *trigger));
    let guard = Sql(format!(
        "DROP TRIGGER IF EXISTS {} ON {}",
        name(&guard_name(table.serving())),
        Text(table).passive()
    ));
    triggers.chain([guard, drop_functions(table)]).collect()
}

fn create_trigger(table: &CopiedTable, trigger: SyncTrigger, level: SyncLevel) -> [Sql; 2] {
    let (text, level) = (Text(table), table.sync_level(level));
    let columns: Vec<_> = table.columns.iter().map(name).collect();
    // Because of the column list, Postgres rejects DROP COLUMN and ALTER TYPE, which would break the function.
    let columns = format!("UPDATE OF {}", columns.join(", "));
    let (events, per) = match (trigger, level) {
        (SyncTrigger::Truncate, _) => ("TRUNCATE".to_owned(), "FOR EACH STATEMENT".to_owned()),
        (SyncTrigger::Write, SyncLevel::Row) => {
            (format!("INSERT OR DELETE OR {columns}"), "FOR EACH ROW".to_owned())
        }
        (SyncTrigger::Write, SyncLevel::Statement) => per_statement("INSERT", "NEW", NEW),
        (SyncTrigger::Update, _) => per_statement("UPDATE", "NEW", NEW),
        (SyncTrigger::Delete, _) => per_statement("DELETE", "OLD", OLD),
        (SyncTrigger::Move, _) => (columns, format!("FOR EACH ROW WHEN ({})", key_changed(text))),
    };
    let (trigger, on) = (trigger.name(&table.managed, table.serving()), text.serving());
    let function = qualified(&table.managed.sibling(trigger.clone()));
    let trigger = name(&trigger);
    [
        Sql(format!(
            "CREATE OR REPLACE TRIGGER {trigger} AFTER {events} ON {on} {per} EXECUTE FUNCTION {function}()"
        )),
        // Also fires in sessions that apply replicated changes.
        Sql(format!("ALTER TABLE {on} ENABLE ALWAYS TRIGGER {trigger}")),
    ]
}

fn per_statement(event: &str, which: &str, transition: &str) -> (String, String) {
    let per = format!("REFERENCING {which} TABLE AS {transition} FOR EACH STATEMENT");
    (event.to_owned(), per)
}

fn drop_trigger(table: &CopiedTable, trigger: SyncTrigger) -> Sql {
    let serving = table.serving();
    let (trigger, on) = (trigger.name(&table.managed, serving), table.name_of(serving));
    Sql(format!("DROP TRIGGER IF EXISTS {} ON {}", name(&trigger), qualified(on)))
}

fn trigger_body(text: Text<'_>, trigger: SyncTrigger, level: SyncLevel) -> String {
    let body = match (trigger, level) {
        (SyncTrigger::Write, SyncLevel::Row) if text.0.serving() == Side::Partitioned => {
            return super::reverse::write_row(text);
        }
        (SyncTrigger::Write, SyncLevel::Row) => insert_row(text) + &write_row(text),
        (SyncTrigger::Write, SyncLevel::Statement) => insert_all(text) + &write_all(text),
        (SyncTrigger::Update, _) => free_unique_values(text) + &write_all(text),
        (SyncTrigger::Delete, _) => delete_all(text),
        (SyncTrigger::Move, _) => delete_old_row(text, "  "),
        (SyncTrigger::Truncate, _) => truncate(text),
    };
    format!("\n#variable_conflict use_column\n{}", in_block(&body))
}

/// Returns the body of a trigger function with these statements.
pub(super) fn in_block(statements: &str) -> String {
    format!("BEGIN\n{statements}  RETURN NULL;\nEND\n")
}

fn key_changed(text: Text<'_>) -> String {
    let key = text.full_key();
    let [old, new] = ["OLD", "NEW"].map(|row| super::text::of(row, &key).join(", "));
    format!("({old}) IS DISTINCT FROM ({new})")
}

/// Inserts a row that the copy lacks, which is cheaper than an insert with `ON CONFLICT DO UPDATE`.
fn insert_row(text: Text<'_>) -> String {
    format!(
        "  IF TG_OP = 'INSERT' THEN\n    {}\n    {};\n    IF FOUND THEN RETURN NULL; END IF;\n  END IF;\n",
        new_row(text),
        text.unless_present(),
    )
}

fn write_row(text: Text<'_>) -> String {
    format!(
        "  IF TG_OP = 'DELETE' OR TG_OP = 'UPDATE' AND {} THEN\n{}\
         \x20   IF TG_OP = 'DELETE' THEN RETURN NULL; END IF;\n  END IF;\n  {}\n    {};\n",
        key_changed(text),
        delete_old_row(text, "    "),
        new_row(text),
        text.on_conflict(),
    )
}

/// Inserts the row of the source with the new key.
fn new_row(text: Text<'_>) -> String {
    format!(
        "{}\n    SELECT {}\n    FROM {} AS s WHERE {}",
        text.insert(),
        text.columns_of("s"),
        text.serving(),
        text.same_key("s", "NEW"),
    )
}

/// Deletes the row with the old key, unless the serving table has a row with that key.
///
/// Lines are indented when they are written, not afterwards, because a name can contain a line break.
fn delete_old_row(text: Text<'_>, indent: &str) -> String {
    let delete =
        format!("DELETE FROM {} AS t WHERE {};", text.passive(), text.same_key("t", "OLD"));
    let insert = format!("{} VALUES ({})", text.insert(), text.columns_of("OLD"));
    format!(
        "{indent}IF {} THEN\n{indent}  {delete}\n{indent}  IF NOT FOUND AND {ONE_SNAPSHOT} THEN\n{}{indent}  END \
         IF;\n{indent}END IF;\n",
        text.is_not_served("OLD"),
        resolve_conflicts(text, &insert, &delete, indent)
    )
}

/// Inserts rows and deletes them again: if the passive table has a row with that key that this snapshot cannot see, Postgres
/// returns 40001 (`serialization_failure`), and the application retries.
///
/// A row that now violates a constraint, such as a foreign key whose cascade is deleting it, has no such counterpart. The
/// conflict target is the key: Postgres rejects `ON CONFLICT` without a target if a constraint is deferrable.
pub(super) fn resolve_conflicts(
    text: Text<'_>,
    insert: &str,
    delete: &str,
    indent: &str,
) -> String {
    format!(
        "{indent}    BEGIN\n{indent}      {insert} {};\n{indent}      {delete}\n{indent}    \
         EXCEPTION WHEN integrity_constraint_violation THEN NULL;\n{indent}    END;\n",
        text.unless_present()
    )
}

/// Inserts rows that the copy lacks. If it has one of them, or the source no longer has one, [`write_all`] continues.
fn insert_all(text: Text<'_>) -> String {
    format!(
        "  DECLARE\n    inserted bigint;\n  BEGIN\n    {}\n    SELECT {}\n    FROM {} AS s JOIN {NEW} AS n ON {}\n    {};\n    \
         GET DIAGNOSTICS inserted = ROW_COUNT;\n    IF inserted = (SELECT count(*) FROM {NEW}) THEN RETURN NULL; END IF;\n  \
         END;\n",
        text.insert(),
        text.columns_of("s"),
        text.serving(),
        text.same_key("s", "n"),
        text.unless_present(),
    )
}

fn write_all(text: Text<'_>) -> String {
    let key = super::text::of("n", &text.full_key()).join(", ");
    format!(
        "  {}\n    SELECT {}\n    FROM {} AS s JOIN (SELECT DISTINCT {key} FROM {NEW} AS n) AS n ON {}\n    {};\n",
        text.insert(),
        text.columns_of("s"),
        text.serving(),
        text.same_key("s", "n"),
        text.on_conflict(),
    )
}

/// A statement can pass a unique value from row to row so that no two rows have it at the same time. The triggers write rows in
/// another order, so in a copy with further unique indexes they delete these rows first.
fn free_unique_values(text: Text<'_>) -> String {
    let (copy, key) = (text.passive(), super::text::of("n", &text.full_key()).join(", "));
    format!(
        "  IF (SELECT count(*) FROM pg_index AS x WHERE x.indrelid = {}::regclass AND x.indisunique) > 1 THEN\n    DELETE \
         FROM {copy} AS t USING (SELECT DISTINCT {key} FROM {NEW} AS n) AS n WHERE {};\n  END IF;\n",
        literal(&copy),
        text.same_key("t", "n"),
    )
}

fn delete_all(text: Text<'_>) -> String {
    let gone = text.is_not_served("o");
    let delete = format!(
        "DELETE FROM {} AS t USING {OLD} AS o WHERE {} AND {gone};",
        text.passive(),
        text.same_key("t", "o")
    );
    let insert =
        format!("{} SELECT {} FROM {OLD} AS o WHERE {gone}", text.insert(), text.columns_of("o"));
    format!(
        "  DECLARE\n    deleted bigint;\n  BEGIN\n    {delete}\n    GET DIAGNOSTICS deleted = ROW_COUNT;\n    IF \
         {ONE_SNAPSHOT} AND deleted < (SELECT count(*) FROM {OLD}) THEN\n{}    END IF;\n  END;\n",
        resolve_conflicts(text, &insert, &delete, "  ")
    )
}

/// Truncates the passive table only if no other session holds a lock on it. The application holds an ACCESS EXCLUSIVE lock on
/// the serving table: if it waited for an index build, which waits for a session that waits for the source, that would be a
/// deadlock. A DELETE does not conflict with a build, but cannot see rows that are newer than the snapshot.
fn truncate(text: Text<'_>) -> String {
    let (serving, passive) = (text.serving(), text.passive());
    let busy = format!("could not truncate {passive}: another session holds a lock on it");
    format!(
        "  IF EXISTS (SELECT FROM {serving}) THEN\n    DELETE FROM {passive} AS t WHERE {};\n    RETURN NULL;\n  END \
         IF;\n  BEGIN\n    LOCK TABLE {passive} IN ACCESS EXCLUSIVE MODE NOWAIT;\n    TRUNCATE {passive};\n  EXCEPTION WHEN \
         lock_not_available THEN\n    IF {ONE_SNAPSHOT} THEN\n      RAISE serialization_failure USING MESSAGE = \
         {};\n    END IF;\n    DELETE FROM {passive};\n  END;\n",
        text.is_not_served("t"),
        literal(&busy)
    )
}
