//! Pages of a copy and of a comparison: they resume where they ended, give way to the application, and run no code that
//! could leave the owner's role.

use pg_partition_operator::partition::{CopiedTable, SyncLevel};
use pg_partition_operator::postgres::{DatabaseError, Session};
use pg_partition_operator::sql::{Comparison, compare_page, copy_page};
use serde_json::Value;

use crate::copy_fixture::{create, differing, in_sql, install, page};
use crate::database::{SCHEMA_SQL, World};
use crate::support::postgres::majors;

pub(crate) const CONTENT: Comparison = Comparison { content: true, repairs: 100, after: None };

pub(crate) async fn copy(
    session: &Session,
    table: &CopiedTable,
    rows: u32,
) -> Result<Value, DatabaseError> {
    let answer = session.commit_page_text(&copy_page(table, page(rows))).await?;
    Ok(serde_json::from_str(&answer.unwrap()).unwrap())
}

pub(crate) async fn compare(
    session: &Session,
    table: &CopiedTable,
    how: Comparison,
) -> Result<Value, DatabaseError> {
    let answer = session.commit_page_text(&compare_page(table, page(7), how)).await?;
    Ok(serde_json::from_str(&answer.unwrap()).unwrap())
}

/// Copies and compares to the end. Returns how many rows differed.
pub(crate) async fn sweep(session: &Session, table: &CopiedTable, how: Comparison) -> u64 {
    let mut differing = 0;
    loop {
        let answer = compare(session, table, how).await.unwrap();
        differing += answer["differing"].as_u64().unwrap();
        if answer["done"] == true {
            return differing;
        }
    }
}

/// Empties the copy, and copies it again page by page. Then damages it and has it repaired.
pub(crate) async fn copy_and_compare(world: &World, table: &CopiedTable) {
    let (source, copy_sql) = (in_sql(&table.source.name), in_sql(&table.copy.name));
    let as_sync = |sql: &str| format!("BEGIN; SET LOCAL pgpartition.sync = 'on'; {sql}; COMMIT");
    world.admin(&as_sync(&format!("TRUNCATE {copy_sql}"))).await;
    let session = world.session().await;
    let mut pages = 0;
    let total = loop {
        let answer = copy(&session, table, 7).await.unwrap();
        pages += 1;
        assert!(pages < 500, "Postgres {}, {table:?}: the copy does not end", world.major);
        if answer["done"] == true {
            break answer["total"].clone();
        }
    };
    let rows = world.text(&format!("SELECT count(*) FROM {source}")).await;
    assert_eq!(total.to_string(), rows, "Postgres {}, {table:?}", world.major);
    assert_eq!(differing(&world.admin, table).await, "", "Postgres {}, {table:?}", world.major);
    assert_eq!(sweep(&session, table, CONTENT).await, 0, "Postgres {}, {table:?}", world.major);

    world.admin(&as_sync(&format!("DELETE FROM {copy_sql} WHERE ctid = '(0,1)'"))).await;
    assert_ne!(differing(&world.admin, table).await, "", "Postgres {}, {table:?}", world.major);
    let count = Comparison { content: false, repairs: 0, after: None };
    assert!(sweep(&session, table, count).await > 0, "Postgres {}, {table:?}", world.major);
    assert!(sweep(&session, table, CONTENT).await > 0, "Postgres {}, {table:?}", world.major);
    assert_eq!(differing(&world.admin, table).await, "", "Postgres {}, {table:?}", world.major);
}

/// A table of 20 rows with an empty copy, and its record.
pub(crate) async fn uncopied(major: u16, columns: &str) -> (World, CopiedTable) {
    let world = World::new(major).await;
    world.owner("CREATE TABLE x (n int)").await;
    let table = create(&world, "t", columns, (&["id"], &["part"])).await;
    world.owner("INSERT INTO t SELECT n, n FROM generate_series(1, 20) AS n").await;
    install(&world, &table, SyncLevel::Row).await;
    (world, table)
}

const COLUMNS: &str = "id int, part int NOT NULL";

