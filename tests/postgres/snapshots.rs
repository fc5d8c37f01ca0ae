//! A saved snapshot gives the plan of the database it came from, or says what it does not know.

use std::io::Write as _;

use serde_json::{Value, json};
use tempfile::NamedTempFile;

use crate::database::{SCHEMA_SQL, World, apply, desired};
use crate::program::{Outcome, call, resource};
use crate::support::postgres::majors;

const NOW: &str = "2026-01-15T12:00:00Z";
const PLAN: [&str; 7] = ["plan", "-f", "-", "--at", NOW, "-o", "json"];
const UNREACHABLE: &str = "postgres://login@127.0.0.1:1/none";

fn spec(more: &Value) -> Value {
    let mut spec = json!({
        "table": "t", "ahead": 1,
        "partitionBy": {"range": {
            "column": "at", "interval": "Month", "timeZone": "UTC", "startAt": "2025-11-01",
        }},
    });
    let fields = spec.as_object_mut().unwrap();
    fields.extend(more.as_object().unwrap().clone());
    spec
}

/// Saves what `inspect` prints for the resource, or for any if there is none.
fn save(world: &World, resource: Option<&str>) -> Value {
    let table = format!("{SCHEMA_SQL}.t");
    let mut arguments = vec!["inspect", &table, "-o", "json"];
    arguments.extend(resource.map(|_| ["-f", "-"]).into_iter().flatten());
    let saved = world.call(&arguments, resource.unwrap_or_default());
    assert_eq!(saved.status, 0, "Postgres {}: {saved:?}", world.major);
    saved.json()
}

/// Plans for a saved snapshot, without a database.
fn plan_for(snapshot: &Value, resource: &str) -> Outcome {
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(snapshot.to_string().as_bytes()).unwrap();
    let path = file.path().to_str().unwrap();
    call(UNREACHABLE, &[&PLAN[..], &["--observed", path]].concat(), resource)
}

/// Holds the plan for a saved snapshot against that of the database, and returns it.
fn same_plan(world: &World, snapshot: &Value, resource: &str) -> Value {
    let (live, saved) = (world.call(&PLAN, resource), plan_for(snapshot, resource));
    let what = format!("Postgres {}: {resource}\n{live:?}\n{saved:?}", world.major);
    assert_eq!(live.json(), saved.json(), "{what}");
    assert_eq!((live.status, live.fingerprint()), (saved.status, saved.fingerprint()), "{what}");
    live.json()["plans"][0].clone()
}

fn verbs(plan: &Value) -> Vec<&str> {
    let steps = plan["steps"].as_array().unwrap();
    steps.iter().map(|step| step["step"].as_str().unwrap()).collect()
}

fn blockers(plan: &Value) -> Vec<&str> {
    let deferred = plan["deferred"].as_array().unwrap();
    deferred.iter().map(|deferral| deferral["blocker"].as_str().unwrap()).collect()
}

/// Removes the answers from a snapshot: then the plan is an error that names what is missing.
fn is_missed(mut snapshot: Value, resource: &str, missing: &str) {
    snapshot["answers"] = json!([]);
    let plan = plan_for(&snapshot, resource);
    assert!(plan.status == 1 && plan.out.is_empty(), "{plan:?}");
    assert!(
        plan.err.contains(missing) && plan.err.contains("inspect SCHEMA.TABLE -f FILE"),
        "{plan:?}"
    );
}

#[tokio::test]
async fn saved_snapshot_knows_the_rows_of_the_default_partition() {
    for major in majors() {
        let world = World::new(major).await;
        world
            .owner(
                "CREATE TABLE t (at timestamptz NOT NULL) PARTITION BY RANGE (at);
                 CREATE TABLE t_default PARTITION OF t DEFAULT;
                 INSERT INTO t VALUES ('2025-12-02Z'), ('2026-02-02Z'), ('2026-05-05Z');",
            )
            .await;
        let snapshot = save(&world, None);
        let mut drained = Vec::new();
        for ahead in 0..4 {
            for wanted in ["Absent", "Present"] {
                let file = resource(spec(&json!({"ahead": ahead, "defaultPartition": wanted})));
                let plan = same_plan(&world, &snapshot, &file);
                let drains = verbs(&plan).iter().filter(|verb| **verb == "drain").count();
                drained.push((drains, blockers(&plan).len()));
                is_missed(snapshot.clone(), &file, "which rows the default partition has");
            }
        }
        assert!(drained.iter().any(|(drains, _)| *drains > 0), "{drained:?}");
        assert!(drained.iter().any(|(_, deferred)| *deferred > 0), "{drained:?}");
    }
}

