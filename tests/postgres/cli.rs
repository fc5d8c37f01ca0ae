//! The commands: their output, and the exit status that a script evaluates.

use std::process::Command;

use pg_partition_operator::postgres::{LockKeys, TableLock};
use serde_json::{Value, json};

use crate::database::{SCHEMA_SQL, World, managed};
use crate::program::{Outcome, call, resource, run};
use crate::session::Pooler;
use crate::support::postgres::{Server, majors};
use crate::support::tool;

const NOW: [&str; 2] = ["--at", "2026-01-15T12:00:00Z"];

const TABLE: &str = r#"
    CREATE TABLE "ta;b""le" (at timestamptz NOT NULL, "n'o" int) PARTITION BY RANGE (at);
    CREATE TABLE "ta;b""le_2026_01" PARTITION OF "ta;b""le" FOR VALUES FROM ('2026-01-01Z') TO ('2026-02-01Z');
"#;

fn spec() -> Value {
    json!({
        "table": "ta;b\"le",
        "partitionBy": {"range": {"column": "at", "interval": "Month", "timeZone": "UTC"}},
        "ahead": 1,
        "indexes": [{"name": "in;dex", "columns": [{"column": "n'o"}]}],
    })
}

fn with(change: impl FnOnce(&mut Value)) -> String {
    let mut spec = spec();
    change(&mut spec);
    resource(spec)
}

async fn world(major: u16) -> World {
    let world = World::new(major).await;
    world.owner(TABLE).await;
    world
}

impl World {
    fn plan(&self, file: &str) -> Outcome {
        self.call(&["plan", "-f", "-", NOW[0], NOW[1], "-o", "json"], file)
    }

    fn apply(&self, more: &[&str], file: &str) -> Outcome {
        self.call(&[&["apply", "-f", "-", "--wait", "500ms", NOW[0], NOW[1]], more].concat(), file)
    }

    fn verify(&self, file: &str) -> Outcome {
        self.call(&["verify", "-f", "-", NOW[0], NOW[1]], file)
    }
}

#[tokio::test]
async fn plan_is_applied_and_no_step_is_left() {
    for major in majors() {
        let world = world(major).await;
        let file = resource(spec());
        let plan = world.plan(&file);
        assert_eq!(plan.status, 2, "Postgres {major}: {plan:?}");
        assert_eq!(world.verify(&file).status, 2);

        let stale = world.apply(&["--expect", "0123456789abcdef"], &file);
        assert_eq!(stale.status, 3, "{stale:?}");
        assert_eq!(world.plan(&file).fingerprint(), plan.fingerprint(), "nothing was done");

        let done = world.apply(&["--expect", "other", "--expect", &plan.fingerprint()], &file);
        assert_eq!(done.status, 0, "Postgres {major}: {done:?}");
        assert_eq!(world.plan(&file).status, 0);
        assert_eq!(world.apply(&[], &file).status, 0);
        assert_eq!(world.verify(&file).status, 0);
    }
}

#[tokio::test]
async fn json_plan_describes_each_step_with_its_cost() {
    let world = world(majors()[0]).await;
    let plan = world.plan(&resource(spec())).json()["plans"][0].clone();
    assert_eq!(plan["table"], "\"Fin\"\"an;ce\".\"ta;b\"\"le\"");
    let steps = plan["steps"].as_array().unwrap();
    let verbs: Vec<_> = steps.iter().map(|step| step["step"].as_str().unwrap()).collect();
    assert_eq!(
        verbs,
        ["create", "attach", "create-parent-index", "build-index", "attach-index", "attach-index"]
    );
    assert_eq!(steps[1]["risk"], "None");
    assert_eq!(steps[1]["locks"][0]["mode"], "SHARE UPDATE EXCLUSIVE");
    assert_eq!(steps[3]["transaction"], false);
    assert!(steps.iter().all(|step| !step["sql"].as_array().unwrap().is_empty()));
    assert_eq!(plan["deferred"], json!([]));
}

#[tokio::test]
async fn sql_plan_converges_when_psql_executes_it() {
    for major in majors() {
        let world = world(major).await;
        let file = resource(spec());
        let script = world.call(&["plan", "-f", "-", NOW[0], NOW[1], "-o", "sql"], &file);
        let psql = tool("psql", "PGPARTITION_PSQL");
        let arguments = ["-X", "-v", "ON_ERROR_STOP=1", &world.url()];
        let done = run(Command::new(psql).args(arguments), &script.out);
        assert_eq!(done.status, 0, "Postgres {major}: {done:?}");
        assert_eq!(world.plan(&file).status, 0, "Postgres {major}");
    }
}

