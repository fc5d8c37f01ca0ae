//! Triggers after the cutover: the source is equal whatever writes to the partitioned table, and enforces what it enforced.

use std::time::Duration;

use pg_partition_operator::partition::SyncLevel;
use tokio_postgres::Client;
use tokio_postgres::error::DbError;

use crate::copy_pages::{CONTENT, sweep};
use crate::database::SCHEMA_SQL;
use crate::support::postgres::majors;
use crate::support::wait_until;
use crate::swap_fixture::{APPLICATION, Swapped};

async fn cut_over(major: u16, sql: &str) -> Swapped {
    let mut swapped = Swapped::new(major, SyncLevel::Row, (sql, "")).await;
    swapped.swap().await;
    swapped
}

/// A session of the application.
async fn application(swapped: &Swapped) -> Client {
    let client = swapped.world.database.client().await;
    client.batch_execute(&format!("SET search_path = {SCHEMA_SQL}")).await.unwrap();
    client
}

/// Why a statement fails.
async fn failed(client: &Client, sql: &str) -> DbError {
    let error = client.batch_execute(sql).await.expect_err(sql);
    client.batch_execute("ROLLBACK").await.unwrap();
    error.as_db_error().unwrap_or_else(|| panic!("{error}")).clone()
}

const TABLE: &str = "
    CREATE TABLE t (id int PRIMARY KEY, org int NOT NULL, email text UNIQUE, v int,
        EXCLUDE USING btree (v WITH =));
    CREATE TABLE lines (t int CONSTRAINT lines_t REFERENCES t ON DELETE CASCADE ON UPDATE CASCADE);
    INSERT INTO t SELECT n, n % 9, 'm' || n, n FROM generate_series(1, 50) AS n;
    INSERT INTO lines SELECT id FROM t;";

#[tokio::test]
async fn source_keeps_its_constraints_and_their_names() {
    for major in majors() {
        let swapped = cut_over(major, TABLE).await;
        let client = application(&swapped).await;
        for (write, code, constraint) in [
            ("INSERT INTO t VALUES (7, 8)", "23505", "t_pkey"),
            ("UPDATE t SET id = 8, org = 1 WHERE id = 7", "23505", "t_pkey"),
            ("INSERT INTO t VALUES (70, 7, 'm7')", "23505", "t_email_key"),
            ("UPDATE t SET email = 'm8' WHERE id = 7", "23505", "t_email_key"),
            ("INSERT INTO t VALUES (70, 7, NULL, 9)", "23P01", "t_v_excl"),
            ("INSERT INTO lines VALUES (70)", "23503", "lines_t"),
            (
                "BEGIN; ALTER TABLE lines DROP CONSTRAINT lines_t; ALTER TABLE lines ADD CONSTRAINT lines_t FOREIGN KEY (t) \
              REFERENCES t_source; DELETE FROM t WHERE id = 7",
                "23503",
                "lines_t",
            ),
        ] {
            let error = failed(&client, write).await;
            let found = (error.code().code(), error.constraint());
            assert_eq!(found, (code, Some(constraint)), "Postgres {major}, {write}: {error:?}");
            swapped.expect_equal(write).await;
        }
    }
}

#[tokio::test]
async fn foreign_keys_cascade_for_deleted_rows_and_not_for_moved_rows() {
    for major in majors() {
        let swapped = cut_over(major, TABLE).await;
        let lines = "SELECT count(*) FROM \"Fin\"\"an;ce\".lines";
        for (write, left) in [
            ("UPDATE t SET org = org + 1", "50"),
            ("UPDATE t SET org = org + 1, v = v + 1000 WHERE id < 20", "50"),
            (
                "WITH gone AS (DELETE FROM t WHERE id = 3 RETURNING *) INSERT INTO t SELECT id, org + 1, email, v FROM gone",
                "50",
            ),
            ("UPDATE t SET id = id + 1000 WHERE id = 4", "50"),
            ("UPDATE t SET id = id + 2000, email = NULL WHERE id IN (5, 6)", "50"),
            ("DELETE FROM t WHERE id IN (1004, 2005)", "48"),
            ("DELETE FROM t WHERE id BETWEEN 10 AND 19", "38"),
            // In another partition it is another row.
            (
                "UPDATE t SET id = id + 3000, org = (SELECT min(o.org) FROM t AS o WHERE o.tableoid <> t.tableoid) WHERE id = 7",
                "37",
            ),
        ] {
            swapped.write(write).await;
            assert_eq!(swapped.world.text(lines).await, left, "Postgres {major}, {write}");
        }
    }
}

