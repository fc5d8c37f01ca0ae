//! An interrupted detach is finalized, and it blocks no session for long.

use std::time::Duration;

use futures::future::join_all;
use pg_partition_operator::converge::{Convergence, Options, converge};
use pg_partition_operator::desired::DesiredTable;
use pg_partition_operator::observed::{BlockingTransaction, ObservedTable};
use pg_partition_operator::plan::{Blocker, PlanTime};
use serde_json::json;
use tokio_postgres::Client;

use crate::clients::{Clients, longest, number, run};
use crate::database::{SCHEMA_SQL, Silent, World, apply, at, desired, in_schema, observe, session};
use crate::program::resource;
use crate::support::operator::Operator;
use crate::support::postgres::{Server, majors, oldest_and_newest};
use crate::support::{signal, wait_until};

pub(crate) const NOW: &str = "2026-01-15T12:00:00Z";
const DEADLINE: Duration = Duration::from_secs(30);

/// Monthly partitions; those before the previous month expire.
pub(crate) fn spec(ahead: u32, lock_timeout: &str) -> serde_json::Value {
    json!({
        "table": "t", "ahead": ahead,
        "partitionBy": {"range": {"column": "at", "interval": "Month", "timeZone": "UTC"}},
        "retention": {"keep": 1},
        "limits": {"lockTimeout": lock_timeout},
    })
}

/// Creates a table with one managed month that has expired.
pub(crate) async fn too_old(world: &World) {
    world.owner("CREATE TABLE t (at timestamptz NOT NULL, n int) PARTITION BY RANGE (at)").await;
    let mut provided = spec(0, "1s");
    provided["partitionBy"]["range"]["startAt"] = "2025-11-01".into();
    provided.as_object_mut().unwrap().remove("retention");
    let done = apply(&world.session().await, &desired(provided), NOW).await;
    assert!(done.remaining.steps.is_empty(), "{:?}", done.outcomes);
    world
        .owner("INSERT INTO t VALUES ('2025-11-02Z', 1), ('2025-12-02Z', 2), ('2026-01-02Z', 3)")
        .await;
}

fn pid_of(holder: &BlockingTransaction) -> i64 {
    match holder {
        BlockingTransaction::Session { pid, .. } => i64::from(*pid),
        BlockingTransaction::PreparedTransaction { .. } => panic!("{holder:?} has no process"),
    }
}

/// Runs a test on every version at the same time: these tests wait for most of their duration.
pub(crate) async fn on_each(test: impl AsyncFn(u16)) {
    join_all(majors().into_iter().map(|major| test(major))).await;
}

/// Opens a transaction that has read the table.
async fn reader(world: &World) -> Client {
    let reader = world.database.client().await;
    run(&reader, &format!("BEGIN; SELECT FROM {SCHEMA_SQL}.t")).await;
    reader
}

async fn converge_for(world: &World, table: &DesiredTable, retry_timeout: Duration) -> Convergence {
    let options = Options::new(PlanTime::at(at(NOW)), retry_timeout);
    converge(&world.session().await, table, &options, &mut Silent).await.unwrap()
}

fn pending(observed: &ObservedTable) -> usize {
    observed.partitions.iter().filter(|p| p.state.is_pending_detach()).count()
}