#[tokio::test]
async fn mode_plan_reports_and_changes_nothing() {
    let world = world(majors()[0]).await;
    let file = with(|spec| spec["mode"] = "Plan".into());
    assert_eq!(world.apply(&[], &file).status, 2);
    assert_eq!(world.plan(&file).status, 2);
}

#[tokio::test]
async fn table_locked_by_another_session_is_awaited_up_to_the_timeout() {
    for major in majors() {
        let world = world(major).await;
        let file = with(|spec| spec["limits"] = json!({"lockTimeout": "100ms"}));
        let holder = world.database.client().await;
        let lock = format!(
            "BEGIN; LOCK TABLE ONLY {SCHEMA_SQL}.\"ta;b\"\"le\" IN SHARE UPDATE EXCLUSIVE MODE"
        );
        holder.batch_execute(&lock).await.unwrap();
        assert_eq!(world.apply(&[], &file).status, 5, "Postgres {major}: lock of another session");
        holder.batch_execute("COMMIT").await.unwrap();

        let oid = world.text(&format!("SELECT '{SCHEMA_SQL}.\"ta;b\"\"le\"'::regclass::oid")).await;
        let session = world.session().await;
        let keys = LockKeys::new(&managed("ta;b\"le"), oid.parse().unwrap());
        let ours = TableLock::try_acquire(&session, keys).await.unwrap().unwrap();
        assert_eq!(world.apply(&[], &file).status, 5, "Postgres {major}: another of us");
        ours.release().await.unwrap();
        assert_eq!(world.apply(&[], &file).status, 0, "Postgres {major}");
    }
}

#[tokio::test]
async fn unreadable_document_is_reported_and_changes_nothing() {
    let world = world(majors()[0]).await;
    let good = resource(spec());
    let unknown = with(|spec| spec["ahaed"] = 3.into());
    let twice = format!("{good}\n---\n{good}");
    for (file, says) in [
        (unknown.as_str(), "ahaed"),
        (twice.as_str(), "two documents for"),
        ("", "no PartitionedTable"),
        ("{", "not YAML"),
        ("{\"kind\": \"Pod\"}", "Pod"),
        (&with(|spec| spec["ahead"] = (-1).into()), "ahead"),
    ] {
        for outcome in [world.plan(file), world.apply(&[], file), world.verify(file)] {
            assert_eq!(outcome.status, 1, "{file}: {outcome:?}");
            assert!(outcome.err.contains(says), "{file}: {}", outcome.err);
            assert!(outcome.out.is_empty(), "{file}: {}", outcome.out);
        }
    }
    let unreachable = "postgres://login:secret@127.0.0.1:1/none";
    let outcome = call(unreachable, &["plan", "-f", "-"], &good);
    assert_eq!(outcome.status, 1, "{outcome:?}");
    assert!(!outcome.err.contains("secret"), "{}", outcome.err);
}

/// Unmet preconditions: the statement that causes each, the document, and the message.
fn refuted() -> Vec<(&'static str, String, &'static str)> {
    let named = |name: &'static str| with(|spec| spec["table"] = name.into());
    let by = |change: fn(&mut Value)| with(|spec| change(&mut spec["partitionBy"]));
    let hash =
        json!({"table": "ta;b\"le", "partitionBy": {"hash": {"columns": ["at"], "partitions": 4}}});
    let hash = resource(hash);
    vec![
        ("", named("nothing"), "does not exist"),
        (
            "CREATE TABLE plain (at timestamptz)",
            named("plain"),
            "is a table that is not partitioned",
        ),
        ("CREATE VIEW seen AS SELECT 1", named("seen"), "not a partitioned table"),
        ("", by(|by| by["range"]["column"] = "n'o".into()), "is partitioned by range (at)"),
        ("", hash, "range (at)"),
        ("", by(|by| by["range"]["timeZone"] = "Mars/Olympus".into()), "Mars/Olympus"),
        ("CREATE TABLE num (at int8) PARTITION BY RANGE (at)", named("num"), "int8"),
    ]
}

