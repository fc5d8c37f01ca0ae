//! Expired partitions are detached and dropped in time, and no other table is.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp, ToSpan as _};
use pg_partition_operator::converge::{Convergence, Options, converge, observe_and_plan};
use pg_partition_operator::desired::DesiredTable;
use pg_partition_operator::plan::{PlanTime, check};
use pg_partition_operator::postgres::{
    AlwaysGranted, ErrorKind, LockKeys, Session, SlowSteps, StepFailure, StepOutcome, TableLock,
    execute,
};
use pg_partition_operator::sql::Timeouts;
use serde_json::{Value, json};

use crate::clients::{Clients, number, run};
use crate::database::{SCHEMA_SQL, Silent, World, apply, desired, desired_with};
use crate::program::resource;
use crate::support::operator::Operator;
use crate::support::postgres::{NEWEST_MAJOR, majors};
use crate::support::wait_until;

const DAY: i64 = 86_400;

/// Between two turns of a client, so that a year of rows stays few.
const PAUSE: Duration = Duration::from_millis(4);

/// Monthly partitions of a year: three are kept in addition to the current one, and the grace period is two days.
fn yearly() -> DesiredTable {
    desired(json!({
        "table": "t", "ahead": 1,
        "partitionBy": {"range": {"column": "at", "interval": "Month", "timeZone": "UTC", "startAt": "2025-10-01"}},
        "retention": {"keep": 3, "onExpiry": "Drop", "dropAfter": "48h"},
    }))
}

fn noon(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).unwrap()
}

/// The first day of the month that lies this many months from that of an instant.
fn month(now: Timestamp, months: i64) -> Date {
    let today = now.to_zoned(jiff::tz::TimeZone::UTC).date();
    today.first_of_month().checked_add(months.months()).unwrap()
}

fn named(month: Date) -> String {
    format!("t_{}", month.strftime("%Y_%m"))
}

/// The tables that there should be, from what there should have been the step before.
#[derive(Default)]
struct Expected {
    detached: Vec<(Date, Timestamp)>,
}

impl Expected {
    fn attached(now: Timestamp) -> Vec<String> {
        (-3..=1).map(|months| named(month(now, months))).collect()
    }

    /// A partition that was attached before and is not any more was detached now; a table that has been detached for two days
    /// was dropped.
    fn step(&mut self, before: Timestamp, now: Timestamp) -> Vec<String> {
        self.detached.retain(|(_, since)| now.duration_since(*since).as_hours() < 48);
        for months in -3..=1 {
            let old = month(before, months);
            if old < month(now, -3) {
                self.detached.push((old, now));
            }
        }
        self.detached.iter().map(|(month, _)| named(*month)).collect()
    }
}

/// Returns the tables in the schema that are partitions, or that are not, without other tables of the application.
async fn tables(world: &World, attached: bool) -> Vec<String> {
    let sql = format!(
        "SELECT relname FROM pg_class WHERE relnamespace = '{SCHEMA_SQL}'::regnamespace
         AND relkind = 'r' AND relispartition = {attached} AND relname ~ '^t_' ORDER BY 1"
    );
    world.text(&sql).await.lines().map(str::to_owned).collect()
}

/// Writes rows of the last weeks and the next, and counts them by month; reads what it has written.
async fn set_to_work(world: &World, now: &Arc<AtomicI64>) -> Clients {
    let mut clients = Clients::default();
    for _ in 0..2 {
        let now = Arc::clone(now);
        let write = move |turn: u64| {
            let days = i64::try_from(turn * 7 % 75).unwrap() - 55;
            let at = noon(now.load(Ordering::Relaxed) + days * DAY);
            format!(
                "BEGIN; INSERT INTO t VALUES ('{at}');
                 INSERT INTO counted VALUES (date_trunc('month', '{at}'::timestamptz, 'UTC')); COMMIT"
            )
        };
        clients
            .add(world, move |client, turn| {
                let sql = write(turn);
                Box::pin(async move {
                    run(client, &sql).await;
                    tokio::time::sleep(PAUSE).await;
                })
            })
            .await;
    }
    // All rows of the last two months exist at every moment.
    let now = Arc::clone(now);
    let read = move || {
        let today = noon(now.load(Ordering::Relaxed));
        let (from, to) = (month(today, -1), month(today, 1));
        format!(
            "SELECT (SELECT count(*) FROM t WHERE at >= '{from}Z' AND at < '{to}Z')
                  - (SELECT count(*) FROM counted WHERE month >= '{from}Z' AND month < '{to}Z')"
        )
    };
    clients
        .add(world, move |client, _| {
            let sql = read();
            Box::pin(async move {
                assert_eq!(number(client, &sql).await, 0, "{sql}");
                tokio::time::sleep(PAUSE).await;
            })
        })
        .await;
    clients
}

