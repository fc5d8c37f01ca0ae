//! `kubectl pgpartition`, called by way of kubectl, beside the operator.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use jiff::{Timestamp, ToSpan, tz::TimeZone};
use pg_partition_operator::api::v1alpha1::{APPROVE_ANNOTATION, RECONCILE_ANNOTATION};
use pg_partition_operator::kubernetes::{AccessError, Cluster, ClusterSettings};
use serde_json::{Value, json};

use crate::fixture::{Fixture, SOON, database_with, partitions, succeeds, table};
use crate::support::postgres::{Database, Server};
use crate::support::wait_until;

/// Result of a call.
#[derive(Debug)]
struct Outcome {
    status: i32,
    out: String,
    err: String,
}

impl Outcome {
    fn of(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        let status = output.status.code().unwrap();
        Self { status, out: text(output.stdout), err: text(output.stderr) }
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|e| panic!("{e}: {self:?}"))
    }
}

/// A user at a terminal.
struct Person<'a> {
    fixture: &'a Fixture<'a>,
    kubeconfig: PathBuf,
}

impl Person<'_> {
    /// Calls the plugin in the namespace of the test.
    fn calls(&self, arguments: &str) -> Outcome {
        self.calls_anywhere(&format!("{arguments} -n {}", self.fixture.namespace))
    }

    /// Calls it on a terminal, and types an answer. The terminal shows errors with what is printed.
    fn says(&self, answer: &str, arguments: &str) -> Outcome {
        let arguments = format!("{arguments} -n {}", self.fixture.namespace);
        let mut terminal = self.fixture.cluster.plugin_on_terminal(&self.kubeconfig, &arguments);
        let mut process = terminal.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        process.stdin.take().unwrap().write_all(answer.as_bytes()).unwrap();
        Outcome::of(process.wait_with_output().unwrap())
    }

    fn calls_anywhere(&self, arguments: &str) -> Outcome {
        let arguments: Vec<_> = arguments.split(' ').collect();
        Outcome::of(self.fixture.cluster.plugin_as(&self.kubeconfig, &arguments))
    }
}

impl Fixture<'_> {
    /// Returns a user with all permissions.
    fn admin(&self) -> Person<'_> {
        Person { fixture: self, kubeconfig: self.cluster.kubeconfig().to_owned() }
    }

    /// Returns a user who has only `verbs` on the operator's resources in the namespace.
    fn person(&self, name: &str, verbs: &str) -> Person<'_> {
        let user = format!("{name}-{}", self.namespace);
        let kubeconfig = self.cluster.kubeconfig_for(&user, &[]);
        let verbs = format!("--verb={verbs}");
        let resource = "--resource=partitionedtables.pgpartition.dev";
        self.kubectl(&["create", "role", name, &verbs, resource]);
        let (role, user) = (format!("--role={name}"), format!("--user={user}"));
        self.kubectl(&["create", "rolebinding", name, &role, &user]);
        Person { fixture: self, kubeconfig }
    }

    fn annotation(&self, name: &str, annotation: &str) -> Option<String> {
        let annotations = self.object(name)["metadata"]["annotations"].clone();
        annotations[annotation].as_str().map(str::to_owned)
    }
}

/// Creates a fixture and a database with the table `orders`, not yet declared.
async fn fixture_with_orders() -> (Fixture<'static>, Database) {
    let fixture = Fixture::shared();
    let database = database_with(Server::of_default_major(), "orders").await;
    fixture.secret("orders", &database.url());
    (fixture, database)
}

