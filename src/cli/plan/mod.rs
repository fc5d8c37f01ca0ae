//! `plan`: planned steps with their reasons and locks, and deferred steps with their blockers.

mod json;
mod script;

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::{Args, ValueEnum};
use serde_json::json;

use super::database::Database;
use super::exit::Exit;
use super::{Declared, documents, output};
use crate::converge::observe_and_plan;
use crate::desired::DesiredTable;
use crate::observed::{ObservedTable, Snapshot};
use crate::plan::{self, Plan, PlanTime};
use crate::sql::Timeouts;

#[derive(Debug, Args)]
pub(super) struct PlanArguments {
    #[command(flatten)]
    declared: Declared,
    #[command(flatten)]
    database: Database,
    /// Follow spec.schedule as the operator does: plan only the steps that were due at the most recent scheduled time.
    /// Without this option, ignore the schedule
    #[arg(long)]
    scheduled: bool,
    /// Saved snapshot from `inspect -o json`, which replaces the database
    #[arg(long, value_name = "SNAPSHOT")]
    observed: Option<PathBuf>,
    /// Format of the plan
    #[arg(short, long, value_enum, default_value_t = Format::Text)]
    output: Format,
}

/// Format of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// Text for users
    Text,
    /// JSON for programs
    Json,
    /// Statements for psql with ON_ERROR_STOP
    Sql,
}

/// Time that an index build in a script for psql waits for other sessions.
const RETRY_TIMEOUT: Duration = Duration::from_mins(10);

pub(super) async fn plan(arguments: PlanArguments) -> anyhow::Result<Exit> {
    let tables = documents::read(&arguments.declared.file)?;
    let plans = plans(&arguments, &tables).await?;
    show(&tables, &plans, arguments.output)
}

/// Prints the plan of each table, and says what they ask for.
pub(super) fn show(
    tables: &[DesiredTable],
    plans: &[Plan],
    format: Format,
) -> anyhow::Result<Exit> {
    match format {
        Format::Text => {
            let texts: Vec<_> = plans.iter().map(ToString::to_string).collect();
            output::print(&texts.join("\n"))?;
        }
        Format::Json => {
            let plans =
                tables.iter().zip(plans).map(|(table, plan)| json::plan(plan, timeouts(table)));
            output::print_json(&json!({ "plans": plans.collect::<Vec<_>>() }))?;
        }
        Format::Sql => {
            for (table, plan) in tables.iter().zip(plans) {
                output::print(&script::text(plan, timeouts(table)))?;
            }
        }
    }
    Ok(plans.iter().map(exit).max().unwrap_or(Exit::Done))
}

fn timeouts(table: &DesiredTable) -> Timeouts {
    Timeouts { lock_timeout: table.limits.lock_timeout, retry_timeout: RETRY_TIMEOUT }
}

async fn plans(arguments: &PlanArguments, tables: &[DesiredTable]) -> anyhow::Result<Vec<Plan>> {
    let now = arguments.declared.now();
    let time = |table: &DesiredTable| {
        if arguments.scheduled { PlanTime::scheduled(table, now) } else { PlanTime::at(now) }
    };
    if let Some(file) = &arguments.observed {
        return Ok(vec![plan_for_snapshot(file, tables, time)?]);
    }
    let session = arguments.database.connect().await?;
    let mut plans = Vec::new();
    for table in tables {
        let (_, plan) = observe_and_plan(&session, table, &time(table))
            .await
            .with_context(|| table.name.display())?;
        plans.push(plan);
    }
    Ok(plans)
}

fn plan_for_snapshot(
    file: &Path,
    tables: &[DesiredTable],
    time: impl FnOnce(&DesiredTable) -> PlanTime,
) -> anyhow::Result<Plan> {
    let what = || format!("{}: not what inspect -o json prints", file.display());
    let text =
        std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    let snapshot: Snapshot = serde_json::from_str(&text).with_context(what)?;
    let observed = ObservedTable::try_from(snapshot).with_context(what)?;
    let [table] = tables else { bail!("a snapshot describes one table: give one document") };
    if table.name != observed.managed {
        bail!(
            "the document is for {}, the snapshot of {}",
            table.name.display(),
            observed.managed.display()
        );
    }
    let time = time(table);
    if let Some(question) = plan::questions(table, &observed, &time).first() {
        bail!(
            "{} does not say {question}: save the snapshot again with inspect SCHEMA.TABLE -f FILE -o json",
            file.display()
        );
    }
    Ok(plan::plan(table, &observed, &time))
}

/// Returns the exit status; manual action counts only if there are no steps.
fn exit(plan: &Plan) -> Exit {
    if plan.is_done() { Exit::from_deferred(plan) } else { Exit::Pending }
}
