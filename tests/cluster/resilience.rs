//! One resource's trouble is not another's, and clients of the HTTP port are no resource's.

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::stage::{SOON, Stage, database_with, table};
use crate::support::postgres::Server;
use crate::support::wait_until;

#[tokio::test(flavor = "multi_thread")]
async fn resource_at_the_end_of_the_calendar_does_not_stop_another() {
    let stage = Stage::shared();
    for name in ["last", "orders"] {
        let database = database_with(Server::shared(17), name).await;
        stage.secret(name, &database.url());
    }
    let last = json!({"column": "at", "interval": "Month", "startAt": "9999-12-30T22:00:00Z",
                      "timeZone": "Asia/Tokyo"});
    stage.apply(&table("last", &json!({"partitionBy": {"range": last}})));
    let mut operator = stage.operator(&[]);
    wait_until("the other one is reported on", SOON, async || {
        stage.condition("last", "Ready") != "absent"
    })
    .await;

    stage.declare("orders");
    stage.wait_for("orders", "Ready", "True Succeeded").await;
    assert!(operator.process.status().is_none(), "{}", operator.process.stderr());
}

#[tokio::test(flavor = "multi_thread")]
async fn half_requests_are_closed_and_keep_no_probe_out() {
    let stage = Stage::shared();
    let operator = stage.operator(&[]);
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
