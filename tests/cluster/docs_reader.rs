//! A reader of the documentation, who types what the pages say, on a real API server and a real Postgres.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::Stdio;

use serde_json::Value;
use tempfile::TempDir;

use crate::fixture::{Fixture, Running, SOON, succeeds};
use crate::support::postgres::{Database, Server};
use crate::support::{chart::parse, kube::Cluster, tool, wait_until};

/// Input that a page gives to its reader.
pub(crate) enum Typed {
    Resource(Value),
    Command(String),
}

/// A command, its exit status, and its output.
pub(crate) type Outcome = (String, i32, String);

/// A reader of the pages, in a folder of its own.
pub(crate) struct Reader<'a> {
    pub(crate) fixture: Fixture<'a>,
    pub(crate) database: Database,
    /// The role of the commands that reach the database.
    login: String,
    folder: TempDir,
}

impl<'a> Reader<'a> {
    /// With the namespace that the pages speak of, and the Secret and the tables that they take to be there.
    pub(crate) async fn new(
        cluster: &'a Cluster,
        namespace: &str,
        secret: &str,
        tables: &str,
    ) -> Self {
        let database = Server::of_default_major().database().await;
        database.client().await.batch_execute(tables).await.unwrap();
        Self::with(cluster, namespace, secret, (database, "postgres"))
    }

    /// With a database that is there, and a login of it.
    pub(crate) fn with(
        cluster: &'a Cluster,
        namespace: &str,
        secret: &str,
        (database, login): (Database, &str),
    ) -> Self {
        succeeds(&cluster.kubectl(&["create", "namespace", namespace]));
        let fixture = Fixture::named(cluster, namespace.to_owned());
        fixture.secret(secret, &database.url_as(login));
        Self { fixture, database, login: login.to_owned(), folder: tempfile::tempdir().unwrap() }
    }

    /// Does what a page says; what it declares comes to this condition before one reads on.
    pub(crate) async fn follows(&self, page: &str, ready: &str) -> Vec<Outcome> {
        let mut outcomes = Vec::new();
        for typed in typed(page) {
            match typed {
                Typed::Resource(object) => {
                    self.fixture.apply(&object);
                    let name = object["metadata"]["name"].as_str().unwrap();
                    self.fixture.wait_for(name, "Ready", ready).await;
                }
                Typed::Command(command) => outcomes.push(self.types(&command)),
            }
        }
        outcomes
    }

    /// Writes a file that commands name.
    pub(crate) fn writes(&self, file: &str, text: &str) {
        fs::write(self.folder.path().join(file), text).unwrap();
    }

    /// Types a command, on a terminal where it asks, and `y` there.
    pub(crate) fn types(&self, command: &str) -> Outcome {
        let program = Path::new(env!("CARGO_BIN_EXE_pg-partition-operator")).parent().unwrap();
        let script = format!("exec 2>&1; PATH=$PATH:{}; {command}", program.display());
        let (shell, arguments) = if command.contains("pgpartition approve") {
            ("script", vec!["-qec", &script, "/dev/null"])
        } else {
            ("bash", vec!["-uo", "pipefail", "-c", &script])
        };
        let cluster = self.fixture.cluster;
        let mut shell = cluster.with_plugin(Path::new(shell), cluster.kubeconfig());
        shell.args(arguments).current_dir(self.folder.path());
        shell.env("DATABASE_URL", self.database.url_as(&self.login)).env("SHELL", "/bin/bash");
        let mut process = shell.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        drop(process.stdin.take().unwrap().write_all(b"y\n")); // most do not listen
        let output = process.wait_with_output().unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        (command.to_owned(), output.status.code().unwrap(), said)
    }
}

/// Types the commands of a block about a release, as an administrator at the top of the repository. All must succeed.
pub(crate) fn types_on_release(cluster: &Cluster, block: &str) {
    let helm = tool("kube", "PGPARTITION_HELM");
    let script = format!("PATH=$PATH:{}\n{block}", helm.parent().unwrap().display());
    let mut bash = cluster.with_plugin(Path::new("bash"), cluster.kubeconfig());
    let output = bash.args(["-euc", &script]).current_dir(root()).output().unwrap();
    assert!(output.status.success(), "{block}{output:?}");
}

/// Terminates an operator, which releases its Lease, so that the next one need not wait for it.
pub(crate) async fn ends(mut operator: Running) {
    operator.process.terminate();
    wait_until("it ends", SOON, async || operator.process.status().is_some()).await;
}

pub(crate) fn statuses(outcomes: &[Outcome]) -> Vec<i32> {
    outcomes.iter().map(|(_, status, _)| *status).collect()
}

/// Returns the input on a page in its order: resources in blocks, commands in blocks, and commands about a resource in
/// a line. The page names `--all` to say that it does not exist.
pub(crate) fn typed(page: &str) -> Vec<Typed> {
    let mut found = Vec::new();
    for (number, part) in page.split("```").enumerate() {
        let (language, block) = part.split_once('\n').unwrap_or_default();
        match language {
            _ if number % 2 == 0 => {
                let code = part.split('`').skip(1).step_by(2);
                let is_command =
                    |code: &&str| code.starts_with("kubectl ") && code.contains(" pgpt");
                let commands = code.filter(is_command).filter(|code| !code.contains(" --all"));
                found.extend(commands.map(|code| Typed::Command(code.to_owned())));
            }
            "sh" => {
                let lines = block.replace("\\\n", " ").replace("|\n", "| ");
                let lines = lines.lines().map(str::trim).filter(|line| !line.is_empty());
                // `tests/postgres/restore.rs` restores a dump as the page says.
                let lines = lines.filter(|line| !line.starts_with("pg_restore "));
                found.extend(lines.map(|line| Typed::Command(line.to_owned())));
            }
            "yaml" => {
                let objects = parse(block).into_iter();
                let tables = objects.filter(|object| object["kind"] == "PartitionedTable");
                found.extend(tables.map(Typed::Resource));
            }
            _ => {}
        }
    }
    found
}

/// A section of a page.
pub(crate) fn section<'a>(page: &'a str, heading: &str) -> &'a str {
    let (_, section) = page.split_once(&format!("\n## {heading}\n")).unwrap();
    section.split("\n## ").next().unwrap()
}

/// The blocks of code on a page, each with its language.
pub(crate) fn blocks(page: &str) -> impl Iterator<Item = (&str, String)> {
    let mut fences = page.split("```").skip(1).step_by(2);
    std::iter::from_fn(move || {
        let (language, block) = fences.next()?.split_once('\n')?;
        Some((language, block.to_owned()))
    })
}

pub(crate) fn page(name: &str) -> String {
    text(&format!("docs/{name}.md"))
}

pub(crate) fn text(file: &str) -> String {
    fs::read_to_string(root().join(file)).unwrap()
}

pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
