//! A session to the database of a resource, if this machine can reach it.

use anyhow::{Context as _, bail};

use crate::api::v1alpha1::PartitionedTable;
use crate::cli::output;
use crate::desired::DesiredTable;
use crate::kubernetes::Cluster;
use crate::postgres::Session;

/// Returns the desired table of the resource.
pub(super) fn desired(table: &PartitionedTable) -> anyhow::Result<DesiredTable> {
    DesiredTable::from_resource(table).or_else(|errors| {
        let errors: Vec<_> = errors.iter().map(ToString::to_string).collect();
        bail!("{}", errors.join("\n"))
    })
}

/// Opens a session with the login in the resource's Secret, with the permissions of the caller. Returns `None` if
/// it cannot, after a message with the cause.
pub(super) async fn session(
    cluster: &Cluster,
    table: &PartitionedTable,
) -> anyhow::Result<Option<Session>> {
    match connect(cluster, table).await {
        Ok(session) => Ok(Some(session)),
        Err(error) => {
            output::print_notice(&format!(
                "cannot connect to the database from here: {error:#}\n\
                 this is what the operator last reported:"
            ))?;
            Ok(None)
        }
    }
}

async fn connect(cluster: &Cluster, table: &PartitionedTable) -> anyhow::Result<Session> {
    let settings = cluster.login(table).await?;
    Session::connect(&settings).await.context("no connection")
}
