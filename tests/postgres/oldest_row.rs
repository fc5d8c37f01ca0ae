//! The oldest row of a plain table is found in every type, and the search runs no code with more rights than the owner's.

use std::time::Duration;

use pg_partition_operator::converge::{Options, converge, observe_and_plan};
use pg_partition_operator::observed::OldestRow;
use pg_partition_operator::partition::{Edge, KeyType};
use pg_partition_operator::plan::PlanTime;
use pg_partition_operator::postgres::{DatabaseError, ErrorKind, InspectError, Session};
use serde_json::{Value, json};

use crate::database::{Silent, World, at, desired, in_schema};
use crate::program::resource;
use crate::support::postgres::majors;

const NOW: &str = "2026-01-15T12:00:00Z";

fn spec_by(column: &str) -> Value {
    json!({
        "table": "t", "conversion": {"method": "Copy"},
        "partitionBy": {"range": {"column": column, "interval": "Month", "timeZone": "Europe/Berlin"}},
    })
}

async fn oldest(session: &Session, column: &str) -> Result<OldestRow, InspectError> {
    let (observed, _) =
        observe_and_plan(session, &desired(spec_by(column)), &PlanTime::at(at(NOW))).await?;
    Ok(*observed.oldest_row.unwrap())
}

/// Columns, the rows of a table in them, and the value found in each.
const COLUMNS: [(&str, &str, KeyType, &str); 5] = [
    ("day", "date", KeyType::Date, "2024-02-29"),
    ("wall", "timestamp", KeyType::Timestamp, "0044-03-15 12:00:00.5 BC"),
    ("\"At\"", "timestamptz", KeyType::TimestampTz, "2024-12-31 22:30:00+00"),
    ("domain", "inner_domain", KeyType::TimestampTz, "2025-01-01 00:00:00+00"),
    ("id", "uuid", KeyType::UuidV7, "0190a6f0-0000-7000-8000-000000000001"),
];

#[tokio::test]
async fn oldest_row_is_found_in_every_type() {
    for major in majors() {
        let world = World::new(major).await;
        let columns: Vec<_> = COLUMNS.iter().map(|(name, of, ..)| format!("{name} {of}")).collect();
        world
            .owner(&format!(
                "CREATE DOMAIN outer_domain AS timestamptz; CREATE DOMAIN inner_domain AS outer_domain;
                 CREATE TABLE t ({}, PRIMARY KEY (id))",
                columns.join(", ")
            ))
            .await;
        let session = world.session().await;
        for (column, ..) in COLUMNS {
            let found = oldest(&session, column.trim_matches('"')).await.unwrap();
            assert_eq!(found, OldestRow::Absent, "Postgres {major}: {column}");
        }
        let row = |values: [&str; 4], id: &str| format!("('{}', '{id}')", values.join("', '"));
        let [far, near] = ["-infinity", "infinity"].map(|value| [value; 4]);
        let oldest_values = COLUMNS.map(|(.., value)| value);
        let [first, wall, instant, domain, id] = oldest_values;
        let rows = [
            row(far, "0190a6f0-0000-7000-8000-000000000002"),
            row(near, "0190a6f0-0000-7000-8000-000000000003"),
            row([first, wall, instant, domain], id),
            row(["2025-01-01"; 4], "ffffffff-0000-7000-8000-000000000003"),
        ];
        world.owner(&format!("INSERT INTO t VALUES {}", rows.join(", "))).await;
        for (column, _, key, value) in COLUMNS {
            let Some(Edge::At(value)) = key.parse(value) else { panic!("{value}") };
            let found = oldest(&session, column.trim_matches('"')).await.unwrap();
            assert_eq!(found, OldestRow::At(value), "Postgres {major}: {column}");
        }
        let left = world.text("SELECT count(*) FROM pg_proc WHERE proname ~ '^pgpartition'").await;
        assert_eq!(left, "0");
    }
}

/// A function that leaves the role of the owner, in the condition of an index: Postgres evaluates it to plan.
fn escape(world: &World) -> String {
    format!(
        "CREATE FUNCTION escape(int) RETURNS bool LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN
             IF session_user = '{}' THEN PERFORM set_config('role', 'none', false); END IF;
             RETURN true;
         END $$",
        world.operator
    )
}

const ESCAPE: &str = "CREATE INDEX escape ON t (id) WHERE escape(1)";

#[tokio::test]
async fn search_for_the_oldest_row_keeps_owner_code_in_its_role() {
    for major in majors() {
        let world = World::new(major).await;
        world
            .owner(&format!(
                "{}; CREATE TABLE t (id int PRIMARY KEY, at date NOT NULL); {ESCAPE}",
                escape(&world)
            ))
            .await;
        let found = oldest(&world.session().await, "at").await.unwrap();
        let OldestRow::Failed { error } = found else { panic!("Postgres {major}: {found:?}") };
        assert!(error.contains("42501"), "Postgres {major}: {error}");
    }
}

