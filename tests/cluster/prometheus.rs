//! Objects of the chart for Prometheus and Grafana.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::fixture::{file, succeeds};
use crate::observability::scrape_config;
use crate::support::chart::{CHART, NAMESPACE, PROMETHEUS, helm, objects, parse};
use crate::support::tool;

#[test]
fn prometheus_kinds_are_rendered_if_their_crds_exist() {
    let set = ["--set", "prometheus.podMonitor.enabled=true"];
    let has = |arguments: &[&str]| {
        let found = objects(NAMESPACE, &[&set[..], arguments].concat());
        found.iter().any(|object| object["kind"] == "PodMonitor")
    };
    assert!(!has(&[]));
    assert!(has(&PROMETHEUS));
    assert!(has(&["--set", "prometheus.whenMissing=Render"]));
}

#[test]
fn scraped_series_keeps_the_namespace_of_its_table() {
    for (kind, endpoints) in
        [("PodMonitor", "podMetricsEndpoints"), ("ServiceMonitor", "endpoints")]
    {
        let value = format!("prometheus.{}{}.enabled=true", kind[..1].to_lowercase(), &kind[1..]);
        let all = objects(NAMESPACE, &[&["--set", &value][..], &PROMETHEUS].concat());
        let monitor = all.iter().find(|object| object["kind"] == kind).unwrap();
        let endpoints = monitor["spec"][endpoints].as_array().unwrap();
        assert!(endpoints.iter().all(|endpoint| endpoint["honorLabels"] == true), "{monitor}");
        assert_eq!(endpoints.len(), 1, "{monitor}");
    }
    // The same on the page, by which the operator is scraped in the test of dashboards and alerts.
    assert_eq!(scrape_config()["honor_labels"], true);
    let all = objects(NAMESPACE, &[]);
    let deployment = all.iter().find(|object| object["kind"] == "Deployment").unwrap();
    let pod = &deployment["spec"]["template"];
    let name = pod["metadata"]["labels"]["app.kubernetes.io/name"].as_str().unwrap();
    let port = pod["spec"]["containers"][0]["ports"][0]["name"].as_str().unwrap();
    assert_eq!(scrape_config()["relabel_configs"][0]["regex"], format!("{name};{port}"));
    let runbook = fs::read_to_string("docs/runbooks/PgPartitionOperatorAbsent.md").unwrap();
    assert!(runbook.contains(&format!("services/pg-partition-operator:{port}/proxy/metrics")));
}

#[test]
fn rules_and_dashboards_are_files_of_the_chart() {
    let copy = TempDir::new().unwrap();
    let chart = copy.path().join("pg-partition-operator");
    let mut command = Command::new("cp");
    succeeds(&command.args(["-r", CHART, chart.to_str().unwrap()]).output().unwrap());
    for folder in ["rules", "dashboards"] {
        drop(fs::remove_dir_all(chart.join(folder)));
        fs::create_dir(chart.join(folder)).unwrap();
    }
    let render = || {
        let set = "prometheus.rules.enabled=true,prometheus.rules.exclude={Unwanted},\
                   prometheus.rules.alertLabels.team=databases,dashboards.enabled=true";
        let set = set.replace(' ', "");
        let chart = chart.to_str().unwrap();
        let output = helm(&[&["template", "x", chart, "--set", &set][..], &PROMETHEUS].concat());
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let all = parse(&String::from_utf8(output.stdout).unwrap());
        let kinds = ["PrometheusRule", "ConfigMap"];
        all.into_iter().filter(|o| kinds.iter().any(|kind| o["kind"] == *kind)).collect::<Vec<_>>()
    };
    assert_eq!(render(), Vec::<Value>::new());

    let summary = "{{ $labels.name }} is {{ $value | humanizeDuration }} late";
    let alert = |name: &str| {
        json!({"alert": name, "expr": "up == 0", "for": "5m", "labels": {"severity": "warning"},
               "annotations": {"summary": summary}})
    };
    let record = json!({"record": "a:b", "expr": "sum(up)"});
    let groups = json!({"groups": [
        {"name": "one", "interval": "1m", "rules": [alert("Wanted"), alert("Unwanted"), record]},
        {"name": "two", "rules": [alert("Unwanted")]},
    ]});
    fs::write(chart.join("rules/alerts.yaml"), groups.to_string()).unwrap();
    let dashboard = json!({"title": "Fleet", "panels": [{"legendFormat": "{{name}}"}]});
    let text = serde_json::to_string_pretty(&dashboard).unwrap();
    fs::write(chart.join("dashboards/fleet.json"), text).unwrap();
    let rendered = render();
    let [config_map, rule] = &rendered[..] else { panic!("{rendered:?}") };

    let shown: Value =
        serde_json::from_str(config_map["data"]["fleet.json"].as_str().unwrap()).unwrap();
    assert_eq!(shown, dashboard);
    assert_eq!(config_map["metadata"]["labels"]["grafana_dashboard"], "1");
    let mut wanted = alert("Wanted");
    wanted["labels"]["team"] = json!("databases");
    let expected = json!([{"name": "one", "interval": "1m", "rules": [wanted, record]}]);
    assert_eq!(rule["spec"]["groups"], expected);
}

/// Address of the runbooks in the rule files.
const RUNBOOKS: &str = "https://pgpartition.dev/docs/runbooks/";

#[test]
fn runbook_urls_can_be_changed() {
    let files = rule_files();
    let alerts = alerts(&files);
    let has_runbook = |alert: &Value| {
        alert["annotations"]["runbook_url"].as_str().is_some_and(|url| url.starts_with(RUNBOOKS))
    };
    assert!(alerts.iter().all(has_runbook), "{alerts:?}");
    assert!(alerts.len() > 5, "{alerts:?}");
    assert_eq!(rules(&[]), files);

    // Nothing else of the rules has changed, Prometheus' own templates among it.
    let moved = files.to_string().replace(RUNBOOKS, "https://wiki.example:8443/run#books/");
    let moved: Value = serde_json::from_str(&moved).unwrap();
    for url in ["https://wiki.example:8443/run#books", "https://wiki.example:8443/run#books/"] {
        assert_eq!(rules(&["--set", &format!("prometheus.rules.runbookUrl={url}")]), moved);
    }
    let promtool = tool("prometheus", "PGPARTITION_PROMETHEUS").join("promtool");
    let rendered = file(&moved);
    succeeds(
        &Command::new(promtool).args(["check", "rules"]).arg(rendered.path()).output().unwrap(),
    );
}

/// The groups of all files of rules, as Prometheus reads them.
fn rule_files() -> Value {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(CHART).join("rules");
    let mut files: Vec<_> =
        fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    let read = |file| parse(&fs::read_to_string(file).unwrap()).remove(0)["groups"].clone();
    let groups = files.iter().map(read);
    json!({"groups": groups.flat_map(|groups| groups.as_array().unwrap().clone()).collect::<Vec<_>>()})
}

/// Returns the rules that the chart renders.
fn rules(arguments: &[&str]) -> Value {
    let enabled = ["--set", "prometheus.rules.enabled=true"];
    let all = objects(NAMESPACE, &[&enabled, &PROMETHEUS, arguments].concat());
    all.into_iter().find(|object| object["kind"] == "PrometheusRule").unwrap()["spec"].clone()
}

fn alerts(rules: &Value) -> Vec<Value> {
    let groups = rules["groups"].as_array().unwrap().iter();
    let rules = groups.flat_map(|group| group["rules"].as_array().unwrap());
    rules.filter(|rule| rule["alert"].is_string()).cloned().collect()
}
