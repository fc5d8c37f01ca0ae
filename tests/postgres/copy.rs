//! A relation that stands in for the table under another name, until a cutover gives it the name.

use std::time::Duration;

use pg_partition_operator::converge::{Convergence, Options, converge};
use pg_partition_operator::desired::DesiredTable;
use pg_partition_operator::partition::Identifier;
use pg_partition_operator::plan::Moment;
use pg_partition_operator::postgres::Session;
use serde_json::json;

use crate::support::backdate::backdate;
use crate::support::postgres::majors;
use crate::world::{SCHEMA_SQL, Silent, World, apply, at, desired};

fn orders() -> DesiredTable {
    desired(json!({
        "table": "orders", "ahead": 1, "defaultPartition": "Present",
        "partitionBy": {"range": {"column": "at", "interval": "Month", "timeZone": "UTC"}},
        "retention": {"keep": 1, "onExpiry": "Drop", "dropAfter": "24h"},
        "indexes": [
            {"name": "orders_n", "columns": [{"column": "n"}]},
            {"name": "orders_odd", "columns": [{"column": "at"}], "where": "n = 1"},
        ],
    }))
}

/// Converges on the copy until nothing is left to do.
async fn apply_to_copy(session: &Session, now: &str) -> Convergence {
    let relation = Some(Identifier::new("orders_partitioned").unwrap());
    let options =
        Options { relation, ..Options::new(Moment::at(at(now)), Duration::from_secs(10)) };
    for _ in 0..5 {
        let done = converge(session, &orders(), &options, &mut Silent).await.unwrap();
        backdate(session, at(now)).await;
        if done.remaining.steps.is_empty() {
            return done;
        }
    }
    panic!("does not come to an end at {now}");
}

/// Partitions and tables that were partitions, all managed; whether it is one, and its name.
fn managed(found: &Convergence) -> Vec<(bool, &str)> {
    let partitions = &found.observed.partitions;
    assert!(partitions.iter().all(|p| p.state.is_managed()), "{partitions:#?}");
    assert!(found.remaining.notes.is_empty(), "{}", found.remaining);
    partitions.iter().map(|p| (p.state.is_partition(), p.name.name.as_str())).collect()
}

#[tokio::test]
async fn copy_is_kept_like_the_table_and_its_cutover_leaves_nothing_to_do() {
    for major in majors() {
        let world = World::new(major).await;
        world
            .owner(
                "CREATE TABLE orders (at timestamptz NOT NULL, n int);
                 CREATE TABLE orders_partitioned (LIKE orders) PARTITION BY RANGE (at)",
            )
            .await;
        let session = world.session().await;
        apply_to_copy(&session, "2026-01-15T00:00:00Z").await;
        let copy = apply_to_copy(&session, "2026-03-15T00:00:00Z").await;
        let expected = [
            (false, "orders_2026_01"),
            (true, "orders_2026_02"),
            (true, "orders_2026_03"),
            (true, "orders_2026_04"),
            (true, "orders_default"),
        ];
        assert_eq!(managed(&copy), expected, "Postgres {major}");
        let marked = format!(
            "SELECT count(*) FILTER (WHERE comment ~ ' {SCHEMA_SQL}\\.orders '), count(*)
             FROM pg_class, obj_description(oid, 'pg_class') AS comment
             WHERE relnamespace = '{SCHEMA_SQL}'::regnamespace AND comment LIKE 'pgpartition.dev%'
                AND relkind = 'r'"
        );
        let counts = format!(
            "SELECT concat(m.named, ' of ', m.marked) FROM ({marked}) AS m (named, marked)"
        );
        assert_eq!(world.text(&counts).await, "5 of 5", "Postgres {major}");

        world
            .owner(
                "ALTER TABLE orders RENAME TO orders_source;
                 ALTER TABLE orders_partitioned RENAME TO orders",
            )
            .await;
        let after = apply(&session, &orders(), "2026-03-15T00:00:00Z").await;
        assert!(after.outcomes.is_empty(), "Postgres {major}: {:?}", after.outcomes);
        assert_eq!(managed(&after), expected, "Postgres {major}");

        // What was decided on the copy is carried out on the table.
        let later = apply(&session, &orders(), "2026-03-17T00:00:00Z").await;
        let verbs: Vec<_> = later.outcomes.iter().map(|done| done.step.verb()).collect();
        assert_eq!(verbs, ["drop"], "Postgres {major}");
        assert_eq!(managed(&later), expected[1..], "Postgres {major}");
    }
}