/// The old month stands by itself with its row, it is written down when it was detached, and nothing is
/// left to do.
async fn assert_detached(what: &str, world: &World) {
    let table = desired(spec(1, "1s"));
    let done = apply(&world.session().await, &table, NOW).await;
    assert!(done.remaining.steps.is_empty(), "{what}: {:?}\n{}", done.outcomes, done.remaining);
    assert_eq!(pending(&done.observed), 0, "{what}");
    let comment = format!("SELECT obj_description('{SCHEMA_SQL}.t_2025_11'::regclass, 'pg_class')");
    let comment = world.text(&comment).await;
    assert!(
        comment.starts_with("pgpartition.dev detached 2026-01-15T12:00:00Z ("),
        "{what}: {comment}"
    );
    for (table, rows) in [("t", "2"), ("t_2025_11", "1")] {
        let count = format!("SELECT count(*) FROM {SCHEMA_SQL}.{table}");
        assert_eq!(world.text(&count).await, rows, "{what}: {table}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn open_reader_blocks_a_detach_and_nothing_else() {
    on_each(async |major| {
        let what = format!("Postgres {major}");
        let world = World::new(major).await;
        too_old(&world).await;
        let reader = reader(&world).await;
        let pid = number(&reader, "SELECT pg_backend_pid()").await;
        for ahead in [1, 2] {
            let table = desired(spec(ahead, "200ms"));
            let done = converge_for(&world, &table, Duration::from_secs(1)).await;
            assert_eq!(pending(&done.observed), 1, "{what}: {:?}", done.outcomes);
            let made = done.observed.attached().count();
            assert_eq!(
                made,
                2 + ahead as usize,
                "{what}: what is missing is made: {:?}",
                done.outcomes
            );
            let holds = |b: &Blocker| matches!(b, Blocker::DetachBlocked { by, .. } if by.iter().any(|h| pid_of(h) == pid));
            let named = done.remaining.deferred.iter().any(|deferral| holds(&deferral.blocker));
            assert!(named, "{what}: the blocking session is named: {}", done.remaining);
        }
        run(&reader, "COMMIT").await;
        assert_detached(&what, &world).await;
    })
    .await;
}

/// Waits until the program has begun to detach, and waits for the reader.
async fn wait_until_pending(world: &World) {
    let pending = "SELECT count(*) FROM pg_inherits WHERE inhdetachpending";
    wait_until("a detach is pending", DEADLINE, async || world.text(pending).await == "1").await;
}

fn start(world: &World) -> (Operator, tempfile::NamedTempFile) {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), resource(spec(0, "30s"))).unwrap();
    let arguments = ["apply", "-f", file.path().to_str().unwrap(), "--at", NOW];
    let operator = Operator::start(&arguments, &[("DATABASE_URL", &world.url())]);
    (operator, file)
}

