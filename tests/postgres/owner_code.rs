//! Code of table owners: which of it a drain would run is known, and none of it runs in a session that can do
//! more than the owner.

use pg_partition_operator::observed::Relation;
use pg_partition_operator::plan::{Blocker, DefaultBlocker};
use serde_json::json;

use crate::database::{SCHEMA_SQL, World, apply, desired, managed, observe};
use crate::support::postgres::majors;

/// Functions that the owner of the tables created.
const FUNCTIONS: &str = "
    CREATE FUNCTION fine(n int) RETURNS bool IMMUTABLE LANGUAGE sql AS 'SELECT n > 0';
    CREATE FUNCTION twice(n int) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT n * 2';
    CREATE FUNCTION same(a int, b int) RETURNS bool IMMUTABLE LANGUAGE sql AS 'SELECT a = b';
    CREATE OPERATOR === (LEFTARG = int, RIGHTARG = int, FUNCTION = same);
    CREATE DOMAIN checked AS int CHECK (fine(VALUE));
    CREATE DOMAIN above AS checked;
    CREATE TYPE pair AS (n above);
    CREATE TYPE mood AS ENUM ('good', 'bad');";

/// Objects of a table, and the code among them that a drain would execute.
const TABLES: [(&str, &str); 16] = [
    ("n int CHECK (n > 0), s text CHECK (s LIKE 'a%'), CHECK (at < now() + '1 year')", ""),
    ("m mood CHECK (m <> 'bad'), c citext CHECK (c <> 'x')", ""),
    ("n int DEFAULT twice(1)", ""),
    ("n int CHECK (fine(n))", "fine"),
    ("n int CHECK (n === 3)", "same"),
    ("n int, d int GENERATED ALWAYS AS (twice(n)) STORED", "twice"),
    ("n checked", "fine"),
    ("n above", "fine"),
    ("n int CHECK (n::above > 3)", "above"),
    ("n text CHECK ((jsonb_populate_record(NULL::pair, n::jsonb)).n > 3)", "pair"),
    ("n int CHECK (set_config('role', 'postgres', true) IS NOT NULL)", "set_config"),
    ("n int CHECK (query_to_xml('SELECT 1', true, true, '') IS NOT NULL)", "query_to_xml"),
    ("n int CHECK (table_to_xml('pg_class', true, true, '') IS NOT NULL)", "table_to_xml"),
    ("n int); CREATE INDEX ON @t (twice(n)", "twice"),
    ("n int); CREATE INDEX ON @t (at) WHERE (fine(n)", "fine"),
    ("n int); CREATE RULE kept AS ON DELETE TO @t_default DO ALSO SELECT (1", "rule kept"),
];

async fn relation(world: &World, table: &str) -> Relation {
    observe(&world.session().await, &managed(table)).await.relation.unwrap()
}

/// Makes a table with a default partition.
async fn make(world: &World, table: &str, what: &str) {
    // A table first, then its default partition, then what is said of either.
    let (columns, more) = what.split_once("); ").unwrap_or((what, ""));
    let close = if more.is_empty() { "" } else { ")" };
    let sql = format!(
        "CREATE TABLE {table} (at timestamptz NOT NULL, {columns}) PARTITION BY RANGE (at);
         CREATE TABLE {table}_default PARTITION OF {table} DEFAULT; {}{close}",
        more.replace("@t", table)
    );
    world.admin(&format!("SET ROLE {}; SET search_path = {SCHEMA_SQL}, public", world.owner)).await;
    world.admin(&sql).await;
    world.admin("RESET ROLE; RESET search_path").await;
}

#[tokio::test]
async fn owner_code_that_a_drain_would_execute_is_detected() {
    for major in majors() {
        let world = World::new(major).await;
        world.admin("CREATE EXTENSION citext SCHEMA public").await;
        world.owner(FUNCTIONS).await;
        for (number, (what, expected)) in TABLES.iter().enumerate() {
            let table = format!("t{number}");
            make(&world, &table, what).await;
            let found = relation(&world, &table).await.owner_code.join(", ");
            assert_eq!(found.is_empty(), expected.is_empty(), "Postgres {major}, {what}: {found}");
            assert!(found.contains(expected), "Postgres {major}, {what}: {found}");
        }
    }
}

fn spec(table: &str) -> serde_json::Value {
    json!({
        "table": table, "ahead": 0, "defaultPartition": "Present",
        "partitionBy": {"range": {"column": "at", "interval": "Month", "timeZone": "UTC"}},
    })
}