/// Applies until no step is left; a blocked step takes more than one run.
async fn apply_until_done(session: &Session, table: &DesiredTable, now: Timestamp) -> Convergence {
    for _ in 0..10 {
        let done = apply(session, table, &now.to_string()).await;
        if done.remaining.steps.is_empty() {
            return done;
        }
    }
    panic!("does not come to an end at {now}");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_expired_partitions_are_removed_in_a_year() {
    for major in majors() {
        // Day by day on the newest; in strides elsewhere, for it takes long.
        let stride = if major == NEWEST_MAJOR { 1 } else { 5 };
        let world = World::new(major).await;
        world.owner("CREATE TABLE t (at timestamptz NOT NULL) PARTITION BY RANGE (at)").await;
        world.owner("CREATE TABLE counted (month timestamptz NOT NULL)").await;
        let start: Timestamp = "2026-01-01T12:00:00Z".parse().unwrap();
        let (table, session) = (yearly(), world.session().await);
        apply_until_done(&session, &table, start).await;
        let now = Arc::new(AtomicI64::new(start.as_second()));
        let clients = set_to_work(&world, &now).await;
        let mut expected = Expected::default();
        let mut before = start;
        for days in (stride..=365).step_by(stride) {
            let today = noon(start.as_second() + i64::try_from(days).unwrap() * DAY);
            apply_until_done(&session, &table, today).await;
            let what = format!("Postgres {major}, {today}");
            assert_eq!(tables(&world, false).await, expected.step(before, today), "{what}");
            assert_eq!(tables(&world, true).await, Expected::attached(today), "{what}");
            now.store(today.as_second(), Ordering::Relaxed);
            before = today;
        }
        clients.stop().await;
        assert_nothing_lost(&world, before).await;
    }
}

/// Asserts that all rows of the kept months exist.
async fn assert_nothing_lost(world: &World, now: Timestamp) {
    let kept = month(now, -3);
    let differing = format!(
        "SELECT count(*) FROM (SELECT date_trunc('month', at, 'UTC') AS month, count(*) FROM {SCHEMA_SQL}.t GROUP BY 1) AS found
         FULL JOIN (SELECT month, count(*) FROM {SCHEMA_SQL}.counted WHERE month >= '{kept}Z' GROUP BY 1) AS written
         USING (month) WHERE found.count IS DISTINCT FROM written.count"
    );
    assert_eq!(world.text(&differing).await, "0", "Postgres {}", world.major);
    let months = format!("SELECT count(DISTINCT month) FROM {SCHEMA_SQL}.counted");
    let months: usize = world.text(&months).await.parse().unwrap();
    assert!(months > 11, "Postgres {}: the writers were at work", world.major);
}

const NOW: &str = "2026-01-15T12:00:00Z";

/// Returns the spec that keeps a number of months of a table that has two years.
fn keeping(keep: u32) -> Value {
    json!({
        "table": "t", "ahead": 0,
        "partitionBy": {"range": {"column": "at", "interval": "Month", "timeZone": "UTC", "startAt": "2024-01-01"}},
        "retention": {"keep": keep, "onExpiry": "Drop", "dropAfter": "1h"},
    })
}

async fn two_years(major: u16) -> World {
    let world = World::new(major).await;
    world.owner("CREATE TABLE t (at timestamptz NOT NULL) PARTITION BY RANGE (at)").await;
    apply_until_done(&world.session().await, &desired(keeping(24)), NOW.parse().unwrap()).await;
    world.owner("INSERT INTO t SELECT '2024-01-02Z'::timestamptz + n * interval '1 day' FROM generate_series(0, 700) n").await;
    assert_eq!(tables(&world, true).await.len(), 25, "Postgres {major}");
    world
}

/// The file, with the fingerprint in the annotation.
fn approved(spec: Value, fingerprint: &str) -> String {
    let mut file: Value = serde_json::from_str(&resource(spec)).unwrap();
    file["metadata"]["annotations"] = json!({"pgpartition.dev/approve": fingerprint});
    file.to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn shortened_retention_waits_for_approval() {
    for major in majors() {
        let what = format!("Postgres {major}");
        let world = two_years(major).await;
        let apply = |file: &str| world.call(&["apply", "-f", "-", "--at", NOW], file);
        let held = apply(&resource(keeping(2)));
        assert_eq!((held.status, tables(&world, true).await.len()), (4, 25), "{what}: {held:?}");
        let plan =
            world.call(&["plan", "-f", "-", "--at", NOW, "-o", "json"], &resource(keeping(2)));
        let fingerprint = plan.fingerprint();

        // It is a plan for these partitions: with another there it is another plan.
        let stale = apply(&approved(keeping(3), &fingerprint));
        assert_eq!((stale.status, tables(&world, true).await.len()), (4, 25), "{what}: {stale:?}");

        let done = apply(&approved(keeping(2), &fingerprint));
        assert_eq!(done.status, 0, "{what}: {done:?}");
        assert_eq!(tables(&world, true).await, ["t_2025_11", "t_2025_12", "t_2026_01"], "{what}");
        assert_eq!(
            tables(&world, false).await.len(),
            22,
            "{what}: nothing is dropped in its grace"
        );
        // Its grace is counted from now, not from the instant that was planned for.
        let apply_at =
            |at: &str| world.call(&["apply", "-f", "-", "--at", at], &resource(keeping(2)));
        let early = apply_at("2026-01-15T14:00:00Z");
        assert_eq!((early.status, tables(&world, false).await.len()), (0, 22), "{what}: {early:?}");
        // Approved tables are dropped without another approval.
        let later = Timestamp::now() + SignedDuration::from_hours(2);
        let dropped = apply_at(&later.to_string());
        let left = tables(&world, false).await;
        assert!(
            !left.iter().any(|name| name.starts_with("t_2024")),
            "{what}: {left:?} {dropped:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn approved_plan_continues_without_another_approval() {
    for major in majors() {
        let what = format!("Postgres {major}");
        let world = two_years(major).await;
        let plan =
            world.call(&["plan", "-f", "-", "--at", NOW, "-o", "json"], &resource(keeping(2)));
        // Another session blocks one of them, and the run waits for it.
        let mut patient = keeping(2);
        patient["limits"] = json!({"lockTimeout": "30s"});
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), approved(patient, &plan.fingerprint())).unwrap();
        let blocking = world.database.client().await;
        run(&blocking, &format!("BEGIN; LOCK TABLE {SCHEMA_SQL}.t_2025_01 IN ACCESS SHARE MODE"))
            .await;
        let arguments = ["apply", "-f", file.path().to_str().unwrap(), "--at", NOW];
        let mut operator = Operator::start(&arguments, &[("DATABASE_URL", &world.url())]);
        let pending = "SELECT count(*) FROM pg_inherits WHERE inhdetachpending
            AND inhrelid::regclass::text ~ 't_2025_01'";
        wait_until("the detach is pending", Duration::from_mins(1), async || {
            world.text(pending).await == "1"
        })
        .await;
        operator.kill();
        run(&blocking, "COMMIT").await;
        wait_until("the lock is free", Duration::from_mins(1), async || {
            world
                .text(
                    "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND database =
                (SELECT oid FROM pg_database WHERE datname = current_database())",
                )
                .await
                == "0"
        })
        .await;
        let left = tables(&world, true).await.len();
        assert!((4..25).contains(&left), "{what}: killed in the middle: {left} are left");
        let rest = world.call(&["apply", "-f", "-", "--at", NOW], &resource(keeping(2)));
        assert_eq!((rest.status, tables(&world, true).await.len()), (0, 3), "{what}: {rest:?}");
    }
}

/// Creates a managed table whose grace period is over, `t_2025_11`.
async fn one_to_drop(major: u16) -> World {
    let world = World::new(major).await;
    world
        .owner("CREATE TABLE t (at timestamptz NOT NULL PRIMARY KEY) PARTITION BY RANGE (at)")
        .await;
    let mut spec = keeping(9);
    spec["partitionBy"]["range"]["startAt"] = "2025-11-01".into();
    apply_until_done(&world.session().await, &desired(spec), NOW.parse().unwrap()).await;
    world.owner("INSERT INTO t VALUES ('2025-11-02Z')").await;
    apply_until_done(&world.session().await, &desired(keeping(1)), NOW.parse().unwrap()).await;
    assert_eq!(tables(&world, false).await, ["t_2025_11"]);
    world
}

/// Drops it, and just before that something happens.
async fn drop_after(world: &World, meanwhile: &str) -> Vec<StepOutcome> {
    let session = world.session().await;
    let (table, time) =
        (desired(keeping(1)), PlanTime::at("2026-01-16T12:00:00Z".parse().unwrap()));
    let (observed, plan) = observe_and_plan(&session, &table, &time).await.unwrap();
    assert!(plan.steps.iter().any(|planned| planned.step.verb() == "drop"), "{plan}");
    let checked = check(plan, &table, &observed, &time).unwrap();
    world.owner(meanwhile).await;
    let oid = observed.relation.unwrap().oid;
    let keys = LockKeys::new(&table.name, oid);
    let lock = TableLock::try_acquire(&session, keys).await.unwrap().unwrap();
    let second = Duration::from_secs(1);
    let timeouts = Timeouts { lock_timeout: second, retry_timeout: second };
    let outcomes =
        execute(&lock, &checked, timeouts, &AlwaysGranted, &SlowSteps::default(), &mut Silent)
            .await;
    lock.release().await.unwrap();
    outcomes
}

#[tokio::test]
async fn table_that_changed_since_the_inspection_is_not_dropped() {
    for major in majors() {
        for (meanwhile, kind) in [
            (
                "ALTER TABLE t_2025_11 RENAME TO mine; CREATE TABLE t_2025_11 (LIKE t)",
                ErrorKind::Changed,
            ),
            ("COMMENT ON TABLE t_2025_11 IS 'mine now'", ErrorKind::Changed),
            (
                "ALTER TABLE t ATTACH PARTITION t_2025_11 FOR VALUES FROM ('2025-11-01Z') TO ('2025-12-01Z')",
                ErrorKind::Changed,
            ),
            ("CREATE VIEW v AS SELECT * FROM t_2025_11", ErrorKind::Refused),
            ("CREATE TABLE f (at timestamptz REFERENCES t_2025_11)", ErrorKind::Refused),
        ] {
            let world = one_to_drop(major).await;
            let outcomes = drop_after(&world, meanwhile).await;
            let failed = outcomes.iter().find(|outcome| outcome.step.verb() == "drop").unwrap();
            let what = format!("Postgres {major}, {meanwhile}: {outcomes:?}");
            let Err(StepFailure::Database(error)) = &failed.result else { panic!("{what}") };
            assert_eq!(error.kind(), kind, "{what}");
            let rows = format!("SELECT count(*) FROM {SCHEMA_SQL}.t_2025_11");
            let expected = if meanwhile.contains("mine;") { "0" } else { "1" };
            assert_eq!(world.text(&rows).await, expected, "{what}");
        }
    }
}

#[tokio::test]
async fn referenced_partition_is_not_detached() {
    for major in majors() {
        let world = two_years(major).await;
        world.owner("ALTER TABLE t_2024_02 ADD PRIMARY KEY (at); CREATE TABLE f (at timestamptz REFERENCES t_2024_02)").await;
        let now = "2026-01-15T12:00:00Z".parse().unwrap();
        let done = apply_until_done(&world.session().await, &desired(keeping(21)), now).await;
        let held: Vec<_> = done.remaining.deferred.iter().map(|d| d.blocker.name()).collect();
        assert_eq!(
            held,
            ["PartitionReferenced", "InGracePeriod", "InGracePeriod"],
            "Postgres {major}: {}",
            done.remaining
        );
        assert_eq!(tables(&world, false).await, ["t_2024_01", "t_2024_03"], "Postgres {major}");
    }
}

/// Two independent operators run at the same time.
#[tokio::test(flavor = "multi_thread")]
async fn concurrent_runs_detach_a_partition_once() {
    for major in majors() {
        let world = two_years(major).await;
        let table = desired_with(keeping(21), &json!({}));
        let options = Options::new(PlanTime::at(NOW.parse().unwrap()), Duration::from_secs(20));
        let (one, other) = (world.session().await, world.session().await);
        let (mut first, mut second) = (Silent, Silent);
        let (one, other) = tokio::join!(
            converge(&one, &table, &options, &mut first),
            converge(&other, &table, &options, &mut second)
        );
        let outcomes: Vec<_> =
            [one.unwrap(), other.unwrap()].into_iter().flat_map(|done| done.outcomes).collect();
        let detached = outcomes.iter().filter(|outcome| outcome.step.verb() == "detach").count();
        assert_eq!(detached, 3, "Postgres {major}: {outcomes:?}");
        assert!(
            outcomes.iter().all(|outcome| outcome.result.is_ok()),
            "Postgres {major}: {outcomes:?}"
        );
        assert_eq!(
            tables(&world, false).await,
            ["t_2024_01", "t_2024_02", "t_2024_03"],
            "Postgres {major}"
        );
    }
}
