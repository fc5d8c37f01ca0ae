//! A page notices that other sessions wait for it, and no page comes while a replica is far behind.

use std::time::Duration;

use pg_partition_operator::partition::SyncLevel;
use pg_partition_operator::sql::{Page, copy_page};
use serde_json::{Value, json};

use crate::copy_fixture::{create, differing, install, page};
use crate::copy_pages::copy;
use crate::database::{SCHEMA_SQL, World, apply, desired};
use crate::replica::Replica;
use crate::support::postgres::{Server, majors};
use crate::support::wait_until;

const USUAL: Duration = Duration::from_secs(3);

/// A constraint that delays the last row until another session waits for the transaction.
const HOLD: &str = "
    CREATE FUNCTION hold(id int) RETURNS bool LANGUAGE plpgsql AS $$ BEGIN
        IF id = 20 THEN
            PERFORM pg_advisory_xact_lock(20);
            WHILE NOT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY (pg_blocking_pids(pid)))
                LOOP PERFORM pg_sleep(0.01); END LOOP;
        END IF;
        RETURN true; END $$;
    ALTER TABLE t_partitioned ADD CHECK (hold(id))";

#[tokio::test]
async fn page_reports_that_a_session_waits_for_it() {
    for major in majors() {
        let world = World::new(major).await;
        let table = create(&world, "t", "id int, part int NOT NULL", (&["id"], &["part"])).await;
        world.owner("INSERT INTO t SELECT n, n FROM generate_series(1, 20) AS n").await;
        install(&world, &table, SyncLevel::Row).await;
        world.owner(HOLD).await;
        let session = world.session().await;
        assert_eq!(copy(&session, &table, 8).await.unwrap()["blocks"], false, "Postgres {major}");

        let client = world.database.client().await;
        let last_page = copy_page(&table, Page { statement_timeout: 10 * USUAL, ..page(100) });
        let update = async {
            wait_until("the page is at its last row", USUAL, async || {
                let holds = "SELECT count(*) FROM pg_locks AS l JOIN pg_database AS d ON d.oid = l.database
                    WHERE d.datname = current_database() AND l.locktype = 'advisory' AND l.objid = 20";
                world.text(holds).await == "1"
            })
            .await;
            let update = format!("UPDATE {SCHEMA_SQL}.t SET part = part + 1 WHERE id = 9");
            client.batch_execute(&update).await.unwrap();
        };
        let (answer, ()) = tokio::join!(session.commit_page_text(&last_page), update);
        let answer: Value = serde_json::from_str(&answer.unwrap().unwrap()).unwrap();
        assert_eq!((&answer["blocks"], &answer["done"]), (&json!(true), &json!(true)), "{answer}");
        assert_eq!(differing(&world.admin, &table).await, "", "Postgres {major}");
    }
}

/// As much WAL as 66 segments have.
const WRITE_WAL: &str = "DO $$ BEGIN FOR n IN 1..66 LOOP
    PERFORM pg_logical_emit_message(false, 'a', 'b'); PERFORM pg_switch_wal(); END LOOP; END $$";

const ORDERS: &str = "CREATE TABLE orders (id bigint PRIMARY KEY, org int NOT NULL);
    INSERT INTO orders SELECT n, n FROM generate_series(1, 30) AS n; ANALYZE orders";

#[tokio::test]
async fn nothing_is_copied_while_a_replica_is_far_behind() {
    // Segments of the WAL that have nothing in them take no space.
    let options =
        ["wal_init_zero=off", "wal_recycle=off", "max_wal_size=8GB", "wal_sender_timeout=0"];
    let options: Vec<_> = options.iter().flat_map(|option| ["-c", option]).collect();
    for major in majors() {
        let server = Server::start(major, &options);
        for has_slot in [true, false] {
            let world = World::on(&server, major).await;
            world.owner(ORDERS).await;
            let slot = if has_slot {
                world.admin("SELECT pg_create_physical_replication_slot('replica', true)").await;
                "SLOT replica"
            } else {
                let operator = &world.operator;
                let grant =
                    format!("ALTER ROLE {operator} INHERIT; GRANT pg_read_all_stats TO {operator}");
                world.admin(&grant).await;
                ""
            };
            let at = || world.text("SELECT pg_current_wal_flush_lsn()::text");
            let mut replica = Replica::follow(&server, slot, &at().await).await;
            replica.flushed(&at().await).await;
            world.admin(WRITE_WAL).await;

            let session = world.session().await;
            let spec = desired(json!({
                "table": "orders",
                "partitionBy": {"hash": {"columns": ["org"], "partitions": 2}},
                "conversion": {"method": "Copy", "acknowledge": ["UniqueKey:orders_pkey"]},
            }));
            let catch_up = async {
                wait_until("the operator waits for the replica", USUAL, async || {
                    let waits =
                        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
                        AND state = 'idle' AND query LIKE 'SELECT ''yes'' %pg_stat_replication%'";
                    world.text(waits).await == "1"
                })
                .await;
                let copied = "SELECT copied::text FROM pgpartition.conversions";
                assert_eq!(world.text(copied).await, "0", "Postgres {major}");
                replica.flushed(&at().await).await;
            };
            let (done, ()) = tokio::join!(apply(&session, &spec, "2026-03-15T12:00:00Z"), catch_up);
            assert!(done.remaining.is_done(), "Postgres {major}: {}", done.remaining);
        }
    }
}
