//! Sessions of the application that are busy with the table while it is swapped: what each of them sees.

use std::time::Duration;

use pg_partition_operator::partition::{Side, SyncLevel};
use pg_partition_operator::sql::{Timeouts, render};
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

use crate::copy_pages::{CONTENT, sweep};
use crate::database::SCHEMA_SQL;
use crate::support::postgres::majors;
use crate::support::wait_until;
use crate::swap_fixture::{APPLICATION, Swapped};

async fn application(swapped: &Swapped) -> Client {
    let client = swapped.world.database.client().await;
    client.batch_execute(&format!("SET search_path = {SCHEMA_SQL}")).await.unwrap();
    client
}

/// Tries a swap that has little time. Returns why it fails.
async fn blocked(swapped: &Swapped) -> String {
    let timeouts =
        Timeouts { lock_timeout: Duration::from_secs(2), retry_timeout: Duration::from_secs(1) };
    let script = render(&swapped.step().await, &swapped.table.owner, timeouts);
    let error = swapped.session.commit_script_text(&script).await.unwrap_err();
    assert_eq!(error.sqlstate(), Some("55P03"), "{error:?}");
    error.to_string()
}

/// Statements that are open when the swap begins; the transaction continues afterwards without an error.
const OPEN: [&str; 5] = [
    "BEGIN; SELECT count(*) FROM t",
    "BEGIN; UPDATE t SET org = org WHERE id = 1",
    "BEGIN; SELECT count(*) FROM nested",
    "BEGIN; DECLARE c CURSOR FOR SELECT id FROM t; FETCH 1 FROM c",
    "BEGIN; SELECT nextval('t_id_seq')",
];

#[tokio::test]
async fn open_transaction_on_the_table_blocks_the_swap_and_succeeds() {
    for major in majors() {
        let mut swapped = Swapped::new(major, SyncLevel::Row, APPLICATION).await;
        for _ in [Side::Partitioned, Side::Source] {
            for open in OPEN {
                let client = application(&swapped).await;
                client.batch_execute(open).await.unwrap();
                let reason = blocked(&swapped).await;
                assert!(reason.contains("lock timeout"), "Postgres {major}, {open}: {reason}");
                client.batch_execute("SELECT count(*) FROM t; COMMIT").await.unwrap();
                swapped.expect_equal(open).await;
            }
            swapped.swap().await;
        }
    }
}

#[tokio::test]
async fn prepared_statement_uses_the_serving_table() {
    for major in majors() {
        let mut swapped = Swapped::new(major, SyncLevel::Row, APPLICATION).await;
        let client = application(&swapped).await;
        let insert =
            client.prepare("INSERT INTO t (org, v) VALUES ($1, 'new') RETURNING id").await.unwrap();
        let select = client.prepare("SELECT v, org FROM t WHERE id = $1").await.unwrap();
        let star = client.prepare("SELECT * FROM t WHERE id = $1").await.unwrap();
        let view = client.prepare("SELECT count(*) FROM nested").await.unwrap();
        let function = client.prepare("SELECT rows_of(3)").await.unwrap();
        for turn in 0..5 {
            let id: i64 = client.query_one(&insert, &[&turn.max(1)]).await.unwrap().get(0);
            for statement in [&select, &star] {
                assert_eq!(client.query(statement, &[&id]).await.unwrap().len(), 1, "{major}");
            }
            let rows: i64 = client.query_one("SELECT count(*) FROM t", &[]).await.unwrap().get(0);
            let of_view: i64 = client.query_one(&view, &[]).await.unwrap().get(0);
            assert_eq!(of_view, rows, "Postgres {major}");
            client.query_one(&function, &[]).await.unwrap();
            swapped.expect_equal("prepared statements").await;
            swapped.swap().await;
        }
    }
}

/// Statements that wait for the locks of a swap, and the number of rows that each returns.
#[tokio::test]
async fn statement_that_waits_for_the_swap_uses_the_serving_table() {
    for major in majors() {
        let mut swapped = Swapped::new(major, SyncLevel::Row, APPLICATION).await;
        for _ in 0..2 {
            // The swap waits for the first, and the others wait for the swap.
            let first = application(&swapped).await;
            first.batch_execute("BEGIN; SELECT FROM t LIMIT 1").await.unwrap();
            let later = application(&swapped).await;
            let swap = swapped.try_swap();
            let write = async {
                wait_until("the swap waits", Duration::from_secs(20), async || {
                    let waits = "SELECT count(*) > 0 FROM pg_locks AS l JOIN pg_class AS c ON c.oid = l.relation
                        WHERE NOT l.granted AND l.mode = 'AccessExclusiveLock' AND l.database = (
                            SELECT oid FROM pg_database WHERE datname = current_database())";
                    later.query_one(waits, &[]).await.unwrap().get(0)
                })
                .await;
                let write = later.batch_execute(
                    "INSERT INTO t (org, v) VALUES (1, 'waited'); UPDATE t SET org = 2 WHERE v = 'waited'",
                );
                let end = first.batch_execute("COMMIT");
                let (written, ended) = tokio::join!(write, end);
                written.unwrap();
                ended.unwrap();
            };
            let (done, ()) = tokio::join!(swap, write);
            // It gives up after 100 ms, and a run tries again.
            if let Err(error) = done {
                assert_eq!(error.sqlstate(), Some("55P03"), "Postgres {major}: {error}");
                swapped.swap().await;
            }
            swapped.expect_equal("a statement that waited").await;
            let waited = swapped
                .world
                .text("SELECT count(*) FROM \"Fin\"\"an;ce\".t WHERE v = 'waited'")
                .await;
            assert_ne!(waited, "0", "Postgres {major}");
        }
    }
}

