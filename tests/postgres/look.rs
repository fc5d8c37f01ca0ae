//! Inspections of a set of tables find what an inspection of each table finds.

use std::time::Duration;

use jiff::Timestamp;
use pg_partition_operator::converge::{
    Look, LookDigest, converge, digests, look_at_all, observe_and_plan,
};
use pg_partition_operator::desired::DesiredTable;
use pg_partition_operator::observed::{ObservedTable, Question, Snapshot};
use pg_partition_operator::plan::{Plan, PlanTime, questions};
use pg_partition_operator::postgres::{Inspected, Session, inspect_with_digest};
use serde_json::{Value, json};

use crate::database::{Silent, World, at, desired, in_schema, session};
use crate::scenarios::{Phase, scenarios};
use crate::support::postgres::{Server, majors, oldest_and_newest};
use crate::support::wait_until;

const NOW: &str = "2026-01-15T12:00:00Z";

/// A table of two partitions with nothing to do at [`NOW`].
fn monthly(table: &str) -> DesiredTable {
    desired(json!({
        "table": table, "ahead": 1, "retention": {"keep": 1000},
        "partitionBy": {"range": {"column": "at", "interval": "Month", "timeZone": "UTC"}},
    }))
}

fn create_monthly(table: &str) -> String {
    let name = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
    let (january, february) = (format!("{table}_2026_01"), format!("{table}_2026_02"));
    format!(
        "CREATE TABLE {0} (id bigint, at timestamptz NOT NULL) PARTITION BY RANGE (at);
         CREATE TABLE {1} PARTITION OF {0} FOR VALUES FROM ('2026-01-01Z') TO ('2026-02-01Z');
         CREATE TABLE {2} PARTITION OF {0} FOR VALUES FROM ('2026-02-01Z') TO ('2026-03-01Z');",
        name(table),
        name(&january),
        name(&february),
    )
}

/// Returns the results of a set, in its order.
async fn look(session: &Session, tables: &[(DesiredTable, PlanTime)]) -> Vec<Look> {
    let mut looks = Vec::new();
    let mut record = |at: usize, look: Look| {
        assert_eq!(at, looks.len(), "each table has one result");
        looks.push(look);
    };
    look_at_all(session, tables, &mut record).await.unwrap();
    assert_eq!(looks.len(), tables.len());
    looks
}

/// Returns the results for tables of [`monthly`] with nothing to do: the digest, or `None` if the table needs an inspection by
/// itself.
async fn look_at_monthly(session: &Session, tables: &[&str]) -> Vec<Option<LookDigest>> {
    let time = PlanTime::at(at(NOW));
    let tables: Vec<_> = tables.iter().map(|table| (monthly(table), time)).collect();
    let looks = look(session, &tables).await;
    let digest = |look: Look| match look {
        Look::Planned(planned) => {
            let plan = &planned.plan;
            assert!(plan.steps.is_empty() && plan.deferred.is_empty(), "{plan}");
            Some(planned.digest)
        }
        Look::NeedsItsOwn => None,
    };
    looks.into_iter().map(digest).collect()
}

async fn digests_of_monthly(session: &Session, tables: &[&str]) -> Vec<Option<LookDigest>> {
    let tables: Vec<_> = tables.iter().map(|table| monthly(table).name).collect();
    digests(session, &tables.iter().collect::<Vec<_>>()).await.unwrap()
}

#[tokio::test]
async fn set_look_equals_single_look_in_every_scenario() {
    for major in oldest_and_newest() {
        for scenario in scenarios() {
            let world = World::new(major).await;
            scenario.set_up(&world).await;
            let session = world.session().await;
            world.owner(&create_monthly("Other \"table\"")).await;
            let mut seen = Vec::new();
            for phase in &scenario.phases {
                phase.prepare(&world).await;
                let what = format!("Postgres {major}, {}", scenario.name);
                take_steps(&what, &session, phase, &mut seen).await;
            }
            assert!(seen.len() > 1, "{}", scenario.name);
        }
    }
}

