//! Retention, approval, a blocked detach, a default partition, and a missed schedule.

use std::time::Duration;

use jiff::{Timestamp, ToSpan as _, Zoned};
use serde_json::{Value, json};

use crate::fixture::{Fixture, SOON, database_with, partitions, table};
use crate::support::postgres::{Database, Server};
use crate::support::wait_until;

/// The first day of the month that was `months` ago, in UTC.
fn months_ago(months: i64) -> String {
    let now = Timestamp::now().in_tz("UTC").unwrap();
    let day = now.first_of_month().unwrap().checked_sub(months.months()).unwrap();
    day.date().to_string()
}

/// A table `orders` whose partitions reach back some months.
async fn since_months(fixture: &Fixture<'_>, months: i64, spec: Value) -> Database {
    let database = database_with(Server::of_default_major(), "orders").await;
    fixture.secret("orders", &database.url());
    declare(fixture, months, spec);
    database
}

/// Declares the table with another spec.
fn declare(fixture: &Fixture<'_>, months: i64, mut spec: Value) {
    let range = json!({"column": "at", "interval": "Month", "startAt": months_ago(months)});
    spec["partitionBy"] = json!({"range": range});
    fixture.apply(&table("orders", &spec));
}

fn approve(fixture: &Fixture<'_>, fingerprint: &str) {
    let annotation = format!("pgpartition.dev/approve={fingerprint}");
    fixture.kubectl(&["annotate", "--overwrite", "pgpt", "orders", &annotation]);
}

