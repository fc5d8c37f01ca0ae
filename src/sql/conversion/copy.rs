//! Block that copies a page of rows.
//!
//! It finds the end of the page first, without row locks: a row can change its key while the statement waits for its lock,
//! and the cursor would skip the rows in between. Then it locks the rows, so that no write to them is lost between reading
//! and inserting.
//!
//! The insert omits rows that the sync has already copied. Usually there are none, and the insert takes all rows of the page,
//! which saves a join. If the sync copies one of the rows meanwhile, the insert fails and is repeated with `ON CONFLICT`,
//! which is always correct but takes half as long again.
//!
//! `reached` is the key of the last copied row, `until` the key of the last row to copy: rows above it were inserted after the
//! triggers. Both are NULL in the beginning.

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
    // The planner expects rows in the page even if there are none; the order makes it read the index.
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

/// Condition for rows above the key in `after`, if there is one. The planner removes the first half, because the block is
/// planned with the values of its variables.
pub(super) fn is_above(key: &[&Identifier], alias: &str) -> String {
    format!("({LABEL}.is_first OR {})", Text::compared(key, alias, ">", "after"))
}

/// Declares a variable with the key from the setting of this name.
pub(super) fn passed(name: &str) -> String {
    format!("  {name} text[] := nullif(current_setting('pgpartition.{name}'), '')::text[];\n")
}

/// Sets the result of the block to the values of these variables.
pub(super) fn answer(variables: &[&str]) -> String {
    let pairs: Vec<_> = variables.iter().map(|name| format!("'{name}', {LABEL}.{name}")).collect();
    format!(
        "  PERFORM set_config('pgpartition.answer', jsonb_build_object({})::text, true);\n",
        pairs.join(", ")
    )
}

/// Records whether another session waits for a lock of this one, which every role can see. At the end of a block with an
/// exception handler, sessions that wait for it wake up briefly.
pub(super) const NOTE_WAITS: &str = "  blocks := EXISTS (SELECT FROM pg_locks AS l WHERE NOT l.granted AND \
    pg_backend_pid() = ANY (pg_blocking_pids(l.pid)));\n";

/// Lets this transaction write to the copy.
pub(super) const ALLOW: &str = "  PERFORM set_config('pgpartition.sync', 'on', true);\n";

/// Begins a block that `EXIT work` leaves and [`END_WORK`] ends.
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

/// Ends the permission to write to the copy, and runs all deferred code.
///
/// The code of a constraint or a domain can write to a table with a deferred trigger, which would run after this block with
/// the privileges of the session, where it can change the role. It can also defer itself again. So the block fails if such
/// a table was written to. Such code can also change the search path, so the path is set again before names are looked up.
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

/// Ends a block that creates deferrable triggers on tables to which the session may have just written: Postgres counts these
/// rows until it reports them. `written` is [`WRITTEN`] from before the block.
pub(super) const END_SWAP: &str = concat!(
    run_deferred!(),
    "  IF ",
    written!(),
    " > pgpartition.written THEN\n",
    reject_deferred!()
);

/// Number of rows that the session has recently written to tables with a deferrable trigger, or to the two tables.
pub(super) const WRITTEN: &str = written!();
