//! The built operator as a process.

use std::process::{Child, Command, ExitStatus, Stdio};

use tempfile::NamedTempFile;

/// A running operator, which is killed with this value.
pub struct Operator {
    process: Child,
    stdout: NamedTempFile,
    stderr: NamedTempFile,
}

impl Operator {
    /// Starts the operator with these arguments, and these environment variables in addition to those of the test.
    pub fn start(arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        let [stdout, stderr] = [(); 2].map(|()| NamedTempFile::new().unwrap());
        let process = Command::new(env!("CARGO_BIN_EXE_pg-partition-operator"))
            .args(arguments)
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .stdout(stdout.reopen().unwrap())
            .stderr(stderr.reopen().unwrap())
            .spawn()
            .unwrap();
        Self { process, stdout, stderr }
    }

    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Returns all that it has written to its standard output so far.
    pub fn stdout(&self) -> String {
        read(&self.stdout)
    }

    /// Returns all that it has written to its standard error so far.
    pub fn stderr(&self) -> String {
        read(&self.stderr)
    }

    /// Returns its exit status, or `None` while it runs.
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
    #[expect(clippy::print_stderr, reason = "shows why the test failed")]
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            eprintln!("standard error of the operator:\n{}", self.stderr());
            eprintln!("standard output of the operator:\n{}", self.stdout());
        }
    }
}

fn read(file: &NamedTempFile) -> String {
    String::from_utf8_lossy(&std::fs::read(file.path()).unwrap()).into_owned()
}