/// A cascade reaches the source first, a write of the application the partitioned table.
#[tokio::test]
async fn cascade_to_a_row_that_is_locked_is_a_deadlock_that_loses_nothing() {
    for major in majors() {
        let mut swapped = Swapped::new(major, SyncLevel::Row, APPLICATION).await;
        swapped.swap().await;
        let (updater, deleter) = (application(&swapped).await, application(&swapped).await);
        let pid: i32 = deleter.query_one("SELECT pg_backend_pid()", &[]).await.unwrap().get(0);
        updater.batch_execute("BEGIN; SELECT FROM t WHERE org = 4 FOR UPDATE").await.unwrap();
        let waits = format!("SELECT pg_backend_pid() = ANY (pg_blocking_pids({pid}))");
        let write = async {
            wait_until("the cascade waits", Duration::from_secs(20), async || {
                updater.query_one(&waits, &[]).await.unwrap().get(0)
            })
            .await;
            updater.batch_execute("UPDATE t SET v = 'written' WHERE org = 4; COMMIT").await
        };
        let (cascade, write_result) =
            tokio::join!(deleter.batch_execute("DELETE FROM orgs WHERE id = 4"), write);
        let failed: Vec<_> = [cascade, write_result].into_iter().filter_map(Result::err).collect();
        let codes: Vec<_> = failed.iter().map(|error| error.code().unwrap().code()).collect();
        assert_eq!(codes, ["40P01"], "Postgres {major}: {failed:?}");
        updater.batch_execute("ROLLBACK").await.unwrap();
        swapped.expect_equal("a deadlock").await;
    }
}

#[tokio::test]
async fn sweep_repairs_the_source_and_cascades_to_no_other_table() {
    for major in majors() {
        let swapped = cut_over(major, TABLE).await;
        let world = &swapped.world;
        world
            .owner(
                "SET pgpartition.sync = 'on'; UPDATE t_source SET v = 1000 WHERE id = 1; UPDATE t_source SET org = 7 WHERE id = 2;
                 ALTER TABLE lines DROP CONSTRAINT lines_t; DELETE FROM t_source WHERE id IN (3, 4);
                 INSERT INTO t_source VALUES (99, 1, 'extra'); RESET pgpartition.sync;
                 ALTER TABLE lines ADD CONSTRAINT lines_t FOREIGN KEY (t) REFERENCES t_source ON DELETE CASCADE NOT VALID",
            )
            .await;
        // A row that moved differs twice.
        assert_eq!(sweep(&swapped.session, &swapped.table, CONTENT).await, 6, "Postgres {major}");
        swapped.expect_equal("a sweep").await;
        assert_eq!(sweep(&swapped.session, &swapped.table, CONTENT).await, 0, "Postgres {major}");
        let lines = "SELECT count(*) FROM \"Fin\"\"an;ce\".lines";
        assert_eq!(world.text(lines).await, "50", "Postgres {major}");
    }
}

/// A table with rows that go with a row of another one.
const CASCADED: &str = "
    CREATE TABLE orgs (id int PRIMARY KEY);
    INSERT INTO orgs SELECT generate_series(1, 9);
    CREATE TABLE t (id int PRIMARY KEY, org int NOT NULL REFERENCES orgs ON DELETE CASCADE);
    INSERT INTO t SELECT n, n FROM generate_series(1, 9) AS n;";

