//! Draining the default partition is invisible to an application that reads and writes.

use std::time::Duration;

use futures::future::join_all;
use pg_partition_operator::converge::{Convergence, Options, converge};
use pg_partition_operator::plan::{Blocker, DefaultBlocker, PlanTime};
use serde_json::{Value, json};
use tokio_postgres::Client;

use crate::clients::{Clients, number, run};
use crate::database::{SCHEMA_SQL, Silent, World, at, desired};
use crate::support::postgres::{Server, majors, oldest_and_newest};

fn spec() -> Value {
    json!({
        "table": "t", "ahead": 0, "defaultPartition": "Present",
        "partitionBy": {"range": {"column": "at", "interval": "Month", "timeZone": "UTC"}},
    })
}

/// A table whose rows are counted by their writers, in the same transaction. Its triggers record that they have fired.
const COUNTED: &str = "
CREATE TABLE t (
    id bigint GENERATED ALWAYS AS IDENTITY, at timestamptz NOT NULL, n int NOT NULL DEFAULT 0,
    doubled int GENERATED ALWAYS AS (n * 2) STORED, PRIMARY KEY (id, at)
) PARTITION BY RANGE (at);
CREATE TABLE t_2025_12 PARTITION OF t FOR VALUES FROM ('2025-12-01Z') TO ('2026-01-01Z');
CREATE TABLE t_default PARTITION OF t DEFAULT;
INSERT INTO t (at) VALUES ('infinity'), ('2019-01-01Z'), ('2025-12-02Z');
CREATE TABLE counted (client int PRIMARY KEY, rows int NOT NULL);
INSERT INTO counted VALUES (0, 3), (1, 0), (2, 0), (3, 0), (4, 0);
CREATE TABLE fired (what text);
CREATE FUNCTION fires() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN INSERT INTO fired VALUES (TG_NAME || ' ' || TG_OP); RETURN coalesce(NEW, OLD); END$$;
CREATE TRIGGER before BEFORE INSERT OR DELETE ON t FOR EACH ROW EXECUTE FUNCTION fires();
CREATE TRIGGER after AFTER INSERT OR DELETE ON t FOR EACH ROW EXECUTE FUNCTION fires();
CREATE CONSTRAINT TRIGGER at_the_end AFTER INSERT OR DELETE ON t DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION fires();
CREATE TRIGGER statement AFTER DELETE ON t_default FOR EACH STATEMENT EXECUTE FUNCTION fires();
";

/// Months of the rows that are written, and the times of the runs.
const MONTHS: [(&str, &str); 3] = [
    ("2026-01-10Z", "2026-01-15T12:00:00Z"),
    ("2026-02-10Z", "2026-02-15T12:00:00Z"),
    ("2026-03-10Z", "2026-03-15T12:00:00Z"),
];

/// The time that the writers use for their rows.
const NOW_TABLE: &str = "CREATE TABLE now (at timestamptz); INSERT INTO now VALUES ('2026-01-10Z')";

async fn inserts(client: &Client, number: i32) {
    let insert = "WITH written AS (INSERT INTO t (at) SELECT at FROM now RETURNING 1)
        UPDATE counted SET rows = rows + (SELECT count(*) FROM written) WHERE client = $1";
    let insert = client.prepare_typed(insert, &[tokio_postgres::types::Type::INT4]).await.unwrap();
    let parameters: [&(dyn tokio_postgres::types::ToSql + Sync); 1] = [&number];
    for done in join_all((0..8).map(|_| client.execute(&insert, &parameters))).await {
        assert_eq!(done.unwrap_or_else(|e| panic!("{:?}", e.as_db_error())), 1);
    }
}

/// Changes rows, moves some to another partition and back, deletes some, and touches others first.
const CHANGES: &str = "
    BEGIN;
    UPDATE t SET n = n + 1 WHERE at = '2025-12-02Z';
    UPDATE t SET n = n + 1 WHERE id IN (SELECT max(id) FROM t WHERE at = (SELECT at FROM now));
    WITH gone AS (DELETE FROM t WHERE id IN (SELECT max(id) FROM t WHERE at = (SELECT at FROM now)) RETURNING 1)
    UPDATE counted SET rows = rows - (SELECT count(*) FROM gone) WHERE client = 4;
    UPDATE t SET at = '2025-12-03Z' WHERE id IN (SELECT min(id) FROM t WHERE at = (SELECT at FROM now));
    COMMIT";

/// Number of missing or duplicate rows, in one statement, and so in one snapshot.
const WRONG: &str = "SELECT (SELECT count(*) FROM t) - (SELECT sum(rows) FROM counted)";

