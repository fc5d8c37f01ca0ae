//! Suspending, editing, and deleting a resource stops its run, also while all sessions are in use.

use jiff::{Timestamp, ToSpan as _};
use serde_json::{Value, json};
use tokio_postgres::Client;

use crate::fixture::{Fixture, Running, SOON, database_with, partitions, table};
use crate::support::postgres::{Database, Server};
use crate::support::proxy::{Mode, Proxy};
use crate::support::wait_until;

/// The detached tables of `orders`.
const ARCHIVES: &str = "SELECT count(*) FROM pg_class WHERE relname LIKE 'orders_20%' \
    AND relkind = 'r' AND NOT relispartition";

/// Returns a resource for `orders` whose partitions reach back two months.
fn orders(spec: &Value) -> Value {
    let now = Timestamp::now().in_tz("UTC").unwrap();
    let start = now.first_of_month().unwrap().checked_sub(2.months()).unwrap().date().to_string();
    let range = json!({"column": "at", "interval": "Month", "startAt": start});
    let mut resource = table("orders", spec);
    resource["spec"]["partitionBy"] = json!({"range": range});
    resource
}

fn keeping_one(on_expiry: &str, rest: &Value) -> Value {
    let mut retention = json!({"keep": 1, "onExpiry": on_expiry});
    for (field, value) in rest.as_object().unwrap() {
        retention[field] = value.clone();
    }
    json!({"retention": retention})
}

/// An operator with one session, whose server has the tables `orders` and `busy`.
struct Brake {
    fixture: Fixture<'static>,
    database: Database,
    _operator: Running,
}

impl Brake {
    /// Starts with a table `orders` that is as this spec says.
    async fn started(spec: Value) -> Self {
        let fixture = Fixture::shared();
        let database = database_with(Server::of_default_major(), "orders").await;
        let busy = "CREATE TABLE busy (id bigint, at timestamptz NOT NULL) PARTITION BY RANGE (at)";
        database.client().await.batch_execute(busy).await.unwrap();
        fixture.secret("orders", &database.url());
        fixture.secret("busy", &database.url());
        fixture.apply(&orders(&json!({})));
        fixture.declare("busy");
        let operator = fixture.operator(&["--sessions-per-server=1"]);
        fixture.wait_for("orders", "Ready", "True Succeeded").await;
        fixture.wait_for("busy", "Ready", "True Succeeded").await;
        let brake = Self { fixture, database, _operator: operator };
        // What has expired before it was created is not created.
        brake.fixture.apply(&orders(&spec));
        brake.gives("Succeeded").await;
        brake
    }

    /// Lets a step wait for a transaction, for up to a minute: it uses the only session meanwhile.
    async fn use_all_sessions(&self) -> Client {
        let writer = self.database.client().await;
        let write = "BEGIN; LOCK TABLE busy IN ROW EXCLUSIVE MODE";
        writer.batch_execute(write).await.unwrap();
        let index = json!([{"name": "busy_id", "columns": [{"column": "id"}]}]);
        let spec = json!({"indexes": index, "limits": {"lockTimeout": "60s"}});
        self.fixture.apply(&table("busy", &spec));
        let waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
            AND wait_event_type = 'Lock' AND query LIKE '%CREATE INDEX%'";
        wait_until("the step waits", SOON, async || self.count(waiting).await == 1).await;
        writer
    }

    /// Ends the transaction. When this returns, every resource has had its turn that waited for one.
    async fn free_sessions(&self, writer: &Client) {
        writer.batch_execute("COMMIT").await.unwrap();
        self.fixture.wait_for("busy", "Ready", "True Succeeded").await;
        self.fixture.ask("busy", "after");
        wait_until("the request is handled", SOON, async || {
            self.fixture.object("busy")["status"]["lastHandledReconcile"] == "after"
        })
        .await;
    }

    async fn count(&self, sql: &str) -> i64 {
        self.database.client().await.query_one(sql, &[]).await.unwrap().get(0)
    }

