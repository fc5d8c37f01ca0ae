//! Messages that copy or compare a page: each is a transaction that also records how far it got.
//!
//! The operator's role reads and writes the record, the owner's role calls the function. What passes between them are
//! keys, in settings of the transaction: they are data, and are neither in the text of a statement nor in an answer.

use std::time::Duration;

use super::function::Function;
use super::record::{CONVERSIONS, of_table};
use super::{compare, copy};
use crate::partition::CopiedTable;
use crate::plan::TransactionMode;
use crate::sql::quote::literal;
use crate::sql::record_tables::check_records;
use crate::sql::{LoginRole, Role, Script, Sql, Statement};

/// The longest wait of a page for a lock. The application waits for a lock of the page no longer than the page takes,
/// and of the two in a deadlock the page gives up first.
const LOCK_TIMEOUT: Duration = Duration::from_millis(50);

/// The page that comes next.
#[derive(Debug, Clone, Copy)]
pub struct Page {
    /// Rows of the page, at least 1.
    pub rows: u32,
    /// The longest time that a statement of the message may take.
    pub statement_timeout: Duration,
    /// Whether errors may name the login role.
    pub login: LoginRole,
}

/// What a comparison does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Comparison {
    /// Whether it compares rows. Otherwise it counts them, and compares those of a page whose counts differ.
    pub content: bool,
    /// The most rows of a page to repair.
    pub repairs: u32,
}

/// Copies the next page. Returns as JSON how many rows the page had (`copied`), how many were copied so far (`total`),
/// and whether it was the last one (`done`).
///
/// It fails with `no_data_found` (P0002) if there is no record of a copy that goes on, with `lock_not_available` (55P03)
/// if another session holds a lock, and with `object_not_in_prerequisite_state` (55000) if the function is not the one
/// that was installed.
#[must_use]
pub fn copy_page(table: &CopiedTable, page: Page) -> Script {
    let of_table = of_table(&table.managed);
    let rows = page.rows.max(1);
    script(
        table,
        page,
        &copy::function(table),
        &Parts {
            unfinished: "c.backfilled_at IS NULL",
            arguments: format!("{}, {}, {rows}", passed("reached"), passed("until")),
            passed: [("reached", "c.reached"), ("until", "c.until")].to_vec(),
            record: format!(
                "UPDATE pgpartition.conversions AS c SET reached = a.reached, until = a.until, copied = c.copied + \
             a.copied, changed = pg_current_xact_id(), backfilled_at = CASE WHEN a.done THEN clock_timestamp() \
             END FROM jsonb_to_record({ANSWER}) AS a (reached text[], until text[], copied bigint, done boolean) \
             WHERE {of_table} RETURNING json_build_object('copied', a.copied, 'total', c.copied, 'done', \
             a.done)::text"
            ),
        },
    )
}

/// Compares the next page of a sweep, or the first page of a new one. Returns as JSON the rows of both sides, how many
/// differ, how many were repaired, and whether the sweep is complete. Errors are those of [`copy_page`].
#[must_use]
pub fn compare_page(table: &CopiedTable, page: Page, comparison: Comparison) -> Script {
    let of_table = of_table(&table.managed);
    let Comparison { content, repairs } = comparison;
    let rows = page.rows.max(1);
    let sum =
        |field, value| format!("'{field}', coalesce((c.sweep->>'{field}')::bigint, 0) + {value}");
    let sweep = format!(
        "jsonb_build_object('startedAt', coalesce(c.sweep->'startedAt', to_jsonb(now())), 'content', {content}, \
         {}, {}, {}, {}, {})",
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
        &compare::function(table),
        &Parts {
            unfinished: "c.backfilled_at IS NOT NULL",
            arguments: format!("{}, {rows}, {content}, {repairs}", passed("reached")),
            passed: vec![(
                "reached",
                "(SELECT array_agg(k.part ORDER BY k.at) FROM jsonb_array_elements_text(c.sweep->'reached') WITH \
             ORDINALITY AS k (part, at))",
            )],
            record: format!(
                "UPDATE pgpartition.conversions AS c SET changed = CASE WHEN a.repaired > 0 THEN pg_current_xact_id() \
             ELSE c.changed END, parity = CASE WHEN a.done THEN {sweep} || jsonb_build_object('checkedAt', \
             clock_timestamp(), 'dirtyInARow', {dirty}) ELSE c.parity END, sweep = CASE WHEN NOT a.done THEN {sweep} || \
             jsonb_build_object('reached', to_jsonb(a.reached)) END FROM jsonb_to_record({ANSWER}) AS a (reached \
             text[], source_rows bigint, copy_rows bigint, differing bigint, repaired bigint, done boolean) WHERE \
             {of_table} RETURNING json_build_object('sourceRows', a.source_rows, 'copyRows', a.copy_rows, \
             'differing', a.differing, 'repaired', a.repaired, 'done', a.done)::text"
            ),
        },
    )
}

