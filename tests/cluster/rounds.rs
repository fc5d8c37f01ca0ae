//! Tables with nothing to do are inspected in rounds, one for all tables of a login.

use serde_json::{Value, json};
use tokio_postgres::Client;

use crate::fixture::{Fixture, Running, SOON, database_with, partitions, table};
use crate::support::postgres::{Database, Server};
use crate::support::proxy::{Mode, Proxy};
use crate::support::wait_until;

/// An interval that the tests do not wait for: no round begins in the first minutes.
const NEVER: &str = "--resync=24h";

const OFTEN: &str = "--resync=100ms";

/// An older resource of another operator takes the claim.
const TAKE: &str = "UPDATE pgpartition.claims SET holder = 'other', name = 'other', \
    installation = 'elsewhere', created = '2000-01-01', seen = now()";

impl Running {
    /// Returns the number of tables that rounds have found unchanged.
    async fn unchanged(&self) -> u64 {
        let metrics = self.get("/metrics").await.unwrap();
        let (_, after) = metrics
            .split_once("\npgpartition_round_tables_total{result=\"unchanged\"} ")
            .unwrap_or(("", "0"));
        after.lines().next().unwrap().parse().unwrap()
    }

    /// Waits until rounds have found tables unchanged this many times more.
    async fn find_unchanged(&self, more: u64) {
        let before = self.unchanged().await;
        wait_until("rounds find tables unchanged", SOON, async || {
            self.unchanged().await >= before + more
        })
        .await;
    }

    /// Waits for rounds that find the only table unchanged.
    async fn more_rounds(&self) {
        self.find_unchanged(4).await;
    }

    async fn reconciles(&self) -> u64 {
        self.total("pgpartition_reconcile_duration_seconds_count").await
    }
}

/// A namespace with a table `name` that is Ready and quiet.
async fn declared(fixture: &Fixture<'_>, name: &str) -> Database {
    let database = database_with(Server::of_default_major(), name).await;
    fixture.secret(name, &database.url());
    fixture.declare(name);
    database
}

async fn drop_newest(database: &Database) {
    let client = database.client().await;
    let newest = "SELECT max(inhrelid::regclass::text) FROM pg_inherits";
    let name: String = client.query_one(newest, &[]).await.unwrap().get(0);
    client.batch_execute(&format!("DROP TABLE {name}")).await.unwrap();
}

