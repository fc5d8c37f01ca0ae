//! Decoding of resources.

use kube::Resource;
use serde_json::{Value, json};

use super::Watched;
use crate::api::v1alpha1::PartitionedTable;

fn resource() -> Value {
    json!({
        "apiVersion": "pgpartition.dev/v1alpha1", "kind": "PartitionedTable",
        "metadata": {
            "name": "orders", "namespace": "finance", "uid": "1", "generation": 3, "resourceVersion": "7",
            "creationTimestamp": "2026-11-25T12:00:00Z",
            "annotations": {"pgpartition.dev/approve": "7c1e", "example.com/other": "text"},
        },
        "spec": {
            "database": {"secretRef": {"name": "db"}, "caRef": {"kind": "ConfigMap", "name": "ca", "key": "ca.crt"}},
            "table": "orders", "ahead": 0,
            "partitionBy": {"range": {"column": "at", "interval": "Month"}},
        },
        "status": {
            "observedGeneration": 3, "coveredUntil": "infinity",
            "conditions": [{
                "type": "Ready", "status": "True", "reason": "Succeeded", "message": "36 partitions \u{e9}\n",
                "lastTransitionTime": "2026-11-22T08:00:00Z",
            }],
        },
    })
}

fn watched(resource: Value) -> Watched {
    serde_json::from_value(resource).expect("metadata can be read")
}

#[test]
fn stored_resource_is_the_reported_one() {
    let mut expected: PartitionedTable = serde_json::from_value(resource()).expect("a resource");
    expected.metadata.annotations.as_mut().and_then(|all| all.remove("example.com/other"));
    assert_eq!(watched(resource()).table(), Ok(expected));
}

#[test]
fn unused_metadata_is_not_kept() {
    let mut resource = resource();
    resource["metadata"]["managedFields"] = json!([{"manager": "kubectl", "operation": "Apply"}]);
    resource["metadata"]["labels"] = json!({"team": "finance"});
    let watched = watched(resource);
    assert_eq!((&watched.meta().managed_fields, &watched.meta().labels), (&None, &None));
    assert_eq!(watched.meta().annotations.as_ref().map(std::collections::BTreeMap::len), Some(1));
}

#[test]
fn resource_that_cannot_be_parsed_keeps_its_metadata_and_the_error() {
    let mut resource = resource();
    resource["spec"]["ahead"] = "three".into();
    let watched = watched(resource);
    assert_eq!(watched.meta().name.as_deref(), Some("orders"));
    assert!(watched.table().is_err_and(|error| error.contains("three")));
}

#[test]
fn names_of_referenced_objects_are_found() {
    let watched = watched(resource());
    assert_eq!(
        ["db", "ca", "other", ""].map(|name| watched.may_refer_to(name)),
        [true, true, false, false]
    );
}

#[test]
fn edit_triggers_and_status_does_not() {
    let before = watched(resource()).trigger_hash();
    let hash = |pointer: &str, value: Value| {
        let mut resource = resource();
        *resource.pointer_mut(pointer).expect("a field") = value;
        watched(resource).trigger_hash()
    };
    assert_eq!(hash("/status/observedGeneration", json!(2)), before);
    assert_ne!(hash("/metadata/generation", json!(4)), before);
    assert_ne!(hash("/metadata/annotations/pgpartition.dev~1approve", json!("dead")), before);
}
