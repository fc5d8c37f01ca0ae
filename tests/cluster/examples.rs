//! A real API server accepts each file of `examples`, and the operator reconciles it on a real Postgres with the table in
//! its comment.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::NamedTempFile;

use crate::fixture::{Fixture, succeeds};
use crate::support::postgres::{Database, Server};

/// The day on which the examples are tried.
const TODAY: &str = "2026-11-25T12:00:00Z";

#[tokio::test(flavor = "multi_thread")]
async fn every_example_is_accepted_and_reconciled() {
    let fixture = Fixture::shared();
    let examples = examples();
    assert!(examples.len() > 10, "{examples:?}");
    for example in examples {
        let name = example.file_name().unwrap().to_str().unwrap();
        let file = example.to_str().unwrap();
        let rehearse = ["apply", "--dry-run=server", "--validate=strict", "-n", &fixture.namespace];
        let warnings = ["--warnings-as-errors", "-f", file];
        succeeds(&fixture.cluster.kubectl(&[&rehearse[..], &warnings].concat()));

        let database = Server::of_default_major().database().await;
        let text = fs::read_to_string(&example).unwrap();
        database.client().await.batch_execute(&tables(&text)).await.unwrap();
        let is_left_as_it_is = text.contains("mode: Plan");
        let after = if is_left_as_it_is { 2 } else { 0 };
        for (command, status) in [("plan", 2), ("apply", after), ("verify", after)] {
            let output = run(command, &resource(&text), &database);
            assert_eq!(output.status.code(), Some(status), "{command} {name}: {output:?}");
        }
    }
}

/// The files at the top of the folder; those below have tests of their own.
fn examples() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = entries.filter(|path| path.extension().is_some()).collect();
    files.sort();
    files
}

/// The SQL in the comment at the top: what is indented there.
fn tables(text: &str) -> String {
    let comment = text.lines().take_while(|line| line.starts_with('#'));
    let indented = comment.filter_map(|line| line.strip_prefix("#   "));
    let sql: String = indented.map(|line| format!("{line}\n")).collect();
    assert!(sql.contains("CREATE TABLE"), "the comment shows the table:\n{text}");
    sql
}

/// The resource, without a Secret beside it, as a file.
fn resource(text: &str) -> NamedTempFile {
    let of_ours = |document: &&str| document.contains("kind: PartitionedTable");
    let file = NamedTempFile::with_suffix(".yaml").unwrap();
    fs::write(file.path(), text.split("\n---\n").find(of_ours).unwrap()).unwrap();
    file
}

fn run(command: &str, file: &NamedTempFile, database: &Database) -> Output {
    Command::new(env!("CARGO_BIN_EXE_pg-partition-operator"))
        .args([command, "--at", TODAY, "-f"])
        .arg(file.path())
        .env("DATABASE_URL", database.url())
        .output()
        .unwrap()
}
