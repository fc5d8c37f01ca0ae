//! A namespace, a database and a table, and the operator as the chart's account, which may do what the
//! chart's roles grant and no more.

use std::io::Write;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::NamedTempFile;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::chart;
use crate::support::kube::Cluster;
use crate::support::operator::Operator;
use crate::support::postgres::{Database, Server};
use crate::support::wait_until;

/// Timeout for actions that do not wait for a timeout of the operator.
pub(crate) const SOON: Duration = Duration::from_secs(30);

/// A namespace, a database, and an operator of one test.
pub(crate) struct Fixture<'a> {
    pub(crate) cluster: &'a Cluster,
    pub(crate) namespace: String,
    kubeconfig: PathBuf,
}

/// A running operator and where it answers.
pub(crate) struct Running {
    pub(crate) process: Operator,
    port: u16,
}

impl Fixture<'static> {
    /// A namespace of the cluster that all tests share.
    pub(crate) fn shared() -> Self {
        Fixture::of(Cluster::shared())
    }
}

impl<'a> Fixture<'a> {
    /// A namespace of a cluster, which has the definition then.
    pub(crate) fn of(cluster: &'a Cluster) -> Self {
        Self::named(cluster, cluster.namespace())
    }

    /// The same in a namespace that is there.
    pub(crate) fn named(cluster: &'a Cluster, namespace: String) -> Self {
        let definition = "crds/partitionedtables.yaml";
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(definition);
        let apply = ["apply", "--server-side", "--force-conflicts", "-f", text(&path)];
        succeeds(&cluster.kubectl(&apply));
        let crd = "crd/partitionedtables.pgpartition.dev";
        succeeds(&cluster.kubectl(&["wait", "--for=condition=Established", crd]));
        let only_here = format!("namespaces={{{namespace}}}");
        let values = ["--set", &only_here, "--set", "rbac.aggregate=false"];
        cluster.apply(&chart::rights(chart::objects(&namespace, &values)));
        let kubeconfig = cluster.kubeconfig_of_account(&namespace, chart::ACCOUNT);
        Self { cluster, namespace, kubeconfig }
    }

    /// Starts the operator for this namespace alone.
    pub(crate) fn operator(&self, arguments: &[&str]) -> Running {
        self.operator_by(&self.kubeconfig, arguments)
    }

    /// The same by way of a proxy before the API server.
    pub(crate) fn operator_through(&self, port: u16, arguments: &[&str]) -> Running {
        self.operator_by(&self.cluster.kubeconfig_through(port, &self.kubeconfig), arguments)
    }

    fn operator_by(&self, kubeconfig: &Path, arguments: &[&str]) -> Running {
        let own = ["run", "--namespaces", &self.namespace, "--lease-namespace", &self.namespace];
        Running::start(&[&own[..], arguments].concat(), kubeconfig)
    }

    /// Runs kubectl in the namespace, and returns what it prints.
    pub(crate) fn kubectl(&self, arguments: &[&str]) -> String {
        let output = self.cluster.kubectl(&[&["-n", &self.namespace], arguments].concat());
        succeeds(&output);
        String::from_utf8(output.stdout).unwrap()
    }

    pub(crate) fn apply(&self, object: &Value) {
        self.kubectl(&["apply", "-f", text(file(object).path())]);
    }

    /// Changes a resource as `kubectl patch` does.
    pub(crate) fn patch(&self, name: &str, change: &Value) {
        self.kubectl(&["patch", "pgpt", name, "--type=merge", "-p", &change.to_string()]);
    }

    /// Makes or changes a Secret with one key `uri`.
    pub(crate) fn secret(&self, name: &str, uri: &str) {
        self.apply(&json!({
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": name},
            "stringData": {"uri": format!("{uri}?sslmode=disable")},
        }));
    }

    /// Declares table `name` in the database of the Secret of the same name.
    pub(crate) fn declare(&self, name: &str) {
        self.apply(&table(name, &json!({})));
    }

    pub(crate) fn object(&self, name: &str) -> Value {
        serde_json::from_str(&self.kubectl(&["get", "pgpt", name, "-o", "json"])).unwrap()
    }

    /// Returns the value of a resource in a column of `kubectl get`.
    pub(crate) fn column(&self, name: &str, column: &str) -> String {
        let printed = self.kubectl(&["get", "pgpt", name]);
        let (header, row) = printed.split_once('\n').unwrap();
        let begins = header.find(column).unwrap();
        row.get(begins..)
            .unwrap_or_default()
            .split_whitespace()
            .next()
            .unwrap_or_default()
            .to_owned()
    }

    /// Status and reason of a condition: `True Succeeded`.
    pub(crate) fn condition(&self, name: &str, type_: &str) -> String {
        let object = self.object(name);
        let conditions = object["status"]["conditions"].as_array().cloned().unwrap_or_default();
        let condition = conditions.iter().find(|condition| condition["type"] == type_);
        condition.map_or_else(
            || "absent".to_owned(),
            |found| format!("{} {}", found["status"], found["reason"]).replace('"', ""),
        )
    }