#[tokio::test]
async fn unmet_precondition_needs_a_manual_action_and_changes_nothing() {
    for major in majors() {
        let world = world(major).await;
        for (sql, file, says) in refuted() {
            world.owner(sql).await;
            refutes(&world, &file, says).await;
        }
        let untrusted = "CREATE ROLE untrusted_of_db; ALTER TABLE @t OWNER TO untrusted_of_db";
        let table = format!("{SCHEMA_SQL}.\"ta;b\"\"le\"");
        let role = format!("untrusted_of_{}", world.database.name());
        world.admin(&untrusted.replace("untrusted_of_db", &role).replace("@t", &table)).await;
        refutes(&world, &resource(spec()), "cannot SET ROLE to").await;
        world.admin(&format!("ALTER TABLE {table} OWNER TO {}", world.owner)).await;
        world.admin(&format!("REVOKE CREATE ON SCHEMA {SCHEMA_SQL} FROM {}", world.owner)).await;
        refutes(&world, &resource(spec()), "cannot create tables in the schema of the table").await;
    }
}

#[tokio::test]
async fn pooler_needs_a_manual_action() {
    let world = world(majors()[0]).await;
    for ignored in ["", "ignore_startup_parameters = options"] {
        let pooler = Pooler::start(Server::shared(world.major).port(), ignored).await;
        let url = world.database.url_through(pooler.port, "postgres");
        let outcome = call(&url, &["apply", "-f", "-"], &resource(spec()));
        assert_eq!(outcome.status, 4, "{ignored}: {outcome:?}");
    }
}

#[test]
fn usage_error_has_another_exit_status_than_a_plan_with_steps() {
    for arguments in [&["plan"][..], &["paln"], &["plan", "-f", "-", "--at", "yesterday"], &[]] {
        assert_eq!(call("", arguments, "").status, 1, "{arguments:?}");
    }
    assert_eq!(call("", &["plan", "--help"], "").status, 0);
}

#[test]
fn operator_with_invalid_settings_does_not_start() {
    for flag in [
        "--resync=0s",
        "--sessions-per-server=0",
        "--lease-duration=5s",
        "--lease-renew-deadline=1s",
        "--lease-retry-period=0s",
    ] {
        let outcome = call("", &["run", flag], "");
        let name = flag.split('=').next().unwrap();
        assert!(outcome.status == 1 && outcome.err.contains(name), "{flag}: {outcome:?}");
    }
}

async fn refutes(world: &World, file: &str, says: &str) {
    let objects = "SELECT string_agg(oid::text, ' ' ORDER BY oid) FROM pg_class";
    let before = world.text(objects).await;
    for outcome in [world.plan(file), world.apply(&[], file), world.verify(file)] {
        assert_eq!(outcome.status, 4, "Postgres {}, {says}: {outcome:?}", world.major);
        assert!(outcome.out.contains(says), "{says}: {}", outcome.out);
    }
    assert_eq!(world.text(objects).await, before);
}

#[tokio::test]
async fn permanent_failure_needs_a_manual_action_and_blocks_no_other_table() {
    for major in majors() {
        let world = world(major).await;
        world
            .owner(r#"INSERT INTO "ta;b""le" VALUES ('2026-01-02Z', 1), ('2026-01-02Z', 1)"#)
            .await;
        let file = with(|spec| {
            spec["indexes"][0]["unique"] = true.into();
            spec["indexes"][0]["columns"] = json!([{"column": "n'o"}, {"column": "at"}]);
        });
        let outcome = world.apply(&[], &file);
        assert_eq!(outcome.status, 4, "Postgres {major}: {outcome:?}");
        let partition = format!(
            "SELECT relispartition FROM pg_class WHERE oid = '{SCHEMA_SQL}.\"ta;b\"\"le_2026_02\"'::regclass"
        );
        assert_eq!(world.text(&partition).await, "t", "Postgres {major}");
    }
}

#[tokio::test]
async fn read_replica_is_distinguished_from_a_primary() {
    for major in majors() {
        let mut server = Server::start(major, &[]);
        let world = World::on(&server, major).await;
        world.owner(TABLE).await;
        std::fs::write(server.dir().join("standby.signal"), "").unwrap();
        crate::support::signal(server.pid(), "KILL");
        server.restart();
        let (plan, apply) = (world.plan(&resource(spec())), world.apply(&[], &resource(spec())));
        for outcome in [plan, apply] {
            assert_eq!(outcome.status, 4, "Postgres {major}: {outcome:?}");
            assert!(outcome.out.contains("read replica"), "Postgres {major}: {outcome:?}");
        }
    }
}
