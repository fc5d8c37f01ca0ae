//! The application changes the triggers of a conversion: the change is reported, repaired by the next run, and the
//! parity is unknown until a sweep ends that began after that.

use std::time::Duration;

use pg_partition_operator::converge::{Options, converge, observe_and_plan};
use pg_partition_operator::desired::DesiredTable;
use pg_partition_operator::observed::Sweep;
use pg_partition_operator::plan::{Cause, PlanTime, Step};
use pg_partition_operator::postgres::Session;
use serde_json::json;

use crate::database::{SCHEMA_SQL, Silent, World, apply, at, desired};
use crate::support::postgres::majors;

const NOW: &str = "2026-03-15T12:00:00Z";

/// Changes of the owner to the triggers, with the cause that is reported, and whether the copy misses writes then.
const CHANGES: &[(&str, Cause, bool)] = &[
    ("DROP TRIGGER sync_to_partitioned_orders ON orders", Cause::SyncAltered, true),
    ("DROP TRIGGER sync_to_partitioned_orders_truncate ON orders", Cause::SyncAltered, false),
    (
        "DROP TRIGGER sync_to_partitioned_orders ON orders; DROP TRIGGER sync_to_partitioned_orders_truncate ON orders",
        Cause::SyncMissing,
        true,
    ),
    ("ALTER TABLE orders DISABLE TRIGGER sync_to_partitioned_orders", Cause::SyncAltered, true),
    ("ALTER TABLE orders ENABLE TRIGGER sync_to_partitioned_orders", Cause::SyncAltered, false),
    ("ALTER TABLE orders DISABLE TRIGGER ALL", Cause::SyncAltered, true),
    (
        "ALTER TABLE orders DISABLE TRIGGER sync_to_partitioned_orders, ENABLE ALWAYS TRIGGER sync_to_partitioned_orders",
        Cause::SyncAltered,
        false,
    ),
    (
        "CREATE OR REPLACE TRIGGER sync_to_partitioned_orders AFTER INSERT ON orders
             FOR EACH ROW EXECUTE FUNCTION sync_to_partitioned_orders();
         ALTER TABLE orders ENABLE ALWAYS TRIGGER sync_to_partitioned_orders",
        Cause::SyncAltered,
        true,
    ),
    (
        "CREATE OR REPLACE FUNCTION sync_to_partitioned_orders() RETURNS trigger LANGUAGE plpgsql
             AS 'BEGIN RETURN NULL; END'",
        Cause::SyncAltered,
        true,
    ),
    ("ALTER FUNCTION sync_to_partitioned_orders() SECURITY INVOKER", Cause::SyncAltered, false),
    (
        "ALTER TABLE orders_partitioned DISABLE TRIGGER read_only_until_cutover",
        Cause::SyncAltered,
        false,
    ),
];

/// Writes of the application while the triggers are altered.
const WRITES: &str = "
    UPDATE orders SET status = 'changed', org = org + 1 WHERE id % 3 = 0;
    DELETE FROM orders WHERE id = (SELECT min(id) FROM orders);
    INSERT INTO orders (org) VALUES (1)";

fn converted() -> DesiredTable {
    desired(json!({
        "table": "orders",
        "partitionBy": {"hash": {"columns": ["org"], "partitions": 2}},
        "conversion": {"method": "Copy", "acknowledge": ["UniqueKey:orders_pkey"]},
    }))
}

async fn differs(world: &World) -> bool {
    let rows = |table: &str| format!("SELECT * FROM {SCHEMA_SQL}.{table}");
    let (source, copy) = (rows("orders"), rows("orders_partitioned"));
    let either = format!("({source} EXCEPT ALL {copy}) UNION ALL ({copy} EXCEPT ALL {source})");
    world.text(&format!("SELECT count(*) FROM ({either}) AS different")).await != "0"
}

async fn convert(world: &World) -> (Session, DesiredTable) {
    world
        .owner(
            "CREATE TABLE orders (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, org int NOT NULL, status text);
             INSERT INTO orders (org) SELECT n FROM generate_series(1, 200) AS n",
        )
        .await;
    let (session, desired) = (world.session().await, converted());
    let done = apply(&session, &desired, NOW).await;
    assert!(done.remaining.is_done() && !differs(world).await, "{}", done.remaining);
    (session, desired)
}

/// Takes the steps that there are, and does no work.
async fn take_steps(session: &Session, desired: &DesiredTable) -> Vec<&'static str> {
    let mut options = Options::new(PlanTime::at(at(NOW)), Duration::from_secs(10));
    options.work_time = Duration::ZERO;
    let done = converge(session, desired, &options, &mut Silent).await.unwrap();
    assert!(done.outcomes.iter().all(|outcome| outcome.result.is_ok()), "{:?}", done.outcomes);
    assert!(done.observed.copy.as_ref().unwrap().parity().is_none(), "{}", done.remaining);
    let because = done.remaining.work.as_ref().map(|planned| planned.cause);
    assert_eq!(because, Some(Cause::NotCompared), "{}", done.remaining);
    done.outcomes.iter().map(|outcome| outcome.step.verb()).collect()
}

#[tokio::test]
async fn altered_triggers_are_reported_and_repaired_and_all_rows_compared() {
    for major in majors() {
        let world = World::new(major).await;
        let (session, desired) = convert(&world).await;
        for (change, cause, is_missed) in CHANGES {
            let what = format!("Postgres {major}, {change}");
            world.owner(change).await;
            world.owner(WRITES).await;
            assert_eq!(differs(&world).await, *is_missed, "{what}");

            let (_, plan) =
                observe_and_plan(&session, &desired, &PlanTime::at(at(NOW))).await.unwrap();
            let installs = plan.steps.iter().find(|p| matches!(p.step, Step::InstallSync(_)));
            assert_eq!(installs.map(|planned| &planned.cause), Some(cause), "{what}: {plan}");
            assert_eq!(take_steps(&session, &desired).await, ["install-sync"], "{what}");
            assert_eq!(differs(&world).await, *is_missed, "{what}");

            let done = apply(&session, &desired, NOW).await;
            let parity = done.observed.copy.as_ref().unwrap().parity();
            assert!(parity.is_some_and(Sweep::is_clean), "{what}: {}", done.remaining);
            assert!(!differs(&world).await, "{what}");
        }
    }
}
