//! Which resources wait for a set, and in which order.

use std::sync::Arc;

use serde_json::{Value, json};
use tokio::sync::oneshot;

use super::{Login, SET_SIZE, Sets, Waiting, Watched, is_expected_done};
use crate::api::v1alpha1::PartitionedTable;
use crate::postgres::ConnectionSettings;

fn resource(uid: &str, change: &Value) -> PartitionedTable {
    let mut resource = json!({
        "apiVersion": "pgpartition.dev/v1alpha1", "kind": "PartitionedTable",
        "metadata": {
            "name": format!("table-{uid}"), "namespace": "n", "uid": uid, "generation": 2,
            "creationTimestamp": "2026-11-25T12:00:00Z",
        },
        "spec": {"table": "t", "partitionBy": {"hash": {"columns": ["id"], "partitions": 2}}},
        "status": {
            "observedGeneration": 2,
            "conditions": [{
                "type": "Ready", "status": "True", "reason": "Succeeded", "message": "",
                "lastTransitionTime": "2026-11-25T12:00:00Z",
            }],
        },
    });
    for (part, fields) in change.as_object().expect("an object") {
        for (field, value) in fields.as_object().expect("an object") {
            resource[part][field] = value.clone();
        }
    }
    serde_json::from_value(resource).expect("a resource")
}

#[test]
fn resource_waits_for_a_set_only_if_its_status_says_that_nothing_is_to_do() {
    assert!(is_expected_done(&resource("1", &json!({}))));
    let request = |value| json!({"annotations": {"pgpartition.dev/reconcile": value}});
    let handled = json!({"metadata": request("a"), "status": {"lastHandledReconcile": "a"}});
    assert!(is_expected_done(&resource("1", &handled)));
    for change in [
        json!({"metadata": {"generation": 3}}),
        json!({"metadata": request("a")}),
        json!({"metadata": {"deletionTimestamp": "2026-11-25T12:00:00Z"}}),
        json!({"spec": {"suspend": true}}),
        json!({"status": {"conditions": []}}),
        json!({"status": {"nextActionAt": "2020-01-01T00:00:00Z"}}),
        json!({"status": {"plan": {"fingerprint": "dead", "steps": 1, "deferred": 0}}}),
    ] {
        assert!(!is_expected_done(&resource("1", &change)), "{change}");
    }
}

fn login() -> Arc<Login> {
    Arc::new(Login { namespace: "n".to_owned(), database: None })
}

/// Lets a resource wait, and returns what ends the wait, and whether it is the first of its login.
fn wait(sets: &Sets, uid: &str) -> (oneshot::Receiver<super::Reply>, bool) {
    let (reply, replied) = oneshot::channel();
    let watched = Arc::new(Watched::from(resource(uid, &json!({}))));
    let settings = ConnectionSettings::from_url("postgres://u@h/d").expect("a URL");
    let is_first = sets.add(&login(), Waiting { watched, settings: Arc::new(settings), reply });
    (replied, is_first)
}

#[test]
fn set_takes_the_oldest_resources_that_still_wait() {
    let sets = Sets::default();
    let uids: Vec<_> = (0..=SET_SIZE + 1).map(|number| format!("{number:05}")).collect();
    let mut waits: Vec<_> = uids.iter().rev().map(|uid| wait(&sets, uid)).collect();
    let first = waits.iter().filter(|(_, is_first)| *is_first).count();
    assert_eq!(first, 1, "a login has one task");
    // The oldest was edited.
    drop(waits.pop());
    let names = |taken: Option<Vec<Waiting>>| {
        let taken = taken.into_iter().flatten();
        taken.filter_map(|waiting| kube::ResourceExt::uid(&*waiting.watched)).collect::<Vec<_>>()
    };
    assert_eq!(names(sets.take(&login())), uids[1..=SET_SIZE]);
    assert_eq!(names(sets.take(&login())), uids[SET_SIZE + 1..]);
    assert!(sets.take(&login()).is_none());
    assert!(wait(&sets, "1").1, "the task has ended");
}
