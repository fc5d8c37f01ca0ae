//! `kubectl pgpartition`: the same program under another name, for a resource in a cluster.

mod approve;
mod plan;
mod reconcile;
mod session;
mod status;
mod verify;

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use clap::{Args, Parser, Subcommand};
use jiff::Timestamp;

use super::exit::Exit;
use crate::api::v1alpha1::PartitionedTable;
use crate::kubernetes::{Cluster, ClusterSettings};

/// Name under which kubectl finds the plugin on the PATH.
const PROGRAM: &str = "kubectl-pgpartition";

/// Shows the state and the plans of PartitionedTable resources, and approves plans.
#[derive(Debug, Parser)]
#[command(name = PROGRAM, bin_name = "kubectl pgpartition", version, max_term_width = 100)]
#[command(after_help = EXIT_STATUSES)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    place: Place,
}

const EXIT_STATUSES: &str = "Exit status:
  0  ready, or nothing to do, or done
  1  usage, unknown name, no cluster, no right to ask it, anything else
  2  not ready yet (status, reconcile), there are steps (plan), or drift (verify)
  3  the plan is no longer the one expected (approve)
  4  something needs a person
  5  others are waited for, or what was waited for did not come in time
If there are several outcomes, the most severe one counts: 1, 3, 4, 5, 2, 0.";

#[derive(Debug, Subcommand)]
enum Command {
    /// Show the state, the next step, deferred steps, and what to do
    Status(status::StatusArguments),
    /// Show the steps that the operator would execute now, with their reasons and locks, and deferred steps
    Plan(plan::PlanArguments),
    /// Approve the deferred steps of a plan
    Approve(approve::ApproveArguments),
    /// Check coverage, drift, and triggers, and compare all rows of a conversion; change nothing
    Verify(verify::VerifyArguments),
    /// Request a reconcile, and show the result
    Reconcile(reconcile::ReconcileArguments),
}

/// Cluster and namespace.
#[derive(Debug, Args)]
struct Place {
    /// Namespace (default: namespace of the context)
    #[arg(short, long, value_name = "NAMESPACE", global = true)]
    namespace: Option<String>,
    /// Context of the kubeconfig (default: the current context)
    #[arg(long, value_name = "CONTEXT", global = true)]
    context: Option<String>,
    /// Kubeconfig file (default: KUBECONFIG or ~/.kube/config)
    #[arg(long, value_name = "FILE", global = true)]
    kubeconfig: Option<PathBuf>,
}

/// Resource.
#[derive(Debug, Args)]
struct Resource {
    /// Name of the PartitionedTable, also in the form of `kubectl get -o name`
    #[arg(value_name = "NAME", value_parser = name)]
    name: String,
}

#[allow(clippy::unnecessary_wraps, reason = "clap wants a result")]
fn name(text: &str) -> Result<String, String> {
    Ok(text.rsplit('/').next().unwrap_or(text).to_owned())
}

/// Returns the output of `status` for a resource, as of `now`.
#[must_use]
pub fn status_text(table: &PartitionedTable, now: Timestamp) -> String {
    status::text(table, now, status::Paint::Plain)
}

/// Returns whether the program is called by the name of the plugin.
pub(super) fn is_called(program: Option<&OsStr>) -> bool {
    program.and_then(|program| Path::new(program).file_stem()).is_some_and(|name| name == PROGRAM)
}

pub(super) async fn run(arguments: Arguments) -> anyhow::Result<Exit> {
    let Place { namespace, context, kubeconfig } = arguments.place;
    let cluster = Cluster::connect(ClusterSettings { kubeconfig, context, namespace }).await?;
    match arguments.command {
        Command::Status(arguments) => status::status(&cluster, arguments).await,
        Command::Plan(arguments) => plan::plan(&cluster, arguments).await,
        Command::Approve(arguments) => approve::approve(&cluster, arguments).await,
        Command::Verify(arguments) => verify::verify(&cluster, arguments).await,
        Command::Reconcile(arguments) => reconcile::reconcile(&cluster, arguments).await,
    }
}

/// Returns the namespace and name of a resource for display.
fn display_name(table: &PartitionedTable) -> String {
    let metadata = &table.metadata;
    let part = |part: &Option<String>| part.clone().unwrap_or_default();
    format!("{}/{}", part(&metadata.namespace), part(&metadata.name))
}

/// Returns a command of the plugin for a resource, as a user types it.
fn command(verb: &str, table: &PartitionedTable) -> String {
    let metadata = &table.metadata;
    let part = |part: &Option<String>| part.clone().unwrap_or_default();
    format!("kubectl pgpartition {verb} {} -n {}", part(&metadata.name), part(&metadata.namespace))
}
