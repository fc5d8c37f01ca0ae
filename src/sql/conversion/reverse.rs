//! Trigger on the partitioned table that writes to the source, row by row.
//!
//! The source continues to enforce its constraints, such as a key without the partition columns, and other tables reference
//! it. A row that moves to another partition is a DELETE and an INSERT on the partitioned table, but an UPDATE on the source if
//! foreign keys could cascade; so is a change of the key. A row that changes its key and its partition at the same time
//! remains a DELETE and an INSERT, which have nothing in common. A second row with the same row key fails as without
//! partitions.

use super::sync::{ONE_SNAPSHOT, in_block, resolve_conflicts};
use super::text::{LABEL, Text, of, same};
use crate::sql::quote::literal;

/// The new image of a row is the current row unless other code changed it meanwhile: a trigger, or the cascade of a foreign key
/// that references the table. In Postgres 14, triggers that a partition gets from its table are internal.
///
/// A transaction with one snapshot can have waited for the swap that created these triggers. Its snapshot of `pg_trigger` lacks
/// them, but Postgres fires them.
const READS_AGAIN: &str = "EXISTS (SELECT FROM pg_trigger AS g WHERE g.tgrelid = TG_RELID AND g.tgname <> TG_NAME AND \
    g.tgtype & 1 = 1 AND (NOT g.tgisinternal OR NOT starts_with(g.tgname, 'RI_ConstraintTrigger_c')))";

/// Returns the body of the row trigger function.
pub(super) fn write_row(text: Text<'_>) -> String {
    let key = text.row_key();
    let [old, new] = ["OLD", "NEW"].map(|row| of(row, &key).join(", "));
    let statements = format!(
        "  IF TG_OP = 'DELETE' OR TG_OP = 'UPDATE' AND ({old}) IS DISTINCT FROM ({new}) THEN\n{}    IF TG_OP = 'DELETE' \
         THEN RETURN NULL; END IF;\n  END IF;\n  IF {ONE_SNAPSHOT} OR {READS_AGAIN} THEN\n    {}\n  ELSE\n    {}\n  END IF;\n{}",
        delete_old_row(text),
        upsert(text, &read(text, "NEW")),
        upsert(text, &format!("VALUES ({})", text.columns_of("NEW"))),
        write_elsewhere(text),
    );
    format!(
        "\n#variable_conflict use_column\n<<{LABEL}>>\nDECLARE\n  gone boolean;\n  name text;\n{}",
        in_block(&statements)
    )
}

fn read(text: Text<'_>, row: &str) -> String {
    let (columns, serving, key) = (text.columns_of("t"), text.serving(), text.same_key("t", row));
    format!("SELECT {columns} FROM {serving} AS t WHERE {key}")
}

fn upsert(text: Text<'_>, rows: &str) -> String {
    let beside = text.beside_key();
    let is_same = if beside.is_empty() {
        String::new()
    } else {
        format!(" WHERE {}", same(&beside, "s", "EXCLUDED"))
    };
    format!("{} {rows}\n      {}{is_same};", text.insert_as(" AS s"), text.on_conflict())
}

/// Deletes the row with the old key, unless the table has a row with that key.
fn delete_old_row(text: Text<'_>) -> String {
    let delete =
        format!("DELETE FROM {} AS s WHERE {};", text.passive(), text.same_key("s", "OLD"));
    let insert = format!("{} VALUES ({})", text.insert(), text.columns_of("OLD"));
    let is_key_gone = if text.beside_key().is_empty() {
        String::new()
    } else {
        format!(
            "      gone := NOT EXISTS (SELECT FROM {} AS t WHERE {});\n",
            text.serving(),
            text.same_row_key("t", "OLD")
        )
    };
    let moved = if text.set_from("t").is_empty() {
        String::new()
    } else {
        format!(
            "    IF gone AND {} THEN\n{is_key_gone}      IF gone AND TG_OP = 'UPDATE' THEN\n        {}\n        gone := NOT \
             FOUND;\n      END IF;\n    END IF;\n",
            text.is_referenced(),
            update_key(text),
        )
    };
    format!(
        "    gone := {};\n{moved}    IF gone THEN\n      {delete}\n      IF NOT FOUND AND {ONE_SNAPSHOT} THEN\n{}      END \
         IF;\n    END IF;\n",
        text.is_not_served("OLD"),
        resolve_conflicts(text, &insert, &delete, "    ")
    )
}

/// Updates the row with the old key to the new one, so that foreign keys cascade an update, as without partitions.
fn update_key(text: Text<'_>) -> String {
    let (passive, set) = (text.passive(), text.set_from("t"));
    format!(
        "UPDATE {passive} AS s SET {set} FROM {} AS t WHERE {} AND {} AND NOT EXISTS (SELECT FROM {passive} AS p WHERE {});",
        text.serving(),
        text.same_key("t", "NEW"),
        text.same_row_key("s", "OLD"),
        text.same_row_key("p", "NEW"),
    )
}

/// Handles a row of the source with the same row key and other partition columns: the same row before it moved, or another row
/// with the same key.
fn write_elsewhere(text: Text<'_>) -> String {
    let beside = text.beside_key();
    if beside.is_empty() {
        return String::new();
    }
    let (serving, passive) = (text.serving(), text.passive());
    let (full_key, row_key) = (text.same_key("t", "NEW"), text.same_row_key("t", "NEW"));
    let [there, here] = ["t", "NEW"].map(|row| of(row, &beside).join(", "));
    format!(
        "  IF NOT FOUND AND EXISTS (SELECT FROM {serving} AS t WHERE {full_key}) THEN\n    IF EXISTS (SELECT FROM {serving} \
         AS t WHERE {row_key} AND ({there}) IS DISTINCT FROM ({here})) THEN\n{}    END IF;\n    UPDATE {passive} AS s SET {} \
         FROM {serving} AS t WHERE {full_key} AND {};\n  END IF;\n",
        reject_duplicate(text),
        text.set_from("t"),
        text.same_row_key("s", "NEW"),
    )
}

/// Raises the error of Postgres with the name of the key that the application knows.
fn reject_duplicate(text: Text<'_>) -> String {
    let table = text.0.managed.name();
    let key: Vec<_> = text.0.full_key().map(|column| literal(column.as_str())).collect();
    let serving = literal(&text.serving());
    format!(
        "      SELECT c.relname INTO name FROM pg_index AS x JOIN pg_class AS c ON c.oid = x.indexrelid\n        WHERE \
         x.indrelid = {serving}::regclass AND x.indisunique AND ARRAY(SELECT a.attname FROM unnest(x.indkey[0:x.indnkeyatts \
         - 1])\n          WITH ORDINALITY AS k (attnum, place) JOIN pg_attribute AS a ON a.attrelid = x.indrelid AND a.attnum \
         = k.attnum\n          ORDER BY k.place) = ARRAY[{}]::name[]\n        ORDER BY x.indisprimary DESC, x.indexrelid LIMIT \
         1;\n      RAISE unique_violation USING MESSAGE = concat('duplicate key value violates unique constraint \"', \
         {LABEL}.name, '\"'),\n        SCHEMA = {}, TABLE = {}, CONSTRAINT = {LABEL}.name;\n",
        key.join(", "),
        literal(table.schema.as_str()),
        literal(table.name.as_str()),
    )
}