#[tokio::test(flavor = "multi_thread")]
async fn retention_cut_from_24_to_2_waits_for_approval() {
    let fixture = Fixture::shared();
    let database = since_months(&fixture, 24, json!({"retention": {"keep": 24}})).await;
    let operator = fixture.operator(&[]);
    fixture.wait_for("orders", "Ready", "True Succeeded").await;
    assert_eq!(fixture.condition("orders", "Retained"), "True NothingExpired");
    assert_eq!(partitions(&database, "orders").await, 26);

    declare(&fixture, 24, json!({"retention": {"keep": 2}}));
    fixture.wait_for("orders", "Ready", "False AwaitingApproval").await;
    assert_eq!(fixture.condition("orders", "Stalled"), "True AwaitingApproval");
    assert_eq!(fixture.condition("orders", "Covered"), "True PeriodsCovered");
    let plan = fixture.object("orders")["status"]["plan"].clone();
    assert_eq!((&plan["steps"], &plan["deferred"]), (&json!(0), &json!(22)), "{plan}");
    assert!(plan["preview"][0].as_str().unwrap().contains("detach  orders_"), "{plan}");

    approve(&fixture, "0123456789abcdef");
    fixture.kubectl(&["annotate", "pgpt", "orders", "pgpartition.dev/reconcile=stale"]);
    wait_until("the request is handled", SOON, async || {
        fixture.object("orders")["status"]["lastHandledReconcile"] == "stale"
    })
    .await;
    assert_eq!(fixture.condition("orders", "Retained"), "False AwaitingApproval");
    assert_eq!(partitions(&database, "orders").await, 26);

    approve(&fixture, plan["fingerprint"].as_str().unwrap());
    fixture.wait_for("orders", "Ready", "True Succeeded").await;
    assert_eq!(partitions(&database, "orders").await, 4);
    let status = fixture.object("orders")["status"].clone();
    assert_eq!(status["partitions"]["detached"], 22, "{status}");
    operator.reports("pgpartition_steps_total{result=\"done\",step=\"detach\"} 22").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn blocked_detach_is_reported_and_finalized_later() {
    let fixture = Fixture::shared();
    let database = since_months(&fixture, 2, json!({})).await;
    let _operator = fixture.operator(&[]);
    fixture.wait_for("orders", "Ready", "True Succeeded").await;

    let reader = database.client().await;
    reader.batch_execute("BEGIN; SELECT FROM orders").await.unwrap();
    declare(&fixture, 2, json!({"retention": {"keep": 1}, "ahead": 3}));
    fixture.wait_for("orders", "Ready", "False DetachPending").await;
    assert_eq!(fixture.object("orders")["status"]["partitions"]["pendingDetach"], 1);
    assert_eq!(fixture.condition("orders", "Reconciling"), "True DetachPending");
    assert_eq!(fixture.condition("orders", "Covered"), "True PeriodsCovered");
    // A transaction that began just before is not named yet.
    wait_until("the status names the reader", SOON, async || {
        let object = fixture.object("orders");
        let retained = object["status"]["conditions"].as_array().unwrap();
        let retained = retained.iter().find(|condition| condition["type"] == "Retained").unwrap();
        retained["message"].as_str().unwrap().contains("blocked by pid ")
    })
    .await;

    reader.batch_execute("COMMIT").await.unwrap();
    fixture.wait_for("orders", "Ready", "True Succeeded").await;
    assert_eq!(fixture.object("orders")["status"]["partitions"]["pendingDetach"], 0);
    assert_eq!(fixture.object("orders")["status"]["partitions"]["detached"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_in_the_default_partition_are_counted_and_drained() {
    let fixture = Fixture::shared();
    let database = database_with(Server::of_default_major(), "orders").await;
    let client = database.client().await;
    let fill = "CREATE TABLE orders_default PARTITION OF orders DEFAULT;
        INSERT INTO orders SELECT i, 1, now() FROM generate_series(1, 100) i;
        INSERT INTO orders VALUES (0, 1, '1900-01-01'), (0, 1, 'infinity');";
    client.batch_execute(fill).await.unwrap();
    fixture.secret("orders", &database.url());
    fixture.declare("orders");
    let _operator = fixture.operator(&[]);
    fixture.wait_for("orders", "Ready", "False DefaultPartitionHoldsRows").await;
    assert_eq!(fixture.object("orders")["status"]["partitions"]["defaultRows"], 102);

    fixture.apply(&table("orders", &json!({"defaultPartition": "Present"})));
    fixture.wait_for("orders", "Ready", "True Succeeded").await;
    assert_eq!(fixture.object("orders")["status"]["partitions"]["defaultRows"], 2);
    let moved = client.query_one("SELECT count(*) FROM orders WHERE id > 0", &[]).await.unwrap();
    assert_eq!(moved.get::<_, i64>(0), 100);
}

/// A daily schedule at a minute of the clock.
fn daily_at(at: &Zoned) -> String {
    format!("{} {} * * *", at.minute(), at.hour())
}

#[tokio::test(flavor = "multi_thread")]
async fn missed_scheduled_run_is_caught_up_once() {
    let fixture = Fixture::shared();
    let database = database_with(Server::of_default_major(), "orders").await;
    fixture.secret("orders", &database.url());
    let now = Timestamp::now().in_tz("UTC").unwrap();
    let six_hours_ago = now.checked_sub(6.hours()).unwrap().timestamp();
    let range = json!({"column": "at", "interval": "Hour", "startAt": six_hours_ago.to_string()});
    let spec = |rest: Value| {
        let mut spec = rest;
        spec["partitionBy"] = json!({"range": range});
        table("orders", &spec)
    };
    fixture.apply(&spec(json!({})));
    let mut operator = fixture.operator(&[]);
    fixture.wait_for("orders", "Ready", "True Succeeded").await;
    assert_eq!(partitions(&database, "orders").await, 8);

    // The last scheduled night is yesterday's, by which nothing has expired.
    let night = Timestamp::now().in_tz("UTC").unwrap().checked_add(1.minute()).unwrap();
    let schedule = json!({"expire": daily_at(&night)});
    let limits = json!({"maxExpirePerRun": 10});
    let retention = json!({"keep": 1});
    fixture.apply(&spec(json!({"retention": retention, "schedule": schedule, "limits": limits})));
    wait_until("the schedule is reported", SOON, async || {
        let object = fixture.object("orders");
        object["status"]["observedGeneration"] == object["metadata"]["generation"]
    })
    .await;
    assert_eq!(fixture.condition("orders", "Retained"), "True NothingExpired");
    operator.process.kill();

    let minute = night.with().second(0).subsec_nanosecond(0).build().unwrap().timestamp();
    while Timestamp::now() <= minute {
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    assert!(partitions(&database, "orders").await >= 8, "no partition expired without an operator");
    let operator = fixture.operator(&[]);
    wait_until("it is caught up with", SOON, async || {
        fixture.object("orders")["status"]["partitions"]["detached"].as_i64() >= Some(5)
    })
    .await;
    let detached = fixture.object("orders")["status"]["partitions"]["detached"].clone();
    fixture.kubectl(&["annotate", "pgpt", "orders", "pgpartition.dev/reconcile=again"]);
    wait_until("the request is handled", SOON, async || {
        fixture.object("orders")["status"]["lastHandledReconcile"] == "again"
    })
    .await;
    assert_eq!(fixture.object("orders")["status"]["partitions"]["detached"], detached);
    let sample = format!("pgpartition_steps_total{{result=\"done\",step=\"detach\"}} {detached}");
    operator.reports(&sample).await;
}
