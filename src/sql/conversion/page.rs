//! Messages that copy or compare a page. Each is one transaction that also records the progress.
//!
//! The operator's role reads and writes the record; the owner's role runs the block that reads and writes rows. Keys pass
//! between them in settings of the transaction: keys are data and are neither in the text of a statement nor in a result.

use std::time::Duration;

use jiff::Timestamp;

use super::leaves::record_partitions;
use super::record::{CONVERSIONS, is_record_of};
use super::text::Text;
use super::work::run_as_owner;
use super::{compare, copy};
use crate::partition::CopiedTable;
use crate::plan::TransactionMode;
use crate::sql::quote::literal;
use crate::sql::record_tables::check_records;
use crate::sql::{LoginRole, Role, Script, Sql, Statement};

/// Lock timeout of a page. An application waits for a lock of the page no longer than the page takes, and in a deadlock
/// between the two the page is canceled first.
const LOCK_TIMEOUT: Duration = Duration::from_millis(50);

/// Parameters of the next page.
#[derive(Debug, Clone, Copy)]
pub struct Page {
    /// Number of rows of the page, at least 1.
    pub rows: u32,
    /// Statement timeout.
    pub statement_timeout: Duration,
    /// Whether errors may name the login role.
    pub login: LoginRole,
}

/// Parameters of a comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Comparison {
    /// Whether rows are compared; otherwise, they are counted, and compared only in pages with different counts.
    pub content: bool,
    /// Maximum number of rows to repair in the page.
    pub repairs: u32,
    /// Start time of a sweep that an approval resets: a new sweep begins, and the count of consecutive sweeps with differences
    /// restarts. `None` without an approval.
    pub after: Option<Timestamp>,
}

/// Copies the next page. The result is JSON with the number of rows of the page (`copied`) and of all pages (`total`), whether
/// this was the last page (`done`), and whether another session waited for a lock of it (`blocks`).
///
/// It fails with `no_data_found` (P0002) if there is no record of an incomplete copy, with `lock_not_available` (55P03) if
/// another session holds a lock, and with `object_not_in_prerequisite_state` (55000) if code of the owner cannot be confined:
/// `track_counts` is off, or a constraint wrote to a table with deferrable triggers.
///
/// The session must be reset before it sends another message: see `Session::commit_page_text`.
#[must_use]
pub fn copy_page(table: &CopiedTable, page: Page) -> Script {
    let is_record = is_record_of(&table.managed);
    script(
        table,
        page,
        &Parts {
            prepare: Vec::new(),
            unfinished: "c.backfilled_at IS NULL",
            block: copy::block(Text(table), page.rows),
            passed: [("reached", "c.reached"), ("until", "c.until")].to_vec(),
            record: format!(
                "UPDATE pgpartition.conversions AS c SET reached = a.reached, until = a.until, copied = c.copied + \
             a.copied, changed = pg_current_xact_id(), backfilled_at = CASE WHEN a.done THEN clock_timestamp() \
             END FROM jsonb_to_record({ANSWER}) AS a (reached text[], until text[], copied bigint, done boolean, \
             blocks boolean) WHERE {is_record} RETURNING json_build_object('copied', a.copied, 'total', c.copied, 'done', \
             a.done, 'blocks', a.blocks)::text"
            ),
        },
    )
}

/// Compares the next page of a sweep, or the first page of a new one. The result is JSON with the number of rows on both sides,
/// of differing, and of repaired rows, whether the sweep is complete, and whether another session waited for a lock. Errors
/// are those of [`copy_page`].
#[must_use]
pub fn compare_page(table: &CopiedTable, page: Page, comparison: Comparison) -> Script {
    let is_record = is_record_of(&table.managed);
    let content = comparison.content;
    let forget = comparison.after.map(|began| forget_sweep(table, began));
    let sum =
        |field, value| format!("'{field}', coalesce((c.sweep->>'{field}')::bigint, 0) + {value}");
    let sweep = format!(
        "jsonb_build_object('startedAt', coalesce(c.sweep->'startedAt', to_jsonb(now())), 'content', \
         coalesce((c.sweep->>'content')::boolean, true) AND {content}, {}, {}, {}, {}, {})",
        sum("rowsSource", "a.source_rows"),
        sum("rowsPartitioned", "a.copy_rows"),
        sum("differenceRows", "a.differing"),
        sum("mismatchedRanges", "(a.differing > 0)::int"),
        sum("repairedRows", "a.repaired"),
    );
    let dirty = "CASE WHEN coalesce((c.sweep->>'differenceRows')::bigint, 0) + a.differing > 0 THEN \
         coalesce((c.parity->>'dirtyInARow')::bigint, 0) + 1 ELSE 0 END";
    script(
        table,
        page,
        &Parts {
            prepare: [record_partitions(table)].into_iter().chain(forget).collect(),
            unfinished: "c.backfilled_at IS NOT NULL",
            block: compare::block(Text(table), page.rows, comparison),
            passed: vec![(
                "reached",
                "(SELECT array_agg(k.part ORDER BY k.at) FROM jsonb_array_elements_text(c.sweep->'reached') WITH \
             ORDINALITY AS k (part, at))",
            )],
            record: format!(
                "UPDATE pgpartition.conversions AS c SET changed = CASE WHEN a.repaired > 0 THEN pg_current_xact_id() \
             ELSE c.changed END, repaired = c.repaired + a.repaired, parity = CASE WHEN a.done THEN {sweep} || jsonb_build_object('checkedAt', \
             clock_timestamp(), 'dirtyInARow', {dirty}) ELSE c.parity END, sweep = CASE WHEN NOT a.done THEN {sweep} || \
             jsonb_build_object('reached', to_jsonb(a.reached)) END FROM jsonb_to_record({ANSWER}) AS a (reached \
             text[], source_rows bigint, copy_rows bigint, differing bigint, repaired bigint, done boolean, blocks boolean) WHERE \
             {is_record} RETURNING json_build_object('sourceRows', a.source_rows, 'copyRows', a.copy_rows, \
             'differing', a.differing, 'repaired', a.repaired, 'done', a.done, 'blocks', a.blocks)::text"
            ),
        },
    )
}

