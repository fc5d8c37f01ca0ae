//! A database of a program without versioned encodings: the operator reads the stored texts, and builds, marks, or renames
//! nothing again. The README of the fixture describes its origin.

use serde_json::Value;

use crate::database::World;
use crate::support::postgres::majors;

const NOW: &str = "2026-12-01T12:00:00Z";

/// Everything that the operator stores, and what it stores it on.
const STORED: &str = "SELECT string_agg(line, chr(10) ORDER BY line) FROM (
        SELECT format('%s %s %s', c.relfilenode, c.oid::regclass, d.description) AS line
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = 'finance'
        LEFT JOIN pg_description d ON d.objoid = c.oid AND d.objsubid = 0
        UNION ALL
        SELECT format('%s %s %s %s', conrelid::regclass, oid, conname, convalidated) FROM pg_constraint
        WHERE starts_with(conname, 'pgpartition_')
    ) AS stored";

/// Gives markers the object identifiers of the restored tables: those of a dump name other tables, which the operator
/// reports and leaves alone.
const BIND: &str = r"DO $do$ DECLARE found record; was record; comment text; BEGIN
        FOR found IN SELECT objoid::regclass AS name, description FROM pg_description
            WHERE classoid = 'pg_class'::regclass AND objsubid = 0
                AND description ~ '^pgpartition\.dev [^(]*\('
        LOOP
            comment := found.description;
            FOR was IN SELECT oid, relation::regclass::oid AS now FROM public.oids LOOP
                comment := regexp_replace(
                    comment, '\m(oid|parent) ' || was.oid || '\M', '\1 @' || was.now);
            END LOOP;
            EXECUTE format('COMMENT ON TABLE %s IS %L', found.name, replace(comment, ' @', ' '));
        END LOOP;
    END $do$";

fn fixture(file: &str) -> String {
    format!("{}/tests/postgres/fixtures/version-0/{file}", env!("CARGO_MANIFEST_DIR"))
}

async fn restored(major: u16) -> World {
    let world = World::new(major).await;
    world.admin("DROP SCHEMA pgpartition").await;
    let dump = std::fs::read_to_string(fixture("database.sql")).unwrap();
    let dump = dump.replace("finance_owner", &world.owner);
    world.admin(&dump.replace("partition_operator", &world.operator)).await;
    world.admin("RESET ALL").await;
    world
}

/// The steps that are planned for the resources of a file, as `verb subject`.
fn planned(world: &World, file: &str) -> Vec<String> {
    let plan = world.call(&["plan", "-f", &fixture(file), "--at", NOW, "-o", "json"], "");
    let plans = plan.json();
    let steps = plans["plans"].as_array().unwrap().iter().flat_map(|plan| {
        let steps = plan["steps"].as_array().unwrap().iter();
        steps.map(|step| format!("{} {}", word(&step["step"]), word(&step["subject"])))
    });
    steps.collect()
}

fn word(value: &Value) -> &str {
    value.as_str().unwrap()
}

#[tokio::test]
async fn nothing_is_planned_for_a_database_of_version_0() {
    for major in majors() {
        let world = restored(major).await;
        let none: [&str; 0] = [];
        assert_eq!(planned(&world, "settled.yaml"), none, "Postgres {major}, as restored");
        world.admin(BIND).await;
        assert_eq!(planned(&world, "settled.yaml"), none, "Postgres {major}");
        let before = world.text(STORED).await;
        let done = world.call(&["apply", "-f", &fixture("settled.yaml"), "--at", NOW], "");
        assert_eq!(done.status, 0, "Postgres {major}: {done:?}");
        assert_eq!(world.text(STORED).await, before, "Postgres {major}");
    }
}

#[tokio::test]
async fn interrupted_run_of_version_0_is_continued() {
    for major in majors() {
        let world = restored(major).await;
        world.admin(BIND).await;
        let expected = [
            "detach finance.payments_2026_10",
            "record-detach finance.payments_2026_10",
            "attach finance.ledger_2027_01",
        ];
        assert_eq!(planned(&world, "interrupted.yaml"), expected, "Postgres {major}");
        let done = world.call(&["apply", "-f", &fixture("interrupted.yaml"), "--at", NOW], "");
        assert_eq!(done.status, 0, "Postgres {major}: {done:?}");
        let checks =
            "SELECT count(*) FROM pg_constraint WHERE starts_with(conname, 'pgpartition_not_')";
        assert_eq!(world.text(checks).await, "0", "Postgres {major}");
    }
}

#[tokio::test]
async fn tables_that_version_0_detached_are_reattached_without_a_scan() {
    for major in majors() {
        let world = restored(major).await;
        world.admin(BIND).await;
        let spec = std::fs::read_to_string(fixture("settled.yaml")).unwrap();
        let spec = spec.replace("keep: 1", "keep: 9").replace("keep: 2", "keep: 9");
        let done = world.call(&["apply", "-f", "-", "--at", NOW], &spec);
        assert_eq!(done.status, 0, "Postgres {major}: {done:?}");
        let left = "SELECT string_agg(oid::regclass::text, ' ') FROM pg_class
            WHERE relnamespace = 'finance'::regnamespace AND relkind = 'r' AND NOT relispartition
                AND relname NOT LIKE 'ledger%'";
        assert_eq!(world.text(left).await, "", "Postgres {major}: {done:?}");
        let checks =
            "SELECT count(*) FROM pg_constraint WHERE starts_with(conname, 'pgpartition_of_')";
        assert_eq!(world.text(checks).await, "0", "Postgres {major}: {done:?}");
    }
}
