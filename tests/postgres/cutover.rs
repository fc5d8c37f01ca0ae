//! The two tables of a conversion change places as the spec says, from the copy to the drop of the plain table.

use std::time::Duration;

use pg_partition_operator::converge::{Convergence, Options, converge, observe_and_plan};
use pg_partition_operator::desired::DesiredTable;
use pg_partition_operator::observed::SyncState;
use pg_partition_operator::partition::Side;
use pg_partition_operator::plan::{PlanTime, Step};
use pg_partition_operator::postgres::{Session, StepFailure};
use serde_json::{Value, json};

use crate::conversion::{NOW, by_hash, by_month, orders, verbs};
use crate::database::{SCHEMA_SQL, Silent, World, apply, at, desired};
use crate::program::resource;
use crate::support::postgres::majors;

/// The spec with the rest of its conversion.
pub(crate) fn serving(mut spec: Value, side: &str, other: &Value) -> DesiredTable {
    let mut conversion =
        json!({"method": "Copy", "serveFrom": side, "acknowledge": ["UniqueKey:orders_pkey"]});
    let fields = conversion.as_object_mut().unwrap();
    fields.extend(other.as_object().unwrap().clone());
    spec["conversion"] = conversion;
    // On a busy machine a swap takes longer than the default.
    spec["limits"] = json!({"lockTimeout": "20s"});
    desired(spec)
}

pub(crate) async fn serve(session: &Session, spec: &Value, side: &str) -> Convergence {
    let done = apply(session, &serving(spec.clone(), side, &json!({})), NOW).await;
    let failed: Vec<_> = done.outcomes.iter().filter(|outcome| outcome.result.is_err()).collect();
    assert!(failed.is_empty(), "{failed:?}");
    assert!(done.remaining.is_done(), "{}", done.remaining);
    assert!(done.remaining.deferred.is_empty(), "{}", done.remaining);
    done
}

pub(crate) fn serving_side(done: &Convergence) -> Option<Side> {
    done.observed.copy.as_ref().map(|facts| facts.serving)
}

/// Returns the number of rows of each table that the other one lacks.
async fn differing(world: &World, [one, other]: [&str; 2]) -> String {
    let rows = |table: &str| format!("SELECT id, org, at, status FROM {SCHEMA_SQL}.{table}");
    let lacks = |one: &str, other: &str| {
        format!("(SELECT count(*) FROM ({} EXCEPT ALL {}) AS lacking)", rows(one), rows(other))
    };
    world.text(&format!("SELECT concat({}, ' ', {})", lacks(one, other), lacks(other, one))).await
}

/// Writes as an application does between two turns, through the name that it knows.
async fn write(world: &World, turn: usize) {
    let sql = format!(
        "UPDATE orders SET org = org + 1, at = at + interval '40 days' WHERE id % 5 = {turn};
         DELETE FROM orders WHERE id % 11 = {turn};
         INSERT INTO orders (org, at) SELECT n, now() FROM generate_series(1, 10) AS n"
    );
    world.owner(&sql).await;
}

const COPY: [&str; 2] = ["orders", "orders_partitioned"];
const SOURCE: [&str; 2] = ["orders_source", "orders"];

async fn there_and_back(major: u16, spec: Value) {
    let world = World::new(major).await;
    orders(&world).await;
    let session = world.session().await;
    let copied = serve(&session, &spec, "Source").await;
    assert_eq!(serving_side(&copied), Some(Side::Source));
    for (turn, side) in
        ["Partitioned", "Source", "Partitioned", "Source", "Partitioned"].into_iter().enumerate()
    {
        let done = serve(&session, &spec, side).await;
        assert_eq!(verbs(&done), ["swap"], "Postgres {major}, turn {turn}");
        let tables = if side == "Source" { COPY } else { SOURCE };
        assert_eq!(differing(&world, tables).await, "0 0", "Postgres {major}, turn {turn}");
        write(&world, turn).await;
        assert_eq!(differing(&world, tables).await, "0 0", "Postgres {major}, turn {turn}");
        let again = serve(&session, &spec, side).await;
        assert!(verbs(&again).is_empty(), "Postgres {major}: {:?}", verbs(&again));
    }
    let taken = "SELECT count(*) - count(DISTINCT id) FROM orders";
    let taken = taken.replace("orders", &format!("{SCHEMA_SQL}.orders"));
    assert_eq!(world.text(&taken).await, "0", "Postgres {major}: a number was given twice");
    retire(&world, &session, &spec).await;
}

