//! The database of a resource, where it can be reached from here.

use anyhow::{Context as _, bail};

use crate::api::v1alpha1::PartitionedTable;
use crate::cli::output;
use crate::desired::DesiredTable;
use crate::kubernetes::Cluster;
use crate::postgres::Session;

/// What the resource means.
pub(super) fn desired(table: &PartitionedTable) -> anyhow::Result<DesiredTable> {
    DesiredTable::of(table).or_else(|errors| {
        let errors: Vec<_> = errors.iter().map(ToString::to_string).collect();
        bail!("{}", errors.join("\n"))
    })
}

/// A session as the resource's Secret says, with the rights of whoever asks. Where there is none, the
/// person is told why, and what is shown instead.
pub(super) async fn session(
    cluster: &Cluster,
    table: &PartitionedTable,
) -> anyhow::Result<Option<Session>> {
    match connect(cluster, table).await {
        Ok(session) => Ok(Some(session)),
        Err(error) => {
            output::tell(&format!(
                "the database cannot be asked from here: {error:#}\n\
                 this is what the operator last said of it:"
            ))?;
            Ok(None)
        }
    }
}

async fn connect(cluster: &Cluster, table: &PartitionedTable) -> anyhow::Result<Session> {
    let settings = cluster.login(table).await?;
    Session::connect(&settings).await.context("no connection")
}
