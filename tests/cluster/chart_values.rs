//! Unusual values and names that are allowed: an API server accepts the objects that are rendered from them.

use std::process::Command;

use serde_json::{Value, json};

use crate::fixture::{file, succeeds};
use crate::support::chart::{CHART, PROMETHEUS, arguments, helm, parse};
use crate::support::kube::Cluster;

/// Returns the rendered chart, or the error of helm.
fn rendered(release: &str, namespace: &str, set: &str) -> Result<String, String> {
    let at = ["template", release, CHART, "--namespace", namespace, "--skip-tests"];
    let output = helm(&[&at[..], &["--set", "crds.enabled=false", "--set", set]].concat());
    let text = |bytes| String::from_utf8(bytes).unwrap();
    if output.status.success() { Ok(text(output.stdout)) } else { Err(text(output.stderr)) }
}

/// Has the API server rehearse the release, and returns the names of its objects.
fn rehearsed(cluster: &Cluster, release: &str, namespace: &str, set: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("rendered.yaml");
    std::fs::write(&file, rendered(release, namespace, set).unwrap()).unwrap();
    let rehearse = ["apply", "--server-side", "--dry-run=server", "--validate=strict", "-o=name"];
    let output = cluster.kubectl(&[&rehearse[..], &["-f", file.to_str().unwrap()]].concat());
    assert!(output.status.success(), "{release} in {namespace}, {set}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// The objects of release `x`.
fn objects(set: &str) -> Vec<Value> {
    parse(&rendered("x", "n", set).unwrap())
}

#[test]
fn names_can_look_like_numbers_and_be_long() {
    let cluster = Cluster::shared();
    for namespace in ["12345", "1e3"] {
        succeeds(&cluster.kubectl(&["create", "namespace", namespace]));
    }
    let long = "a".repeat(63);
    let everything = "dashboards.enabled=true,networkPolicy.enabled=true,replicas=2";
    for (release, set) in [
        ("123", "fullnameOverride=p".to_owned()),
        ("1e3", "nameOverride=e,service.enabled=false".to_owned()),
        ("a.b", String::new()),
        ("a", "fullnameOverride=null1,nameOverride=x".to_owned()),
        ("a", format!("fullnameOverride={long},nameOverride={long}")),
        ("a", format!("nameOverride={}--b", "a".repeat(45))),
        (&"a".repeat(53), String::new()),
    ] {
        let names = rehearsed(cluster, release, "12345", &format!("{everything},{set}"));
        assert!(names.contains("deployment.apps/"), "{names}");
    }
    for word in ["true", "null", "y", "on"] {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("values.yaml");
        let values = format!("fullnameOverride: '{word}'\nnamespaces: ['12345', '1e3']\n");
        std::fs::write(&file, values).unwrap();
        let at = ["template", "x", CHART, "--values", file.to_str().unwrap()];
        let all = parse(&String::from_utf8(helm(&at).stdout).unwrap());
        assert!(all.len() > 5, "{all:?}");
        for object in all {
            assert!(object["metadata"]["name"].is_string(), "{object}");
            let namespace = &object["metadata"]["namespace"];
            assert!(namespace.is_string() || namespace.is_null(), "{object}");
        }
    }
    let refused = rendered("1st", "n", "").unwrap_err();
    assert!(refused.contains("\"1st-pg-partition-operator\" would be the name of"), "{refused}");
}

#[test]
fn labels_of_one_object_override_common_labels() {
    let own = json!({"team": "own", "other": "x"});
    let monitor = json!({"enabled": true, "labels": own});
    let values = json!({
        "commonLabels": {"team": "all", "app.kubernetes.io/part-of": "databases"},
        "podLabels": own,
        "podAnnotations": {"kubectl.kubernetes.io/default-container": "sidecar"},
        "service": {"labels": own},
        "serviceAccount": {"labels": own},
        "dashboards": {"enabled": true, "labels": own},
        "prometheus": {"podMonitor": monitor, "rules": monitor},
    });
    let values = file(&values);
    let at = ["template", "x", CHART, "--values", values.path().to_str().unwrap()];
    let text = String::from_utf8(helm(&[&at[..], &PROMETHEUS].concat()).stdout).unwrap();
    let objects = parse(&text);
    let team = |labels: &Value| labels["team"].as_str().unwrap().to_owned();
    for object in &objects {
        let kind = object["kind"].as_str().unwrap();
        let has_own = ["Service", "ServiceAccount", "ConfigMap", "PodMonitor", "PrometheusRule"];
        let expected = if has_own.contains(&kind) { "own" } else { "all" };
        let labels = &object["metadata"]["labels"];
        assert_eq!(team(labels), expected, "{object}");
        assert_eq!(labels["app.kubernetes.io/part-of"], "databases");
    }
    let deployment = objects.iter().find(|object| object["kind"] == "Deployment").unwrap();
    let pod = &deployment["spec"]["template"]["metadata"];
    assert_eq!(team(&pod["labels"]), "own");
    assert_eq!(pod["annotations"], json!({"kubectl.kubernetes.io/default-container": "sidecar"}));
}

#[test]
fn operator_accepts_the_rendered_arguments() {
    let odd = "log.filter=info\\,kube=debug,namespaces={a,b},leaderElection.leaseName=1.2";
    for set in ["", odd, "extraArgs={--namespaces,a}"] {
        let program = env!("CARGO_BIN_EXE_pg-partition-operator");
        let arguments = arguments(&objects(set));
        let output = Command::new(program).args(arguments).env("KUBECONFIG", "/none").output();
        let said = String::from_utf8(output.unwrap().stderr).unwrap();
        assert!(said.contains("no Kubernetes API server is configured"), "{set}: {said}");
    }
}

#[test]
fn empty_value_can_be_null() {
    let cluster = Cluster::shared();
    succeeds(&cluster.kubectl(&["create", "namespace", "without"]));
    let null = ["namespaces", "image.tag", "image.digest", "image.registry", "commonLabels"];
    let more = ["podLabels", "podAnnotations", "extraArgs", "extraEnv", "extraObjects"];
    let free = ["resources", "securityContext", "podSecurityContext", "affinity", "nodeSelector"];
    let lists = ["topologySpreadConstraints", "rbac.credentials.namespaces", "service.labels"];
    let alerts = ["prometheus.rules.labels", "prometheus.rules.alertLabels", "fullnameOverride"];
    let all = [&null[..], &more, &free, &lists, &alerts].concat();
    let set: String = all.iter().map(|value| format!(",{value}=null")).collect();
    rehearsed(cluster, "x", "without", &format!("networkPolicy.enabled=true{set}"));
    let rules = "prometheus.rules.enabled=true,prometheus.whenMissing=Render";
    rendered("x", "without", &format!("{rules}{set}")).unwrap();
}

#[test]
fn existing_objects_are_used_and_not_rendered() {
    let cluster = Cluster::shared();
    succeeds(&cluster.kubectl(&["create", "namespace", "there"]));
    for (set, left_out) in [
        ("serviceAccount.create=false", "serviceaccount/"),
        ("serviceAccount.create=false,serviceAccount.name=mine,rbac.create=false", "binding."),
        ("rbac.create=false,rbac.aggregate=false", "role.rbac"),
        ("replicas=0,podDisruptionBudget.minAvailable=50%", "poddisruptionbudget."),
        ("service.enabled=false,networkPolicy.enabled=true", "service/"),
    ] {
        let names = rehearsed(cluster, "x", "there", set);
        assert!(names.contains("deployment.apps/") && !names.contains(left_out), "{set}: {names}");
    }
    let pod = |set: &str| {
        let all = objects(set);
        let deployment = all.iter().find(|object| object["kind"] == "Deployment");
        deployment.unwrap()["spec"]["template"]["spec"].clone()
    };
    assert_eq!(pod("serviceAccount.create=false")["serviceAccountName"], "default");
    let digest = format!("sha256:{}", "0123456789abcdef".repeat(4));
    let image = &pod(&format!("image.tag=1.2,image.digest={digest}"))["containers"][0]["image"];
    assert_eq!(*image, format!("pg-partition-operator@{digest}"));
}

#[test]
fn disruption_budget_lets_a_node_be_drained() {
    let budget = |set: &str| {
        let all = objects(&format!("replicas=3,{set}"));
        let budget = all.into_iter().find(|object| object["kind"] == "PodDisruptionBudget");
        let mut spec = budget.unwrap()["spec"].clone();
        spec.as_object_mut().unwrap().remove("selector");
        spec
    };
    assert_eq!(budget("podDisruptionBudget.minAvailable=0"), json!({"minAvailable": 0}));
    assert_eq!(budget("podDisruptionBudget.minAvailable=66%"), json!({"minAvailable": "66%"}));
    assert_eq!(budget("podDisruptionBudget.maxUnavailable=1%"), json!({"maxUnavailable": "1%"}));
}

#[test]
fn extra_objects_are_rendered_unchanged_and_texts_are_templates() {
    let summary = "{{ $labels.name }} waits";
    let object = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "one"},
                        "data": {"summary": summary}});
    let text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: '{{ .Release.Name }}-two'}";
    let values = file(&json!({"extraObjects": [object, text, object, ""]}));
    let at = ["template", "x", CHART, "--values", values.path().to_str().unwrap()];
    let mut all = parse(&String::from_utf8(helm(&at).stdout).unwrap());
    all.retain(|object| object["kind"] == "ConfigMap");
    let name = |object: &Value| object["metadata"]["name"].as_str().unwrap().to_owned();
    all.sort_by_key(name);
    assert_eq!(all.iter().map(name).collect::<Vec<_>>(), ["one", "one", "x-two"]);
    assert_eq!(all[0], object);
}

