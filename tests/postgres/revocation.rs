//! A run asks before each step whether it may go on, and ends when it may not.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use pg_partition_operator::converge::{ConvergeError, Convergence, Options, converge};
use pg_partition_operator::desired::DesiredTable;
use pg_partition_operator::plan::{Plan, PlanTime, Step};
use pg_partition_operator::postgres::{
    Authority, Certainty, DatabaseError, Progress, Ruling, RulingFuture, StepFailure, StepOutcome,
};
use serde_json::json;

use crate::conversion::{NOW as CONVERTED, by_month, orders};
use crate::database::{SCHEMA_SQL, World, at, desired};
use crate::support::postgres::majors;

const NOW: &str = "2026-01-15T12:00:00Z";
/// A time so late that the server does not expect rows of the next period soon.
const LATER: &str = "2080-01-15T12:00:00Z";

const SETUP: &str = "
    CREATE TABLE t (at timestamptz NOT NULL) PARTITION BY RANGE (at);
    CREATE TABLE t_2025_10 PARTITION OF t FOR VALUES FROM ('2025-10-01Z') TO ('2025-11-01Z');
    CREATE TABLE t_2025_11 PARTITION OF t FOR VALUES FROM ('2025-11-01Z') TO ('2025-12-01Z');
    CREATE TABLE t_2025_12 PARTITION OF t FOR VALUES FROM ('2025-12-01Z') TO ('2026-01-01Z');
    CREATE TABLE t_2025_01 (LIKE t);";

/// Marks the expired partitions as managed, and one table as detached long ago.
fn marks() -> String {
    let table = format!("{}.t", SCHEMA_SQL.replace('\'', "''"));
    let managed = |name: &str, from: &str, to: &str| {
        format!(
            "COMMENT ON TABLE {name} IS 'pgpartition.dev partition of {table} FOR VALUES FROM \
             (''{from} 00:00:00+00'') TO (''{to} 00:00:00+00'')';"
        )
    };
    let detached = format!(
        "DO $$ BEGIN EXECUTE 'COMMENT ON TABLE t_2025_01 IS ' || quote_literal(format('pgpartition.dev \
         detached 2025-06-01T00:00:00Z (oid %s, parent %s, drops since 2025-06-01T00:00:00Z) from \
         {table} FOR VALUES FROM (''2025-01-01 00:00:00+00'') TO (''2025-02-01 00:00:00+00'')', \
         't_2025_01'::regclass::oid, 't'::regclass::oid)); END $$;"
    );
    [
        managed("t_2025_10", "2025-10-01", "2025-11-01"),
        managed("t_2025_11", "2025-11-01", "2025-12-01"),
        detached,
    ]
    .concat()
}

fn expiring() -> DesiredTable {
    desired(json!({
        "table": "t", "ahead": 1,
        "partitionBy": {"range": {"column": "at", "interval": "Month", "timeZone": "UTC"}},
        "retention": {"keep": 1, "onExpiry": "Drop", "dropAfter": "1h"},
    }))
}

async fn world(major: u16) -> World {
    let world = World::new(major).await;
    world.owner(SETUP).await;
    world.owner(&marks()).await;
    world
}

/// Grants what it is asked a number of times, and then answers something else.
#[derive(Debug)]
struct Grants {
    left: Mutex<usize>,
    counted: fn(Certainty) -> bool,
    then: Ruling,
}

impl Grants {
    fn all(times: usize, then: Ruling) -> Arc<Self> {
        Arc::new(Self { left: Mutex::new(times), counted: |_| true, then })
    }

    fn confirmed(times: usize, then: Ruling) -> Arc<Self> {
        let counted = |certainty| certainty == Certainty::Confirmed;
        Arc::new(Self { left: Mutex::new(times), counted, then })
    }

    fn has_answered_otherwise(&self) -> bool {
        *self.left.lock().unwrap() == 0
    }
}

