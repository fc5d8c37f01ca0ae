//! Partitions of a copy that a user changes by hand: what a sweep found before says nothing any more.

use pg_partition_operator::converge::look;
use pg_partition_operator::plan::Moment;
use pg_partition_operator::postgres::Session;

use crate::converting::{NOW, by_month, convert, converted, differing, orders, verbs};
use crate::support::postgres::majors;
use crate::world::{World, apply, at};

/// What a user does with a partition of the copy, one after the other.
const CHANGES: [&str; 6] = [
    "TRUNCATE orders_2026_02",
    "VACUUM FULL orders_2026_02",
    "ALTER TABLE orders_partitioned DETACH PARTITION orders_2026_02;
     UPDATE orders SET status = 'meanwhile' WHERE at < '2026-02-07' AND at >= '2026-02-01';
     DELETE FROM orders_default;
     ALTER TABLE orders_partitioned ATTACH PARTITION orders_2026_02
        FOR VALUES FROM ('2026-02-01 00:00Z') TO ('2026-03-01 00:00Z')",
    "CREATE TABLE by_hand (LIKE orders_partitioned);
     INSERT INTO by_hand VALUES (-1, 1, '2020-01-01 00:00Z', 'extra');
     ALTER TABLE orders_partitioned ATTACH PARTITION by_hand
        FOR VALUES FROM ('2020-01-01 00:00Z') TO ('2020-02-01 00:00Z')",
    "DROP TABLE orders_2026_01",
    "ALTER TABLE orders_partitioned DETACH PARTITION orders_2025_12",
];

async fn has_parity(session: &Session, now: &str) -> bool {
    let moment = Moment::at(at(now));
    let (seen, _) = look(session, &converted(by_month()), &moment).await.unwrap();
    seen.copy.unwrap().parity().is_some()
}

#[tokio::test]
async fn partition_that_a_user_changes_voids_parity() {
    for major in majors() {
        let world = World::new(major).await;
        orders(&world).await;
        let session = world.session().await;
        convert(&session, by_month()).await;
        for change in CHANGES {
            assert!(has_parity(&session, NOW).await, "Postgres {major}, before {change}");
            for statement in change.split(';') {
                world.owner(statement).await;
            }
            assert!(!has_parity(&session, NOW).await, "Postgres {major}, {change}");
            // A sweep that repaired rows is followed by another one.
            let done = convert(&session, by_month()).await;
            assert!(done.worked.is_some(), "Postgres {major}, {change}: {}", done.remaining);
            assert_eq!(differing(&world).await, "0 0", "Postgres {major}, {change}");
        }
    }
}

#[tokio::test]
async fn partition_that_the_operator_attaches_keeps_parity() {
    for major in majors() {
        let world = World::new(major).await;
        orders(&world).await;
        let session = world.session().await;
        convert(&session, by_month()).await;
        // The first one is new, the second one gets a row of the default partition.
        let (april, may) = ("2026-04-15T12:00:00Z", "2026-05-15T12:00:00Z");
        let attached = apply(&session, &converted(by_month()), april).await;
        world.owner("INSERT INTO orders (org, at) VALUES (1, '2026-06-17Z')").await;
        let drained = apply(&session, &converted(by_month()), may).await;
        let done = [verbs(&attached), verbs(&drained)];
        assert_eq!(done, [["create", "attach"], ["create", "drain"]], "Postgres {major}");
        for run in [attached, drained] {
            assert!(run.worked.is_none(), "Postgres {major}: {:?}", run.worked);
        }
        assert!(has_parity(&session, may).await, "Postgres {major}");
        assert_eq!(differing(&world).await, "0 0", "Postgres {major}");
        for partition in ["orders_2026_05", "orders_2026_06"] {
            world.owner(&format!("TRUNCATE {partition}")).await;
            assert!(!has_parity(&session, may).await, "Postgres {major}, {partition}");
            apply(&session, &converted(by_month()), may).await;
            assert!(has_parity(&session, may).await, "Postgres {major}, {partition}");
        }
    }
}
