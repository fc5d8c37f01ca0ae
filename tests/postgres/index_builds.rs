//! Builds of indexes aside: while they wait, partitions of the same table are provided.

use std::time::Duration;

use pg_partition_operator::converge::{
    ConvergeError, Convergence, Options, converge, converge_aside,
};
use pg_partition_operator::desired::DesiredTable;
use pg_partition_operator::plan::{Plan, PlanTime};
use pg_partition_operator::postgres::{LockKeys, Session, TableLock};
use serde_json::json;

use crate::database::{Silent, World, at, desired, in_schema};
use crate::support::postgres::majors;
use crate::support::wait_until;

const NOW: &str = "2026-01-15T12:00:00Z";
const SOON: Duration = Duration::from_secs(30);

const SETUP: &str = "
    CREATE TABLE t (id int, at timestamptz NOT NULL) PARTITION BY RANGE (at);
    CREATE TABLE t_2026_01 PARTITION OF t FOR VALUES FROM ('2026-01-01Z') TO ('2026-02-01Z');
    INSERT INTO t VALUES (1, '2026-01-10Z')";

const BUILDING: &str = "SELECT FROM pg_stat_activity WHERE datname = current_database()
    AND query LIKE 'CREATE INDEX CONCURRENTLY%' AND state = 'active' AND wait_event_type = 'Lock'";

fn wanted(ahead: u32) -> DesiredTable {
    desired(json!({
        "table": "t", "ahead": ahead,
        "partitionBy": {"range": {"column": "at", "interval": "Month", "timeZone": "UTC"}},
        "indexes": [{"name": "i", "columns": [{"column": "id"}]}],
    }))
}

fn options() -> Options {
    let time = PlanTime::at(at(NOW));
    Options { skip_aside: true, ..Options::new(time, Duration::from_secs(5)) }
}

async fn run(session: &Session, ahead: u32) -> Convergence {
    converge(session, &wanted(ahead), &options(), &mut Silent).await.unwrap()
}

fn verbs(plan: &Plan) -> Vec<&'static str> {
    plan.steps.iter().map(|planned| planned.step.verb()).collect()
}

async fn table_oid(session: &Session) -> u32 {
    let oid = "SELECT c.oid::text FROM pg_catalog.pg_class c WHERE c.relname = 't'";
    session.query_one_text(oid, &[]).await.unwrap().unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn partition_is_provided_while_an_index_build_waits() {
    for major in majors() {
        let world = World::new(major).await;
        world.owner(SETUP).await;
        let (session, aside) = (world.session().await, world.session().await);
        let first = run(&session, 0).await;
        assert_eq!(verbs(&first.remaining), ["build-index", "attach-index"], "Postgres {major}");

        let writer = world.database.client().await;
        let write = format!("BEGIN; LOCK TABLE {} IN ROW EXCLUSIVE MODE", in_schema("t"));
        writer.batch_execute(&write).await.unwrap();
        let build =
            async { converge_aside(&aside, &wanted(0), &options(), &[], &mut Silent).await };
        let others = async {
            let observer = world.database.client().await;
            wait_until("the build waits", SOON, async || {
                !observer.query(BUILDING, &[]).await.unwrap().is_empty()
            })
            .await;
            let during = run(&session, 2).await;
            assert_eq!(during.observed.attached().count(), 3, "Postgres {major}");

            // A second build on the same table must wait, including one that a user starts.
            let second = converge_aside(&session, &wanted(2), &options(), &[], &mut Silent).await;
            assert!(
                matches!(second, Err(ConvergeError::LockedByAnotherOperator(Some(_)))),
                "{second:?}"
            );
            let by_hand = Options { skip_aside: false, ..options() };
            let applied = converge(&session, &wanted(2), &by_hand, &mut Silent).await.unwrap();
            assert!(applied.outcomes.iter().all(|outcome| outcome.step.facts().aside.is_none()));
            writer.batch_execute("COMMIT").await.unwrap();
        };
        let (outcome, ()) = tokio::join!(build, others);
        assert!(outcome.unwrap().unwrap().result.is_ok(), "Postgres {major}");

        let more = converge_aside(&aside, &wanted(2), &options(), &[], &mut Silent).await;
        assert!(more.unwrap().is_none(), "Postgres {major}");
        let last = run(&session, 2).await;
        assert_eq!(verbs(&last.remaining), <[&str; 0]>::default(), "Postgres {major}");
        let keys = LockKeys::new(&wanted(2).name, table_oid(&session).await);
        let lock = TableLock::try_acquire_aside(&session, keys).await.unwrap();
        lock.unwrap().release().await.unwrap();
    }
}
