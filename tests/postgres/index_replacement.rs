//! An index is dropped only after the index that takes its place was built.

use pg_partition_operator::desired::DesiredTable;
use serde_json::{Value, json};

use crate::database::{SCHEMA_SQL, World, apply, desired};
use crate::support::postgres::majors;

const NOW: &str = "2026-01-15T12:00:00Z";

/// Rows that are unique by `a` and not by `b`.
const SETUP: &str = "
    CREATE TABLE t (at timestamptz NOT NULL, a int, b int) PARTITION BY RANGE (at);
    CREATE TABLE t_2026_01 PARTITION OF t FOR VALUES FROM ('2026-01-01Z') TO ('2026-02-01Z');
    INSERT INTO t VALUES ('2026-01-10Z', 1, 1), ('2026-01-10Z', 2, 1)";

fn unique(column: &str, extra: &Value) -> DesiredTable {
    let mut index =
        json!({"name": "u", "unique": true, "columns": [{"column": column}, {"column": "at"}]});
    for (field, value) in extra.as_object().unwrap() {
        index[field] = value.clone();
    }
    desired(json!({
        "table": "t", "ahead": 0, "indexes": [index],
        "partitionBy": {"range": {"column": "at", "interval": "Month", "timeZone": "UTC"}},
    }))
}

/// Returns the number of valid unique indexes on the column of the partition.
async fn valid(world: &World, column: &str) -> String {
    let query = format!(
        "SELECT count(*) FROM pg_index WHERE indrelid = '{SCHEMA_SQL}.t_2026_01'::regclass
             AND indisvalid AND indisunique AND pg_get_indexdef(indexrelid) LIKE '%({column}, at)%'"
    );
    world.text(&query).await
}

#[tokio::test]
async fn unique_index_is_kept_if_the_build_of_its_successor_fails() {
    let Some(major) = majors().last().copied() else { return };
    for extra in [json!({"partitions": "Newest", "newest": 1}), json!({})] {
        let world = World::new(major).await;
        world.owner(SETUP).await;
        let session = world.session().await;
        let done = apply(&session, &unique("a", &extra), NOW).await;
        assert!(done.remaining.steps.is_empty(), "{extra}: {:?}", done.outcomes);
        assert_eq!(valid(&world, "a").await, "1", "{extra}");

        let done = apply(&session, &unique("b", &extra), NOW).await;
        let has_failed = done.failures().any(|(step, _)| step.verb() == "build-index");
        assert!(has_failed, "{extra}: {:?}", done.outcomes);
        assert_eq!(valid(&world, "a").await, "1", "{extra}: {:?}", done.outcomes);

        world.owner("UPDATE t SET b = a").await;
        let done = apply(&session, &unique("b", &extra), NOW).await;
        assert!(done.remaining.steps.is_empty(), "{extra}: {:?}", done.outcomes);
        let left = (valid(&world, "a").await, valid(&world, "b").await);
        assert_eq!(left, ("0".to_owned(), "1".to_owned()), "{extra}");
    }
}
