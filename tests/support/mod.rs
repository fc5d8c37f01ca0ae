//! Servers of the tests: real Postgres servers, a real Kubernetes API, the built operator, and proxies that break the
//! connections between them.
//!
//! Each process ends with its value, and with the test process however that dies.

#![allow(dead_code, unreachable_pub, reason = "every test binary uses only its part")]

pub mod backdate;
pub mod chart;
pub mod kube;
pub mod operator;
pub mod postgres;
pub mod prometheus;
pub mod proxy;
mod server_process;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Times as long as usual that a busy machine is given.
const BUSY: u32 = 10;

/// Waits until `condition` holds. `usual` is more than that takes on a machine with nothing else to do; the test
/// fails once it took [`BUSY`] times as long.
pub async fn wait_until(what: &str, usual: Duration, mut condition: impl AsyncFnMut() -> bool) {
    let (start, limit) = (Instant::now(), usual * BUSY);
    while !condition().await {
        assert!(start.elapsed() < limit, "not within {limit:?}: {what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Sends a signal (`KILL`, `STOP`, `CONT`, ...) to a process.
pub fn signal(pid: u32, name: &str) {
    run(Command::new("kill").args([&format!("-{name}"), &pid.to_string()]));
}

/// Returns the value of environment variable `name`, or that of `tools/setup` if it is not set.
pub fn tool(part: &str, name: &str) -> PathBuf {
    std::env::var_os(name).map_or_else(
        || {
            let script = r#"exports=$(tools/setup "$1") && eval "$exports" && printf %s "${!2}""#;
            run(bash().args(["-c", script, "bash", part, name])).into()
        },
        PathBuf::from,
    )
}

/// Runs `command`, which must succeed, and returns its standard output.
fn run(command: &mut Command) -> String {
    let output = command.stderr(Stdio::inherit()).output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", output.status);
    String::from_utf8(output.stdout).unwrap()
}

/// A bash at the top of the repository, where scripts are called as `tools/...`.
fn bash() -> Command {
    let mut command = Command::new("bash");
    command.current_dir(Path::new(env!("CARGO_MANIFEST_DIR"))).stdin(Stdio::null());
    command
}
