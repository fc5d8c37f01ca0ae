//! A run is interrupted at every statement, and the next run completes it.

use std::collections::BTreeSet;
use std::process::ExitStatus;
use std::time::Duration;

use pg_partition_operator::converge::{ConvergeError, Options, converge};
use pg_partition_operator::partition::Identifier;
use pg_partition_operator::plan::{Plan, PlanTime, Step, StepKind, TransactionMode};
use pg_partition_operator::postgres::{DatabaseError, LockKeys, Progress, StepOutcome, TableLock};
use pg_partition_operator::sql::{self, Timeouts};
use serde_json::{Value, json};

use crate::database::{SCHEMA, SCHEMA_SQL, Silent, World, apply, at, managed, session};
use crate::scenarios::{Phase, Scenario, assert_kinds, attached, routing, serving};
use crate::support::operator::Operator;
use crate::support::postgres::{NEWEST_MAJOR, OLDEST_MAJOR, Server, is_oldest_or_newest, majors};
use crate::support::proxy::{Mode, Proxy};
use crate::support::wait_until;

const NOW: &str = "2026-01-15T12:00:00Z";
const DEADLINE: Duration = Duration::from_secs(20);

/// A table for which there is something of every kind to do that changes it for good.
fn provided() -> Scenario {
    let setup = r#"
        CREATE TABLE "c;ut" (at timestamptz NOT NULL, n int, PRIMARY KEY (n, at)) PARTITION BY RANGE (at);
        CREATE INDEX by_n ON "c;ut" (n);
        CREATE TABLE "c;ut_2026_01" PARTITION OF "c;ut" FOR VALUES FROM ('2026-01-01Z') TO ('2026-02-01Z');
        CREATE TABLE "c;ut_default" PARTITION OF "c;ut" DEFAULT;
        INSERT INTO "c;ut" VALUES ('2030-01-01Z', 1), ('2026-01-02Z', 2);
    "#;
    let spec = json!({
        "table": "c;ut",
        "partitionBy": {"range": {"column": "at", "interval": "Month", "timeZone": "UTC"}},
        "ahead": 1,
        "indexes": [
            {"name": "by_n", "columns": [{"column": "n", "order": "Desc"}]},
            {"name": "new", "columns": [{"column": "n"}], "partitions": "Newest", "newest": 1},
        ],
    });
    Scenario { name: "provided", setup, phases: vec![Phase::new(NOW, spec)] }
}

