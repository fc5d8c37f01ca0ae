//! The page `docs/reference/inheritance.md`, row by row: what a new partition has from its table.

use serde_json::json;

use crate::database::{SCHEMA_SQL, World, apply, desired};
use crate::support::postgres::{NEWEST_MAJOR, majors};

const PAGE: &str = include_str!("../../docs/reference/inheritance.md");

const TABLE: &str = r"
CREATE TABLE customers (id bigint PRIMARY KEY);
CREATE TABLE t (
    id bigint GENERATED ALWAYS AS IDENTITY,
    at timestamptz NOT NULL,
    customer bigint DEFAULT 7 REFERENCES customers,
    amount numeric CONSTRAINT positive CHECK (amount > 0),
    doubled numeric GENERATED ALWAYS AS (amount * 2) STORED,
    body text,
    CONSTRAINT t_key PRIMARY KEY (id, at)
) PARTITION BY RANGE (at);
CREATE TABLE t_2026_01 PARTITION OF t FOR VALUES FROM ('2026-01-01Z') TO ('2026-02-01Z')
    WITH (fillfactor = 71, toast.autovacuum_enabled = off);
CREATE TABLE refunds (id bigint, at timestamptz, CONSTRAINT refund FOREIGN KEY (id, at) REFERENCES t);
ALTER TABLE t ENABLE ROW LEVEL SECURITY;
ALTER TABLE t FORCE ROW LEVEL SECURITY;
CREATE POLICY all_rows ON t USING (true);
ALTER TABLE t REPLICA IDENTITY FULL;
ALTER TABLE t ALTER amount SET STATISTICS 123;
ALTER TABLE t ALTER body SET STORAGE EXTERNAL;
ALTER TABLE t ALTER body SET COMPRESSION pglz;
CREATE STATISTICS amounts ON customer, amount FROM t;
COMMENT ON TABLE t IS 'of the table';
COMMENT ON COLUMN t.body IS 'of the column';
CREATE INDEX t_lower ON t (lower(body) text_pattern_ops) WHERE customer > 3;
CREATE FUNCTION noted() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE TRIGGER noted AFTER INSERT ON t FOR EACH ROW EXECUTE FUNCTION noted();
CREATE RULE silent AS ON UPDATE TO t WHERE false DO INSTEAD NOTHING;
";

