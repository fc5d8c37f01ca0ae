//! Output of `kubectl pgpartition status`: `tests/pure/status` has a resource for each state, as the API server returns
//! it, and the text beside it.
//!
//! `PGPARTITION_UPDATE=1 cargo test --test pure plugin` writes the texts again.

use std::fs;
use std::path::Path;

use jiff::Timestamp;
use pg_partition_operator::api::v1alpha1::PartitionedTable;
use pg_partition_operator::cli::kubectl::status_text;
use serde_json::{Value, json};

use crate::admission::{accepts, rules};
use crate::golden::expect_file;

const NOW: &str = "2026-11-25T12:00:00Z";

/// Width of a common terminal, in columns.
const MAX_WIDTH: usize = 100;

#[test]
fn status_output_is_golden() {
    let states = states();
    assert!(states.len() > 7, "each state has its file");
    for (name, object) in states {
        let text = told(object);
        for line in text.lines() {
            let command = line.trim_start().starts_with("kubectl ");
            assert!(line.chars().count() <= MAX_WIDTH || command, "{name}: too long: {line}");
        }
        expect_file(&format!("tests/pure/status/{name}.txt"), &text);
    }
}

#[test]
fn status_fixtures_are_valid_resources() {
    let rules = rules();
    for (name, object) in states() {
        accepts(&rules, &object).unwrap_or_else(|errors| panic!("{name}: {errors}"));
    }
}

#[test]
fn documented_status_output_is_current() {
    let file = "docs/reference/kubectl-pgpartition.md";
    let mut page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file))
        .expect("there is a page");
    let mut seen = 0;
    for (name, object) in states() {
        let opening = format!("<!-- tests/pure/status/{name}.txt -->\n```\n");
        let Some((before, block)) = page.split_once(&opening) else { continue };
        let (_, after) = block.split_once("```").expect("a block that ends");
        page = format!("{before}{opening}{}```{after}", told(object));
        seen += 1;
    }
    assert!(seen > 3, "the page shows some");
    expect_file(file, &page);
}

#[test]
fn control_characters_do_not_reach_the_terminal() {
    let (_, mut object) = states().into_iter().next().expect("a state");
    let evil = "\u{1b}[2J\u{7}\r\nkubectl delete";
    object["spec"]["table"] = evil.into();
    object["status"]["strategy"] = evil.into();
    object["status"]["coveredFrom"] = evil.into();
    object["status"]["coveredUntil"] = evil.into();
    object["status"]["plan"] =
        json!({"fingerprint": evil, "steps": 1, "deferred": 1, "preview": [evil, evil]});
    object["status"]["conversion"] = json!({
        "stage": "Preparing", "bound": [evil],
        "losses": [{"loss": evil, "at": "Drop", "acknowledged": false}],
    });
    for field in ["type", "status", "reason", "message"] {
        object["status"]["conditions"][1][field] = evil.into();
        object["status"]["conditions"][0]["message"] = evil.into();
    }
    let text = told(object);
    assert!(text.chars().all(|c| c == '\n' || !c.is_control()), "{text:?}");
    assert!(!text.lines().any(|line| line.starts_with("kubectl delete")), "{text}");
}

fn told(object: Value) -> String {
    let table: PartitionedTable = serde_json::from_value(object).expect("a resource");
    status_text(&table, NOW.parse::<Timestamp>().expect("an instant"))
}

/// The resources below `tests/pure/status`, by the names of their files.
fn states() -> Vec<(String, Value)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/pure/status");
    let mut states = Vec::new();
    for entry in fs::read_dir(folder).expect("the folder is there") {
        let path = entry.expect("a file").path();
        if path.extension().is_some_and(|extension| extension == "yaml") {
            let text = fs::read_to_string(&path).expect("a text");
            let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
            states.push((name, serde_yaml::from_str(&text).expect("YAML")));
        }
    }
    states.sort_by(|(one, _), (other, _)| one.cmp(other));
    states
}
