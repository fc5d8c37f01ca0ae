//! Writes the status of a resource.

use std::time::Duration;

use kube::api::{DynamicObject, Patch, PatchParams};
use kube::core::ApiResource;
use kube::{Api, Client, Resource, ResourceExt};
use serde_json::{Map, Value, json};
use tokio::time::timeout;

use super::ClusterError;
use crate::api::ConditionType;
use crate::api::v1alpha1::{PartitionedTable, PartitionedTableStatus};

/// Field manager of the status.
const FIELD_MANAGER: &str = "pg-partition-operator";

/// Name of the list of conditions in a status.
const CONDITIONS: &str = "conditions";

/// Timeout of one request to the API server.
pub(super) const API_DEADLINE: Duration = Duration::from_secs(10);

/// A resource by its name.
#[derive(Debug, Clone)]
pub(super) struct Target {
    pub(super) namespace: String,
    pub(super) name: String,
    /// UID of the inspected object, so that another object of the same name is not patched.
    pub(super) uid: String,
}

impl Target {
    pub(super) fn from_object(object: &impl ResourceExt) -> Self {
        Self {
            namespace: object.namespace().unwrap_or_default(),
            name: object.name_any(),
            uid: object.uid().unwrap_or_default(),
        }
    }
}

/// Writes the status by server-side apply, which removes fields that this operator no longer sets. A second patch
/// removes fields of other owners. Returns the version of the resource after that.
pub(super) async fn status(
    client: &Client,
    target: &Target,
    status: &PartitionedTableStatus,
) -> Result<Option<String>, ClusterError> {
    let said = json!(status);
    let patch = json!({
        "apiVersion": PartitionedTable::api_version(&()),
        "kind": PartitionedTable::kind(&()),
        "metadata": {"uid": target.uid},
        "status": said,
    });
    let parameters = PatchParams::apply(FIELD_MANAGER).force();
    let resources = resources(client, &target.namespace);
    let apply = Patch::Apply(&patch);
    let request = resources.patch_status(&target.name, &parameters, &apply);
    let answer = within_deadline(request).await?;
    let removal = answer.data.get("status").map(|answered| removal(&said, answered));
    let Some(removal) = removal.filter(|removal| !removal.is_empty()) else {
        return Ok(answer.metadata.resource_version);
    };
    let patch = json!({"metadata": {"uid": target.uid}, "status": removal});
    let parameters =
        PatchParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() };
    let merge = Patch::Merge(&patch);
    let request = resources.patch_status(&target.name, &parameters, &merge);
    within_deadline(request).await.map(|answer| answer.metadata.resource_version)
}

/// Returns whether a resource has this status already. Conditions of other types belong to other controllers.
pub(super) fn has_status(found: &PartitionedTableStatus, status: &PartitionedTableStatus) -> bool {
    let sorted = |status: &PartitionedTableStatus| {
        let mut sorted = status.clone();
        sorted.conditions.retain(|condition| is_known_type(&condition.type_));
        sorted.conditions.sort_by(|one, other| one.type_.cmp(&other.type_));
        sorted
    };
    sorted(found) == sorted(status)
}

/// Returns the merge patch that removes the other fields of a status.
fn removal(said: &Value, answered: &Value) -> Map<String, Value> {
    let mut removal = superfluous(said, answered);
    // A list is replaced as a whole.
    removal.remove(CONDITIONS);
    let empty = Vec::new();
    let list = |of: &Value| of[CONDITIONS].as_array().unwrap_or(&empty).clone();
    let is_known = |condition: &Value| condition["type"].as_str().is_some_and(is_known_type);
    let (known, others): (Vec<_>, Vec<_>) = list(answered).into_iter().partition(is_known);
    let mut said = list(said);
    if known.len() != said.len() || known.iter().any(|condition| !said.contains(condition)) {
        said.extend(others);
        removal.insert(CONDITIONS.to_owned(), said.into());
    }
    removal
}

/// Returns null for each other member of an object.
fn superfluous(said: &Value, answered: &Value) -> Map<String, Value> {
    let answered = answered.as_object().into_iter().flatten();
    let members = answered.filter_map(|(name, value)| match said.get(name) {
        None => Some((name.clone(), Value::Null)),
        Some(said) => {
            let within = superfluous(said, value);
            (!within.is_empty()).then(|| (name.clone(), within.into()))
        }
    });
    members.collect()
}

fn is_known_type(type_: &str) -> bool {
    ConditionType::ALL.iter().any(|known| known.as_str() == type_)
}

/// Status of a resource whose spec cannot be parsed.
pub(super) async fn read_status(
    client: &Client,
    target: &Target,
) -> Result<Option<PartitionedTableStatus>, ClusterError> {
    let resources = resources(client, &target.namespace);
    let found = within_deadline(resources.get_opt(&target.name)).await?;
    let status = found.and_then(|object| object.data.get("status").cloned());
    Ok(status.and_then(|status| serde_json::from_value(status).ok()))
}

/// Waits for an answer of the API server, or returns an error if there is none.
pub(super) async fn within_deadline<T>(
    request: impl Future<Output = kube::Result<T>>,
) -> Result<T, ClusterError> {
    match timeout(API_DEADLINE, request).await {
        Ok(answer) => answer.map_err(|error| ClusterError::Refused(Box::new(error))),
        Err(_) => Err(ClusterError::Silent(API_DEADLINE)),
    }
}

/// Patches plain JSON, so that an answer that cannot be parsed is not an error.
fn resources(client: &Client, namespace: &str) -> Api<DynamicObject> {
    let resource = ApiResource::erase::<PartitionedTable>(&());
    Api::namespaced_with(client.clone(), namespace, &resource)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::removal;

    #[test]
    fn patch_removes_fields_of_another_owner_and_keeps_its_conditions() {
        let ready = json!({"type": "Ready", "status": "True"});
        let custom = json!({"type": "example.com/Seen", "status": "True"});
        let said = json!({"conditions": [ready], "partitions": {"attached": 2}});
        let mut answered = said.clone();
        assert_eq!(Value::from(removal(&said, &answered)), json!({}));

        answered["conditions"] = json!([custom, ready]);
        assert_eq!(Value::from(removal(&said, &answered)), json!({}));

        answered["conditions"] = json!([custom, ready, {"type": "Stalled", "status": "True"}]);
        answered["partitions"]["missing"] = 1.into();
        answered["plan"] = json!({"fingerprint": "dead"});
        assert_eq!(
            Value::from(removal(&said, &answered)),
            json!({"conditions": [ready, custom], "partitions": {"missing": null}, "plan": null})
        );
    }
}