impl Authority for Grants {
    fn ask(&self, certainty: Certainty) -> RulingFuture<'_> {
        let mut left = self.left.lock().unwrap();
        let ruling = match *left {
            _ if !(self.counted)(certainty) => Ruling::Granted,
            0 => self.then.clone(),
            _ => {
                *left -= 1;
                Ruling::Granted
            }
        };
        Box::pin(std::future::ready(ruling))
    }
}

/// The steps that were done, and the retries.
#[derive(Default)]
struct Log {
    done: Vec<Step>,
    retries: usize,
}

impl Progress for Log {
    fn planned(&mut self, _: &Plan) {}
    fn started(&mut self, _: &Step) {}
    fn retried(&mut self, _: &Step, _: &DatabaseError) {
        self.retries += 1;
    }
    fn finished(&mut self, outcome: &StepOutcome) {
        if outcome.result.is_ok() {
            self.done.push(outcome.step.clone());
        }
    }
}

async fn run(
    world: &World,
    table: &DesiredTable,
    authority: Arc<Grants>,
) -> (Result<Convergence, ConvergeError>, Log) {
    run_at(NOW, world, table, authority).await
}

async fn run_at(
    now: &str,
    world: &World,
    table: &DesiredTable,
    authority: Arc<Grants>,
) -> (Result<Convergence, ConvergeError>, Log) {
    let mut log = Log::default();
    let options =
        Options { authority, ..Options::new(PlanTime::at(at(now)), Duration::from_mins(1)) };
    let ended = converge(&world.session().await, table, &options, &mut log).await;
    (ended, log)
}

async fn tables(world: &World) -> String {
    let sql = format!(
        "SELECT string_agg(format('%s %s', c.relname, c.relispartition), ', ' ORDER BY c.relname)
         FROM pg_class c WHERE c.relnamespace = '{SCHEMA_SQL}'::regnamespace AND c.relkind = 'r'"
    );
    world.text(&sql).await
}

#[tokio::test]
async fn revoked_run_executes_no_further_step() {
    for major in majors() {
        let undisturbed = world(major).await;
        let (_, log) = run(&undisturbed, &expiring(), Grants::all(999, Ruling::Revoked)).await;
        let all = log.done;
        let destructive = all.iter().filter(|step| step.facts().needs_confirmation).count();
        assert!(destructive >= 4, "Postgres {major}: {all:?}");
        for granted in (0..all.len()).filter(|at| *at == 0 || all[*at].facts().needs_confirmation) {
            let world = world(major).await;
            let before = tables(&world).await;
            // It asks once before the first step, after it has inspected the table under the lock.
            let authority = Grants::all(granted + 1, Ruling::Revoked);
            let (ended, log) = run(&world, &expiring(), authority).await;
            assert!(matches!(ended, Err(ConvergeError::Revoked)), "Postgres {major}: {ended:?}");
            let verbs = |steps: &[Step]| steps.iter().map(Step::verb).collect::<Vec<_>>();
            assert_eq!(verbs(&log.done), verbs(&all[..granted]), "Postgres {major}");
            if granted == 0 {
                assert_eq!(tables(&world).await, before, "Postgres {major}");
            }
        }
        let world = world(major).await;
        let (ended, log) = run(&world, &expiring(), Grants::all(0, Ruling::Revoked)).await;
        assert!(matches!(ended, Err(ConvergeError::Revoked)), "Postgres {major}: {ended:?}");
        assert_eq!(log.done, []);
    }
}

