//! Tables of records: how they are created, upgraded, and refused.

use std::time::Duration;

use futures::future::join_all;
use pg_partition_operator::plan::TransactionMode;
use pg_partition_operator::postgres::{DatabaseError, Session};
use pg_partition_operator::sql::{
    CLAIMS, Column, LoginRole, RecordTable, Role, Script, Statement, prepare_records,
};

use crate::database::{World, session};
use crate::support::postgres::majors;
use crate::support::wait_until;

/// The claims as a later version of the program might have them.
const LATER: RecordTable = RecordTable {
    versions: &[
        CLAIMS.versions[0],
        &[
            Column { name: "note", definition: "text DEFAULT 'it''s 100 %'" },
            Column { name: "attempts", definition: "int NOT NULL DEFAULT 0" },
        ],
        &[Column { name: "checked", definition: "timestamptz" }],
    ],
    ..CLAIMS
};

/// Statement of the version before tables of records had a description.
const FIRST: &str = "CREATE TABLE pgpartition.claims (schema_name text, table_name text, \
    PRIMARY KEY (schema_name, table_name), \
    holder text NOT NULL, namespace text NOT NULL, name text NOT NULL, installation text NOT NULL, \
    created timestamptz NOT NULL, seen timestamptz NOT NULL)";

/// Statement of that version.
const WRITE: &str = "INSERT INTO pgpartition.claims (schema_name, table_name, holder, namespace, \
    name, installation, created, seen) VALUES ('s', 't', 'u', 'n', 'r', 'i', now(), now())
    ON CONFLICT (schema_name, table_name) DO UPDATE SET seen = excluded.seen";

const ROWS: &str = "SELECT count(*) FROM pgpartition.claims WHERE holder = 'u'";

const COLUMNS: &str =
    "SELECT string_agg(format('%s %s %s %s', attname, format_type(atttypid, atttypmod),
        attnotnull, pg_get_expr(adbin, adrelid)), ', ' ORDER BY attnum)
    FROM pg_attribute LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
    WHERE attrelid = 'pgpartition.claims'::regclass AND attnum > 0";

fn script(table: &RecordTable) -> Script {
    let run_by_operator = |sql| Statement { role: Role::Operator, sql };
    let statements = prepare_records(table, LoginRole::Shown).into_iter().map(run_by_operator);
    Script { mode: TransactionMode::InTransaction, statements: statements.collect() }
}

async fn prepare(session: &Session, table: &RecordTable) -> Result<(), DatabaseError> {
    session.commit_script_text(&script(table)).await.map(drop)
}

/// A database in which the version before has recorded a claim.
async fn before(major: u16) -> World {
    let world = World::new(major).await;
    let client = world.database.client_as(&world.operator).await;
    client.batch_execute(&format!("{FIRST}; {WRITE}")).await.unwrap();
    world
}

