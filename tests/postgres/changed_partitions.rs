//! Partitions of a copy that a user changes by hand: what a sweep found before says nothing any more.

use pg_partition_operator::converge::observe_and_plan;
use pg_partition_operator::plan::PlanTime;
use pg_partition_operator::postgres::Session;

use crate::conversion::{NOW, by_month, convert, converted, differing, orders, verbs};
use crate::copy_fixture;
use crate::copy_pages::{CONTENT, compare, copy, uncopied};
use crate::database::{SCHEMA_SQL, World, apply, at};
use crate::support::postgres::majors;

/// Changes of a user to a partition of the copy, one after the other.
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
    let time = PlanTime::at(at(now));
    let (seen, _) = observe_and_plan(session, &converted(by_month()), &time).await.unwrap();
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
            assert!(done.work_outcome.is_some(), "Postgres {major}, {change}: {}", done.remaining);
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
            assert!(run.work_outcome.is_none(), "Postgres {major}: {:?}", run.work_outcome);
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

/// Changes of a user between two pages of a sweep, whether the sweep begins again, and the number of rows that it finds
/// to differ. `#` is the partition that has the first row.
const DURING_A_SWEEP: [(&str, bool, u64); 5] = [
    ("TRUNCATE t; INSERT INTO t SELECT n, n FROM generate_series(1, 30) AS n", true, 0),
    ("TRUNCATE t; INSERT INTO t SELECT n, n FROM generate_series(1, 30) AS n", false, 0),
    ("BEGIN; TRUNCATE t; INSERT INTO t VALUES (1, 2); ROLLBACK", false, 0),
    ("TRUNCATE #", true, 1),
    ("BEGIN; TRUNCATE #; ROLLBACK", false, 0),
];

#[tokio::test]
async fn sweep_begins_again_if_a_partition_is_truncated_meanwhile() {
    for major in majors() {
        for (turn, (change, begins, least)) in DURING_A_SWEEP.into_iter().enumerate() {
            let (world, table) = uncopied(major, "id int, part int NOT NULL").await;
            let session = world.session().await;
            while copy(&session, &table, 100).await.unwrap()["done"] != true {}
            assert_eq!(compare(&session, &table, CONTENT).await.unwrap()["done"], false);
            let began = "SELECT sweep->>'startedAt' FROM pgpartition.conversions";
            let first = world.text(began).await;
            let leaf = format!(
                "SELECT tableoid::regclass::text FROM {SCHEMA_SQL}.t_partitioned WHERE id = 1"
            );
            let leaf = world.text(&leaf).await;
            // Another session reads the copy, so that the trigger deletes its rows.
            let reader = world.database.client().await;
            let lock = format!("BEGIN; LOCK TABLE {SCHEMA_SQL}.t_partitioned IN ACCESS SHARE MODE");
            if turn == 1 {
                reader.batch_execute(&lock).await.unwrap();
            }
            let change = change.replace('#', &leaf);
            let what = format!("Postgres {major}, turn {turn}: {change}");
            world.owner(&change).await;
            let mut differing = 0;
            loop {
                let page = compare(&session, &table, CONTENT).await.unwrap();
                differing += page["differing"].as_u64().unwrap();
                if page["done"] == true {
                    break;
                }
                assert_eq!(world.text(began).await != first, begins, "{what}");
            }
            assert!(differing >= least && (least > 0 || differing == 0), "{what}: {differing}");
            let parity = "SELECT (parity->>'differenceRows')::int FROM pgpartition.conversions";
            assert_eq!(world.text(parity).await, differing.to_string(), "{what}");
            assert_eq!(copy_fixture::differing(&world.admin, &table).await, "", "{what}");
        }
    }
}
