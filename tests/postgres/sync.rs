//! Sync triggers: each kind of write reaches the copy, for every writer, name, and key.

use std::pin::pin;

use futures::SinkExt;
use pg_partition_operator::partition::{CopiedTable, SyncLevel, function_digest};
use pg_partition_operator::sql::{remove_sync, sync_functions};
use serde_json::Value;
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

use crate::copy_fixture::{LEVELS, create, differing, in_sql, install, run_as_owner};
use crate::database::{SCHEMA_SQL, World};
use crate::support::postgres::majors;

/// Rows before each write: five, in this order on disk.
const ROWS: &str = "INSERT INTO t (id, org, v) VALUES (5, 1, '5'), (4, 2, '4'), (3, NULL, '3'), (2, 1, NULL), (1, 2, '1')";

/// Writes of an application, each a transaction.
const WRITES: [&str; 26] = [
    "INSERT INTO t (id, org, v, doc) VALUES (6, 1, 'x', '{\"a\": 1}'), (7, 2, 'y', NULL)",
    "INSERT INTO t (id, part, v) SELECT n, 1, n::text FROM generate_series(100, 1100) AS n",
    "UPDATE t SET v = NULL",
    "UPDATE t SET id = id + 1",
    "UPDATE t SET part = part + 1",
    "UPDATE t SET id = id * 10, part = 9 WHERE id > 2",
    "UPDATE t SET v = v WHERE id = 1; UPDATE t SET doc = '[1, 2]' WHERE id = 1",
    "DELETE FROM t WHERE id < 4",
    "WITH gone AS (DELETE FROM t RETURNING id, org, v) INSERT INTO t (id, org, v) SELECT id + 100, org, v FROM gone",
    "DELETE FROM t WHERE id = 3; INSERT INTO t (id, part, v) VALUES (3, 8, 'again')",
    "INSERT INTO t (id, v) VALUES (1, 'a'), (6, 'b') ON CONFLICT (id) DO UPDATE SET v = EXCLUDED.v, part = 7",
    "INSERT INTO t (id, v) VALUES (1, 'a'), (6, 'b') ON CONFLICT DO NOTHING",
    "SAVEPOINT a; INSERT INTO t (id) VALUES (6); UPDATE t SET part = 3; ROLLBACK TO a; UPDATE t SET v = 's'",
    "SAVEPOINT a; DELETE FROM t; ROLLBACK TO a; SAVEPOINT b; DELETE FROM t WHERE id = 1; RELEASE b",
    "DECLARE c CURSOR FOR SELECT FROM t WHERE id = 2 FOR UPDATE; FETCH c; UPDATE t SET part = 5 WHERE CURRENT OF c",
    "TRUNCATE t",
    "TRUNCATE t; INSERT INTO t (id, v) VALUES (1, 'after')",
    // Cascades: ON DELETE CASCADE, ON UPDATE CASCADE.
    "DELETE FROM orgs WHERE id = 1",
    "UPDATE orgs SET id = 3 WHERE id = 1",
    // A foreign key that is checked at the end.
    "SET CONSTRAINTS ALL DEFERRED; INSERT INTO t (id, org) VALUES (8, 80); INSERT INTO orgs VALUES (80)",
    // Triggers: of another table, and of the table itself before and after those of the operator.
    "INSERT INTO events VALUES (1), (2)",
    "INSERT INTO t (id, v) VALUES (20, 'nested'), (21, 'delete me')",
    "UPDATE t SET v = 'nested' WHERE id < 3",
    "UPDATE t SET v = 'delete me' WHERE id < 3",
    "MERGE INTO t USING (VALUES (1, 'm'), (9, 'n')) AS m (id, v) ON m.id = t.id WHEN MATCHED THEN UPDATE SET v = m.v, \
     part = 6 WHEN NOT MATCHED THEN INSERT (id, v) VALUES (m.id, m.v)",
    "MERGE INTO t USING orgs AS o ON o.id = t.org WHEN MATCHED AND t.id > 3 THEN DELETE WHEN MATCHED THEN UPDATE SET id \
     = t.id + 50",
];