const RECORD: &str = "SELECT concat_ws(' ', reached, until, copied, backfilled_at IS NOT NULL, sweep->>'reached',
    sweep->>'rowsSource', parity->>'rowsPartitioned', parity->>'differenceRows', parity->>'repairedRows')
    FROM pgpartition.conversions";

#[tokio::test]
async fn record_holds_the_cursor_of_the_pages() {
    for major in majors() {
        let (world, table) = uncopied(major, COLUMNS).await;
        let session = world.session().await;
        assert_eq!(copy(&session, &table, 8).await.unwrap()["copied"], 8);
        assert_eq!(world.text(RECORD).await, "{8} {20} 8 f", "Postgres {major}");
        // Another session continues there; rows that were inserted later are not part of the work.
        world.owner("INSERT INTO t VALUES (500, 1)").await;
        let session = world.session().await;
        copy(&session, &table, 8).await.unwrap();
        let answer = copy(&session, &table, 8).await.unwrap();
        assert_eq!((answer["copied"].clone(), answer["done"].clone()), (4.into(), true.into()));
        assert_eq!(world.text(RECORD).await, "{20} {20} 20 t", "Postgres {major}");
        let error = copy(&session, &table, 8).await.unwrap_err();
        assert_eq!(error.sqlstate(), Some("P0002"), "Postgres {major}: {error}");

        compare(&session, &table, CONTENT).await.unwrap();
        assert_eq!(world.text(RECORD).await, "{20} {20} 20 t [\"7\"] 7", "Postgres {major}");
        sweep(&session, &table, CONTENT).await;
        assert_eq!(world.text(RECORD).await, "{20} {20} 20 t 21 0 0", "Postgres {major}");
    }
}

#[tokio::test]
async fn page_of_a_comparison_ends_before_it_has_many_rows_of_the_copy_alone() {
    for major in majors() {
        let (world, table) = uncopied(major, COLUMNS).await;
        let session = world.session().await;
        copy(&session, &table, 100).await.unwrap();
        world
            .owner("ALTER TABLE t DISABLE TRIGGER USER; DELETE FROM t WHERE id BETWEEN 2 AND 19")
            .await;
        let (mut pages, mut rows, mut most) = (0, 0, 0);
        loop {
            let script = compare_page(&table, page(2), CONTENT);
            let answer = session.commit_page_text(&script).await.unwrap().unwrap();
            let answer: Value = serde_json::from_str(&answer).unwrap();
            let of_copy = answer["copyRows"].as_u64().unwrap();
            (pages, rows, most) = (pages + 1, rows + of_copy, most.max(of_copy));
            if answer["done"] == true {
                break;
            }
        }
        assert_eq!((rows, most <= 4), (20, true), "Postgres {major}: {pages} pages, {most} rows");
        assert_eq!(differing(&world.admin, &table).await, "", "Postgres {major}");
    }
}

#[tokio::test]
async fn page_gives_way_and_is_copied_the_next_time() {
    for major in majors() {
        let (world, table) = uncopied(major, COLUMNS).await;
        let session = world.session().await;
        let application = world.database.client().await;
        let hold = format!("BEGIN; UPDATE {SCHEMA_SQL}.t SET part = 7 WHERE id = 5");
        application.batch_execute(&hold).await.unwrap();
        let error = copy(&session, &table, 100).await.unwrap_err();
        assert_eq!(error.sqlstate(), Some("55P03"), "Postgres {major}: {error}");
        assert_eq!(world.text(RECORD).await, "0 f", "Postgres {major}");
        application.batch_execute("COMMIT").await.unwrap();
        assert_eq!(copy(&session, &table, 100).await.unwrap()["done"], true, "Postgres {major}");
        assert_eq!(differing(&world.admin, &table).await, "", "Postgres {major}");

        // Only one of two operators works.
        let hold = "BEGIN; SELECT FROM pgpartition.conversions FOR UPDATE";
        application.batch_execute(hold).await.unwrap();
        let error = compare(&session, &table, CONTENT).await.unwrap_err();
        assert_eq!(error.sqlstate(), Some("55P03"), "Postgres {major}: {error}");
    }
}

