//! `check`: whether the cluster is prepared for the operator.

use clap::Args;

use super::exit::Exit;
use super::output;
use super::scope::{distinct, namespace};
use crate::kubernetes::{self, CheckSettings};

#[derive(Debug, Args)]
pub(super) struct CheckArguments {
    /// Namespaces of the operator (default: all)
    #[arg(long, value_name = "NAMESPACE", env = "PGPARTITION_NAMESPACES", value_delimiter = ',',
          value_parser = namespace)]
    namespaces: Vec<String>,
    /// Name of the Lease
    #[arg(
        long,
        value_name = "NAME",
        env = "PGPARTITION_LEASE_NAME",
        default_value = "pg-partition-operator"
    )]
    lease_name: String,
    /// Namespace of the Lease (default: namespace of the kubeconfig or Pod)
    #[arg(long, value_name = "NAMESPACE", env = "PGPARTITION_LEASE_NAMESPACE",
          value_parser = namespace)]
    lease_namespace: Option<String>,
}

pub(super) async fn check(arguments: CheckArguments) -> anyhow::Result<Exit> {
    let settings = CheckSettings {
        namespaces: distinct(arguments.namespaces),
        lease_name: arguments.lease_name,
        lease_namespace: arguments.lease_namespace,
    };
    let findings = kubernetes::check(&settings).await?;
    let lines: Vec<_> = findings.iter().map(|finding| format!("{finding}\n")).collect();
    output::print(&lines.concat())?;
    let is_prepared = findings.iter().all(|finding| finding.missing.is_none());
    Ok(if is_prepared { Exit::Done } else { Exit::ActionRequired })
}