/// Tables of an application around `t`.
const AROUND: &str = "
    INSERT INTO orgs VALUES (1), (2);
    CREATE TABLE events (n int);
    CREATE FUNCTION event() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = @schema AS $$ BEGIN
        UPDATE t SET v = concat(v, 'e'), id = id + 30 * NEW.n WHERE id = NEW.n;
        INSERT INTO t (id, v) VALUES (200 + NEW.n, 'event'); RETURN NULL; END $$;
    CREATE TRIGGER event AFTER INSERT ON events FOR EACH ROW EXECUTE FUNCTION event();
    CREATE FUNCTION nested() RETURNS trigger LANGUAGE plpgsql SET search_path = @schema AS $$ BEGIN
        IF NEW.v = 'delete me' THEN DELETE FROM t WHERE id = NEW.id;
        ELSE UPDATE t SET v = concat(TG_NAME, pg_trigger_depth()), part = part + 1
            WHERE id = NEW.id AND NEW.v = 'nested'; END IF; RETURN NULL; END $$;
    CREATE TRIGGER a AFTER INSERT OR UPDATE ON t FOR EACH ROW EXECUTE FUNCTION nested();
    CREATE TRIGGER z AFTER INSERT OR UPDATE ON t FOR EACH ROW EXECUTE FUNCTION nested();
    CREATE FUNCTION before() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        NEW.touched := coalesce(NEW.touched, 0) + 1; RETURN NEW; END $$;
    CREATE TRIGGER before BEFORE INSERT OR UPDATE ON t FOR EACH ROW EXECUTE FUNCTION before();";

const COLUMNS: &str = "id int, part int NOT NULL DEFAULT 1, org int REFERENCES orgs ON DELETE CASCADE ON UPDATE CASCADE \
    DEFERRABLE, v text, doc json, touched int, twice int GENERATED ALWAYS AS (id * 2) STORED";

/// A table of an application with its copy, in a database of its own, and the application's session.
async fn application(major: u16, level: SyncLevel) -> (World, CopiedTable, Client) {
    let world = World::new(major).await;
    world.owner("CREATE TABLE orgs (id int PRIMARY KEY)").await;
    let role = format!("application_of_{}", world.database.name());
    world
        .admin(&format!(
            "CREATE ROLE {role} LOGIN; GRANT USAGE ON SCHEMA {SCHEMA_SQL} TO {role};
             ALTER DEFAULT PRIVILEGES FOR ROLE {} GRANT EXECUTE ON FUNCTIONS TO {role}",
            world.owner
        ))
        .await;
    let table = create(&world, "t", COLUMNS, (&["id"], &["part"])).await;
    let copy = in_sql(&table.copy.name);
    world.owner(&format!(
        "ALTER TABLE {copy} ADD FOREIGN KEY (org) REFERENCES orgs ON DELETE CASCADE ON UPDATE CASCADE DEFERRABLE"
    ))
    .await;
    world.owner(&AROUND.replace("@schema", SCHEMA_SQL)).await;
    install(&world, &table, level).await;
    let grant =
        format!("GRANT ALL ON {SCHEMA_SQL}.t, {SCHEMA_SQL}.orgs, {SCHEMA_SQL}.events TO {role}");
    world.admin(&grant).await;
    let client = world.database.client_as(&role).await;
    client.batch_execute(&format!("SET search_path = {SCHEMA_SQL}")).await.unwrap();
    (world, table, client)
}

async fn expect_equal(world: &World, table: &CopiedTable, after: &str) {
    let differing = differing(&world.admin, table).await;
    assert_eq!(differing, "", "Postgres {}, after {after}", world.major);
}

