//! Calls of a function with a `BEGIN ATOMIC` body that wait for a cutover or a rollback of a table that is attached. The body
//! has the object identifier of the table, so the call goes on with the same table under another name.

use std::time::Duration;

use pg_partition_operator::sql::{Sql, attach_source, detach_source};
use tokio::task::JoinHandle;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Error};

use crate::attach::{TABLE, attach, attach_step, detach_step, prepared, with_keys};
use crate::database::{SCHEMA_SQL, World};
use crate::support::postgres::majors;
use crate::support::wait_until;

const ADD: &str = "CREATE FUNCTION add() RETURNS void LANGUAGE sql BEGIN ATOMIC
    INSERT INTO t (org, at) VALUES (1, '2026-12-24Z'); END";

/// Executes a swap and does not commit it. Returns its session.
async fn open_swap(world: &World, script: Vec<Sql>) -> Client {
    let script: String = script.iter().map(|sql| format!("{}; ", sql.as_str())).collect();
    let session = world.database.client_as(&world.operator).await;
    let owner = &world.owner;
    session.batch_execute(&format!("BEGIN; SET LOCAL ROLE {owner}; {script}")).await.unwrap();
    session
}

/// Sends a statement as the owner, and returns once it waits for a lock.
async fn waiting(world: &World, sql: &'static str) -> JoinHandle<Result<(), Error>> {
    let client = world.database.client_as(&world.operator).await;
    let as_owner = format!("SET ROLE {}; SET search_path = {SCHEMA_SQL}", world.owner);
    client.batch_execute(&as_owner).await.unwrap();
    let pid: i32 = client.query_one("SELECT pg_backend_pid()", &[]).await.unwrap().get(0);
    let call = tokio::spawn(async move { client.batch_execute(sql).await });
    let waits = format!("SELECT (cardinality(pg_blocking_pids({pid})) > 0)::text");
    wait_until("the statement waits", Duration::from_secs(20), async || {
        world.text(&waits).await == "true"
    })
    .await;
    call
}

fn code(result: Result<(), Error>) -> Option<String> {
    result.err().map(|error| error.code().map_or(error.to_string(), |code| code.code().to_owned()))
}

/// Returns the numbers of rows of the table, and of the table that becomes the partitioned one.
async fn counts(world: &World, other: &str) -> String {
    let count = |t: &str| format!("(SELECT count(*) FROM {SCHEMA_SQL}.{t})");
    world.text(&format!("SELECT concat({}, ' ', {})", count("t"), count(other))).await
}

#[tokio::test]
async fn call_that_waits_for_a_rollback_does_not_write_to_the_empty_table() {
    let guard = "SELECT count(*) FROM pg_proc WHERE proname = 't_partitioned_read_only'";
    for major in majors() {
        let world = World::new(major).await;
        let table = prepared(&world, TABLE).await;
        with_keys(&world, &table).await;
        let attached = attach(&world, &table).await.unwrap();
        world.owner(ADD).await;
        let step = detach_step(&world, &attached).await;
        let rollback = open_swap(&world, detach_source(&step)).await;
        let call = waiting(&world, "SELECT add()").await;
        rollback.batch_execute("COMMIT").await.unwrap();
        assert_eq!(code(call.await.unwrap()).as_deref(), Some("55000"), "Postgres {major}");
        world.owner("SELECT add()").await;
        assert_eq!(counts(&world, "t_partitioned").await, "501 0", "Postgres {major}");
        with_keys(&world, &table).await;
        attach(&world, &table).await.unwrap();
        world.owner("SELECT add()").await;
        assert_eq!(world.text(guard).await, "0", "Postgres {major}");
    }
}

/// The call writes to the partition that the plain table has become. To check the bounds, Postgres locks the partitioned
/// table after the partition; `TRUNCATE` locks the two in the other order.
#[tokio::test]
async fn call_that_waits_for_a_cutover_writes_to_the_partition_or_deadlocks_with_truncate() {
    let put = "CREATE FUNCTION put() RETURNS void LANGUAGE sql BEGIN ATOMIC
        INSERT INTO t (id, org, at) OVERRIDING SYSTEM VALUE VALUES (90001, 1, '2026-12-24Z'); END";
    for major in majors() {
        for truncates in [false, true] {
            let world = World::new(major).await;
            let table = prepared(&world, TABLE).await;
            with_keys(&world, &table).await;
            world.owner(put).await;
            let cutover =
                open_swap(&world, attach_source(&attach_step(&world, &table).await)).await;
            let mut waits = Vec::new();
            if truncates {
                waits.push(waiting(&world, "BEGIN; TRUNCATE t; ROLLBACK").await);
            }
            waits.push(waiting(&world, "SELECT put()").await);
            cutover.batch_execute("COMMIT").await.unwrap();
            let call = code(waits.pop().unwrap().await.unwrap());
            let rows = if call.is_none() { 501 } else { 500 };
            let mut failed = Vec::from_iter(call);
            for truncate in waits {
                failed.extend(code(truncate.await.unwrap()));
            }
            let is_documented = failed.is_empty()
                || truncates && failed == [SqlState::T_R_DEADLOCK_DETECTED.code()];
            assert!(is_documented, "Postgres {major}: {failed:?}");
            let expected = format!("{rows} {rows}");
            assert_eq!(counts(&world, "t_source").await, expected, "Postgres {major}");
        }
    }
}

/// Before 17, a partition has no identity.
#[tokio::test]
async fn call_that_waits_for_a_cutover_gets_a_number_or_writes_nothing() {
    for major in majors() {
        let world = World::new(major).await;
        let table = prepared(&world, TABLE).await;
        with_keys(&world, &table).await;
        world.owner(ADD).await;
        let cutover = open_swap(&world, attach_source(&attach_step(&world, &table).await)).await;
        let call = waiting(&world, "SELECT add()").await;
        cutover.batch_execute("COMMIT").await.unwrap();
        let code = code(call.await.unwrap());
        let expected = (major < 17).then_some("23502");
        assert_eq!(code.as_deref(), expected, "Postgres {major}");
        world.owner("SELECT add()").await;
        let rows = if code.is_none() { 502 } else { 501 };
        assert_eq!(counts(&world, "t_source").await, format!("{rows} {rows}"), "Postgres {major}");
    }
}
