//! The chart: its rendered objects, the values that it rejects, and the answers of API servers.
//!
//! `PGPARTITION_UPDATE=1 cargo test --test cluster chart` writes the rendered files again.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::json;
use tempfile::TempDir;

use crate::fixture::succeeds;
use crate::golden::expect_file;
use crate::support::chart::{ACCOUNT, CHART, NAMESPACE, PROMETHEUS, helm, objects, text};
use crate::support::kube::Cluster;

/// Values that are shown.
const ENVIRONMENTS: [&str; 3] = ["development", "staging", "production"];
/// The oldest version of Kubernetes that the chart is for, 1.31.
const OLDEST_MINOR: u32 = 31;
/// Newest minor version of Kubernetes with available schemas.
const NEWEST_MINOR: u32 = 37;

/// Everything that can be switched on.
const ALL: &str = "replicas=2,networkPolicy.enabled=true,dashboards.enabled=true,\
    rbac.credentials.clusterWide=true,priorityClassName=system-cluster-critical,\
    podLabels.a=b,podAnnotations.a=b,service.annotations.a=b,serviceAccount.annotations.a=b,\
    image.registry=registry.example:5000/acme,imagePullSecrets[0].name=pull,\
    nodeSelector.a=b,tolerations[0].operator=Exists,commonLabels.team=databases,\
    extraArgs[0]=--namespaces=finance,extraEnv[0].name=A,extraEnv[0].value=b,\
    extraEnvFrom[0].secretRef.name=more,extraVolumes[0].name=tmp,\
    extraVolumeMounts[0].name=tmp,extraVolumeMounts[0].mountPath=/tmp,\
    tests.database.secretName=db,tests.database.table=public.orders";

fn all() -> String {
    let digest = "0123456789abcdef".repeat(4);
    format!(
        "{},image.digest=sha256:{digest},extraVolumes[0].emptyDir.medium=Memory",
        ALL.replace(' ', "")
    )
}

fn values(environment: &str) -> String {
    format!("{CHART}/examples/{environment}.yaml")
}

#[test]
fn helm_lint_reports_nothing() {
    let files = ENVIRONMENTS.map(values);
    let mut questions = vec![vec!["--set".to_owned(), all()], Vec::new()];
    questions.extend(files.into_iter().map(|file| vec!["--values".to_owned(), file]));
    for question in questions {
        let question: Vec<&str> = question.iter().map(String::as_str).collect();
        let output = helm(&[&["lint", "--strict", CHART], &question[..]].concat());
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && !said.contains("[WARNING]"), "{question:?}: {said}");
    }
}

#[test]
fn rendered_chart_is_golden() {
    for environment in ENVIRONMENTS {
        let file = values(environment);
        let arguments = ["--set", "crds.enabled=false", "--values", &file];
        let rendered = text(NAMESPACE, &[&arguments[..], &PROMETHEUS].concat());
        expect_file(&format!("tests/cluster/chart/{environment}.yaml"), &but_files(&rendered));
    }
    let all = all();
    let rendered = text(NAMESPACE, &["--set", "crds.enabled=false", "--set", &all]);
    expect_file("tests/cluster/chart/all.yaml", &but_files(&rendered));
}

/// Without the rules and dashboards, which are files of their own.
fn but_files(rendered: &str) -> String {
    let documents = rendered.split("---\n").filter(|document| !document.trim().is_empty());
    let kept = documents.filter(|document| {
        !["prometheusrule.yaml", "dashboards.yaml"].iter().any(|file| document.contains(file))
    });
    kept.map(|document| format!("---\n{}\n", document.trim())).collect()
}

