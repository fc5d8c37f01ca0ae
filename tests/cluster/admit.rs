//! What a real API server makes of the definition: it takes it without a warning, shows it to
//! people, and gives every case of `tests/admission` its answer.

use kube::api::{Api, DeleteParams, DynamicObject, PatchParams, PostParams};
use kube::core::{ApiResource, Status, response::StatusCause};
use kube::{Error, ResourceExt};
use pg_partition_operator::api::v1alpha1::PartitionedTable;
use serde_json::{Value, json};

use crate::admission::{Case, cases};
use crate::kubernetes::{ApiServer, api_server};

#[tokio::test]
async fn the_definition_is_served() {
    let server = api_server();
    install_definition(server);
    let tables = resources(server).await;
    people_are_told_what_the_fields_mean(server);
    every_case_gets_its_answer(&tables).await;
    status_is_listed(server, &tables).await;
}

/// `kubectl` takes every warning for an error.
fn install_definition(server: &ApiServer) {
    server.kubectl(&["apply", "-f", "crds/partitionedtables.yaml"]);
    let definition = "crd/partitionedtables.pgpartition.dev";
    server.kubectl(&["wait", "--for=condition=Established", "--timeout=60s", definition]);
}

async fn resources(server: &ApiServer) -> Api<DynamicObject> {
    let kind = ApiResource::erase::<PartitionedTable>(&());
    Api::default_namespaced_with(server.client().await, &kind)
}

fn people_are_told_what_the_fields_mean(server: &ApiServer) {
    let explained = server.kubectl_eventually(&["explain", "pgpt", "--recursive"]);
    assert!(explained.contains("lockTimeout"), "{explained}");
    let explained = server.kubectl(&["explain", "pgpt.spec.indexes.newest"]);
    assert!(explained.contains("how many periods"), "{explained}");
}

async fn every_case_gets_its_answer(tables: &Api<DynamicObject>) {
    let mut wrong = Vec::new();
    for (file, case) in cases() {
        if let Err(complaint) = judge(&case, &ask(tables, &case).await) {
            wrong.push(format!("{file}: {}: {complaint}", case.title));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What the API server has against `case`, if anything. Nothing of it stays.
async fn ask(tables: &Api<DynamicObject>, case: &Case) -> Vec<StatusCause> {
    let rehearsal = PostParams { dry_run: true, ..PostParams::default() };
    let Some(updated) = case.updated() else {
        return causes(tables.create(&rehearsal, &object(case.created())).await);
    };
    let created = tables.create(&PostParams::default(), &object(case.created())).await;
    let created = created.unwrap_or_else(|e| panic!("{}: {e}", case.title));
    let mut updated = object(updated);
    updated.metadata.resource_version.clone_from(&created.metadata.resource_version);
    let answer = causes(tables.replace(&created.name_any(), &rehearsal, &updated).await);
    let gone = tables.delete(&created.name_any(), &DeleteParams::default()).await;
    gone.expect("it can be deleted");
    answer
}

fn object(value: Value) -> DynamicObject {
    serde_json::from_value(value).expect("every case is an object")
}

fn causes(answer: kube::Result<DynamicObject>) -> Vec<StatusCause> {
    match answer {
        Ok(_) => Vec::new(),
        Err(Error::Api(status)) => causes_of(*status),
        Err(error) => panic!("no answer: {error}"),
    }
}

fn causes_of(status: Status) -> Vec<StatusCause> {
    let details = status.details.unwrap_or_else(|| panic!("no details: {}", status.message));
    assert!(!details.causes.is_empty(), "no causes: {}", status.message);
    details.causes
}

/// Whether `answer` is the one that `case` expects; if not, what is wrong.
fn judge(case: &Case, answer: &[StatusCause]) -> Result<(), String> {
    match &case.refused {
        None if answer.is_empty() => Ok(()),
        None => Err(format!("refused: {answer:?}")),
        Some(refusal) => answer
            .iter()
            .any(|cause| cause.field == refusal.at && cause.message.contains(&refusal.saying))
            .then_some(())
            .ok_or_else(|| format!("not refused at {}: {answer:?}", refusal.at)),
    }
}

async fn status_is_listed(server: &ApiServer, tables: &Api<DynamicObject>) {
    server.kubectl(&["apply", "-f", "tests/admission/range.yaml"]);
    let unseen = tables.get("revenues").await.expect("it has been applied");
    assert_eq!(unseen.data["status"], json!({"observedGeneration": -1}));

    let status = json!({
        "apiVersion": "pgpartition.dev/v1alpha1",
        "kind": "PartitionedTable",
        "status": {
            "observedGeneration": 1,
            "conditions": [{
                "type": "Ready", "status": "True", "reason": "Succeeded", "message": "",
                "observedGeneration": 1, "lastTransitionTime": "2026-11-24T12:00:00Z",
            }],
            "strategy": "Range(Month) on occurred_at",
            "partitions": {"attached": 29},
            "coveredUntil": "2027-03-01T00:00:00Z",
        },
    });
    let ours = PatchParams::apply("pg-partition-operator");
    let patched = tables.patch_status("revenues", &ours, &kube::api::Patch::Apply(&status)).await;
    patched.expect("the status can be written");

    let listed = server.kubectl(&["get", "pgpt", "-o", "wide", "--no-headers"]);
    for shown in ["True", "Range(Month) on occurred_at", "29", "2027-03-01T00:00:00Z", "Succeeded"]
    {
        assert!(listed.contains(shown), "{shown} is not in {listed}");
    }
    let heading = server.kubectl(&["get", "pgpt"]);
    let columns = "NAME READY STRATEGY PARTITIONS COVERED-UNTIL AGE";
    let words: Vec<_> = heading.lines().next().unwrap_or_default().split_whitespace().collect();
    assert_eq!(words.join(" "), columns);
    for selector in ["spec.table=revenues", "spec.database.secretRef.name=finance-app"] {
        let found = server.kubectl(&["get", "pgpt", "-o", "name", "--field-selector", selector]);
        assert_eq!(found.trim(), "partitionedtable.pgpartition.dev/revenues", "{selector}");
    }
}