#[tokio::test]
async fn cascade_deadlocks_with_a_transaction_that_locked_the_row_before_it_deletes_it() {
    for major in majors() {
        let swapped = cut_over(major, CASCADED).await;
        let [first, second] = [application(&swapped).await, application(&swapped).await];
        let pid = "SELECT pg_backend_pid()";
        let pid: i32 = second.query_one(pid, &[]).await.unwrap().get(0);
        first.batch_execute("BEGIN; SELECT FROM t WHERE id = 3 FOR UPDATE").await.unwrap();
        // It deletes the row of the source, and waits for that of the partition.
        let cascade =
            tokio::spawn(
                async move { second.batch_execute("DELETE FROM orgs WHERE id = 3").await },
            );
        let waits = format!(
            "SELECT count(*) FROM pg_locks WHERE pid = {pid} AND locktype = 'transactionid' AND NOT granted"
        );
        wait_until("the cascade waits", Duration::from_secs(20), async || {
            swapped.world.text(&waits).await == "1"
        })
        .await;
        let delete = first.batch_execute("DELETE FROM t WHERE id = 3; COMMIT").await;
        if delete.is_err() {
            first.batch_execute("ROLLBACK").await.unwrap();
        }
        let failed = [delete, cascade.await.unwrap()].into_iter().filter_map(Result::err);
        let failed: Vec<_> = failed.map(|error| error.code().unwrap().code().to_owned()).collect();
        assert_eq!(failed, ["40P01"], "Postgres {major}: Errors in the application has it");
        swapped.expect_equal("a deadlock").await;
        swapped.write("DELETE FROM orgs WHERE id = 3").await;
    }
}

/// Each is a transaction of the application.
const TRANSACTIONS: [&str; 12] = [
    "INSERT INTO t SELECT n, n % 9, 'n' || n, n FROM generate_series(100, 400) AS n",
    "UPDATE t SET id = id + 1000, org = org + 1 WHERE id > 100 AND id % 7 = 0",
    "INSERT INTO t VALUES (100, 1), (401, 5) ON CONFLICT (id, org) DO UPDATE SET v = 5000, email = 'upserted'",
    "WITH gone AS (DELETE FROM t WHERE id BETWEEN 120 AND 140 RETURNING *) INSERT INTO t SELECT * FROM gone",
    "WITH gone AS (DELETE FROM t WHERE id BETWEEN 141 AND 160 RETURNING *) INSERT INTO t SELECT id, org + 1 FROM gone",
    "SAVEPOINT a; DELETE FROM t WHERE id > 300; ROLLBACK TO a; UPDATE t SET org = 2 WHERE id > 350",
    "INSERT INTO t VALUES (900, 1, 'x', 900); UPDATE t SET org = 2 WHERE id = 900; UPDATE t SET id = 901 WHERE id = 900; \
     DELETE FROM t WHERE id = 901; INSERT INTO t VALUES (900, 3, 'x', 900)",
    "SET LOCAL session_replication_role = replica; UPDATE t SET org = 4 WHERE id BETWEEN 200 AND 220",
    "UPDATE t_1 SET v = v + 20000",
    "DELETE FROM t WHERE id > 380",
    "TRUNCATE lines, t_source_is_not_named; INSERT INTO t VALUES (1, 1)",
    "DELETE FROM t",
];

