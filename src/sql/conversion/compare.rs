//! Block that compares a page of both tables and repairs the copy.
//!
//! It reads both tables in one statement, and so in one snapshot. The triggers write in the transaction of the
//! application, so the tables are equal in every snapshot, and any difference is a defect. The exception is a column
//! `GENERATED ALWAYS AS IDENTITY`, which the triggers cannot update.

use super::copy::{ALLOW, BEGIN_WORK, END_WORK, NOTE_WAITS, answer, is_above, passed};
use super::page::Comparison;
use super::text::{LABEL, Text, of};
use crate::partition::Identifier;

/// Temporary table with the key of the last row that a read-only comparison compared. The owner of the tables owns it.
pub(super) const CURSOR: &str = "pg_temp.pgpartition_verified";

/// Elements of the array of differing rows.
#[derive(Clone, Copy)]
enum Listed {
    /// Key of the row only.
    Key,
    /// `missing`, `extra`, or `different`, then the key.
    KindAndKey,
}

/// `reached` is the key of the last row that was compared. Without `content`, rows are counted, and compared only if
/// the counts differ. Up to `repairs` rows that differ are repaired.
pub(super) fn block(text: Text<'_>, rows: u32, comparison: Comparison) -> String {
    let (row_key, full_key) = (text.row_key(), text.full_key());
    let Comparison { content, repairs, after: _ } = comparison;
    let declared = [
        passed("reached"),
        text.declare(&row_key, "after", Some("reached")),
        text.declare(&row_key, "upto", None),
        text.declare(&full_key, "found", None),
    ];
    let count = if content { String::new() } else { count(text, rows) };
    format!(
        "\n#variable_conflict use_column\n<<{LABEL}>>\nDECLARE\n{}  is_first boolean := {LABEL}.reached IS NULL;\n  \
         is_last boolean;\n  keys text[];\n  key text[];\n  source_rows bigint;\n  copy_rows bigint;\n  differing \
         bigint := 0;\n  repaired bigint := 0;\n  done boolean;\n  blocks boolean := \
         false;\nBEGIN\n{BEGIN_WORK}{}{count}{}  EXIT work WHEN keys IS NULL OR {repairs} < \
         1;\n{ALLOW}  FOREACH key SLICE 1 IN ARRAY keys LOOP\n{}    repaired := repaired + 1;\n  END LOOP;\n{NOTE_WAITS}{END_WORK}{}END\n",
        declared.concat(),
        find_end(text, &text.source(), rows),
        compare_bounded(text, rows, repairs, Listed::Key),
        repair(text),
        answer(&["reached", "source_rows", "copy_rows", "differing", "repaired", "done", "blocks"]),
    )
}

/// Compares a page and changes only [`CURSOR`], which has the lower end of the page. The result lists up to `keys` differing
/// rows.
pub(super) fn read_only_block(text: Text<'_>, rows: u32, keys: u32) -> String {
    let row_key = text.row_key();
    let declared = [
        format!("  reached text[] := (SELECT v.reached FROM {CURSOR} AS v);\n"),
        text.declare(&row_key, "after", Some("reached")),
        text.declare(&row_key, "upto", None),
    ];
    format!(
        "\n#variable_conflict use_column\n<<{LABEL}>>\nDECLARE\n{}  is_first boolean := {LABEL}.reached IS NULL;\n  \
         is_last boolean;\n  keys text[];\n  source_rows bigint;\n  copy_rows bigint;\n  differing bigint := 0;\n  \
         done boolean;\nBEGIN\n{BEGIN_WORK}{}{}{END_WORK}  UPDATE {CURSOR} AS v SET reached = {LABEL}.reached;\n{}END\n",
        declared.concat(),
        find_end(text, &text.source(), rows),
        compare_bounded(text, rows, keys, Listed::KindAndKey),
        answer(&["source_rows", "copy_rows", "differing", "keys", "done"]),
    )
}

/// Returns the maximum number of rows of the copy in a page with this number of rows of the source.
fn most_of_copy(rows: u32) -> u32 {
    rows.max(1).saturating_mul(2)
}

/// Finds the end of the page after this number of rows of the table. The last page has no end.
fn find_end(text: Text<'_>, table: &str, rows: u32) -> String {
    let key = text.row_key();
    format!(
        "  SELECT {} INTO {} FROM {table} AS s WHERE {} {} OFFSET {} LIMIT 1;\n  is_last := NOT FOUND;\n  done := \
         is_last;\n  reached := CASE WHEN NOT done THEN {} END;\n",
        of("s", &key).join(", "),
        Text::values(&key, "upto"),
        is_above(&key, "s"),
        Text::order(&key, "s", ""),
        rows.max(1) - 1,
        Text::texts(&key, "upto"),
    )
}

