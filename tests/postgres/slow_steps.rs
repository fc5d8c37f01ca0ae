//! A step whose own work takes too long is not repeated, and not taken for a lock that another session holds.

use std::time::Duration;

use pg_partition_operator::converge::{Convergence, Options, converge};
use pg_partition_operator::plan::{Blocker, DefaultBlocker, Plan, PlanTime, Step};
use pg_partition_operator::postgres::{
    DatabaseError, ErrorKind, Progress, SlowSteps, StepFailure, StepOutcome,
};
use serde_json::{Value, json};

use crate::database::{SCHEMA_SQL, World, apply, at, desired};
use crate::program::resource;
use crate::support::postgres::majors;

const NOW: &str = "2026-01-15T12:00:00Z";

/// Counts how often a step is repeated.
#[derive(Default)]
struct Repeats(u32);

impl Progress for Repeats {
    fn planned(&mut self, _: &Plan) {}
    fn started(&mut self, _: &Step) {}
    fn retried(&mut self, _: &Step, _: &DatabaseError) {
        self.0 += 1;
    }
    fn finished(&mut self, _: &StepOutcome) {}
}

fn spec(lock_timeout: &str) -> Value {
    json!({
        "table": "t", "ahead": 0,
        "partitionBy": {"range": {
            "column": "at", "interval": "Month", "timeZone": "UTC", "startAt": "2025-12-01",
        }},
        "retention": {"keep": 0},
        "limits": {"lockTimeout": lock_timeout},
    })
}

/// December has expired, and is detached by the plain form because a foreign key leads to the table. Every such
/// detach works for two seconds under its locks; the sequence counts them.
async fn slow_to_detach(major: u16) -> World {
    let world = World::new(major).await;
    world
        .owner("CREATE TABLE t (at timestamptz NOT NULL, n int, PRIMARY KEY (n, at)) PARTITION BY RANGE (at)")
        .await;
    let mut provided = spec("1s");
    provided["retention"]["keep"] = json!(9);
    let done = apply(&world.session().await, &desired(provided), NOW).await;
    assert!(done.remaining.steps.is_empty(), "Postgres {major}: {:?}", done.outcomes);
    world.owner("CREATE TABLE f (at timestamptz, n int, FOREIGN KEY (n, at) REFERENCES t)").await;
    world
        .admin(
            "CREATE SEQUENCE public.tries; GRANT USAGE ON SEQUENCE public.tries TO public;
             CREATE FUNCTION public.work() RETURNS event_trigger LANGUAGE plpgsql AS $$BEGIN
                 IF current_query() ~ 'DETACH' THEN PERFORM nextval('public.tries'); PERFORM pg_sleep(2); END IF;
             END$$;
             CREATE EVENT TRIGGER work ON ddl_command_end WHEN TAG IN ('ALTER TABLE')
                 EXECUTE FUNCTION public.work()",
        )
        .await;
    world
}

async fn tries(world: &World) -> String {
    world.text("SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM public.tries").await
}

async fn converge_with(
    world: &World,
    lock_timeout: &str,
    slow: &SlowSteps,
) -> (Convergence, Repeats) {
    let time = PlanTime::at(at(NOW));
    let options = Options { slow: slow.clone(), ..Options::new(time, Duration::from_secs(3)) };
    let mut repeats = Repeats::default();
    let table = desired(spec(lock_timeout));
    let done = converge(&world.session().await, &table, &options, &mut repeats).await.unwrap();
    (done, repeats)
}

fn kind_of_failure(done: &Convergence) -> Option<ErrorKind> {
    done.failures().find_map(|(step, failure)| match failure {
        StepFailure::Database(error) if step.verb() == "detach" => Some(error.kind()),
        _ => None,
    })
}

#[tokio::test]
async fn step_that_ran_out_of_time_by_its_own_work_is_not_repeated() {
    for major in majors() {
        let what = format!("Postgres {major}");
        let world = slow_to_detach(major).await;
        let slow = SlowSteps::default();
        for _ in 0..2 {
            // The second run does not try it at all.
            let (done, repeats) = converge_with(&world, "300ms", &slow).await;
            let failed = format!("{what}: {:?}", done.outcomes);
            assert_eq!(kind_of_failure(&done), Some(ErrorKind::TooSlow), "{failed}");
            assert!(
                failed.contains("spec.limits.lockTimeout") && failed.contains(".f"),
                "{failed}"
            );
            assert_eq!((repeats.0, tries(&world).await.as_str()), (0, "1"), "{failed}");
        }
        // With more time it is tried again.
        let (done, _) = converge_with(&world, "60s", &slow).await;
        assert!(done.remaining.steps.is_empty(), "{what}: {:?}", done.outcomes);
        assert_eq!(tries(&world).await, "2", "{what}");
    }
}