/// Statements of the owner in another session, with the procedure that a page runs in.
const REPLACEMENTS: [&str; 4] = [
    "CREATE OR REPLACE PROCEDURE @(text) LANGUAGE plpgsql AS 'BEGIN RESET ROLE; END'",
    "ALTER PROCEDURE @(text) SECURITY INVOKER",
    "ALTER PROCEDURE @(text) RENAME TO other",
    "DROP PROCEDURE @(text)",
];

#[tokio::test]
async fn work_is_out_of_reach_of_other_sessions_of_the_owner() {
    for major in majors() {
        let (world, table) = uncopied(major, COLUMNS).await;
        let session = world.session().await;
        copy(&session, &table, 8).await.unwrap();
        let procedure = "SELECT concat(pronamespace::regnamespace, '.', proname) FROM pg_proc
            WHERE proname LIKE 'pgpartition_work%'";
        let procedure = world.text(procedure).await;
        assert!(procedure.starts_with("pg_temp_"), "Postgres {major}: {procedure}");
        for replacement in REPLACEMENTS {
            let replacement = replacement.replace('@', &procedure);
            let replacement = format!("SET ROLE {}; {replacement}", world.owner);
            let error = world.admin.batch_execute(&replacement).await.unwrap_err();
            let code = error.code().unwrap().code();
            assert_eq!(code, "42501", "Postgres {major}, {replacement}: {error}");
        }
        world.admin("RESET ROLE").await;
        assert_eq!(copy(&session, &table, 8).await.unwrap()["copied"], 8, "Postgres {major}");
    }
}

/// Objects that the code of a constraint leaves in the session of a page for the next one: it replaces the procedure, and
/// a function that the operator's role calls.
const LEFT_BEHIND: [&str; 2] = [
    "DECLARE work text := (SELECT proname FROM pg_proc WHERE proname LIKE 'pgpartition_work%'); BEGIN
     EXECUTE format('CREATE OR REPLACE PROCEDURE pg_temp.%I(text) LANGUAGE plpgsql AS %L', work,
         'BEGIN RESET ROLE; INSERT INTO @schema.seen VALUES (current_user); EXECUTE $1; END'); END",
    "BEGIN PERFORM set_config('search_path', '@schema, pg_catalog', false); END",
];

