//! Texts of any length in the catalog take little memory, and nothing of them is lost.

use pg_partition_operator::postgres::inspect;
use serde_json::json;

use crate::database::{World, apply, desired, in_schema, managed, observe};
use crate::support::postgres::majors;

const TABLE: &str =
    "CREATE TABLE t (id bigint, at timestamptz NOT NULL, note text) PARTITION BY RANGE (at)";

#[tokio::test]
async fn long_comment_is_read_in_part_and_kept_whole_below_each_marker() {
    for major in majors() {
        let world = World::new(major).await;
        let session = world.session().await;
        world.owner(TABLE).await;
        let desired = desired(json!({
            "table": "t", "ahead": 0, "retention": {"keep": 1},
            "partitionBy": {"range": {"column": "at", "interval": "Month", "timeZone": "UTC"}},
        }));
        apply(&session, &desired, "2026-10-15T12:00:00Z").await;
        world
            .owner(
                r"DO $$ BEGIN EXECUTE format('COMMENT ON TABLE t_2026_10 IS %L',
                    obj_description('t_2026_10'::regclass, 'pg_class')
                    || E'\nit''s $$ \\ 100 % \'\n' || repeat('for ever, é ', 100000) || 'end'
                  ); END $$"
                    .replace("$$ BEGIN", "$outer$ BEGIN")
                    .replace("END $$", "END $outer$")
                    .as_str(),
            )
            .await;
        let comment =
            format!("obj_description('{}'::regclass, 'pg_class')", in_schema("t_2026_10"));
        let own = format!("substr({comment}, strpos({comment}, E'\\n'))");
        let digest = format!("SELECT md5({own}) || length({own})");
        let before = world.text(&digest).await;

        let observed = observe(&session, &managed("t")).await;
        let read = observed.partitions[0].comment.as_deref().unwrap_or_default().len();
        assert!((500..10_000).contains(&read), "Postgres {major}: {read}");

        apply(&session, &desired, "2026-12-15T12:00:00Z").await;
        let mark = world.text(&format!("SELECT left({comment}, 24)")).await;
        assert!(mark.starts_with("pgpartition.dev detached"), "Postgres {major}: {mark}");
        assert_eq!(world.text(&digest).await, before, "Postgres {major}");
    }
}

#[tokio::test]
async fn definition_without_end_is_an_error_that_names_the_index() {
    for major in majors() {
        let world = World::new(major).await;
        world.owner(TABLE).await;
        // Postgres compresses it into a row of its catalog.
        let predicate = format!("note = '{}'", "a".repeat(150_000));
        world.owner(&format!("CREATE INDEX endless ON t (id) WHERE {predicate}")).await;
        let table = managed("t");
        let error = inspect(&world.session().await, &table, &table.name().name)
            .await
            .unwrap_err()
            .to_string();
        assert_eq!(
            error,
            "the definition of index endless is longer than 100000 characters: make it shorter",
            "Postgres {major}"
        );
    }
}
