//! `verify --statements`: plans and errors of Postgres for the statements of an application, before and after the cutover.

use pg_partition_operator::postgres::ErrorKind;
use serde_json::{Value, json};

use crate::database::{SCHEMA_SQL, World, apply, desired};
use crate::program::{Outcome, call, resource};
use crate::support::postgres::{Server, majors};

const NOW: &str = "2026-03-15T12:00:00Z";
const PRELOAD: [&str; 2] = ["-c", "shared_preload_libraries=pg_stat_statements"];

/// Statements of an application, and the verdicts.
const SENT: [(&str, &str); 15] = [
    ("SELECT * FROM \"or\"\"ders\" WHERE id = 1", "VisitsEveryPartition"),
    ("SELECT * FROM \"or\"\"ders\" WHERE org = 1 AND id = 1", "Good"),
    ("/* app */ select count(*) from \"or\"\"ders\" where org in (1, 2)", "Good"),
    ("SELECT FROM \"or\"\"ders\" WHERE org = 1 FOR UPDATE", "Good"),
    ("UPDATE \"or\"\"ders\" SET status = 'b' WHERE id = 1", "VisitsEveryPartition"),
    ("UPDATE \"or\"\"ders\" SET status = 'b' WHERE org = 1", "Good"),
    ("DELETE FROM \"or\"\"ders\" WHERE org = 1 AND id = 3", "Good"),
    (
        "WITH d AS (DELETE FROM \"or\"\"ders\" WHERE id = 3 RETURNING id) SELECT FROM d",
        "VisitsEveryPartition",
    ),
    ("INSERT INTO \"or\"\"ders\" (id, org) VALUES (4, 1)", "Good"),
    ("INSERT INTO \"or\"\"ders\" (id, org) VALUES (4, 1) ON CONFLICT DO NOTHING", "Good"),
    ("INSERT INTO \"or\"\"ders\" (id, org) VALUES (4, 1) ON CONFLICT (id) DO NOTHING", "Fails"),
    ("SELECT o.id FROM \"or\"\"ders\" AS o JOIN orgs AS g ON g.id = o.org WHERE g.id = 1", "Good"),
    ("SELECT FROM \"Fin\"\"an;ce\".\"or\"\"ders\" WHERE org = 1", "NotJudged"),
    ("SELECT ctid FROM \"or\"\"ders\" WHERE org = 1", "NotJudged"),
    ("SELECT FROM \"or\"\"ders\" WHERE org = 1 AND now() - interval '1 day' < now()", "NotJudged"),
];

fn spec(conversion: bool) -> Value {
    let mut spec = json!({"table": "or\"ders", "partitionBy": {"hash": {"columns": ["org"], "partitions": 4}}});
    if conversion {
        let conversion =
            json!({"method": "Copy", "acknowledge": ["UniqueKey:\"or\"\"ders_pkey\""]});
        spec.as_object_mut().unwrap().insert("conversion".to_owned(), conversion);
    }
    spec
}

impl World {
    /// The role of the application.
    fn application(&self) -> String {
        format!("app_of_{}", self.database.name())
    }

    fn verify_statements(&self, more: &[&str]) -> Outcome {
        let arguments = [&["verify", "-f", "-"], more].concat();
        call(&self.database.url_as(&self.application()), &arguments, &resource(spec(true)))
    }
}

/// A server of its own, with a table that an application may write to.
async fn world(server: &Server, major: u16, partitioned: &str) -> World {
    let world = World::on(server, major).await;
    let app = world.application();
    world
        .admin(&format!("CREATE ROLE {app} LOGIN; GRANT USAGE ON SCHEMA {SCHEMA_SQL} TO {app}"))
        .await;
    world.admin(&format!("ALTER ROLE {app} SET search_path = {SCHEMA_SQL}")).await;
    world
        .owner(&format!(
            "CREATE TABLE \"or\"\"ders\" (id bigint, org int NOT NULL, status text{partitioned};
             CREATE TABLE orgs (id int PRIMARY KEY);
             GRANT ALL ON \"or\"\"ders\", orgs TO {app}"
        ))
        .await;
    world
}

async fn send(world: &World) {
    let client = world.database.client_as(&world.application()).await;
    for (number, (statement, _)) in SENT.iter().enumerate() {
        client.batch_execute(&tagged(number, statement)).await.unwrap();
        world.owner("DELETE FROM \"or\"\"ders\"").await;
    }
}

/// A statement with a comment by which it is found again without its constants.
fn tagged(number: usize, statement: &str) -> String {
    format!("{statement} /* {number}th */")
}

fn verdict(report: &Value, number: usize) -> &str {
    let tag = tagged(number, "");
    let is_tagged = |found: &&Value| found["text"].as_str().unwrap().ends_with(&tag);
    let found = report[0]["statements"].as_array().unwrap().iter().find(is_tagged);
    found.unwrap_or_else(|| panic!("{tag}: {report:#}"))["verdict"].as_str().unwrap()
}

