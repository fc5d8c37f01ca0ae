//! The messages of a comparison that changes nothing.
//!
//! The first one creates what the session needs, the temporary procedure and the temporary table with the cursor. Each
//! other one is a READ ONLY transaction, in which Postgres itself rejects a write to any table that is not temporary.
//! Both end with the session.

use super::compare::{CURSOR, read_only_block};
use super::page::{CHECK_COUNTS, Page, timeouts};
use super::text::Text;
use super::work::{prepare, run_as_owner};
use crate::partition::CopiedTable;
use crate::plan::TransactionMode;
use crate::sql::quote::literal;
use crate::sql::{Role, Script, Sql, Statement};

/// Prepares a session for [`verify_page`]. The session must be reset before.
#[must_use]
pub fn begin_verify(table: &CopiedTable, page: Page) -> Script {
    let (procedure, _) = prepare(&table.owner);
    let cursor = [
        Sql(format!("CREATE TEMPORARY TABLE {CURSOR} (reached text[])")),
        Sql(format!("INSERT INTO {CURSOR} VALUES (NULL)")),
    ];
    let statements = timeouts(page.statement_timeout).into_iter().chain([procedure]).chain(cursor);
    Script::as_owner(&table.owner, statements)
}

/// Compares the next page of both tables in one snapshot. Returns as JSON the rows of both sides, how many differ, up to
/// `keys` of these as text arrays (`missing`, `extra`, or `different`, then the key), and whether it was the last page.
///
/// Postgres rejects it with `read_only_sql_transaction` (25006) if code of the owner took away what [`begin_verify`]
/// created. Other errors are those of [`copy_page`](super::copy_page).
///
/// The session must be reset before it sends another message: see `Session::read_page_text`.
#[must_use]
pub fn verify_page(table: &CopiedTable, page: Page, keys: u32) -> Script {
    let check = Sql(format!("DO {}", literal(&format!("BEGIN {CHECK_COUNTS}END"))));
    let work = run_as_owner(&table.owner, &read_only_block(Text(table), page.rows, keys));
    let answer = Sql("SELECT current_setting('pgpartition.answer')".to_owned());
    let by = |role: Role| move |sql| Statement { role: role.clone(), sql };
    let before = timeouts(page.statement_timeout).into_iter().chain([check]);
    let statements = before
        .map(by(Role::Operator))
        .chain(work.map(by(Role::Owner(table.owner.clone()))))
        .chain([answer].map(by(Role::Operator)));
    Script { mode: TransactionMode::InTransaction, statements: statements.collect() }
}