/// Drops the source, and removes the conversion: an ordinary table is left.
async fn retire(world: &World, session: &Session, spec: &Value) {
    let major = world.major;
    let rows = format!("SELECT count(*) FROM {SCHEMA_SQL}.orders");
    let before = world.text(&rows).await;
    let source = json!({"source": {"afterCutover": "Drop", "dropAfter": "0s"}});
    let dropped = apply(session, &serving(spec.clone(), "Partitioned", &source), NOW).await;
    assert_eq!(verbs(&dropped)[0], "drop-source", "Postgres {major}");
    assert!(dropped.remaining.is_done(), "Postgres {major}: {}", dropped.remaining);
    assert_eq!(world.text(&rows).await, before, "Postgres {major}");
    let ended = apply(session, &desired(spec.clone()), NOW).await;
    assert!(ended.plan.steps.is_empty(), "Postgres {major}: {}", ended.plan);
    assert!(ended.plan.deferred.is_empty(), "Postgres {major}: {}", ended.plan);
    let left = "SELECT string_agg(relname, ' ' ORDER BY relname) FROM pg_class
                WHERE relnamespace = '@schema'::regnamespace AND relkind IN ('r', 'p', 'S')
                  AND NOT relispartition";
    let left = world.text(&left.replace("@schema", SCHEMA_SQL)).await;
    assert_eq!(left, "orders orders_id_seq", "Postgres {major}");
    let functions = "SELECT count(*) FROM pg_proc WHERE pronamespace = '@schema'::regnamespace";
    assert_eq!(world.text(&functions.replace("@schema", SCHEMA_SQL)).await, "0");
}

#[tokio::test]
async fn tables_are_swapped_whenever_the_spec_changes() {
    for major in majors() {
        for spec in [by_month(), by_hash()] {
            there_and_back(major, spec).await;
        }
    }
}

#[tokio::test]
async fn removed_conversion_leaves_an_ordinary_table_and_its_source() {
    for major in majors() {
        let world = World::new(major).await;
        orders(&world).await;
        let session = world.session().await;
        serve(&session, &by_hash(), "Partitioned").await;
        let ended = apply(&session, &desired(by_hash()), NOW).await;
        assert_eq!(verbs(&ended), ["end-sync"], "Postgres {major}");
        assert!(ended.remaining.is_done(), "Postgres {major}: {}", ended.remaining);
        write(&world, 0).await;
        assert_ne!(differing(&world, SOURCE).await, "0 0", "Postgres {major}");
        world.owner("INSERT INTO orders_source (org, at) VALUES (1, now())").await;
        let again = apply(&session, &desired(by_hash()), NOW).await;
        assert!(again.plan.steps.is_empty(), "Postgres {major}: {}", again.plan);
    }
}

#[tokio::test]
async fn session_that_sees_older_rows_blocks_the_cutover_until_it_ends() {
    for major in majors() {
        let world = World::new(major).await;
        // A build of an index would wait for the reader.
        world
            .owner(
                "CREATE TABLE orders (id bigint PRIMARY KEY, org int NOT NULL);
                 INSERT INTO orders SELECT n, n % 5 FROM generate_series(1, 100) AS n",
            )
            .await;
        let session = world.session().await;
        let reader = world.database.client().await;
        let begin = format!("BEGIN ISOLATION LEVEL REPEATABLE READ; TABLE {SCHEMA_SQL}.orders");
        reader.batch_execute(&begin).await.unwrap();
        let spec = serving(by_hash(), "Partitioned", &json!({}));
        let options = Options::new(PlanTime::at(at(NOW)), Duration::from_millis(500));
        let held = converge(&session, &spec, &options, &mut Silent).await.unwrap();
        let blocked =
            held.remaining.deferred.iter().any(|held| held.blocker.name() == "SwapBlocked");
        // Until the transaction is two seconds old, the swap itself finds the session.
        let failed = held.outcomes.iter().any(|outcome| {
            matches!(
                (&outcome.step, &outcome.result),
                (Step::Swap(_), Err(StepFailure::Database(_)))
            )
        });
        assert!(blocked || failed, "Postgres {major}: {}", held.remaining);
        assert_eq!(serving_side(&held), Some(Side::Source), "Postgres {major}");
        reader.batch_execute("COMMIT").await.unwrap();
        let done = serve(&session, &by_hash(), "Partitioned").await;
        assert_eq!(serving_side(&done), Some(Side::Partitioned), "Postgres {major}");
    }
}