/// Executes one step after the other, and compares the inspections before each and after the last one.
async fn take_steps(
    what: &str,
    session: &Session,
    phase: &Phase,
    seen: &mut Vec<(Value, LookDigest)>,
) {
    for steps in 0..phase.steps {
        let what = format!("{what}, after {steps} steps");
        assert_same(&what, session, &phase.approved(session).await, &phase.time()).await;
        compare_digests(&what, session, &phase.desired(), seen).await;
        let Some(next) = phase.next(session).await else { return };
        phase.execute(session, next, &mut Silent).await;
    }
}

/// Compares an inspection of the table in a set with one of the table by itself.
async fn assert_same(what: &str, session: &Session, desired: &DesiredTable, time: &PlanTime) {
    let other = (monthly("Other \"table\""), PlanTime::at(at(NOW)));
    let set = [other.clone(), (desired.clone(), *time), (monthly("missing"), *time), other];
    let looks = look(session, &set).await;
    let read = digests(session, &set.each_ref().map(|(desired, _)| &desired.name)).await.unwrap();
    let [Look::Planned(first), look, Look::NeedsItsOwn, Look::Planned(last)] = looks.as_slice()
    else {
        panic!("{what}: {looks:?}");
    };
    assert_eq!(first.digest, last.digest, "{what}");
    assert_eq!([read[0], read[2], read[3]], [Some(first.digest), None, Some(last.digest)]);
    match look {
        Look::Planned(planned) => {
            let (observed, plan) = observe_and_plan(session, desired, time).await.unwrap();
            assert_eq!(planned.plan, plan, "{what}");
            assert_eq!(without_clock(planned.observed.clone()), without_clock(observed), "{what}");
            assert_eq!(read[1], Some(planned.digest), "{what}");
        }
        Look::NeedsItsOwn => {
            let name = &desired.name;
            let inspected = inspect_with_digest(session, name, &name.name().name).await.unwrap();
            let snapshot = inspected.snapshot;
            let is_in_conversion = snapshot.oid_in_conversion(name).is_some();
            let observed: ObservedTable = snapshot.try_into().unwrap();
            let is_open = |question: &Question| *question != Question::ClockSkew;
            let has_open = questions(desired, &observed, time).iter().any(is_open);
            assert!(is_in_conversion || has_open, "{what}: nothing prevents a plan");
        }
    }
}

fn without_clock(mut observed: ObservedTable) -> ObservedTable {
    observed.server.clock = Timestamp::UNIX_EPOCH;
    observed.server.clock_offset = observed.server.clock_offset.map(|_| jiff::SignedDuration::ZERO);
    observed
}

/// Compares the snapshot and the digest with all earlier ones: the digests are equal if the snapshots are.
async fn compare_digests(
    what: &str,
    session: &Session,
    desired: &DesiredTable,
    seen: &mut Vec<(Value, LookDigest)>,
) {
    let name = &desired.name;
    let inspected = inspect_with_digest(session, name, &name.name().name).await.unwrap();
    let Inspected { snapshot, digest } = inspected;
    let snapshot = json_without_clock(&snapshot);
    for (earlier, of_earlier) in seen.iter() {
        assert_eq!(*earlier == snapshot, *of_earlier == digest, "{what}: {snapshot:#}");
    }
    seen.push((snapshot, digest));
}

fn json_without_clock(snapshot: &Snapshot) -> Value {
    let mut snapshot = serde_json::to_value(snapshot).unwrap();
    let server = snapshot["server"].as_object_mut().unwrap();
    assert!(server.remove("clock").is_some());
    snapshot
}

/// Names that are statements, patterns, separators, and parameters.
const HOSTILE: [&str; 6] =
    ["a'; DROP TABLE b; --", "{a,b}", "\"", "\\", "$1", "asked.schema, ΐ\u{1f600}%_\n"];