#[tokio::test]
async fn code_of_an_owner_leaves_nothing_for_the_next_page() {
    for major in majors() {
        for left in LEFT_BEHIND {
            let (world, table) = uncopied(major, COLUMNS).await;
            let trap = "CREATE TABLE seen (name text);
                CREATE FUNCTION current_setting(setting text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN
                    INSERT INTO @schema.seen VALUES (current_user);
                    RETURN pg_catalog.current_setting(setting); END $$;
                CREATE FUNCTION leaves(id int) RETURNS bool LANGUAGE plpgsql AS $$ BEGIN IF id = 1 THEN @left; END IF;
                    RETURN true; END $$;
                GRANT INSERT ON seen TO PUBLIC;
                ALTER TABLE t_partitioned ADD CHECK (leaves(id));";
            let trap = trap.replace("@left", left).replace("@schema", SCHEMA_SQL);
            world.owner(&trap).await;
            world.admin(&format!("GRANT USAGE ON SCHEMA {SCHEMA_SQL} TO PUBLIC")).await;
            let session = world.session().await;
            copy(&session, &table, 8).await.unwrap();
            let next = copy(&session, &table, 8).await.unwrap();
            assert_eq!(next["total"], 16, "Postgres {major}, {left}");
            let seen = format!("SELECT count(*) FROM {SCHEMA_SQL}.seen");
            assert_eq!(world.text(&seen).await, "0", "Postgres {major}, {left}");
        }
    }
}

#[tokio::test]
async fn page_needs_a_server_that_counts_written_rows() {
    for major in majors() {
        let (world, table) = uncopied(major, COLUMNS).await;
        world.admin(&format!("ALTER ROLE {} SET track_counts = off", world.operator)).await;
        let error = copy(&world.session().await, &table, 8).await.unwrap_err();
        assert_eq!(error.sqlstate(), Some("55000"), "Postgres {major}: {error}");
        assert!(error.message().starts_with("track_counts is off: "), "{error}");
    }
}

#[tokio::test]
async fn missing_temporary_privilege_is_named() {
    for major in majors() {
        let (world, table) = uncopied(major, COLUMNS).await;
        let database = world.database.name();
        world.admin(&format!("REVOKE TEMPORARY ON DATABASE {database} FROM PUBLIC")).await;
        let error = copy(&world.session().await, &table, 8).await.unwrap_err();
        assert_eq!(error.sqlstate(), Some("42501"), "Postgres {major}: {error}");
        assert!(error.message().contains("grant TEMPORARY on the database"), "{error}");
    }
}

/// Settings of a database under which a key that is written as text is another one, or cannot be read.
const SETTINGS: [&str; 6] = [
    "extra_float_digits = -15",
    "bytea_output = 'escape'",
    "lc_monetary = 'C'",
    "\"TimeZone\" = 'Asia/Kathmandu'",
    "\"DateStyle\" = 'SQL, DMY'",
    "\"IntervalStyle\" = 'sql_standard'",
];

/// Types of keys, and the key of a number.
const KEYS: [(&str, &str); 10] = [
    ("float8", "1 + n * 2::float8 ^ -52"),
    ("float4", "(1 + n * 2::float8 ^ -23)::float4"),
    ("numeric", "n / 7.0"),
    ("date", "date '2026-01-01' + n"),
    ("timestamptz", "timestamptz '2026-01-02 03:04:05.000001Z' + n * interval '1 microsecond'"),
    ("interval", "n * interval '-1 month 2 days 3.000001 s'"),
    ("bytea", "decode(lpad(to_hex(n), 2, '0'), 'hex') || '\\x5c00ff'"),
    ("uuid", "md5(n::text)::uuid"),
    ("text", "concat(n, E'\\\\\"{},NULL ')"),
    ("money", "n::money"),
];

#[tokio::test]
async fn keys_of_every_type_are_read_as_they_were_written() {
    for major in majors() {
        let world = World::new(major).await;
        for setting in SETTINGS {
            let database = world.database.name();
            world.admin(&format!("ALTER DATABASE {database} SET {setting}")).await;
        }
        for (data_type, key) in KEYS {
            let columns = format!("id {data_type}, part int NOT NULL");
            let name = format!("by_{data_type}");
            let table = create(&world, &name, &columns, (&["id"], &["part"])).await;
            let rows =
                format!("INSERT INTO {name} SELECT {key}, n FROM generate_series(1, 30) AS n");
            world.owner(&rows).await;
            install(&world, &table, SyncLevel::Row).await;
            copy_and_compare(&world, &table).await;
        }
    }
}

#[tokio::test]
async fn identity_beside_the_key_is_repaired() {
    for major in majors() {
        let (world, table) =
            uncopied(major, "id int, part int NOT NULL, n bigint GENERATED ALWAYS AS IDENTITY")
                .await;
        world
            .owner("ALTER TABLE t_partitioned ALTER n SET NOT NULL, ALTER n ADD GENERATED ALWAYS AS IDENTITY")
            .await;
        let session = world.session().await;
        copy(&session, &table, 100).await.unwrap();
        world.owner("UPDATE t SET n = DEFAULT WHERE id < 4").await;
        assert_ne!(differing(&world.admin, &table).await, "", "Postgres {major}");
        assert_eq!(sweep(&session, &table, CONTENT).await, 3, "Postgres {major}");
        assert_eq!(differing(&world.admin, &table).await, "", "Postgres {major}");
        assert_eq!(world.text(RECORD).await, "{20} {20} 20 t 20 3 3", "Postgres {major}");
        // A sweep that repaired rows is not clean: the next one is.
        assert_eq!(sweep(&session, &table, CONTENT).await, 0, "Postgres {major}");
        assert_eq!(world.text(RECORD).await, "{20} {20} 20 t 20 0 0", "Postgres {major}");
    }
}

/// Code of a constraint that leaves the owner's role: directly, in a trigger that is deferred to the end of the
/// transaction, and in one that is deferred again when it is not.
const ESCAPES: [(&str, &str); 3] = [
    ("EXECUTE 'SET LOCAL ROLE @other'; DELETE FROM @schema.secret;", "42501"),
    ("INSERT INTO @schema.x VALUES (0);", "42501"),
    ("INSERT INTO @schema.x VALUES (1);", "55000"),
];

const TRAP: &str = "
    CREATE TABLE pg_trigger (tgrelid oid, tgconstraint oid, tgdeferrable bool);
    CREATE FUNCTION trap() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        IF NEW.n = 1 THEN
            SET CONSTRAINTS ALL DEFERRED; INSERT INTO @schema.x VALUES (2);
            -- There, the catalog has no trigger.
            EXECUTE 'SET LOCAL search_path = @schema, pg_catalog'; RETURN NULL;
        END IF;
        EXECUTE 'SET LOCAL ROLE @other'; DELETE FROM @schema.secret; RETURN NULL; END $$;
    CREATE CONSTRAINT TRIGGER trap AFTER INSERT ON x DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION trap();
    CREATE FUNCTION escapes(id int) RETURNS bool LANGUAGE plpgsql AS $$ BEGIN IF id = 20 THEN @escape END IF; RETURN true; END $$;
    ALTER TABLE t_partitioned ADD CHECK (escapes(id));";

#[tokio::test]
async fn code_of_a_constraint_cannot_leave_the_role_of_the_owner() {
    for major in majors() {
        for (escape, sqlstate) in ESCAPES {
            let (world, table) = uncopied(major, COLUMNS).await;
            let other = format!("other_of_{}", world.database.name());
            world
                .admin(&format!(
                    "CREATE ROLE {other}; GRANT {other} TO {}; GRANT USAGE ON SCHEMA {SCHEMA_SQL} TO {other};
                     CREATE TABLE {SCHEMA_SQL}.secret (n int); INSERT INTO {SCHEMA_SQL}.secret VALUES (1);
                     ALTER TABLE {SCHEMA_SQL}.secret OWNER TO {other}",
                    world.operator
                ))
                .await;
            let trap = TRAP.replace("@escape", escape).replace("@other", &other);
            world.owner(&trap.replace("@schema", SCHEMA_SQL)).await;
            let error = copy(&world.session().await, &table, 100).await.unwrap_err();
            assert_eq!(error.sqlstate(), Some(sqlstate), "Postgres {major}, {escape}: {error}");
            let left = format!("SELECT count(*) FROM {SCHEMA_SQL}.secret");
            assert_eq!(world.text(&left).await, "1", "Postgres {major}, {escape}");
        }
    }
}

#[tokio::test]
async fn cursor_of_an_owner_is_closed_before_the_operator_commits() {
    for major in majors() {
        let (world, table) = uncopied(major, COLUMNS).await;
        let trap = "CREATE TABLE seen (name text);
            CREATE FUNCTION peek() RETURNS int LANGUAGE plpgsql AS $$ BEGIN
                INSERT INTO @schema.seen VALUES (current_user); RETURN 1; END $$;
            CREATE FUNCTION holds(id int) RETURNS bool LANGUAGE plpgsql AS $$ BEGIN IF id = 20 THEN
                EXECUTE 'DECLARE held CURSOR WITH HOLD FOR SELECT @schema.peek()'; END IF; RETURN true; END $$;
            GRANT INSERT ON seen TO PUBLIC;
            ALTER TABLE t_partitioned ADD CHECK (holds(id));";
        world.owner(&trap.replace("@schema", SCHEMA_SQL)).await;
        copy(&world.session().await, &table, 100).await.unwrap();
        let seen = format!("SELECT count(*) FROM {SCHEMA_SQL}.seen");
        assert_eq!(world.text(&seen).await, "0", "Postgres {major}");
    }
}
