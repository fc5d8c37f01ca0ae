//! A real API server accepts the CRD without a warning, explains it, and answers every case of `tests/admission` as
//! expected.

use std::time::Duration;

use kube::api::{Api, DeleteParams, DynamicObject, Patch, PatchParams, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::core::{ApiResource, Request, Status};
use kube::{Client, Config, Error, ResourceExt};
use pg_partition_operator::api::v1alpha1::{PartitionedTable, crd};
use pg_partition_operator::cli::admission::{Admission, Rejection};
use serde::Deserialize as _;
use serde_json::{Value, json};

use crate::admission_cases::{Base, Broken, Case, broken, cases};
use crate::fixture::{Fixture, SOON, file, table};
use crate::support::kube::Cluster;
use crate::support::wait_until;

#[tokio::test]
async fn crd_is_served() {
    let cluster = Cluster::shared();
    let namespace = cluster.namespace();
    install_definition(cluster).await;
    kubectl_explains_the_fields(cluster);
    let tables = resources(cluster, &namespace).await;
    every_case_gets_its_answer(&tables).await;
    every_broken_constraint_gets_its_answer(&tables).await;
    status_is_listed(cluster, &tables, &namespace).await;
}

/// As the threat model says: an author who may not read a Secret cannot have its password sent to a
/// server of their own.
#[tokio::test]
async fn policy_limits_authors_to_the_host_of_the_secret() {
    let fixture = Fixture::shared();
    let page = std::fs::read_to_string("docs/operate/threat-model.md").unwrap();
    let policy = page.split("```yaml\n").nth(1).unwrap().split("```").next().unwrap();
    for document in serde_yaml::Deserializer::from_str(policy) {
        let mut object = Value::deserialize(document).unwrap();
        if object["kind"] == "ValidatingAdmissionPolicyBinding" {
            // Other tests of this cluster name hosts.
            let here = json!({"kubernetes.io/metadata.name": fixture.namespace});
            object["spec"]["matchResources"] = json!({"namespaceSelector": {"matchLabels": here}});
        }
        fixture.apply(&object);
    }
    let to = |database: Value| table("orders", &json!({"database": database}));
    let secret = json!({"name": "orders"});
    let mapped = json!({"name": "orders", "keys": {"host": "api-token"}});
    for (field, value) in
        [("host", json!("example.org")), ("sslMode", json!("Require")), ("secretRef", mapped)]
    {
        let mut theirs = json!({"secretRef": secret});
        theirs[field] = value;
        let theirs = to(theirs);
        wait_until(&format!("{field} is refused"), SOON, async || {
            let file = file(&theirs);
            let (namespace, path) = (fixture.namespace.as_str(), file.path().to_str().unwrap());
            let create = ["create", "-n", namespace, "--dry-run=server", "-f", path];
            let refused = kubectl(fixture.cluster, &create);
            refused.is_err_and(|error| error.contains("ValidatingAdmissionPolicy"))
        })
        .await;
    }
    fixture.apply(&to(json!({"secretRef": secret, "sslMode": "VerifyFull"})));
}

/// Returns the output of `kubectl`; a failure is an error, and so is a warning.
fn kubectl(cluster: &Cluster, arguments: &[&str]) -> Result<String, String> {
    let output = cluster.kubectl(&[&["--warnings-as-errors"], arguments].concat());
    let errors = String::from_utf8(output.stderr).unwrap();
    if output.status.success() && errors.is_empty() {
        Ok(String::from_utf8(output.stdout).unwrap())
    } else {
        Err(errors)
    }
}

/// The definition is established, and kubectl has heard of it.
async fn install_definition(cluster: &Cluster) {
    // Other tests install it at the same time, and the API server rejects one of two concurrent creates.
    wait_until("it is applied without a warning", Duration::from_secs(30), async || {
        let apply = ["apply", "--server-side", "--force-conflicts", "-f"];
        kubectl(cluster, &[&apply[..], &["crds/partitionedtables.yaml"]].concat()).is_ok()
    })
    .await;
    let definition = "crd/partitionedtables.pgpartition.dev";
    let wait = ["wait", "--for=condition=Established", "--timeout=60s", definition];
    kubectl(cluster, &wait).unwrap();
    wait_until("kubectl can explain it", Duration::from_secs(30), async || {
        kubectl(cluster, &["explain", "pgpt.spec"]).is_ok()
    })
    .await;
}

fn kubectl_explains_the_fields(cluster: &Cluster) {
    for (field, meaning) in [
        ("pgpt.spec.limits.lockTimeout", "Longest time that another session"),
        ("pgpt.spec.indexes.method", "Default: btree"),
        ("pgpt.spec.conversion.acknowledge", "<Loss>:<object>"),
        ("pgpt.status.coveredUntil", "Range only: end of the coverage"),
        ("pgpt.status.conversion.serving", "the name applications use"),
    ] {
        let explained = kubectl(cluster, &["explain", field]).unwrap();
        assert!(explained.contains(meaning), "{field}: {explained}");
    }
}

async fn resources(cluster: &Cluster, namespace: &str) -> Api<DynamicObject> {
    let kubeconfig = Kubeconfig::read_from(cluster.kubeconfig()).unwrap();
    let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await;
    let client = Client::try_from(config.unwrap()).unwrap();
    Api::namespaced_with(client, namespace, &ApiResource::erase::<PartitionedTable>(&()))
}

/// The API server and the command line say the same of each case, word by word.
async fn every_case_gets_its_answer(tables: &Api<DynamicObject>) {
    let admission = Admission::in_cluster().unwrap();
    let mut wrong = Vec::new();
    for (file, case) in cases() {
        let answer = ask(tables, &case).await;
        let ours = match case.updated() {
            None => found(admission.admit(&mut case.created(), None)),
            Some(mut updated) => {
                let mut created = case.created();
                admission.admit(&mut created, None).unwrap();
                found(admission.admit(&mut updated, Some(&created)))
            }
        };
        if answer != ours {
            wrong.push(format!("{file}: {}: {answer:#?} here {ours:#?}", case.title));
        }
        if let Err(complaint) = judge(&case, &answer) {
            wrong.push(format!("{file}: {}: {complaint}", case.title));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

async fn every_broken_constraint_gets_its_answer(tables: &Api<DynamicObject>) {
    let admission = Admission::in_cluster().unwrap();
    let definition = serde_json::to_value(crd()).unwrap();
    let schema = &definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
    let mut wrong = Vec::new();
    for Broken { title, mut object } in broken(schema) {
        let answer = create(tables, &object).await;
        let ours = found(admission.admit(&mut object, None));
        if answer != ours {
            wrong.push(format!("{title}: {answer:#?} here {ours:#?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Invalid fields, each with a message, in order.
type Found = Vec<(String, String)>;

fn found(admitted: Result<(), Vec<Rejection>>) -> Found {
    let found = admitted.err().into_iter().flatten();
    found.map(|rejection| (rejection.field, rejection.message)).collect()
}

/// Returns the errors of the API server for `case`. The resource is not stored.
async fn ask(tables: &Api<DynamicObject>, case: &Case) -> Found {
    let Some(updated) = case.updated() else {
        return create(tables, &case.created()).await;
    };
    let created = tables.create(&PostParams::default(), &object(case.created())).await;
    let created = created.unwrap_or_else(|e| panic!("{}: {e}", case.title));
    let mut updated = object(updated);
    updated.metadata.resource_version.clone_from(&created.metadata.resource_version);
    let rehearsal = PostParams { dry_run: true, ..PostParams::default() };
    let answer = causes(tables.replace(&created.name_any(), &rehearsal, &updated).await);
    tables.delete(&created.name_any(), &DeleteParams::default()).await.unwrap();
    answer
}

/// Returns the errors of the API server for a resource that is created as kubectl creates it.
async fn create(tables: &Api<DynamicObject>, value: &Value) -> Found {
    let mut value = value.clone();
    value["metadata"].as_object_mut().unwrap().remove("namespace");
    let rehearsal = PostParams { dry_run: true, ..PostParams::default() };
    let body = serde_json::to_vec(&value).unwrap();
    let mut request = Request::new(tables.resource_url()).create(&rehearsal, body).unwrap();
    let strict = format!("{}&fieldValidation=Strict", request.uri());
    *request.uri_mut() = strict.parse().unwrap();
    causes(tables.clone().into_client().request::<DynamicObject>(request).await)
}

/// The object, in whichever namespace it is sent to.
fn object(value: Value) -> DynamicObject {
    let mut object: DynamicObject = serde_json::from_value(value).unwrap();
    object.metadata.namespace = None;
    object
}

fn causes(answer: kube::Result<DynamicObject>) -> Found {
    match answer {
        Ok(_) => Vec::new(),
        Err(Error::Api(status)) => causes_of(*status),
        Err(error) => panic!("no answer: {error}"),
    }
}

fn causes_of(status: Status) -> Found {
    if let Some((_, why)) = status.message.split_once("cannot be handled as a PartitionedTable: ") {
        return vec![(String::new(), why.to_owned())];
    }
    let details = status.details.unwrap_or_else(|| panic!("no details: {}", status.message));
    assert!(!details.causes.is_empty(), "no causes: {}", status.message);
    let causes = details.causes.into_iter().map(|cause| (cause.field, cause.message));
    let mut causes: Found = causes.collect();
    causes.sort();
    causes
}

/// Whether `answer` is the one that `case` expects; if not, what is wrong.
fn judge(case: &Case, answer: &Found) -> Result<(), String> {
    match &case.refused {
        None if answer.is_empty() => Ok(()),
        None => Err(format!("refused: {answer:?}")),
        Some(refusal) => answer
            .iter()
            .any(|(field, message)| *field == refusal.at && message.contains(&refusal.saying))
            .then_some(())
            .ok_or_else(|| format!("not refused at {}: {answer:?}", refusal.at)),
    }
}

async fn status_is_listed(cluster: &Cluster, tables: &Api<DynamicObject>, namespace: &str) {
    let revenues = object(Base::Range.object());
    let unseen = tables.create(&PostParams::default(), &revenues).await.unwrap();
    assert_eq!(unseen.data["status"], json!({"observedGeneration": -1}));

    let ours = PatchParams::apply("pg-partition-operator");
    tables.patch_status("revenues", &ours, &Patch::Apply(&good_status())).await.unwrap();

    let get = ["get", "pgpt", "--namespace", namespace, "--output"];
    let listed = kubectl(cluster, &[&get[..], &["wide"]].concat()).unwrap();
    let (heading, row) = listed.split_once('\n').unwrap();
    let columns: Vec<_> = heading.split_whitespace().collect();
    assert_eq!(
        columns.join(" "),
        "NAME READY STRATEGY PARTITIONS COVERED-UNTIL SERVING PARITY REASON AGE"
    );
    for shown in [
        "True",
        "Range(Month) on occurred_at",
        "29",
        "2027-03-01T00:00:00Z",
        "Partitioned",
        "Clean",
        "Succeeded",
    ] {
        assert!(row.contains(shown), "{shown} is not in {row}");
    }
    for selector in ["spec.table=revenues", "spec.database.secretRef.name=finance-app"] {
        let select = [&get[..], &["name", "--field-selector", selector]].concat();
        let found = kubectl(cluster, &select).unwrap();
        assert_eq!(found.trim(), "partitionedtable.pgpartition.dev/revenues", "{selector}");
    }
}

fn good_status() -> Value {
    json!({
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
            "conversion": {
                "stage": "Serving",
                "serving": "Partitioned",
                "servingSince": "2026-11-24T12:00:00Z",
                "copiedRows": 5_000_000_000_i64,
                "estimatedRows": 5_000_000_000_i64,
                "rowsPerSecond": 41_000,
                "expectedAt": "2026-11-24T12:00:00Z",
                "rollback": "Possible",
                "losses": [
                    {"loss": "UniqueKey:revenues_pkey", "at": "Cutover", "acknowledged": true},
                ],
                "bound": ["materialized view accounting.totals"],
                "routing": [{"role": "reporting", "routed": true, "olderSessions": 3}],
            },
            "parity": {
                "state": "Clean",
                "level": "Content",
                "startedAt": "2026-11-24T11:00:00Z",
                "checkedAt": "2026-11-24T11:30:00Z",
                "rowsSource": 5_000_000_000_i64,
                "rowsPartitioned": 5_000_000_000_i64,
                "differenceRows": 0,
                "mismatchedRanges": 0,
                "repairedRows": 2,
            },
        },
    })
}