/// Compares the page. If the copy has many more rows in the page than the source, the page ends after a limited number of rows
/// of the copy and is compared again.
fn compare_bounded(text: Text<'_>, rows: u32, max_listed: u32, listed: Listed) -> String {
    format!(
        "  LOOP\n{}  EXIT WHEN copy_rows <= {};\n{}  END LOOP;\n",
        compare(text, rows, max_listed, listed),
        most_of_copy(rows),
        find_end(text, &text.copy(), rows),
    )
}

/// Condition for the rows of the page.
fn is_in_page(key: &[&Identifier]) -> String {
    let to_end = Text::compared(key, "s", "<=", "upto");
    format!("{} AND ({LABEL}.is_last OR {to_end})", is_above(key, "s"))
}

fn count(text: Text<'_>, rows: u32) -> String {
    let page = is_in_page(&text.row_key());
    format!(
        "  SELECT (SELECT count(*) FROM {} AS s WHERE {page}), (SELECT count(*) FROM (SELECT FROM {} AS s WHERE {page} LIMIT \
         {} + 1) AS rows) INTO source_rows, copy_rows;\n  EXIT work WHEN source_rows = copy_rows;\n",
        text.source(),
        text.copy(),
        most_of_copy(rows),
    )
}

/// Compares the page, and lists up to `max_listed` rows that differ.
fn compare(text: Text<'_>, rows: u32, max_listed: u32, listed: Listed) -> String {
    let page = is_in_page(&text.row_key());
    let key = text.full_key();
    let side = |table, limit: &str, alias: &str| {
        format!(
            "(SELECT {} FROM {table} AS s WHERE {page}{limit}) AS {alias}",
            text.columns_of("s")
        )
    };
    let limit = format!(" LIMIT {} + 1", most_of_copy(rows));
    let [of_a, of_b] = ["a", "b"].map(|alias| of(alias, &key));
    let texts: Vec<_> =
        of_a.iter().zip(&of_b).map(|(a, b)| format!("coalesce({a}, {b})::text")).collect();
    let on: Vec<_> = of_a.iter().zip(&of_b).map(|(a, b)| format!("{a} = {b}")).collect();
    let on = on.join(" AND ");
    // The first column of the key shows whether a side has the row.
    let absent = |columns: &[String]| {
        columns.first().map(|c| format!("{c} IS NULL OR ")).unwrap_or_default()
    };
    let present = |columns: &[String]| columns.first().cloned().unwrap_or_default();
    // Building rows from columns here is cheaper than whole rows in the subqueries, which the join would carry in addition
    // to the columns.
    let [row_a, row_b] = ["a", "b"].map(|alias| format!("ROW({})::record", text.columns_of(alias)));
    let differs = format!("{}{}{row_a} *<> {row_b}", absent(&of_a), absent(&of_b));
    let kind = match listed {
        Listed::Key => String::new(),
        Listed::KindAndKey => format!(
            "CASE WHEN {} IS NULL THEN 'extra' WHEN {} IS NULL THEN 'missing' ELSE 'different' END, ",
            present(&of_a),
            present(&of_b)
        ),
    };
    format!(
        "  SELECT count({}), count({}), array_agg(ARRAY[{kind}{}]) FILTER (WHERE {differs})\n    INTO source_rows, \
         copy_rows, {LABEL}.keys\n    FROM {}\n    FULL JOIN {}\n    ON {on};\n  differing := \
         coalesce(array_length(keys, 1), 0);\n  keys := keys[1:{max_listed}];\n",
        present(&of_a),
        present(&of_b),
        texts.join(", "),
        side(text.source(), "", "a"),
        side(text.copy(), &limit, "b"),
    )
}

/// Locks the row of the serving table first, as the application and its trigger do. The lock on the row of the passive table
/// waits for a trigger that writes to it. Each later statement sees all rows committed until then.
///
/// A row with another identity value is deleted and inserted, because an update cannot set that value.
fn repair(text: Text<'_>) -> String {
    let key = text.full_key();
    let assigned: String = Text::variables(&key, "found")
        .iter()
        .enumerate()
        .map(|(at, variable)| format!("    {variable} := key[{}];\n", at + 1))
        .collect();
    let is_row = |alias: &str| {
        let pairs = of(alias, &key).into_iter().zip(Text::variables(&key, "found"));
        pairs.map(|(column, v)| format!("{column} = {LABEL}.{v}")).collect::<Vec<_>>().join(" AND ")
    };
    let (serving, passive) = (text.serving(), text.passive());
    let (of_serving, of_passive) = (is_row("s"), is_row("t"));
    format!(
        "{assigned}    PERFORM FROM {serving} AS s WHERE {of_serving} FOR SHARE;\n    PERFORM FROM {passive} AS t WHERE \
         {of_passive} FOR UPDATE;\n    DELETE FROM {passive} AS t WHERE {of_passive}\n      AND {};\n    {}\n      SELECT {} \
         FROM {serving} AS s WHERE {of_serving}\n      {};\n",
        text.has_no_original("t"),
        text.insert(),
        text.columns_of("s"),
        text.on_conflict(),
    )
}
