//! Builds of indexes that wait: the table and its neighbors are provided for meanwhile.

use std::time::Duration;

use serde_json::{Value, json};
use tokio_postgres::Client;

use crate::fixture::{Fixture, SOON, database_with, partitions, table};
use crate::support::postgres::{Database, Server};
use crate::support::wait_until;

const BUILDING: &str = "SELECT FROM pg_stat_activity WHERE datname = current_database()
    AND query ~ '^(CREATE|DROP) INDEX CONCURRENTLY' AND state = 'active'";

fn with_index(name: &str, ahead: u32) -> Value {
    let index = json!({"name": format!("{name}_org"), "columns": [{"column": "org_id"}]});
    table(name, &json!({"indexes": [index], "ahead": ahead}))
}

/// Begins a transaction that a build of an index has to wait for.
async fn write(database: &Database, table: &str) -> Client {
    let writer = database.client().await;
    let partition = "SELECT min(inhrelid::regclass::text) FROM pg_inherits
                     WHERE inhparent = $1::text::regclass";
    let partition: String = writer.query_one(partition, &[&table]).await.unwrap().get(0);
    let lock = format!("BEGIN; LOCK TABLE {partition} IN ROW EXCLUSIVE MODE");
    writer.batch_execute(&lock).await.unwrap();
    writer
}

async fn is_building(database: &Database) -> bool {
    !database.client().await.query(BUILDING, &[]).await.unwrap().is_empty()
}

#[tokio::test(flavor = "multi_thread")]
async fn partitions_are_provided_while_a_build_waits() {
    let fixture = Fixture::shared();
    let (orders, visits) = (
        database_with(Server::of_default_major(), "orders").await,
        database_with(Server::of_default_major(), "visits").await,
    );
    let _operator = fixture.operator(&["--sessions-per-server=1"]);
    for (name, database) in [("orders", &orders), ("visits", &visits)] {
        fixture.secret(name, &database.url());
        fixture.declare(name);
        fixture.wait_for(name, "Ready", "True Succeeded").await;
    }
    let (writer, visitor) = (write(&orders, "orders").await, write(&visits, "visits").await);
    fixture.apply(&with_index("orders", 1));
    wait_until("the build waits", SOON, async || is_building(&orders).await).await;

    fixture.apply(&with_index("visits", 3));
    wait_until("the other table is provided", SOON, async || {
        partitions(&visits, "visits").await == 4
    })
    .await;
    fixture.wait_for("visits", "Ready", "False WaitingForSession").await;
    assert!(!is_building(&visits).await, "one build at a time on this server");

    fixture.apply(&with_index("orders", 3));
    wait_until("the same table is provided", SOON, async || {
        partitions(&orders, "orders").await == 4
    })
    .await;
    assert!(is_building(&orders).await, "the build continues");
    fixture.wait_for("orders", "Ready", "False IndexBuilding").await;

    writer.batch_execute("COMMIT").await.unwrap();
    visitor.batch_execute("COMMIT").await.unwrap();
    fixture.wait_for("orders", "Ready", "True Succeeded").await;
    fixture.wait_for("visits", "Ready", "True Succeeded").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn suspend_and_the_end_of_the_operator_interrupt_a_build() {
    let fixture = Fixture::shared();
    let database = database_with(Server::of_default_major(), "orders").await;
    fixture.secret("orders", &database.url());
    fixture.declare("orders");
    let mut operator = fixture.operator(&["--grace=6s"]);
    fixture.wait_for("orders", "Ready", "True Succeeded").await;
    let _writer = write(&database, "orders").await;
    fixture.apply(&with_index("orders", 1));
    wait_until("the build waits", SOON, async || is_building(&database).await).await;

    let mut suspended = with_index("orders", 1);
    suspended["spec"]["suspend"] = json!(true);
    fixture.apply(&suspended);
    wait_until("it is interrupted", SOON, async || !is_building(&database).await).await;

    fixture.apply(&with_index("orders", 1));
    wait_until("it waits again", SOON, async || is_building(&database).await).await;
    operator.process.terminate();
    wait_until("the operator ends", Duration::from_secs(20), async || {
        operator.process.status().is_some()
    })
    .await;
    assert!(operator.process.status().unwrap().success(), "{}", operator.process.stderr());
    wait_until("so does the build", SOON, async || !is_building(&database).await).await;
}