#[tokio::test]
async fn every_kind_of_write_reaches_the_copy() {
    for (major, level) in majors().into_iter().flat_map(|major| LEVELS.map(|level| (major, level)))
    {
        let (world, table, client) = application(major, level).await;
        for isolation in ["READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"] {
            for write in WRITES {
                if major < 15 && write.starts_with("MERGE") {
                    continue;
                }
                let write = format!("BEGIN ISOLATION LEVEL {isolation}; {write}; COMMIT");
                client
                    .batch_execute(
                        "DELETE FROM t; DELETE FROM orgs; INSERT INTO orgs VALUES (1), (2)",
                    )
                    .await
                    .unwrap();
                client.batch_execute(ROWS).await.unwrap();
                let done = client.batch_execute(&write).await;
                let reason = done.as_ref().err().and_then(|error| error.as_db_error());
                assert!(done.is_ok(), "Postgres {major}, {level:?}, {write}: {reason:?}");
                expect_equal(&world, &table, &format!("{write}, level {level:?}")).await;
            }
        }
        copy_in(&client).await;
        expect_equal(&world, &table, "COPY").await;
        world
            .admin(&format!(
                "SET session_replication_role = replica; INSERT INTO {SCHEMA_SQL}.t (id) VALUES (900);
                 DELETE FROM {SCHEMA_SQL}.t WHERE id = 901; RESET session_replication_role"
            ))
            .await;
        expect_equal(&world, &table, "writes as a replica").await;
    }
}

async fn copy_in(client: &Client) {
    let rows: &[u8] = b"901\t1\tx\n902\t2\t\\N\n";
    let sink = client.copy_in::<str, &[u8]>("COPY t (id, part, v) FROM STDIN").await.unwrap();
    let mut sink = pin!(sink);
    sink.send(rows).await.unwrap();
    sink.close().await.unwrap();
}

#[tokio::test]
async fn application_needs_no_privilege_on_copy_or_functions() {
    for major in majors() {
        let (world, table, client) = application(major, SyncLevel::Statement).await;
        let copy = in_sql(&table.copy.name).replace('\'', "''");
        let privileges = format!(
            "SELECT has_table_privilege('{copy}', 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE')
                 OR EXISTS (SELECT FROM pg_proc WHERE (proname LIKE '%partitioned%')
                     AND has_function_privilege(oid, 'EXECUTE'))"
        );
        let has_any: bool = client.query_one(&privileges, &[]).await.unwrap().get(0);
        assert!(!has_any, "Postgres {major}");
        client.batch_execute(ROWS).await.unwrap();
        expect_equal(&world, &table, "an insert").await;
    }
}

#[tokio::test]
async fn guard_rejects_writes_to_the_copy() {
    for major in majors() {
        let (world, table, _) = application(major, SyncLevel::Row).await;
        let copy = in_sql(&table.copy.name);
        let writes =
            ["INSERT INTO @ (id) VALUES (1)", "UPDATE @ SET id = 1", "DELETE FROM @", "TRUNCATE @"];
        for write in writes {
            let error = world.admin.batch_execute(&write.replace('@', &copy)).await.unwrap_err();
            let error = error.as_db_error().unwrap();
            assert_eq!(error.code().code(), "55000", "Postgres {major}, {write}");
            assert!(error.message().contains("write to"), "{error}");
        }
    }
}

