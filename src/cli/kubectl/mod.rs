//! `kubectl pgpartition`: the same program, called by another name, for a resource in a cluster.

mod approve;
mod at_hand;
mod plan;
mod reconcile;
mod status;
mod verify;

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use clap::{Args, Parser, Subcommand};
use jiff::Timestamp;

use super::exit::Exit;
use crate::api::v1alpha1::PartitionedTable;
use crate::kubernetes::{Cluster, ClusterSettings};

/// What kubectl looks for on the PATH when it is asked for `pgpartition`.
const PROGRAM: &str = "kubectl-pgpartition";

/// Shows what becomes of PartitionedTable resources, and approves of it.
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
Of several outcomes the gravest counts: 1, 3, 4, 5, 2, 0.";

#[derive(Debug, Subcommand)]
enum Command {
    /// Show what is there, what is next, what is held back, and what to do about it
    Status(status::StatusArguments),
    /// Show what the operator would do now, why, under which locks, and what is held back
    Plan(plan::PlanArguments),
    /// Approve of what the plan holds back until somebody does
    Approve(approve::ApproveArguments),
    /// Check coverage, drift, and triggers, and compare all rows of a conversion; change nothing
    Verify(verify::VerifyArguments),
    /// Have the operator look now, and show what came of it
    Reconcile(reconcile::ReconcileArguments),
}

/// Which cluster, and where in it.
#[derive(Debug, Args)]
struct Place {
    /// The namespace; that of the context where none is given
    #[arg(short, long, value_name = "NAMESPACE", global = true)]
    namespace: Option<String>,
    /// The context of the kubeconfig; the current one where none is given
    #[arg(long, value_name = "CONTEXT", global = true)]
    context: Option<String>,
    /// The kubeconfig; KUBECONFIG or ~/.kube/config where none is given
    #[arg(long, value_name = "FILE", global = true)]
    kubeconfig: Option<PathBuf>,
}

/// Which resource.
#[derive(Debug, Args)]
struct Resource {
    /// The PartitionedTable: revenues, or as `kubectl get -o name` prints it
    #[arg(value_name = "NAME", value_parser = name)]
    name: String,
}

#[allow(clippy::unnecessary_wraps, reason = "clap wants a result")]
fn name(text: &str) -> Result<String, String> {
    Ok(text.rsplit('/').next().unwrap_or(text).to_owned())
}

/// What `status` prints of a resource, as of `now`.
#[must_use]
pub fn status_text(table: &PartitionedTable, now: Timestamp) -> String {
    status::text(table, now, status::Paint::Plain)
}

/// Whether the program is called as kubectl calls its plugin.
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

/// A resource as a person is shown it.
fn shown(table: &PartitionedTable) -> String {
    let metadata = &table.metadata;
    let part = |part: &Option<String>| part.clone().unwrap_or_default();
    format!("{}/{}", part(&metadata.namespace), part(&metadata.name))
}

/// A command of ours about a resource, as it is typed.
fn command(verb: &str, table: &PartitionedTable) -> String {
    let metadata = &table.metadata;
    let part = |part: &Option<String>| part.clone().unwrap_or_default();
    format!("kubectl pgpartition {verb} {} -n {}", part(&metadata.name), part(&metadata.namespace))
}