#[tokio::test]
async fn source_is_equal_after_every_kind_of_write_at_every_isolation_level() {
    for major in majors() {
        for level in ["READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"] {
            let swapped = cut_over(major, TABLE).await;
            let client = application(&swapped).await;
            // The inbound foreign key rejects a TRUNCATE, as it did before the cutover.
            client.batch_execute("DELETE FROM lines; DROP TABLE lines").await.unwrap();
            for write in TRANSACTIONS {
                let write = write.replace("TRUNCATE lines, t_source_is_not_named", "TRUNCATE t");
                let sql = format!("BEGIN ISOLATION LEVEL {level}; {write}; COMMIT");
                let done = client.batch_execute(&sql).await;
                done.unwrap_or_else(|e| panic!("Postgres {major}, {write}: {:?}", e.as_db_error()));
                swapped.expect_equal(&sql).await;
            }
            if major >= 15 {
                let merge = "MERGE INTO t USING (SELECT n AS id, n % 9 AS org FROM generate_series(1, 40) AS n) AS s ON t.id = s.id \
                    AND t.org = s.org WHEN MATCHED AND t.id % 3 = 0 THEN DELETE WHEN MATCHED THEN UPDATE SET org = t.org + 1 \
                    WHEN NOT MATCHED THEN INSERT VALUES (s.id, s.org)";
                client
                    .batch_execute("INSERT INTO t SELECT n, n % 9 FROM generate_series(1, 20) AS n")
                    .await
                    .unwrap();
                client.batch_execute(merge).await.unwrap();
                swapped.expect_equal(merge).await;
            }
        }
    }
}

#[tokio::test]
async fn trigger_of_the_application_that_writes_the_same_rows_leaves_the_source_equal() {
    for major in majors() {
        let table = "
            CREATE TABLE t (id int PRIMARY KEY, org int NOT NULL, v int, latest boolean);
            INSERT INTO t VALUES (1, 1, 1, true);
            CREATE FUNCTION again() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                IF pg_trigger_depth() = 1 THEN
                    UPDATE \"Fin\"\"an;ce\".t SET v = v + 1, org = org + 1 WHERE id = NEW.id;
                END IF;
                RETURN NULL;
            END $$;
            CREATE FUNCTION one() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                UPDATE \"Fin\"\"an;ce\".t SET latest = false WHERE latest; RETURN NEW;
            END $$;
            CREATE TRIGGER again AFTER INSERT OR UPDATE ON t FOR EACH ROW EXECUTE FUNCTION again();
            CREATE TRIGGER zz AFTER UPDATE OF v ON t FOR EACH ROW EXECUTE FUNCTION again();
            CREATE TRIGGER one BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION one();";
        let swapped = cut_over(major, table).await;
        for write in [
            "INSERT INTO t VALUES (2, 1, 1, true), (3, 1, 1, true), (4, 4, 4, true)",
            "UPDATE t SET v = 7",
            "UPDATE t SET id = id + 10, org = org + 1",
            "DELETE FROM t WHERE id = 12",
        ] {
            swapped.write(write).await;
        }
    }
}

#[tokio::test]
async fn foreign_key_to_itself_holds_at_commit() {
    for major in majors() {
        let mut swapped = Swapped::new(major, SyncLevel::Row, APPLICATION).await;
        swapped.swap().await;
        let client = application(&swapped).await;
        swapped
            .write("INSERT INTO t (id, org, parent) VALUES (5001, 1, 5002), (5002, 2, 5001)")
            .await;
        swapped.write("DELETE FROM t WHERE id IN (5001, 5002)").await;
        let error = failed(&client, "INSERT INTO t (org, parent) VALUES (1, 5001)").await;
        let found = (error.code().code(), error.constraint());
        assert_eq!(found, ("23503", Some("t_parent")), "Postgres {major}");
        swapped.swap().await;
        let again = "SELECT concat(condeferrable, condeferred) FROM pg_constraint WHERE conname = 't_parent'";
        assert_eq!(swapped.world.text(again).await, "ff", "Postgres {major}");
    }
}

#[tokio::test]
async fn source_cannot_be_written_past_the_triggers() {
    for major in majors() {
        let swapped = cut_over(major, TABLE).await;
        let client = application(&swapped).await;
        for write in [
            "INSERT INTO t_source VALUES (70, 1)",
            "UPDATE t_source SET v = 1",
            "DELETE FROM t_source",
            "TRUNCATE t_source CASCADE",
        ] {
            let error = failed(&client, write).await;
            assert_eq!(error.code().code(), "55000", "Postgres {major}, {write}: {error:?}");
            assert!(error.message().ends_with("write to \"Fin\"\"an;ce\".t"), "{error:?}");
        }
    }
}