#[tokio::test]
async fn unconfirmed_run_creates_but_neither_detaches_nor_drops() {
    for major in majors() {
        let world = world(major).await;
        let why = "the API server did not answer";
        let authority = Grants::confirmed(0, Ruling::Unconfirmed(why.to_owned()));
        let (ended, log) = run(&world, &expiring(), authority).await;
        let ended = ended.unwrap();
        assert!(log.done.iter().all(|step| !step.facts().needs_confirmation), "{:?}", log.done);
        let failed = ended.outcomes.iter().filter_map(|outcome| outcome.result.as_ref().err());
        let failed: Vec<_> = failed.collect();
        let is_unconfirmed =
            |f: &&StepFailure| matches!(f, StepFailure::Unconfirmed(w) if w == why);
        assert!(failed.iter().any(is_unconfirmed), "Postgres {major}: {failed:?}");
        let expected =
            "t_2025_01 f, t_2025_10 t, t_2025_11 t, t_2025_12 t, t_2026_01 t, t_2026_02 t";
        assert_eq!(tables(&world).await, expected, "Postgres {major}");
    }
}

#[tokio::test]
async fn unconfirmed_run_does_not_change_which_table_serves() {
    let spec = |method: &str, side: &str| {
        let mut spec = by_month();
        // On a busy machine a swap takes longer than the default.
        spec["limits"] = json!({"lockTimeout": "20s"});
        spec["conversion"] =
            json!({"method": method, "serveFrom": side, "acknowledge": ["UniqueKey:orders_pkey"]});
        desired(spec)
    };
    for major in majors() {
        for method in ["Copy", "Attach"] {
            let world = World::new(major).await;
            orders(&world).await;
            let kind =
                format!("SELECT relkind FROM pg_class WHERE oid = '{SCHEMA_SQL}.orders'::regclass");
            let mut serving = "r";
            for (side, confirmed, then) in [
                ("Source", true, "r"),
                ("Partitioned", false, "r"),
                ("Partitioned", true, "p"),
                ("Source", false, "p"),
            ] {
                assert_eq!(world.text(&kind).await, serving, "Postgres {major}, {method}");
                serving = then;
                let times = if confirmed { 999 } else { 0 };
                let authority = Grants::confirmed(times, Ruling::Unconfirmed("no".to_owned()));
                let table = spec(method, side);
                let (ended, _) = run_at(CONVERTED, &world, &table, authority).await;
                let outcomes = ended.unwrap().outcomes;
                let failed: Vec<_> =
                    outcomes.iter().filter(|outcome| outcome.result.is_err()).collect();
                let is_expected = if confirmed { failed.is_empty() } else { !failed.is_empty() };
                assert!(is_expected, "Postgres {major}, {method}, {side}: {failed:?}");
            }
            assert_eq!(world.text(&kind).await, serving, "Postgres {major}, {method}");
        }
    }
}

#[tokio::test]
async fn run_asks_again_before_each_retry() {
    for major in majors() {
        let world = world(major).await;
        let reader = world.database.client().await;
        let lock = format!("BEGIN; LOCK TABLE {SCHEMA_SQL}.t_2025_01 IN ACCESS SHARE MODE");
        reader.batch_execute(&lock).await.unwrap();
        let table = desired(json!({
            "table": "t", "ahead": 0, "limits": {"lockTimeout": "100ms"},
            "partitionBy": {"range": {"column": "at", "interval": "Month", "timeZone": "UTC"}},
            "retention": {"keep": 3, "onExpiry": "Drop", "dropAfter": "1h"},
        }));
        // The only step that needs to be confirmed is the drop, which cannot have its lock.
        let authority = Grants::confirmed(2, Ruling::Revoked);
        let (ended, log) = run(&world, &table, Arc::clone(&authority)).await;
        assert!(matches!(ended, Err(ConvergeError::Revoked)), "Postgres {major}: {ended:?}");
        assert!(authority.has_answered_otherwise());
        assert_eq!(log.retries, 2, "Postgres {major}");
        reader.batch_execute("COMMIT").await.unwrap();
        assert!(tables(&world).await.starts_with("t_2025_01 f, "), "Postgres {major}");
    }
}

/// Begin and end of failed attempts.
#[derive(Debug, Default)]
struct Attempts(Mutex<(Vec<Instant>, Vec<Instant>)>);