#[tokio::test]
async fn tables_of_a_set_do_not_affect_each_other() {
    for major in majors() {
        let world = World::new(major).await;
        for name in HOSTILE {
            world.owner(&create_monthly(name)).await;
        }
        for name in ["defaulted", "filled", "huge", "endless"] {
            world.owner(&create_monthly(name)).await;
        }
        world.owner("CREATE TABLE defaulted_default PARTITION OF defaulted DEFAULT").await;
        world.owner("CREATE TABLE filled_default PARTITION OF filled DEFAULT").await;
        world.owner("INSERT INTO filled VALUES (1, '1999-01-01Z')").await;
        world.owner("CREATE INDEX ON huge (id)").await;
        // Definitions of 95,000 characters, twice for each index, are more than a set reads of a table.
        for number in 0..24 {
            let condition = format!("id <> {number} AND id::text <> '{}'", "x".repeat(95_000));
            world.owner(&format!("CREATE INDEX ON huge_2026_01 (id) WHERE {condition}")).await;
        }
        let condition = format!("id::text <> '{}'", "x".repeat(150_000));
        world.owner(&format!("CREATE INDEX ON endless (id) WHERE {condition}")).await;

        let mut tables = vec!["missing", "defaulted", "filled", "huge", "endless"];
        tables.extend(HOSTILE);
        let session = world.session().await;
        let before = session.round_trips();
        let looks = look_at_monthly(&session, &tables).await;
        let planned: Vec<_> =
            tables.iter().zip(&looks).filter(|(_, d)| d.is_some()).map(|(t, _)| *t).collect();
        let expected: Vec<_> = ["defaulted"].into_iter().chain(HOSTILE).collect();
        assert_eq!(planned, expected, "Postgres {major}");
        // The first use of a statement prepares it.
        assert_eq!(session.round_trips() - before, 2, "Postgres {major}");

        let read = digests_of_monthly(&session, &tables).await;
        for ((table, look), digest) in tables.iter().zip(&looks).zip(&read) {
            assert_eq!(digest.is_some(), *table != "missing", "Postgres {major}: {table}");
            assert!(look.is_none() || look == digest, "Postgres {major}: {table}");
        }
        let mut distinct: Vec<_> = read.iter().flatten().map(|d| format!("{d:?}")).collect();
        distinct.sort();
        distinct.dedup();
        assert_eq!(distinct.len(), tables.len() - 1, "Postgres {major}");

        let before = session.round_trips();
        assert_eq!(look_at_monthly(&session, &tables).await, looks, "Postgres {major}");
        assert_eq!(digests_of_monthly(&session, &tables).await, read, "Postgres {major}");
        assert_eq!(session.round_trips() - before, 2, "Postgres {major}");
    }
}

#[tokio::test]
async fn locked_or_dropped_table_does_not_affect_other_tables_of_a_set() {
    for major in majors() {
        let world = World::new(major).await;
        let tables = ["first", "locked", "between", "last"];
        for name in tables {
            world.owner(&create_monthly(name)).await;
        }
        world.owner("CREATE TABLE locked_default PARTITION OF locked DEFAULT").await;
        let session = world.session().await;
        let all = look_at_monthly(&session, &tables).await;
        assert!(all.iter().all(Option::is_some), "Postgres {major}: {all:?}");

        // The size of a default partition needs a lock. The set does not wait for it longer than an inspection of the table.
        world.admin(&format!("BEGIN; DROP TABLE {}", in_schema("locked"))).await;
        let mut without_locked = all.clone();
        without_locked[1] = None;
        assert_eq!(look_at_monthly(&session, &tables).await, without_locked, "Postgres {major}");
        assert_eq!(digests_of_monthly(&session, &tables).await, without_locked, "Postgres {major}");

        let other = world.database.client().await;
        let waits = "SELECT count(*) FROM pg_locks WHERE NOT granted";
        let commit = async {
            wait_until("the look waits", Duration::from_secs(1), async || {
                other.query_one(waits, &[]).await.unwrap().get::<_, i64>(0) > 0
            })
            .await;
            world.admin("COMMIT").await;
        };
        let (looks, ()) = tokio::join!(look_at_monthly(&session, &tables), commit);
        assert_eq!(looks, without_locked, "Postgres {major}");
        assert_eq!(digests_of_monthly(&session, &tables).await, without_locked, "Postgres {major}");
    }
}