#[tokio::test]
async fn saved_snapshot_knows_which_partitions_are_referenced() {
    for major in majors() {
        let world = World::new(major).await;
        world
            .owner(
                "CREATE TABLE t (id int, at timestamptz, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
                 CREATE TABLE bills (id int, at timestamptz, FOREIGN KEY (id, at) REFERENCES t)",
            )
            .await;
        let session = world.session().await;
        let done = apply(&session, &desired(spec(&json!({"retention": {"keep": 9}}))), NOW).await;
        assert!(done.remaining.steps.is_empty(), "Postgres {major}: {:?}", done.outcomes);
        world
            .owner(
                "INSERT INTO t VALUES (1, '2025-11-02Z'), (2, '2025-12-02Z');
                 INSERT INTO bills VALUES (1, '2025-11-02Z')",
            )
            .await;
        let file = resource(spec(&json!({"retention": {"keep": 0}})));
        let snapshot = save(&world, None);
        let plan = same_plan(&world, &snapshot, &file);
        assert_eq!(blockers(&plan), ["PartitionReferenced"], "Postgres {major}: {plan}");
        assert!(verbs(&plan).contains(&"detach"), "Postgres {major}: {plan}");
        is_missed(snapshot, &file, "how far the database clock is ahead");

        // A missing privilege of the owner is an answer, too.
        world.admin(&format!("ALTER TABLE {SCHEMA_SQL}.bills OWNER TO CURRENT_USER")).await;
        let snapshot = save(&world, None);
        let plan = same_plan(&world, &snapshot, &file);
        let unchecked = ["ReferencesUnknown", "ReferencesUnknown"];
        assert_eq!(blockers(&plan), unchecked, "Postgres {major}: {plan}");
    }
}

#[tokio::test]
async fn saved_snapshot_knows_the_conditions_of_partial_indexes() {
    for major in majors() {
        let world = World::new(major).await;
        world
            .owner(
                "CREATE TABLE t (id bigint, at timestamptz NOT NULL, state varchar(9)) PARTITION BY RANGE (at);
                 CREATE TABLE t_2026_01 PARTITION OF t FOR VALUES FROM ('2026-01-01Z') TO ('2026-02-01Z');
                 CREATE INDEX t_2026_01_open ON t_2026_01 (id) WHERE NOT (state = 'done');",
            )
            .await;
        for (condition, is_built) in
            [("NOT (state = 'done')", false), ("NOT (state = 'new')", true)]
        {
            let index =
                json!({"name": "t_open", "columns": [{"column": "id"}], "where": condition});
            let file = resource(spec(&json!({"ahead": 0, "indexes": [index]})));
            let plan = same_plan(&world, &save(&world, Some(&file)), &file);
            let builds = verbs(&plan).contains(&"build-index");
            assert_eq!(builds, is_built, "Postgres {major}: {plan}");
            // Without the spec, the condition to query is unknown.
            is_missed(save(&world, None), &file, "how Postgres deparses \"NOT (state = ");
        }
        // The session that asks leaves nothing, not even a schema for temporary tables.
        let left = "SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'pg\\_temp\\_%'";
        assert_eq!(world.text(left).await, "0", "Postgres {major}");
    }
}

#[tokio::test]
async fn saved_snapshot_knows_the_plain_table_of_a_conversion() {
    for major in majors() {
        let world = World::new(major).await;
        world
            .owner(
                "CREATE TABLE t (id int PRIMARY KEY, at timestamptz NOT NULL);
                 CREATE RULE forget AS ON DELETE TO t DO INSTEAD NOTHING;
                 CREATE MATERIALIZED VIEW m AS SELECT id FROM t",
            )
            .await;
        let file = resource(spec(&json!({"conversion": {"method": "Copy"}})));
        for snapshot in [save(&world, None), save(&world, Some(&file))] {
            let plan = same_plan(&world, &snapshot, &file);
            let expected = ["HasRules", "NotAcknowledged"];
            assert_eq!(blockers(&plan), expected, "Postgres {major}: {plan}");
            assert!(plan["notes"].to_string().contains("materialized view"), "{plan}");
            is_missed(snapshot, &file, "what the conversion of a plain table depends on");
        }
    }
}

#[tokio::test]
async fn snapshot_for_a_file_needs_a_document_of_the_table() {
    let world = World::new(majors()[0]).await;
    world.owner("CREATE TABLE t (at date NOT NULL) PARTITION BY RANGE (at)").await;
    let table = format!("{SCHEMA_SQL}.t");
    let other = resource(spec(&json!({"table": "other"})));
    let saved = world.call(&["inspect", &table, "-o", "json", "-f", "-"], &other);
    assert!(saved.status == 1 && saved.err.contains("no document for"), "{saved:?}");
}
