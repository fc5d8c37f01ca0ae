//! `verify`: reports whether tables match the spec and, in a conversion, whether both have the same rows. It changes nothing.

use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use serde_json::{Value, json};

use super::database::Database;
use super::exit::Exit;
use super::output::Format;
use super::progress::StepDisplay;
use super::statements::{self, StatementScope};
use super::{Declared, documents, output};
use crate::converge::observe_and_plan;
use crate::desired::DesiredTable;
use crate::partition::{CopiedTable, escape_control};
use crate::plan::{Plan, PlanTime, rows_to_verify};
use crate::postgres::{DifferingRow, Session, Verified, verify_rows};
use crate::sql::Timeouts;
use crate::status::drift;

/// Keys that are printed of one table at most.
const MAX_KEYS: u32 = 1_000;

/// Time for which a comparison is retried while other sessions hold locks.
const RETRY_TIMEOUT: Duration = Duration::from_secs(30);

#[derive(Debug, Args)]
pub(super) struct VerifyArguments {
    #[command(flatten)]
    declared: Declared,
    #[command(flatten)]
    database: Database,
    #[command(flatten)]
    rows: Rows,
    /// Instead, check which statements in pg_stat_statements will fail, or will read every partition, after the table
    /// is partitioned; log in as the role of the application. Without a value: own. Not with --keys
    #[arg(long, value_name = "WHOSE", value_enum, num_args = 0..=1, require_equals = true, default_missing_value = "own", conflicts_with = "keys")]
    statements: Option<StatementScope>,
    /// Format of the result
    #[arg(short, long, value_enum, default_value_t = Format::Text)]
    output: Format,
}

/// Output about rows.
#[derive(Debug, Args)]
pub(super) struct Rows {
    /// Print the keys of rows that differ between a table and its copy, at most 1000 for each table. Keys are data
    #[arg(long)]
    keys: bool,
}

pub(super) async fn verify(arguments: VerifyArguments) -> anyhow::Result<Exit> {
    let tables = documents::read(&arguments.declared.file)?;
    let session = arguments.database.connect().await?;
    if let Some(scope) = arguments.statements {
        return statements::verify(&session, &tables, scope, arguments.output).await;
    }
    let time = PlanTime::at(arguments.declared.now());
    let mut reports = Vec::new();
    for table in &tables {
        reports.push(Report::new(&session, table, &time, &arguments.rows).await?);
    }
    show(&reports, arguments.output)
}

/// Problems of a table.
pub(super) struct Report {
    plan: Plan,
    /// Result of the comparison of all rows, or `None` if the table has no complete copy.
    rows: Option<(CopiedTable, Verified)>,
}

impl Report {
    /// Plans, and compares all rows if the table has a copy. It changes nothing.
    pub(super) async fn new(
        session: &Session,
        desired: &DesiredTable,
        time: &PlanTime,
        rows: &Rows,
    ) -> anyhow::Result<Self> {
        let name = || desired.name.display();
        let (observed, plan) = observe_and_plan(session, desired, time).await.with_context(name)?;
        let Some(all) = rows_to_verify(desired, &observed, time) else {
            return Ok(Self { plan, rows: None });
        };
        let keys = if rows.keys { MAX_KEYS } else { 0 };
        let lock_timeout = desired.limits.lock_timeout;
        let timeouts = Timeouts { lock_timeout, retry_timeout: RETRY_TIMEOUT };
        let mut display = StepDisplay::new();
        let verified = verify_rows(session, &all, keys, timeouts, &mut display).await;
        Ok(Self { plan, rows: Some((all.table, verified.with_context(name)?)) })
    }

    fn is_equal(&self) -> bool {
        self.rows.as_ref().is_none_or(|(_, verified)| verified.difference_rows == 0)
    }

    fn text(&self) -> String {
        let drift = drift(&self.plan);
        let is_declared = drift.is_empty() && self.is_equal();
        let verdict = if is_declared { "matches the spec" } else { "does not match the spec" };
        let mut text = format!("{}: {verdict}\n", self.plan.table.display());
        for line in drift {
            text.push_str(&format!("  {line}\n"));
        }
        if let Some((table, verified)) = &self.rows {
            text.push_str(&counts(table, verified));
            text.extend(verified.rows.iter().map(|row| key(table, row)));
        }
        for planned in &self.plan.notes {
            text.push_str(&format!("  note  {}\n", planned.note.explain()));
        }
        text
    }

    fn document(&self) -> Value {
        let drift = drift(&self.plan);
        let notes: Vec<_> = self.plan.notes.iter().map(output::note_for_programs).collect();
        let rows = self.rows.as_ref().map(|(table, verified)| {
            json!({
                "rowsSource": verified.rows_source,
                "rowsPartitioned": verified.rows_partitioned,
                "differenceRows": verified.difference_rows,
                "pages": verified.pages,
                "mismatchedPages": verified.mismatched_pages,
                "keys": verified.rows.iter().map(|row| key_document(table, row)).collect::<Vec<_>>(),
            })
        });
        let mut document = json!({
            "table": self.plan.table.display(),
            "matchesSpec": drift.is_empty() && self.is_equal(),
            "drift": drift,
            "notes": notes,
        });
        if let (Some(fields), Some(rows)) = (document.as_object_mut(), rows) {
            fields.insert("rows".to_owned(), rows);
        }
        document
    }

    fn exit(&self) -> Exit {
        let is_declared = self.plan.is_done() && self.is_equal();
        let drift = if is_declared { Exit::Done } else { Exit::Pending };
        drift.max(Exit::from_deferred(&self.plan))
    }
}

/// Prints the problems of each table, and returns the exit status.
pub(super) fn show(reports: &[Report], format: Format) -> anyhow::Result<Exit> {
    match format {
        Format::Text => output::print(&reports.iter().map(Report::text).collect::<String>())?,
        Format::Json => {
            output::print_json(&reports.iter().map(Report::document).collect::<Vec<_>>())?;
        }
    }
    Ok(reports.iter().map(Report::exit).max().unwrap_or(Exit::Done))
}

fn counts(table: &CopiedTable, verified: &Verified) -> String {
    let Verified { rows_source, rows_partitioned, difference_rows, pages, .. } = verified;
    let (source, copy) = (table.source.name.display(), table.copy.name.display());
    let found = match difference_rows {
        0 => "none differ".to_owned(),
        rows => format!("{rows} differ, in {} of the pages", verified.mismatched_pages),
    };
    format!(
        "  rows  {rows_source} in {source}, {rows_partitioned} in {copy}, compared in {pages} pages: {found}\n"
    )
}

/// The columns of the key and the values of a row.
fn columns<'a>(
    table: &'a CopiedTable,
    row: &'a DifferingRow,
) -> impl Iterator<Item = (&'a str, &'a str)> {
    let names = table.full_key().map(crate::partition::Identifier::as_str);
    names.zip(row.key.iter().map(String::as_str))
}

fn key(table: &CopiedTable, row: &DifferingRow) -> String {
    let key = columns(table, row);
    let key: Vec<_> = key
        .map(|(name, value)| format!("{} = {}", escape_control(name), escape_control(value)))
        .collect();
    format!("  key   {}: {}\n", escape_control(&row.difference), key.join(", "))
}

fn key_document(table: &CopiedTable, row: &DifferingRow) -> Value {
    let key: serde_json::Map<_, _> =
        columns(table, row).map(|(name, value)| (name.to_owned(), value.into())).collect();
    json!({"difference": row.difference, "key": key})
}