#[test]
fn manifest_equals_the_chart() {
    let rendered = text(NAMESPACE, &["--set", "crds.keep=false", "--skip-tests"]);
    let is_helms = |line: &&str| {
        ["helm.sh/", "app.kubernetes.io/managed-by: Helm", "# Source: "]
            .iter()
            .all(|ours| !line.trim_start().starts_with(ours))
    };
    let kept: String = rendered.lines().filter(is_helms).map(|line| format!("{line}\n")).collect();
    let documents = kept.split("---\n").map(str::trim).filter(|document| !document.is_empty());
    let documents: String = documents.map(|document| format!("---\n{document}\n")).collect();
    let head = format!(
        "# The chart with its defaults. Written by PGPARTITION_UPDATE=1 cargo test --test cluster chart.\n\
         ---\napiVersion: v1\nkind: Namespace\nmetadata:\n  name: {NAMESPACE}\n  labels:\n    \
         pod-security.kubernetes.io/enforce: restricted\n"
    );
    expect_file("manifests/install.yaml", &format!("{head}{documents}"));
}

#[test]
fn invalid_values_are_rejected_with_a_reason() {
    for (set, says) in [
        ("replicas=two", "at '/replicas': got string, want integer"),
        ("replicas=-1", "at '/replicas': minimum: got -1, want 0"),
        ("replcas=2", "additional properties 'replcas' not allowed"),
        ("image.tga=1", "at '/image': additional properties 'tga' not allowed"),
        ("image.pullPolicy=Sometimes", "must be one of 'Always', 'IfNotPresent', 'Never'"),
        ("image.registry=ghcr.io/acme/", "at '/image/registry': 'ghcr.io/acme/' does not match"),
        ("log.filter=null", "at '/log': missing property 'filter'"),
        ("networkPolicy.postgresPorts=null", "missing property 'postgresPorts'"),
        ("podLabels.a=b c", "at '/podLabels/a': 'b c' does not match pattern"),
        ("podLabels.a b=c", "invalid propertyName 'a b'"),
        ("prometheus.rules.alertLabels.a/b=c", "invalid propertyName 'a/b'"),
        ("image.digest=abc", "image.digest: \"abc\" is not a digest"),
        ("namespaces=finance", "at '/namespaces': got string, want array"),
        ("namespaces={Finance}", "at '/namespaces/0': 'Finance' does not match pattern"),
        ("namespaces={a,a}", "at '/namespaces': items at 0 and 1 are equal"),
        (
            "podLabels.app\\.kubernetes\\.io/name=x",
            "podLabels: app.kubernetes.io/name is set by the chart itself",
        ),
        ("dashboards.labels.helm\\.sh/chart=x", "dashboards.labels: helm.sh/chart is set by"),
        ("resync=soon", "resync: \"soon\" is not a duration such as 30s, 5m, or 1h"),
        ("resync=0m0s", "resync: \"0m0s\" must be greater than zero"),
        ("extraArgs={--log-format,text}", "extraArgs: --log-format is set by the chart itself"),
        ("namespaces={a},extraArgs={--namespaces=b}", "extraArgs: --namespaces is set by"),
        ("log.format=xml", "at '/log/format': value must be one of 'auto', 'text', 'json'"),
        ("service.port=99999", "at '/service/port': maximum: got 99,999, want 65,535"),
        ("terminationGracePeriodSeconds=3", "at '/terminationGracePeriodSeconds': minimum"),
        ("resources.limits.memory=much", "at '/resources/limits/memory'"),
        ("leaderElection.leaseDurationSeconds=5", "two replicas could be the leader"),
        ("leaderElection.retryPeriodSeconds=10", "must be less than renewDeadlineSeconds (10)"),
        ("replicas=2,podDisruptionBudget.minAvailable=2", "(2) must be less than replicas (2)"),
        ("replicas=3,podDisruptionBudget.minAvailable=67%", "(67%) must be less than replicas"),
        ("replicas=2,podDisruptionBudget.maxUnavailable=0%", "(0%) must be greater than 0"),
        ("namespaces={a},rbac.credentials.clusterWide=true", "of exactly these"),
        ("rbac.credentials.clusterWide=true,rbac.credentials.namespaces={a}", "remove one of them"),
        (
            "prometheus.podMonitor.enabled=true,prometheus.serviceMonitor.enabled=true",
            "would scrape everything twice",
        ),
        ("prometheus.serviceMonitor.enabled=true,service.enabled=false", "needs the Service"),
        (
            "prometheus.podMonitor.enabled=true,prometheus.whenMissing=Fail",
            "the cluster has no monitoring.coreos.com/v1",
        ),
        ("prometheus.rules.runbookUrl=wiki", "at '/prometheus/rules/runbookUrl': 'wiki' does not"),
        ("tests.database.secretName=db", "tests.database: table is missing"),
    ] {
        let output = helm(&["template", "x", CHART, "--set", set]);
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success() && said.contains(says), "{set}: {said}");
    }
}

