//! `reconcile`: requests a reconcile.

use std::time::Duration;

use clap::Args;
use jiff::Timestamp;

use super::{Resource, display_name, status};
use crate::api::v1alpha1::{PartitionedTable, RECONCILE_ANNOTATION};
use crate::cli::duration;
use crate::cli::exit::Exit;
use crate::cli::output::{self, Format};
use crate::kubernetes::Cluster;

#[derive(Debug, Args)]
pub(super) struct ReconcileArguments {
    #[command(flatten)]
    resource: Resource,
    /// Time to wait for the operator
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = duration)]
    wait: Duration,
    /// Request the reconcile without waiting for it
    #[arg(long, conflicts_with = "wait")]
    no_wait: bool,
    /// Format of the status
    #[arg(short, long, value_enum, default_value_t = Format::Text)]
    output: Format,
}

pub(super) async fn reconcile(
    cluster: &Cluster,
    arguments: ReconcileArguments,
) -> anyhow::Result<Exit> {
    let name = &arguments.resource.name;
    let table = cluster.get(name).await?;
    if table.spec.suspend {
        output::print_notice(
            "spec.suspend is true: the operator does not inspect the table until it is false",
        )?;
        return Ok(status::show(&table, arguments.output)?.max(Exit::ActionRequired));
    }
    let asked = Timestamp::now().to_string();
    cluster.annotate(name, (RECONCILE_ANNOTATION, &asked), None).await?;
    if arguments.no_wait {
        output::print(&format!("{}: reconcile requested\n", display_name(&table)))?;
        return Ok(Exit::Done);
    }
    let is_answered = |table: &PartitionedTable| {
        let handled = table.status.as_ref().map(|status| &status.last_handled_reconcile);
        handled.is_some_and(|handled| handled.as_ref() == Some(&asked))
    };
    let (table, is_answered) = cluster.wait(name, arguments.wait, is_answered).await?;
    if !is_answered {
        output::print_notice(&format!(
            "no answer within {} s: check that an operator is running and watches the namespace {}",
            arguments.wait.as_secs(),
            cluster.namespace()
        ))?;
    }
    let exit = status::show(&table, arguments.output)?;
    Ok(if is_answered { exit } else { exit.max(Exit::Busy) })
}
