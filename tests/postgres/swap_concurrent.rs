//! Two programs at the same time, with equal or different specs: one of the two tables serves, and a program that inspects
//! beside the swap of another one reports a state that the tables had.

use std::sync::atomic::{AtomicUsize, Ordering};

use jiff::Timestamp;
use pg_partition_operator::converge::observe;
use pg_partition_operator::desired::DesiredTable;
use pg_partition_operator::observed::ObservedTable;
use pg_partition_operator::partition::Side;
use pg_partition_operator::plan::{PlanTime, plan, questions};

use crate::database::{SCHEMA_SQL, World};
use crate::program::call;
use crate::support::postgres::majors;
use crate::support::wait_until;
use crate::swap_failover::{
    USUAL, apply, assert_equal, assert_serves, close_gate, document, ended, prepare, start,
    wait_until_at_gate,
};

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_programs_leave_one_table_serving() {
    for major in majors() {
        let world = World::new(major).await;
        let catalogs = prepare(&world).await;
        for sides in [
            [Side::Partitioned, Side::Source],
            [Side::Partitioned, Side::Partitioned],
            [Side::Source, Side::Partitioned],
        ] {
            let mut runs = sides.map(|side| start(&world, side, "20s"));
            for (run, _) in &mut runs {
                let status = ended(run).await;
                assert!(
                    matches!(status, 0 | 5),
                    "Postgres {major}, {sides:?}, {status}: {}",
                    run.stdout()
                );
            }
            let is_source = format!("SELECT to_regclass('{SCHEMA_SQL}.orders_source') IS NULL");
            let is_source = world.text(&is_source).await == "t";
            let serves = if is_source { Side::Source } else { Side::Partitioned };
            assert!(sides.contains(&serves), "Postgres {major}, {sides:?}: serves from {serves:?}");
            assert_serves(&world, serves, &catalogs, "two concurrent programs").await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn second_program_waits_for_the_swap_of_the_first() {
    for major in majors() {
        let world = World::new(major).await;
        let catalogs = prepare(&world).await;
        let mut to = Side::Partitioned;
        for same in [true, false] {
            let gate = close_gate(&world).await;
            let (mut first, _file) = start(&world, to, "30s");
            wait_until_at_gate(&world).await;
            let wanted = if same { to } else { to.other() };
            // It does not wait as long as the first needs.
            let refused = apply(&world, wanted, "10ms");
            assert_eq!(refused.status, 5, "Postgres {major}, {wanted:?}: {refused:?}");
            let (mut second, _file) = start(&world, wanted, "30s");
            let waits = format!(
                "SELECT count(*) > 1 FROM pg_stat_activity WHERE usename = '{}'",
                world.operator
            );
            wait_until("both are there", USUAL, async || world.text(&waits).await == "t").await;
            drop(gate);
            assert_eq!(ended(&mut first).await, 0, "Postgres {major}: {}", first.stdout());
            assert_eq!(ended(&mut second).await, 0, "Postgres {major}: {}", second.stdout());
            assert_serves(&world, wanted, &catalogs, "two programs, one after the other").await;
            to = wanted.other();
        }
    }
}

/// An inspection takes several rounds of statements. Another program swaps the tables before one of them.
#[tokio::test(flavor = "multi_thread")]
async fn inspection_beside_a_swap_reads_the_tables_after_it() {
    for major in majors() {
        let world = World::new(major).await;
        prepare(&world).await;
        let mut to = Side::Partitioned;
        for round in 0..3 {
            let desired = desired(to);
            let now = PlanTime::at(Timestamp::now());
            let (asked, of) = (AtomicUsize::new(0), desired.clone());
            let (url, resource) = (world.url(), document(to));
            let questions = move |observed: &ObservedTable| {
                if asked.fetch_add(1, Ordering::SeqCst) == round {
                    let done = call(&url, &["apply", "-f", "-", "--wait", "20s"], &resource);
                    assert_eq!(done.status, 0, "{done:?}");
                }
                questions(&of, observed, &now)
            };
            let session = world.session().await;
            let (_, observed) = observe(&session, &desired.name, questions).await.unwrap();
            let serving = observed.copy.as_ref().map(|copy| copy.serving);
            assert_eq!(serving, Some(to), "Postgres {major}, before round {round}");
            let plan = plan(&desired, &observed, &now);
            assert!(
                plan.is_done() && plan.deferred.is_empty(),
                "Postgres {major}, {round}: {plan}"
            );
            to = to.other();
        }
    }
}

fn desired(side: Side) -> DesiredTable {
    DesiredTable::from_resource(&serde_json::from_str(&document(side)).unwrap()).unwrap()
}

/// The snapshot of the transaction is older than the swap, and so lacks the triggers that the partitions have since. One of them
/// writes to the inserted row again.
#[tokio::test(flavor = "multi_thread")]
async fn transaction_with_an_older_snapshot_that_waits_for_the_swap_leaves_the_tables_equal() {
    for major in majors() {
        let world = World::new(major).await;
        prepare(&world).await;
        world
            .owner(
                "CREATE FUNCTION finish() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                     UPDATE orders SET status = 'finished' WHERE id = NEW.id; RETURN NULL;
                 END $$;
                 CREATE TRIGGER finish AFTER INSERT ON orders FOR EACH ROW EXECUTE FUNCTION finish()",
            )
            .await;
        for isolation in ["REPEATABLE READ", "SERIALIZABLE"] {
            let gate = close_gate(&world).await;
            let (mut run, _file) = start(&world, Side::Partitioned, "30s");
            wait_until_at_gate(&world).await;
            let session = world.database.client().await;
            let begin =
                format!("SET search_path = {SCHEMA_SQL}; BEGIN ISOLATION LEVEL {isolation}");
            session.batch_execute(&begin).await.unwrap();
            let pid: i32 = session.query_one("SELECT pg_backend_pid()", &[]).await.unwrap().get(0);
            let insert = tokio::spawn(async move {
                session.batch_execute("INSERT INTO orders (org) VALUES (3); COMMIT").await.unwrap();
            });
            let waits = format!("SELECT count(*) FROM pg_locks WHERE pid = {pid} AND NOT granted");
            wait_until("the session waits", USUAL, async || world.text(&waits).await == "1").await;
            drop(gate);
            insert.await.unwrap();
            assert_eq!(ended(&mut run).await, 0, "Postgres {major}: {}", run.stdout());
            assert_equal(&world, Side::Partitioned, &format!("Postgres {major}, {isolation}"))
                .await;
            let finished =
                format!("SELECT count(*) > 0 FROM {SCHEMA_SQL}.orders WHERE status = 'finished'");
            assert_eq!(world.text(&finished).await, "t", "Postgres {major}");
            assert_eq!(apply(&world, Side::Source, "30s").status, 0, "Postgres {major}");
        }
    }
}