#[tokio::test]
async fn source_that_a_trigger_missed_is_compared_before_the_rollback() {
    for major in majors() {
        let world = World::new(major).await;
        orders(&world).await;
        let session = world.session().await;
        serve(&session, &by_hash(), "Partitioned").await;
        world
            .owner(
                "ALTER TABLE orders DISABLE TRIGGER sync_to_source_orders;
                 UPDATE orders SET status = 'missed' WHERE id < 10;
                 ALTER TABLE orders ENABLE ALWAYS TRIGGER sync_to_source_orders",
            )
            .await;
        let back = serve(&session, &by_hash(), "Source").await;
        assert_eq!(verbs(&back), ["install-sync", "swap"], "Postgres {major}");
        assert_eq!(back.observed.copy.as_ref().unwrap().repaired(), 9, "Postgres {major}");
        assert_eq!(differing(&world, COPY).await, "0 0", "Postgres {major}");
    }
}

/// Changes of a user to one partition after the cutover, and the reported state of the triggers.
const ON_PARTITION: [(&str, &str); 5] = [
    ("ALTER TABLE orders_2026_02 DISABLE TRIGGER sync_to_source_orders", "is disabled"),
    ("ALTER TABLE orders_2026_02 DISABLE TRIGGER USER", "is disabled"),
    ("ALTER TABLE orders_2026_02 ENABLE REPLICA TRIGGER sync_to_source_orders", "is disabled"),
    (
        "ALTER TABLE orders_2026_02 DISABLE TRIGGER sync_to_source_orders,
            ENABLE ALWAYS TRIGGER sync_to_source_orders",
        "was replaced",
    ),
    ("TRUNCATE orders_2026_01", ""),
];

#[tokio::test]
async fn change_of_one_partition_is_noticed_and_the_source_repaired() {
    for major in majors() {
        let world = World::new(major).await;
        orders(&world).await;
        let session = world.session().await;
        serve(&session, &by_month(), "Partitioned").await;
        let (spec, time) = (serving(by_month(), "Partitioned", &json!({})), PlanTime::at(at(NOW)));
        // A partition that is attached later has triggers that are younger than those of the table.
        let april = apply(&session, &spec, "2026-04-15T12:00:00Z").await;
        assert_eq!(verbs(&april), ["create", "attach"], "Postgres {major}");
        for (change, reported) in ON_PARTITION {
            let what = format!("Postgres {major}, {change}");
            let (seen, _) = observe_and_plan(&session, &spec, &time).await.unwrap();
            let facts = seen.copy.unwrap();
            let is_intact = facts.sync_state() == Some(&SyncState::Intact);
            assert!(is_intact && facts.parity().is_some(), "{what}: {facts:?}");
            world.owner(change).await;
            world.owner("UPDATE orders SET status = now()::text WHERE at < '2026-02-03'").await;
            let (seen, _) = observe_and_plan(&session, &spec, &time).await.unwrap();
            let facts = seen.copy.unwrap();
            match facts.sync_state() {
                Some(SyncState::Altered(changes)) => {
                    let expected = format!(
                        "trigger sync_to_source_orders of partition {SCHEMA_SQL}.orders_2026_02 {reported}"
                    );
                    assert_eq!(changes[0].to_string(), expected, "{what}");
                }
                state => {
                    assert!(reported.is_empty() && facts.parity().is_none(), "{what}: {state:?}");
                }
            }
            apply(&session, &spec, NOW).await;
            assert_eq!(differing(&world, SOURCE).await, "0 0", "{what}");
        }
    }
}

