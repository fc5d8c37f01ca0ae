//! The conversion of a plain table by copy, from the spec to parity and back.

use std::time::Duration;

use pg_partition_operator::converge::{Convergence, Options, converge};
use pg_partition_operator::desired::DesiredTable;
use pg_partition_operator::plan::PlanTime;
use pg_partition_operator::postgres::Session;
use serde_json::{Value, json};

use crate::database::{SCHEMA_SQL, Silent, World, apply, at, desired, desired_with};
use crate::program::resource;
use crate::support::postgres::majors;

pub(crate) const NOW: &str = "2026-03-15T12:00:00Z";

pub(crate) fn by_month() -> Value {
    json!({
        "table": "orders", "ahead": 1,
        "partitionBy": {"range": {"column": "at", "interval": "Month", "timeZone": "UTC"}},
    })
}

pub(crate) fn by_hash() -> Value {
    json!({"table": "orders", "partitionBy": {"hash": {"columns": ["org"], "partitions": 4}}})
}

/// The spec with a time for each step that is enough on a machine that stands still.
pub(crate) fn patient(mut spec: Value) -> Value {
    spec.as_object_mut().unwrap().insert("limits".to_owned(), json!({"lockTimeout": "10s"}));
    spec
}

pub(crate) fn converted(mut spec: Value) -> DesiredTable {
    let conversion = json!({"method": "Copy", "acknowledge": ["UniqueKey:orders_pkey"]});
    spec.as_object_mut().unwrap().insert("conversion".to_owned(), conversion);
    desired(spec)
}

/// A table with rows in several months, the oldest in December.
pub(crate) async fn orders(world: &World) {
    world
        .owner(
            "CREATE TABLE orders (
                id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
                org int NOT NULL, at timestamptz NOT NULL, status text
             );
             INSERT INTO orders (org, at, status)
                SELECT n % 7, '2026-03-14 12:00Z'::timestamptz - n * interval '1 hour', 'new'
                FROM generate_series(1, 2300) AS n;
             CREATE INDEX orders_lower ON orders (lower(status)) WHERE org > 2;
             CREATE UNIQUE INDEX ON orders (id, org, at);
             ANALYZE orders",
        )
        .await;
}

/// Returns the number of rows of each table that the other one lacks.
pub(crate) async fn differing(world: &World) -> String {
    let rows = |table: &str| format!("SELECT * FROM {SCHEMA_SQL}.{table}");
    let (source, copy) = (rows("orders"), rows("orders_partitioned"));
    let missing = format!("SELECT count(*) FROM ({source} EXCEPT ALL {copy}) AS missing");
    let extra = format!("SELECT count(*) FROM ({copy} EXCEPT ALL {source}) AS extra");
    world.text(&format!("SELECT concat(({missing}), ' ', ({extra}))")).await
}

pub(crate) fn verbs(done: &Convergence) -> Vec<&'static str> {
    done.outcomes.iter().map(|outcome| outcome.step.verb()).collect()
}

pub(crate) async fn convert(session: &Session, spec: Value) -> Convergence {
    let done = apply(session, &converted(spec), NOW).await;
    let failed: Vec<_> = done.outcomes.iter().filter(|outcome| outcome.result.is_err()).collect();
    assert!(failed.is_empty(), "{failed:?}");
    if let Some(worked) = &done.work_outcome {
        assert!(worked.result.is_ok(), "{worked:?}");
    }
    done
}

#[tokio::test]
async fn table_reaches_parity_and_remains_equal() {
    for major in majors() {
        for spec in [by_month(), by_hash()] {
            let world = World::new(major).await;
            orders(&world).await;
            let session = world.session().await;
            let done = convert(&session, spec.clone()).await;
            assert!(done.remaining.steps.is_empty(), "Postgres {major}: {}", done.remaining);
            assert!(done.remaining.work.is_none(), "Postgres {major}: {}", done.remaining);
            let parity = done.observed.copy.as_ref().unwrap().parity().unwrap();
            assert_eq!((parity.rows_source, parity.difference_rows), (2300, 0), "Postgres {major}");
            assert_eq!(differing(&world).await, "0 0", "Postgres {major}");

            let written =
                "UPDATE orders SET org = org + 1, at = at + interval '40 days' WHERE id % 5 = 0;
                DELETE FROM orders WHERE id % 7 = 0;
                INSERT INTO orders (org, at) SELECT 3, now() FROM generate_series(1, 10)";
            world.owner(written).await;
            assert_eq!(differing(&world).await, "0 0", "Postgres {major}");
            let again = convert(&session, spec).await;
            assert!(verbs(&again).is_empty(), "Postgres {major}: {:?}", verbs(&again));
        }
    }
}

