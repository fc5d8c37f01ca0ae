//! A prepared transaction blocks a detach like a session, and has no process by which it could be named.

use std::time::Duration;

use serde_json::{Value, json};

use crate::clients::run;
use crate::database::{SCHEMA_SQL, World, apply, desired};
use crate::program::resource;
use crate::support::operator::Operator;
use crate::support::postgres::{Server, majors};
use crate::support::wait_until;

const NOW: &str = "2026-01-15T12:00:00Z";

fn spec(keep: u32) -> Value {
    json!({
        "table": "t", "ahead": 0,
        "partitionBy": {"range": {
            "column": "at", "interval": "Month", "timeZone": "UTC", "startAt": "2025-12-01",
        }},
        "retention": {"keep": keep},
        "limits": {"lockTimeout": "200ms"},
    })
}

/// A table whose December has expired, and a prepared transaction that has read December.
async fn blocked(server: &Server, major: u16) -> World {
    let world = World::on(server, major).await;
    world.owner("CREATE TABLE t (at timestamptz NOT NULL) PARTITION BY RANGE (at)").await;
    let done = apply(&world.session().await, &desired(spec(9)), NOW).await;
    assert!(done.remaining.steps.is_empty(), "Postgres {major}: {:?}", done.outcomes);
    let client = world.database.client().await;
    run(&client, &format!("BEGIN; SELECT FROM {SCHEMA_SQL}.t_2025_12")).await;
    run(&client, "PREPARE TRANSACTION 'billing-4711'").await;
    world
}

#[tokio::test(flavor = "multi_thread")]
async fn prepared_transaction_that_blocks_a_detach_is_named() {
    for major in majors() {
        let what = format!("Postgres {major}");
        let server = Server::start(major, &["-c", "max_prepared_transactions=2"]);
        let world = blocked(&server, major).await;
        let arguments = ["apply", "-f", "-", "--at", NOW, "--wait", "4s"];
        let outcome = world.call(&arguments, &resource(spec(0)));
        assert_eq!(outcome.status, 5, "{what}: {outcome:?}");
        assert!(outcome.out.contains("DetachBlocked"), "{what}: {outcome:?}");
        let name = "the transaction that role postgres prepared as 'billing-4711'";
        assert!(outcome.out.contains(name), "{what}: {outcome:?}");
        run(&world.admin, "ROLLBACK PREPARED 'billing-4711'").await;
        let outcome = world.call(&arguments, &resource(spec(0)));
        assert_eq!(outcome.status, 0, "{what}: {outcome:?}");
    }
}

/// The run that begins a detach also waits for its end.
#[tokio::test(flavor = "multi_thread")]
async fn apply_finalizes_the_detach_that_it_began_once_the_blocker_has_ended() {
    for major in majors() {
        let what = format!("Postgres {major}");
        let server = Server::start(major, &["-c", "max_prepared_transactions=2"]);
        let world = blocked(&server, major).await;
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), resource(spec(0))).unwrap();
        let path = file.path().to_str().unwrap();
        let arguments = ["apply", "-f", path, "--at", NOW, "--wait", "60s"];
        let mut operator = Operator::start(&arguments, &[("DATABASE_URL", &world.url())]);
        let pending = "SELECT count(*) FROM pg_inherits WHERE inhdetachpending";
        let deadline = Duration::from_mins(1);
        wait_until("a detach is pending", deadline, async || world.text(pending).await == "1")
            .await;
        run(&world.admin, "ROLLBACK PREPARED 'billing-4711'").await;
        wait_until("it has ended", deadline, async || operator.status().is_some()).await;
        assert!(operator.status().unwrap().success(), "{what}");
        assert_eq!(world.text(pending).await, "0", "{what}");
    }
}
