//! Writes the status, and nothing else.

use std::time::Duration;

use kube::api::{DynamicObject, Patch, PatchParams};
use kube::core::ApiResource;
use kube::{Api, Client, Resource};
use serde_json::json;
use tokio::time::timeout;

use super::ClusterError;
use crate::api::v1alpha1::{PartitionedTable, PartitionedTableStatus};

/// Who owns the fields of the status.
const FIELD_MANAGER: &str = "pg-partition-operator";

/// How long the API server may take for one answer.
pub(super) const API_DEADLINE: Duration = Duration::from_secs(10);

/// A resource by its name.
#[derive(Debug, Clone)]
pub(super) struct Target {
    pub(super) namespace: String,
    pub(super) name: String,
    /// Of the object that was looked at, not of another that has its name since.
    pub(super) uid: String,
}

/// Replaces the status by server-side apply: what is no longer said goes.
pub(super) async fn status(
    client: &Client,
    target: &Target,
    status: &PartitionedTableStatus,
) -> Result<(), ClusterError> {
    let patch = json!({
        "apiVersion": PartitionedTable::api_version(&()),
        "kind": PartitionedTable::kind(&()),
        "metadata": {"uid": target.uid},
        "status": status,
    });
    let parameters = PatchParams::apply(FIELD_MANAGER).force();
    let resources = resources(client, &target.namespace);
    let patch = Patch::Apply(&patch);
    let request = resources.patch_status(&target.name, &parameters, &patch);
    within_deadline(request).await.map(drop)
}

/// The status of a resource that nobody can read as a whole.
pub(super) async fn read_status(
    client: &Client,
    target: &Target,
) -> Result<Option<PartitionedTableStatus>, ClusterError> {
    let resources = resources(client, &target.namespace);
    let found = within_deadline(resources.get_opt(&target.name)).await?;
    let status = found.and_then(|object| object.data.get("status").cloned());
    Ok(status.and_then(|status| serde_json::from_value(status).ok()))
}

/// An answer of the API server, or that there is none.
pub(super) async fn within_deadline<T>(
    request: impl Future<Output = kube::Result<T>>,
) -> Result<T, ClusterError> {
    match timeout(API_DEADLINE, request).await {
        Ok(answer) => answer.map_err(|error| ClusterError::Refused(Box::new(error))),
        Err(_) => Err(ClusterError::Silent(API_DEADLINE)),
    }
}

/// As plain JSON, so that it does not matter whether we can read the answer.
fn resources(client: &Client, namespace: &str) -> Api<DynamicObject> {
    let resource = ApiResource::erase::<PartitionedTable>(&());
    Api::namespaced_with(client.clone(), namespace, &resource)
}