#[tokio::test]
async fn copy_gets_the_indexes_of_its_source_and_follows_its_columns() {
    for major in majors() {
        let world = World::new(major).await;
        orders(&world).await;
        let session = world.session().await;
        let done = convert(&session, by_month()).await;
        let built = verbs(&done).into_iter().filter(|verb| *verb == "create-parent-index").count();
        assert_eq!(built, 2, "Postgres {major}: {:?}", verbs(&done));
        let invalid = format!(
            "SELECT count(*) FROM pg_index WHERE NOT indisvalid
             OR indrelid = '{SCHEMA_SQL}.orders_partitioned'::regclass AND NOT indisready"
        );
        assert_eq!(world.text(&invalid).await, "0", "Postgres {major}");

        world
            .owner(
                "ALTER TABLE orders ADD COLUMN note text DEFAULT 'none';
                 ALTER TABLE orders RENAME COLUMN status TO state",
            )
            .await;
        let followed = convert(&session, by_month()).await;
        assert_eq!(verbs(&followed), ["follow"], "Postgres {major}");
        world.owner("UPDATE orders SET note = 'x', state = 'y' WHERE id % 3 = 0").await;
        assert_eq!(differing(&world).await, "0 0", "Postgres {major}");
        let parity = followed.observed.copy.as_ref().unwrap().parity().unwrap();
        assert!(parity.is_clean(), "Postgres {major}: {parity:?}");
    }
}

#[tokio::test]
async fn check_is_followed_when_it_is_validated() {
    for major in majors() {
        let world = World::new(major).await;
        orders(&world).await;
        let session = world.session().await;
        convert(&session, by_hash()).await;
        world.owner("ALTER TABLE orders ADD CONSTRAINT \"Org\" CHECK (org >= 0) NOT VALID").await;
        let waits = convert(&session, by_hash()).await.remaining.to_string();
        let remedy = "was changed (check Org), and the operator cannot change its copy in the same way: run ALTER TABLE \
                      \"Fin\"\"an;ce\".orders VALIDATE CONSTRAINT \"Org\"; or ";
        assert!(waits.contains(remedy), "Postgres {major}: {waits}");
        world.owner("ALTER TABLE orders VALIDATE CONSTRAINT \"Org\"").await;
        let done = convert(&session, by_hash()).await.remaining;
        assert!(done.is_done() && done.deferred.is_empty(), "Postgres {major}: {done}");
        world
            .owner("ALTER TABLE orders ADD CONSTRAINT whole CHECK (orders IS DISTINCT FROM NULL)")
            .await;
        let waits = convert(&session, by_hash()).await.remaining.to_string();
        let remedy = "table \"Fin\"\"an;ce\".orders was changed (check whole), and the operator cannot change its copy in \
                      the same way: undo the change; or ";
        assert!(waits.contains(remedy), "Postgres {major}: {waits}");
    }
}

#[tokio::test]
async fn column_that_is_not_null_is_followed_when_its_rows_are_repaired() {
    for major in majors() {
        let world = World::new(major).await;
        orders(&world).await;
        let session = world.session().await;
        convert(&session, by_hash()).await;
        world
            .owner("ALTER TABLE orders ADD number serial, ADD CHECK (number > 0), ALTER status SET NOT NULL")
            .await;
        let mut seen = Vec::new();
        for _ in 0..4 {
            seen.extend(verbs(&convert(&session, by_hash()).await));
        }
        assert_eq!(seen, ["follow", "validate-copy", "follow"], "Postgres {major}");
        let columns = format!(
            "SELECT string_agg(attname, ' ' ORDER BY attnum) FROM pg_attribute
             WHERE attrelid = '{SCHEMA_SQL}.orders_partitioned'::regclass AND attnotnull AND attnum > 0"
        );
        assert_eq!(world.text(&columns).await, "id org at status number", "Postgres {major}");
        assert_eq!(differing(&world).await, "0 0", "Postgres {major}");
    }
}