    /// Returns the message of a condition.
    pub(crate) fn message(&self, name: &str, type_: &str) -> String {
        let object = self.object(name);
        let conditions = object["status"]["conditions"].as_array().cloned().unwrap_or_default();
        let condition = conditions.iter().find(|condition| condition["type"] == type_);
        condition.and_then(|found| found["message"].as_str()).unwrap_or_default().to_owned()
    }

    /// Requests a reconcile.
    pub(crate) fn ask(&self, name: &str, why: &str) {
        let request = format!("pgpartition.dev/reconcile={why}");
        self.kubectl(&["annotate", "--overwrite", "pgpt", name, &request]);
    }

    /// Waits until a condition has a status and reason.
    pub(crate) async fn wait_for(&self, name: &str, type_: &str, expected: &str) {
        let what = format!("{name}: {type_} is {expected}");
        wait_until(&what, SOON, async || self.condition(name, type_) == expected).await;
    }
}

impl Running {
    /// Starts the operator with the arguments of a Deployment, but it listens on a free port.
    pub(crate) fn deployed(arguments: &[String], kubeconfig: &Path) -> Self {
        let listens = |argument: &&str| argument.starts_with("--listen=");
        let arguments = arguments.iter().map(String::as_str);
        Self::start(
            &arguments.filter(|argument| !listens(argument)).collect::<Vec<_>>(),
            kubeconfig,
        )
    }

    /// Starts the operator with these arguments on a free port.
    fn start(arguments: &[&str], kubeconfig: &Path) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let listen = format!("--listen=127.0.0.1:{port}");
        let environment = [("KUBECONFIG", text(kubeconfig))];
        let process = Operator::start(&[arguments, &[&listen]].concat(), &environment);
        Self { process, port }
    }

    /// Returns the response for a path, or `None` while no process listens.
    pub(crate) async fn get(&self, path: &str) -> Option<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).await.ok()?;
        let request =
            format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.ok()?;
        Some(answer)
    }

    /// Waits until the metrics hold a sample. They are rendered about once a second.
    pub(crate) async fn reports(&self, sample: &str) {
        let holds = async || self.get("/metrics").await.is_some_and(|all| all.contains(sample));
        wait_until(sample, SOON, holds).await;
    }

    /// Value of a metric without labels.
    pub(crate) async fn total(&self, metric: &str) -> u64 {
        let metrics = self.get("/metrics").await.unwrap();
        let (_, after) = metrics.split_once(&format!("\n{metric} ")).unwrap();
        after.lines().next().unwrap().parse().unwrap()
    }

    /// Returns the number of rounds, or 0 before the first.
    pub(crate) async fn rounds(&self) -> u64 {
        let metrics = self.get("/metrics").await.unwrap();
        let count = metrics.split_once("\npgpartition_round_duration_seconds_count ");
        count.map_or(0, |(_, after)| after.lines().next().unwrap().parse().unwrap())
    }

    /// Returns the address of its HTTP port.
    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Whether it holds the Lease.
    pub(crate) async fn leads(&self) -> bool {
        let metrics = self.get("/metrics").await.unwrap_or_default();
        metrics.contains("\npgpartition_leader 1\n")
    }
}

/// A file that kubectl can read the object from.
pub(crate) fn file(object: &Value) -> NamedTempFile {
    let mut file = NamedTempFile::with_suffix(".json").unwrap();
    file.write_all(object.to_string().as_bytes()).unwrap();
    file
}

/// A monthly table `name` with the Secret of the same name.
pub(crate) fn table(name: &str, spec: &Value) -> Value {
    let mut object = json!({
        "apiVersion": "pgpartition.dev/v1alpha1",
        "kind": "PartitionedTable",
        "metadata": {"name": name},
        "spec": {
            "database": {"secretRef": {"name": name}},
            "table": name,
            "partitionBy": {"range": {"column": "at", "interval": "Month"}},
            "ahead": 1,
        },
    });
    for (field, value) in spec.as_object().unwrap() {
        object["spec"][field] = value.clone();
    }
    object
}

/// A database with an empty table `name` partitioned by month to be.
pub(crate) async fn database_with(server: &Server, name: &str) -> Database {
    let database = server.database().await;
    let columns = "id bigint, org_id int, at timestamptz NOT NULL";
    let create = format!("CREATE TABLE {name} ({columns}) PARTITION BY RANGE (at)");
    database.client().await.batch_execute(&create).await.unwrap();
    database
}

/// The number of partitions of table `name`.
pub(crate) async fn partitions(database: &Database, name: &str) -> i64 {
    let count = "SELECT count(*) FROM pg_inherits WHERE inhparent = $1::text::regclass";
    database.client().await.query_one(count, &[&name]).await.unwrap().get(0)
}

pub(crate) fn succeeds(output: &Output) {
    assert!(output.status.success(), "{output:?}");
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}
