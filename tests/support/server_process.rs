use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

/// A server that one of the `tools/serve-*` scripts runs. It lives as long as this value.
///
/// The script serves until its standard input ends, which happens too when this process is killed.
pub struct Served {
    script: Child,
    /// `None` only while being dropped.
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    dir: PathBuf,
    address: String,
}

impl Served {
    /// Runs `tools/{script} {before} DIR {after}` with one environment variable, and waits until it
    /// is ready.
    pub fn start(
        script: &str,
        (variable, value): (&str, &OsStr),
        before: &[&str],
        after: &[&str],
    ) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("pg-partition-operator-{}-{number}", std::process::id());
        let dir = std::env::temp_dir().join(name);
        let mut script = super::bash()
            .arg(format!("tools/{script}"))
            .args(before)
            .arg(&dir)
            .args(after)
            .env(variable, value)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let input = script.stdin.take();
        let output = BufReader::new(script.stdout.take().unwrap());
        let mut served = Self { script, input, output, dir, address: String::new() };
        served.address = served.ready();
        served
    }

    /// Returns the text of the script after `READY`.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The folder of the server, which the script makes and removes.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The process id that the first line of a file in the server's folder names.
    pub fn pid(&self, file: impl AsRef<Path>) -> u32 {
        let text = std::fs::read_to_string(self.dir().join(file)).unwrap();
        text.lines().next().unwrap().trim().parse().unwrap()
    }

    /// Kills the server and starts it again at the same address, with the same data.
    pub fn restart(&mut self) {
        self.input.as_mut().unwrap().write_all(b"\n").unwrap();
        self.ready();
    }

    fn ready(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        line.strip_prefix("READY ").expect("the server does not start, see above").trim().to_owned()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.input = None;
        self.script.wait().unwrap();
    }
}