async fn set_to_work(world: &World) -> Clients {
    let mut clients = Clients::default();
    for client in 1..=3 {
        clients.add(world, move |c, _| Box::pin(inserts(c, client))).await;
    }
    clients.add(world, |c, _| Box::pin(run(c, CHANGES))).await;
    clients.add(world, |c, _| Box::pin(async move { assert_eq!(number(c, WRONG).await, 0) })).await;
    clients
        .add(world, |c, turn| {
            Box::pin(async move {
                if turn == 0 {
                    run(c, &format!("PREPARE wrong AS {WRONG}")).await;
                }
                assert_eq!(number(c, "EXECUTE wrong").await, 0);
            })
        })
        .await;
    clients
        .add(world, |c, _| {
            Box::pin(async move {
                run(c, "BEGIN ISOLATION LEVEL REPEATABLE READ").await;
                let counted = number(c, "SELECT sum(rows) FROM counted").await;
                for _ in 0..3 {
                    assert_eq!(number(c, "SELECT count(*) FROM t").await, counted);
                }
                run(c, "COMMIT").await;
            })
        })
        .await;
    clients
}

async fn drain(world: &World, spec: Value, now: &str) -> Convergence {
    let options = Options::new(PlanTime::at(at(now)), Duration::from_secs(20));
    converge(&world.session().await, &desired(spec), &options, &mut Silent).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn drain_is_invisible_to_writers_and_readers() {
    for major in majors() {
        let world = World::new(major).await;
        world.owner(COUNTED).await;
        world.owner(NOW_TABLE).await;
        let clients = set_to_work(&world).await;
        for (month, now) in MONTHS {
            world.owner(&format!("UPDATE now SET at = '{month}'")).await;
            tokio::time::sleep(Duration::from_millis(300)).await;
            let done = drain(&world, spec(), now).await;
            let drained =
                done.outcomes.iter().any(|o| o.step.verb() == "drain" && o.result.is_ok());
            assert!(drained, "Postgres {major}: {:?}\n{}", done.outcomes, done.plan);
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        clients.stop().await;
        assert_eq!(world.text(&WRONG.replace("FROM ", &format!("FROM {SCHEMA_SQL}."))).await, "0");
        assert_moved(&world).await;
    }
}

/// Each row is where it belongs, those without a place stay, and triggers have fired for what the
/// application did, and for nothing else.
async fn assert_moved(world: &World) {
    let major = world.major;
    let left = format!("SELECT string_agg(at::text, ' ' ORDER BY at) FROM {SCHEMA_SQL}.t_default");
    assert_eq!(world.text(&left).await, "2019-01-01 00:00:00+00 infinity", "Postgres {major}");
    let wrong = format!("SELECT count(*) FROM {SCHEMA_SQL}.t WHERE doubled IS DISTINCT FROM n * 2");
    assert_eq!(world.text(&wrong).await, "0", "Postgres {major}");
    let statements = format!("SELECT count(*) FROM {SCHEMA_SQL}.fired WHERE what ~ '^statement'");
    assert_eq!(world.text(&statements).await, "0", "Postgres {major}");
    for trigger in ["before", "after", "at_the_end"] {
        let more = format!(
            "SELECT (SELECT count(*) FROM {SCHEMA_SQL}.fired WHERE what = '{trigger} INSERT')
                  - (SELECT count(*) FROM {SCHEMA_SQL}.fired WHERE what = '{trigger} DELETE')
                  - (SELECT sum(rows) - 3 FROM {SCHEMA_SQL}.counted)"
        );
        assert_eq!(world.text(&more).await, "0", "Postgres {major}: {trigger}");
    }
    let enabled = format!(
        "SELECT string_agg(DISTINCT format('%s of %s', tgname, tgrelid::regclass), ' ') FROM pg_trigger
         WHERE tgenabled <> 'O' AND tgrelid IN
            (SELECT oid FROM pg_class WHERE relnamespace = '{SCHEMA_SQL}'::regnamespace)"
    );
    assert_eq!(world.text(&enabled).await, "", "Postgres {major}: a trigger stays off");
}

/// A table that has only a default partition, with these rows.
async fn nothing_but_default(major: u16, rows: &str) -> World {
    let world = World::new(major).await;
    let table = "
        CREATE TABLE t (at timestamptz NOT NULL) PARTITION BY RANGE (at);
        CREATE TABLE t_default PARTITION OF t DEFAULT;";
    world.owner(&format!("{table} INSERT INTO t {rows}")).await;
    world
}

/// The rows lie in more quarters of an hour than are reported: the latest are drained first, and the earlier ones after
/// them.
#[tokio::test]
async fn rows_of_many_months_are_drained_in_several_runs() {
    for major in majors() {
        let rows = "SELECT generate_series('2025-08-02Z', '2026-01-10Z', interval '15 minutes')";
        let world = nothing_but_default(major, rows).await;
        let mut spec = spec();
        spec["partitionBy"]["range"]["startAt"] = "2025-08-01".into();
        let now = "2026-01-15T12:00:00Z";
        let first = drain(&world, spec.clone(), now).await;
        let what = format!("Postgres {major}: {:?}\n{}", first.outcomes, first.plan);
        let drained = |done: &Convergence| {
            done.outcomes.iter().filter(|o| o.step.verb() == "drain" && o.result.is_ok()).count()
        };
        let held_back = |done: &Convergence| {
            let is_uncounted = |b: &Blocker| {
                matches!(b, Blocker::Default(DefaultBlocker::DefaultRowsUnknown { .. }))
            };
            done.plan.deferred.iter().filter(|held| is_uncounted(&held.blocker)).count()
        };
        assert_eq!((drained(&first), held_back(&first)), (4, 2), "{what}");
        let second = drain(&world, spec, now).await;
        assert_eq!((drained(&second), held_back(&second)), (2, 0), "{what}\n{}", second.plan);
        let left = format!("SELECT count(*) FROM {SCHEMA_SQL}.t_default");
        assert_eq!(world.text(&left).await, "0", "Postgres {major}");
    }
}

/// Nothing can be deleted from it, not even nothing.
#[tokio::test]
async fn partitions_are_created_beside_a_published_default_without_replica_identity() {
    for major in majors() {
        let world = nothing_but_default(major, "VALUES ('1900-01-01Z'::timestamptz)").await;
        world.admin("CREATE PUBLICATION feed FOR ALL TABLES").await;
        let done = drain(&world, spec(), "2026-01-15T12:00:00Z").await;
        assert!(done.remaining.steps.is_empty(), "Postgres {major}: {:?}", done.outcomes);
        assert!(done.outcomes.iter().any(|outcome| outcome.step.verb() == "drain"));
    }
}

#[tokio::test]
async fn rows_that_a_foreign_key_would_cascade_from_are_not_drained() {
    for major in majors() {
        let world = World::new(major).await;
        world
            .owner(
                "
            CREATE TABLE t (id int, at timestamptz NOT NULL, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
            CREATE TABLE t_default PARTITION OF t DEFAULT;
            CREATE TABLE parts (id int, at timestamptz, FOREIGN KEY (id, at) REFERENCES t ON DELETE CASCADE);
            INSERT INTO t VALUES (1, '2026-01-10Z'); INSERT INTO parts VALUES (1, '2026-01-10Z');",
            )
            .await;
        let done = drain(&world, spec(), MONTHS[0].1).await;
        let referenced =
            |b: &Blocker| matches!(b, Blocker::Default(DefaultBlocker::DefaultReferenced { .. }));
        let held = done.remaining.deferred.iter().any(|d| referenced(&d.blocker));
        assert!(held && done.outcomes.is_empty(), "Postgres {major}: {:?}", done.outcomes);
        assert_eq!(world.text(&format!("SELECT count(*) FROM {SCHEMA_SQL}.parts")).await, "1");
    }
}

/// Subscribers receive a delete in one partition and an insert in the other for each row that moves.
#[tokio::test]
async fn subscriber_loses_no_drained_row() {
    for major in oldest_and_newest() {
        let server = Server::start(major, &["-c", "wal_level=logical"]);
        let world = World::on(&server, major).await;
        world
            .owner(
                "
            CREATE TABLE r (id int PRIMARY KEY); INSERT INTO r VALUES (1);
            CREATE TABLE t (id int, at timestamptz NOT NULL, r int REFERENCES r DEFERRABLE INITIALLY DEFERRED,
                PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
            CREATE TABLE t_default PARTITION OF t DEFAULT;
            INSERT INTO t SELECT n, '2026-01-10Z', 1 FROM generate_series(1, 7) n;",
            )
            .await;
        for root in [false, true] {
            let root = format!("publish_via_partition_root = {root}");
            world
                .admin(&format!(
                    "CREATE PUBLICATION \"{root}\" FOR TABLE {SCHEMA_SQL}.t WITH ({root})"
                ))
                .await;
        }
        world.admin("SELECT pg_create_logical_replication_slot('slot', 'pgoutput')").await;
        let done = drain(&world, spec(), MONTHS[0].1).await;
        assert!(done.remaining.steps.is_empty(), "Postgres {major}: {:?}", done.outcomes);
        for root in [false, true] {
            let heard = format!(
                "SELECT string_agg(format('%s%s', kind, number), ' ' ORDER BY kind) FROM (
                    SELECT chr(get_byte(data, 0)) AS kind, count(*) AS number
                    FROM pg_logical_slot_peek_binary_changes('slot', NULL, NULL, 'proto_version', '1',
                        'publication_names', '\"publish_via_partition_root = {root}\"')
                    GROUP BY 1) AS messages WHERE kind IN ('I', 'D')"
            );
            assert_eq!(world.text(&heard).await, "D7 I7", "Postgres {major}, root {root}");
        }
    }
}