/// A table's name, columns, key, and partition columns, and writes to it.
type Shape<'a> = (&'a str, &'a str, &'a [&'a str], &'a [&'a str], &'a [&'a str]);

#[rustfmt::skip]
const SHAPES: [Shape<'static>; 6] = [
    // Names that end strings, blocks, and comments, and names of variables.
    ("o'r\"d\\e\nrs $$ -- /* größe_大きさ_of_63_bytes;END", "\"k'e\ny\" int, pgpartition int, \"s\" text NOT NULL, t text, new int, old int, found int, \
      at int, reached int, upto_1 int, pgpartition_a int, pgpartition_b int, \"$$\" int DEFAULT 1, \"a;b\" int, key text, keys text",
      &["k'e\ny", "pgpartition"], &["s"],
     &["INSERT INTO @ VALUES (1, 1, 'a', 'b', 1, 1, 1, 1, 1, 1, 1), (2, 2, 'c', 'd', 1, 1, 1, 1, 1, 1, 1)", "UPDATE @ SET s = 'x', at = 5, found = 6",
       "UPDATE @ SET pgpartition = 7 WHERE t = 'b'", "DELETE FROM @ WHERE t = 'd'", "INSERT INTO @ VALUES (3, 3, 'e')"]),
    ("by_uuid", "id uuid DEFAULT gen_random_uuid(), org int NOT NULL, v text", &["id"], &["org"],
     &["INSERT INTO @ (org, v) SELECT n, n FROM generate_series(1, 50) AS n", "UPDATE @ SET id = gen_random_uuid() WHERE org < 9",
       "UPDATE @ SET org = org + 1", "DELETE FROM @ WHERE org > 40"]),
    // Equal and not the same: 1.0 and 1.00.
    ("by_number", "id numeric, org numeric NOT NULL, v text", &["id"], &["org"],
     &["INSERT INTO @ VALUES (1.0, 1.0, 'a'), (2.0, 2.0, 'b')", "UPDATE @ SET id = 1.00 WHERE id = 1", "UPDATE @ SET org = 2.000 WHERE id = 2"]),
    ("by_text", "id text COLLATE either_case, org int NOT NULL, v text", &["id"], &["org"],
     &["INSERT INTO @ VALUES ('a', 1, 'a'), ('b', 2, 'b'), ('ä', 3, ''), (' ', 4, NULL)", "UPDATE @ SET id = 'A' WHERE id = 'a'",
       "UPDATE @ SET id = 'c', org = 4 WHERE id = 'b'"]),
    ("by_three", "a int, at timestamptz, b bytea, org text NOT NULL", &["at", "a", "b"], &["org", "a"],
     &["INSERT INTO @ SELECT n % 3, '2026-01-01'::timestamptz + make_interval(hours => n / 10), decode(lpad(to_hex(n), 4, '0'), 'hex'), n % 5 \
        FROM generate_series(1, 60) AS n",
       "UPDATE @ SET org = 'x' WHERE a = 1", "UPDATE @ SET a = a + 10, b = b || '\\x00'", "DELETE FROM @ WHERE a = 12"]),
    ("by_identity", "id bigint GENERATED ALWAYS AS IDENTITY, n bigint, org int NOT NULL", &["id"], &["org"],
     &["INSERT INTO @ (n, org) SELECT n, n FROM generate_series(1, 20) AS n", "UPDATE @ SET org = org + 1, id = DEFAULT WHERE n < 5",
       "UPDATE @ SET n = 0"]),
];

#[tokio::test]
async fn names_and_keys_of_every_shape_are_synced_and_copied() {
    for major in majors() {
        let world = World::new(major).await;
        world
            .owner(
                "CREATE COLLATION either_case (PROVIDER = icu, LOCALE = 'und-u-ks-level2', DETERMINISTIC = false)",
            )
            .await;
        for (name, columns, key, by, writes) in SHAPES {
            let table = create(&world, name, columns, (key, by)).await;
            let source = in_sql(&table.source.name);
            for level in LEVELS {
                install(&world, &table, level).await;
                world.admin(&format!("TRUNCATE {source}")).await;
                for write in writes {
                    world.admin(&write.replace('@', &source)).await;
                    expect_equal(&world, &table, &format!("{write}, level {level:?}")).await;
                }
            }
            crate::copy_pages::copy_and_compare(&world, &table).await;
        }
    }
}

/// Each passes a unique value from row to row, in an order in which the source has it once at a time.
const PASSING: [&str; 3] = [
    "UPDATE u SET place = place + 2 WHERE place > 39900",
    "UPDATE u SET place = place + 2, org = 2 WHERE id % 100 = 0",
    "WITH gone AS (DELETE FROM u WHERE id % 100 = 1 RETURNING *) INSERT INTO u SELECT id + 100000, org, place FROM gone",
];

#[tokio::test]
async fn unique_values_pass_from_row_to_row() {
    for major in majors() {
        let world = World::new(major).await;
        let columns = "id int, org int NOT NULL, place int, UNIQUE (org, place)";
        let table = create(&world, "u", columns, (&["id"], &["org"])).await;
        let rows = "INSERT INTO u SELECT n * 7919 % 20011, 1, 40000 - n * 2 FROM generate_series(1, 2000) AS n";
        world.owner("ALTER TABLE u_partitioned ADD UNIQUE (org, place)").await;
        for level in LEVELS {
            install(&world, &table, level).await;
            // The source is scanned in the order of its rows on disk, the copy by keys.
            let settings = "SET enable_seqscan = off; SET enable_indexscan = off; SET enable_indexonlyscan = off";
            world.owner(&format!("TRUNCATE u; {rows}; ANALYZE u; {settings}")).await;
            for write in PASSING {
                world.owner(write).await;
                expect_equal(&world, &table, &format!("{write}, level {level:?}")).await;
            }
            world.owner("RESET ALL").await;
        }
    }
}

#[tokio::test]
async fn row_that_is_not_copied_yet_can_be_deleted_beside_a_deferrable_constraint() {
    for (major, level) in majors().into_iter().flat_map(|major| LEVELS.map(|level| (major, level)))
    {
        let world = World::new(major).await;
        let columns = "id int, org int NOT NULL, place int, UNIQUE (org, place) DEFERRABLE";
        let table = create(&world, "d", columns, (&["id"], &["org"])).await;
        world.owner("ALTER TABLE d_partitioned ADD UNIQUE (org, place) DEFERRABLE").await;
        world.owner("INSERT INTO d SELECT n, 1, n FROM generate_series(1, 4) AS n").await;
        install(&world, &table, level).await;
        for (id, isolation) in [(1, "READ COMMITTED"), (2, "REPEATABLE READ"), (3, "SERIALIZABLE")]
        {
            let delete = format!("DELETE FROM d WHERE id = {id}");
            world.owner(&format!("BEGIN ISOLATION LEVEL {isolation}; {delete}; COMMIT")).await;
        }
        let left = format!("SELECT array_agg(id) FROM {SCHEMA_SQL}.d");
        let left: Vec<i32> = world.admin.query_one(&left, &[]).await.unwrap().get(0);
        assert_eq!(left, [4], "Postgres {major}, {level:?}");
    }
}

/// Each for the rows from $1 to $2.
const LARGE_AND_SMALL: [&str; 3] = [
    "INSERT INTO w SELECT n, n % 7, 'new' FROM generate_series($1, $2) AS n",
    "UPDATE w SET v = 'other' WHERE id BETWEEN $1 AND $2",
    "DELETE FROM w WHERE id BETWEEN $1 AND $2",
];

#[tokio::test]
async fn small_write_reads_no_whole_table_after_a_large_one_of_its_session() {
    for major in majors() {
        let world = World::new(major).await;
        let columns = "id int, part int NOT NULL, v text";
        let table = create(&world, "w", columns, (&["id"], &["part"])).await;
        install(&world, &table, SyncLevel::Statement).await;
        let client = world.database.client().await;
        let prepare = format!(
            "SET search_path = {SCHEMA_SQL}; INSERT INTO w SELECT n, n % 7 FROM generate_series(1, 20000) AS n; ANALYZE"
        );
        client.batch_execute(&prepare).await.unwrap();
        for write in LARGE_AND_SMALL {
            let rows = |from: u32, to: u32| {
                write.replace("$1", &from.to_string()).replace("$2", &to.to_string())
            };
            client.batch_execute(&rows(30_000, 45_000)).await.unwrap();
            // Scans of a table that no index led, in this transaction.
            let scans = "SELECT sum(seq_scan)::int8 FROM pg_stat_xact_user_tables";
            client.batch_execute(&format!("BEGIN; {}", rows(50_000, 50_000))).await.unwrap();
            let scans: i64 = client.query_one(scans, &[]).await.unwrap().get(0);
            assert_eq!(scans, 0, "Postgres {major}: {write}");
            client.batch_execute("COMMIT").await.unwrap();
        }
        expect_equal(&world, &table, "all").await;
    }
}

#[tokio::test]
async fn truncate_waits_for_no_session_that_holds_a_lock_on_the_copy() {
    for major in majors() {
        let (world, table, client) = application(major, SyncLevel::Row).await;
        client.batch_execute(ROWS).await.unwrap();
        // As the build of an index does. It waits for older snapshots; the application waits for the session that truncates.
        let other = world.database.client().await;
        let lock = format!(
            "BEGIN; LOCK TABLE {} IN SHARE UPDATE EXCLUSIVE MODE",
            in_sql(&table.copy.name)
        );
        other.batch_execute(&lock).await.unwrap();
        let one_snapshot = "BEGIN ISOLATION LEVEL REPEATABLE READ; TRUNCATE t; COMMIT";
        let error = client.batch_execute(one_snapshot).await.unwrap_err();
        let code = error.code().map(SqlState::code);
        assert_eq!(code, Some("40001"), "Postgres {major}: {error:?}");
        client.batch_execute("ROLLBACK; TRUNCATE t").await.unwrap();
        expect_equal(&world, &table, "TRUNCATE").await;
        other.batch_execute("COMMIT").await.unwrap();
    }
}

#[tokio::test]
async fn table_that_the_source_references_cannot_be_truncated() {
    for major in majors() {
        let (world, _, _) = application(major, SyncLevel::Row).await;
        let client = world.database.client().await;
        let owner = format!("SET ROLE {}; SET search_path = {SCHEMA_SQL}", world.owner);
        client.batch_execute(&owner).await.unwrap();
        for (truncate, code) in [("TRUNCATE orgs, t", "0A000"), ("TRUNCATE orgs CASCADE", "55000")]
        {
            let error = client.batch_execute(truncate).await.unwrap_err();
            assert_eq!(error.code().map(SqlState::code), Some(code), "Postgres {major}: {error:?}");
        }
    }
}

#[tokio::test]
async fn catalog_has_the_functions_and_digests_that_are_expected() {
    for major in majors() {
        let (world, table, _) = application(major, SyncLevel::Row).await;
        for level in [SyncLevel::Row, SyncLevel::Statement, SyncLevel::Row] {
            install(&world, &table, level).await;
            let functions = sync_functions(&table, level);
            for function in &functions {
                let found = format!(
                    "SELECT json_build_array(encode(sha256(convert_to(prosrc, 'UTF8')), 'hex'), proconfig, prosecdef)
                     FROM pg_proc WHERE proname = '{}'",
                    function.name.name.as_str()
                );
                let found: (String, Vec<String>, bool) =
                    serde_json::from_str(&world.text(&found).await).unwrap();
                let digest = function_digest(&found.0, &found.1, found.2);
                assert_eq!(digest, function.digest(), "Postgres {major}, {level:?}: {function:?}");
            }
            let triggers = "SELECT json_agg(json_build_array(tgname, tgenabled) ORDER BY tgname) FROM pg_trigger
                WHERE NOT tgisinternal AND tgname LIKE 'sync%'";
            let triggers: Value = serde_json::from_str(&world.text(triggers).await).unwrap();
            let triggers = triggers.as_array().unwrap();
            assert_eq!(triggers.len(), if level == SyncLevel::Row { 2 } else { 5 });
            assert!(triggers.iter().all(|trigger| trigger[1] == "A"), "{triggers:?}");
        }
        run_as_owner(&world.session().await, &table, remove_sync(&table)).await.unwrap();
        let left = "SELECT (SELECT count(*) FROM pg_proc WHERE proname LIKE '%partitioned%' AND pronamespace >= 16384)
            + (SELECT count(*) FROM pg_trigger WHERE tgname LIKE 'sync%' OR tgname LIKE 'read_only%')";
        assert_eq!(world.text(left).await, "0", "Postgres {major}");
    }
}

#[tokio::test]
async fn function_of_another_table_is_not_replaced() {
    for major in majors() {
        let world = World::new(major).await;
        let (columns, key): (_, (&[&str], &[&str])) = ("id int, n int NOT NULL", (&["id"], &["n"]));
        let other = create(&world, "t_truncate", columns, key).await;
        install(&world, &other, SyncLevel::Row).await;
        let table = create(&world, "t", columns, key).await;
        let statements =
            pg_partition_operator::sql::install_sync(&table, SyncLevel::Row, &[].into());
        let error = run_as_owner(&world.session().await, &table, statements).await.unwrap_err();
        assert_eq!(error.sqlstate(), Some("42723"), "Postgres {major}: {error}");
    }
}