/// Unmanaged partitions that are adopted and expire, and one that was detached long ago.
fn expired() -> Scenario {
    let setup = r#"
        CREATE TABLE "c;ut" (at timestamptz NOT NULL, n int, PRIMARY KEY (n, at)) PARTITION BY RANGE (at);
        CREATE TABLE one PARTITION OF "c;ut" FOR VALUES FROM ('2025-10-01Z') TO ('2025-11-01Z');
        CREATE TABLE "t;wo" PARTITION OF "c;ut" FOR VALUES FROM ('2025-11-01Z') TO ('2025-12-01Z');
        CREATE TABLE "c;ut_2025_12" PARTITION OF "c;ut" FOR VALUES FROM ('2025-12-01Z') TO ('2026-01-01Z');
        CREATE TABLE "c;ut_2026_01" PARTITION OF "c;ut" FOR VALUES FROM ('2026-01-01Z') TO ('2026-02-01Z');
        INSERT INTO "c;ut" VALUES ('2025-10-02Z', 1), ('2025-11-02Z', 2), ('2026-01-02Z', 3);
        COMMENT ON TABLE one IS 'a person''s';
        CREATE TABLE "c;ut_2025_01" (LIKE "c;ut");
        DO $do$BEGIN EXECUTE format('COMMENT ON TABLE "c;ut_2025_01" IS %L', format(
            $$pgpartition.dev detached 2025-06-01T00:00:00Z (oid %s, parent %s, drops since 2025-06-01T00:00:00Z) from "Fin""an;ce"."c;ut" FOR VALUES FROM ('2025-01-01 00:00:00+00') TO ('2025-02-01 00:00:00+00')$$,
            '"c;ut_2025_01"'::regclass::oid, '"c;ut"'::regclass::oid)); END$do$;
    "#;
    let spec = json!({
        "table": "c;ut", "ahead": 1,
        "partitionBy": {"range": {"column": "at", "interval": "Month", "timeZone": "UTC"}},
        "retention": {"keep": 1, "onExpiry": "Drop", "dropAfter": "1h"},
    });
    let phase = Phase { adopt: r#"one, "t;wo""#, ..Phase::new(NOW, spec) };
    Scenario { name: "expired", setup, phases: vec![phase] }
}

/// Rows of the default partition that belong to a provided period, and a partition beside it that expires.
fn drained() -> Scenario {
    let setup = r#"
        CREATE TABLE "c;ut" (at timestamptz NOT NULL, n int, PRIMARY KEY (n, at)) PARTITION BY RANGE (at);
        CREATE TABLE one PARTITION OF "c;ut" FOR VALUES FROM ('2025-10-01Z') TO ('2025-11-01Z');
        CREATE TABLE "c;ut_default" PARTITION OF "c;ut" DEFAULT;
        INSERT INTO "c;ut" SELECT '2025-10-02Z'::timestamptz + n * interval '1 day', n FROM generate_series(0, 150) n;
    "#;
    let spec = json!({
        "table": "c;ut", "ahead": 0, "defaultPartition": "Present",
        "partitionBy": {"range": {"column": "at", "interval": "Month", "timeZone": "UTC"}},
        "retention": {"keep": 1},
    });
    let phase = Phase { adopt: "one", ..Phase::new(NOW, spec) };
    Scenario { name: "drained", setup, phases: vec![phase] }
}

/// Leftovers of earlier runs, and a default partition that the spec no longer has.
fn left_over() -> Scenario {
    let setup = r#"
        CREATE TABLE "c;ut" (at timestamptz NOT NULL, n int) PARTITION BY RANGE (at);
        CREATE TABLE "c;ut_2025_12" PARTITION OF "c;ut" FOR VALUES FROM ('2025-12-01Z') TO ('2026-01-01Z');
        CREATE TABLE "c;ut_2026_01" PARTITION OF "c;ut" FOR VALUES FROM ('2026-01-01Z') TO ('2026-02-01Z');
        CREATE TABLE "c;ut_2026_02" PARTITION OF "c;ut" FOR VALUES FROM ('2026-02-01Z') TO ('2026-03-01Z');
        CREATE TABLE "c;ut_default" PARTITION OF "c;ut" DEFAULT;
        ALTER TABLE "c;ut_default" ADD CONSTRAINT pgpartition_not_0 CHECK (n > 0) NOT VALID;
        CREATE TABLE "c;ut_2026_05" (LIKE "c;ut");
        CREATE INDEX by_n ON "c;ut" (n);
        CREATE INDEX by_n_pgpartition_next ON "c;ut" (n, at);
        CREATE INDEX old ON "c;ut_2025_12" (at, n);
        COMMENT ON INDEX old IS 'pgpartition.dev index 00 new';
        DO $do$BEGIN
            EXECUTE format('COMMENT ON TABLE "c;ut_default" IS %L', format(
                $$pgpartition.dev partition (oid %s, parent %s) of "Fin""an;ce"."c;ut" DEFAULT$$,
                '"c;ut_default"'::regclass::oid, '"c;ut"'::regclass::oid));
        END$do$;
        COMMENT ON TABLE "c;ut_2026_05" IS $$pgpartition.dev table for "Fin""an;ce"."c;ut" FOR VALUES FROM ('2026-05-01 00:00:00+00') TO ('2026-06-01 00:00:00+00')$$;
    "#;
    let spec = json!({
        "table": "c;ut", "ahead": 1, "defaultPartition": "Absent",
        "partitionBy": {"range": {"column": "at", "interval": "Month", "timeZone": "UTC"}},
        "indexes": [
            {"name": "by_n", "columns": [{"column": "n"}]},
            {"name": "new", "columns": [{"column": "at"}], "partitions": "Newest", "newest": 1},
        ],
    });
    Scenario { name: "left over", setup, phases: vec![Phase::new(NOW, spec)] }
}

/// A detached table that is kept again, and a detach that a user began.
fn kept_again() -> Scenario {
    let setup = r#"
        CREATE TABLE "c;ut" (at timestamptz NOT NULL, n int, PRIMARY KEY (n, at)) PARTITION BY RANGE (at);
        CREATE TABLE "pend;ing" PARTITION OF "c;ut" FOR VALUES FROM ('2025-08-01Z') TO ('2025-09-01Z');
        CREATE TABLE "c;ut_2025_10" PARTITION OF "c;ut" FOR VALUES FROM ('2025-10-01Z') TO ('2025-11-01Z');
        CREATE TABLE "c;ut_2025_12" PARTITION OF "c;ut" FOR VALUES FROM ('2025-12-01Z') TO ('2026-01-01Z');
        CREATE TABLE "c;ut_2026_01" PARTITION OF "c;ut" FOR VALUES FROM ('2026-01-01Z') TO ('2026-02-01Z');
        CREATE TABLE "c;ut_2025_11" (LIKE "c;ut" INCLUDING ALL);
        DO $do$BEGIN EXECUTE format('COMMENT ON TABLE "c;ut_2025_11" IS %L', format(
            $$pgpartition.dev detached 2026-01-10T00:00:00Z (oid %s, parent %s) from "Fin""an;ce"."c;ut" FOR VALUES FROM ('2025-11-01 00:00:00+00') TO ('2025-12-01 00:00:00+00')$$,
            '"c;ut_2025_11"'::regclass::oid, '"c;ut"'::regclass::oid)); END$do$;
    "#;
    let spec = json!({
        "table": "c;ut", "ahead": 0,
        "partitionBy": {"range": {"column": "at", "interval": "Month", "timeZone": "UTC"}},
        "retention": {"keep": 3},
    });
    let phase = Phase { pending: Some(("c;ut", "pend;ing")), ..Phase::new(NOW, spec) };
    Scenario { name: "kept again", setup, phases: vec![phase] }
}

/// A plain table that is converted, and whose conversion is ended.
fn converted() -> Scenario {
    let setup = r#"
        CREATE TABLE "c;ut" (at timestamptz NOT NULL, n int PRIMARY KEY, doubled int GENERATED ALWAYS AS (n * 2) STORED);
        INSERT INTO "c;ut" SELECT '2025-12-02Z'::timestamptz + n * interval '1 day', n FROM generate_series(0, 40) n;
        COMMENT ON TABLE "c;ut" IS 'a person''s';
    "#;
    let phase = |conversion: Option<Value>| {
        let mut spec = json!({
            "table": "c;ut", "ahead": 1,
            "partitionBy": {"range": {"column": "at", "interval": "Month", "timeZone": "UTC"}},
        });
        let fields = spec.as_object_mut().unwrap();
        fields.extend(conversion.map(|conversion| ("conversion".to_owned(), conversion)));
        Phase::new(NOW, spec)
    };
    let copy = json!({"method": "Copy", "acknowledge": ["UniqueKey:\"c;ut_pkey\""]});
    let meanwhile =
        r#"ALTER TABLE "c;ut" ADD COLUMN new int DEFAULT 1 CONSTRAINT low CHECK (new < 9)"#;
    let altered = Phase { meanwhile, ..phase(Some(copy.clone())) };
    let dropped = Phase { approves: true, ..phase(None) };
    let phases = vec![phase(Some(copy)), altered, phase(None), dropped];
    Scenario { name: "converted", setup, phases }
}

/// The first on every version, the others on the oldest and the newest.
fn scenarios(major: u16) -> Vec<Scenario> {
    let mut all = vec![provided()];
    if is_oldest_or_newest(major) {
        all.extend([expired(), drained()]);
    }
    all
}

async fn world(major: u16, scenario: &Scenario) -> World {
    let world = World::new(major).await;
    scenario.set_up(&world).await;
    world
}

/// Returns the tables of the schema: names, bounds, indexes, constraints, and the comments on tables, without dates and
/// object identifiers. Comments on indexes are left out: an index on one partition gets its marker in a statement of its
/// own after it was built, and has no marker if the run is interrupted between the two.
async fn catalog(world: &World) -> String {
    let tables = "SELECT format('%s %s %s', c.relname, pg_get_expr(c.relpartbound, 0),
            regexp_replace(d.description, '^(pgpartition.dev [a-z]+)( \\S+Z)?( \\([^)]*\\))?', '\\1'))";
    let sql = format!(
        "
        {tables} FROM pg_class c LEFT JOIN pg_description d ON d.objoid = c.oid AND d.objsubid = 0
            AND d.classoid = 'pg_class'::regclass AND c.relkind IN ('r', 'p')
        WHERE c.relnamespace = '{SCHEMA_SQL}'::regnamespace
        UNION ALL SELECT pg_get_indexdef(indexrelid) || indisvalid FROM pg_index x JOIN pg_class c
            ON c.oid = x.indexrelid WHERE c.relnamespace = '{SCHEMA_SQL}'::regnamespace
        UNION ALL SELECT conrelid::regclass || ' ' || conname || pg_get_constraintdef(oid)
            FROM pg_constraint WHERE connamespace = '{SCHEMA_SQL}'::regnamespace
        ORDER BY 1"
    );
    world.text(&sql).await
}

