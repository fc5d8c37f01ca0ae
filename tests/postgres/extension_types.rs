//! Columns of extensions' types: conditions and foreign keys mean what the owner of the table means.

use serde_json::json;

use crate::database::{SCHEMA_SQL, World, apply, desired};
use crate::support::postgres::majors;

/// Runs statements of the owner with the types of `public` in sight, as applications have them.
async fn as_application(world: &World, sql: &str) {
    world.admin(&format!("SET ROLE {}; SET search_path = {SCHEMA_SQL}, public", world.owner)).await;
    world.admin(sql).await;
    world.admin("RESET ROLE; RESET search_path").await;
}

/// Conditions as a resource and as a user writes them.
const CONDITIONS: [&str; 9] = [
    "mail = 'vip@example.org'",
    "'vip@example.org' <> mail AND id > 3",
    "NOT (mail = 'a' OR path != 'top.a')",
    "mail IN ('a', 'it''s') OR mail IS NULL",
    "mail NOT IN ('a', 'b')",
    "mail BETWEEN 'a' AND 'b' AND path IS NOT NULL",
    "mail NOT BETWEEN 'a' AND 'b'",
    "mail LIKE 'v%' AND mail NOT ILIKE '%x'",
    "path >= 'top.a' AND state = 'open' AND id IN (1, 2)",
];

#[tokio::test]
async fn condition_on_an_extension_type_equals_that_of_the_owner() {
    for major in majors() {
        let world = World::new(major).await;
        world
            .admin("CREATE EXTENSION citext SCHEMA public; CREATE EXTENSION ltree SCHEMA public")
            .await;
        as_application(
            &world,
            "CREATE TYPE state AS ENUM ('open', 'closed');
             CREATE TABLE t (id int, at timestamptz NOT NULL, mail citext, path ltree, state state)
                 PARTITION BY RANGE (at);
             CREATE TABLE t_2027_03 PARTITION OF t FOR VALUES FROM ('2027-03-01Z') TO ('2027-04-01Z');",
        )
        .await;
        let indexes = (0..).zip(CONDITIONS).map(|(number, condition)| {
            json!({"name": format!("t_{number}"), "columns": [{"column": "id"}], "where": condition})
        });
        let spec = json!({
            "table": "t", "ahead": 1, "indexes": indexes.collect::<Vec<_>>(),
            "partitionBy": {"range": {"column": "at", "interval": "Month", "timeZone": "UTC"}},
        });
        let session = world.session().await;
        for _ in 0..2 {
            let done = apply(&session, &desired(spec.clone()), "2027-03-15T12:00:00Z").await;
            let left = done.remaining.steps.len() + done.remaining.deferred.len();
            assert_eq!(left, 0, "Postgres {major}: {:?}", done.outcomes);
        }
        for (number, condition) in CONDITIONS.iter().enumerate() {
            let by_hand = format!("CREATE INDEX hand_{number} ON t_2027_03 (id) WHERE {condition}");
            as_application(&world, &by_hand).await;
            let deparsed = |index: &str| {
                format!(
                    "SELECT pg_get_expr(indpred, indrelid) FROM pg_index
                     WHERE indexrelid = '{SCHEMA_SQL}.{index}'::regclass"
                )
            };
            let expected = world.text(&deparsed(&format!("hand_{number}"))).await;
            for partition in ["t_2027_03", "t_2027_04"] {
                let built = world.text(&deparsed(&format!("{partition}_{number}"))).await;
                // Postgres puts BETWEEN in parentheses of its own.
                let [built, expected] =
                    [&built, &expected].map(|text| text.replace(['(', ')'], ""));
                assert_eq!(built, expected, "Postgres {major}, {partition}: {condition}");
            }
        }
    }
}

#[tokio::test]
async fn partition_with_a_foreign_key_of_an_extension_type_is_detached() {
    for major in majors() {
        let world = World::new(major).await;
        world
            .admin("CREATE EXTENSION citext SCHEMA public; CREATE EXTENSION ltree SCHEMA public")
            .await;
        for (kind, row) in [("ltree", "a.b"), ("citext", "aB")] {
            as_application(
                &world,
                &format!(
                    "CREATE TABLE of_{kind} (k {kind}, at timestamptz NOT NULL, PRIMARY KEY (k, at)) PARTITION BY RANGE (at);
                     CREATE TABLE of_{kind}_notes (k {kind}, at timestamptz, FOREIGN KEY (k, at) REFERENCES of_{kind});
                     CREATE INDEX ON of_{kind}_notes (k, at);"
                ),
            )
            .await;
            let spec = json!({
                "table": format!("of_{kind}"), "ahead": 0, "retention": {"keep": 1},
                "partitionBy": {"range": {"column": "at", "interval": "Month", "startAt": "2026-12-01"}},
            });
            let session = world.session().await;
            apply(&session, &desired(spec.clone()), "2027-01-15T12:00:00Z").await;
            // A row of January is referenced, and by citext in other letters; none of December is.
            let other = if kind == "citext" { row.to_lowercase() } else { row.to_owned() };
            let rows = format!(
                "INSERT INTO of_{kind} VALUES ('{row}', '2027-01-10Z');
                 INSERT INTO of_{kind}_notes VALUES ('{other}', '2027-01-10Z');"
            );
            as_application(&world, &rows).await;
            let done = apply(&session, &desired(spec), "2027-03-15T12:00:00Z").await;
            let what = format!("Postgres {major}, {kind}: {:?}", done.remaining.deferred);
            let blockers: Vec<_> =
                done.remaining.deferred.iter().map(|deferral| deferral.blocker.name()).collect();
            assert_eq!(blockers, ["PartitionReferenced"], "{what}");
            let december = format!(
                "SELECT count(*) FROM pg_inherits WHERE inhrelid = '{SCHEMA_SQL}.of_{kind}_2026_12'::regclass"
            );
            assert_eq!(world.text(&december).await, "0", "{what}");
        }
    }
}