/// The function of one owner acts as another, as far as the session can become that one.
const STEALS: &str = "
    CREATE FUNCTION steals() RETURNS bool LANGUAGE plpgsql AS $$ BEGIN
        EXECUTE 'SET LOCAL ROLE @other'; DELETE FROM @schema.salaries;
        EXECUTE 'SET LOCAL ROLE @owner'; RETURN true; END $$;";

#[tokio::test]
async fn code_of_an_owner_does_not_run_where_the_login_can_become_another() {
    for major in majors() {
        let world = World::new(major).await;
        let other = format!("payroll_of_{}", world.database.name());
        world
            .admin(&format!(
                "CREATE ROLE {other}; GRANT {other} TO {};
                 CREATE TABLE {SCHEMA_SQL}.salaries (n int); INSERT INTO {SCHEMA_SQL}.salaries VALUES (1);
                 ALTER TABLE {SCHEMA_SQL}.salaries OWNER TO {other};
                 GRANT USAGE ON SCHEMA {SCHEMA_SQL} TO {other}",
                world.operator
            ))
            .await;
        let owner = world.owner.replace('\'', "''");
        let steals = STEALS.replace("@other", &other).replace("@schema", SCHEMA_SQL);
        world.owner(&steals.replace("@owner", &owner)).await;
        make(&world, "t", "n int CHECK (steals())").await;
        let insert = format!(
            "ALTER TABLE {SCHEMA_SQL}.t_default DISABLE TRIGGER ALL;
            ALTER TABLE {SCHEMA_SQL}.t DROP CONSTRAINT t_check"
        );
        world.admin(&insert).await;
        world.owner("INSERT INTO t VALUES ('2026-01-10Z', 1)").await;
        world.owner("ALTER TABLE t ADD CONSTRAINT late CHECK (steals()) NOT VALID").await;

        let done = apply(&world.session().await, &desired(spec("t")), "2026-01-15T12:00:00Z").await;
        let blockers = done.remaining.deferred.iter().map(|d| &d.blocker);
        let runs_code: Vec<_> = blockers
            .filter(|b| matches!(b, Blocker::Default(DefaultBlocker::DefaultRunsCode { .. })))
            .collect();
        assert_eq!(runs_code.len(), 1, "Postgres {major}: {:?}", done.remaining.deferred);
        let left = format!("SELECT count(*) FROM {SCHEMA_SQL}.salaries");
        assert_eq!(world.text(&left).await, "1", "Postgres {major}");

        // A login that is a member of this owner only gives the function nothing that its owner has not.
        world.admin(&format!("REVOKE {other} FROM {}", world.operator)).await;
        world
            .owner("CREATE OR REPLACE FUNCTION steals() RETURNS bool LANGUAGE sql AS 'SELECT true'")
            .await;
        let done = apply(&world.session().await, &desired(spec("t")), "2026-01-15T12:00:00Z").await;
        let left = done.remaining.steps.len() + done.remaining.deferred.len();
        assert_eq!(left, 0, "Postgres {major}: {:?}", done.outcomes);
    }
}

#[tokio::test]
async fn functions_of_the_application_see_only_pg_catalog_unless_they_set_a_path() {
    for major in majors() {
        let world = World::new(major).await;
        world
            .owner(
                "CREATE TABLE currencies (name text);
                 INSERT INTO currencies VALUES ('EUR');
                 CREATE FUNCTION known(c text) RETURNS bool LANGUAGE plpgsql AS
                     'BEGIN RETURN EXISTS (SELECT FROM currencies WHERE name = c); END';",
            )
            .await;
        make(&world, "t", "c text CHECK (known(c))").await;
        world.owner("INSERT INTO t VALUES ('2026-01-10Z', 'EUR')").await;
        let session = world.session().await;
        let done = apply(&session, &desired(spec("t")), "2026-01-15T12:00:00Z").await;
        let error = done.outcomes.iter().find_map(|outcome| outcome.result.as_ref().err());
        let error = error.map(ToString::to_string).unwrap_or_default();
        let expected = "relation \"currencies\" does not exist";
        assert!(error.contains(expected), "Postgres {major}: {error}");

        world.owner(&format!("ALTER FUNCTION known SET search_path = {SCHEMA_SQL}")).await;
        let done = apply(&session, &desired(spec("t")), "2026-01-15T12:00:00Z").await;
        let left = done.remaining.steps.len() + done.remaining.deferred.len();
        assert_eq!(left, 0, "Postgres {major}: {:?}", done.outcomes);
    }
}
