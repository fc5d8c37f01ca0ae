//! Generated files of the chart, and the agreement of its values, their schema, and their page.
//!
//! `PGPARTITION_UPDATE=1 cargo test --test pure chart` writes the files again.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use pg_partition_operator::cli;
use serde_json::Value;

use crate::generated::expect_file;

const CHART: &str = "charts/pg-partition-operator";

#[test]
fn chart_contains_the_crd() {
    let text = cli::crd::text().expect("a definition can be written");
    assert_eq!(text.matches("\nmetadata:\n").count(), 1, "the template puts labels there");
    assert!(!text.contains("{{"), "nothing in it is for the template engine");
    expect_file(&format!("{CHART}/files/partitionedtables.yaml"), &text);
}

#[test]
fn chart_has_the_version_of_the_crate() {
    let chart = yaml("Chart.yaml");
    for version in ["version", "appVersion"] {
        assert_eq!(chart[version], env!("CARGO_PKG_VERSION"), "{version} in Chart.yaml");
    }
}

#[test]
fn every_value_is_explained() {
    let values = described(&read("values.yaml"));
    let unexplained: Vec<_> =
        values.iter().filter(|value| value.meaning.is_empty()).map(|value| &value.path).collect();
    assert!(unexplained.is_empty(), "no comment above these in values.yaml: {unexplained:?}");
    let all = yaml("values.yaml");
    let rows = values.iter().map(|value| row(value, &all)).collect::<String>();
    let page = format!("{HEAD}{rows}{FOOT}");
    expect_file(&format!("{CHART}/README.md"), &page);
}

#[test]
fn schema_matches_the_values() {
    let schema: Value = serde_json::from_str(&read("values.schema.json")).expect("JSON");
    let known = known(&schema, "");
    let mut there = BTreeSet::new();
    for value in described(&read("values.yaml")) {
        let mut path = value.path.as_str();
        if known.iter().any(|known| known.starts_with(&format!("{path}."))) {
            continue;
        }
        while !known.contains(path) {
            // Below a free-form object, the schema names nothing.
            let (above, _) = path.rsplit_once('.').unwrap_or_else(|| panic!("no {path}"));
            path = above;
        }
        assert!(schema_at(&schema, path).is_some(), "{path}");
        there.insert(path.to_owned());
    }
    let optional = ["global", "resources.claims"];
    let only_known: Vec<_> = known
        .iter()
        .filter(|path| !there.contains(*path) && !optional.contains(&path.as_str()))
        .filter(|path| !path.contains("Probe."))
        .collect();
    assert!(only_known.is_empty(), "not in values.yaml: {only_known:?}");
}

#[test]
fn required_values_are_required() {
    let schema = serde_json::from_str(&read("values.schema.json")).expect("JSON");
    assert_eq!(optional(&schema, &yaml("values.yaml"), ""), Vec::<String>::new());
}

/// Sections, and values with a default that says something, which `null` may take away. What
/// Kubernetes has defaults for is left out.
fn optional(schema: &Value, values: &Value, at: &str) -> Vec<String> {
    let required = schema["required"].as_array().cloned().unwrap_or_default();
    let mut found = Vec::new();
    for (key, below) in schema["properties"].as_object().into_iter().flatten() {
        let (value, path) = (&values[key], format!("{at}/{key}"));
        if key == "resources" || value.is_null() {
            continue;
        }
        let says_nothing = *value == "" || value.is_array();
        let is_free = value.is_object() && below["properties"].is_null();
        if !(says_nothing || is_free || required.contains(&key.as_str().into())) {
            found.push(path.clone());
        }
        if !key.ends_with("Probe") {
            found.extend(optional(below, value, &path));
        }
    }
    found
}

const HEAD: &str = "# pg-partition-operator

Manages partitioned Postgres tables that are declared as PartitionedTable resources.

How to [install](../../docs/how-to/install.md), [upgrade](../../docs/how-to/upgrade.md), and
[uninstall](../../docs/how-to/uninstall.md). [examples](examples) has values for development, staging, and production.

If a value is invalid, Helm rejects it with a message that names the value and what to change.

## Values

This page is generated from `values.yaml`: `PGPARTITION_UPDATE=1 cargo test --test pure chart`.

| value | default | |
|---|---|---|
";
const FOOT: &str = "";

/// A value and what the comment above it says.
struct Described {
    path: String,
    meaning: String,
}

/// The values that a user may set, in the order of the file: what has no keys of its own, and what
/// is described as a whole.
fn described(text: &str) -> Vec<Described> {
    let mut found = Vec::new();
    let mut above: Vec<(usize, String)> = Vec::new();
    let mut comment = Vec::new();
    let lines: Vec<&str> = text.lines().collect();
    for (number, line) in lines.iter().enumerate() {
        let indent = line.len() - line.trim_start().len();
        let trimmed = line.trim();
        if let Some(words) = trimmed.strip_prefix('#') {
            comment.push(words.trim().to_owned());
            continue;
        }
        if let Some((key, value)) = key(trimmed) {
            above.retain(|(of, _)| *of < indent);
            above.push((indent, key.to_owned()));
            let path: Vec<_> = above.iter().map(|(_, key)| key.as_str()).collect();
            let opens = value.is_empty()
                && lines.get(number + 1).is_some_and(|next| !next.trim().starts_with('-'));
            let is_free = comment.is_empty() && is_in_free(&above);
            if !(opens && comment.is_empty() || is_free) {
                found.push(Described { path: path.join("."), meaning: comment.join(" ") });
            }
        }
        comment.clear();
    }
    found
}

/// Labels are keys that a user invents.
fn is_in_free(above: &[(usize, String)]) -> bool {
    above.iter().rev().skip(1).any(|(_, key)| key == "labels")
}

fn key(line: &str) -> Option<(&str, &str)> {
    let (key, value) = line.split_once(':')?;
    let is_key = !key.is_empty() && key.chars().all(|c| c.is_alphanumeric() || c == '_');
    is_key.then(|| (key, value.trim()))
}

fn row(value: &Described, all: &Value) -> String {
    let pointer = format!("/{}", value.path.replace('.', "/"));
    let default = all.pointer(&pointer).unwrap_or_else(|| panic!("no {}", value.path));
    let default = match default {
        Value::Object(fields) if !fields.is_empty() && value.path.matches('.').count() == 0 => {
            String::new()
        }
        other => format!("`{other}`"),
    };
    format!("| `{}` | {default} | {} |\n", value.path, value.meaning.replace('|', "\\|"))
}

/// The paths that a schema names.
fn known(schema: &Value, at: &str) -> BTreeSet<String> {
    let mut paths = BTreeSet::new();
    for (key, below) in schema["properties"].as_object().into_iter().flatten() {
        let path = if at.is_empty() { key.clone() } else { format!("{at}.{key}") };
        let deeper = known(below, &path);
        if deeper.is_empty() {
            paths.insert(path);
        }
        paths.extend(deeper);
    }
    paths
}

fn schema_at<'a>(schema: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('.').try_fold(schema, |schema, key| schema["properties"].get(key))
}

fn yaml(file: &str) -> Value {
    serde_yaml::from_str(&read(file)).expect("YAML")
}

fn read(file: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(CHART).join(file);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
