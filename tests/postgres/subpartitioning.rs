//! A partitioned table that is a partition itself: what it has from the tables above it.

use serde_json::{Value, json};

use crate::database::{SCHEMA_SQL, World, apply, desired};
use crate::support::postgres::majors;

const NOW: &str = "2026-01-15T12:00:00Z";

/// Calls by region, those of one region by month; bills refer to the calls of every region.
const CALLS: &str = "
    CREATE TABLE calls (region text, id int, at timestamptz, PRIMARY KEY (region, id, at)) PARTITION BY LIST (region);
    CREATE TABLE calls_eu PARTITION OF calls FOR VALUES IN ('eu') PARTITION BY RANGE (at);
    CREATE TABLE bills (region text, id int, at timestamptz, FOREIGN KEY (region, id, at) REFERENCES calls)";

fn spec(keep: u32) -> Value {
    json!({
        "table": "calls_eu", "ahead": 0,
        "partitionBy": {"range": {
            "column": "at", "interval": "Month", "timeZone": "UTC", "startAt": "2025-11-01",
        }},
        "retention": {"keep": keep},
    })
}

/// The months from November to January, each with a call.
async fn calls(major: u16) -> World {
    let world = World::new(major).await;
    world.owner(CALLS).await;
    let done = apply(&world.session().await, &desired(spec(9)), NOW).await;
    assert!(done.remaining.steps.is_empty(), "Postgres {major}: {:?}", done.outcomes);
    world
        .owner("INSERT INTO calls VALUES ('eu', 1, '2025-11-02Z'), ('eu', 2, '2025-12-02Z'), ('eu', 3, '2026-01-02Z')")
        .await;
    world
}

#[tokio::test]
async fn partition_that_is_referenced_through_a_table_above_is_not_detached() {
    for major in majors() {
        let what = format!("Postgres {major}");
        let world = calls(major).await;
        world.owner("INSERT INTO bills VALUES ('eu', 1, '2025-11-02Z')").await;
        let done = apply(&world.session().await, &desired(spec(0)), NOW).await;
        let blockers: Vec<_> = done.remaining.deferred.iter().map(|d| d.blocker.name()).collect();
        assert_eq!(blockers, ["PartitionReferenced"], "{what}: {}", done.remaining);
        assert!(done.remaining.to_string().contains("bills"), "{what}: {}", done.remaining);
        assert!(done.outcomes.iter().all(|o| o.result.is_ok()), "{what}: {:?}", done.outcomes);
        let comment = "SELECT obj_description('@.calls_eu_2025_11'::regclass)";
        let comment = world.text(&comment.replace('@', SCHEMA_SQL)).await;
        assert!(comment.starts_with("pgpartition.dev partition "), "{what}: {comment}");
        // December is not referenced, and is detached by the form that gives up within lockTimeout.
        let detached = done.outcomes.iter().find(|o| o.step.verb() == "detach").unwrap();
        let line = format!("{:?}", detached.step);
        assert!(line.contains("concurrently: false"), "{what}: {line}");
    }
}

#[tokio::test]
async fn reattach_to_a_table_that_is_a_partition_itself_scans_nothing() {
    for major in majors() {
        let what = format!("Postgres {major}");
        let world = calls(major).await;
        let done = apply(&world.session().await, &desired(spec(1)), NOW).await;
        assert!(done.remaining.steps.is_empty(), "{what}: {}", done.remaining);
        let constraint = "SELECT conname FROM pg_constraint WHERE contype = 'c' AND conrelid = '@.calls_eu_2025_11'::regclass";
        let constraint = world.text(&constraint.replace('@', SCHEMA_SQL)).await;
        world
            .owner(&format!("ALTER TABLE calls_eu_2025_11 VALIDATE CONSTRAINT {constraint}"))
            .await;
        let scans =
            "SELECT seq_scan FROM pg_stat_xact_user_tables WHERE relname = 'calls_eu_2025_11'";
        world.owner("BEGIN").await;
        let before = world.text(scans).await;
        let attach = "ALTER TABLE @.calls_eu ATTACH PARTITION @.calls_eu_2025_11 FOR VALUES FROM ('2025-11-01Z') TO ('2025-12-01Z')";
        world.admin(&attach.replace('@', SCHEMA_SQL)).await;
        assert_eq!(world.text(scans).await, before, "{what}");
        world.admin("ROLLBACK").await;
        let again = apply(&world.session().await, &desired(spec(9)), NOW).await;
        assert!(again.remaining.steps.is_empty(), "{what}: {:?}", again.outcomes);
        assert_eq!(
            world.text(&format!("SELECT count(*) FROM {SCHEMA_SQL}.calls")).await,
            "3",
            "{what}"
        );
    }
}
