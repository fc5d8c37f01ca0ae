//! `approve`: approves the deferred steps of a plan.

use std::io::{BufRead as _, IsTerminal as _, Write as _};
use std::time::Duration;

use anyhow::bail;
use clap::Args;
use kube::ResourceExt as _;

use super::{Resource, display_name, status};
use crate::api::v1alpha1::{APPROVE_ANNOTATION, Mode, PartitionedTable};
use crate::cli::duration;
use crate::cli::exit::Exit;
use crate::cli::output::{self, Format};
use crate::converge::ConvergeError;
use crate::kubernetes::{AccessError, Cluster};
use crate::partition::escape_control;

/// Maximum number of attempts while other clients change the resource.
const MAX_ATTEMPTS: usize = 10;

#[derive(Debug, Args)]
pub(super) struct ApproveArguments {
    #[command(flatten)]
    resource: Resource,
    /// Fingerprint of the plan, as status and plan show it (default: the command shows the plan and asks)
    #[arg(value_name = "FINGERPRINT")]
    fingerprint: Option<String>,
    /// Approve the plan without asking
    #[arg(short, long, conflicts_with = "fingerprint")]
    yes: bool,
    /// Wait until the steps are executed (default: 5m)
    #[arg(long, value_name = "DURATION", num_args = 0..=1, require_equals = true,
          default_missing_value = "5m", value_parser = duration)]
    wait: Option<Duration>,
}

pub(super) async fn approve(
    cluster: &Cluster,
    arguments: ApproveArguments,
) -> anyhow::Result<Exit> {
    let name = &arguments.resource.name;
    let mut table = cluster.get(name).await?;
    let Some(plan) = fingerprint(&table).filter(|_| status::awaits_approval(&table)) else {
        output::print(&format!("{}: no plan awaits approval\n", display_name(&table)))?;
        return Ok(Exit::Done);
    };
    let expected = match &arguments.fingerprint {
        Some(fingerprint) => fingerprint.trim().to_owned(),
        None if confirm(&table, arguments.yes)? => plan,
        None => return Ok(Exit::ActionRequired),
    };
    for _ in 0..MAX_ATTEMPTS {
        match fingerprint(&table).filter(|_| status::awaits_approval(&table)) {
            None => bail!("no plan awaits approval anymore"),
            Some(_) if status::is_outdated(&table) => {
                output::print_notice("the spec has changed since this plan: review the next one")?;
                return Ok(Exit::PlanChanged);
            }
            Some(fingerprint) if fingerprint != expected => {
                let fingerprint = escape_control(&fingerprint);
                output::print_notice(&ConvergeError::PlanChanged { fingerprint }.to_string())?;
                return Ok(Exit::PlanChanged);
            }
            Some(_) => {}
        }
        let annotation = (APPROVE_ANNOTATION, expected.as_str());
        match cluster.annotate(name, annotation, table.metadata.resource_version.as_deref()).await {
            Ok(()) => return approved(cluster, &table, &expected, arguments.wait).await,
            Err(AccessError::Changed) => table = cluster.get(name).await?,
            Err(error) => return Err(error.into()),
        }
    }
    bail!("the resource changes too often: try again")
}

fn fingerprint(table: &PartitionedTable) -> Option<String> {
    Some(table.status.as_ref()?.plan.as_ref()?.fingerprint.clone())
}

/// Shows the plan, and asks whether to approve it.
fn confirm(table: &PartitionedTable, yes: bool) -> anyhow::Result<bool> {
    output::print_notice(&format!("{}\n{}", display_name(table), status::plan_text(table)))?;
    if yes {
        return Ok(true);
    }
    if !std::io::stdin().is_terminal() {
        bail!("there is no terminal: name the fingerprint, or set --yes");
    }
    let mut terminal = std::io::stderr();
    write!(terminal, "Approve this plan? [y/N] ")?;
    terminal.flush()?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer)?;
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}

/// Reports the approval, and waits until the steps are executed if requested.
async fn approved(
    cluster: &Cluster,
    table: &PartitionedTable,
    fingerprint: &str,
    wait: Option<Duration>,
) -> anyhow::Result<Exit> {
    output::print(&format!("{}: plan {fingerprint} is approved\n", display_name(table)))?;
    if table.spec.suspend {
        output::print_notice(
            "spec.suspend is true: the operator executes no step until it is false",
        )?;
        return Ok(if wait.is_some() { Exit::ActionRequired } else { Exit::Done });
    }
    if table.spec.mode == Mode::Plan {
        output::print_notice(
            "spec.mode is Plan: the operator executes no step until it is Enforce",
        )?;
    }
    let Some(timeout) = wait else { return Ok(Exit::Done) };
    let is_done = |table: &PartitionedTable| {
        !status::awaits_approval(table) && (status::is_ready(table) || status::is_stalled(table))
    };
    let (table, is_done) = cluster.wait(&table.name_any(), timeout, is_done).await?;
    if !is_done {
        output::print_notice(&format!("not done within {} s", timeout.as_secs()))?;
    }
    let exit = status::show(&table, Format::Text)?;
    Ok(if is_done { exit } else { exit.max(Exit::Busy) })
}