pub(crate) async fn wait_until_unlocked(world: &World) {
    let held = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'
                AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
    wait_until("the lock is free", DEADLINE, async || world.text(held).await == "0").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn detach_of_a_killed_operator_is_finalized_by_the_next_run() {
    on_each(async |major| {
        let world = World::new(major).await;
        too_old(&world).await;
        let reader = reader(&world).await;
        let (mut operator, _file) = start(&world);
        wait_until_pending(&world).await;
        operator.kill();
        wait_until_unlocked(&world).await;
        run(&reader, "COMMIT").await;
        assert_detached(&format!("Postgres {major}"), &world).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn detach_during_a_crash_of_postgres_is_finalized_by_the_next_run() {
    for major in oldest_and_newest() {
        let mut server = Server::start(major, &[]);
        let mut world = World::on(&server, major).await;
        too_old(&world).await;
        let _reader = reader(&world).await;
        let (mut operator, _file) = start(&world);
        wait_until_pending(&world).await;
        signal(server.pid(), "KILL");
        wait_until("we notice", DEADLINE, async || operator.status().is_some()).await;
        server.restart();
        world.admin = world.database.client().await;
        assert_detached(&format!("Postgres {major}"), &world).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pending_detach_that_a_user_began_is_finalized_for_any_partition() {
    on_each(async |major| {
        let what = format!("Postgres {major}");
        let world = World::new(major).await;
        too_old(&world).await;
        world.owner("CREATE TABLE hand PARTITION OF t FOR VALUES FROM ('2020-01-01Z') TO ('2020-02-01Z')").await;
        world.leave_pending("t", "hand").await;
        let table = desired(spec(0, "1s"));
        let done = converge_for(&world, &table, DEADLINE).await;
        let first = done.outcomes.first().unwrap();
        assert!(
            first.result.is_ok() && first.step.verb() == "finalize",
            "{what}: {:?}",
            done.outcomes
        );
        let alone = format!(
            "SELECT relispartition::text || coalesce(obj_description(oid), '')
            FROM pg_class WHERE oid = '{}'::regclass",
            in_schema("hand")
        );
        assert_eq!(world.text(&alone).await, "false", "{what}: and no further step follows");
        assert_detached(&what, &world).await;
    })
    .await;
}

/// A statement that began before is always running, and no session writes, so that all snapshots have the same
/// transaction number.
#[tokio::test(flavor = "multi_thread")]
async fn detach_is_finalized_although_old_snapshots_overlap() {
    on_each(async |major| {
        // A transaction in another database of the server makes every snapshot appear old.
        let server = Server::start(major, &[]);
        // The operator sees the snapshots of other roles only with the privilege.
        for privilege in ["", "GRANT pg_read_all_stats TO"] {
            let what = format!("Postgres {major}, {privilege}");
            let world = World::on(&server, major).await;
            too_old(&world).await;
            if !privilege.is_empty() {
                world
                    .admin(&format!("ALTER ROLE {0} INHERIT; {privilege} {0}", world.operator))
                    .await;
            }
            world.leave_pending("t", "t_2025_11").await;
            let mut clients = Clients::default();
            for client in 1..=3 {
                clients
                    .add(&world, |client, _| Box::pin(run(client, "SELECT pg_sleep(1.2)")))
                    .await;
                tokio::time::sleep(Duration::from_millis(130 * client)).await;
            }
            let table = desired(spec(0, "400ms"));
            let done = converge_for(&world, &table, Duration::from_secs(20)).await;
            clients.stop().await;
            assert_eq!(
                pending(&done.observed),
                0,
                "{what}: {:?} {}",
                done.outcomes,
                done.remaining
            );
        }
    })
    .await;
}

/// A session that uses the table meanwhile does not wait for the open transaction, whether it plans its statement again or
/// has a plan from before.
#[tokio::test(flavor = "multi_thread")]
async fn detach_blocks_no_session_longer_than_the_lock_timeout() {
    on_each(async |major| {
        let world = World::new(major).await;
        too_old(&world).await;
        let mut clients = Clients::default();
        let plans = "PREPARE counted AS SELECT count(*) FROM t WHERE n > $1; EXECUTE counted (0)";
        clients
            .add(&world, move |client, turn| {
                Box::pin(async move {
                    run(client, if turn == 0 { plans } else { "EXECUTE counted (0)" }).await;
                })
            })
            .await;
        clients.add(&world, |client, _| Box::pin(run(client,
            "BEGIN; SELECT FROM t; INSERT INTO t VALUES ('2026-01-03Z', 4); DELETE FROM t WHERE n = 4; COMMIT",
        ))).await;
        tokio::time::sleep(Duration::from_millis(200)).await;
        // One has read the table, the other has only a snapshot in which the partition belongs to it.
        let reader = reader(&world).await;
        let snapshot = world.database.client().await;
        run(&snapshot, "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1").await;
        let table = desired(spec(0, "300ms"));
        for _ in 0..3 {
            converge_for(&world, &table, Duration::from_secs(1)).await;
        }
        run(&reader, "COMMIT").await;
        // Now only the snapshot blocks it. The operator cannot see the snapshot, and retries until the timeout.
        let done = converge_for(&world, &table, Duration::from_secs(3)).await;
        let done_late = pending(&done.observed);
        run(&snapshot, "COMMIT").await;
        let work = clients.stop().await;
        assert_eq!(done_late, 1, "Postgres {major}: {:?}", done.outcomes);
        assert!(longest(&work) < Duration::from_millis(1800), "Postgres {major}: {work:?}");
        world.owner("DELETE FROM t WHERE n = 4").await;
        assert_detached(&format!("Postgres {major}"), &world).await;
    })
    .await;
}

/// Returns the processes that a session with `pg_read_all_stats` reports as blocking.
async fn held_by(world: &World) -> Vec<i64> {
    let sees_all =
        "ALTER ROLE @ INHERIT; GRANT pg_read_all_stats TO @".replace('@', &world.operator);
    world.admin(&sees_all).await;
    let observed = observe(&session(&world.url()).await, &desired(spec(0, "1s")).name).await;
    observed.partitions.iter().flat_map(|p| p.state.blocked_by()).map(pid_of).collect()
}

const OLD_SNAPSHOT: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1";

#[tokio::test]
async fn role_with_pg_read_all_stats_names_sessions_with_old_snapshots() {
    on_each(async |major| {
        let world = World::new(major).await;
        too_old(&world).await;
        let snapshot = world.database.client().await;
        run(&snapshot, OLD_SNAPSHOT).await;
        world.leave_pending("t", "t_2025_11").await;
        let pid = number(&snapshot, "SELECT pg_backend_pid()").await;
        assert_eq!(held_by(&world).await, [pid], "Postgres {major}");
        run(&snapshot, "COMMIT").await;
    })
    .await;
}

/// Postgres waits for a snapshot that is younger than the detach, too. The operator names its session once it is
/// older than 30 s, since a younger one may end by itself.
#[tokio::test]
async fn session_with_a_younger_snapshot_is_named_once_it_is_30_s_old() {
    // Transactions of other databases make each snapshot of a server older.
    let server = Server::start(Server::DEFAULT_MAJOR, &[]);
    let world = World::on(&server, Server::DEFAULT_MAJOR).await;
    too_old(&world).await;
    world.leave_pending("t", "t_2025_11").await;
    let snapshot = world.database.client().await;
    run(&snapshot, OLD_SNAPSHOT).await;
    let pid = number(&snapshot, "SELECT pg_backend_pid()").await;
    let seconds = "SELECT extract(epoch FROM clock_timestamp() - xact_start)::bigint
        FROM pg_stat_activity WHERE pid = pg_backend_pid()";
    wait_until("it is named", DEADLINE, async || {
        let named = held_by(&world).await;
        let age = number(&snapshot, seconds).await;
        assert!(named.is_empty() || age >= 30, "named after {age} s");
        named == [pid]
    })
    .await;
}

/// Order of numbers that waits for an advisory lock, so that the test decides how long an index build takes.
const SLOW_ORDER: &str = "
    CREATE FUNCTION public.slow_order(int, int) RETURNS int LANGUAGE plpgsql AS
        'BEGIN PERFORM pg_advisory_xact_lock_shared(9); RETURN btint4cmp($1, $2); END';
    CREATE OPERATOR CLASS public.slow FOR TYPE int USING btree AS
        OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >,
        FUNCTION 1 public.slow_order(int, int)";

/// Postgres does not wait for such a build, although it has the oldest snapshot.
#[tokio::test]
async fn detach_is_finalized_while_an_index_is_built_concurrently() {
    on_each(async |major| {
        let world = World::new(major).await;
        too_old(&world).await;
        world.admin(SLOW_ORDER).await;
        world.owner("INSERT INTO t VALUES ('2026-01-03Z', 5), ('2026-01-04Z', 4)").await;
        let gate = world.database.client().await;
        run(&gate, "SELECT pg_advisory_lock(9)").await;
        let builder = world.database.client().await;
        let build = format!("CREATE INDEX CONCURRENTLY ON {SCHEMA_SQL}.t_2026_01 (n public.slow)");
        let others = async {
            let waits = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'advisory'
                AND datname = current_database()";
            wait_until("the build is in progress", DEADLINE, async || {
                number(&gate, waits).await == 1
            })
            .await;
            world.leave_pending("t", "t_2025_11").await;
            assert_eq!(held_by(&world).await, [0_i64; 0], "Postgres {major}");
            let table = desired(spec(0, "1s"));
            let done = converge_for(&world, &table, DEADLINE).await;
            assert_eq!(pending(&done.observed), 0, "Postgres {major}: {:?}", done.outcomes);
            assert_eq!(number(&gate, waits).await, 1, "Postgres {major}: the build has ended");
            run(&gate, "SELECT pg_advisory_unlock(9)").await;
        };
        tokio::join!(run(&builder, &build), others);
    })
    .await;
}