#[tokio::test]
async fn canceled_search_for_the_oldest_row_requires_start_at() {
    for major in majors() {
        let world = World::new(major).await;
        world
            .owner(&format!(
                "CREATE FUNCTION wait(int) RETURNS bool LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN
                     IF session_user = '{}' THEN PERFORM pg_sleep(600); END IF; RETURN true;
                 END $$;
                 CREATE TABLE t (id int PRIMARY KEY, at date NOT NULL); CREATE INDEX ON t (id) WHERE wait(1)",
                world.operator
            ))
            .await;
        let session = world.session().await;
        let cancel = async {
            let query = "SELECT count(pg_cancel_backend(pid)) FROM pg_stat_activity WHERE wait_event = 'PgSleep' \
                         AND datname = current_database()";
            loop {
                world.text(query).await;
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        // The limit of ten seconds may cancel it first.
        let found =
            tokio::select! { found = oldest(&session, "at") => found, never = cancel => never };
        assert_eq!(found.unwrap(), OldestRow::TooSlow, "Postgres {major}");
    }
}

#[tokio::test]
async fn exclusively_locked_table_is_inspected_later() {
    for major in majors() {
        let world = World::new(major).await;
        world.owner("CREATE TABLE t (id int PRIMARY KEY, at date NOT NULL)").await;
        let session = world.session().await;
        let other = world.database.client().await;
        let lock = format!("BEGIN; LOCK TABLE {} IN ACCESS EXCLUSIVE MODE", in_schema("t"));
        other.batch_execute(&lock).await.unwrap();
        let error = oldest(&session, "at").await.unwrap_err();
        let InspectError::Database(error) = &error else { panic!("Postgres {major}: {error}") };
        assert_eq!(DatabaseError::kind(error), ErrorKind::Busy, "Postgres {major}: {error}");
        let [planned, inspected] = [
            world.call(&["plan", "-f", "-"], &resource(spec_by("at"))),
            world.call(&["inspect", &in_schema("t")], ""),
        ];
        for outcome in [planned, inspected] {
            assert_eq!(outcome.status, 5, "Postgres {major}: {outcome:?}");
            assert!(outcome.err.contains("55P03"), "Postgres {major}: {outcome:?}");
        }
        other.batch_execute("COMMIT").await.unwrap();
        assert_eq!(oldest(&session, "at").await.unwrap(), OldestRow::Absent);
    }
}

#[tokio::test]
async fn no_row_is_copied_while_the_oldest_row_is_unknown() {
    for major in majors() {
        let world = World::new(major).await;
        world
            .owner(&format!(
                "{}; CREATE TABLE t (id int, at date NOT NULL, PRIMARY KEY (id, at));
                 INSERT INTO t VALUES (1, '2025-10-31'), (2, '2026-01-15')",
                escape(&world)
            ))
            .await;
        let session = world.session().await;
        let spec = desired(spec_by("at"));
        let options = Options::new(PlanTime::at(at(NOW)), Duration::from_secs(10));
        let no_work = Options { work_time: Duration::ZERO, ..options.clone() };
        let created = converge(&session, &spec, &no_work, &mut Silent).await.unwrap();
        assert!(!created.observed.copy.unwrap().was_synced(), "Postgres {major}");

        world.owner(ESCAPE).await;
        let held = converge(&session, &spec, &options, &mut Silent).await.unwrap();
        let blockers: Vec<_> = held.remaining.deferred.iter().map(|d| d.blocker.name()).collect();
        assert_eq!(blockers, ["OldestRowUnknown"], "Postgres {major}");
        world.owner("DROP INDEX escape").await;
        let copied = converge(&session, &spec, &options, &mut Silent).await.unwrap();
        assert!(copied.remaining.deferred.is_empty(), "Postgres {major}: {}", copied.remaining);
        let names = format!(
            "SELECT string_agg(c.relname, ' ' ORDER BY id) FROM {} t JOIN pg_class c ON c.oid = t.tableoid",
            in_schema("t_partitioned")
        );
        assert_eq!(world.text(&names).await, "t_2025_10 t_2026_01", "Postgres {major}");

        // The oldest row is not searched for any more.
        world.owner(ESCAPE).await;
        let (observed, plan) =
            observe_and_plan(&session, &spec, &PlanTime::at(at(NOW))).await.unwrap();
        assert_eq!(
            (observed.oldest_row, plan.deferred.len()),
            (None, 0),
            "Postgres {major}: {plan}"
        );
    }
}
