//! The trigger on the partitioned table that writes to the source, row by row.
//!
//! The source enforces what it always did, such as a key without the partition columns, and other tables reference it. So
//! a row that moves to another partition, which is a DELETE and an INSERT there, reaches the source as an UPDATE if foreign
//! keys could cascade, and so does a row that gets another key. A row that gets another key in another partition does not:
//! its DELETE and its INSERT have nothing in common. And a second row of the same row key fails as it would have without
//! partitions.

use super::sync::{ONE_SNAPSHOT, in_block, resolve_conflicts};
use super::text::{LABEL, Text, of, same};
use crate::sql::quote::literal;

/// The new image of a row is what the table has, unless code that ran since changed it: a trigger, or the cascade of a
/// foreign key that references the table. In 14 the triggers of a partition that come from its table are internal.
const READS_AGAIN: &str = "EXISTS (SELECT FROM pg_trigger AS g WHERE g.tgrelid = TG_RELID AND g.tgname <> TG_NAME AND \
    g.tgtype & 1 = 1 AND (NOT g.tgisinternal OR NOT starts_with(g.tgname, 'RI_ConstraintTrigger_c')))";

/// The body of the function of the row trigger.
pub(super) fn write_row(text: Text<'_>) -> String {
    let key = text.row_key();
    let [old, new] = ["OLD", "NEW"].map(|row| of(row, &key).join(", "));
    let statements = format!(
        "  IF TG_OP = 'DELETE' OR TG_OP = 'UPDATE' AND ({old}) IS DISTINCT FROM ({new}) THEN\n{}    IF TG_OP = 'DELETE' \
         THEN RETURN NULL; END IF;\n  END IF;\n  IF {READS_AGAIN} THEN\n    {}\n  ELSE\n    {}\n  END IF;\n{}",
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

/// Deletes the row of the old key, unless the table has a row of that key.
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

/// Gives the row of the old key the new one, so that foreign keys cascade an update, as they did without partitions.
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

/// The source has a row of this row key with other partition columns. It is the same row before it moved, or another row
/// of the table has the key as well.
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

/// Fails as Postgres does, with the name that the application knows for the key.
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