impl Authority for Attempts {
    fn ask(&self, certainty: Certainty) -> RulingFuture<'_> {
        // Only the drop, which cannot have its lock, needs to be confirmed.
        if certainty == Certainty::Confirmed {
            self.0.lock().unwrap().0.push(Instant::now());
        }
        Box::pin(std::future::ready(Ruling::Granted))
    }
}

impl Progress for &Attempts {
    fn planned(&mut self, _: &Plan) {}
    fn started(&mut self, _: &Step) {}
    fn retried(&mut self, _: &Step, _: &DatabaseError) {
        self.0.lock().unwrap().1.push(Instant::now());
    }
    fn finished(&mut self, _: &StepOutcome) {}
}

#[tokio::test]
async fn pause_between_attempts_lasts_as_long_as_the_attempt_blocked_sessions() {
    let lock_timeout = Duration::from_millis(700);
    for major in majors() {
        let world = world(major).await;
        let reader = world.database.client().await;
        let lock = format!("BEGIN; LOCK TABLE {SCHEMA_SQL}.t_2025_01 IN ACCESS SHARE MODE");
        reader.batch_execute(&lock).await.unwrap();
        let table = desired(json!({
            "table": "t", "ahead": 0, "limits": {"lockTimeout": "700ms"},
            "partitionBy": {"range": {"column": "at", "interval": "Month", "timeZone": "UTC"}},
            "retention": {"keep": 3, "onExpiry": "Drop", "dropAfter": "1h"},
        }));
        let attempts = Arc::new(Attempts::default());
        let authority = Arc::clone(&attempts);
        let options =
            Options { authority, ..Options::new(PlanTime::at(at(NOW)), Duration::from_secs(3)) };
        let session = world.session().await;
        converge(&session, &table, &options, &mut &*attempts).await.unwrap();
        let (began, failed) = &*attempts.0.lock().unwrap();
        assert!(failed.len() > 1, "Postgres {major}: {failed:?}");
        for (failed, next) in failed.iter().zip(&began[1..]) {
            let pause = next.duration_since(*failed);
            // An attempt ends a little before the lock timeout; a pause of its own is at most 150 ms.
            assert!(pause >= lock_timeout / 2, "Postgres {major}: {pause:?}");
        }
    }
}

#[tokio::test]
async fn revoked_run_drops_its_default_partition_check() {
    let setup = "
        CREATE TABLE t (at timestamptz NOT NULL) PARTITION BY RANGE (at);
        CREATE TABLE t_2080_01 PARTITION OF t FOR VALUES FROM ('2080-01-01Z') TO ('2080-02-01Z');
        CREATE TABLE t_default PARTITION OF t DEFAULT;
        INSERT INTO t VALUES ('2090-01-01Z');";
    let table = desired(json!({
        "table": "t", "ahead": 1,
        "partitionBy": {"range": {"column": "at", "interval": "Month", "timeZone": "UTC"}},
    }));
    for major in majors() {
        let provided = World::new(major).await;
        provided.owner(setup).await;
        let (ended, log) =
            run_at(LATER, &provided, &table, Grants::all(999, Ruling::Revoked)).await;
        let is_check = |step: &Step| matches!(step, Step::AddDefaultCheck(_));
        let Some(added) = log.done.iter().position(is_check) else {
            panic!("Postgres {major}: {:?} {ended:?}", log.done)
        };

        let world = World::new(major).await;
        world.owner(setup).await;
        let (ended, log) =
            run_at(LATER, &world, &table, Grants::all(added + 2, Ruling::Revoked)).await;
        assert!(matches!(ended, Err(ConvergeError::Revoked)), "Postgres {major}: {ended:?}");
        assert!(log.done.iter().any(is_check), "Postgres {major}: {:?}", log.done);
        assert!(!log.done.iter().any(|step| matches!(step, Step::AttachPartition(_))));
        let checks = "SELECT count(*) FROM pg_constraint WHERE conname LIKE 'pgpartition_not_%'";
        assert_eq!(world.text(checks).await, "0", "Postgres {major}");
    }
}