#[test]
fn spread_constraint_with_a_selector_keeps_it() {
    let constraint = |more: Value| {
        let mut constraint =
            json!({"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "ScheduleAnyway"});
        constraint.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        constraint
    };
    let own = constraint(json!({"labelSelector": {"matchLabels": {"mine": "x"}}}));
    let values = json!({"topologySpreadConstraints": [own, constraint(json!({}))]});
    let values = file(&values);
    let at = ["template", "x", CHART, "--values", values.path().to_str().unwrap()];
    let all = parse(&String::from_utf8(helm(&at).stdout).unwrap());
    let deployment = all.iter().find(|object| object["kind"] == "Deployment").unwrap();
    let spec = &deployment["spec"];
    let ours = constraint(json!({"labelSelector": spec["selector"]}));
    assert_eq!(spec["template"]["spec"]["topologySpreadConstraints"], json!([own, ours]));
}

#[test]
fn notes_name_existing_roles() {
    let notes = |set: &str| {
        let install = ["install", "x", CHART, "--dry-run=client", "--set", set];
        String::from_utf8(helm(&install).stdout).unwrap()
    };
    assert!(notes("resync=1m").contains("--clusterrole x-pg-partition-operator-credentials"));
    assert!(!notes("rbac.create=false").contains("--clusterrole"));
}