#[tokio::test]
async fn set_ends_if_the_statement_fails_for_many_tables() {
    let world = World::on(Server::of_default_major(), Server::DEFAULT_MAJOR).await;
    let tables = ["a", "b", "c", "d", "e"];
    for name in tables {
        world.owner(&create_monthly(name)).await;
        world.owner(&format!("CREATE TABLE {name}_default PARTITION OF {name} DEFAULT")).await;
    }
    let (time, session) = (PlanTime::at(at(NOW)), world.session().await);
    let set: Vec<_> = tables.iter().map(|table| (monthly(table), time)).collect();
    world.admin(&format!("BEGIN; DROP SCHEMA {} CASCADE", crate::database::SCHEMA_SQL)).await;
    let mut found = Vec::new();
    let mut record = |at: usize, look: Look| found.push((at, matches!(look, Look::NeedsItsOwn)));
    let error = look_at_all(&session, &set, &mut record).await.unwrap_err();
    assert!(error.to_string().contains("lock timeout"), "{error}");
    assert_eq!(found, [(0, true), (1, true), (2, true)]);
    world.admin("ROLLBACK").await;
    let looks = look_at_monthly(&session, &tables).await;
    assert!(looks.iter().all(Option::is_some), "{looks:?}");
}

#[tokio::test]
async fn run_with_nothing_to_do_has_the_digest_of_its_inspection() {
    let world = World::on(Server::of_default_major(), Server::DEFAULT_MAJOR).await;
    world.owner(&create_monthly("t")).await;
    let session = world.session().await;
    let run = async || {
        let (desired, time) = (monthly("t"), PlanTime::at(at(NOW)));
        let options = pg_partition_operator::converge::Options::new(time, Duration::from_secs(10));
        converge(&session, &desired, &options, &mut Silent).await.unwrap()
    };
    let done = run().await;
    assert!(is_quiet(&done.plan));
    assert_eq!(digests_of_monthly(&session, &["t"]).await, [done.digest]);
    assert!(done.digest.is_some());

    // A count of the rows is not among the rows of the catalog query.
    world.owner("CREATE TABLE t_default PARTITION OF t DEFAULT").await;
    world.owner("INSERT INTO t VALUES (1, '1999-01-01Z')").await;
    let done = run().await;
    assert!(is_quiet(&done.plan));
    assert_eq!(done.digest, None);

    world.owner("DROP TABLE t_default; DROP TABLE t_2026_02").await;
    let done = run().await;
    assert!(!done.plan.steps.is_empty() && is_quiet(&done.remaining));
    assert_eq!(done.digest, None);
}

fn is_quiet(plan: &Plan) -> bool {
    plan.steps.is_empty() && plan.deferred.is_empty()
}

