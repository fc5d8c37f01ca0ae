//! The block that copies a page of rows.
//!
//! It reads the end of the page first and without row locks: a locked row can be another one by the time the lock is
//! there, and the cursor would skip what lies between. Then it locks the rows, so that no write to one of them is lost
//! between reading and inserting it, and leaves alone what the sync has copied.
//!
//! What the sync had copied before is left out of the insert. If it had copied no row of the page, which is what most pages
//! of most tables find, the insert takes them all, which saves a join. If the sync copies one of the rows meanwhile, the
//! insert fails, and is repeated with `ON CONFLICT`, which is right in every case, but costs half as much again.
//!
//! `reached` is the key of the last row that was copied, `until` that of the last row to copy: rows above it came
//! after the triggers. Each is NULL in the beginning.

use super::text::{LABEL, Text};
use crate::partition::Identifier;

pub(super) fn block(text: Text<'_>, rows: u32) -> String {
    let key = text.row_key();
    let source = text.source();
    let columns = super::text::of("s", &key).join(", ");
    let (last, upto) = (Text::values(&key, "last"), Text::values(&key, "upto"));
    let (above, order) = (is_above(&key, "s"), Text::order(&key, "s", ""));
    let to_last = Text::compared(&key, "s", "<=", "last");
    let offset = rows.max(1) - 1;
    let declared = [
        passed("reached"),
        passed("until"),
        text.declare(&key, "after", Some("reached")),
        text.declare(&key, "last", Some("until")),
        text.declare(&key, "upto", None),
    ];
    format!(
        "\n#variable_conflict use_column\n<<{LABEL}>>\nDECLARE\n{}  is_first boolean := {LABEL}.reached IS NULL;\n  \
         copied bigint := 0;\n  done boolean := true;\n  blocks boolean := false;\nBEGIN\n{BEGIN_WORK}  IF {LABEL}.until IS NULL THEN\n    SELECT \
         {columns} INTO {last} FROM {source} AS s {} LIMIT 1;\n    EXIT work WHEN NOT FOUND;\n    until := {};\n  END \
         IF;\n  SELECT {columns} INTO {upto} FROM {source} AS s WHERE {above} AND {to_last} {order} OFFSET {offset} \
         LIMIT 1;\n  done := NOT FOUND;\n  IF done THEN\n{}  END IF;\n{ALLOW}{}  reached := {};\n{END_WORK}{}END\n",
        declared.concat(),
        Text::order(&key, "s", " DESC"),
        Text::texts(&key, "last"),
        assign(&key),
        insert(text),
        Text::texts(&key, "upto"),
        answer(&["reached", "until", "copied", "done", "blocks"]),
    )
}

/// Locks and inserts the rows of the page.
fn insert(text: Text<'_>) -> String {
    let key = text.row_key();
    let [source_page, copy_page] = ["s", "t"].map(|alias| {
        format!("{} AND {}", is_above(&key, alias), Text::compared(&key, alias, "<=", "upto"))
    });
    let insert = format!(
        "{}\n      SELECT {} FROM (SELECT {} FROM {} AS s WHERE {source_page} {} FOR SHARE) AS page",
        text.insert(),
        text.columns_of("page"),
        text.columns_of("s"),
        text.source(),
        Text::order(&key, "s", ""),
    );
    // The order has the index be read, of which no row may be in the page: the planner expects some.
    format!(
        "  PERFORM FROM {copy} AS t WHERE {copy_page} {order} LIMIT 1;\n  BEGIN\n    IF FOUND THEN\n    {insert}\n      WHERE \
         NOT EXISTS (SELECT FROM {copy} AS t WHERE {copy_page} AND {same_key});\n    ELSE\n    {insert};\n    END IF;\n    GET \
         DIAGNOSTICS copied = ROW_COUNT;\n  {NOTE_WAITS}  EXCEPTION WHEN unique_violation OR exclusion_violation THEN\n    \
         {insert}\n      ON CONFLICT DO NOTHING;\n    GET DIAGNOSTICS copied = ROW_COUNT;\n  {NOTE_WAITS}  END;\n",
        copy = text.copy(),
        order = Text::order(&key, "t", ""),
        same_key = text.same_key("t", "page"),
    )
}

fn assign(key: &[&Identifier]) -> String {
    let variables = Text::variables(key, "upto").into_iter().zip(Text::variables(key, "last"));
    variables.map(|(upto, last)| format!("    {upto} := {last};\n")).collect()
}