fn assert_same(what: &str, expected: &str, found: &str) {
    let without = |lines: &str, others: &str| -> Vec<String> {
        lines.lines().filter(|l| !others.lines().any(|o| o == *l)).map(str::to_owned).collect()
    };
    let (missing, more) = (without(expected, found), without(found, expected));
    assert!(
        missing.is_empty() && more.is_empty(),
        "{what}: missing {missing:#?}, instead {more:#?}"
    );
}

/// Returns the catalog after each phase.
async fn undisturbed(major: u16, scenario: &Scenario) -> Vec<String> {
    let world = world(major, scenario).await;
    let session = world.session().await;
    let mut catalogs = Vec::new();
    for phase in &scenario.phases {
        phase.prepare(&world).await;
        let done = apply(&session, &phase.approved(&session).await, phase.now).await;
        let (worked, remaining) = (done.work_outcome, done.remaining);
        assert!(remaining.is_done(), "{:?} {worked:?} {remaining}", done.outcomes);
        let catalog = catalog(&world).await;
        for ours in ["pgpartition_not_", "pgpartition_bounds", "pgpartition_of_96d8f6f98bf6570e"] {
            assert!(!catalog.contains(ours), "a constraint of the operator is left:\n{catalog}");
        }
        catalogs.push(catalog);
    }
    catalogs
}