/// A query on the catalog of the partition for each row of the page, and its result.
fn rows(major: u16, owner: &str) -> Vec<(&'static str, String, String)> {
    let class = |column: &str| format!("SELECT {column} FROM pg_class WHERE oid = @p");
    let column = |name: &str, of: &str| {
        format!("SELECT {of} FROM pg_attribute WHERE attrelid = @p AND attname = '{name}'")
    };
    let constraints = |kinds: &str, on: &str| {
        format!(
            "SELECT string_agg(contype::text, '' ORDER BY contype) FROM pg_constraint
                 WHERE {on} = @p AND contype IN ({kinds}) AND (conparentid <> 0 OR contype = 'c')"
        )
    };
    let owner = owner.to_owned();
    let text = str::to_owned;
    vec![
        ("owner", class("quote_ident(pg_get_userbyid(relowner))"), owner),
        ("grants", class("coalesce(relacl::text, 'none')"), text("none")),
        ("row security", class("relrowsecurity::text || relforcerowsecurity"), text("truetrue")),
        ("policies", text("SELECT count(*) FROM pg_policy WHERE polrelid = @p"), text("0")),
        ("storage parameters", class("reloptions::text"), text("{fillfactor=71}")),
        ("replica identity", class("relreplident"), text("f")),
        ("statistics targets", column("amount", "attstattarget"), text("123")),
        (
            "extended statistics",
            text("SELECT count(*) FROM pg_statistic_ext WHERE stxrelid = @p"),
            text("1"),
        ),
        (
            "table comment",
            text("SELECT left(obj_description(@p, 'pg_class'), 26)"),
            text("pgpartition.dev partition "),
        ),
        (
            "column comments",
            column("body", "col_description(attrelid, attnum)"),
            text("of the column"),
        ),
        (
            "column storage and compression",
            column("body", "attstorage::text || attcompression::text"),
            text("ep"),
        ),
        (
            "defaults",
            column(
                "customer",
                "(SELECT pg_get_expr(adbin, adrelid) FROM pg_attrdef WHERE adrelid = @p AND adnum = attnum)",
            ),
            text("7"),
        ),
        ("generated columns", column("doubled", "attgenerated"), text("s")),
        ("identity", column("id", "attidentity"), text(if major < 17 { "" } else { "a" })),
        ("NOT NULL and CHECK", column("at", "attnotnull"), text("t")),
        ("NOT NULL and CHECK", constraints("'c'", "conrelid"), text("c")),
        ("primary key, unique", constraints("'p'", "conrelid"), text("p")),
        (
            "indexes",
            text(
                "SELECT count(*) FROM pg_index x JOIN pg_inherits i ON i.inhrelid = x.indexrelid
            WHERE x.indrelid = @p AND indisvalid",
            ),
            text("2"),
        ),
        ("foreign keys", constraints("'f'", "conrelid"), text("f")),
        ("foreign keys", constraints("'f'", "confrelid"), text("f")),
        (
            "triggers",
            text(
                "SELECT string_agg(tgname, '') FROM pg_trigger WHERE tgrelid = @p AND tgname = 'noted'",
            ),
            text("noted"),
        ),
        ("rules", text("SELECT count(*) FROM pg_rewrite WHERE ev_class = @p"), text("0")),
        ("unlogged", class("relpersistence"), text("p")),
        (
            "publications",
            text(
                "SELECT string_agg(tablename, ' ') FROM pg_publication_tables WHERE pubname = 'all_of_t' AND tablename = 't_2026_02'",
            ),
            text("t_2026_02"),
        ),
    ]
}

/// Rows that need more than the one table have a test of their own.
const ELSEWHERE: [&str; 4] =
    ["tablespace", "access method", "index properties", "exclusion, WITHOUT OVERLAPS"];

#[tokio::test]
async fn new_partition_has_the_properties_on_the_page() {
    for major in majors() {
        let world = converged(major, TABLE).await;
        let partition = format!("'{SCHEMA_SQL}.t_2026_02'::regclass");
        for (property, query, expected) in rows(major, &world.owner) {
            let found = world.text(&query.replace("@p", &partition)).await;
            assert_eq!(found, expected, "Postgres {major}: {property}");
        }
    }
}

#[test]
fn every_row_of_the_page_is_proven() {
    let proven: Vec<_> =
        rows(NEWEST_MAJOR, "").into_iter().map(|row| row.0).chain(ELSEWHERE).collect();
    let (page, _) = PAGE.split_once("\n## Properties of the copy").unwrap();
    let said = page.lines().filter(|line| line.starts_with("| ")).skip(1);
    let said: Vec<_> = said.map(|line| line[2..].split(" | ").next().unwrap()).collect();
    let unproven: Vec<_> = said.iter().filter(|row| !proven.contains(row)).collect();
    assert!(unproven.is_empty(), "{unproven:?}");
    assert!(proven.iter().all(|row| said.contains(row)), "{proven:?}\n{said:?}");
}

/// Returns the database after the operator has created `t_2026_02`.
async fn converged(major: u16, table: &str) -> World {
    let world = World::new(major).await;
    world.owner(table).await;
    world.admin(&format!("CREATE PUBLICATION all_of_t FOR TABLE {SCHEMA_SQL}.t")).await;
    apply_to_t(&world).await;
    world
}