/// A row lies above the key in `after`, if there is one. The planner drops the first half, since the block plans for
/// values.
pub(super) fn is_above(key: &[&Identifier], alias: &str) -> String {
    format!("({LABEL}.is_first OR {})", Text::compared(key, alias, ">", "after"))
}

/// Declares a variable that holds the key in the setting of this name.
pub(super) fn passed(name: &str) -> String {
    format!("  {name} text[] := nullif(current_setting('pgpartition.{name}'), '')::text[];\n")
}

/// Sets the answer of the block to the values of these variables.
pub(super) fn answer(variables: &[&str]) -> String {
    let pairs: Vec<_> = variables.iter().map(|name| format!("'{name}', {LABEL}.{name}")).collect();
    format!(
        "  PERFORM set_config('pgpartition.answer', jsonb_build_object({})::text, true);\n",
        pairs.join(", ")
    )
}

/// Notes whether another session waits for a lock of this one, which every role sees. When a block with an exception
/// handler ends, sessions that wait for it wake up for a moment.
pub(super) const NOTE_WAITS: &str = "  blocks := EXISTS (SELECT FROM pg_locks AS l WHERE NOT l.granted AND \
    pg_backend_pid() = ANY (pg_blocking_pids(l.pid)));\n";

/// Lets this transaction write to the copy.
pub(super) const ALLOW: &str = "  PERFORM set_config('pgpartition.sync', 'on', true);\n";

/// Begins a block, which `EXIT work` leaves, and [`END_WORK`] ends.
pub(super) const BEGIN_WORK: &str = "  <<work>>\n  BEGIN\n";

macro_rules! run_deferred {
    () => {
        "  END work;
  PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
  PERFORM set_config('pgpartition.sync', '', true);
  SET CONSTRAINTS ALL IMMEDIATE;
  PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
"
    };
}

macro_rules! reject_deferred {
    () => {
        "    RAISE object_not_in_prerequisite_state USING
      MESSAGE = 'code of a constraint wrote to a table with a deferrable trigger or exclusion constraint';
  END IF;
"
    };
}

macro_rules! written {
    () => {
        "(SELECT coalesce(sum(pg_stat_get_xact_tuples_inserted(r.oid) + pg_stat_get_xact_tuples_updated(r.oid)
      + pg_stat_get_xact_tuples_deleted(r.oid)), 0)
    FROM (
      SELECT g.tgrelid FROM pg_trigger AS g JOIN pg_constraint AS c ON c.oid = g.tgconstraint
      WHERE g.tgdeferrable AND c.contype IN ('t', 'x')
      UNION
      SELECT i.inhrelid FROM pg_inherits AS i WHERE i.inhparent IN (pgpartition.serving, pgpartition.passive)
      UNION
      SELECT unnest(ARRAY[pgpartition.serving, pgpartition.passive])
    ) AS r (oid))"
    };
}

/// Ends the permission to write to the copy, and runs all code that was put off.
///
/// The code of a constraint or a domain can write to a table with a deferred trigger, whose code would run after this
/// block: with the privileges of the session, in which it can change the role. It can also defer itself again. So
/// no such table may have been written to. Such code can also change the search path: it is set again before names are
/// looked up.
pub(super) const END_WORK: &str = concat!(
    run_deferred!(),
    "  IF EXISTS (
    SELECT FROM pg_trigger AS g JOIN pg_constraint AS c ON c.oid = g.tgconstraint
    WHERE g.tgdeferrable AND g.tgenabled <> 'D' AND c.contype IN ('t', 'x') AND pg_stat_get_xact_tuples_inserted(g.tgrelid)
      + pg_stat_get_xact_tuples_updated(g.tgrelid) + pg_stat_get_xact_tuples_deleted(g.tgrelid) > 0
  ) THEN
",
    reject_deferred!()
);

/// Ends a block that creates deferrable triggers on tables to which the session may have written a moment ago: Postgres
/// counts that until it reports it. `written` is [`WRITTEN`] from before the block.
pub(super) const END_SWAP: &str = concat!(
    run_deferred!(),
    "  IF ",
    written!(),
    " > pgpartition.written THEN\n",
    reject_deferred!()
);

/// The number of rows that the session wrote lately to tables with a deferrable trigger, or to the two tables.
pub(super) const WRITTEN: &str = written!();