/// Cuts the connection when a step begins.
struct Cut<'a> {
    proxy: &'a mut Proxy,
    /// Number of steps that are executed before.
    passing: usize,
    mode: &'a (dyn Fn(&Step) -> Mode + Send + Sync),
    /// Kinds of the interrupted steps.
    kinds: &'a mut BTreeSet<StepKind>,
}

impl Progress for Cut<'_> {
    fn planned(&mut self, _: &Plan) {}
    fn started(&mut self, step: &Step) {
        if self.passing == 0 {
            let mode = (self.mode)(step);
            self.kinds.insert(StepKind::from(step));
            let set = self.proxy.set(mode);
            tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(set));
        }
        self.passing = self.passing.wrapping_sub(1);
    }
    fn retried(&mut self, _: &Step, _: &DatabaseError) {}
    fn finished(&mut self, _: &StepOutcome) {}
}

/// Converges with a new connection repeatedly, and interrupts each run at a later step than the run before, until no step
/// is left. Returns the kinds of the interrupted steps.
async fn converge_in_pieces(
    world: &World,
    phase: &Phase,
    passing: usize,
    mode: &(dyn Fn(&Step) -> Mode + Send + Sync),
) -> BTreeSet<StepKind> {
    let port =
        world.database.url().split(':').nth(2).unwrap().split('/').next().unwrap().parse().unwrap();
    let mut proxy = Proxy::start(port).await;
    let url = world.database.url_through(proxy.port(), &world.operator);
    let options = Options::new(PlanTime::at(at(phase.now)), Duration::from_secs(5));
    let (mut kinds, mut last) = (BTreeSet::new(), String::new());
    for round in 0.. {
        assert!(round < 60, "Postgres {}: does not come to an end: {last}", world.major);
        proxy.set(Mode::Pass).await;
        let session = session(&url).await;
        let passing = if round == 0 { 0 } else { passing };
        let mut cut = Cut { proxy: &mut proxy, passing, mode, kinds: &mut kinds };
        let desired = phase.approved(&session).await;
        match converge(&session, &desired, &options, &mut cut).await {
            Ok(done) if done.remaining.is_done() => break,
            // The server has not noticed yet that the previous client has disconnected.
            Err(ConvergeError::LockedByAnotherOperator(_)) => wait_until_gone(world).await,
            Ok(done) => last = done.remaining.to_string(),
            Err(error) => last = format!("{error}, after {kinds:?}"),
        }
    }
    kinds
}

fn all() -> Vec<(u16, Scenario)> {
    majors().into_iter().flat_map(|m| scenarios(m).into_iter().map(move |s| (m, s))).collect()
}

async fn assert_undisturbed(world: &World, scenario: &Scenario) {
    let what = format!("Postgres {}, {}", world.major, scenario.name);
    assert_same(&what, &undisturbed(world.major, scenario).await[0], &catalog(world).await);
}

