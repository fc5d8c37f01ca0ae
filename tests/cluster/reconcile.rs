//! The operator reconciles a declared table and reports its state.

use serde_json::json;

use crate::fixture::{Fixture, SOON, database_with, partitions, table};
use crate::support::postgres::Server;
use crate::support::wait_until;

#[tokio::test(flavor = "multi_thread")]
async fn declared_table_is_reconciled_and_reported() {
    let fixture = Fixture::shared();
    let database = database_with(Server::of_default_major(), "orders").await;
    fixture.secret("orders", &database.url());
    let index = json!({"name": "orders_org", "columns": [{"column": "org_id"}]});
    fixture.apply(&table("orders", &json!({"indexes": [index]})));

    let operator = fixture.operator(&[]);
    fixture.wait_for("orders", "Ready", "True Succeeded").await;

    assert_eq!(partitions(&database, "orders").await, 2);
    for (condition, says) in [
        ("Reachable", "True Connected"),
        ("Covered", "True PeriodsCovered"),
        ("Indexed", "True IndexesValid"),
        ("Reconciling", "absent"),
        ("Stalled", "absent"),
    ] {
        assert_eq!(fixture.condition("orders", condition), says, "{condition}");
    }
    let object = fixture.object("orders");
    assert_eq!(object["status"]["observedGeneration"], object["metadata"]["generation"]);
    assert_eq!(object["status"]["partitions"]["attached"], 2);
    assert_eq!(object["status"]["strategy"], "Range(Month) on at");
    assert_eq!(object["status"]["plan"], json!(null));

    wait_until("events report it", SOON, async || {
        let events = fixture.kubectl(&["get", "events", "-o", "json"]);
        events.contains("attach public.orders_") && events.contains("Ready=True")
    })
    .await;
    let of = format!("name=\"orders\",namespace=\"{}\"", fixture.namespace);
    for sample in [
        format!("pgpartition_partitions{{{of},state=\"attached\"}} 2"),
        format!("pgpartition_condition{{{of},status=\"True\",type=\"Ready\"}} 1"),
        format!("pgpartition_plan_steps{{{of}}} 0"),
        format!("pgpartition_covered_seconds{{{of}}} "),
        "pgpartition_steps_total{result=\"done\",step=\"attach\"} 2".to_owned(),
    ] {
        operator.reports(&sample).await;
    }
    for path in ["/livez", "/readyz", "/monitoring/partitions/metrics"] {
        assert!(operator.get(path).await.unwrap().starts_with("HTTP/1.1 200"), "{path}");
    }
    let verdict = operator.get("/monitoring/verify-partitions").await.unwrap();
    assert!(verdict.contains("\"ok\":true"), "{verdict}");

    fixture.kubectl(&["delete", "pgpt", "orders"]);
    wait_until("its series are removed", SOON, async || {
        !operator.get("/metrics").await.unwrap().contains("name=\"orders\"")
    })
    .await;
    assert_eq!(partitions(&database, "orders").await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn mode_plan_changes_nothing_and_suspend_inspects_nothing() {
    let fixture = Fixture::shared();
    let database = database_with(Server::of_default_major(), "orders").await;
    fixture.secret("orders", &database.url());
    fixture.apply(&table("orders", &json!({"mode": "Plan"})));
    let _operator = fixture.operator(&[]);

    fixture.wait_for("orders", "Ready", "False PlanOnly").await;
    assert_eq!(fixture.condition("orders", "Stalled"), "True PlanOnly");
    assert_eq!(fixture.condition("orders", "Covered"), "False PartitionsMissing");
    let plan = &fixture.object("orders")["status"]["plan"];
    assert_eq!(plan["steps"], 4, "{plan}");
    assert!(plan["preview"][0].as_str().unwrap().starts_with("create"), "{plan}");

    fixture.apply(&table("orders", &json!({"suspend": true})));
    fixture.wait_for("orders", "Ready", "False Suspended").await;
    assert_eq!(partitions(&database, "orders").await, 0);

    fixture.apply(&table("orders", &json!({})));
    fixture.wait_for("orders", "Ready", "True Succeeded").await;
    assert_eq!(partitions(&database, "orders").await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn drift_is_repaired_and_an_unchanged_status_is_not_written() {
    let fixture = Fixture::shared();
    let database = database_with(Server::of_default_major(), "orders").await;
    fixture.secret("orders", &database.url());
    fixture.declare("orders");
    let operator = fixture.operator(&["--resync=100ms"]);
    fixture.wait_for("orders", "Ready", "True Succeeded").await;

    let written = fixture.object("orders")["metadata"]["resourceVersion"].clone();
    wait_until("it is inspected repeatedly", SOON, async || operator.rounds().await > 5).await;
    assert_eq!(fixture.object("orders")["metadata"]["resourceVersion"], written);

    let newest = "SELECT max(inhrelid::regclass::text) FROM pg_inherits";
    let client = database.client().await;
    let name: String = client.query_one(newest, &[]).await.unwrap().get(0);
    client.batch_execute(&format!("DROP TABLE {name}")).await.unwrap();
    fixture.kubectl(&["annotate", "pgpt", "orders", "pgpartition.dev/reconcile=now"]);

    wait_until("the request is handled", SOON, async || {
        fixture.object("orders")["status"]["lastHandledReconcile"] == "now"
    })
    .await;
    assert_eq!(partitions(&database, "orders").await, 2);
}