#[tokio::test]
async fn planner_judges_statements_before_the_cutover() {
    for major in majors() {
        let server = Server::start(major, &PRELOAD);
        let world = world(&server, major, ", PRIMARY KEY (id))").await;
        let missing = world.verify_statements(&["--statements"]);
        assert_eq!(missing.status, 4, "Postgres {major}: {missing:?}");
        let session = world.session().await;
        let done = apply(&session, &desired(spec(true)), NOW).await;
        assert!(done.remaining.is_done(), "Postgres {major}: {}", done.remaining);
        let absent = world.verify_statements(&["--statements"]);
        assert_eq!(absent.status, 1, "Postgres {major}: {absent:?}");
        assert!(absent.err.contains("CREATE EXTENSION pg_stat_statements"), "{absent:?}");

        world.admin("CREATE EXTENSION pg_stat_statements").await;
        send(&world).await;
        let copy = world.database.client_as(&world.application()).await;
        copy.batch_execute("COPY \"or\"\"ders\" TO STDOUT").await.unwrap_err();
        let catalog = "SELECT count(*) FROM pg_class";
        let before = world.text(catalog).await;
        let judged = world.verify_statements(&["--statements", "-o", "json"]);
        assert_eq!(judged.status, 4, "Postgres {major}: {judged:?}");
        let report = judged.json();
        for (number, (sent, expected)) in SENT.iter().enumerate() {
            assert_eq!(verdict(&report, number), *expected, "Postgres {major}: {sent}\n{report:#}");
        }
        let notes = report[0]["notes"].to_string();
        assert!(notes.contains("log in as these roles"), "Postgres {major}: {notes}");
        assert_eq!(world.text(catalog).await, before, "Postgres {major}");

        let text = world.verify_statements(&["--statements=own"]).out;
        assert!(text.contains("1 fail, 3 visit every partition, 3 not judged"), "{text}");
        assert!(text.contains("matching the ON CONFLICT specification (42P10)"), "{text}");
        assert!(!text.contains("org = 1"), "constants are not shown: {text}");
    }
}

#[tokio::test]
async fn planner_judges_statements_of_a_partitioned_table_itself() {
    for major in [*majors().first().unwrap(), *majors().last().unwrap()] {
        let server = Server::start(major, &PRELOAD);
        let partitioned = ", PRIMARY KEY (id, org)) PARTITION BY HASH (org);
            CREATE TABLE o_0 PARTITION OF \"or\"\"ders\" FOR VALUES WITH (MODULUS 2, REMAINDER 0);
            CREATE TABLE o_1 PARTITION OF \"or\"\"ders\" FOR VALUES WITH (MODULUS 2, REMAINDER 1)";
        let world = world(&server, major, partitioned).await;
        world.admin("CREATE EXTENSION pg_stat_statements SCHEMA public").await;
        let client = world.database.client_as(&world.application()).await;
        let sent = [
            ("SELECT FROM \"Fin\"\"an;ce\".\"or\"\"ders\" WHERE org = 1", "Good"),
            ("SELECT ctid FROM \"or\"\"ders\" WHERE id = 1", "VisitsEveryPartition"),
        ];
        for (number, (statement, _)) in sent.iter().enumerate() {
            client.batch_execute(&tagged(number, statement)).await.unwrap();
        }
        let judged = world.verify_statements(&["--statements", "-o", "json"]);
        assert_eq!(judged.status, 0, "Postgres {major}: {judged:?}");
        for (number, (statement, expected)) in sent.iter().enumerate() {
            assert_eq!(verdict(&judged.json(), number), *expected, "Postgres {major}: {statement}");
        }
    }
}

/// A statement that another role executed can call a function of that role, which planning evaluates.
#[tokio::test]
async fn function_of_another_role_is_evaluated_only_on_request() {
    let major = *majors().last().unwrap();
    let server = Server::start(major, &PRELOAD);
    let partitioned = ", PRIMARY KEY (id, org)) PARTITION BY HASH (org);
        CREATE TABLE o_0 PARTITION OF \"or\"\"ders\" FOR VALUES WITH (MODULUS 1, REMAINDER 0)";
    let world = world(&server, major, partitioned).await;
    let app = world.application();
    world
        .admin(&format!(
            "CREATE EXTENSION pg_stat_statements; GRANT pg_read_all_stats TO {app};
             CREATE ROLE untrusted LOGIN; GRANT CREATE ON SCHEMA public TO untrusted;
             GRANT USAGE ON SCHEMA {SCHEMA_SQL} TO untrusted; GRANT SELECT ON {SCHEMA_SQL}.\"or\"\"ders\" TO untrusted"
        ))
        .await;
    let untrusted = world.database.client_as("untrusted").await;
    untrusted
        .batch_execute(
            "CREATE FUNCTION public.code() RETURNS int IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN
                IF current_user <> 'untrusted' THEN RAISE 'evaluated as %', current_user USING ERRCODE = 'P0042'; END IF;
                RETURN 1; END $$",
        )
        .await
        .unwrap();
    let statement = "SELECT FROM \"Fin\"\"an;ce\".\"or\"\"ders\" WHERE org = public.code()";
    untrusted.batch_execute(statement).await.unwrap();

    let own = world.verify_statements(&["--statements", "-o", "json"]);
    assert_eq!((own.status, own.json()[0]["statements"].clone()), (0, json!([])), "{own:?}");
    assert!(own.json()[0]["notes"].to_string().contains("untrusted"), "{own:?}");
    let all = world.verify_statements(&["--statements=all", "-o", "json"]);
    let all = all.json()[0]["statements"].to_string();
    assert!(all.contains("P0042") && !all.contains("evaluated as"), "{all}");
}

#[tokio::test]
async fn text_of_several_statements_is_rejected_as_a_whole() {
    let world = World::new(*majors().first().unwrap()).await;
    let session = world.session().await;
    session.batch("BEGIN", std::time::Duration::from_secs(5)).await.unwrap();
    let text = "PREPARE p AS SELECT '\\'; COMMIT; CREATE TEMPORARY TABLE reached (); --'";
    let error = session.execute_single(text).await.unwrap_err();
    assert_eq!((error.kind(), error.sqlstate()), (ErrorKind::Refused, Some("42601")), "{error}");
    session.batch("ROLLBACK", std::time::Duration::from_secs(5)).await.unwrap();
    let reached = session.query_one_text("SELECT to_regclass('pg_temp.reached')::text", &[]).await;
    assert_eq!(reached.unwrap(), None);
}