async fn wait_until_gone(world: &World) {
    let held = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND database =
                (SELECT oid FROM pg_database WHERE datname = current_database())";
    wait_until("the lock is free", DEADLINE, async || world.text(held).await == "0").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn request_that_never_arrives_is_repeated() {
    interrupt_each_step(1, |_| Mode::CutRequest(0)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn step_with_a_lost_response_is_not_repeated() {
    interrupt_each_step(0, |step| match step.mode() {
        TransactionMode::InTransaction | TransactionMode::OneSnapshot => Mode::CutAnswer(0),
        // The answers to the three SETs before have 15 bytes each; the next one is cut.
        TransactionMode::Autocommit => Mode::CutAnswer(46),
    })
    .await;
}

/// Converges every scenario with interruptions. The result equals that of an undisturbed run, and steps of every kind are
/// interrupted if all scenarios run.
async fn interrupt_each_step(passing: usize, mode: impl Fn(&Step) -> Mode + Send + Sync) {
    for major in majors() {
        let mut kinds = BTreeSet::new();
        let mut all = scenarios(major);
        if is_oldest_or_newest(major) {
            all.extend([left_over(), kept_again(), converted(), routing(), serving(), attached()]);
        }
        for scenario in all {
            let expected = undisturbed(major, &scenario).await;
            let world = world(major, &scenario).await;
            for (phase, expected) in scenario.phases.iter().zip(expected) {
                phase.prepare(&world).await;
                kinds.extend(converge_in_pieces(&world, phase, passing, &mode).await);
                let what = format!("Postgres {major}, {}", scenario.name);
                assert_same(&what, &expected, &catalog(&world).await);
            }
        }
        if is_oldest_or_newest(major) {
            assert_kinds(&kinds);
        }
    }
}

/// A step of several statements outside of a transaction can end between any two of them.
#[tokio::test(flavor = "multi_thread")]
async fn step_interrupted_between_statements_is_completed_by_the_next_run() {
    // In the others nothing is sent one by one that is not in these.
    for (major, scenario) in all().into_iter().filter(|(_, scenario)| scenario.name != "drained") {
        let (expected, phase) = (undisturbed(major, &scenario).await, &scenario.phases[0]);
        let expected = &expected[0];
        for statements in 1..8 {
            let world = world(major, &scenario).await;
            converge_in_pieces(&world, phase, 1, &|step| {
                after_statements(step, &world.owner_name(), statements)
            })
            .await;
            let what = format!("Postgres {major}, {}, {statements} statements", scenario.name);
            assert_same(&what, expected, &catalog(&world).await);
        }
    }
}

/// Lets this many statements through where they are sent one by one.
fn after_statements(step: &Step, owner: &Identifier, statements: usize) -> Mode {
    // As `apply` renders them: the number of bytes has to be right.
    let timeouts =
        Timeouts { lock_timeout: Duration::from_secs(1), retry_timeout: Duration::from_secs(5) };
    let script = sql::render(step, owner, timeouts);
    match script.mode {
        TransactionMode::InTransaction | TransactionMode::OneSnapshot => Mode::CutRequest(0),
        TransactionMode::Autocommit => {
            // A message is a letter, a length of four bytes, the text, and a NUL.
            let sent = script.to_sql();
            let bytes = sent.iter().take(statements).map(|s| s.as_str().len() + 6);
            Mode::CutRequest(bytes.sum())
        }
    }
}

/// An old snapshot of another session blocks every build, and each build is killed.
#[tokio::test(flavor = "multi_thread")]
async fn killed_index_build_is_cleaned_up() {
    for major in majors() {
        let scenario = provided();
        let world = world(major, &scenario).await;
        let phase = &scenario.phases[0];
        let reader = world.database.client().await;
        let snapshot = format!(
            "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT FROM {SCHEMA_SQL}.\"c;ut_2026_01\""
        );
        reader.batch_execute(&snapshot).await.unwrap();
        let session = world.session().await;
        let desired = phase.desired();
        let options = Options::new(PlanTime::at(at(phase.now)), Duration::from_secs(15));
        let run = async { converge(&session, &desired, &options, &mut Silent).await.map(|_| ()) };
        let kill = async {
            let waiting = "SELECT pid FROM pg_stat_activity WHERE datname = current_database()
                AND wait_event_type = 'Lock' AND query LIKE 'CREATE INDEX CONCURRENTLY%'";
            wait_until("a build waits", DEADLINE, async || !world.text(waiting).await.is_empty())
                .await;
            world
                .text(&format!("SELECT pg_terminate_backend(pid) FROM ({waiting}) AS builds"))
                .await
        };
        let (ended, _) = tokio::join!(run, kill);
        assert!(ended.is_err(), "Postgres {major}: the session is lost");
        reader.batch_execute("COMMIT").await.unwrap();
        let invalid = "SELECT count(*) FROM pg_index x JOIN pg_class c ON c.oid = indexrelid WHERE NOT indisvalid AND c.relkind = 'i'";
        assert_ne!(
            world.text(invalid).await,
            "0",
            "Postgres {major}: the build was killed too late"
        );
        wait_until_gone(&world).await;
        apply(&world.session().await, &desired, phase.now).await;
        assert_undisturbed(&world, &scenario).await;
    }
}

/// Two operators run at the same time, and one of them is killed after each step.
#[tokio::test(flavor = "multi_thread")]
async fn concurrent_run_completes_the_work_of_a_killed_run() {
    let is_new = |scenario: &Scenario| scenario.name != "provided";
    for (major, scenario) in all()
        .into_iter()
        .filter(|(major, s)| *major == NEWEST_MAJOR || *major == OLDEST_MAJOR && !is_new(s))
    {
        let expected = &undisturbed(major, &scenario).await[0];
        let file = resource_file(&scenario.phases[0]);
        for steps in 0.. {
            let world = world(major, &scenario).await;
            let all_done = kill_after(&world, file.path(), steps).await;
            wait_until_gone(&world).await;
            let status = run_to_end(&world, file.path(), "15s").await;
            let what = format!("Postgres {major}, {}, killed after {steps}", scenario.name);
            assert_eq!(status.code(), Some(0), "{what}");
            assert_same(&what, expected, &catalog(&world).await);
            if all_done {
                break;
            }
        }
    }
}

fn resource_file(phase: &Phase) -> tempfile::NamedTempFile {
    let mut spec = phase.spec.clone();
    spec["schema"] = SCHEMA.into();
    let resource = json!({
        "apiVersion": "pgpartition.dev/v1alpha1", "kind": "PartitionedTable",
        "metadata": {"name": "t", "annotations": {"pgpartition.dev/adopt": phase.adopt}},
        "spec": spec,
    });
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), resource.to_string()).unwrap();
    file
}

fn start(world: &World, file: &std::path::Path, wait: &str) -> Operator {
    let arguments = ["apply", "-f", file.to_str().unwrap(), "--at", NOW, "--wait", wait];
    Operator::start(&arguments, &[("DATABASE_URL", &world.url())])
}

/// Runs two operators at the same time, and kills the one that works after this number of steps. Returns whether it
/// finished before.
async fn kill_after(world: &World, file: &std::path::Path, steps: usize) -> bool {
    let mut both = ["15s", "15s"].map(|wait| start(world, file, wait));
    let done = |one: &Operator| one.stderr().matches("  done  ").count();
    let mut all_done = false;
    wait_until("one has done its steps", DEADLINE, async || {
        for one in &mut both {
            if done(one) >= steps && one.status().is_none() {
                one.kill();
                return true;
            }
        }
        all_done = both.iter_mut().all(|one| one.status().is_some());
        all_done
    })
    .await;
    for one in &mut both {
        wait_until("the other ends", DEADLINE, async || one.status().is_some()).await;
        let code = one.status().unwrap().code();
        assert!([None, Some(0), Some(5)].contains(&code), "{code:?}: {}", one.stderr());
    }
    all_done
}

async fn run_to_end(world: &World, file: &std::path::Path, wait: &str) -> ExitStatus {
    let mut survivor = start(world, file, wait);
    wait_until("the survivor ends", DEADLINE, async || survivor.status().is_some()).await;
    survivor.status().unwrap()
}

#[tokio::test]
async fn run_reports_the_session_that_locks_the_table() {
    let major = majors()[0];
    let server = Server::shared(major);
    let world = World::on(server, major).await;
    let scenario = provided();
    scenario.set_up(&world).await;
    let oid = format!("SELECT '{SCHEMA_SQL}.\"c;ut\"'::regclass::oid");
    let keys = LockKeys::new(&managed("c;ut"), world.text(&oid).await.parse().unwrap());
    let session = world.session().await;
    let lock = TableLock::try_acquire(&session, keys).await.unwrap();
    let file = resource_file(&scenario.phases[0]);
    assert_eq!(run_to_end(&world, file.path(), "300ms").await.code(), Some(5));
    lock.unwrap().release().await.unwrap();
    assert_eq!(run_to_end(&world, file.path(), "15s").await.code(), Some(0));
}
