//! What the pages tell people to type is typed, on a real API server and a real Postgres.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::Stdio;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::stage::{Running, SOON, Stage, partitions, succeeds, table};
use crate::support::postgres::{Database, Server};
use crate::support::{chart::parse, kube::Cluster, tool, wait_until};

/// The pages on a release, in the order in which they are read, and those on a table.
const ON_A_RELEASE: [&str; 3] = ["how-to/install", "how-to/upgrade", "how-to/uninstall"];
const ON_A_TABLE: [&str; 7] = [
    "quick-start",
    "how-to/adopt-partitions",
    "how-to/change-an-interval",
    "how-to/approve-a-plan",
    "how-to/monitor",
    "how-to/recover",
    "how-to/from-feature-flags",
];

/// What a page has one do.
enum Typed {
    Resource(Value),
    Command(String),
}

/// What came of it: the command, its exit status, and what it printed.
type Outcome = (String, i32, String);

#[test]
fn what_the_pages_on_a_release_say_can_be_typed() {
    let cluster = Cluster::start();
    let on_a_node = text("tests/node/run");
    let helm = tool("kube", "PGPARTITION_HELM");
    let path = format!("PATH=$PATH:{}\n", helm.parent().unwrap().display());
    for page in ON_A_RELEASE {
        for (language, block) in blocks(&self::page(page)) {
            if language == "sh" {
                let mut bash = cluster.with_plugin(Path::new("bash"), cluster.kubeconfig());
                bash.args(["-euc", &(path.clone() + &block)]).current_dir(root());
                let output = bash.output().unwrap();
                assert!(output.status.success(), "{block}{output:?}");
            } else if language == "bash" {
                let words: Vec<_> = block.split_whitespace().take(2).collect();
                assert!(on_a_node.contains(&words.join(" ")), "who runs {block}");
            }
        }
    }
}

#[test]
fn every_page_with_a_command_for_kubectl_is_typed() {
    let folder = fs::read_dir(root().join("docs/how-to")).unwrap();
    let names = folder.map(|page| page.unwrap().file_name().into_string().unwrap());
    for name in names.map(|name| format!("how-to/{}", name.trim_end_matches(".md"))) {
        let is_typed = ON_A_RELEASE.contains(&&*name) || ON_A_TABLE.contains(&&*name);
        let has_commands = for_kubectl(&page(&name)).count() > 0;
        assert!(is_typed || !has_commands, "who types the commands of {name}?");
    }
}

/// Somebody who reads the pages, in a folder of their own.
struct Reader<'a> {
    stage: Stage<'a>,
    database: Database,
    folder: TempDir,
}

impl<'a> Reader<'a> {
    /// With the namespace that the pages speak of, and the Secret and the tables that they take to be there.
    async fn new(cluster: &'a Cluster, namespace: &str, secret: &str, tables: &str) -> Self {
        succeeds(&cluster.kubectl(&["create", "namespace", namespace]));
        let stage = Stage::named(cluster, namespace.to_owned());
        let database = Server::shared(17).database().await;
        database.client().await.batch_execute(tables).await.unwrap();
        stage.secret(secret, &database.url());
        Self { stage, database, folder: tempfile::tempdir().unwrap() }
    }

    /// Does what a page says; what it declares comes to this condition before one reads on.
    async fn follows(&self, page: &str, ready: &str) -> Vec<Outcome> {
        let mut outcomes = Vec::new();
        for typed in typed(page) {
            match typed {
                Typed::Resource(object) => {
                    self.stage.apply(&object);
                    let name = object["metadata"]["name"].as_str().unwrap();
                    self.stage.wait_for(name, "Ready", ready).await;
                }
                Typed::Command(command) => outcomes.push(self.types(&command)),
            }
        }
        outcomes
    }

