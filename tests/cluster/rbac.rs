//! The chart grants each permission that the operator needs, and no other.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use crate::fixture::{Running, SOON, database_with, succeeds, table};
use crate::support::chart;
use crate::support::kube::Cluster;
use crate::support::postgres::{Database, Server};
use crate::support::wait_until;

/// Timeout for many operators that run at the same time.
const ALL_OF_THEM: Duration = Duration::from_mins(2);

/// One verb of one rule.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Right {
    resource: String,
    verb: String,
}

/// A namespace whose operator lacks a right, or has them all.
struct Case {
    namespace: String,
    lacks: Option<Right>,
    operator: Running,
    _database: Database,
}

#[tokio::test(flavor = "multi_thread")]
async fn each_permission_is_needed_and_sufficient() {
    let cluster = &Cluster::start();
    install_definition_that_takes_anything(cluster).await;
    let granted = rights_of(&role_objects("somewhere"));
    assert!(granted.len() > 10, "{granted:?}");

    let mut cases = vec![start(cluster, None).await];
    for right in &granted {
        cases.push(start(cluster, Some(right.clone())).await);
    }
    for case in &cases {
        toggle(cluster, case).await;
    }
    for case in &cases[1..] {
        let right = case.lacks.as_ref().unwrap();
        let what = format!("something says that it may not {} {}", right.verb, right.resource);
        wait_until(&what, ALL_OF_THEM, async || complains(cluster, case)).await;
    }
    let control = &cases[0];
    let log = control.operator.process.stderr();
    assert!(!log.contains("forbidden"), "all is granted, but: {log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn operator_manages_all_namespaces_that_grant_their_secrets() {
    let cluster = Cluster::start();
    let [system, finance, orders] = std::array::from_fn(|_| cluster.namespace());
    let finance_only = format!("rbac.credentials.namespaces={{{finance}}}");
    let objects = chart::objects(&system, &["--set", &finance_only]);
    let is_definition = |object: &Value| object["kind"] == "CustomResourceDefinition";
    cluster.apply(&objects.iter().filter(|o| is_definition(o)).cloned().collect::<Vec<_>>());
    let crd = "crd/partitionedtables.pgpartition.dev";
    succeeds(&cluster.kubectl(&["wait", "--for=condition=Established", crd]));
    cluster.apply(&chart::rights(objects.clone()));
    let server = Server::of_default_major();
    let databases = [database_with(server, "orders").await, database_with(server, "orders").await];
    for (namespace, database) in [&finance, &orders].into_iter().zip(&databases) {
        cluster
            .apply(&[secret(namespace, database), placed(namespace, table("orders", &json!({})))]);
    }

    let kubeconfig = cluster.kubeconfig_of_account(&system, chart::ACCOUNT);
    let _operator = Running::deployed(&chart::arguments(&objects), &kubeconfig);
    let is = |namespace: &str| {
        let output = cluster.kubectl(&["get", "pgpt", "orders", "-n", namespace, "-o", "json"]);
        serde_json::from_slice::<Value>(&output.stdout).unwrap_or_default()["status"].to_string()
    };
    wait_until("finance is ready", SOON, async || is(&finance).contains("\"Succeeded\"")).await;
    let denied = "the operator lacks the permission to get Secret";
    wait_until("orders says why not", SOON, async || is(&orders).contains(denied)).await;
    let (checked, said) = check(&cluster, &kubeconfig);
    assert_eq!(checked, Some(4), "{said}");
    assert!(said.contains(&format!("missing  get secrets in {orders}")), "{said}");

    let (role, account) = (
        "--clusterrole=pg-partition-operator-credentials",
        format!("--serviceaccount={system}:{}", chart::ACCOUNT),
    );
    let bind = ["create", "rolebinding", "credentials", "-n", &orders, role, &account];
    succeeds(&cluster.kubectl(&bind));
    let now = ["annotate", "pgpt", "orders", "-n", &orders, "pgpartition.dev/reconcile=bound"];
    succeeds(&cluster.kubectl(&now));
    wait_until("orders is ready", SOON, async || is(&orders).contains("\"Succeeded\"")).await;
    let (checked, said) = check(&cluster, &kubeconfig);
    assert_eq!(checked, Some(0), "{said}");
}

/// Returns the exit status and the output of `check` with the permissions of a kubeconfig.
fn check(cluster: &Cluster, kubeconfig: &Path) -> (Option<i32>, String) {
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_pg-partition-operator"))
        .arg("check")
        .env("KUBECONFIG", kubeconfig)
        .output()
        .unwrap();
    assert!(cluster.port() > 0 && output.stderr.is_empty(), "{output:?}");
    (output.status.code(), String::from_utf8(output.stdout).unwrap())
}

/// Installs a schema that accepts anything, so that the cluster has resources that the operator cannot parse.
async fn install_definition_that_takes_anything(cluster: &Cluster) {
    let definition = "crds/partitionedtables.yaml";
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(definition);
    succeeds(&cluster.kubectl(&["apply", "--server-side", "-f", path.to_str().unwrap()]));
    let anything = json!([
        {"op": "remove", "path": "/spec/versions/0/selectableFields"},
        {"op": "replace", "path": "/spec/versions/0/schema/openAPIV3Schema", "value": {
            "type": "object", "x-kubernetes-preserve-unknown-fields": true
        }},
    ]);
    let crd = "partitionedtables.pgpartition.dev";
    succeeds(&cluster.kubectl(&["patch", "crd", crd, "--type=json", "-p", &anything.to_string()]));
    let file = crate::fixture::file(&unreadable("default"));
    let create =
        ["create", "--dry-run=server", "--validate=false", "-f", file.path().to_str().unwrap()];
    wait_until("the schema takes anything", SOON, async || {
        cluster.kubectl(&create).status.success()
    })
    .await;
}

/// The roles for one namespace, which is the operator's own too.
fn role_objects(namespace: &str) -> Vec<Value> {
    let only_here = format!("namespaces={{{namespace}}}");
    let values = ["--set", &only_here, "--set", "rbac.aggregate=false"];
    chart::rights(chart::objects(namespace, &values))
}

fn rights_of(objects: &[Value]) -> Vec<Right> {
    let mut rights = Vec::new();
    for rule in objects.iter().flat_map(rules) {
        for resource in rule["resources"].as_array().unwrap() {
            for verb in rule["verbs"].as_array().unwrap() {
                let text = |value: &Value| value.as_str().unwrap().to_owned();
                rights.push(Right { resource: text(resource), verb: text(verb) });
            }
        }
    }
    rights
}

fn rules(object: &Value) -> Vec<Value> {
    object["rules"].as_array().cloned().unwrap_or_default()
}

/// The same without one right: each rule is taken apart into rules of one resource and verb.
fn without(mut objects: Vec<Value>, lacks: &Right) -> Vec<Value> {
    for object in &mut objects {
        let mut kept = Vec::new();
        for rule in rules(object) {
            for resource in rule["resources"].as_array().unwrap() {
                for verb in rule["verbs"].as_array().unwrap() {
                    if *resource == lacks.resource && *verb == lacks.verb {
                        continue;
                    }
                    let mut single = rule.clone();
                    single["resources"] = json!([resource]);
                    single["verbs"] = json!([verb]);
                    kept.push(single);
                }
            }
        }
        if object.get("rules").is_some() {
            object["rules"] = json!(kept);
        }
    }
    objects
}

/// An operator in a namespace of its own, with a table that it can keep, one whose authority is in a
/// `ConfigMap`, and one that it cannot read.
async fn start(cluster: &Cluster, lacks: Option<Right>) -> Case {
    let namespace = cluster.namespace();
    // Of its own, so that no two of them claim one table.
    let database = database_with(Server::of_default_major(), "orders").await;
    let mut objects = role_objects(&namespace);
    if let Some(lacks) = &lacks {
        objects = without(objects, lacks);
    }
    let authority = json!({"kind": "ConfigMap", "name": "authority", "key": "ca.crt"});
    let database_of = json!({"secretRef": {"name": "orders"}, "caRef": authority});
    objects.extend([
        secret(&namespace, &database),
        placed(&namespace, table("orders", &json!({}))),
        placed(
            &namespace,
            table(
                "guarded",
                &json!({
                    "database": database_of, "table": "orders", "suspend": false,
                }),
            ),
        ),
    ]);
    cluster.apply(&objects);
    let file = crate::fixture::file(&unreadable(&namespace));
    succeeds(&cluster.kubectl(&[
        "create",
        "--validate=false",
        "-f",
        file.path().to_str().unwrap(),
    ]));
    let kubeconfig = cluster.kubeconfig_of_account(&namespace, chart::ACCOUNT);
    let arguments = chart::arguments(&chart::objects(
        &namespace,
        &[
            "--set",
            &format!("namespaces={{{namespace}}},log.filter=info\\,pg_partition_operator=debug"),
        ],
    ));
    let operator = Running::deployed(&arguments, &kubeconfig);
    Case { namespace, lacks, operator, _database: database }
}

/// Suspends and resumes a table repeatedly, so that the operator repeats an event. The first event can differ if the
/// table was not ready yet.
async fn toggle(cluster: &Cluster, case: &Case) {
    let is_about_events = case.lacks.as_ref().is_none_or(|right| right.resource == "events");
    if !is_about_events {
        return;
    }
    for suspend in [true, false, true, false, true] {
        let patch = json!({"spec": {"suspend": suspend}}).to_string();
        let of = ["-n", &case.namespace];
        let patch = ["patch", "pgpt", "orders", "--type=merge", "-p", &patch];
        succeeds(&cluster.kubectl(&[&patch[..], &of].concat()));
        let generation = ["get", "pgpt", "orders", "-o", "json"];
        wait_until("it is reconciled", ALL_OF_THEM, async || {
            let output = cluster.kubectl(&[&generation[..], &of].concat());
            let object: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
            object["status"]["observedGeneration"] == object["metadata"]["generation"]
                && object["status"].to_string().contains("\"Suspended\"") == suspend
        })
        .await;
    }
}

/// Whether the log or a status says that the right is missing.
fn complains(cluster: &Cluster, case: &Case) -> bool {
    let Right { resource, verb } = case.lacks.as_ref().unwrap();
    let refused = format!("cannot {verb} resource \\\"{resource}\\\"");
    if case.operator.process.stderr().contains(&refused) {
        return true;
    }
    let kind = match resource.as_str() {
        "secrets" => "Secret",
        "configmaps" => "ConfigMap",
        _ => return false,
    };
    let output = cluster.kubectl(&["get", "pgpt", "-n", &case.namespace, "-o", "json"]);
    let told = format!("the operator lacks the permission to get {kind}");
    *verb == "get" && String::from_utf8_lossy(&output.stdout).contains(&told)
}

fn secret(namespace: &str, database: &Database) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "orders", "namespace": namespace},
        "stringData": {"uri": format!("{}?sslmode=disable", database.url())},
    })
}

fn placed(namespace: &str, mut object: Value) -> Value {
    object["metadata"]["namespace"] = json!(namespace);
    object
}

fn unreadable(namespace: &str) -> Value {
    json!({
        "apiVersion": "pgpartition.dev/v1alpha1",
        "kind": "PartitionedTable",
        "metadata": {"name": "unreadable", "namespace": namespace},
        "spec": {"table": 7, "partitionBy": {"moon": "full"}},
    })
}
