//! Two releases of the chart that manage the tables of one database, each those of its own namespaces. The test types the
//! commands of the page on scaling.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::docs_reader::{blocks, ends, page, section, types_on_release};
use crate::fixture::{Fixture, Running, SOON, partitions};
use crate::support::chart;
use crate::support::kube::Cluster;
use crate::support::postgres::{Database, Server};
use crate::support::wait_until;

/// Namespaces of the tables on the page. Each has a table and a Secret of its name.
const TEAMS: [&str; 3] = ["billing", "finance", "orders"];

/// Namespace of the releases on the page.
const OPERATORS: &str = "operators";

/// The namespaces of the page in the cluster that all tests share, and the database of their tables.
struct Shards {
    fixtures: [Fixture<'static>; 3],
    operators: String,
    database: Database,
}

#[tokio::test(flavor = "multi_thread")]
async fn namespace_moves_to_another_release_without_a_second_step() {
    let shards = Shards::new().await;
    let [billing, finance, orders] = &shards.fixtures;
    shards.types("Install two shards", "helm install");
    let (first, second) = (shards.operator("shard-a"), shards.operator("shard-b"));
    manages(&first, [billing, finance]).await;
    manages(&second, [orders]).await;
    let leases = shards.leases();
    let [first_lease, second_lease] =
        ["shard-a", "shard-b"].map(|release| leases[&deployment(release)].clone());
    assert_eq!(leases.len(), 2);
    let installations = |finance: &str| {
        let installations = [&first_lease, finance, &second_lease].map(str::to_owned);
        shards.namespaces().into_iter().zip(installations).collect::<BTreeMap<_, _>>()
    };
    assert_eq!(shards.installations().await, installations(&first_lease));
    assert_eq!(executed(&first).await, ["attach done 4", "create done 4"]);
    assert_eq!(executed(&second).await, ["attach done 2", "create done 2"]);
    assert_no_denial([&first, &second]);

    let before = shards.partitions_of_finance().await;
    shards.types("Move a namespace", "'namespaces={billing}'");
    ends(first).await;
    let first = shards.operator("shard-a");
    manages(&first, [billing]).await;
    shards.types("Move a namespace", "'namespaces={orders,finance}'");
    ends(second).await;
    let second = shards.operator("shard-b");
    manages(&second, [finance, orders]).await;
    assert_eq!(shards.leases(), leases);
    assert_eq!(shards.installations().await, installations(&second_lease));
    assert_eq!(shards.partitions_of_finance().await, before);

    finance.patch("finance", &json!({"spec": {"ahead": 2}}));
    second.reports("pgpartition_steps_total{result=\"done\",step=\"attach\"} 1").await;
    finance.wait_for("finance", "Ready", "True Succeeded").await;
    assert_eq!(executed(&second).await, ["attach done 1", "create done 1"]);
    assert_eq!(executed(&first).await, [""; 0]);
    assert_eq!(partitions(&shards.database, "finance").await, 3);
    assert_no_denial([&first, &second]);
}

impl Shards {
    async fn new() -> Self {
        let database = Server::of_default_major().database().await;
        let fixtures = TEAMS.map(|_| Fixture::shared());
        for (fixture, name) in fixtures.iter().zip(TEAMS) {
            let create =
                format!("CREATE TABLE {name} (at timestamptz NOT NULL) PARTITION BY RANGE (at)");
            database.client().await.batch_execute(&create).await.unwrap();
            fixture.secret(name, &database.url());
            fixture.declare(name);
        }
        Self { fixtures, operators: Cluster::shared().namespace(), database }
    }

    /// Returns the namespaces of the tables.
    fn namespaces(&self) -> [String; 3] {
        self.fixtures.each_ref().map(|fixture| fixture.namespace.clone())
    }

    /// Types the block of a section that contains a text, with the namespaces of this test.
    fn types(&self, heading: &str, text: &str) {
        let page = page("operate/scaling");
        let mut blocks = blocks(section(&page, heading));
        let (_, mut block) = blocks.find(|(_, block)| block.contains(text)).unwrap();
        for (name, namespace) in TEAMS.into_iter().zip(self.namespaces()) {
            block = block.replace(name, &namespace);
        }
        // The cluster has the definition, which other tests use, too.
        block = block.replace("--create-namespace", "--set crds.enabled=false");
        types_on_release(Cluster::shared(), &block.replace(OPERATORS, &self.operators));
    }