    /// Types a command, on a terminal where it asks, and `y` there.
    fn types(&self, command: &str) -> Outcome {
        let program = Path::new(env!("CARGO_BIN_EXE_pg-partition-operator")).parent().unwrap();
        let script = format!("exec 2>&1; PATH=$PATH:{}; {command}", program.display());
        let (shell, arguments) = if command.contains("pgpartition approve") {
            ("script", vec!["-qec", &script, "/dev/null"])
        } else {
            ("bash", vec!["-uo", "pipefail", "-c", &script])
        };
        let cluster = self.stage.cluster;
        let mut shell = cluster.with_plugin(Path::new(shell), cluster.kubeconfig());
        shell.args(arguments).current_dir(self.folder.path());
        shell.env("DATABASE_URL", self.database.url()).env("SHELL", "/bin/bash");
        let mut process = shell.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        drop(process.stdin.take().unwrap().write_all(b"y\n")); // most do not listen
        let output = process.wait_with_output().unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        (command.to_owned(), output.status.code().unwrap(), said)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_pages_on_a_table_say_can_be_typed() {
    let cluster = Cluster::start();
    quick_start(&cluster).await;
    let reader = Reader::new(&cluster, "finance", "finance-app", TABLES).await;
    legacy(&reader).await;
    revenues(&reader).await;

    let operator = reader.stage.operator(&[]);
    let watch = reader.follows(&page("how-to/monitor"), "").await;
    assert_eq!(statuses(&watch), [0, 0], "{watch:#?}");
    let commands = commands_of_runbooks();
    assert!(commands.len() > 10, "{commands:?}");
    for command in commands {
        let (_, status, said) = reader.types(&command);
        assert_ne!(status, 1, "{command}: {said}");
    }
    let (_, status, said) = reader.types("kubectl pgpartition reconcile revenues -n finance");
    assert_eq!(status, 0, "{said}");
    ends(operator).await;

    let recover = reader.follows(&page("how-to/recover"), "").await;
    assert_eq!(statuses(&recover), [0, 2, 0, 0, 0, 0, 2, 0], "{recover:#?}");
    assert!(recover[1].2.contains("kept by the retention again"), "{recover:#?}");
    assert!(recover[6].2.contains("ALTER TABLE"), "{recover:#?}");
    let flags = reader.follows(&page("how-to/from-feature-flags"), "").await;
    assert_eq!(statuses(&flags), [0], "{flags:#?}");
    for table in ["legacy", "revenues"] {
        assert_eq!(reader.stage.object(table)["spec"]["suspend"], true);
    }
}

/// What the pages on adopting and on changing an interval are about.
async fn legacy(reader: &Reader<'_>) {
    let operator = reader.stage.operator(&[]);
    let adopt = reader.follows(&page("how-to/adopt-partitions"), "False PlanOnly").await;
    assert_eq!(statuses(&adopt), [0, 2, 0, 0, 0], "{adopt:#?}");
    assert!(adopt[0].2.contains("made by others"), "{adopt:#?}");
    assert!(adopt[1].2.contains("2 partitions made by others"), "{adopt:#?}");
    let status = || reader.types("kubectl pgpartition status legacy -n finance").2;
    let is_adopted = async || status().contains("6 attached, 0 missing, 0 unmanaged");
    wait_until("what others made is adopted", SOON, is_adopted).await;
    let change = reader.follows(&page("how-to/change-an-interval"), "").await;
    assert_eq!(statuses(&change), [0, 0, 0], "{change:#?}");
    wait_until("weeks", SOON, async || status().contains("Range(Week)")).await;
    ends(operator).await;
}

/// What the page on approvals is about.
async fn revenues(reader: &Reader<'_>) {
    let operator = reader.stage.operator(&[]);
    let start = jiff::Zoned::now().date().saturating_sub(jiff::Span::new().months(6)).to_string();
    let range = json!({"column": "occurred_at", "interval": "Month", "startAt": start});
    let database = json!({"secretRef": {"name": "finance-app"}});
    let spec = json!({"database": database, "partitionBy": {"range": range}});
    let mut revenues = table("revenues", &spec);
    reader.stage.apply(&revenues);
    reader.stage.wait_for("revenues", "Ready", "True Succeeded").await;
    revenues["spec"]["retention"] = json!({"keep": 1});
    reader.stage.apply(&revenues);
    reader.stage.wait_for("revenues", "Ready", "False AwaitingApproval").await;
    ends(operator).await;

    reader.types("kubectl get pgpt revenues -n finance -o yaml > revenues.yaml");
    let plan = &reader.stage.object("revenues")["status"]["plan"];
    let fingerprint = plan["fingerprint"].as_str().unwrap();
    let text = page("how-to/approve-a-plan");
    let approve = reader.follows(&text.replace("552f46acccaee460", fingerprint), "").await;
    assert_eq!(statuses(&approve), [4, 0, 0, 0], "{approve:#?}");
    assert!(approve[0].2.contains("NeedsApproval"), "{approve:#?}");
    assert_eq!(partitions(&reader.database, "revenues").await, 3);
    // An old approval may stay, and a new one takes its place.
    let again = reader.follows(&text, "").await;
    assert_eq!(statuses(&again), [0, 0, 0, 0], "{again:#?}");
}

async fn quick_start(cluster: &Cluster) {
    let page = page("quick-start");
    let (before, page) = page.split_once("## In a cluster").unwrap();
    let tables = blocks(before).filter(|(language, _)| *language == "sql");
    let tables: String = tables.map(|(_, block)| block).collect();
    let reader = Reader::new(cluster, "shop", "shop-app", &tables).await;
    let _operator = reader.stage.operator(&[]);
    let outcomes = reader.follows(page, "True Succeeded").await;
    assert_eq!(statuses(&outcomes), [0, 0], "{outcomes:#?}");
    assert!(outcomes[1].2.contains("shop/orders: ready"), "{outcomes:#?}");
}

/// Ends an operator that has let go of its Lease, so that the next one need not wait for it.
async fn ends(mut operator: Running) {
    operator.process.terminate();
    wait_until("it ends", SOON, async || operator.process.status().is_some()).await;
}

fn statuses(outcomes: &[Outcome]) -> Vec<i32> {
    outcomes.iter().map(|(_, status, _)| *status).collect()
}

/// What a page has one type for kubectl.
fn for_kubectl(page: &str) -> impl Iterator<Item = String> + use<> {
    let commands = typed(page).into_iter().filter_map(|typed| match typed {
        Typed::Command(command) => Some(command),
        Typed::Resource(_) => None,
    });
    commands.filter(|command| command.starts_with("kubectl "))
}

/// What runbooks have one ask and do about a table. No pod can be run here.
fn commands_of_runbooks() -> BTreeSet<String> {
    let pages = fs::read_dir(root().join("docs/runbooks")).unwrap();
    let pages = pages.map(|page| fs::read_to_string(page.unwrap().path()).unwrap());
    let commands = pages.flat_map(|page| for_kubectl(&page));
    let is_of_a_table = |command: &String| command.contains("-n finance");
    commands.filter(is_of_a_table).filter(|command| !command.contains("kubectl run")).collect()
}

/// What the reader of a page has at hand: a set that others made, and one that the operator is to make.
const TABLES: &str = "
    CREATE TABLE revenues (id bigint, occurred_at timestamptz NOT NULL) PARTITION BY RANGE (occurred_at);
    CREATE TABLE legacy (id bigint, at timestamptz NOT NULL) PARTITION BY RANGE (at);
    DO $$ DECLARE month timestamptz := date_trunc('month', now(), 'UTC'); BEGIN
      EXECUTE format('CREATE TABLE legacy_p2026_q3 PARTITION OF legacy FOR VALUES FROM (%L) TO (%L)',
                     month - interval '4 months', month - interval '1 month');
      EXECUTE format('CREATE TABLE legacy_p2026_10 PARTITION OF legacy FOR VALUES FROM (%L) TO (%L)',
                     month - interval '1 month', month);
    END $$;";

/// What a page has one do, in its order: resources in blocks, commands in blocks, and in a line those
/// about a resource; `--all` is there to say that it does not exist.
fn typed(page: &str) -> Vec<Typed> {
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

/// The blocks of code on a page, each with its language.
fn blocks(page: &str) -> impl Iterator<Item = (&str, String)> {
    let mut fences = page.split("```").skip(1).step_by(2);
    std::iter::from_fn(move || {
        let (language, block) = fences.next()?.split_once('\n')?;
        Some((language, block.to_owned()))
    })
}

fn page(name: &str) -> String {
    text(&format!("docs/{name}.md"))
}

fn text(file: &str) -> String {
    fs::read_to_string(root().join(file)).unwrap()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
