//! Objects that depend on a detached table block its drop, and are named before anything is tried.

use pg_partition_operator::plan::Deferral;
use serde_json::{Value, json};

use crate::database::{SCHEMA_SQL, World, apply, desired};
use crate::support::postgres::majors;

/// Each makes Postgres refuse to drop `t_2025_11`, and is called so.
const DEPENDENTS: [(&str, &str); 9] = [
    ("CREATE VIEW november AS SELECT n FROM t_2025_11", "view"),
    ("CREATE MATERIALIZED VIEW november AS SELECT n FROM t_2025_11", "materialized view"),
    (
        "CREATE FUNCTION november() RETURNS bigint LANGUAGE sql BEGIN ATOMIC SELECT count(*) FROM t_2025_11; END",
        "function",
    ),
    ("CREATE FUNCTION november(t_2025_11) RETURNS int LANGUAGE sql AS 'SELECT 1'", "function"),
    ("CREATE TABLE november (rows t_2025_11[])", "column rows of table"),
    ("CREATE TABLE november () INHERITS (t_2025_11)", "table"),
    (
        "CREATE TABLE november (n int); CREATE RULE november AS ON INSERT TO november DO ALSO SELECT FROM t_2025_11",
        "rule november on table",
    ),
    (
        "CREATE TABLE november (n int); CREATE POLICY november ON november USING (n IN (SELECT n FROM t_2025_11))",
        "policy november on table",
    ),
    (
        "CREATE SEQUENCE november_seq OWNED BY t_2025_11.n; CREATE TABLE november (n int DEFAULT nextval('november_seq'))",
        "default value for column n of table",
    ),
];

fn spec() -> Value {
    json!({
        "table": "t", "ahead": 0,
        "partitionBy": {"range": {
            "column": "at", "interval": "Month", "timeZone": "UTC", "startAt": "2025-11-01",
        }},
        "retention": {"keep": 1, "onExpiry": "Drop", "dropAfter": "1h"},
    })
}

/// November and December are detached, and their grace period is over a day later.
async fn detached(major: u16) -> World {
    let world = World::new(major).await;
    world
        .owner("CREATE TABLE t (at timestamptz NOT NULL, n serial, PRIMARY KEY (n, at)) PARTITION BY RANGE (at)")
        .await;
    for now in ["2025-12-15T12:00:00Z", "2026-02-15T12:00:00Z"] {
        apply(&world.session().await, &desired(spec()), now).await;
    }
    world
}

#[tokio::test]
async fn dependent_object_blocks_the_drop_of_one_table_and_is_named() {
    for major in majors() {
        for (create, kind) in DEPENDENTS {
            let what = format!("Postgres {major}, {create}");
            let world = detached(major).await;
            // The table's own objects do not block it: constraints, indexes, sequences, statistics, policies.
            world
                .owner("CREATE STATISTICS s ON n, at FROM t_2025_11; CREATE POLICY p ON t_2025_11 USING (true)")
                .await;
            world.owner(create).await;
            let done =
                apply(&world.session().await, &desired(spec()), "2026-02-16T12:00:00Z").await;
            let deferred: Vec<_> = done.remaining.deferred.iter().map(Deferral::line).collect();
            assert_eq!(deferred.len(), 1, "{what}: {}", done.remaining);
            let is_named = deferred[0].contains("HasDependents") && deferred[0].contains(kind);
            assert!(is_named && deferred[0].contains("november"), "{what}: {deferred:?}");
            assert!(!deferred[0].contains("CASCADE"), "{what}: {deferred:?}");
            let verbs: Vec<_> =
                done.outcomes.iter().map(|o| (o.step.verb(), o.result.is_ok())).collect();
            assert_eq!(verbs, [("drop", true)], "{what}: its sibling is dropped");
            world.owner(&format!("DROP {} CASCADE", kind_of(create))).await;
            let done =
                apply(&world.session().await, &desired(spec()), "2026-02-16T12:00:00Z").await;
            assert!(done.remaining.deferred.is_empty(), "{what}: {}", done.remaining);
        }
    }
}

/// Returns the keyword of `DROP` for the dependent object.
fn kind_of(create: &str) -> &'static str {
    if create.contains("MATERIALIZED") {
        "MATERIALIZED VIEW november"
    } else if create.contains("VIEW") {
        "VIEW november"
    } else if create.contains("FUNCTION") {
        "FUNCTION november"
    } else {
        "TABLE november"
    }
}

/// A foreign key needs no constraint where it leads: a unique index of the table is enough.
#[tokio::test]
async fn index_that_a_foreign_key_needs_is_not_replaced() {
    for major in majors() {
        let what = format!("Postgres {major}");
        let world = World::new(major).await;
        world
            .owner("CREATE TABLE t (at timestamptz NOT NULL, n int) PARTITION BY RANGE (at); CREATE UNIQUE INDEX t_u ON t (n, at)")
            .await;
        world
            .owner(
                "CREATE TABLE f (n int, at timestamptz, FOREIGN KEY (n, at) REFERENCES t (n, at))",
            )
            .await;
        let mut spec = spec();
        spec["indexes"] = json!([{"name": "t_u", "columns": [{"column": "at"}]}]);
        let done = apply(&world.session().await, &desired(spec), "2025-12-15T12:00:00Z").await;
        let deferred: Vec<_> = done.remaining.deferred.iter().map(Deferral::line).collect();
        assert!(
            deferred.len() == 1
                && deferred[0].contains("HasDependents")
                && deferred[0].contains("constraint f_"),
            "{what}: {deferred:?}"
        );
        assert!(done.remaining.steps.is_empty(), "{what}: {}", done.remaining);
        let built = format!(
            "SELECT count(*) FROM pg_class WHERE relname ~ 'next' AND relnamespace = '{SCHEMA_SQL}'::regnamespace"
        );
        assert_eq!(
            world.text(&built).await,
            "0",
            "{what}: nothing is built that cannot take its place"
        );
    }
}
