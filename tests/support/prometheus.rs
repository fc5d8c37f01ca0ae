//! A real Prometheus with a scrape configuration of the test.

use std::fmt::Write as _;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Longest duration of the start.
const START: Duration = Duration::from_secs(30);

/// A running Prometheus, which is killed with this value.
pub struct Prometheus {
    process: Child,
    port: u16,
    _dir: TempDir,
}

impl Prometheus {
    /// Starts one that evaluates the rules in these files and asks these addresses for metrics, twice
    /// a second, as one of the `scrape_configs`, whose pods they are taken for.
    pub async fn start(scrape: &Value, targets: &[String], rules: &[&Path]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut scrape = scrape.clone();
        assert_eq!(scrape["kubernetes_sd_configs"], json!([{"role": "pod"}]));
        scrape.as_object_mut().unwrap().remove("kubernetes_sd_configs");
        scrape["static_configs"] = json!([{"targets": targets, "labels": {
            "__meta_kubernetes_namespace": "pgpartition",
            "__meta_kubernetes_pod_name": "operator",
            "__meta_kubernetes_pod_label_app_kubernetes_io_name": "pg-partition-operator",
            "__meta_kubernetes_pod_container_port_name": "http",
        }}]);
        let config = json!({
            "global": {"scrape_interval": "500ms", "scrape_timeout": "500ms",
                       "evaluation_interval": "500ms"},
            "rule_files": rules,
            "scrape_configs": [scrape],
        });
        let file = dir.path().join("prometheus.yml");
        std::fs::write(&file, config.to_string()).unwrap();
        let data = dir.path().join("data");
        let program = super::tool("prometheus", "PGPARTITION_PROMETHEUS").join("prometheus");
        let process = Command::new("setpriv")
            .args(["--pdeathsig", "KILL"])
            .arg(program)
            .arg(format!("--config.file={}", file.display()))
            .arg(format!("--storage.tsdb.path={}", data.display()))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .arg("--log.level=warn")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let prometheus = Self { process, port, _dir: dir };
        super::wait_until("Prometheus is ready", START, async || {
            prometheus.get("/-/ready").await.is_some_and(|answer| answer.contains(" 200 "))
        })
        .await;
        prometheus
    }

    /// Returns the current result of an expression.
    pub async fn query(&self, expression: &str) -> Vec<Value> {
        let answer = self.ask(&format!("/api/v1/query?query={}", encoded(expression))).await;
        answer["result"].as_array().unwrap().clone()
    }

    /// The rules, each with its state.
    pub async fn rules(&self) -> Vec<Value> {
        let answer = self.ask("/api/v1/rules").await;
        let groups = answer["groups"].as_array().unwrap();
        groups.iter().flat_map(|group| group["rules"].as_array().unwrap()).cloned().collect()
    }

    async fn ask(&self, path: &str) -> Value {
        let answer = self.get(path).await.unwrap();
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        let body: Value = serde_json::from_str(body).unwrap();
        assert_eq!(body["status"], "success", "{path}: {body}");
        body["data"].clone()
    }

    async fn get(&self, path: &str) -> Option<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).await.ok()?;
        // By HTTP/1.0 no answer comes in chunks.
        stream.write_all(format!("GET {path} HTTP/1.0\r\n\r\n").as_bytes()).await.ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.ok()?;
        Some(answer)
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

/// A text as part of a URL.
fn encoded(text: &str) -> String {
    let mut url = String::new();
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => url.push(char::from(byte)),
            _ => write!(url, "%{byte:02X}").unwrap(),
        }
    }
    url
}
