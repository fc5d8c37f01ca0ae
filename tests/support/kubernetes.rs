//! A real Kubernetes API server for the tests of one binary.

use std::env;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, Instant};

use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};

/// A throwaway API server, served by `tools/serve-kube` for as long as this process lives.
pub(crate) struct ApiServer {
    /// Grants everything.
    kubeconfig: PathBuf,
    /// Ends when its standard input does, and that is when we end.
    _server: Child,
}

/// The API server of this process, started by whoever asks first.
pub(crate) fn api_server() -> &'static ApiServer {
    static SERVER: OnceLock<ApiServer> = OnceLock::new();
    SERVER.get_or_init(ApiServer::start)
}

impl ApiServer {
    fn start() -> Self {
        let folder = env::temp_dir().join(format!("pg-partition-operator-{}", std::process::id()));
        let mut server = Command::new(root().join("tools/serve-kube"))
            .arg(&folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("tools/serve-kube runs");
        let mut answer = String::new();
        let output = server.stdout.take().expect("its output is ours");
        BufReader::new(output).read_line(&mut answer).expect("it says something");
        let kubeconfig = answer.trim_end().strip_prefix("READY ");
        let kubeconfig = kubeconfig.unwrap_or_else(|| panic!("no API server: {answer}")).into();
        Self { kubeconfig, _server: server }
    }

    /// A client that may do everything.
    pub(crate) async fn client(&self) -> Client {
        let kubeconfig = Kubeconfig::read_from(&self.kubeconfig).expect("it has been written");
        let config =
            Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await;
        Client::try_from(config.expect("it names a server")).expect("it can be connected to")
    }

    /// What `kubectl` prints; a failure and a warning are a panic.
    pub(crate) fn kubectl(&self, arguments: &[&str]) -> String {
        self.try_kubectl(arguments).unwrap_or_else(|e| panic!("kubectl {arguments:?}: {e}"))
    }

    /// What `kubectl` prints once it succeeds: what is new is not known everywhere at once.
    pub(crate) fn kubectl_eventually(&self, arguments: &[&str]) -> String {
        let start = Instant::now();
        while start.elapsed() < Duration::from_secs(30) {
            if let Ok(printed) = self.try_kubectl(arguments) {
                return printed;
            }
            thread::sleep(Duration::from_millis(200));
        }
        self.kubectl(arguments)
    }

    fn try_kubectl(&self, arguments: &[&str]) -> Result<String, String> {
        let output = Command::new(assets().join("kubectl"))
            .args(["--warnings-as-errors", "--cache-dir"])
            .arg(self.kubeconfig.with_file_name("kubectl-cache"))
            .args(arguments)
            .env("KUBECONFIG", &self.kubeconfig)
            .current_dir(root())
            .output()
            .expect("kubectl runs");
        let text = |bytes| String::from_utf8(bytes).expect("kubectl prints UTF-8");
        let errors = text(output.stderr);
        if output.status.success() && errors.is_empty() {
            Ok(text(output.stdout))
        } else {
            Err(errors)
        }
    }
}

/// Where `tools/setup` put kubectl.
fn assets() -> PathBuf {
    env::var_os("KUBEBUILDER_ASSETS")
        .expect("KUBEBUILDER_ASSETS is set: eval \"$(tools/setup kube)\"")
        .into()
}

/// The folder of the package.
fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