async fn wait_for_partitions(database: &Database, name: &str, count: i64) {
    wait_until("the partition is there again", SOON, async || {
        partitions(database, name).await == count
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn round_notices_ddl_of_another_session_and_reconciles_nothing_else() {
    let fixture = Fixture::shared();
    let database = declared(&fixture, "orders").await;
    let operator = fixture.operator(&[OFTEN]);
    fixture.wait_for("orders", "Ready", "True Succeeded").await;
    operator.more_rounds().await;
    let reconciles = operator.reconciles().await;
    let success = last_success(&operator, &fixture).await;
    operator.more_rounds().await;
    assert_eq!(operator.reconciles().await, reconciles, "a quiet table is not reconciled");
    assert!(last_success(&operator, &fixture).await > success, "a round inspects the table");

    drop_newest(&database).await;
    wait_for_partitions(&database, "orders", 2).await;
    wait_until("the reconcile is counted", SOON, async || operator.reconciles().await > reconciles)
        .await;
}

async fn last_success(operator: &Running, fixture: &Fixture<'_>) -> f64 {
    let series = format!(
        "\npgpartition_last_success_timestamp_seconds{{name=\"orders\",namespace=\"{}\"}} ",
        fixture.namespace
    );
    let metrics = operator.get("/metrics").await.unwrap();
    let (_, after) = metrics.split_once(&series).unwrap();
    after.lines().next().unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn round_renews_claims_and_notices_a_lost_one() {
    let fixture = Fixture::shared();
    let database = declared(&fixture, "orders").await;
    let operator = fixture.operator(&[OFTEN]);
    fixture.wait_for("orders", "Ready", "True Succeeded").await;
    operator.more_rounds().await;
    let reconciles = operator.reconciles().await;
    let client = database.client().await;
    let age = "UPDATE pgpartition.claims SET seen = seen - '6 minutes'::interval";
    client.batch_execute(age).await.unwrap();
    wait_until("the claim is renewed", SOON, async || {
        let renewed = "SELECT now() - seen < '1 minute' FROM pgpartition.claims";
        client.query_one(renewed, &[]).await.unwrap().get(0)
    })
    .await;
    operator.more_rounds().await;
    assert_eq!(operator.reconciles().await, reconciles, "the round itself renews the claim");

    client.batch_execute(TAKE).await.unwrap();
    fixture.wait_for("orders", "Ready", "False Conflict").await;
    client.batch_execute("DELETE FROM pgpartition.claims").await.unwrap();
    fixture.wait_for("orders", "Ready", "True Succeeded").await;
    operator.more_rounds().await;
    client.batch_execute("DELETE FROM pgpartition.claims").await.unwrap();
    wait_until("the claim is acquired again", SOON, async || {
        let count = "SELECT count(*) FROM pgpartition.claims";
        client.query_one(count, &[]).await.unwrap().get::<_, i64>(0) == 1
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn database_that_does_not_answer_delays_no_round_of_another() {
    let fixture = Fixture::shared();
    let orders = declared(&fixture, "orders").await;
    let silent = database_with(Server::of_default_major(), "silent").await;
    let mut proxy = Proxy::start(Server::of_default_major().port()).await;
    fixture.secret("silent", &silent.url_through(proxy.port(), "postgres"));
    fixture.declare("silent");
    let operator = fixture.operator(&[OFTEN]);
    for name in ["orders", "silent"] {
        fixture.wait_for(name, "Ready", "True Succeeded").await;
    }
    operator.more_rounds().await;

    proxy.set(Mode::Hang).await;
    drop_newest(&orders).await;
    wait_for_partitions(&orders, "orders", 2).await;
    fixture.wait_for("silent", "Ready", "False ConnectionFailed").await;
    drop_newest(&orders).await;
    wait_for_partitions(&orders, "orders", 2).await;
    operator.more_rounds().await;

    proxy.set(Mode::Pass).await;
    fixture.ask("silent", "now");
    fixture.wait_for("silent", "Ready", "True Succeeded").await;
}

/// Nothing here waits for a round.
#[tokio::test(flavor = "multi_thread")]
async fn quiet_table_is_reconciled_after_each_change_of_its_resource() {
    let fixture = Fixture::shared();
    let database = declared(&fixture, "orders").await;
    let _operator = fixture.operator(&[NEVER]);
    fixture.wait_for("orders", "Ready", "True Succeeded").await;
    handled(&fixture, "quiet").await;

    fixture.patch("orders", &json!({"spec": {"ahead": 3}}));
    wait_for_partitions(&database, "orders", 4).await;
    handled(&fixture, "requested").await;

    fixture.secret("orders", "postgres://postgres@127.0.0.1:1/nothing");
    fixture.wait_for("orders", "Ready", "False ConnectionFailed").await;
    fixture.secret("orders", &database.url());
    fixture.wait_for("orders", "Ready", "True Succeeded").await;
    handled(&fixture, "quiet-again").await;

    fixture.patch("orders", &json!({"spec": {"suspend": true}}));
    fixture.wait_for("orders", "Ready", "True Suspended").await;
    fixture.patch("orders", &json!({"spec": {"suspend": false}}));
    fixture.wait_for("orders", "Ready", "True Succeeded").await;
    handled(&fixture, "resumed").await;

    fixture.kubectl(&["delete", "pgpt", "orders"]);
    let client = database.client().await;
    wait_until("the claim is released", SOON, async || {
        let count = "SELECT count(*) FROM pgpartition.claims";
        client.query_one(count, &[]).await.unwrap().get::<_, i64>(0) == 0
    })
    .await;
}

/// Waits for the answer to a request. The run before it has executed steps, so only this one leaves the table quiet.
async fn handled(fixture: &Fixture<'_>, request: &str) {
    fixture.ask("orders", request);
    wait_until("the request is handled", SOON, async || {
        fixture.object("orders")["status"]["lastHandledReconcile"] == request
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn replica_without_the_lease_makes_no_round() {
    let fixture = Fixture::shared();
    let database = declared(&fixture, "orders").await;
    let mut proxy = Proxy::start(fixture.cluster.port()).await;
    let quick = ["--lease-duration=3s", "--lease-renew-deadline=2s", "--lease-retry-period=500ms"];
    let arguments = [&quick[..], &[OFTEN]].concat();
    let first = fixture.operator_through(proxy.port(), &arguments);
    fixture.wait_for("orders", "Ready", "True Succeeded").await;
    first.more_rounds().await;
    proxy.set(Mode::Refuse).await;
    let second = fixture.operator(&arguments);
    wait_until("another replica leads", SOON, async || second.leads().await).await;

    second.more_rounds().await;
    let before = first.unchanged().await;
    second.more_rounds().await;
    assert_eq!(first.unchanged().await, before);
    drop_newest(&database).await;
    wait_for_partitions(&database, "orders", 2).await;
}

/// Declares 40 tables with one Secret.
async fn many(fixture: &Fixture<'_>, client: &Client) {
    let mut resources = Vec::new();
    for number in 0..40 {
        let name = format!("orders-{number}");
        let columns = "id bigint, at timestamptz NOT NULL";
        let create = format!("CREATE TABLE \"{name}\" ({columns}) PARTITION BY RANGE (at)");
        client.batch_execute(&create).await.unwrap();
        let database = json!({"secretRef": {"name": "orders"}});
        resources.push(table(&name, &json!({"database": database})));
    }
    fixture.apply(&json!({"apiVersion": "v1", "kind": "List", "items": resources}));
}

fn ready(fixture: &Fixture<'_>) -> usize {
    let listed: Value =
        serde_json::from_str(&fixture.kubectl(&["get", "pgpt", "-o", "json"])).unwrap();
    let is_ready = |item: &&Value| {
        let conditions = item["status"]["conditions"].as_array();
        let mut conditions = conditions.into_iter().flatten();
        conditions.any(|condition| condition["type"] == "Ready" && condition["status"] == "True")
    };
    listed["items"].as_array().unwrap().iter().filter(is_ready).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn statements_of_a_round_do_not_depend_on_the_number_of_tables() {
    let preload = ["-c", "shared_preload_libraries=pg_stat_statements"];
    let server = Server::start(Server::DEFAULT_MAJOR, &preload);
    let database = server.database().await;
    let client = database.client().await;
    client.batch_execute("CREATE EXTENSION pg_stat_statements").await.unwrap();
    let fixture = Fixture::shared();
    fixture.secret("orders", &database.url());
    many(&fixture, &client).await;
    let mut operator = fixture.operator(&["--resync=1s"]);
    wait_until("all are ready", SOON * 4, async || ready(&fixture) == 40).await;
    wait_until("all are quiet", SOON, async || {
        let before = operator.reconciles().await;
        operator.find_unchanged(80).await;
        operator.reconciles().await == before
    })
    .await;
    client.batch_execute("SELECT pg_stat_statements_reset()").await.unwrap();
    operator.find_unchanged(160).await;
    operator.process.kill();

    let calls = "SELECT sum(calls)::bigint,
                        (sum(calls) FILTER (WHERE query LIKE '%UPDATE pgpartition.claims AS%'))::bigint
        FROM pg_stat_statements
        WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database())";
    let row = client.query_one(calls, &[]).await.unwrap();
    let (statements, rounds) = (row.get::<_, i64>(0), row.get::<_, i64>(1));
    assert!(rounds >= 3, "{rounds} rounds");
    assert!(statements <= 20 * (rounds + 1), "{statements} statements in {rounds} rounds");
}
