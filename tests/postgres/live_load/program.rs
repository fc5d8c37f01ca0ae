//! Two processes of the program that apply the same documents: if one of them is killed, the other continues.

use std::collections::BTreeMap;
use std::os::unix::process::ExitStatusExt as _;
use std::process::ExitStatus;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use fastrand::Rng;
use tempfile::NamedTempFile;

use crate::program::{Outcome, call};
use crate::support::operator::Operator;

/// Interval for checking whether a process has ended.
const POLL_INTERVAL: Duration = Duration::from_millis(30);

/// Largest number of runs that can end because of leftovers of an earlier process, or because the application holds its
/// locks longer than a run waits. On a busy machine there are many of the second kind.
const MAX_ATTEMPTS: u32 = 100;

pub(super) struct Program {
    url: String,
    documents: String,
    file: NamedTempFile,
    running: Mutex<Vec<Operator>>,
    /// Number of processes that ended with each status.
    ended: Mutex<BTreeMap<String, u64>>,
    /// Steps and pages of the processes that have ended.
    done_before: AtomicUsize,
}

impl Program {
    pub(super) fn new(url: String, documents: String) -> Self {
        let file = NamedTempFile::new().unwrap();
        std::fs::write(file.path(), &documents).unwrap();
        let (running, ended, done_before) = Default::default();
        Self { url, documents, file, running, ended, done_before }
    }

    /// Keeps two processes running, for as long as it is awaited.
    pub(super) async fn keep_running(&self) {
        loop {
            self.start_missing();
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }

    fn start_missing(&self) {
        let mut running = self.running.lock().unwrap();
        let mut left = Vec::new();
        for mut process in running.drain(..) {
            match process.status() {
                None => left.push(process),
                Some(status) => self.record(status, &process.stderr()),
            }
        }
        while left.len() < 2 {
            let file = self.file.path().to_str().unwrap();
            let arguments = ["apply", "-f", file, "--wait", "300ms"];
            left.push(Operator::start(&arguments, &[("DATABASE_URL", &self.url)]));
        }
        *running = left;
    }

    fn record(&self, status: ExitStatus, stderr: &str) {
        self.done_before.fetch_add(steps(stderr), Ordering::SeqCst);
        let is_ended =
            matches!(status.code(), Some(0 | 1 | 2 | 4 | 5)) || status.signal() == Some(9);
        assert!(is_ended && !stderr.contains("panicked"), "{status}: {stderr}");
        let last = stderr.lines().rfind(|line| !line.starts_with(' ')).unwrap_or_default();
        *self.ended.lock().unwrap().entry(format!("{status}: {last}")).or_default() += 1;
    }

    /// Kills one of the processes, or all.
    pub(super) fn kill(&self, rng: &mut Rng, all: bool) {
        let mut running = self.running.lock().unwrap();
        while let Some(last) = running.len().checked_sub(1) {
            let mut process = running.swap_remove(rng.usize(0..=last));
            process.kill();
            self.done_before.fetch_add(steps(&process.stderr()), Ordering::SeqCst);
            if !all {
                break;
            }
        }
    }

    /// Returns how many steps and pages were done.
    pub(super) fn done(&self) -> usize {
        let running = self.running.lock().unwrap();
        let of_running: usize = running.iter().map(|process| steps(&process.stderr())).sum();
        self.done_before.load(Ordering::SeqCst) + of_running
    }

    /// Returns how often a process ended with each status.
    pub(super) fn ended(&self) -> BTreeMap<String, u64> {
        self.ended.lock().unwrap().clone()
    }

    /// Applies the documents until nothing is left to do.
    pub(super) async fn finish(&self) {
        let mut tries = Vec::new();
        for _ in 0..MAX_ATTEMPTS {
            let done = self.call(&["apply", "-f", "-", "--wait", "20s"]).await;
            if done.status == 0 {
                return;
            }
            assert!(matches!(done.status, 2 | 5), "{done:?}");
            tries.push(format!("status {}\n{}\n{}", done.status, done.out, done.err));
        }
        panic!("the program does not come to an end: {}", tries.join("\n"));
    }

    async fn call(&self, arguments: &'static [&'static str]) -> Outcome {
        let (url, documents) = (self.url.clone(), self.documents.clone());
        tokio::task::spawn_blocking(move || call(&url, arguments, &documents)).await.unwrap()
    }
}

/// Returns how many lines report a step or a page.
fn steps(stderr: &str) -> usize {
    stderr.lines().filter(|line| line.starts_with("  ")).count()
}