    /// Starts the operator as the Deployment of a release does, with the permissions of its account.
    fn operator(&self, release: &str) -> Running {
        let name = deployment(release);
        let deployment = self.get(&["deployment", &name]);
        let account = &deployment["spec"]["template"]["spec"]["serviceAccountName"];
        let account = account.as_str().unwrap().to_owned();
        let kubeconfig = Cluster::shared().kubeconfig_of_account(&self.operators, &account);
        Running::deployed(&chart::arguments(&[deployment]), &kubeconfig)
    }

    /// Returns the UID of each Lease in the namespace of the releases, by name.
    fn leases(&self) -> BTreeMap<String, String> {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let leases = self.get(&["leases"]);
        let leases = leases["items"].as_array().unwrap().iter();
        leases
            .map(|lease| (text(&lease["metadata"]["name"]), text(&lease["metadata"]["uid"])))
            .collect()
    }

    fn get(&self, what: &[&str]) -> Value {
        let get = [&["get", "-n", &self.operators, "-o", "json"], what].concat();
        serde_json::from_slice(&Cluster::shared().kubectl(&get).stdout).unwrap()
    }

    /// Returns the installation that has the claim on the table of each namespace.
    async fn installations(&self) -> BTreeMap<String, String> {
        let claims = "SELECT namespace, installation FROM pgpartition.claims";
        let rows = self.database.client().await.query(claims, &[]).await.unwrap();
        rows.iter().map(|row| (row.get(0), row.get(1))).collect()
    }

    /// Returns the OIDs of the partitions of table `finance`.
    async fn partitions_of_finance(&self) -> BTreeSet<u32> {
        let oids = "SELECT inhrelid FROM pg_inherits WHERE inhparent = 'finance'::regclass";
        let rows = self.database.client().await.query(oids, &[]).await.unwrap();
        rows.iter().map(|row| row.get(0)).collect()
    }
}

/// Name of the Deployment and of the Lease of a release.
fn deployment(release: &str) -> String {
    format!("{release}-pg-partition-operator")
}

/// Waits until an operator has inspected the tables of these namespaces and they are ready, and checks that it reports no
/// other. It reports conditions of an earlier status even before it has inspected the table.
async fn manages<const N: usize>(operator: &Running, expected: [&Fixture<'_>; N]) {
    let expected: BTreeSet<_> = expected.iter().map(|fixture| fixture.namespace.clone()).collect();
    let what = format!("the tables of {expected:?} are ready");
    wait_until(&what, SOON, async || {
        let metrics = operator.get("/metrics").await.unwrap_or_default();
        let reported = namespaces(metrics.lines());
        assert!(reported.is_subset(&expected), "{reported:?}");
        let is_inspected = |line: &&str| line.starts_with("pgpartition_plan_steps{");
        let is_ready = |line: &&str| line.ends_with("status=\"True\",type=\"Ready\"} 1");
        namespaces(metrics.lines().filter(is_inspected)) == expected
            && namespaces(metrics.lines().filter(is_ready)) == expected
    })
    .await;
}

/// Returns the namespaces in these lines of `/metrics`.
fn namespaces<'a>(lines: impl Iterator<Item = &'a str>) -> BTreeSet<String> {
    let after = lines.filter_map(|line| line.split_once(",namespace=\"").map(|(_, after)| after));
    after.map(|after| after.split('"').next().unwrap().to_owned()).collect()
}

/// Returns the executed steps, their results, and how often each was executed.
async fn executed(operator: &Running) -> Vec<String> {
    let metrics = operator.get("/metrics").await.unwrap();
    let series = metrics.lines().filter_map(|line| line.strip_prefix("pgpartition_steps_total{"));
    let steps = series.map(|series| {
        let parts: Vec<_> = series.split(['"', ' ']).collect();
        let [_, result, _, step, _, count] = parts[..] else { panic!("{series}") };
        format!("{step} {result} {count}")
    });
    let mut steps: Vec<_> = steps.filter(|step| !step.ends_with(" 0")).collect();
    steps.sort();
    steps
}

fn assert_no_denial(operators: [&Running; 2]) {
    for operator in operators {
        let log = operator.process.stderr();
        assert!(!log.contains("forbidden"), "{log}");
    }
}
