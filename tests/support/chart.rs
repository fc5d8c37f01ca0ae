//! The Helm chart, rendered.

use std::process::{Command, Output};

use serde::Deserialize as _;
use serde_json::Value;

/// Path of the chart in the repository.
pub const CHART: &str = "charts/pg-partition-operator";

/// The operator's `ServiceAccount` in release `pg-partition-operator`.
pub const ACCOUNT: &str = "pg-partition-operator";

/// Default namespace of a release.
pub const NAMESPACE: &str = "pg-partition-operator";

/// Tells helm that the cluster has the kinds of the Prometheus operator.
pub const PROMETHEUS: [&str; 2] = ["--api-versions", "monitoring.coreos.com/v1"];

/// Runs helm at the top of the repository.
pub fn helm(arguments: &[&str]) -> Output {
    let helm = super::tool("kube", "PGPARTITION_HELM");
    Command::new(helm)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env("HELM_NO_PLUGINS", "1")
        .args(arguments)
        .output()
        .unwrap()
}

/// Renders the chart for release `pg-partition-operator` as text.
pub fn text(namespace: &str, arguments: &[&str]) -> String {
    let template = ["template", "pg-partition-operator", CHART, "--namespace", namespace];
    let output = helm(&[&template[..], arguments].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The objects of the release.
pub fn objects(namespace: &str, arguments: &[&str]) -> Vec<Value> {
    parse(&text(namespace, arguments))
}

/// The documents of a YAML stream, in which no key is there twice.
pub fn parse(text: &str) -> Vec<Value> {
    let documents = serde_yaml::Deserializer::from_str(text);
    // A JSON value would keep the last of two equal keys without an error.
    let documents = documents.map(|document| serde_yaml::Value::deserialize(document).unwrap());
    let objects = documents.map(|document| serde_json::to_value(document).unwrap());
    objects.filter(|object| !object.is_null()).collect()
}

/// Returns the objects that grant permissions to the operator: roles, bindings, and the service account.
pub fn rights(objects: Vec<Value>) -> Vec<Value> {
    let is_right = |object: &Value| {
        let kind = object["kind"].as_str().unwrap();
        kind == "ServiceAccount" || kind.ends_with("Role") || kind.ends_with("RoleBinding")
    };
    objects.into_iter().filter(is_right).collect()
}

/// The arguments of the Deployment's container.
pub fn arguments(objects: &[Value]) -> Vec<String> {
    let deployment = objects.iter().find(|object| object["kind"] == "Deployment").unwrap();
    let arguments = &deployment["spec"]["template"]["spec"]["containers"][0]["args"];
    serde_json::from_value(arguments.clone()).unwrap()
}
