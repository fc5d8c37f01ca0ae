//! Partitions that are foreign tables: an index of the table leaves them out, and is valid without them.

use serde_json::json;

use crate::database::{SCHEMA_SQL, World, apply, desired};
use crate::support::postgres::majors;

async fn indexes(world: &World) -> String {
    let query = format!(
        "SELECT string_agg(c.relname || ' ' || CASE WHEN indisvalid THEN 'valid' ELSE 'invalid' END, ', '
             ORDER BY c.relkind, c.relname)
         FROM pg_index JOIN pg_class c ON c.oid = indexrelid WHERE relnamespace = '{SCHEMA_SQL}'::regnamespace"
    );
    world.text(&query).await
}

#[tokio::test]
async fn index_beside_a_foreign_partition_becomes_valid() {
    for major in majors() {
        for left in ["", "CREATE INDEX logs_id ON ONLY logs (id)"] {
            let world = World::new(major).await;
            world
                .admin(&format!(
                    "CREATE FOREIGN DATA WRAPPER nowhere; CREATE SERVER cold FOREIGN DATA WRAPPER nowhere;
                     GRANT USAGE ON FOREIGN SERVER cold TO {}",
                    world.owner
                ))
                .await;
            world
                .owner(&format!(
                    "CREATE TABLE logs (id bigint, at timestamptz NOT NULL) PARTITION BY RANGE (at);
                     CREATE TABLE logs_2027_03 PARTITION OF logs FOR VALUES FROM ('2027-03-01Z') TO ('2027-04-01Z');
                     CREATE FOREIGN TABLE logs_cold PARTITION OF logs
                         FOR VALUES FROM ('2026-01-01Z') TO ('2027-03-01Z') SERVER cold;
                     {left}"
                ))
                .await;
            let spec = desired(json!({
                "table": "logs", "ahead": 0, "indexes": [{"name": "logs_id", "columns": [{"column": "id"}]}],
                "partitionBy": {"range": {"column": "at", "interval": "Month", "timeZone": "UTC"}},
            }));
            let session = world.session().await;
            let done = apply(&session, &spec, "2027-03-15T12:00:00Z").await;
            let remaining = done.remaining.steps.len() + done.remaining.deferred.len();
            assert_eq!(remaining, 0, "Postgres {major}: {:?}", done.outcomes);
            let expected = "logs_id valid, logs_2027_03_id valid";
            assert_eq!(
                indexes(&world).await.replace("_pgpartition_next", ""),
                expected,
                "Postgres {major}"
            );
            // A new partition has its index before it is attached, and the table's stays valid.
            apply(&session, &spec, "2027-04-15T12:00:00Z").await;
            let found = indexes(&world).await;
            assert!(found.contains("logs_2027_04_id valid"), "Postgres {major}: {found}");
            assert!(!found.contains("invalid"), "Postgres {major}: {found}");
        }
    }
}
