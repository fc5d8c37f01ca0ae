//! Indexes of a database that was restored without comments are recognized by what they are, and detached tables of
//! a renamed table by their markers.

use serde_json::json;

use crate::approval::{KEPT, LATER, drop_after, half_a_year, monthly, standalone};
use crate::database::{SCHEMA_SQL, World, apply, desired};
use crate::program::resource;
use crate::support::postgres::majors;

const CONDITIONS: [&str; 4] = [
    "NOT (state = 'done')",
    "state IN ('new', 'open') AND id BETWEEN 3 AND 7",
    "state NOT LIKE 'd%' OR id IS NULL",
    "mail = 'a' OR mail IN ('b', 'c')",
];

#[tokio::test]
async fn restored_index_without_its_comment_is_not_built_again() {
    for major in majors() {
        let world = World::new(major).await;
        world.admin("CREATE EXTENSION citext SCHEMA public").await;
        world
            .owner(
                "CREATE TABLE t (id bigint, at timestamptz NOT NULL, state varchar(9), mail public.citext)
                     PARTITION BY RANGE (at);
                 CREATE TABLE t_2027_03 PARTITION OF t FOR VALUES FROM ('2027-03-01Z') TO ('2027-04-01Z');",
            )
            .await;
        let indexes = (0..).zip(CONDITIONS).map(|(number, condition)| {
            json!({"name": format!("t_{number}"), "columns": [{"column": "id"}], "where": condition})
        });
        let spec = desired(json!({
            "table": "t", "ahead": 0, "indexes": indexes.collect::<Vec<_>>(),
            "partitionBy": {"range": {"column": "at", "interval": "Month", "timeZone": "UTC"}},
        }));
        let session = world.session().await;
        apply(&session, &spec, "2027-03-15T12:00:00Z").await;
        for number in 0..CONDITIONS.len() {
            let index = format!("{SCHEMA_SQL}.t_2027_03_{number}");
            world.admin(&format!("COMMENT ON INDEX {index} IS NULL")).await;
        }
        // One of another condition is still another one.
        world.owner("DROP INDEX t_2027_03_0; CREATE INDEX t_2027_03_0 ON t_2027_03 (id) WHERE state <> 'new'").await;
        let done = apply(&session, &spec, "2027-03-15T12:00:00Z").await;
        let built: Vec<_> = done.plan.steps.iter().map(|planned| planned.step.verb()).collect();
        assert_eq!(built.len(), 1, "Postgres {major}: {built:?}");
        let left = done.remaining.steps.len() + done.remaining.deferred.len();
        assert_eq!(left, 0, "Postgres {major}: {:?}", done.outcomes);
        let count = format!(
            "SELECT count(*) FROM pg_index WHERE indrelid = '{SCHEMA_SQL}.t_2027_03'::regclass"
        );
        assert_eq!(world.text(&count).await, "5", "Postgres {major}");
    }
}

#[tokio::test]
async fn detached_table_is_dropped_although_its_former_parent_was_renamed() {
    for major in majors() {
        let world = half_a_year(major, &drop_after("1h")).await;
        world.owner("ALTER TABLE t RENAME TO t_2026").await;
        let file = resource(monthly("t_2026", &drop_after("1h")));
        let done = world.call(&["apply", "-f", "-", "--at", LATER], &file);
        let left = standalone(&world).await;
        let is_left = KEPT.iter().any(|table| left.iter().any(|name| name == table));
        assert!(done.status == 0 && !is_left, "Postgres {major}: {left:?} {done:?}");
    }
}
