//! Relations are found by their names in every script and in every server encoding.

use std::time::Duration;

use pg_partition_operator::observed::{ObservedTable, PartitionState};
use pg_partition_operator::partition::{
    Identifier, ManagedTable, Marker, MarkerState, QualifiedName, partition_marker,
};
use serde_json::json;

use crate::database::{SCHEMA, SCHEMA_SQL, World, apply, desired, observe, session};
use crate::support::postgres::majors;

/// Names of up to and of more than 20 bytes, with and without ASCII among the first 20.
const NAMES: [&str; 6] = [
    "用户行为事件日志",
    "журналсобытий",
    "журнал",
    "événements_de_la_clientèle",
    "\u{10ffff}😀😀😀😀😀",
    "日志_of_things",
];

fn qualified(schema: &str, name: &str) -> ManagedTable {
    let (schema, name) = (Identifier::new(schema).unwrap(), Identifier::new(name).unwrap());
    ManagedTable::new(QualifiedName { schema, name })
}

/// The statements that make a table, a relation with the name of its partition of April, and a table for May
/// that was not attached.
fn setup(schema: &str, name: &str) -> String {
    let bounds = "FOR VALUES FROM ('2027-05-01') TO ('2027-06-01')";
    let table = qualified(schema, name);
    let marker = partition_marker(&Marker::new(MarkerState::ToBeAttached), &table, bounds);
    format!(
        "CREATE TABLE \"{name}\" (k date NOT NULL) PARTITION BY RANGE (k);
         CREATE TYPE \"{name}_2027_03\" AS ENUM ();
         CREATE TABLE \"{name}_2027_04\" (note text);
         CREATE TABLE \"{name}_2027_05\" (LIKE \"{name}\");
         COMMENT ON TABLE \"{name}_2027_05\" IS '{}';",
        marker.replace('\'', "''")
    )
}

fn assert_found(what: &str, name: &str, observed: &ObservedTable) {
    for month in ["03", "04", "05"] {
        let taken = Identifier::new(format!("{name}_2027_{month}")).unwrap();
        assert!(observed.taken.contains(&taken), "{what}: {taken:?} of {:?}", observed.taken);
    }
    let found: Vec<_> =
        observed.partitions.iter().map(|p| (p.name.name.as_str(), &p.state)).collect();
    assert_eq!(
        found,
        [(format!("{name}_2027_05").as_str(), &PartitionState::NeverAttached)],
        "{what}"
    );
}

#[tokio::test]
async fn taken_names_and_unattached_tables_are_found_in_every_script() {
    for major in majors() {
        let world = World::new(major).await;
        let session = world.session().await;
        for name in NAMES {
            world.owner(&setup(SCHEMA, name)).await;
            let observed = observe(&session, &qualified(SCHEMA, name)).await;
            assert_found(&format!("Postgres {major}, {name}"), name, &observed);
        }
    }
}

#[tokio::test]
async fn taken_names_are_found_in_a_database_that_is_not_utf8() {
    for major in majors() {
        let world = World::new(major).await;
        let name = format!("{}_euc", world.database.name());
        let create =
            format!("CREATE DATABASE {name} ENCODING 'EUC_JP' LOCALE 'C' TEMPLATE template0");
        world.admin(&create).await;
        let session = session(&format!("{}_euc", world.database.url())).await;
        let table = "顧客行動記録一覧表";
        let setup = format!("SET search_path = public; {}", setup("public", table));
        session.batch(&setup, Duration::from_secs(10)).await.unwrap();
        let observed = observe(&session, &qualified("public", table)).await;
        assert_found(&format!("Postgres {major}"), table, &observed);
    }
}

#[tokio::test]
async fn partitions_of_a_table_with_a_name_without_ascii_avoid_taken_names() {
    for major in majors() {
        let world = World::new(major).await;
        let table = NAMES[0];
        world.owner(&setup(SCHEMA, table)).await;
        let spec = json!({
            "table": table, "partitionBy": {"range": {"column": "k", "interval": "Month"}}, "ahead": 2,
        });
        let done = apply(&world.session().await, &desired(spec), "2027-03-15T12:00:00Z").await;
        let left = done.remaining.steps.len() + done.remaining.deferred.len();
        assert_eq!(left, 0, "Postgres {major}: {:?}", done.outcomes);
        let partitions = format!(
            "SELECT string_agg(relname, ' ' ORDER BY relname) FROM pg_inherits
             JOIN pg_class c ON c.oid = inhrelid WHERE inhparent = '{SCHEMA_SQL}.\"{table}\"'::regclass"
        );
        let expected = format!("{table}_2027_03_2 {table}_2027_04_2 {table}_2027_05");
        assert_eq!(world.text(&partitions).await, expected, "Postgres {major}");
    }
}
