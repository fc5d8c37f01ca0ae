//! The older of two resources for one table manages it, and the newer one once the older is deleted. Deletion leaves the
//! database unchanged and is not blocked.

use std::time::Duration;

use serde_json::json;

use crate::fixture::{Fixture, SOON, database_with, partitions, table};
use crate::support::postgres::{Database, Server};
use crate::support::wait_until;

const CLAIMS: &str = "SELECT string_agg(namespace || '/' || name, ' ') FROM pgpartition.claims";

/// Returns the claim on the table in the database.
async fn claims(database: &Database) -> Option<String> {
    database.client().await.query_one(CLAIMS, &[]).await.unwrap().get(0)
}

/// Declares a newer resource for table `orders`, with more partitions than the first.
async fn declare_second(fixture: &Fixture<'_>, secret: &str) {
    // Ages are whole seconds, and of two as old the one with the lesser UID counts as older.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let mut second = table("orders", &json!({"ahead": 5}));
    second["metadata"]["name"] = json!("second");
    second["spec"]["database"]["secretRef"]["name"] = json!(secret);
    fixture.apply(&second);
}

/// Dates the claim back, so that it has expired.
async fn expire(database: &Database) {
    let age = "UPDATE pgpartition.claims SET seen = seen - '16 minutes'::interval";
    database.client().await.batch_execute(age).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn newer_resource_takes_over_when_the_older_is_deleted() {
    let fixture = Fixture::shared();
    let database = database_with(Server::of_default_major(), "orders").await;
    fixture.secret("orders", &database.url());
    fixture.secret("second", &database.url().replace("127.0.0.1", "localhost"));
    fixture.declare("orders");
    declare_second(&fixture, "second").await;

    // The deletion triggers the second resource, not the next resync.
    let _operator = fixture.operator(&["--resync", "24h"]);
    fixture.wait_for("second", "Ready", "False Conflict").await;
    fixture.wait_for("orders", "Ready", "True Succeeded").await;
    let orders = format!("{}/orders", fixture.namespace);
    let message = fixture.message("second", "Ready");
    assert_eq!(
        message,
        format!("{orders} is older and manages the same table: delete one of the two resources")
    );
    assert_eq!(fixture.condition("second", "Stalled"), "True Conflict");
    assert_eq!(fixture.condition("second", "Reachable"), "True Connected");
    assert_eq!(partitions(&database, "orders").await, 2);
    assert_eq!(claims(&database).await, Some(orders));

    fixture.apply(&table("orders", &json!({"suspend": true})));
    fixture.wait_for("second", "Ready", "True Succeeded").await;
    assert_eq!(partitions(&database, "orders").await, 6);
    fixture.apply(&table("orders", &json!({})));
    fixture.wait_for("orders", "Ready", "True Succeeded").await;
    fixture.ask("second", "look");
    fixture.wait_for("second", "Ready", "False Conflict").await;

    fixture.kubectl(&["delete", "pgpt", "orders"]);
    fixture.wait_for("second", "Ready", "True Succeeded").await;
    assert_eq!(claims(&database).await, Some(format!("{}/second", fixture.namespace)));

    fixture.kubectl(&["delete", "pgpt", "second"]);
    wait_until("the claim is released", SOON, async || claims(&database).await.is_none()).await;
    assert_eq!(partitions(&database, "orders").await, 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_independent_operators_share_a_database() {
    let (here, there) = (Fixture::shared(), Fixture::shared());
    let database = database_with(Server::of_default_major(), "orders").await;
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
    let fixture = Fixture::shared();
    let database = database_with(Server::of_default_major(), "orders").await;
    fixture.secret("orders", &database.url());
    fixture.declare("orders");
    declare_second(&fixture, "orders").await;
    let quick = ["--lease-duration=3s", "--lease-renew-deadline=2s", "--lease-retry-period=500ms"];
    let mut operator = fixture.operator(&quick);
    fixture.wait_for("orders", "Ready", "True Succeeded").await;
    fixture.wait_for("second", "Ready", "False Conflict").await;
    operator.process.kill();

    // As the namespace's controller does.
    assert_eq!(fixture.object("orders")["metadata"]["finalizers"], json!(null));
    fixture.kubectl(&["delete", "pgpt", "orders", "--timeout=5s"]);
    assert_eq!(claims(&database).await, Some(format!("{}/orders", fixture.namespace)));

    // A deleted resource of the same operator holds no claim, however recently it was seen.
    let _operator = fixture.operator(&quick);
    fixture.wait_for("second", "Ready", "True Succeeded").await;
    assert_eq!(claims(&database).await, Some(format!("{}/second", fixture.namespace)));
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_schema_privilege_is_reported_with_the_statement_to_run() {
    let fixture = Fixture::shared();
    let database = database_with(Server::of_default_major(), "orders").await;
    let client = database.client().await;
    let role = format!("keeper_of_{}", database.name());
    let setup = format!(
        "CREATE ROLE {role} LOGIN; ALTER TABLE orders OWNER TO {role};
         GRANT CREATE ON SCHEMA public TO {role}"
    );
    client.batch_execute(&setup).await.unwrap();
    fixture.secret("orders", &database.url_as(&role));
    fixture.declare("orders");
    let _operator = fixture.operator(&[]);

    fixture.wait_for("orders", "Reachable", "False InsufficientPrivilege").await;
    let message = fixture.message("orders", "Reachable");
    let (_, sql) = message.split_once("hint: ").unwrap();
    // The name of the role is in the Secret, and no status shows it.
    assert_eq!(sql, "CREATE SCHEMA pgpartition AUTHORIZATION the login role");
    assert_eq!(partitions(&database, "orders").await, 0);

    client.batch_execute(&sql.replace("the login role", &role)).await.unwrap();
    fixture.ask("orders", "granted");
    fixture.wait_for("orders", "Ready", "True Succeeded").await;
    assert_eq!(partitions(&database, "orders").await, 2);
}
