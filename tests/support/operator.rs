//! The built operator as a process.

use std::process::{Child, Command, ExitStatus, Stdio};

use tempfile::NamedTempFile;

/// A running operator, which is killed with this value.
pub struct Operator {
    process: Child,
    stderr: NamedTempFile,
}

impl Operator {
    /// Starts the operator with these arguments and environment variables beside our own.
    pub fn start(arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        let stderr = NamedTempFile::new().unwrap();
        let process = Command::new(env!("CARGO_BIN_EXE_pg-partition-operator"))
            .args(arguments)
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(stderr.reopen().unwrap())
            .spawn()
            .unwrap();
        Self { process, stderr }
    }

    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// What it has written to its standard error so far.
    pub fn stderr(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(self.stderr.path()).unwrap()).into_owned()
    }

    /// How it ended, or `None` while it runs.
    pub fn status(&mut self) -> Option<ExitStatus> {
        self.process.try_wait().unwrap()
    }

    /// Asks it to end, as Kubernetes does, and does not wait.
    pub fn terminate(&self) {
        super::signal(self.pid(), "TERM");
    }

    /// Ends it without a chance to clean up.
    pub fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

impl Drop for Operator {
    #[expect(clippy::print_stderr, reason = "for whoever reads why the test failed")]
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            eprintln!("standard error of the operator:\n{}", self.stderr());
        }
    }
}
