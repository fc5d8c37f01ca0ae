//! Failures of one resource do not affect another, and clients of the HTTP port affect no resource.

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::fixture::{Fixture, SOON, database_with, file, table};
use crate::support::postgres::Server;
use crate::support::proxy::{Mode, Proxy};
use crate::support::wait_until;

#[tokio::test(flavor = "multi_thread")]
async fn resource_at_the_end_of_the_calendar_does_not_stop_another() {
    let fixture = Fixture::shared();
    for name in ["last", "orders"] {
        let database = database_with(Server::of_default_major(), name).await;
        fixture.secret(name, &database.url());
    }
    let last = json!({"column": "at", "interval": "Month", "startAt": "9998-12-31",
                      "timeZone": "Asia/Tokyo"});
    fixture.apply(&table("last", &json!({"partitionBy": {"range": last}})));
    let mut operator = fixture.operator(&[]);
    wait_until("the other one is reported on", SOON, async || {
        fixture.condition("last", "Ready") != "absent"
    })
    .await;

    fixture.declare("orders");
    fixture.wait_for("orders", "Ready", "True Succeeded").await;
    assert!(operator.process.status().is_none(), "{}", operator.process.stderr());
}

#[tokio::test(flavor = "multi_thread")]
async fn half_requests_are_closed_and_keep_no_probe_out() {
    let fixture = Fixture::shared();
    let operator = fixture.operator(&[]);
    wait_until("it answers", SOON, async || operator.get("/livez").await.is_some()).await;
    let mut halves = Vec::new();
    for _ in 0..300 {
        let mut half = TcpStream::connect(operator.address()).await.unwrap();
        half.write_all(b"GET /metrics HTTP/1.1\r\nHost: here\r\n").await.unwrap();
        halves.push(half);
    }
    assert!(operator.get("/livez").await.unwrap().starts_with("HTTP/1.1 200"));
    for mut half in halves {
        // An answer such as 408, or none; then the end. Without a time-out this waits for ever.
        let mut rest = Vec::new();
        let read = tokio::time::timeout(SOON, half.read_to_end(&mut rest)).await;
        assert!(read.is_ok(), "a half request stays open");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn status_that_another_owner_wrote_is_corrected_in_one_reconcile() {
    let fixture = Fixture::shared();
    let database = database_with(Server::of_default_major(), "orders").await;
    fixture.secret("orders", &database.url());
    fixture.declare("orders");
    let operator = fixture.operator(&["--resync=100ms"]);
    fixture.wait_for("orders", "Ready", "True Succeeded").await;
    restore(&fixture, &json!({"plan": {"fingerprint": "dead", "steps": 4, "deferred": 1}}));
    wait_until("Stalled is removed", SOON, async || {
        fixture.condition("orders", "Stalled") == "absent"
    })
    .await;
    let object = fixture.object("orders");
    assert_eq!(object["status"]["plan"], json!(null));
    assert_eq!(fixture.condition("orders", "example.com/Backup"), "True Done");

    let before = operator.rounds().await;
    wait_until("it is inspected again", SOON, async || operator.rounds().await > before + 3).await;
    let written = &fixture.object("orders")["metadata"]["resourceVersion"];
    assert_eq!(*written, object["metadata"]["resourceVersion"]);

    let delete = ["--subresource=status", "--type=merge", "-p", r#"{"status":null}"#];
    let left = [&["patch", "pgpt", "orders", "-o", "jsonpath={.status}"], &delete[..]].concat();
    // The CustomResourceDefinition has this default.
    assert_eq!(fixture.kubectl(&left), r#"{"observedGeneration":-1}"#);
    fixture.wait_for("orders", "Ready", "True Succeeded").await;
    assert_ne!(fixture.object("orders")["status"]["partitions"], json!(null));

    fixture.kubectl(&[
        "patch",
        "pgpt",
        "orders",
        "--type=merge",
        "-p",
        r#"{"spec":{"suspend":true}}"#,
    ]);
    fixture.wait_for("orders", "Ready", "True Suspended").await;
    restore(&fixture, &json!({"nextActionAt": "2026-12-01T00:00:00Z"}));
    fixture.ask("orders", "restored");
    wait_until("Stalled and nextActionAt are removed", SOON, async || {
        fixture.condition("orders", "Stalled") == "absent"
            && fixture.object("orders")["status"]["nextActionAt"] == json!(null)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn leader_without_an_api_server_ends_its_build_and_leads_again() {
    let fixture = Fixture::shared();
    let database = database_with(Server::of_default_major(), "orders").await;
    fixture.secret("orders", &database.url());
    fixture.declare("orders");
    let mut proxy = Proxy::start(fixture.cluster.port()).await;
    let quick = ["--lease-duration=3s", "--lease-renew-deadline=2s", "--lease-retry-period=500ms"];
    let mut operator = fixture.operator_through(proxy.port(), &quick);
    fixture.wait_for("orders", "Ready", "True Succeeded").await;
    let reader = database.client().await;
    reader.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1").await.unwrap();
    let index =
        json!({"spec": {"indexes": [{"name": "orders_id", "columns": [{"column": "id"}]}]}});
    fixture.kubectl(&["patch", "pgpt", "orders", "--type=merge", "-p", &index.to_string()]);
    let client = database.client().await;
    let number = async |sql: &str| client.query_one(sql, &[]).await.unwrap().get::<_, i64>(0);
    let building = "SELECT count(*) FROM pg_stat_progress_create_index p
                    JOIN pg_database d ON d.oid = p.datid WHERE d.datname = current_database()";
    wait_until("an index is being built", SOON, async || number(building).await == 1).await;

    proxy.set(Mode::Refuse).await;
    wait_until("it leads no longer", SOON, async || {
        let metrics = operator.get("/metrics").await.unwrap_or_default();
        metrics.contains("\npgpartition_leader 0\n") && !metrics.contains("name=\"orders\"")
    })
    .await;
    assert_eq!(number(building).await, 1, "{}", operator.process.stderr());
    reader.batch_execute("COMMIT").await.unwrap();
    let built = "SELECT count(*) FROM pg_index WHERE indisvalid
                 AND indexrelid::regclass::text LIKE 'orders_20%_id'";
    wait_until("the build has ended", SOON, async || number(building).await == 0).await;
    let built_meanwhile = number(built).await;
    assert_eq!(built_meanwhile, 1, "{}", operator.process.stderr());

    proxy.set(Mode::Pass).await;
    wait_until("it leads again", SOON, async || operator.leads().await).await;
    fixture.wait_for("orders", "Indexed", "True IndexesValid").await;
    assert!(operator.process.status().is_none());
}

/// Writes a status as a restore from a backup does: as another owner, with what was true then.
fn restore(fixture: &Fixture<'_>, status: &Value) {
    let mut object = fixture.object("orders");
    // Whatever the operator has written meanwhile is replaced too.
    object["metadata"].as_object_mut().unwrap().remove("resourceVersion");
    let since = "2026-11-01T00:00:00Z";
    let then = |type_: &str, reason: &str| {
        json!({"type": type_, "status": "True", "reason": reason, "message": "old",
               "lastTransitionTime": since})
    };
    let conditions = object["status"]["conditions"].as_array_mut().unwrap();
    conditions.retain(|condition| condition["type"] != "example.com/Backup");
    conditions.push(then("Stalled", "TableNotFound"));
    conditions.push(then("example.com/Backup", "Done"));
    for (field, value) in status.as_object().unwrap() {
        object["status"][field] = value.clone();
    }
    let object = file(&object);
    let path = object.path().to_str().unwrap();
    fixture.kubectl(&["replace", "--subresource=status", "--field-manager=restore", "-f", path]);
}
