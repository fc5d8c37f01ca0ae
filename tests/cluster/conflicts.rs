//! The older of two resources for one table manages it, and the newer one once the older is deleted. Deletion leaves the
//! database unchanged and is not blocked.

use std::time::Duration;

use serde_json::json;

use crate::fixture::{SOON, Stage, database_with, partitions, table};
use crate::support::postgres::{Database, Server};
use crate::support::wait_until;

const CLAIMS: &str = "SELECT string_agg(namespace || '/' || name, ' ') FROM pgpartition.claims";

/// Returns the claim on the table in the database.
async fn claims(database: &Database) -> Option<String> {
    database.client().await.query_one(CLAIMS, &[]).await.unwrap().get(0)
}

/// Declares a newer resource for table `orders`, with more partitions than the first.
async fn declare_second(stage: &Stage<'_>, secret: &str) {
    // Ages are whole seconds, and of two as old the one with the lesser UID counts as older.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let mut second = table("orders", &json!({"ahead": 5}));
    second["metadata"]["name"] = json!("second");
    second["spec"]["database"]["secretRef"]["name"] = json!(secret);
    stage.apply(&second);
}

/// Dates the claim back, so that it has expired.
async fn expire(database: &Database) {
    let age = "UPDATE pgpartition.claims SET seen = seen - '16 minutes'::interval";
    database.client().await.batch_execute(age).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn newer_resource_takes_over_when_the_older_is_deleted() {
    let stage = Stage::shared();
    let database = database_with(Server::shared(17), "orders").await;
    stage.secret("orders", &database.url());
    stage.secret("second", &database.url().replace("127.0.0.1", "localhost"));
    stage.declare("orders");
    declare_second(&stage, "second").await;

    // The deletion triggers the second resource, not the next resync.
    let _operator = stage.operator(&["--resync", "24h"]);
    stage.wait_for("second", "Ready", "False Conflict").await;
    stage.wait_for("orders", "Ready", "True Succeeded").await;
    let orders = format!("{}/orders", stage.namespace);
    let message = stage.message("second", "Ready");
    assert_eq!(
        message,
        format!("{orders} is older and manages the same table: delete one of the two resources")
    );
    assert_eq!(stage.condition("second", "Stalled"), "True Conflict");
    assert_eq!(stage.condition("second", "Reachable"), "True Connected");
    assert_eq!(partitions(&database, "orders").await, 2);
    assert_eq!(claims(&database).await, Some(orders));

    stage.apply(&table("orders", &json!({"suspend": true})));
    stage.wait_for("second", "Ready", "True Succeeded").await;
    assert_eq!(partitions(&database, "orders").await, 6);
    stage.apply(&table("orders", &json!({})));
    stage.wait_for("orders", "Ready", "True Succeeded").await;
    stage.ask("second", "look");
    stage.wait_for("second", "Ready", "False Conflict").await;

    stage.kubectl(&["delete", "pgpt", "orders"]);
    stage.wait_for("second", "Ready", "True Succeeded").await;
    assert_eq!(claims(&database).await, Some(format!("{}/second", stage.namespace)));

    stage.kubectl(&["delete", "pgpt", "second"]);
    wait_until("the claim is released", SOON, async || claims(&database).await.is_none()).await;
    assert_eq!(partitions(&database, "orders").await, 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_independent_operators_share_a_database() {
    let (here, there) = (Stage::shared(), Stage::shared());
    let database = database_with(Server::shared(17), "orders").await;
    here.secret("orders", &database.url());
    there.secret("orders", &database.url());
    here.declare("orders");
    declare_second(&there, "orders").await;

    // The younger comes first, and gives way.
    let _other = there.operator(&[]);
    there.wait_for("second", "Ready", "True Succeeded").await;
    let quick = ["--lease-duration=3s", "--lease-renew-deadline=2s", "--lease-retry-period=500ms"];
    let mut operator = here.operator(&quick);
    here.wait_for("orders", "Ready", "True Succeeded").await;
    there.ask("second", "older");
    there.wait_for("second", "Ready", "False Conflict").await;
    let message = there.message("second", "Ready");
    let orders = format!("{}/orders", here.namespace);
    let uid = here.object("orders")["metadata"]["uid"].as_str().unwrap().to_owned();
    assert_eq!(
        message,
        format!(
            "{orders} (uid {uid}, of another pg-partition-operator, perhaps in another cluster) is \
             older and manages the same table: delete one of the two resources"
        )
    );

    operator.process.kill();
    there.ask("second", "killed");
    wait_until("the request is handled", SOON, async || {
        there.object("second")["status"]["lastHandledReconcile"] == "killed"
    })
    .await;
    assert_eq!(there.condition("second", "Ready"), "False Conflict");
    expire(&database).await;
    there.ask("second", "expired");
    there.wait_for("second", "Ready", "True Succeeded").await;
    assert_eq!(claims(&database).await, Some(format!("{}/second", there.namespace)));

    let _operator = here.operator(&quick);
    wait_until("the older has it again", SOON, async || {
        claims(&database).await.as_ref() == Some(&orders)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn deletion_does_not_wait_for_an_operator() {
    let stage = Stage::shared();
    let database = database_with(Server::shared(17), "orders").await;
    stage.secret("orders", &database.url());
    stage.declare("orders");
    declare_second(&stage, "orders").await;
    let quick = ["--lease-duration=3s", "--lease-renew-deadline=2s", "--lease-retry-period=500ms"];
    let mut operator = stage.operator(&quick);
    stage.wait_for("orders", "Ready", "True Succeeded").await;
    stage.wait_for("second", "Ready", "False Conflict").await;
    operator.process.kill();

    // As the namespace's controller does.
    assert_eq!(stage.object("orders")["metadata"]["finalizers"], json!(null));
    stage.kubectl(&["delete", "pgpt", "orders", "--timeout=5s"]);
    assert_eq!(claims(&database).await, Some(format!("{}/orders", stage.namespace)));

    // A deleted resource of the same operator holds no claim, however recently it was seen.
    let _operator = stage.operator(&quick);
    stage.wait_for("second", "Ready", "True Succeeded").await;
    assert_eq!(claims(&database).await, Some(format!("{}/second", stage.namespace)));
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_schema_privilege_is_reported_with_the_statement_to_run() {
    let stage = Stage::shared();
    let database = database_with(Server::shared(17), "orders").await;
    let client = database.client().await;
    let role = format!("keeper_of_{}", database.name());
    let setup = format!(
        "CREATE ROLE {role} LOGIN; ALTER TABLE orders OWNER TO {role};
         GRANT CREATE ON SCHEMA public TO {role}"
    );
    client.batch_execute(&setup).await.unwrap();
    stage.secret("orders", &database.url_as(&role));
    stage.declare("orders");
    let _operator = stage.operator(&[]);

    stage.wait_for("orders", "Reachable", "False InsufficientPrivilege").await;
    let message = stage.message("orders", "Reachable");
    let (_, sql) = message.split_once("hint: ").unwrap();
    // The name of the role is in the Secret, and no status shows it.
    assert_eq!(sql, "CREATE SCHEMA pgpartition AUTHORIZATION the login role");
    assert_eq!(partitions(&database, "orders").await, 0);

    client.batch_execute(&sql.replace("the login role", &role)).await.unwrap();
    stage.ask("orders", "granted");
    stage.wait_for("orders", "Ready", "True Succeeded").await;
    assert_eq!(partitions(&database, "orders").await, 2);
}