#[tokio::test]
async fn snapshot_from_before_the_last_page_blocks_the_swap() {
    for major in majors() {
        let mut swapped = Swapped::new(major, SyncLevel::Row, APPLICATION).await;
        // It never touches the table.
        let old = application(&swapped).await;
        old.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM log")
            .await
            .unwrap();
        let damage = "SET pgpartition.sync = 'on'; DELETE FROM t_partitioned WHERE id = 7; RESET pgpartition.sync";
        swapped.world.owner(damage).await;
        assert_eq!(sweep(&swapped.session, &swapped.table, CONTENT).await, 1);
        let reason = blocked(&swapped).await;
        assert!(reason.contains("has a snapshot from before"), "Postgres {major}: {reason}");
        old.batch_execute("COMMIT").await.unwrap();
        // One that begins now sees all rows, before and after.
        old.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM log")
            .await
            .unwrap();
        swapped.swap().await;
        let rows = "SELECT count(*) FROM t";
        let seen: i64 = old.query_one(rows, &[]).await.unwrap().get(0);
        assert_eq!(seen, 200, "Postgres {major}");
        old.batch_execute("UPDATE t SET org = org % 9 + 1; COMMIT").await.unwrap();
        swapped.expect_equal("a transaction from before the swap").await;

        // A transaction of the application that updates what it sees no longer fails as ever.
        old.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM log")
            .await
            .unwrap();
        swapped.write("UPDATE t SET v = 'newer' WHERE id = 8").await;
        swapped.swap().await;
        let error = old.batch_execute("UPDATE t SET v = 'older' WHERE id = 8").await.unwrap_err();
        assert_eq!(error.code(), Some(&SqlState::T_R_SERIALIZATION_FAILURE), "Postgres {major}");
        old.batch_execute("ROLLBACK").await.unwrap();
        swapped.expect_equal("a transaction that failed").await;
    }
}

/// Changes of a user between the inspection and the swap.
const CHANGES: [&str; 9] = [
    "ALTER TABLE t DISABLE TRIGGER sync_to_partitioned_t",
    "ALTER TABLE t DISABLE TRIGGER sync_to_partitioned_t; ALTER TABLE t ENABLE ALWAYS TRIGGER sync_to_partitioned_t",
    "DROP TRIGGER sync_to_partitioned_t_truncate ON t",
    "ALTER FUNCTION sync_to_partitioned_t() SET work_mem = '1MB'",
    "ALTER TABLE t_partitioned DISABLE TRIGGER read_only_until_cutover",
    "ALTER TABLE t ADD COLUMN later int",
    "ALTER TABLE t RENAME TO other; CREATE TABLE t (id int)",
    "ALTER TABLE t RENAME TO other",
    "COMMENT ON TABLE t_partitioned IS 'mine'",
];

#[tokio::test]
async fn change_since_the_inspection_prevents_the_swap() {
    for major in majors() {
        for change in CHANGES {
            let swapped = Swapped::new(major, SyncLevel::Row, APPLICATION).await;
            let step = swapped.step().await;
            swapped.world.owner(change).await;
            let error = swapped.run(&step).await.unwrap_err();
            let code = error.sqlstate().unwrap();
            assert!(["55000", "42P01"].contains(&code), "Postgres {major}, {change}: {error:?}");
            let names = "SELECT count(*) FROM pg_class WHERE relname = 't_source'";
            assert_eq!(swapped.world.text(names).await, "0", "Postgres {major}, {change}");
        }
    }
}

#[tokio::test]
async fn trigger_disabled_on_a_partition_since_the_inspection_prevents_the_rollback() {
    for major in majors() {
        let mut swapped = Swapped::new(major, SyncLevel::Row, APPLICATION).await;
        swapped.swap().await;
        let step = swapped.step().await;
        let change = |state: &str| format!("ALTER TABLE t_2 {state} TRIGGER sync_to_source_t");
        swapped.world.owner(&change("DISABLE")).await;
        let error = swapped.run(&step).await.unwrap_err();
        assert_eq!(error.sqlstate(), Some("55000"), "Postgres {major}: {error:?}");
        swapped.world.owner(&change("ENABLE ALWAYS")).await;
        swapped.run(&step).await.unwrap();
    }
}