#[tokio::test]
async fn copy_that_a_user_dropped_is_created_again() {
    for major in majors() {
        let world = World::new(major).await;
        orders(&world).await;
        let session = world.session().await;
        convert(&session, by_hash()).await;
        world.owner("DROP TABLE orders_partitioned").await;
        let again = convert(&session, by_hash()).await;
        assert_eq!(verbs(&again)[0], "create-copy", "Postgres {major}");
        world.owner("UPDATE orders SET status = 'changed' WHERE id < 10").await;
        assert_eq!(differing(&world).await, "0 0", "Postgres {major}");
    }
}

#[tokio::test]
async fn end_of_a_conversion_keeps_the_table_and_drops_the_copy_when_approved() {
    for major in majors() {
        let world = World::new(major).await;
        orders(&world).await;
        let session = world.session().await;
        convert(&session, by_hash()).await;
        let ended = apply(&session, &desired(by_hash()), NOW).await;
        assert_eq!(verbs(&ended), ["end-sync"], "Postgres {major}");
        let waits: Vec<_> =
            ended.remaining.deferred.iter().map(|held| held.blocker.name()).collect();
        assert_eq!(waits, ["DropCopyNeedsApproval"], "Postgres {major}");
        let records = world.text("SELECT count(*) FROM pgpartition.conversions").await;
        assert_eq!(records, "0", "Postgres {major}");
        world.owner("UPDATE orders SET status = 'changed' WHERE id < 10").await;

        let approval = json!({"pgpartition.dev/approve": ended.remaining.fingerprint});
        let dropped = apply(&session, &desired_with(by_hash(), &approval), NOW).await;
        assert_eq!(verbs(&dropped), ["drop-copy"], "Postgres {major}");
        let left = "SELECT string_agg(relname, ' ' ORDER BY relname) FROM pg_class WHERE relnamespace = '{schema}'::regnamespace AND relkind <> 'i'";
        let left = world.text(&left.replace("{schema}", SCHEMA_SQL)).await;
        assert_eq!(left, "orders orders_id_seq", "Postgres {major}");
    }
}

#[tokio::test]
async fn program_reports_its_work_and_result() {
    for major in majors() {
        let world = World::new(major).await;
        orders(&world).await;
        let mut spec = by_hash();
        let conversion = json!({"method": "Copy", "acknowledge": ["UniqueKey:orders_pkey"]});
        spec.as_object_mut().unwrap().insert("conversion".to_owned(), conversion);
        let file = resource(spec);
        let applied = world.call(&["apply", "-f", "-"], &file);
        assert_eq!(applied.status, 0, "Postgres {major}: {applied:?}");
        let compared = ", 2300 rows compared, none differed\n";
        assert!(applied.out.ends_with(compared), "Postgres {major}: {applied:?}");
        for line in ["  copy    orders: ", "  done    copy orders: 2300 rows\n"] {
            assert!(applied.err.contains(line), "Postgres {major}: {line}: {applied:?}");
        }
        let verified = world.call(&["verify", "-f", "-"], &file);
        assert_eq!(verified.status, 0, "Postgres {major}: {verified:?}");

        // As if no comparison had ended yet.
        world.admin("UPDATE pgpartition.conversions SET parity = NULL").await;
        let planned = world.call(&["plan", "-f", "-", "-o", "json"], &file);
        assert_eq!(planned.status, 2, "Postgres {major}: {planned:?}");
        let work = &planned.json()["plans"][0]["work"];
        let modes = json!([
            {"relation": format!("{SCHEMA_SQL}.orders"), "mode": "ROW SHARE"},
            {"relation": format!("{SCHEMA_SQL}.orders_partitioned"), "mode": "ROW EXCLUSIVE"},
        ]);
        assert_eq!((&work["verb"], &work["locks"]), (&json!("compare"), &modes), "{work}");
        assert_eq!((&work["rows"], &work["estimated"]), (&json!(0), &json!(2300)), "{work}");
        let text = world.call(&["plan", "-f", "-"], &file).out;
        assert!(text.contains(": 0 steps, 1 long-running comparison, "), "{text}");
        let script = world.call(&["plan", "-f", "-", "-o", "sql"], &file).out;
        assert!(script.lines().all(|line| line.is_empty() || line.starts_with("--")), "{script}");
        assert!(script.contains("-- This script does not do that: "), "{script}");
        let verified = world.call(&["verify", "-f", "-"], &file);
        assert_eq!(verified.status, 2, "Postgres {major}: {verified:?}");
        assert!(verified.out.contains("pending: compare  orders"), "{verified:?}");

        world.owner("ALTER TABLE orders DISABLE TRIGGER sync_to_partitioned_orders").await;
        let verified = world.call(&["verify", "-f", "-"], &file);
        assert_eq!(verified.status, 2, "Postgres {major}: {verified:?}");
        assert!(verified.out.contains("pending: install-sync"), "{verified:?}");
    }
}

