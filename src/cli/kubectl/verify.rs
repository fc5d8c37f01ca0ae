//! `verify`: reports the same as `verify` of the command line, for a resource in a cluster.

use anyhow::bail;
use clap::Args;
use jiff::Timestamp;
use serde_json::json;

use super::{Resource, session, status};
use crate::api::v1alpha1::PartitionedTable;
use crate::cli::exit::Exit;
use crate::cli::output::{self, Format};
use crate::cli::verify::{Report, Rows, show};
use crate::kubernetes::Cluster;
use crate::partition::escape_control;
use crate::plan::PlanTime;

#[derive(Debug, Args)]
pub(super) struct VerifyArguments {
    #[command(flatten)]
    resource: Resource,
    #[command(flatten)]
    rows: Rows,
    /// Format of the result
    #[arg(short, long, value_enum, default_value_t = Format::Text)]
    output: Format,
}

pub(super) async fn verify(cluster: &Cluster, arguments: VerifyArguments) -> anyhow::Result<Exit> {
    let table = cluster.get(&arguments.resource.name).await?;
    let desired = session::desired(&table)?;
    let Some(session) = session::session(cluster, &table).await? else {
        return show_status(&table, arguments.output);
    };
    let time = PlanTime::at(Timestamp::now());
    let report = Report::new(&session, &desired, &time, &arguments.rows).await?;
    show(&[report], arguments.output)
}

/// Prints the conditions that are not true.
fn show_status(table: &PartitionedTable, format: Format) -> anyhow::Result<Exit> {
    let conditions = status::conditions(table);
    if conditions.is_empty() {
        bail!("no result: no operator has reconciled this resource yet");
    }
    let wrong = conditions.iter().filter(|condition| !status::repeats_ready(condition));
    let wrong = wrong.filter(|condition| condition.status != "True");
    let drift: Vec<_> = wrong
        .map(|c| format!("{} {}: {}", c.type_, c.reason, escape_control(&c.message)))
        .collect();
    let verdict = if drift.is_empty() { "matches the spec" } else { "does not match the spec" };
    match format {
        Format::Text => {
            let lines: String = drift.iter().map(|line| format!("  {line}\n")).collect();
            output::print(&format!("{}: {verdict}\n{lines}", super::display_name(table)))?;
        }
        Format::Json => output::print_json(
            &json!({ "lastReported": {"matchesSpec": drift.is_empty(), "drift": drift} }),
        )?,
    }
    Ok(status::exit(table))
}