#[test]
fn rendered_chart_is_valid_in_every_kubernetes_version() {
    let folder = TempDir::new().unwrap();
    let mut files = Vec::new();
    for (name, arguments) in renderings() {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        // An API server validates a CRD better than a schema.
        let without = [&arguments[..], &["--set", "crds.enabled=false"]].concat();
        let file = folder.path().join(format!("{name}.yaml"));
        fs::write(&file, text(NAMESPACE, &without)).unwrap();
        files.push(file);
    }
    let validate = crate::support::tool("kubernetes-validate", "PGPARTITION_KUBERNETES_VALIDATE");
    let validate = |minor: u32| {
        let mut command = Command::new(&validate);
        let version = format!("1.{minor}");
        let output = command.args(["--strict", "--quiet", "-k", &version]).args(&files).output();
        let output = output.unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned()
            + &String::from_utf8_lossy(&output.stderr);
        (output.status.success(), said)
    };
    let chart = fs::read_to_string(format!("{CHART}/Chart.yaml")).unwrap();
    assert!(chart.contains(&format!("kubeVersion: \">=1.{OLDEST_MINOR}.0-0\"")), "{chart}");
    for minor in OLDEST_MINOR..=NEWEST_MINOR {
        let (takes_all, said) = validate(minor);
        assert!(takes_all, "1.{minor}: {said}");
    }
    let (_, said) = validate(NEWEST_MINOR + 1);
    assert!(said.contains("does not support kubernetes version"), "a newer one is there: {said}");
}

/// Returns arguments of helm for each rendering, by name.
fn renderings() -> Vec<(&'static str, Vec<String>)> {
    let mut renderings = vec![("default", Vec::new())];
    renderings.push(("all", vec!["--set".to_owned(), all()]));
    for environment in ENVIRONMENTS {
        renderings.push((environment, vec!["--values".to_owned(), values(environment)]));
    }
    renderings
}

