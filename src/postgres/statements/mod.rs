//! Judges the statements of an application before the cutover: which of them would fail, and which visit every partition.
//!
//! Postgres judges: each statement is planned, and none is executed. Planning evaluates functions that are declared
//! IMMUTABLE or STABLE, which any user can have put into a statement, with the privileges of the login role. So a user asks for
//! it, and the operator never does.

mod verdict;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use serde::Deserialize;

use super::{DatabaseError, InspectError, Session};
use crate::partition::{Identifier, QualifiedName};
use crate::sql::{self, StatementScope};

pub use verdict::Verdict;
use verdict::{Tables, is_query, judge_error, judge_plan};

/// Time limit of all statements together.
const JUDGE_TIMEOUT: Duration = Duration::from_mins(1);

/// Time limit of the end of the transaction.
const END_TIMEOUT: Duration = Duration::from_secs(15);

/// A statement of `pg_stat_statements`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Statement {
    /// Hash that identifies the statement.
    pub query_id: String,
    /// Role that executed it.
    pub role: String,
    /// Number of executions.
    pub calls: u64,
    /// Its text, as `pg_stat_statements` shows it.
    pub text: String,
    search_path: String,
}

/// Verdicts on the statements of a table.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct StatementReport {
    /// The statements whose text has the name of the table, those with the most calls first.
    pub statements: Vec<(Statement, Verdict)>,
    /// Number of statements with the name of the table that are not queries: `COPY`, `TRUNCATE`, `LOCK` …
    pub not_queries: usize,
    /// Number of statements with the name of the table that were not checked because there are too many, or they
    /// are too long.
    pub omitted: u64,
    /// Number of statements that were not checked because the time was over.
    pub out_of_time: usize,
    /// Number of statements of other roles whose text the login role cannot see.
    pub hidden: u64,
    /// Roles whose statements were not judged.
    pub other_roles: Vec<String>,
}

/// Answer of the database.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Found {
    statements: Vec<Statement>,
    omitted: u64,
    hidden: u64,
    other_roles: Vec<String>,
}

/// Judges the statements that name a table, for the partitioned relation that has its name or will have it. Returns `None` if
/// `pg_stat_statements` is not in the database.
///
/// # Errors
/// Returns an error if the database rejects the view of the statements or the one of the copy, or if the session is lost.
pub async fn judge_statements(
    session: &Session,
    table: &QualifiedName,
    (relation, oid): (&QualifiedName, u32),
    scope: StatementScope,
) -> Result<Option<StatementReport>, InspectError> {
    let Some(schema) = session.query_one_text(sql::STATEMENTS_SCHEMA, &[]).await? else {
        return Ok(None);
    };
    let Ok(schema) = Identifier::new(schema) else { return Ok(None) };
    let script = sql::read_statements(&schema, table, scope);
    let found = session.query_script_text(&script).await?;
    let found: Found = serde_json::from_str(found.as_deref().unwrap_or_default())?;
    let leaves = leaves(session, oid).await?;
    let tables = Tables { table, relation, leaves: &leaves };
    let report = StatementReport {
        omitted: found.omitted,
        hidden: found.hidden,
        other_roles: found.other_roles,
        ..StatementReport::default()
    };
    session.batch(sql::begin_judging(table, relation).as_str(), END_TIMEOUT).await?;
    let judged = judge_all(session, &tables, found.statements, report).await;
    session.batch("ROLLBACK", END_TIMEOUT).await?;
    Ok(Some(judged?))
}

async fn leaves(session: &Session, oid: u32) -> Result<BTreeSet<(String, String)>, DatabaseError> {
    let rows = session.query(sql::LEAVES, &[&oid]).await?;
    let pair = |row: &tokio_postgres::Row| Ok((row.try_get(0)?, row.try_get(1)?));
    rows.iter().map(pair).collect::<Result<_, _>>().map_err(|e| DatabaseError::from_driver(&e))
}

async fn judge_all(
    session: &Session,
    tables: &Tables<'_>,
    statements: Vec<Statement>,
    mut report: StatementReport,
) -> Result<StatementReport, DatabaseError> {
    let until = Instant::now() + JUDGE_TIMEOUT;
    for (number, statement) in statements.into_iter().enumerate() {
        if !is_query(&statement.text) {
            report.not_queries += 1;
        } else if Instant::now() >= until {
            report.out_of_time += 1;
        } else {
            let verdict = judge(session, tables, number, &statement).await?;
            report.statements.push((statement, verdict));
        }
    }
    Ok(report)
}

/// Judges one statement. An error of the session is returned as one, any other is a verdict.
async fn judge(
    session: &Session,
    tables: &Tables<'_>,
    number: usize,
    statement: &Statement,
) -> Result<Verdict, DatabaseError> {
    let before = sql::before_statement(&statement.search_path);
    session.text_in_transaction(&before).await?;
    match plan(session, number, &statement.text).await {
        Ok(plan) => Ok(judge_plan(tables, plan.as_deref().unwrap_or_default())),
        Err(error) if error.is_statement_error() => Ok(judge_error(tables, &error)),
        Err(error) => Err(error),
    }
}

/// Returns the plan of a statement as JSON.
async fn plan(
    session: &Session,
    number: usize,
    text: &str,
) -> Result<Option<String>, DatabaseError> {
    session.execute_single(sql::prepare_statement(number, text).as_str()).await?;
    let count = session.text_in_transaction(&sql::count_parameters(number)).await?;
    let count = count.and_then(|count| count.parse().ok()).unwrap_or_default();
    session.text_in_transaction(&sql::plan_statement(number, count)).await
}