/// What the messages differ in.
struct Parts {
    /// Condition on the record.
    unfinished: &'static str,
    /// Settings with an expression for the text array in each.
    passed: Vec<(&'static str, &'static str)>,
    arguments: String,
    /// Statement that records the answer.
    record: String,
}

/// What the function returned.
const ANSWER: &str = "current_setting('pgpartition.answer')::jsonb";

fn script(table: &CopiedTable, page: Page, function: &Function, parts: &Parts) -> Script {
    let millis = |time: Duration| format!("'{}ms'", time.as_millis().max(1));
    let call = format!(
        "BEGIN PERFORM set_config('pgpartition.answer', to_jsonb(called)::text, true) FROM {}({}) AS called; END",
        crate::sql::quote::qualified(&function.name),
        parts.arguments
    );
    let lock_timeout = LOCK_TIMEOUT.min(page.statement_timeout);
    let by_operator = |sql| Statement { role: Role::Operator, sql };
    let statements = [
        by_operator(Sql(format!("SET LOCAL lock_timeout = {}", millis(lock_timeout)))),
        by_operator(Sql(format!(
            "SET LOCAL statement_timeout = {}",
            millis(page.statement_timeout)
        ))),
        by_operator(check_records(&CONVERSIONS, page.login)),
        by_operator(begin(table, function, parts)),
        Statement {
            role: Role::Owner(table.owner.clone()),
            sql: Sql(format!("DO {}", literal(&call))),
        },
        by_operator(Sql(parts.record.clone())),
    ];
    Script { mode: TransactionMode::InTransaction, statements: statements.into() }
}

/// Locks the record, so that no other operator works on the table, and passes on what it says. The function must be the
/// one that was installed: in another one, code of the owner could change the role.
fn begin(table: &CopiedTable, function: &Function, parts: &Parts) -> Sql {
    let settings: Vec<_> = function.catalog_settings().iter().map(|s| literal(s)).collect();
    let passed: Vec<_> = parts
        .passed
        .iter()
        .map(|(name, value)| {
            format!("set_config('pgpartition.{name}', coalesce({value}::text, ''), true)")
        })
        .collect();
    let body = format!(
        "BEGIN PERFORM FROM pgpartition.conversions AS c WHERE {of_table} AND {} FOR UPDATE NOWAIT; IF NOT FOUND \
         THEN RAISE no_data_found USING MESSAGE = 'the record of the conversion has no such work left'; END IF; IF \
         NOT EXISTS (SELECT FROM pg_proc AS p JOIN pg_namespace AS n ON n.oid = p.pronamespace WHERE n.nspname = \
         {} AND p.proname = {} AND oidvectortypes(p.proargtypes) = {} AND p.prosecdef AND \
         pg_get_userbyid(p.proowner) = {} AND encode(sha256(convert_to(p.prosrc, 'UTF8')), 'hex') = {} AND \
         p.proconfig = ARRAY[{}]) THEN RAISE object_not_in_prerequisite_state USING MESSAGE = {}; END IF; PERFORM \
         {} FROM pgpartition.conversions AS c WHERE {of_table}; END",
        parts.unfinished,
        literal(function.name.schema.as_str()),
        literal(function.name.name.as_str()),
        literal(&function.argument_types()),
        literal(table.owner.as_str()),
        literal(&crate::partition::digest(function.body(), 64)),
        settings.join(", "),
        literal(&format!("function {} is not the one that was installed", function.name.shown())),
        passed.join(", "),
        of_table = of_table(&table.managed),
    );
    Sql(format!("DO {}", literal(&body)))
}

fn passed(name: &str) -> String {
    format!("nullif(current_setting('pgpartition.{name}'), '')::text[]")
}