/// Changes that a plan can depend on, and each changes the digest. `@operator` is the login role of the operator.
const CHANGES: [&str; 40] = [
    "CREATE TABLE t_2026_03 PARTITION OF t FOR VALUES FROM ('2026-03-01Z') TO ('2026-04-01Z')",
    "ALTER TABLE t DETACH PARTITION t_2026_03",
    "COMMENT ON TABLE t_2026_03 IS 'pgpartition.dev table for t'",
    "DROP TABLE t_2026_03",
    "COMMENT ON TABLE t_2026_01 IS 'by hand'",
    "COMMENT ON TABLE t_2026_01 IS NULL",
    "COMMENT ON TABLE t IS 'pgpartition.dev adopted 0123456789abcdef'",
    "ALTER TABLE t_2026_01 SET (fillfactor = 50)",
    "ALTER TABLE t_2026_01 RENAME TO january",
    "CREATE TABLE t_2026_01 ()",
    "DROP TABLE t_2026_01",
    "CREATE TYPE t_type AS ENUM ('a')",
    "CREATE SEQUENCE t_sequence",
    "ALTER TABLE t ADD COLUMN note text",
    "ALTER TABLE t RENAME COLUMN note TO remark",
    "ALTER TABLE t ADD COLUMN doubled bigint GENERATED ALWAYS AS (id * 2) STORED",
    "ALTER TABLE t ALTER COLUMN id SET STATISTICS 321",
    "ALTER TABLE t ENABLE ROW LEVEL SECURITY",
    "ALTER TABLE t FORCE ROW LEVEL SECURITY",
    "ALTER TABLE t REPLICA IDENTITY FULL",
    "CREATE INDEX parent ON ONLY t (id)",
    "CREATE INDEX own ON january (id)",
    "ALTER INDEX parent ATTACH PARTITION own",
    "CREATE INDEX on_january ON january (remark) WHERE id > 0",
    "COMMENT ON INDEX on_january IS 'pgpartition.dev index 0 on_january'",
    "ALTER INDEX on_january RENAME TO january_remark",
    "CREATE UNIQUE INDEX identity ON t (id, at)",
    "ALTER TABLE t ADD PRIMARY KEY (id, at)",
    "CREATE TABLE referencing (id bigint, at timestamptz, FOREIGN KEY (id, at) REFERENCES t)",
    "ALTER TABLE t ADD FOREIGN KEY (id, at) REFERENCES t",
    "CREATE TABLE t_default PARTITION OF t DEFAULT",
    "INSERT INTO t VALUES (1, '1999-01-01Z')",
    "ALTER TABLE t_default ADD CONSTRAINT pgpartition_not_x CHECK (at < '2100-01-01Z') NOT VALID",
    "ALTER TABLE t_default VALIDATE CONSTRAINT pgpartition_not_x",
    "CREATE TRIGGER noted BEFORE INSERT ON t_default FOR EACH ROW EXECUTE FUNCTION noted()",
    "ALTER TABLE t_default DISABLE TRIGGER noted",
    "CREATE PUBLICATION published FOR TABLE t",
    "ALTER TABLE january OWNER TO @operator",
    "REVOKE @owner FROM @operator",
    "ALTER ROLE @operator SUPERUSER",
];

/// Changes that no plan depends on.
const NO_CHANGES: [&str; 8] = [
    "SELECT pg_current_xact_id()",
    "CREATE TABLE other_2026_01 (id bigint); CREATE INDEX ON other_2026_01 (id)",
    "CREATE TABLE elsewhere (at timestamptz) PARTITION BY RANGE (at); CREATE TABLE elsewhere_default PARTITION OF elsewhere DEFAULT",
    "UPDATE t SET id = 0 WHERE false",
    "COMMENT ON TABLE other_2026_01 IS 'pgpartition.dev table for other'",
    "CREATE ROLE @operator_2; DROP ROLE @operator_2",
    "VACUUM FULL pg_catalog.pg_class",
    "VACUUM FULL pg_catalog.pg_index",
];

#[tokio::test]
async fn digest_changes_with_each_change_that_a_plan_can_depend_on_and_only_then() {
    for major in majors() {
        let world = World::new(major).await;
        let function =
            "CREATE FUNCTION noted() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'";
        world.owner(function).await;
        world.owner(&create_monthly("t")).await;
        let (one, other) = (world.session().await, session(&world.url()).await);
        let mut before = digests_of_monthly(&one, &["t"]).await;
        for (number, change) in CHANGES.into_iter().enumerate() {
            apply_change(&world, change).await;
            let read = digests_of_monthly(&one, &["t"]).await;
            assert!(read[0].is_some() && read != before, "Postgres {major}: {change}");
            let no_change = NO_CHANGES.get(number).unwrap_or(&"nothing");
            if NO_CHANGES.contains(no_change) {
                apply_change(&world, no_change).await;
            }
            for session in [&one, &other] {
                let again = digests_of_monthly(session, &["t"]).await;
                assert_eq!(again, read, "Postgres {major}: {change}, {no_change}");
            }
            before = read;
        }
    }
}

/// Executes a change as an administrator, in the schema of the table.
async fn apply_change(world: &World, change: &str) {
    let change = change.replace("@operator", &world.operator).replace("@owner", &world.owner);
    world.admin(&format!("SET search_path = {}", crate::database::SCHEMA_SQL)).await;
    world.admin(&change).await;
    world.admin("RESET search_path").await;
}
