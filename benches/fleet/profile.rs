//! The heap of an operator, by the function that allocates.
//!
//! The benchmark starts itself as the operator, with an allocator that records the call site of each allocation.

use std::collections::HashMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

use serde::Deserialize;

use crate::support::kube::Cluster;
use crate::{Fleet, process};

/// File that the process writes its profile to when its standard input ends.
const VARIABLE: &str = "FLEET_HEAP_PROFILE";

/// Call sites that are printed.
const LINES: usize = 30;

/// Frames of a call stack that are recorded.
const FRAMES: usize = 40;

/// Longest name of a call site that is printed.
const WIDTH: usize = 150;

/// Returns the file for the profile of this process, or `None` if it must not be the operator.
pub(crate) fn asked_file() -> Option<PathBuf> {
    std::env::var_os(VARIABLE).map(PathBuf::from)
}

/// Runs the operator until the standard input ends.
pub(crate) fn run_operator(file: PathBuf) -> ExitCode {
    let profiler = dhat::Profiler::builder().file_name(file).trim_backtraces(Some(FRAMES)).build();
    std::thread::spawn(move || {
        let ended = std::io::stdin().read(&mut [0]);
        drop(profiler);
        std::process::exit(i32::from(ended.is_err()));
    });
    pg_partition_operator::cli::main()
}

/// Starts the operator with a profiler, and prints which call sites hold memory at rest and at most.
pub(crate) async fn print(fleet: &Fleet, cluster: &Cluster, at_rest: Duration) {
    let file = tempfile::NamedTempFile::new().unwrap();
    let port = process::free_port();
    let mut operator = Command::new(std::env::current_exe().unwrap())
        .args(fleet.arguments(port))
        .env("KUBECONFIG", cluster.kubeconfig())
        .env(VARIABLE, file.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    fleet.reconciled(port).await;
    tokio::time::sleep(at_rest.min(Duration::from_secs(20))).await;
    drop(operator.stdin.take());
    assert!(operator.wait().unwrap().success());
    let profile = Profile::read(file.path());
    println!("\nheap at rest, bytes of each table, by call site");
    profile.print(fleet.tables, |site| site.at_end);
    println!("\nheap at most, bytes of each table, by call site");
    profile.print(fleet.tables, |site| site.at_most);
}

/// A profile as dhat writes it.
#[derive(Deserialize)]
struct Profile {
    #[serde(rename = "pps")]
    sites: Vec<Site>,
    #[serde(rename = "ftbl")]
    frames: Vec<String>,
}

/// A call site: the bytes that live at the end and at the time when most bytes live, and its call stack from the inside.
#[derive(Deserialize)]
struct Site {
    #[serde(rename = "eb")]
    at_end: u64,
    #[serde(rename = "gb")]
    at_most: u64,
    #[serde(rename = "fs")]
    frames: Vec<usize>,
}

impl Profile {
    fn read(file: &Path) -> Self {
        serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap()
    }

    fn print(&self, tables: usize, bytes: impl Fn(&Site) -> u64) {
        let mut sums: HashMap<String, u64> = HashMap::new();
        for site in &self.sites {
            *sums.entry(self.name(site)).or_default() += bytes(site);
        }
        let mut sums: Vec<_> = sums.into_iter().collect();
        sums.sort_by_key(|(_, bytes)| std::cmp::Reverse(*bytes));
        let all: u64 = sums.iter().map(|(_, bytes)| bytes).sum();
        let of_table = |bytes: u64| bytes as f64 / tables as f64;
        println!("{:9.1}  all, {:.1} MiB", of_table(all), all as f64 / 1_048_576.0);
        for (name, bytes) in sums.iter().take(LINES) {
            println!("{:9.1}  {}", of_table(*bytes), name.chars().take(WIDTH).collect::<String>());
        }
    }

    /// Returns the innermost function that is not of a library for collections, and the innermost one of the operator.
    fn name(&self, site: &Site) -> String {
        let names: Vec<_> =
            site.frames.iter().map(|frame| function(&self.frames[*frame])).collect();
        let inner = names.iter().find(|name| !is_generic(name)).copied().unwrap_or("?");
        let ours = names.iter().find(|name| name.contains("pg_partition_operator::"));
        match ours.filter(|ours| **ours != inner) {
            Some(ours) => format!("{inner} < {ours}"),
            None => inner.to_owned(),
        }
    }
}

/// Returns the function of a frame: `0x5581: alloc::vec::Vec<T>::push (vec/mod.rs:1:2)`.
fn function(frame: &str) -> &str {
    let (_, name) = frame.split_once(": ").unwrap_or(("", frame));
    name.rsplit_once(" (").map_or(name, |(name, _)| name)
}

fn is_generic(name: &str) -> bool {
    let name = name.trim_start_matches('<');
    let libraries =
        ["alloc", "core::", "std::", "hashbrown::", "dhat::", "serde", "__rust", "u8 as", "str as"];
    libraries.iter().any(|library| name.starts_with(library))
}
