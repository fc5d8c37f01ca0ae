//! A Kubernetes API with real RBAC, without controllers: a Deployment starts no Pods, and the deletion of a namespace does
//! not finish.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use super::server_process::Served;

pub struct Cluster {
    served: Served,
    kubectl: PathBuf,
    names: AtomicU32,
}

impl Cluster {
    /// The cluster that all tests of this process share.
    pub fn shared() -> &'static Self {
        static CLUSTER: OnceLock<Cluster> = OnceLock::new();
        CLUSTER.get_or_init(Self::start)
    }

    /// A cluster of one's own, to be killed.
    pub fn start() -> Self {
        let variable = "KUBEBUILDER_ASSETS";
        let assets = super::tool("kube", variable);
        let served = Served::start("serve-kube", (variable, assets.as_os_str()), &[], &[]);
        let program = env!("CARGO_BIN_EXE_pg-partition-operator");
        symlink(program, served.dir().join("kubectl-pgpartition")).unwrap();
        Self { served, kubectl: assets.join("kubectl"), names: AtomicU32::new(0) }
    }

    /// Returns the kubeconfig of a user with all permissions.
    pub fn kubeconfig(&self) -> &Path {
        Path::new(self.served.address())
    }

    /// The process id of the API server.
    pub fn pid(&self) -> u32 {
        self.served.pid("apiserver.pid")
    }

    /// Kills the API server and starts it again, on the same port and with the same data.
    pub fn restart(&mut self) {
        self.served.restart();
    }

    pub fn port(&self) -> u16 {
        let kubeconfig = std::fs::read_to_string(self.kubeconfig()).unwrap();
        let (_, after) = kubeconfig.split_once("https://127.0.0.1:").unwrap();
        after.lines().next().unwrap().parse().unwrap()
    }

    /// Runs kubectl as a user with all permissions.
    pub fn kubectl(&self, arguments: &[&str]) -> Output {
        self.kubectl_as(self.kubeconfig(), arguments)
    }

    pub fn kubectl_as(&self, kubeconfig: &Path, arguments: &[&str]) -> Output {
        Command::new(&self.kubectl)
            .arg("--kubeconfig")
            .arg(kubeconfig)
            .args(arguments)
            .output()
            .unwrap()
    }

    /// Runs the plugin as a user does: through kubectl, which finds it on the PATH.
    pub fn plugin_as(&self, kubeconfig: &Path, arguments: &[&str]) -> Output {
        self.with_plugin(&self.kubectl, kubeconfig)
            .arg("pgpartition")
            .args(arguments)
            .output()
            .unwrap()
    }

    /// The same on a terminal, that of script(1).
    pub fn plugin_on_terminal(&self, kubeconfig: &Path, arguments: &str) -> Command {
        let mut script = self.with_plugin(Path::new("script"), kubeconfig);
        let kubectl = self.kubectl.display();
        script.args(["-qec", &format!("{kubectl} pgpartition {arguments}"), "/dev/null"]);
        script
    }

    /// Returns a command with kubectl and the plugin on its PATH.
    pub fn with_plugin(&self, program: &Path, kubeconfig: &Path) -> Command {
        let path = std::env::var("PATH").unwrap();
        let kubectl = self.kubectl.parent().unwrap().display();
        let mut command = Command::new(program);
        command
            .env("PATH", format!("{}:{kubectl}:{path}", self.served.dir().display()))
            .env("KUBECONFIG", kubeconfig);
        command
    }

    /// Creates an empty namespace.
    pub fn namespace(&self) -> String {
        let name = self.name("test");
        let output = self.kubectl(&["create", "namespace", &name]);
        assert!(output.status.success(), "{output:?}");
        name
    }

    /// A kubeconfig of `user`, who may do what RBAC grants to the user and the `groups`.
    pub fn kubeconfig_for(&self, user: &str, groups: &[&str]) -> PathBuf {
        let name = self.name("user");
        let file = |extension: &str| self.served.dir().join(format!("{name}.{extension}"));
        let (key, certificate) = (file("key"), file("crt"));
        let organizations: String = groups.iter().flat_map(|group| ["/O=", group]).collect();
        let script = r#"openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "$1" -keyout "$2" |
            openssl x509 -req -days 30 -CA "$4/ca.crt" -CAkey "$4/ca.key" -out "$3" \
                -extfile <(echo extendedKeyUsage=clientAuth)"#; // rustls takes version 3 only
        super::run(
            super::bash()
                .args(["-o", "pipefail", "-c", &format!("{{ {script}; }} 2>/dev/null"), "bash"])
                .arg(format!("{organizations}/CN={user}"))
                .args([&key, &certificate])
                .arg(self.served.dir()),
        );
        let admin = std::fs::read_to_string(self.kubeconfig()).unwrap();
        let lines = admin.lines().map(|line| match line.trim().split_once(": ") {
            Some(("client-key-data", _)) => format!("    client-key: {}\n", key.display()),
            Some(("client-certificate-data", _)) => {
                format!("    client-certificate: {}\n", certificate.display())
            }
            _ => format!("{line}\n"),
        });
        self.write_kubeconfig(&name, &lines.collect::<String>())
    }

    /// A kubeconfig of a `ServiceAccount`.
    pub fn kubeconfig_of_account(&self, namespace: &str, account: &str) -> PathBuf {
        let output = self.kubectl(&["create", "token", account, "--namespace", namespace]);
        assert!(output.status.success(), "{output:?}");
        let token = String::from_utf8(output.stdout).unwrap();
        let admin = std::fs::read_to_string(self.kubeconfig()).unwrap();
        let lines = admin.lines().map(|line| match line.trim().split_once(": ") {
            Some(("client-key-data", _)) => String::new(),
            Some(("client-certificate-data", _)) => format!("    token: {}\n", token.trim()),
            Some(("context", _)) => {
                format!("{}\n", line.replace('}', &format!(", namespace: {namespace}}}")))
            }
            _ => format!("{line}\n"),
        });
        self.write_kubeconfig(&self.name("account"), &lines.collect::<String>())
    }

    /// Applies these objects as a user with all permissions.
    pub fn apply(&self, objects: &[serde_json::Value]) {
        let list = serde_json::json!({"apiVersion": "v1", "kind": "List", "items": objects});
        let path = self.served.dir().join(format!("{}.json", self.name("objects")));
        std::fs::write(&path, list.to_string()).unwrap();
        let output = self.kubectl(&[
            "apply",
            "--server-side",
            "--force-conflicts",
            "-f",
            path.to_str().unwrap(),
        ]);
        assert!(output.status.success(), "{output:?}");
    }

    /// A copy of `kubeconfig` that reaches the API by way of another port, such as that of a proxy.
    pub fn kubeconfig_through(&self, port: u16, kubeconfig: &Path) -> PathBuf {
        let direct = std::fs::read_to_string(kubeconfig).unwrap();
        let address = |port: u16| format!("https://127.0.0.1:{port}");
        self.write_kubeconfig(
            &self.name("through"),
            &direct.replace(&address(self.port()), &address(port)),
        )
    }

    fn write_kubeconfig(&self, name: &str, text: &str) -> PathBuf {
        let path = self.served.dir().join(format!("{name}.kubeconfig"));
        std::fs::write(&path, text).unwrap();
        path
    }

    fn name(&self, prefix: &str) -> String {
        format!("{prefix}-{}", self.names.fetch_add(1, Ordering::Relaxed))
    }
}
