//! After a restart, tables that have nothing to do are inspected in sets.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tokio_postgres::Client;

use crate::fixture::{Fixture, SOON, table};
use crate::support::postgres::Server;
use crate::support::wait_until;

const COUNT: usize = 12;

/// Returns the version of each resource, and whether it is Ready.
fn resources(fixture: &Fixture<'_>) -> BTreeMap<String, (String, bool)> {
    let listed: Value =
        serde_json::from_str(&fixture.kubectl(&["get", "pgpt", "-o", "json"])).unwrap();
    let resource = |item: &Value| {
        let conditions = item["status"]["conditions"].as_array().cloned().unwrap_or_default();
        let is_ready =
            |condition: &Value| condition["type"] == "Ready" && condition["status"] == "True";
        let text = |field: &str| item["metadata"][field].as_str().unwrap().to_owned();
        (text("name"), (text("resourceVersion"), conditions.iter().any(is_ready)))
    };
    listed["items"].as_array().unwrap().iter().map(resource).collect()
}

async fn number(client: &Client, sql: &str) -> i64 {
    client.query_one(sql, &[]).await.unwrap().get(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn restart_writes_no_status_and_reconciles_tables_that_have_changed() {
    let fixture = Fixture::shared();
    let database = Server::of_default_major().database().await;
    let client = database.client().await;
    fixture.secret("orders", &database.url());
    let mut declared = Vec::new();
    for number in 0..COUNT {
        let name = format!("orders-{number:02}");
        let columns = "id bigint, at timestamptz NOT NULL";
        let create = format!("CREATE TABLE \"{name}\" ({columns}) PARTITION BY RANGE (at)");
        client.batch_execute(&create).await.unwrap();
        declared.push(table(&name, &json!({"database": {"secretRef": {"name": "orders"}}})));
    }
    fixture.apply(&json!({"apiVersion": "v1", "kind": "List", "items": declared}));
    let mut operator = fixture.operator(&["--resync=24h"]);
    let all_ready = async || resources(&fixture).values().filter(|(_, ready)| *ready).count();
    wait_until("all are ready", SOON * 4, async || all_ready().await == COUNT).await;
    operator.process.terminate();
    wait_until("it ends", SOON, async || operator.process.status().is_some()).await;

    let before = resources(&fixture);
    let gone = "DELETE FROM pgpartition.claims WHERE table_name = 'orders-01';
        UPDATE pgpartition.claims SET seen = seen - '1 hour'::interval";
    client.batch_execute(gone).await.unwrap();
    let newest = "SELECT max(inhrelid::regclass::text) FROM pg_inherits \
        WHERE inhparent = '\"orders-02\"'::regclass";
    let newest: String = client.query_one(newest, &[]).await.unwrap().get(0);
    client.batch_execute(&format!("DROP TABLE {newest}")).await.unwrap();
    let rename = "ALTER TABLE \"orders-03\" RENAME TO elsewhere";
    client.batch_execute(rename).await.unwrap();

    let operator = fixture.operator(&["--resync=24h"]);
    let inspected = async || {
        let metrics = operator.get("/metrics").await.unwrap_or_default();
        metrics.matches("\npgpartition_last_success_timestamp_seconds{").count()
    };
    wait_until("all others are inspected", SOON, async || inspected().await == COUNT - 1).await;
    fixture.wait_for("orders-03", "Ready", "False TableNotFound").await;
    let partitions = "SELECT count(*) FROM pg_inherits \
        WHERE inhparent = '\"orders-02\"'::regclass";
    wait_until("the partition is there again", SOON, async || {
        number(&client, partitions).await == 2
    })
    .await;
    let renewed = "SELECT count(*) FROM pgpartition.claims \
        WHERE now() - seen < '10 minutes' AND table_name <> 'orders-03'";
    let others = i64::try_from(COUNT - 1).unwrap();
    wait_until("all claims are renewed", SOON, async || number(&client, renewed).await == others)
        .await;
    let unchanged = |name: &str| !["orders-02", "orders-03"].contains(&name);
    for (name, (version, _)) in resources(&fixture).iter().filter(|(name, _)| unchanged(name)) {
        assert_eq!(*version, before[name].0, "the status of {name} says nothing new");
    }
}