#[tokio::test]
async fn upgraded_table_equals_a_new_one_and_keeps_its_rows() {
    for major in majors() {
        let fresh = World::new(major).await;
        prepare(&fresh.session().await, &LATER).await.unwrap();
        let expected = fresh.text(COLUMNS).await;
        assert!(expected.contains("checked timestamp with time zone"), "{expected}");

        let world = before(major).await;
        let session = world.session().await;
        prepare(&session, &CLAIMS).await.unwrap();
        assert!(!world.text(COLUMNS).await.contains("note"), "Postgres {major}");
        prepare(&session, &LATER).await.unwrap();
        assert_eq!(world.text(COLUMNS).await, expected, "Postgres {major}");
        assert_eq!(world.text(ROWS).await, "1", "Postgres {major}");

        // A replica of the version before still writes, and checks what it knows.
        let older = world.database.client_as(&world.operator).await;
        older.batch_execute(WRITE).await.unwrap();
        prepare(&session, &CLAIMS).await.unwrap();
        assert_eq!(world.text(COLUMNS).await, expected, "Postgres {major}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn operators_that_upgrade_at_the_same_time_all_succeed() {
    for major in majors() {
        let world = before(major).await;
        let sessions = join_all((0..6).map(|_| world.session())).await;
        let upgraded = join_all(sessions.iter().map(|session| prepare(session, &LATER))).await;
        assert!(upgraded.iter().all(Result::is_ok), "Postgres {major}: {upgraded:?}");
        assert_eq!(world.text(ROWS).await, "1", "Postgres {major}");
    }
}

#[tokio::test]
async fn interrupted_upgrade_is_done_by_the_next_operator() {
    for major in majors() {
        let statements = script(&LATER).to_sql();
        for (passed, _) in statements.iter().enumerate() {
            let world = before(major).await;
            let client = world.database.client_as(&world.operator).await;
            let pid = "SELECT pg_backend_pid()";
            let pid: i32 = client.query_one(pid, &[]).await.unwrap().get(0);
            client.batch_execute("BEGIN").await.unwrap();
            for statement in &statements[..=passed] {
                client.batch_execute(statement.as_str()).await.unwrap();
            }
            world.text(&format!("SELECT pg_terminate_backend({pid})")).await;
            let running = format!("SELECT count(*) FROM pg_stat_activity WHERE pid = {pid}");
            wait_until("the backend has ended", Duration::from_secs(20), async || {
                world.text(&running).await == "0"
            })
            .await;
            assert!(!world.text(COLUMNS).await.contains("note"), "Postgres {major}, {passed}");

            prepare(&world.session().await, &LATER).await.unwrap();
            assert!(world.text(COLUMNS).await.contains("note"), "Postgres {major}, {passed}");
            assert_eq!(world.text(ROWS).await, "1", "Postgres {major}, {passed}");
        }
    }
}

#[tokio::test]
async fn table_of_another_role_is_rejected_and_not_altered() {
    for major in majors() {
        let world = World::new(major).await;
        let untrusted = format!("untrusted_of_{}", world.database.name());
        world
            .admin(&format!(
                "CREATE ROLE {untrusted}; {FIRST}; GRANT ALL ON pgpartition.claims TO PUBLIC;
                 ALTER TABLE pgpartition.claims ADD note int DEFAULT pg_backend_pid();
                 ALTER TABLE pgpartition.claims OWNER TO {untrusted};
                 ALTER SCHEMA pgpartition OWNER TO postgres; GRANT ALL ON SCHEMA pgpartition TO PUBLIC"
            ))
            .await;
        let before = world.text(COLUMNS).await;
        let superuser = session(&world.database.url()).await;
        for session in [&superuser, &world.session().await] {
            let error = prepare(session, &LATER).await.unwrap_err();
            assert_eq!(error.sqlstate(), Some("42501"), "Postgres {major}: {error}");
            assert!(error.message().contains(&untrusted), "{error}");
            assert_eq!(world.text(COLUMNS).await, before, "Postgres {major}");
        }
        world.admin(prepare(&superuser, &LATER).await.unwrap_err().hint().unwrap()).await;
        prepare(&superuser, &LATER).await.unwrap();
    }
}

#[tokio::test]
async fn missing_column_privilege_is_reported_with_the_statement_to_run() {
    for major in majors() {
        let world = before(major).await;
        let owned = format!(
            "ALTER SCHEMA pgpartition OWNER TO postgres; ALTER TABLE pgpartition.claims OWNER TO postgres;
             GRANT USAGE ON SCHEMA pgpartition TO {0}; GRANT ALL ON pgpartition.claims TO {0}",
            world.operator
        );
        world.admin(&owned).await;
        let session = world.session().await;
        let mut hints = 0;
        while let Err(error) = prepare(&session, &LATER).await {
            assert_eq!(error.sqlstate(), Some("42501"), "Postgres {major}: {error}");
            world.admin(error.hint().unwrap()).await;
            hints += 1;
        }
        assert_eq!(hints, 3, "Postgres {major}");
        assert_eq!(world.text(ROWS).await, "1", "Postgres {major}");
    }
}
