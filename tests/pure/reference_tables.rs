//! The generated pages of `docs/reference` on the resource, the commands, and the metrics; and each alert has a runbook.
//!
//! `PGPARTITION_UPDATE=1 cargo test --test pure reference_tables` writes the pages.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

use pg_partition_operator::kubernetes::describe_metrics;
use serde_json::Value;

use crate::golden::expect_file;

const RESOURCE: &str = "# The resource

This page lists every field of a `PartitionedTable`, and the values that the API server rejects. If only the database shows that a value
is wrong, a [condition](conditions.md) reports it. A field in bold is required. The column *default* shows a default that the API server writes into the resource. If the operator
applies the default instead, the description names it (*Default: …*). A list *Rejected* shows, for each field, the message of the API server if it rejects the value. Durations are strings such as `30s`, `10m`, and `168h`. `kubectl explain pgpt.spec --recursive` shows the same fields. A test writes this page:
`PGPARTITION_UPDATE=1 cargo test --test pure reference_tables`.

Annotations request single actions:

| annotation | request |
|---|---|
| `pgpartition.dev/approve: FINGERPRINT[,FINGERPRINT…]` | approve the steps that wait for approval, if the plan has this fingerprint |
| `pgpartition.dev/adopt: NAME[,NAME…]` | adopt unmanaged partitions; quote names as in SQL if needed |
| `pgpartition.dev/reconcile: ANYTHING` | reconcile now; `status.lastHandledReconcile` repeats the value afterwards |
";

const COMMANDS: &str = "# The commands

This page shows the output of `--help`: the commands, the options of each command, and the [exit statuses](#exit-statuses). A test writes this page:
`PGPARTITION_UPDATE=1 cargo test --test pure reference_tables`.
";

const METRICS: &str = "# Metrics

This page lists the metrics that `/metrics` returns. A metric with the labels `namespace` and `name` is about one table, and only the leader reports it. An unknown value
is absent, not 0. A metric whose meaning begins with *Whether* is 1 or 0. When a resource is deleted, its series end. No label contains the name of a partition. A test writes this page:
`PGPARTITION_UPDATE=1 cargo test --test pure reference_tables`.

These labels have a fixed set of values:

- `type` and `status` are those of [conditions](conditions.md), `blocker` is one of the [blockers](blockers.md), and `step` is one of the [steps](steps.md).
- `result` of reconciles is `ready` or `not_ready`, that of steps `done` or `failed`, and that of tables in rounds `unchanged` or `changed`.
- `state` of `pgpartition_partitions` is `attached`, `missing`, `unmanaged` (attached, but not managed), `detached`, or `pending_detach`.

- `strategy` is the partition key and the method, such as `Range(Month) on occurred_at`.

Only a table that is being converted has these labels:

- `stage` is that of `status.conversion`.
- `from` and `side` are `source` or `partitioned`.
- `kind` is `copied` or `estimated`.
- `state` of `pgpartition_sync_trigger` is `enabled`, `altered`, or `missing`.

| metric | kind | labels | meaning |
|---|---|---|---|
";

#[test]
fn every_field_is_described() {
    let definition: Value = serde_yaml::from_str(&text("crds/partitionedtables.yaml")).unwrap();
    let schema = &definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"];
    let mut page = RESOURCE.to_owned();
    for part in ["spec", "status"] {
        page.push_str(&section(part, &schema[part]));
    }
    expect_file("docs/reference/resource.md", &page);
}

#[test]
fn every_command_is_described() {
    let mut page = COMMANDS.to_owned();
    let help = help(&["--help"]);
    let (commands, _) = after(&help, "Commands:").split_once("\nOptions:\n").unwrap();
    write!(page, "\n```\n{commands}```\n").unwrap();
    for command in ["run", "check", "crd", "plan", "apply", "verify", "inspect"] {
        assert!(help.contains(&format!("\n  {command} ")), "{command}: {help}");
        write!(page, "\n## {command}\n\n```\n{}```\n", self::help(&[command, "--help"])).unwrap();
    }
    write!(page, "\n## Exit statuses\n\n```\n{}```\n", after(&help, "Exit status:")).unwrap();
    expect_file("docs/reference/cli.md", &page);
}

#[test]
fn every_metric_is_described() {
    let mut page = METRICS.to_owned();
    for metric in describe_metrics().expect("each has its own name") {
        let labels: Vec<_> = metric.labels.iter().map(|label| format!("`{label}`")).collect();
        let (name, kind) = (&metric.name, &metric.kind);
        writeln!(page, "| `{name}` | {kind} | {} | {} |", labels.join(", "), metric.help).unwrap();
    }
    expect_file("docs/reference/metrics.md", &page);
}

#[test]
fn every_alert_has_its_runbook_and_its_test() {
    let overview = text("docs/runbooks/README.md");
    let tests: String = files("tests/alerts").map(|file| text(&file)).collect();
    let mut alerts = BTreeSet::new();
    for file in files("charts/pg-partition-operator/rules") {
        let rules: Value = serde_yaml::from_str(&text(&file)).unwrap();
        let groups = rules["groups"].as_array().unwrap();
        for rule in groups.iter().flat_map(|group| group["rules"].as_array().unwrap()) {
            let Some(alert) = rule["alert"].as_str() else { continue };
            let page = format!("docs/runbooks/{alert}.md");
            let url = rule["annotations"]["runbook_url"].as_str().unwrap();
            assert!(url.ends_with(&page), "{alert}: {url}");
            let headings: Vec<_> = text(&page)
                .lines()
                .filter_map(|l| l.strip_prefix("## ").map(str::to_owned))
                .collect();
            assert_eq!(headings, ["Meaning", "Impact", "Diagnosis", "Mitigation"], "{page}");
            let severity = rule["labels"]["severity"].as_str().unwrap();
            let line = format!("| [{alert}]({alert}.md) | {severity} |");
            assert!(overview.contains(&line), "the overview has no {line}");
            let fires = format!("ALERTS{{alertname=\"{alert}\", alertstate=\"firing\"");
            assert!(tests.contains(&fires), "no test sees {alert} fire");
            for annotation in ["summary", "description"] {
                assert!(rule["annotations"][annotation].is_string(), "{alert}: no {annotation}");
            }
            alerts.insert(format!("docs/runbooks/{alert}.md"));
        }
    }
    let pages: BTreeSet<_> =
        files("docs/runbooks").filter(|page| !page.ends_with("README.md")).collect();
    assert_eq!(pages, alerts);
}

/// An object of the schema: its fields, what is refused, then the objects within it.
fn section(path: &str, schema: &Value) -> String {
    let mut text = format!("\n## {path}\n\n{}\n", description(schema));
    text.push_str("\n| field | type | default | description |\n|---|---|---|---|\n");
    let mut within = String::new();
    let required: Vec<_> = strings(&schema["required"]);
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        let shown =
            if required.contains(name) { format!("**`{name}`**") } else { format!("`{name}`") };
        let default = match &field["default"] {
            Value::Null | Value::Object(_) => String::new(),
            value => {
                format!("`{}`", value.as_str().map_or_else(|| value.to_string(), str::to_owned))
            }
        };
        writeln!(text, "| {shown} | {} | {default} | {} |", kind(field), description(field))
            .unwrap();
        for (item, path) in
            [(field, format!("{path}.{name}")), (&field["items"], format!("{path}.{name}[]"))]
        {
            if item["properties"].is_object() {
                within.push_str(&section(&path, item));
            }
        }
    }
    let rules = schema["x-kubernetes-validations"].as_array().into_iter().flatten();
    let refused: String = rules.map(|rule| format!("- {}\n", refusal(rule))).collect();
    if !refused.is_empty() {
        write!(text, "\nRejected:\n\n{refused}").unwrap();
    }
    text + &within
}