#[tokio::test]
async fn object_that_depends_on_the_source_keeps_it() {
    for major in majors() {
        let world = World::new(major).await;
        orders(&world).await;
        world
            .owner(
                "CREATE MATERIALIZED VIEW totals AS SELECT org, count(*) FROM orders GROUP BY org",
            )
            .await;
        let session = world.session().await;
        let source = json!({"source": {"afterCutover": "Drop", "dropAfter": "0s"}});
        let spec = serving(by_hash(), "Partitioned", &source);
        let held = apply(&session, &spec, NOW).await;
        let blockers: Vec<_> =
            held.remaining.deferred.iter().map(|held| held.blocker.name()).collect();
        assert_eq!(blockers, ["SourceInUse"], "Postgres {major}");
        let bound = &held.observed.copy.as_ref().unwrap().plain.bound;
        assert!(bound.len() == 1 && bound[0].starts_with("materialized view"), "{bound:?}");
        world.owner("DROP MATERIALIZED VIEW totals").await;
        let dropped = apply(&session, &spec, NOW).await;
        assert_eq!(verbs(&dropped), ["drop-source"], "Postgres {major}");
    }
}

#[tokio::test]
async fn foreign_key_of_another_owner_keeps_the_source() {
    for major in majors() {
        let world = World::new(major).await;
        orders(&world).await;
        world.owner("CREATE TABLE lines (o bigint CONSTRAINT \"Line\" REFERENCES orders)").await;
        let lines = format!("{SCHEMA_SQL}.lines");
        world.admin(&format!("ALTER TABLE {lines} OWNER TO CURRENT_USER")).await;
        let session = world.session().await;
        let losses = ["UniqueKey:orders_pkey", &format!("ForeignKey:{lines}.\"Line\"")];
        let dropped = json!({"afterCutover": "Drop", "dropAfter": "0s"});
        let spec =
            serving(by_hash(), "Partitioned", &json!({"source": dropped, "acknowledge": losses}));
        let held = apply(&session, &spec, NOW).await;
        assert!(held.outcomes.iter().all(|outcome| outcome.result.is_ok()), "Postgres {major}");
        let blockers: Vec<_> =
            held.remaining.deferred.iter().map(|held| held.blocker.explain()).collect();
        let drop = format!("ALTER TABLE {lines} DROP CONSTRAINT \"Line\"");
        assert!(
            blockers.len() == 1 && blockers[0].contains(&drop),
            "Postgres {major}: {blockers:?}"
        );
        world.admin(&drop).await;
        let dropped = apply(&session, &spec, NOW).await;
        assert_eq!(verbs(&dropped), ["drop-source"], "Postgres {major}");
    }
}

#[tokio::test]
async fn saved_snapshot_gives_the_plan_of_its_database_after_the_cutover() {
    for major in majors() {
        let world = World::new(major).await;
        orders(&world).await;
        let session = world.session().await;
        serve(&session, &by_hash(), "Partitioned").await;
        let mut spec = by_hash();
        let conversion = json!({"method": "Copy", "serveFrom": "Source", "acknowledge": ["UniqueKey:orders_pkey"]});
        spec.as_object_mut().unwrap().insert("conversion".to_owned(), conversion);
        let file = resource(spec);
        let planned = world.call(&["plan", "-f", "-", "-o", "json"], &file).json();
        let step = &planned["plans"][0]["steps"][0];
        assert_eq!(step["step"], "swap", "Postgres {major}: {planned}");
        let table = format!("{SCHEMA_SQL}.orders");
        let inspected = world.call(&["inspect", &table, "-f", "-", "-o", "json"], &file);
        let snapshot = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(snapshot.path(), &inspected.out).unwrap();
        let path = snapshot.path().to_str().unwrap();
        let offline =
            world.call(&["plan", "-f", "-", "--observed", path, "-o", "json"], &file).json();
        assert_eq!(
            offline["plans"][0]["fingerprint"], planned["plans"][0]["fingerprint"],
            "Postgres {major}: {offline}"
        );
    }
}