#[test]
fn api_server_accepts_the_rendered_chart() {
    let cluster = Cluster::shared();
    for namespace in [NAMESPACE, "development", "staging", "finance", "orders"] {
        succeeds(&cluster.kubectl(&["create", "namespace", namespace]));
    }
    // Without their account, the pods of helm test are not even rehearsed.
    succeeds(&cluster.kubectl(&["create", "serviceaccount", ACCOUNT, "--namespace", NAMESPACE]));
    let rehearse = ["apply", "--server-side", "--dry-run=server", "--validate=strict"];
    for (name, arguments) in renderings() {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let folder = TempDir::new().unwrap();
        let file = folder.path().join("rendered.yaml");
        fs::write(&file, text(NAMESPACE, &arguments)).unwrap();
        let file = ["-f", file.to_str().unwrap()];
        let warnings = ["--warnings-as-errors"];
        let output = cluster.kubectl(&[&warnings[..], &rehearse, &file].concat());
        assert!(output.status.success(), "{name}: {output:?}");
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for base in ["manifests", "examples/kustomize"] {
        let folder = root.join(base);
        let output = cluster.kubectl(&[&rehearse[..], &["-k", folder.to_str().unwrap()]].concat());
        assert!(output.status.success(), "{base}: {output:?}");
    }
}

#[test]
fn crd_and_resources_outlive_the_release() {
    let cluster = Cluster::start();
    let kubeconfig = cluster.kubeconfig().to_str().unwrap();
    let at = ["--kubeconfig", kubeconfig, "--namespace", NAMESPACE];
    let release = |arguments: &[&str]| {
        let output = helm(&[arguments, &at[..]].concat());
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let notes = release(&["install", "pgp", CHART, "--create-namespace", "--set", "replicas=0"]);
    assert!(notes.contains("kubectl scale deployment/pgp-pg-partition-operator"), "{notes}");
    succeeds(&cluster.kubectl(&["wait", "--for=condition=Established", CRD]));
    let table = crate::fixture::file(&crate::fixture::table("orders", &json!({})));
    succeeds(&cluster.kubectl(&["create", "-f", table.path().to_str().unwrap()]));

    // The chart of before had another definition.
    let strange = json!({"metadata": {"labels": {"app.kubernetes.io/version": "0.0.1"}},
                         "spec": {"names": {"shortNames": ["old"]}}});
    let patch = ["patch", CRD, "--type=merge", "-p", &strange.to_string()];
    succeeds(&cluster.kubectl(&patch));
    release(&["upgrade", "pgp", CHART, "--force-conflicts"]);
    let get = ["get", CRD, "-o", "jsonpath={.spec.names.shortNames}"];
    assert_eq!(cluster.kubectl(&get).stdout, b"[\"pgpt\"]");

    let beside = "crds.enabled=false,rbac.aggregate=false,namespaces={default}";
    release(&["install", "second", CHART, "--set", beside]);
    release(&["uninstall", "second"]);

    release(&["uninstall", "pgp"]);
    let left = cluster.kubectl(&["get", "pgpt", "orders", "-o", "name"]);
    assert_eq!(left.stdout, b"partitionedtable.pgpartition.dev/orders\n");
    let gone = ["get", "deployments,roles,rolebindings,services", "-n", NAMESPACE, "-o", "name"];
    assert_eq!(String::from_utf8(cluster.kubectl(&gone).stdout).unwrap(), "");
}

const CRD: &str = "crd/partitionedtables.pgpartition.dev";

#[test]
fn permissions_are_limited_to_the_named_namespaces() {
    let kinds = |arguments: &[&str]| {
        let objects = objects(NAMESPACE, arguments);
        let of_rights = crate::support::chart::rights(objects);
        let mut found: Vec<String> = of_rights
            .iter()
            .map(|object| {
                let text =
                    |field: &str| object["metadata"][field].as_str().unwrap_or("-").to_owned();
                let kind = object["kind"].as_str().unwrap();
                format!("{kind} {} {}", text("namespace"), text("name"))
            })
            .filter(|object| object.contains("Binding"))
            .collect();
        found.sort();
        found
    };
    let (operator, n) = ("pg-partition-operator", NAMESPACE);
    let leader = format!("RoleBinding {n} {operator}-leader");
    let cluster_wide = format!("ClusterRoleBinding - {operator}");
    assert_eq!(kinds(&[]), [cluster_wide.clone(), leader.clone()]);
    assert_eq!(
        kinds(&["--set", "namespaces={finance}"]),
        [format!("RoleBinding finance {operator}"), leader.clone()]
    );
    assert_eq!(
        kinds(&["--set", "rbac.credentials.namespaces={finance}"]),
        [
            cluster_wide.clone(),
            format!("RoleBinding finance {operator}-credentials"),
            leader.clone()
        ]
    );
    assert_eq!(
        kinds(&["--set", "rbac.credentials.clusterWide=true"]),
        [cluster_wide, format!("ClusterRoleBinding - {operator}-credentials"), leader]
    );
    let secrets = text(NAMESPACE, &["--set", "namespaces={finance},rbac.aggregate=false"]);
    assert!(!secrets.contains("kind: ClusterRole"), "{secrets}");
}