#[tokio::test]
async fn another_key_of_the_source_does_not_become_that_of_the_copy() {
    for major in majors() {
        let world = World::new(major).await;
        world
            .owner(
                "CREATE TABLE orders (id bigint NOT NULL UNIQUE, code text NOT NULL, org int NOT NULL);
                 INSERT INTO orders SELECT n, 'c' || n, n % 5 FROM generate_series(1, 50) AS n",
            )
            .await;
        let session = world.session().await;
        let acknowledge = ["UniqueKey:orders_id_key", "UniqueKey:orders_pkey"];
        let conversion = json!({"method": "Copy", "acknowledge": acknowledge});
        let mut spec = by_hash();
        spec.as_object_mut().unwrap().insert("conversion".to_owned(), conversion);
        apply(&session, &desired(spec.clone()), NOW).await;
        world.owner("ALTER TABLE orders ADD PRIMARY KEY (code)").await;
        let again = apply(&session, &desired(spec), NOW).await;
        assert!(!verbs(&again).contains(&"install-sync"), "Postgres {major}: {:?}", verbs(&again));
        world
            .owner("UPDATE orders SET org = org + 1; INSERT INTO orders VALUES (0, 'new', 1)")
            .await;
        assert_eq!(differing(&world).await, "0 0", "Postgres {major}");
    }
}

#[tokio::test]
async fn row_security_that_hides_rows_from_the_owner_is_reported() {
    for major in majors() {
        let world = World::new(major).await;
        orders(&world).await;
        let session = world.session().await;
        convert(&session, by_hash()).await;
        let force = "ALTER TABLE orders ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY";
        world.owner(force).await;
        let found = apply(&session, &converted(by_hash()), NOW).await;
        let held: Vec<_> =
            found.remaining.deferred.iter().map(|held| held.blocker.name()).collect();
        assert_eq!(held, ["ForcedRowSecurity"], "Postgres {major}");
    }
}

#[tokio::test]
async fn page_that_exceeds_the_lock_timeout_is_continued_by_the_next_run() {
    for major in majors() {
        let world = World::new(major).await;
        orders(&world).await;
        let session = world.session().await;
        let other = world.database.client().await;
        let lock = format!("BEGIN; SELECT FROM {SCHEMA_SQL}.orders WHERE id = 2000 FOR UPDATE");
        other.batch_execute(&lock).await.unwrap();
        let options = Options::new(PlanTime::at(at(NOW)), Duration::from_millis(300));
        let desired = converted(by_hash());
        let ended = converge(&session, &desired, &options, &mut Silent).await.unwrap();
        let failure = ended.work_outcome.unwrap().result.unwrap_err();
        // On a machine that stands still, the time of the statement can be over first.
        let text = failure.to_string();
        let is_wait = ["55P03", "57014"].iter().any(|code| text.contains(code));
        assert!(is_wait, "Postgres {major}: {text}");
        other.batch_execute("COMMIT").await.unwrap();
        let done = convert(&session, by_hash()).await;
        assert!(done.remaining.is_done(), "Postgres {major}: {}", done.remaining);
        assert_eq!(differing(&world).await, "0 0", "Postgres {major}");
    }
}

#[tokio::test]
async fn copy_is_not_managed_by_a_resource_of_its_own() {
    for major in majors() {
        let world = World::new(major).await;
        orders(&world).await;
        let session = world.session().await;
        convert(&session, by_hash()).await;
        let spec = json!({
            "table": "orders_partitioned",
            "partitionBy": {"hash": {"columns": ["org"], "partitions": 4}},
        });
        let found = apply(&session, &desired(spec), NOW).await;
        let held: Vec<_> =
            found.remaining.deferred.iter().map(|held| held.blocker.name()).collect();
        assert_eq!(held, ["CopyOfOther"], "Postgres {major}");
    }
}
