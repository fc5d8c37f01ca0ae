//! Constraints with exclusion operators: a partition has each of the table's once, however often it is detached
//! and reattached.

use serde_json::json;

use crate::database::{SCHEMA_SQL, World, apply, desired};
use crate::support::postgres::majors;

async fn constraints(world: &World, partition: &str) -> String {
    let query = format!(
        "SELECT string_agg(contype::text || CASE WHEN conparentid = 0 THEN ' alone' ELSE '' END, ', ')
         FROM pg_constraint WHERE conrelid = '{SCHEMA_SQL}.{partition}'::regclass AND contype IN ('x', 'p', 'u')"
    );
    world.text(&query).await
}

/// Provides February, then detaches and reattaches it twice.
async fn assert_has_it_once(world: &World, table: &str, kind: &str) {
    let what = format!("Postgres {}, {table}", world.major);
    let spec = |keep: u32| {
        desired(json!({
            "table": table, "ahead": 0, "retention": {"keep": keep},
            "partitionBy": {"range": {"column": "month", "interval": "Month", "startAt": "2027-02-01"}},
        }))
    };
    let february = format!("{table}_2027_02");
    let session = world.session().await;
    apply(&session, &spec(0), "2027-02-15T12:00:00Z").await;
    assert_eq!(constraints(world, &february).await, kind, "{what}: provided");
    for _ in 0..2 {
        let done = apply(&session, &spec(0), "2027-03-15T12:00:00Z").await;
        let alone = format!("{kind} alone");
        assert_eq!(constraints(world, &february).await, alone, "{what}: {:?}", done.outcomes);
        let done = apply(&session, &spec(3), "2027-03-15T12:00:00Z").await;
        assert_eq!(constraints(world, &february).await, kind, "{what}: {:?}", done.outcomes);
    }
    let equivalent = format!(
        "CREATE TABLE {table}_hand PARTITION OF {table}
        FOR VALUES FROM ('2026-01-01') TO ('2026-02-01')"
    );
    world.owner(&equivalent).await;
    assert_eq!(constraints(world, &format!("{table}_hand")).await, kind, "{what}: by hand");
}

#[tokio::test]
async fn partition_has_an_exclusion_constraint_once() {
    for major in majors().into_iter().filter(|major| *major >= 17) {
        let world = World::new(major).await;
        world.admin("CREATE EXTENSION btree_gist SCHEMA public").await;
        world
            .owner(
                "CREATE TABLE bookings (room int, month date NOT NULL, during daterange,
                    EXCLUDE USING gist (room WITH =, month WITH =, during WITH &&)) PARTITION BY RANGE (month)",
            )
            .await;
        assert_has_it_once(&world, "bookings", "x").await;
    }
}

#[tokio::test]
async fn partition_has_a_key_without_overlaps_once() {
    for major in majors().into_iter().filter(|major| *major >= 18) {
        let world = World::new(major).await;
        world.admin("CREATE EXTENSION btree_gist SCHEMA public").await;
        for (table, key, kind) in [("stays", "UNIQUE", "u"), ("leases", "PRIMARY KEY", "p")] {
            world
                .owner(&format!(
                    "CREATE TABLE {table} (room int, month date NOT NULL, during daterange NOT NULL,
                        {key} (room, month, during WITHOUT OVERLAPS)) PARTITION BY RANGE (month)"
                ))
                .await;
            assert_has_it_once(&world, table, kind).await;
        }
    }
}
