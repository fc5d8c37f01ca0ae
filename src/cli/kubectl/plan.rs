//! `plan`: the steps that the operator would execute.

use anyhow::{Context as _, bail};
use clap::Args;
use jiff::Timestamp;
use serde_json::json;

use super::{Resource, display_name, session, status};
use crate::api::v1alpha1::PartitionedTable;
use crate::cli::exit::Exit;
use crate::cli::output;
use crate::cli::plan::{Format, show};
use crate::converge::observe_and_plan;
use crate::kubernetes::Cluster;
use crate::plan::PlanTime;

#[derive(Debug, Args)]
pub(super) struct PlanArguments {
    #[command(flatten)]
    resource: Resource,
    /// Plan as if everything were due now, and ignore spec.schedule
    #[arg(long)]
    now: bool,
    /// Format of the plan
    #[arg(short, long, value_enum, default_value_t = Format::Text)]
    output: Format,
}

pub(super) async fn plan(cluster: &Cluster, arguments: PlanArguments) -> anyhow::Result<Exit> {
    let table = cluster.get(&arguments.resource.name).await?;
    let desired = session::desired(&table)?;
    let Some(session) = session::session(cluster, &table).await? else {
        return show_status(&table, arguments.output);
    };
    let now = Timestamp::now();
    let time = if arguments.now { PlanTime::at(now) } else { PlanTime::scheduled(&desired, now) };
    let looked = observe_and_plan(&session, &desired, &time).await;
    let (_, plan) = looked.with_context(|| desired.name.display())?;
    show(&[desired], &[plan], arguments.output)
}

/// Prints the part of the plan that the status has.
fn show_status(table: &PartitionedTable, format: Format) -> anyhow::Result<Exit> {
    let status = table.status.as_ref().filter(|status| !status.conditions.is_empty());
    let Some(status) = status else {
        bail!("no plan: no operator has reconciled this resource yet")
    };
    match format {
        Format::Text if status.plan.is_none() => {
            let known = if status::is_ready(table) { "nothing to do" } else { "no plan is known" };
            output::print(&format!("{}: {known}\n", display_name(table)))?;
        }
        Format::Text => output::print(&status::plan_text(table))?,
        Format::Json => output::print_json(&json!({ "plans": [], "lastReported": status.plan }))?,
        Format::Sql => bail!("no SQL: it needs the database"),
    }
    let has_steps = status.plan.as_ref().is_some_and(|plan| plan.steps > 0);
    Ok(if has_steps { Exit::Pending } else { status::exit(table) })
}