#[tokio::test]
async fn step_that_is_too_slow_needs_a_manual_action() {
    for major in majors() {
        let world = slow_to_detach(major).await;
        let arguments = ["apply", "-f", "-", "--at", NOW, "--wait", "3s"];
        let outcome = world.call(&arguments, &resource(spec("300ms")));
        assert_eq!(outcome.status, 4, "Postgres {major}: {outcome:?}");
        assert!(!outcome.err.contains("trying again"), "Postgres {major}: {outcome:?}");
    }
}

#[tokio::test]
async fn step_that_waits_for_another_session_is_repeated() {
    for major in majors() {
        let what = format!("Postgres {major}");
        let world = slow_to_detach(major).await;
        let reader = world.database.client().await;
        reader.batch_execute(&format!("BEGIN; SELECT FROM {SCHEMA_SQL}.t")).await.unwrap();
        let (done, repeats) = converge_with(&world, "300ms", &SlowSteps::default()).await;
        assert_eq!(kind_of_failure(&done), Some(ErrorKind::Busy), "{what}: {:?}", done.outcomes);
        assert_eq!(tries(&world).await, "0", "{what}: it never had its locks");
        assert!(repeats.0 > 0, "{what}");
    }
}

/// A table whose rows wait in its default partition.
async fn with_default(world: &World, columns: &str) {
    world.owner(&format!("CREATE TABLE d ({columns}) PARTITION BY RANGE (at)")).await;
    world.owner("CREATE TABLE d_default PARTITION OF d DEFAULT").await;
}

fn drained() -> Value {
    json!({
        "table": "d", "ahead": 0, "defaultPartition": "Present",
        "partitionBy": {"range": {"column": "at", "interval": "Month", "timeZone": "UTC"}},
    })
}

#[tokio::test]
async fn drain_is_estimated_by_bytes_with_toast() {
    for major in majors() {
        let world = World::new(major).await;
        with_default(&world, "at timestamptz NOT NULL, body text").await;
        world.owner("ALTER TABLE d_default ALTER body SET STORAGE EXTERNAL").await;
        world
            .owner("INSERT INTO d SELECT '2026-01-02Z', repeat('x', 1000000) FROM generate_series(1, 40)")
            .await;
        let done = apply(&world.session().await, &desired(drained()), NOW).await;
        let blockers: Vec<_> = done.remaining.deferred.iter().map(|d| &d.blocker).collect();
        let is_too_large = matches!(
            blockers[..],
            [Blocker::Default(DefaultBlocker::DrainTooLong { rows: 40, .. })]
        );
        assert!(is_too_large, "Postgres {major}: {}", done.remaining);
    }
}

#[tokio::test]
async fn drain_of_published_rows_without_a_replica_identity_is_not_tried() {
    for major in majors() {
        let what = format!("Postgres {major}");
        for publish in
            ["FOR TABLE @.d", "FOR TABLE @.d WITH (publish_via_partition_root)", "FOR ALL TABLES"]
        {
            let world = World::new(major).await;
            with_default(&world, "at timestamptz NOT NULL").await;
            world.owner("INSERT INTO d VALUES ('2026-01-02Z')").await;
            let publish = publish.replace('@', SCHEMA_SQL);
            world.admin(&format!("CREATE PUBLICATION p {publish}")).await;
            let done = apply(&world.session().await, &desired(drained()), NOW).await;
            let names: Vec<_> = done.remaining.deferred.iter().map(|d| d.blocker.name()).collect();
            assert_eq!(names, ["DefaultWithoutIdentity"], "{what}, {publish}: {}", done.remaining);
            assert!(done.outcomes.is_empty(), "{what}, {publish}: {:?}", done.outcomes);
            world.owner("ALTER TABLE d_default REPLICA IDENTITY FULL").await;
            let done = apply(&world.session().await, &desired(drained()), NOW).await;
            assert!(done.remaining.steps.is_empty(), "{what}, {publish}: {:?}", done.outcomes);
            assert!(done.remaining.deferred.is_empty(), "{what}, {publish}: {}", done.remaining);
        }
    }
}