fn refusal(rule: &Value) -> String {
    let message = rule["message"].as_str().unwrap_or_default();
    match rule["fieldPath"].as_str() {
        Some(field) => format!("`{}`: {message}", field.trim_start_matches('.')),
        None => message.to_owned(),
    }
}

/// Returns the type of a field, and the other constraints of the schema on its values.
fn kind(field: &Value) -> String {
    let values: Vec<_> = strings(&field["enum"]).iter().map(|value| format!("`{value}`")).collect();
    if !values.is_empty() {
        return values.join(", ");
    }
    match (field["type"].as_str().unwrap_or_default(), &field["items"]) {
        ("array", items) => format!("list of {}", kind(items)),
        (kind, _) => match (field["minimum"].as_f64(), field["maximum"].as_f64()) {
            (Some(least), Some(most)) => format!("{kind}, {least} to {most}"),
            _ => field["format"].as_str().map_or(kind.to_owned(), |format| match format {
                "date-time" => "instant".to_owned(),
                _ => kind.to_owned(),
            }),
        },
    }
}

fn strings(list: &Value) -> Vec<String> {
    list.as_array().into_iter().flatten().filter_map(|s| s.as_str().map(str::to_owned)).collect()
}

fn description(schema: &Value) -> String {
    schema["description"].as_str().unwrap_or_default().replace('\n', " ").replace('|', "\\|")
}

fn help(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_pg-partition-operator"))
        .args(arguments)
        .env_clear()
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(|line| line.trim_end().to_owned() + "\n").collect()
}

/// Returns the text after the line `heading`.
fn after<'a>(text: &'a str, heading: &str) -> &'a str {
    text.split_once(&format!("{heading}\n")).expect("the heading is there").1
}

/// The files of a folder, named from the top of the project.
fn files(folder: &str) -> impl Iterator<Item = String> {
    let entries = fs::read_dir(root().join(folder)).unwrap();
    entries.map(move |entry| format!("{folder}/{}", entry.unwrap().file_name().to_str().unwrap()))
}

fn text(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