async fn apply_to_t(world: &World) {
    let spec = json!({
        "table": "t",
        "partitionBy": {"range": {"column": "at", "interval": "Month", "timeZone": "UTC"}},
        "ahead": 1,
    });
    let done = apply(&world.session().await, &desired(spec), "2026-01-15T12:00:00Z").await;
    let left = done.remaining.steps.len() + done.remaining.deferred.len();
    assert_eq!(left, 0, "Postgres {}: {:?}", world.major, done.outcomes);
}

#[tokio::test]
async fn replica_identity_index_is_set_on_the_partition() {
    for major in majors() {
        let world = converged(major, "
            CREATE TABLE t (at timestamptz NOT NULL, id int NOT NULL) PARTITION BY RANGE (at);
            CREATE TABLE t_2026_01 PARTITION OF t FOR VALUES FROM ('2026-01-01Z') TO ('2026-02-01Z');
            CREATE UNIQUE INDEX t_identity ON t (id, at);
            ALTER TABLE t REPLICA IDENTITY USING INDEX t_identity;").await;
        let index = format!(
            "SELECT indexrelid::regclass FROM pg_index
            WHERE indrelid = '{SCHEMA_SQL}.t_2026_02'::regclass AND indisreplident"
        );
        let expected = format!("{SCHEMA_SQL}.t_2026_02_identity");
        assert_eq!(world.text(&index).await, expected, "Postgres {major}");
    }
}

#[tokio::test]
async fn default_privileges_of_the_owner_apply() {
    for major in majors() {
        let world = World::new(major).await;
        let (owner, operator) = (&world.owner, &world.operator);
        world
            .admin(&format!(
                "ALTER DEFAULT PRIVILEGES FOR ROLE {owner} GRANT SELECT ON TABLES TO {operator}"
            ))
            .await;
        world.owner("
            CREATE TABLE t (at timestamptz NOT NULL) PARTITION BY RANGE (at);
            CREATE TABLE t_2026_01 PARTITION OF t FOR VALUES FROM ('2026-01-01Z') TO ('2026-02-01Z');").await;
        apply_to_t(&world).await;
        let may =
            format!("SELECT has_table_privilege('{operator}', '{SCHEMA_SQL}.t_2026_02', 'SELECT')");
        assert_eq!(world.text(&may).await, "t", "Postgres {major}");
    }
}

#[tokio::test]
async fn rows_are_visible_through_the_table_and_not_directly() {
    for major in majors() {
        let world = converged(major, TABLE).await;
        world
            .owner(
                "
            INSERT INTO customers VALUES (7);
            INSERT INTO t (at, amount) VALUES ('2026-02-02Z', 1);",
            )
            .await;
        let count = |table: &str| {
            format!(
                "SET ROLE {}; SELECT count(*) FROM {SCHEMA_SQL}.{table}; RESET ROLE",
                world.owner
            )
        };
        assert_eq!(world.text(&count("t")).await, "1", "Postgres {major}");
        assert_eq!(world.text(&count("t_2026_02")).await, "0", "Postgres {major}");
    }
}

#[tokio::test]
async fn tablespace_and_access_method_equal_those_of_the_table() {
    for major in majors() {
        let server = crate::support::postgres::Server::start(
            major,
            &["-c", "allow_in_place_tablespaces=on"],
        );
        let world = World::on(&server, major).await;
        world.admin("CREATE TABLESPACE other LOCATION ''").await;
        world.admin("CREATE ACCESS METHOD heap_too TYPE TABLE HANDLER heap_tableam_handler").await;
        world.admin(&format!("GRANT CREATE ON TABLESPACE other TO {}", world.owner)).await;
        let method = if major < 17 { "" } else { "USING heap_too" };
        world.owner(&format!("
            CREATE TABLE t (at timestamptz NOT NULL) PARTITION BY RANGE (at) {method} TABLESPACE other;
            CREATE TABLE t_2026_01 PARTITION OF t FOR VALUES FROM ('2026-01-01Z') TO ('2026-02-01Z');
            CREATE INDEX t_at ON t (at) TABLESPACE other;
            ALTER TABLE t ADD id bigint NOT NULL DEFAULT 0;
            ALTER TABLE t ADD CONSTRAINT t_key PRIMARY KEY (id, at)
                WITH (fillfactor = 70) USING INDEX TABLESPACE other;
            CREATE UNIQUE INDEX t_sum ON t ((id + 1), at) WITH (fillfactor = 71);
            ALTER INDEX t_sum ALTER COLUMN 1 SET STATISTICS 1234;")).await;
        apply_to_t(&world).await;
        assert_indexes_are_those_of_partition_of(&world).await;
        built_index_has_the_properties_of_the_parent_index(&world).await;
        let has = format!(
            "SELECT spcname || ' ' || amname FROM pg_class c
            JOIN pg_tablespace s ON s.oid = reltablespace JOIN pg_am a ON a.oid = relam
            WHERE c.oid = '{SCHEMA_SQL}.t_2026_02'::regclass"
        );
        let expected = if major < 17 { "other heap" } else { "other heap_too" };
        assert_eq!(world.text(&has).await, expected, "Postgres {major}");
    }
}

/// Compares tablespaces and storage parameters with `t_2026_01`, which was created with `PARTITION OF`.
async fn assert_indexes_are_those_of_partition_of(world: &World) {
    let indexes = |partition: &str| {
        format!(
            "SELECT string_agg(indkey::text || ' ' || coalesce(spcname, 'default')
                 || coalesce(reloptions::text, ''), ', ' ORDER BY indkey::text)
             FROM pg_index JOIN pg_class c ON c.oid = indexrelid
             LEFT JOIN pg_tablespace s ON s.oid = reltablespace
             WHERE indrelid = '{SCHEMA_SQL}.{partition}'::regclass"
        )
    };
    let by_hand = world.text(&indexes("t_2026_01")).await;
    assert_eq!(world.text(&indexes("t_2026_02")).await, by_hand, "Postgres {}", world.major);
    let target = format!(
        "SELECT attstattarget FROM pg_attribute
         WHERE attrelid = '{SCHEMA_SQL}.t_2026_02_sum'::regclass AND attnum = 1"
    );
    assert_eq!(world.text(&target).await, "1234", "Postgres {}", world.major);
}

/// An index that the spec names, and that the table has and one partition has not.
async fn built_index_has_the_properties_of_the_parent_index(world: &World) {
    let sql = "CREATE INDEX t_id ON ONLY t (id) WITH (fillfactor = 72) TABLESPACE other";
    world.owner(sql).await;
    let spec = json!({
        "table": "t", "ahead": 1, "indexes": [{"name": "t_id", "columns": [{"column": "id"}]}],
        "partitionBy": {"range": {"column": "at", "interval": "Month", "timeZone": "UTC"}},
    });
    apply(&world.session().await, &desired(spec), "2026-01-15T12:00:00Z").await;
    let properties = format!(
        "SELECT spcname || reloptions::text FROM pg_class c JOIN pg_tablespace s ON s.oid = reltablespace
         WHERE c.oid = '{SCHEMA_SQL}.t_2026_01_id'::regclass"
    );
    assert_eq!(world.text(&properties).await, "other{fillfactor=72}", "Postgres {}", world.major);
}

#[tokio::test]
async fn identity_column_uses_the_sequence_of_the_table_on_every_version() {
    for major in majors() {
        let world = converged(major, TABLE).await;
        world.owner("
            ALTER TABLE t NO FORCE ROW LEVEL SECURITY;
            INSERT INTO customers VALUES (7);
            INSERT INTO t (at, amount) VALUES ('2026-01-02Z', 1), ('2026-02-02Z', 1), ('2026-02-03Z', 1);").await;
        let ids = format!("SELECT string_agg(id::text, ' ' ORDER BY at) FROM {SCHEMA_SQL}.t");
        assert_eq!(world.text(&ids).await, "1 2 3", "Postgres {major}");
    }
}
