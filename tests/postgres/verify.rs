//! `verify` of a conversion: it compares all rows itself, and changes nothing.

use pg_partition_operator::sql::compare_page;
use serde_json::{Value, json};

use crate::copy_fixture::page;
use crate::copy_pages::{CONTENT, uncopied};
use crate::database::{SCHEMA_SQL, World};
use crate::program::resource;
use crate::support::postgres::majors;

fn spec() -> String {
    serving("Source")
}

fn serving(side: &str) -> String {
    resource(json!({
        "table": "orders",
        "partitionBy": {"hash": {"columns": ["org"], "partitions": 4}},
        // On a busy machine a swap takes longer than the default.
        "limits": {"lockTimeout": "20s"},
        "conversion": {"method": "Copy", "serveFrom": side, "acknowledge": ["UniqueKey:orders_pkey"]},
    }))
}

/// A table of 5000 rows in parity with its copy.
async fn in_parity(major: u16) -> World {
    let world = World::new(major).await;
    world
        .owner(
            "CREATE TABLE orders (id text PRIMARY KEY, org int NOT NULL, state text);
             INSERT INTO orders SELECT 'secret ' || n, n % 7, 'new' FROM generate_series(1, 5000) AS n",
        )
        .await;
    let applied = world.call(&["apply", "-f", "-"], &spec());
    assert_eq!(applied.status, 0, "Postgres {major}: {applied:?}");
    world
}

/// Damages the copy past the triggers and the guard.
const DAMAGE: &str = "BEGIN; SET LOCAL pgpartition.sync = 'on';
    DELETE FROM orders_partitioned WHERE id = 'secret 17';
    UPDATE orders_partitioned SET state = 'other' WHERE id = 'secret 4000';
    INSERT INTO orders_partitioned VALUES ('secret extra', 1, 'new');
    COMMIT";

/// Gives the passive table its rows back.
const UNDO: &str = "BEGIN; SET LOCAL pgpartition.sync = 'on'; DELETE FROM orders_partitioned;
    INSERT INTO orders_partitioned SELECT * FROM orders; COMMIT";

/// The rows of all tables with their versions, and the catalog's rows of what is not temporary.
async fn everything(world: &World) -> String {
    let rows = |table: &str| {
        format!(
            "(SELECT string_agg(concat(t.xmin, t.ctid, to_json(t)), ' ' ORDER BY t.ctid) FROM {table} AS t)"
        )
    };
    let catalog = |table: &str, of: &str| {
        format!(
            "(SELECT string_agg(concat(c.oid, c.xmin), ' ' ORDER BY c.oid) FROM {table} AS c
             JOIN pg_namespace AS n ON n.oid = c.{of} WHERE n.nspname NOT LIKE 'pg\\_%')"
        )
    };
    let all = [
        rows(&format!("{SCHEMA_SQL}.orders")),
        rows(&format!("{SCHEMA_SQL}.orders_partitioned")),
        rows("pgpartition.conversions"),
        catalog("pg_class", "relnamespace"),
        catalog("pg_proc", "pronamespace"),
    ];
    world.text(&format!("SELECT md5(concat_ws('/', {}))", all.join(", "))).await
}