fn forget_sweep(table: &CopiedTable, began: Timestamp) -> Sql {
    let began = literal(&began.to_string());
    let is_it =
        |column: &str| format!("(c.{column}->>'startedAt')::timestamptz = {began}::timestamptz");
    Sql(format!(
        "UPDATE pgpartition.conversions AS c SET sweep = CASE WHEN {sweep} THEN NULL ELSE c.sweep END, parity = CASE \
         WHEN {parity} THEN jsonb_set(c.parity, '{{dirtyInARow}}', '0') ELSE c.parity END WHERE {} AND ({sweep} OR \
         {parity} AND c.parity->>'dirtyInARow' <> '0')",
        is_record_of(&table.managed),
        sweep = is_it("sweep"),
        parity = is_it("parity"),
    ))
}

/// Parts in which the messages differ.
struct Parts {
    /// Statements of the operator's role before it reads the record.
    prepare: Vec<Sql>,
    /// Condition on the record.
    unfinished: &'static str,
    /// Settings with an expression for the text array in each.
    passed: Vec<(&'static str, &'static str)>,
    block: String,
    /// Statement that records the answer.
    record: String,
}

/// Setting with the result of the block.
const ANSWER: &str = "current_setting('pgpartition.answer')::jsonb";

fn script(table: &CopiedTable, page: Page, parts: &Parts) -> Script {
    let by = |role: Role| move |sql| Statement { role: role.clone(), sql };
    let [lock_timeout, statement_timeout] = timeouts(page.statement_timeout);
    let check = check_records(&CONVERSIONS, page.login);
    let before = [lock_timeout, statement_timeout, Sql(NO_FLUSH.to_owned()), check].into_iter();
    let before = before.chain(parts.prepare.clone()).chain([begin(table, parts)]);
    let work = run_as_owner(&table.owner, &parts.block).map(by(Role::Owner(table.owner.clone())));
    let record = Statement { role: Role::Operator, sql: Sql(parts.record.clone()) };
    let statements = before.map(by(Role::Operator)).chain(work).chain([record]);
    Script { mode: TransactionMode::InTransaction, statements: statements.collect() }
}

/// If a crash of the server loses a page, it also loses the record of its progress, and the page is repeated. So the commit,
/// and with it the row locks, need not wait for the disk.
const NO_FLUSH: &str = "SET LOCAL synchronous_commit = off";

/// Settings with the limits of a page.
pub(super) fn timeouts(statement_timeout: Duration) -> [Sql; 2] {
    let millis = |time: Duration| format!("'{}ms'", time.as_millis().max(1));
    let lock_timeout = millis(LOCK_TIMEOUT.min(statement_timeout));
    [
        Sql(format!("SET LOCAL lock_timeout = {lock_timeout}")),
        Sql(format!("SET LOCAL statement_timeout = {}", millis(statement_timeout))),
    ]
}

/// The server must count the rows that a transaction writes: the blocks rely on it, and only a superuser can turn it off.
pub(super) const CHECK_COUNTS: &str = "IF current_setting('track_counts') <> 'on' THEN RAISE \
    object_not_in_prerequisite_state USING MESSAGE = 'track_counts is off: set it to on for the server, the database, and \
    the login role'; END IF; ";

/// Locks the record against other operators, and passes its values to the block.
fn begin(table: &CopiedTable, parts: &Parts) -> Sql {
    let passed: Vec<_> = parts
        .passed
        .iter()
        .map(|(name, value)| {
            format!("set_config('pgpartition.{name}', coalesce({value}::text, ''), true)")
        })
        .collect();
    let body = format!(
        "BEGIN {CHECK_COUNTS}PERFORM FROM \
         pgpartition.conversions AS c WHERE {is_record} AND {} FOR UPDATE NOWAIT; IF NOT FOUND THEN RAISE no_data_found \
         USING MESSAGE = 'the conversion has no such work left: plan again'; END IF; PERFORM {} FROM \
         pgpartition.conversions AS c WHERE {is_record}; END",
        parts.unfinished,
        passed.join(", "),
        is_record = is_record_of(&table.managed),
    );
    Sql(format!("DO {}", literal(&body)))
}
