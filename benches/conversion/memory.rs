//! The most memory that a process of `apply` has while it converts a table, beside one that has nothing to do.

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::json;

use crate::backend::median;
use crate::table::{self, spec};
use crate::{Bench, print};

const ROWS: u32 = 300_000;
const ROUNDS: u32 = 3;

pub(crate) async fn row(bench: &Bench) {
    let rows = if bench.short { ROWS / 10 } else { ROWS };
    let client = bench.database.client().await;
    let (mut converting, mut idle) = (Vec::new(), Vec::new());
    for round in 0..bench.times(ROUNDS) {
        let name = format!("measured_{round}");
        table::create(&client, &name, rows).await;
        converting.push(most_memory(bench, &name).await);
        idle.push(most_memory(bench, &name).await);
    }
    let more: Vec<_> = converting.iter().zip(&idle).map(|(one, other)| one - other).collect();
    let shown = |memory: &[f64]| format!("{:.1} MiB", median(memory.to_vec()));
    let ratio = median(converting.clone()) / median(idle.clone());
    let what = format!("memory of `apply` (VmHWM): {:+.1} MiB for the conversion", median(more));
    print(&what, [shown(&converting), shown(&idle)], ratio, "≤ +8 MiB");
}

/// Applies a resource until it is done. Returns the most memory that the process had, in MiB.
async fn most_memory(bench: &Bench, name: &str) -> f64 {
    let mut spec = spec(name, "Row");
    let database = json!({"secretRef": {"name": "unused"}});
    spec.as_object_mut().unwrap().insert("database".to_owned(), database);
    let resource = json!({
        "apiVersion": "pgpartition.dev/v1alpha1", "kind": "PartitionedTable",
        "metadata": {"name": "measured"}, "spec": spec,
    });
    let mut process = Command::new(env!("CARGO_BIN_EXE_pg-partition-operator"))
        .args(["apply", "-f", "-"])
        .env("DATABASE_URL", bench.database.url())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut input = process.stdin.take().unwrap();
    input.write_all(resource.to_string().as_bytes()).unwrap();
    drop(input);
    let status = format!("/proc/{}/status", process.id());
    let mut most = 0;
    while process.try_wait().unwrap().is_none() {
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kibibytes = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse().ok());
        most = most.max(kibibytes.unwrap_or(0));
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    assert!(process.wait().unwrap().success());
    f64::from(most) / 1024.0
}
