//! Changes that keep the parity of a conversion, and the actions of a user after the operator stopped comparing.

use pg_partition_operator::converge::{Convergence, observe_and_plan};
use pg_partition_operator::desired::DesiredTable;
use pg_partition_operator::plan::PlanTime;
use pg_partition_operator::postgres::Session;
use pg_partition_operator::sql::{Timeouts, render};
use serde_json::{Value, json};
use std::time::Duration;

use crate::conversion::{NOW, by_hash, convert, converted, differing, orders, verbs};
use crate::database::{World, apply, at, desired_with};
use crate::support::postgres::majors;

/// The spec with a conversion at this level.
fn at_level(level: &str) -> Value {
    let mut spec = by_hash();
    spec["conversion"] = json!({
        "method": "Copy", "acknowledge": ["UniqueKey:orders_pkey"], "sync": {"level": level},
    });
    spec
}

async fn in_parity(major: u16) -> (World, Session) {
    let world = World::new(major).await;
    orders(&world).await;
    let session = world.session().await;
    convert(&session, by_hash()).await;
    (world, session)
}

fn began(done: &Convergence) -> Option<String> {
    Some(done.observed.copy.as_ref()?.parity()?.started_at.to_string())
}

#[tokio::test]
async fn another_level_of_the_triggers_keeps_parity() {
    for major in majors() {
        let (world, session) = in_parity(major).await;
        let first = began(&convert(&session, by_hash()).await);
        for level in ["Statement", "Row"] {
            let spec = desired_with(at_level(level), &json!({}));
            let done = apply(&session, &spec, NOW).await;
            assert_eq!(verbs(&done), ["install-sync"], "Postgres {major}, {level}");
            assert!(
                done.work_outcome.is_none(),
                "Postgres {major}, {level}: {:?}",
                done.work_outcome
            );
            assert_eq!(began(&done), first, "Postgres {major}, {level}");
            world.owner("UPDATE orders SET org = org + 1 WHERE id % 5 = 0; DELETE FROM orders WHERE id % 7 = 0").await;
            assert_eq!(differing(&world).await, "0 0", "Postgres {major}, {level}");
        }
    }
}

#[tokio::test]
async fn another_level_voids_parity_if_a_trigger_was_altered_since_the_plan() {
    for major in majors() {
        let (world, session) = in_parity(major).await;
        let spec = desired_with(at_level("Statement"), &json!({}));
        let time = PlanTime::at(at(NOW));
        let (_, plan) = observe_and_plan(&session, &spec, &time).await.unwrap();
        world
            .owner(
                "ALTER TABLE orders DISABLE TRIGGER sync_to_partitioned_orders;
                 UPDATE orders SET status = 'missed' WHERE id < 9;
                 ALTER TABLE orders ENABLE ALWAYS TRIGGER sync_to_partitioned_orders",
            )
            .await;
        let timeouts =
            Timeouts { lock_timeout: Duration::from_secs(5), retry_timeout: Duration::ZERO };
        let script = render(&plan.steps[0].step, &world.owner_name(), timeouts);
        session.commit_script_text(&script).await.unwrap();
        let (seen, _) = observe_and_plan(&session, &spec, &time).await.unwrap();
        assert!(seen.copy.unwrap().parity().is_none(), "Postgres {major}");
        apply(&session, &spec, NOW).await;
        assert_eq!(differing(&world).await, "0 0", "Postgres {major}");
    }
}

/// Records as if sweeps found differences, and the blocker that follows.
const STOPPED: [(&str, &str); 2] = [
    ("parity = parity || '{\"dirtyInARow\": 3, \"differenceRows\": 5}'", "ParityFailed"),
    (
        "sweep = parity || '{\"repairedRows\": 100000, \"reached\": [\"7\"], \"checkedAt\": null}'",
        "TooManyDiffer",
    ),
];

fn approved(done: &Convergence) -> DesiredTable {
    let approval = json!({"pgpartition.dev/approve": done.remaining.fingerprint});
    let spec = json!({"method": "Copy", "acknowledge": ["UniqueKey:orders_pkey"]});
    let mut approved = by_hash();
    approved["conversion"] = spec;
    desired_with(approved, &approval)
}

#[tokio::test]
async fn user_approves_another_sweep_after_the_operator_stopped() {
    for major in majors() {
        for (record, blocker) in STOPPED {
            let (world, session) = in_parity(major).await;
            let stop = format!("UPDATE pgpartition.conversions SET {record}");
            world.admin(&stop).await;
            let stopped = apply(&session, &converted(by_hash()), NOW).await;
            let names: Vec<_> =
                stopped.remaining.deferred.iter().map(|held| held.blocker.name()).collect();
            assert_eq!(names, [blocker], "Postgres {major}");
            assert!(stopped.work_outcome.is_none(), "Postgres {major}, {blocker}");

            let again = apply(&session, &approved(&stopped), NOW).await;
            let worked = again.work_outcome.as_ref().map(|worked| (worked.rows, worked.differing));
            assert_eq!(worked, Some((2300, 0)), "Postgres {major}, {blocker}");
            assert!(again.remaining.is_done(), "Postgres {major}, {blocker}: {}", again.remaining);

            // The approval was of that sweep.
            world.admin(&stop).await;
            let once = apply(&session, &approved(&stopped), NOW).await;
            assert!(
                once.work_outcome.is_none(),
                "Postgres {major}, {blocker}: {:?}",
                once.work_outcome
            );
        }
    }
}