    async fn waits_for_session(&self) {
        self.fixture.wait_for("orders", "Ready", "False WaitingForSession").await;
        assert_eq!(self.fixture.condition("orders", "Covered"), "True PeriodsCovered");
    }

    /// Waits until the status of `orders` gives this reason for the spec as it is now.
    async fn gives(&self, reason: &str) {
        wait_until(&format!("orders is {reason}"), SOON, async || {
            let object = self.fixture.object("orders");
            object["status"]["observedGeneration"] == object["metadata"]["generation"]
                && self.fixture.condition("orders", "Ready").ends_with(reason)
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn suspended_table_drops_nothing_after_a_wait_for_a_session() {
    let brake = Brake::started(keeping_one("Detach", &json!({}))).await;
    let archives = brake.count(ARCHIVES).await;
    assert!(archives > 0);
    let writer = brake.use_all_sessions().await;
    brake.fixture.apply(&orders(&keeping_one("Drop", &json!({"dropAfter": "0s"}))));
    brake.waits_for_session().await;

    let mut suspended = keeping_one("Detach", &json!({}));
    suspended["suspend"] = json!(true);
    brake.fixture.apply(&orders(&suspended));
    // While the session is still in use.
    brake.gives("Suspended").await;
    brake.free_sessions(&writer).await;
    assert_eq!(brake.count(ARCHIVES).await, archives);
}

#[tokio::test(flavor = "multi_thread")]
async fn deleted_table_drops_nothing_after_a_wait_for_a_session() {
    let brake = Brake::started(keeping_one("Detach", &json!({}))).await;
    let archives = brake.count(ARCHIVES).await;
    assert!(archives > 0);
    let writer = brake.use_all_sessions().await;
    brake.fixture.apply(&orders(&keeping_one("Drop", &json!({"dropAfter": "0s"}))));
    brake.waits_for_session().await;

    brake.fixture.kubectl(&["delete", "pgpt", "orders"]);
    brake.free_sessions(&writer).await;
    assert_eq!(brake.count(ARCHIVES).await, archives);
}

/// The API server stops answering while a step waits. The next step, which detaches, does not begin.
#[tokio::test(flavor = "multi_thread")]
async fn run_detaches_nothing_while_the_api_server_is_silent() {
    let fixture = Fixture::shared();
    let database = database_with(Server::of_default_major(), "orders").await;
    fixture.secret("orders", &database.url());
    fixture.apply(&orders(&json!({})));
    let mut proxy = Proxy::start(fixture.cluster.port()).await;
    let operator = fixture.operator_through(proxy.port(), &[]);
    fixture.wait_for("orders", "Ready", "True Succeeded").await;
    let client = database.client().await;
    let count = async |sql: &str| client.query_one(sql, &[]).await.unwrap().get::<_, i64>(0);
    let before = partitions(&database, "orders").await;

    let writer = database.client().await;
    writer.batch_execute("BEGIN; LOCK TABLE orders IN SHARE ROW EXCLUSIVE MODE").await.unwrap();
    let mut spec = keeping_one("Detach", &json!({}));
    spec["ahead"] = json!(2);
    spec["limits"] = json!({"lockTimeout": "60s"});
    fixture.apply(&orders(&spec));
    let waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
        AND wait_event_type = 'Lock' AND query LIKE '%ATTACH PARTITION%'";
    wait_until("the attach waits", SOON, async || count(waiting).await == 1).await;
    proxy.set(Mode::Hang).await;
    writer.batch_execute("COMMIT").await.unwrap();
    operator.reports("pgpartition_steps_total{result=\"done\",step=\"attach\"} 5").await;
    let given_up = async || {
        let metrics = operator.get("/metrics").await.unwrap_or_default();
        metrics.contains("{result=\"failed\",step=\"mark-expired\"} 1")
    };
    wait_until("the step that detaches is given up", SOON, given_up).await;
    assert_eq!((partitions(&database, "orders").await, count(ARCHIVES).await), (before + 1, 0));
    let marked =
        "SELECT count(*) FROM pg_description WHERE description LIKE 'pgpartition.dev expired %'";
    assert_eq!(count(marked).await, 0);

    proxy.set(Mode::Pass).await;
    wait_until("expired partitions are detached", SOON * 2, async || count(ARCHIVES).await > 0)
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn grace_period_starts_after_a_wait_for_a_session() {
    let brake = Brake::started(json!({})).await;
    let writer = brake.use_all_sessions().await;
    brake.fixture.apply(&orders(&keeping_one("Drop", &json!({"dropAfter": "1h"}))));
    brake.waits_for_session().await;
    let client = brake.database.client().await;
    let freed = client.query_one("SELECT now()::text", &[]).await.unwrap().get::<_, String>(0);
    brake.free_sessions(&writer).await;
    wait_until("a partition is detached", SOON, async || brake.count(ARCHIVES).await > 0).await;
    brake.fixture.ask("orders", "again");
    wait_until("the request is handled", SOON, async || {
        brake.fixture.object("orders")["status"]["lastHandledReconcile"] == "again"
    })
    .await;
    let early = format!(
        "SELECT count(*) FROM pg_description WHERE description LIKE 'pgpartition.dev detached %' \
         AND split_part(description, ' ', 3)::timestamptz < '{freed}'"
    );
    assert_eq!(brake.count(&early).await, 0);
    assert!(brake.count(ARCHIVES).await > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn deleted_table_is_idle_and_its_successor_takes_over() {
    let brake = Brake::started(keeping_one("Detach", &json!({}))).await;
    let archives = brake.count(ARCHIVES).await;
    assert!(archives > 0);
    let fixture = &brake.fixture;
    let finalizer = r#"{"metadata": {"finalizers": ["example.com/audit"]}}"#;
    fixture.kubectl(&["patch", "pgpt", "orders", "--type=merge", "-p", finalizer]);
    fixture.kubectl(&["delete", "pgpt", "orders", "--wait=false"]);
    brake.gives("Deleting").await;

    // Neither does it drop what another spec says, nor create what is missing.
    let drop = r#"{"spec": {"retention": {"keep": 1, "onExpiry": "Drop", "dropAfter": "0s"}}}"#;
    fixture.kubectl(&["patch", "pgpt", "orders", "--type=merge", "-p", drop]);
    brake.gives("Deleting").await;
    assert_eq!(brake.count(ARCHIVES).await, archives);
    let last = "SELECT max(inhrelid::regclass::text) FROM pg_inherits \
        WHERE inhparent = 'orders'::regclass";
    let client = brake.database.client().await;
    let last: String = client.query_one(last, &[]).await.unwrap().get(0);
    client.batch_execute(&format!("DROP TABLE {last}")).await.unwrap();
    let partitions = "SELECT count(*) FROM pg_inherits WHERE inhparent = 'orders'::regclass";
    let left = brake.count(partitions).await;
    fixture.ask("orders", "now");
    fixture.ask("busy", "now");
    wait_until("the request is handled", SOON, async || {
        fixture.object("busy")["status"]["lastHandledReconcile"] == "now"
    })
    .await;
    assert_eq!(brake.count(partitions).await, left);

    let mut successor = orders(&keeping_one("Detach", &json!({})));
    successor["metadata"]["name"] = json!("successor");
    fixture.apply(&successor);
    fixture.wait_for("successor", "Ready", "True Succeeded").await;
    assert_eq!(brake.count(partitions).await, left + 1);
    assert_eq!(fixture.condition("orders", "Ready"), "True Deleting");
    let none = r#"{"metadata": {"finalizers": null}}"#;
    fixture.kubectl(&["patch", "pgpt", "orders", "--type=merge", "-p", none]);
}