#[tokio::test(flavor = "multi_thread")]
async fn plugin_plans_reconciles_shows_and_verifies_a_table() {
    let (fixture, _database) = fixture_with_orders().await;
    fixture.declare("orders");
    let admin = fixture.admin();

    let unseen = admin.calls("status orders");
    assert_eq!(unseen.status, 2, "{unseen:?}");
    assert!(unseen.out.contains("not reconciled yet"), "{unseen:?}");
    let plan = admin.calls("plan orders");
    assert_eq!((plan.status, plan.err.as_str()), (2, ""), "{plan:?}");
    assert!(plan.out.contains("public.orders: 4 steps, 0 deferred"), "{plan:?}");
    let json = admin.calls("plan orders --now -o json").json();
    assert_eq!(json["plans"][0]["steps"].as_array().unwrap().len(), 4, "{json}");
    assert!(admin.calls("plan orders -o sql").out.contains("BEGIN;"));
    assert_eq!(admin.calls("verify orders").status, 2);

    let silent = admin.calls("reconcile orders --wait 500ms");
    assert_eq!(silent.status, 5, "{silent:?}");
    assert!(silent.err.contains("check that an operator is running"), "{silent:?}");
    let _operator = fixture.operator(&[]);
    fixture.wait_for("orders", "Ready", "True Succeeded").await;
    let asked = fixture.annotation("orders", RECONCILE_ANNOTATION);
    let reconciled = admin.calls("reconcile orders");
    assert_eq!((reconciled.status, reconciled.err.as_str()), (0, ""), "{reconciled:?}");
    assert!(reconciled.out.starts_with(&format!("{}/orders: ready\n", fixture.namespace)));
    let handled = &fixture.object("orders")["status"]["lastHandledReconcile"];
    assert_eq!(handled.as_str(), fixture.annotation("orders", RECONCILE_ANNOTATION).as_deref());
    assert_ne!(handled.as_str(), asked.as_deref());

    let status = admin.calls("status partitionedtable.pgpartition.dev/orders");
    assert_eq!(status.status, 0, "{status:?}");
    for shown in
        ["2 attached, 0 missing", "Range(Month) on at", "for another", ", in ", "IndexesValid"]
    {
        assert!(status.out.contains(shown), "{shown}: {status:?}");
    }
    assert!(!status.out.contains('\u{1b}'), "{status:?}");
    let json = admin.calls("status orders -o json").json();
    assert_eq!(json["status"]["partitions"]["attached"], 2, "{json}");
    assert_eq!(json["awaitsApproval"], false, "{json}");
    assert_eq!(admin.calls("plan orders").status, 0);
    let verified = admin.calls("verify orders");
    let shown = "public.orders: matches the spec\n  note  the login role is a superuser: log in as a role that is \
        only a member of the table owner\n";
    assert_eq!((verified.status, verified.out.as_str()), (0, shown));
    assert_eq!(admin.calls("reconcile orders --no-wait").status, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_resource_is_reported() {
    let (fixture, _database) = fixture_with_orders().await;
    fixture.declare("orders");
    let admin = fixture.admin();
    let is_told = |outcome: &Outcome, message: &str| {
        assert_eq!(outcome.status, 1, "{outcome:?}");
        assert!(outcome.err.starts_with("error: ") && outcome.err.contains(message), "{outcome:?}");
        assert_eq!(outcome.out, "");
    };

    for verb in ["status", "plan", "approve", "verify", "reconcile"] {
        is_told(
            &admin.calls(&format!("{verb} nosuch")),
            "PartitionedTable \"nosuch\" does not exist",
        );
    }
    is_told(&admin.calls_anywhere("status orders"), "in the namespace \"default\"");
    is_told(&admin.calls("status orders --context nosuch"), "the kubeconfig cannot be used");
    is_told(&admin.calls("status orders --kubeconfig /no/such/file"), "/no/such/file");
    let reader = fixture.person("reader", "list");
    is_told(&reader.calls("status orders"), "cannot get resource \"partitionedtables\"");

    let home = Path::new(env!("CARGO_MANIFEST_DIR"));
    let elsewhere = Person { fixture: &fixture, kubeconfig: home.join("no-kubeconfig") };
    let admins = fixture.cluster.kubeconfig().display().to_string();
    let named = elsewhere.calls(&format!("status orders --kubeconfig {admins}"));
    assert_eq!(named.status, 2, "{named:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn plan_is_approved_by_its_own_fingerprint_only() {
    let (fixture, database) = fixture_with_orders().await;
    fixture.apply(&table("orders", &json!({"partitionBy": {"range": since(6)}})));
    let _operator = fixture.operator(&[]);
    fixture.wait_for("orders", "Ready", "True Succeeded").await;
    assert_eq!(partitions(&database, "orders").await, 8);

    let person = fixture.person("person", "get,patch");
    assert!(person.calls("approve orders --yes").out.contains("no plan awaits approval"));
    let cut = json!({"partitionBy": {"range": since(6)}, "retention": {"keep": 1}});
    fixture.apply(&table("orders", &cut));
    fixture.wait_for("orders", "Ready", "False AwaitingApproval").await;

    let status = person.calls("status orders");
    assert_eq!(status.status, 4, "{status:?}");
    let plan = &fixture.object("orders")["status"]["plan"];
    let fingerprint = plan["fingerprint"].as_str().unwrap();
    let approve = format!("approve orders -n {} {fingerprint}", fixture.namespace);
    assert!(status.out.contains(&format!("    kubectl pgpartition {approve}\n")), "{status:?}");
    assert_eq!(person.calls("status orders -o json").json()["awaitsApproval"], true);

    let unasked = person.calls("approve orders");
    assert_eq!(unasked.status, 1, "{unasked:?}");
    assert!(unasked.err.contains("no terminal") && unasked.err.contains(fingerprint));
    assert!(person.says("", "status orders").out.contains("\u{1b}[31mnot ready, Awaiting"));
    let disagreed = person.says("n\n", "approve orders");
    assert_eq!(disagreed.status, 4, "{disagreed:?}");
    assert!(disagreed.out.contains("Approve this plan? [y/N]"), "{disagreed:?}");
    let another = person.calls("approve orders 0123456789abcdef");
    assert_eq!(another.status, 3, "{another:?}");
    let now = format!("the plan is no longer the one expected: it is now {fingerprint}\n");
    assert_eq!(another.err, now);
    assert_eq!(fixture.annotation("orders", APPROVE_ANNOTATION), None);
    assert_eq!(partitions(&database, "orders").await, 8);

    let approved = person.calls_anywhere(&format!("{approve} --wait=30s"));
    assert_eq!(approved.status, 0, "{approved:?}");
    assert!(approved.out.contains("is approved") && approved.out.contains(": ready\n"));
    assert_eq!(fixture.annotation("orders", APPROVE_ANNOTATION).as_deref(), Some(fingerprint));
    assert_eq!(partitions(&database, "orders").await, 3);
    assert!(approved.out.contains("3 attached, 0 missing, 0 unmanaged, 5 detached"));
    let again = person.calls_anywhere(&approve);
    assert_eq!(again.status, 0, "{again:?}");
    assert!(again.out.contains("no plan awaits approval"), "{again:?}");
}

/// By month, from some months ago on.
fn since(months: i64) -> Value {
    let start = Timestamp::now().to_zoned(TimeZone::UTC).date().saturating_sub(months.months());
    json!({"column": "at", "interval": "Month", "startAt": start.to_string()})
}

#[tokio::test(flavor = "multi_thread")]
async fn session_that_blocks_a_detach_is_shown() {
    let (fixture, database) = fixture_with_orders().await;
    fixture.apply(&table("orders", &json!({"partitionBy": {"range": since(2)}})));
    let _operator = fixture.operator(&[]);
    fixture.wait_for("orders", "Ready", "True Succeeded").await;
    let reader = database.client().await;
    reader.batch_execute("BEGIN; SELECT FROM orders").await.unwrap();
    let cut = json!({"partitionBy": {"range": since(2)}, "retention": {"keep": 1}});
    fixture.apply(&table("orders", &cut));
    fixture.wait_for("orders", "Ready", "False DetachPending").await;

    let person = fixture.person("person", "get");
    let mut status = person.calls("status orders");
    wait_until("the status names the reader", SOON, async || {
        status = person.calls("status orders");
        status.out.contains("DetachBlocked:")
    })
    .await;
    assert_eq!(status.status, 5, "{status:?}");
    for shown in ["1 pending detach", "pid ", "pg_terminate_backend"] {
        assert!(status.out.contains(shown), "{shown}: {status:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn changed_resource_is_not_annotated() {
    let (fixture, _database) = fixture_with_orders().await;
    fixture.declare("orders");
    let settings = ClusterSettings {
        kubeconfig: Some(fixture.cluster.kubeconfig().to_owned()),
        context: None,
        namespace: Some(fixture.namespace.clone()),
    };
    let cluster = Cluster::connect(settings).await.unwrap();
    let seen = cluster.get("orders").await.unwrap().metadata.resource_version;
    fixture.kubectl(&["annotate", "pgpt", "orders", "example.com/note=changed"]);

    let annotation = (APPROVE_ANNOTATION, "7c1e");
    let refused = cluster.annotate("orders", annotation, seen.as_deref()).await;
    assert!(matches!(refused, Err(AccessError::Changed)), "{refused:?}");
    assert_eq!(fixture.annotation("orders", APPROVE_ANNOTATION), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn user_without_access_to_the_secret_is_shown_the_status() {
    let (fixture, _database) = fixture_with_orders().await;
    fixture.apply(&table("orders", &json!({"mode": "Plan"})));
    let person = fixture.person("person", "get,patch");
    let unknown = person.calls("plan orders");
    assert_eq!(unknown.status, 1, "{unknown:?}");
    assert!(unknown.err.contains("no operator has reconciled this resource yet"), "{unknown:?}");

    let _operator = fixture.operator(&[]);
    fixture.wait_for("orders", "Ready", "False PlanOnly").await;
    let plan = person.calls("plan orders");
    assert_eq!(plan.status, 2, "{plan:?}");
    assert!(
        plan.err.contains("the operator lacks the permission to get Secret \"orders\""),
        "{plan:?}"
    );
    let told = fixture.object("orders")["status"]["plan"].clone();
    let fingerprint = told["fingerprint"].as_str().unwrap();
    assert!(plan.out.starts_with(&format!("Plan {fingerprint}: 4 steps, 0 deferred\n")));
    assert!(plan.out.contains("\n  attach  orders_"), "{plan:?}");
    assert_eq!(
        person.calls("plan orders -o json").json(),
        json!({"plans": [], "lastReported": told})
    );
    let script = person.calls("plan orders -o sql");
    assert_eq!((script.status, script.out.as_str()), (1, ""), "{script:?}");
    let verified = person.calls("verify orders");
    assert_eq!(verified.status, 2, "{verified:?}");
    assert!(verified.out.contains(": does not match the spec\n  Ready PlanOnly: "), "{verified:?}");
    let verdict = person.calls("verify orders -o json").json();
    assert_eq!(verdict["lastReported"]["matchesSpec"], false, "{verdict}");

    let whole = fixture.admin().calls("plan orders -o json").json();
    assert_eq!(whole["plans"][0]["fingerprint"], told["fingerprint"]);
    assert_eq!(person.calls("reconcile orders").status, 2);
    fixture.apply(&table("orders", &json!({"suspend": true})));
    let suspended = person.calls("reconcile orders");
    assert_eq!(suspended.status, 4, "{suspended:?}");
    assert!(suspended.err.contains("spec.suspend is true"), "{suspended:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn unreachable_database_is_reported_and_awaited() {
    let (fixture, database) = fixture_with_orders().await;
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    fixture.secret("orders", &database.url_through(closed, "postgres"));
    fixture.declare("orders");
    let _operator = fixture.operator(&[]);
    fixture.wait_for("orders", "Ready", "False ConnectionFailed").await;

    let admin = fixture.admin();
    let status = admin.calls("status orders");
    assert_eq!(status.status, 5, "{status:?}");
    assert!(status.out.contains("ConnectionFailed: The server does not answer"), "{status:?}");
    let plan = admin.calls("plan orders");
    assert!(plan.status == 5 && plan.out.contains("no plan is known"), "{plan:?}");
    assert!(
        plan.err.contains("cannot connect to the database from here: no connection"),
        "{plan:?}"
    );
}

#[test]
fn kubectl_finds_the_plugin() {
    let fixture = Fixture::shared();
    let listed = fixture.admin().calls_anywhere("--help");
    assert!(listed.out.contains("Usage: kubectl pgpartition"), "{listed:?}");
    succeeds(&fixture.cluster.plugin_as(&fixture.admin().kubeconfig, &["approve", "--help"]));
}
