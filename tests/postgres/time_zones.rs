//! A second run has no steps: for each interval, key, and zone, and with any settings of a role or a database.

use pg_partition_operator::desired::DesiredTable;
use pg_partition_operator::postgres::Session;
use serde_json::json;

use crate::database::{SCHEMA_SQL, World, apply, desired, in_schema};
use crate::support::postgres::{is_oldest_or_newest, majors};

const INTERVALS: [&str; 6] = ["Hour", "Day", "Week", "Month", "Quarter", "Year"];
const KEYS: [&str; 4] = ["date", "timestamp", "timestamptz", "uuid"];
const ZONES: [&str; 6] = [
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Asia/Kolkata",
    "Australia/Lord_Howe",
    "Pacific/Apia",
];

/// In Berlin the hour before the one that comes twice.
const NOW: &str = "2026-10-24T23:30:00Z";

/// A table, and what is asked of it.
struct Case {
    table: String,
    key: &'static str,
    desired: DesiredTable,
    /// The same with fewer periods kept than there are; only where it is the zone's turn.
    retained: Option<DesiredTable>,
}

/// All zones on the oldest and the newest version, one of them in turn on those between.
fn cases(major: u16) -> Vec<Case> {
    let mut cases = Vec::new();
    for (i, interval) in INTERVALS.into_iter().enumerate() {
        for (k, key) in KEYS.into_iter().enumerate() {
            for (z, zone) in ZONES.into_iter().enumerate() {
                let in_turn = (i + k + usize::from(major)) % ZONES.len() == z;
                let exists = (key, interval) != ("date", "Hour");
                if exists && (in_turn || is_oldest_or_newest(major)) {
                    cases.push(case(interval, key, zone, in_turn));
                }
            }
        }
    }
    cases
}

fn case(interval: &str, key: &'static str, zone: &str, in_turn: bool) -> Case {
    let table = format!("{interval} of {key} in {zone}");
    let mut spec = json!({
        "table": table,
        "partitionBy": {"range": {"column": "at", "interval": interval, "timeZone": zone}},
        "ahead": 2,
    });
    if in_turn {
        spec["partitionBy"]["range"]["startAt"] = some_before(interval).into();
    }
    let kept = spec.clone();
    spec["retention"] = json!({"keep": 1});
    let retained = in_turn.then(|| desired(spec));
    Case { table, key, desired: desired(kept), retained }
}

/// In the period two or three before the current one.
fn some_before(interval: &str) -> &'static str {
    match interval {
        "Hour" => "2026-10-24T20:45:00Z",
        "Day" => "2026-10-22",
        "Week" => "2026-10-01",
        "Month" => "2026-07-15",
        "Quarter" => "2026-02-01",
        _ => "2023-05-01",
    }
}

#[tokio::test]
async fn second_run_has_no_steps_and_takes_no_locks() {
    for major in majors() {
        let world = World::new(major).await;
        impose_settings(&world).await;
        let cases = cases(major);
        let tables = cases.iter().map(|Case { table, key, .. }| {
            format!("CREATE TABLE \"{table}\" (at {key} NOT NULL) PARTITION BY RANGE (at);")
        });
        world.owner(&tables.collect::<String>()).await;
        let session = world.session().await;
        for case in &cases {
            let what = format!("Postgres {major}, {}", case.table);
            let first = apply(&session, &case.desired, NOW).await;
            assert_eq!(
                (first.remaining.steps.len(), first.remaining.deferred.len()),
                (0, 0),
                "{what}"
            );
            let older = first.outcomes.len() / 2 - 3;
            let started = if case.retained.is_some() { 2..=3 } else { 0..=0 };
            assert!(
                started.contains(&older),
                "{what}: beside the current period and two ahead: {older}"
            );
            assert_at_rest(&what, &world, &session, &case.desired).await;
            if let Some(retained) = &case.retained {
                let expired = apply(&session, retained, NOW).await;
                let detached =
                    expired.outcomes.iter().filter(|o| o.step.verb() == "detach").count();
                assert_eq!(detached, older - 1, "{what}: one is kept: {}", expired.plan);
                assert_at_rest(&what, &world, &session, retained).await;
            }
        }
    }
}

/// Applies again while another session holds EXCLUSIVE on the table and its partitions. That conflicts with every mode
/// except ACCESS SHARE: any stronger lock would time out, and the run would fail.
async fn assert_at_rest(what: &str, world: &World, session: &Session, desired: &DesiredTable) {
    let before = catalog(world).await;
    let table = in_schema(desired.name.name().name.as_str());
    world.admin(&format!("BEGIN; LOCK TABLE {table} IN EXCLUSIVE MODE")).await;
    let second = apply(session, desired, NOW).await;
    world.admin("COMMIT").await;
    assert!(second.outcomes.is_empty() && second.plan.steps.is_empty(), "{what}: {}", second.plan);
    assert_eq!(catalog(world).await, before, "{what}");
}

/// Every row of the catalog that says what there is in the schema, by its object identifier and by the
/// transaction that wrote it last.
async fn catalog(world: &World) -> String {
    let schema = format!("'{SCHEMA_SQL}'::regnamespace");
    let sql = format!(
        "SELECT md5(string_agg(row::text, '' ORDER BY row::text)) FROM (
            SELECT (oid, xmin) AS row FROM pg_class WHERE relnamespace = {schema}
            UNION ALL SELECT (attrelid, xmin) FROM pg_attribute
            UNION ALL SELECT (inhrelid, xmin) FROM pg_inherits
            UNION ALL SELECT (indexrelid, xmin) FROM pg_index
            UNION ALL SELECT (oid, xmin) FROM pg_constraint
            UNION ALL SELECT (objoid, xmin) FROM pg_description
        ) AS rows"
    );
    world.text(&sql).await
}

/// Sets adverse settings for a role and a database, as an administrator might.
async fn impose_settings(world: &World) {
    let (role, database) = (&world.operator, world.database.name());
    for (setting, value) in [
        ("TimeZone", "Pacific/Apia"),
        ("DateStyle", "German, DMY"),
        ("IntervalStyle", "sql_standard"),
        ("search_path", "nowhere"),
        ("statement_timeout", "1ms"),
        ("lock_timeout", "1ms"),
        ("default_transaction_isolation", "serializable"),
        ("standard_conforming_strings", "off"),
        ("row_security", "off"),
        ("client_min_messages", "debug1"),
        ("synchronous_commit", "off"),
    ] {
        world.admin(&format!("ALTER ROLE {role} SET {setting} = '{value}'")).await;
        world
            .admin(&format!("ALTER ROLE {role} IN DATABASE {database} SET {setting} = '{value}'"))
            .await;
    }
}