#[tokio::test]
async fn verify_finds_a_difference_behind_the_triggers_and_changes_nothing() {
    for major in majors() {
        let world = in_parity(major).await;
        let verified = world.call(&["verify", "-f", "-", "--keys"], &spec());
        assert_eq!(verified.status, 0, "Postgres {major}: {verified:?}");
        let equal = "  rows  5000 in orders, 5000 in orders_partitioned, compared in ";
        assert!(verified.out.contains(equal), "Postgres {major}: {verified:?}");
        assert!(verified.out.contains(" pages: none differ\n"), "Postgres {major}: {verified:?}");

        world.owner(DAMAGE).await;
        let before = everything(&world).await;
        let verified = world.call(&["verify", "-f", "-"], &spec());
        assert_eq!(verified.status, 2, "Postgres {major}: {verified:?}");
        assert!(
            verified.out.contains(": does not match the spec\n"),
            "Postgres {major}: {verified:?}"
        );
        assert!(verified.out.contains(": 3 differ, in "), "Postgres {major}: {verified:?}");
        assert!(!format!("{verified:?}").contains("secret"), "Postgres {major}: {verified:?}");

        let found = world.call(&["verify", "-f", "-", "-o", "json", "--keys"], &spec());
        assert_eq!(found.status, 2, "Postgres {major}: {found:?}");
        let document = &found.json()[0];
        let rows = &document["rows"];
        let counts = ["rowsSource", "rowsPartitioned", "differenceRows"].map(|name| &rows[name]);
        assert_eq!(counts, [&json!(5000), &json!(5000), &json!(3)], "Postgres {major}: {rows}");
        assert_eq!(document["matchesSpec"], false, "Postgres {major}: {document}");
        let mut keys = rows["keys"].as_array().unwrap().clone();
        keys.sort_by_key(|row| row["key"]["id"].as_str().map(str::to_owned));
        let expected = json!([
            {"difference": "missing", "key": {"id": "secret 17", "org": "3"}},
            {"difference": "different", "key": {"id": "secret 4000", "org": "3"}},
            {"difference": "extra", "key": {"id": "secret extra", "org": "1"}},
        ]);
        assert_eq!(json!(keys), expected, "Postgres {major}");
        let text = world.call(&["verify", "-f", "-", "--keys"], &spec()).out;
        assert!(text.contains("  key   extra: id = secret extra, org = 1\n"), "{text}");
        assert_eq!(everything(&world).await, before, "Postgres {major}");
    }
}

#[tokio::test]
async fn verify_compares_all_rows_after_a_cutover_and_after_a_rollback() {
    for major in majors() {
        let world = in_parity(major).await;
        for (side, passive) in [
            ("Partitioned", "orders_source"),
            ("Source", "orders_partitioned"),
            ("Partitioned", "orders_source"),
        ] {
            let (spec, what) = (serving(side), format!("Postgres {major}, {side}"));
            let drift = world.call(&["verify", "-f", "-"], &spec);
            assert_eq!(drift.status, 2, "{what}: {drift:?}");
            assert!(drift.out.contains(" pages: none differ\n"), "{what}: {drift:?}");
            let applied = world.call(&["apply", "-f", "-"], &spec);
            assert_eq!(applied.status, 0, "{what}: {applied:?}");
            world
                .owner("UPDATE orders SET state = 'written', org = org + 1 WHERE id < 'secret 2'")
                .await;
            let verified = world.call(&["verify", "-f", "-"], &spec);
            assert_eq!(verified.status, 0, "{what}: {verified:?}");
            let (source, copy) = match side {
                "Source" => ("orders", "orders_partitioned"),
                _ => ("orders_source", "orders"),
            };
            let equal = format!("  rows  5000 in {source}, 5000 in {copy}, compared in ");
            assert!(verified.out.contains(&equal), "{what}: {verified:?}");
            assert!(verified.out.contains(" pages: none differ\n"), "{what}: {verified:?}");

            world.owner(&DAMAGE.replace("orders_partitioned", passive)).await;
            let found = world.call(&["verify", "-f", "-", "-o", "json", "--keys"], &spec);
            assert_eq!(found.status, 2, "{what}: {found:?}");
            let keys = found.json()[0]["rows"]["keys"].as_array().unwrap().clone();
            let text = |value: &Value| value.as_str().unwrap().to_owned();
            let key =
                |row: &Value| format!("{} {}", text(&row["difference"]), text(&row["key"]["id"]));
            let mut keys: Vec<_> = keys.iter().map(key).collect();
            keys.sort_unstable();
            // The words are about the partitioned table, whichever of the two serves.
            let expected = match side {
                "Source" => ["different secret 4000", "extra secret extra", "missing secret 17"],
                _ => ["different secret 4000", "extra secret 17", "missing secret extra"],
            };
            assert_eq!(keys, expected, "{what}");
            world.owner(&UNDO.replace("orders_partitioned", passive)).await;
        }
    }
}

#[tokio::test]
async fn page_of_verify_cannot_write() {
    for major in majors() {
        let (world, table) = uncopied(major, "id int, part int NOT NULL").await;
        world.admin("UPDATE pgpartition.conversions SET backfilled_at = now()").await;
        let page = compare_page(&table, page(100), CONTENT);
        let error = world.session().await.read_page_text(&page).await.unwrap_err();
        assert_eq!(error.sqlstate(), Some("25006"), "Postgres {major}: {error}");
    }
}
