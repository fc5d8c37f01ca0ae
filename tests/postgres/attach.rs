//! A plain table that becomes the oldest partition, and a plain table again: what applications have of it stays as it was.

use pg_partition_operator::partition::{
    CopiedTable, Edge, Identifier, KeyRange, KeyType, Method, RangeBounds, RangeKey,
    attached_key_name, detached_check, own_key_name,
};
use pg_partition_operator::plan::{AttachSource, DetachSource};
use pg_partition_operator::postgres::{DatabaseError, ErrorKind};
use pg_partition_operator::sql::{attach_source, create_copy, detach_source};

use crate::copy_fixture::{copy_oid, described, in_sql, quoted, read_columns, run_as_owner};
use crate::database::{SCHEMA_SQL, World};
use crate::support::postgres::majors;

/// A table with every property that depends on the name of a table.
pub(crate) const TABLE: &str = r#"
CREATE TABLE orgs (id int PRIMARY KEY);
INSERT INTO orgs SELECT generate_series(1, 5);
CREATE TABLE log (what text, "on" text);
CREATE FUNCTION log() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN INSERT INTO @schema.log VALUES (TG_NAME, TG_OP); RETURN NEW; END $$;
CREATE TABLE t (
    id bigint GENERATED ALWAYS AS IDENTITY (INCREMENT 3 CACHE 5 MAXVALUE 100000 CYCLE) CONSTRAINT "t's key" PRIMARY KEY,
    gone int, n serial, org int CONSTRAINT of_org REFERENCES orgs DEFERRABLE, at timestamptz NOT NULL,
    status text DEFAULT 'new' CONSTRAINT given CHECK (status <> ''), email text UNIQUE,
    doubled bigint GENERATED ALWAYS AS (n * 2) STORED
);
ALTER TABLE t DROP gone, REPLICA IDENTITY USING INDEX "t's key", ENABLE ROW LEVEL SECURITY;
CREATE POLICY rest ON t TO @reader USING (status <> 'secret');
CREATE INDEX t_status ON t (lower(status)) INCLUDE (org) WHERE n > 0;
CREATE INDEX "Odd" ON t (at DESC);
CREATE UNIQUE INDEX t_both ON t (at, n);
GRANT USAGE ON SCHEMA @schema TO @reader;
GRANT SELECT, UPDATE (status) ON t TO @reader;
GRANT USAGE ON SEQUENCE t_id_seq TO @reader;
COMMENT ON TABLE t IS E'all\nof them';
CREATE TRIGGER audit AFTER INSERT OR UPDATE OF status ON t FOR EACH ROW WHEN (new.n > 0) EXECUTE FUNCTION log();
CREATE TRIGGER bulk AFTER INSERT ON t REFERENCING NEW TABLE AS n FOR EACH STATEMENT EXECUTE FUNCTION log();
CREATE CONSTRAINT TRIGGER late AFTER DELETE ON t DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION log();
CREATE TRIGGER "Off" BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION log();
ALTER TABLE t DISABLE TRIGGER "Off", ENABLE ALWAYS TRIGGER bulk;
COMMENT ON TRIGGER "Off" ON t IS 'not now';
CREATE VIEW v WITH (security_barrier, check_option = local) AS SELECT id, status, at FROM t WHERE status <> 'x';
GRANT SELECT ON v TO @reader;
CREATE VIEW "V 2" AS SELECT v.id, o.at FROM v JOIN t AS o USING (id);
CREATE FUNCTION total() RETURNS bigint LANGUAGE sql BEGIN ATOMIC SELECT count(*) FROM t; END;
INSERT INTO t (org, at) SELECT 1 + g % 5, '2026-12-01'::timestamptz + g * interval '1 minute' FROM generate_series(1, 500) AS g;
"#;

/// Properties that applications see under the name of the table.
const KNOWN: &str = "
    SELECT string_agg(fact, E'\\n' ORDER BY fact) FROM (
        SELECT concat('table ', relreplident, relrowsecurity, relacl, obj_description(oid, 'pg_class')) AS fact
        FROM pg_class WHERE oid = @t
        UNION ALL
        SELECT concat('column ', attname, attacl, attnotnull, attidentity, attgenerated, pg_get_expr(adbin, adrelid))
        FROM pg_attribute LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
        WHERE attrelid = @t AND attnum > 0 AND NOT attisdropped
        UNION ALL
        SELECT concat('sequence ', s.seqrelid::regclass, c.relacl, seqtypid, seqincrement, seqmax, seqcache, seqcycle, d.deptype)
        FROM pg_sequence AS s JOIN pg_class AS c ON c.oid = s.seqrelid JOIN pg_depend AS d ON d.objid = c.oid
        WHERE d.refobjid = @t
        UNION ALL
        SELECT concat('trigger ', pg_get_triggerdef(oid), tgenabled, obj_description(oid, 'pg_trigger'))
        FROM pg_trigger WHERE tgrelid = @t AND NOT tgisinternal
        UNION ALL
        SELECT concat('view ', relname, reloptions, relacl, pg_get_viewdef(oid)) FROM pg_class WHERE relkind = 'v'
            AND relnamespace = (SELECT relnamespace FROM pg_class WHERE oid = @t)
        UNION ALL
        SELECT concat('function ', pg_get_functiondef(oid)) FROM pg_proc WHERE proname = 'total'
        UNION ALL
        SELECT concat('policy ', polname, pg_get_expr(polqual, polrelid)) FROM pg_policy WHERE polrelid = @t
        UNION ALL
        SELECT concat('check ', conname, pg_get_constraintdef(oid), convalidated) FROM pg_constraint
        WHERE conrelid = @t AND contype IN ('c', 'f', 'n')
        UNION ALL
        SELECT concat('publication ', p::text) FROM pg_publication_tables AS p
    ) AS facts";

/// Keys that the plain table has and the partitioned table cannot have.
const KEYS: &str = "
    SELECT string_agg(concat(c.relname, x.indisprimary, x.indisreplident, pg_get_indexdef(x.indexrelid),
        pg_get_constraintdef(k.oid)), E'\\n' ORDER BY c.relname)
    FROM pg_index AS x JOIN pg_class AS c ON c.oid = x.indexrelid LEFT JOIN pg_constraint AS k ON k.conindid = c.oid
    WHERE x.indrelid = @t";

async fn of_table(world: &World, query: &str) -> String {
    world.text(&query.replace("@t", &format!("'{SCHEMA_SQL}.t'::regclass"))).await
}

/// December 2026 is where the plain table ends.
fn until_2027() -> KeyRange {
    let column = Identifier::new("at").unwrap();
    let range = RangeBounds::new(Edge::MinValue, Edge::At(1_798_761_600_000_000)).unwrap();
    KeyRange { key: RangeKey { column, key_type: KeyType::TimestampTz }, range }
}

/// Creates the table, the partitioned table with two partitions, and the indexes that the first needs.
pub(crate) async fn prepared(world: &World, table: &str) -> CopiedTable {
    let reader = format!("reader_of_{}", world.database.name());
    world.admin(&format!("CREATE ROLE {reader}")).await;
    world.owner(&table.replace("@reader", &reader).replace("@schema", SCHEMA_SQL)).await;
    let mut table = described(world, "t", (&["id"], &["at"]));
    read_columns(world, &mut table).await;
    let create = create_copy(&table, Method::Range);
    run_as_owner(&world.session().await, &table, create).await.unwrap();
    world
        .owner(
            "CREATE INDEX t_partitioned_status ON t_partitioned (lower(status)) INCLUDE (org) WHERE n > 0;
             CREATE INDEX \"t_partitioned_Odd\" ON t_partitioned (at DESC);
             CREATE UNIQUE INDEX t_partitioned_both ON t_partitioned (at, n);
             CREATE TABLE t_2027 PARTITION OF t_partitioned FOR VALUES FROM ('2027-01-01Z') TO ('2028-01-01Z');
             CREATE TABLE t_default PARTITION OF t_partitioned DEFAULT;",
        )
        .await;
    table
}

/// Builds the indexes that the plain table needs, and states its bounds.
pub(crate) async fn with_keys(world: &World, table: &CopiedTable) {
    let [full, own] = [attached_key_name(&table.managed), own_key_name(&table.managed)];
    let check = detached_check(&table.managed);
    world
        .owner(&format!(
            "CREATE UNIQUE INDEX {} ON t (id, at); CREATE UNIQUE INDEX {} ON t (id);
             ALTER TABLE t ADD CONSTRAINT {} CHECK (at IS NOT NULL AND at < '2027-01-01Z'::timestamptz)",
            quoted(&full),
            quoted(&own),
            quoted(&check)
        ))
        .await;
}

async fn source_oid(world: &World, table: &CopiedTable) -> u32 {
    let source = in_sql(&table.source.name);
    world.text(&format!("SELECT '{source}'::regclass::oid")).await.parse().unwrap()
}

pub(crate) async fn attach_step(world: &World, table: &CopiedTable) -> AttachSource {
    AttachSource {
        table: table.clone(),
        source: source_oid(world, table).await,
        copy: copy_oid(world, table).await,
        range: until_2027(),
        partitions: Vec::new(),
        views: Vec::new(),
        references: Vec::new(),
    }
}

pub(crate) async fn attach(
    world: &World,
    table: &CopiedTable,
) -> Result<CopiedTable, DatabaseError> {
    let step = attach_step(world, table).await;
    run_as_owner(&world.session().await, table, attach_source(&step)).await?;
    Ok(table.swapped())
}

async fn detach(world: &World, table: &CopiedTable) -> Result<CopiedTable, DatabaseError> {
    let step = detach_step(world, table).await;
    run_as_owner(&world.session().await, table, detach_source(&step)).await?;
    Ok(table.swapped())
}

pub(crate) async fn detach_step(world: &World, table: &CopiedTable) -> DetachSource {
    DetachSource {
        table: table.clone(),
        source: source_oid(world, table).await,
        copy: copy_oid(world, table).await,
        partitions: Vec::new(),
        views: Vec::new(),
        references: Vec::new(),
    }
}

/// Publishes the table as the owner may.
async fn publish(world: &World) {
    let (database, owner) = (world.database.name(), &world.owner);
    world.admin(&format!("GRANT CREATE ON DATABASE {database} TO {owner}")).await;
    let what = if world.major < 15 { "" } else { " (id, at, status) WHERE (at > '2020-01-01')" };
    world
        .owner(&format!(
            "CREATE PUBLICATION p FOR TABLE t{what} WITH (publish_via_partition_root, publish = 'insert')"
        ))
        .await;
}

#[tokio::test]
async fn plain_table_becomes_the_oldest_partition_and_a_plain_table_again() {
    for major in majors() {
        let world = World::new(major).await;
        let table = prepared(&world, TABLE).await;
        publish(&world).await;
        let [known, keys] = [of_table(&world, KNOWN).await, of_table(&world, KEYS).await];
        let rows = "SELECT concat(count(*), ' ', sum(hashtext(t::text)::bigint)) FROM @t AS t"
            .replace("@t", "t");
        let rows = rows.replace("FROM t", &format!("FROM {SCHEMA_SQL}.t"));
        let counted = world.text(&rows).await;
        for _ in 0..2 {
            with_keys(&world, &table).await;
            let attached = attach(&world, &table).await.unwrap();
            assert_eq!(of_table(&world, KNOWN).await, known, "Postgres {major}, attached");
            let names = "SELECT string_agg(c.relname, ', ' ORDER BY c.relname) FROM pg_index JOIN pg_class AS c ON c.oid = indexrelid
                         WHERE indrelid = @t AND indisvalid";
            assert_eq!(of_table(&world, names).await, "Odd, t's key, t_both, t_status");
            detach(&world, &attached).await.unwrap();
            assert_eq!(of_table(&world, KNOWN).await, known, "Postgres {major}, detached");
            assert_eq!(of_table(&world, KEYS).await, keys, "Postgres {major}");
            assert_eq!(world.text(&rows).await, counted);
        }
    }
}

#[tokio::test]
async fn writes_succeed_after_each_turn_and_no_number_is_used_twice() {
    for major in majors() {
        let world = World::new(major).await;
        let table = prepared(&world, TABLE).await;
        let write = "INSERT INTO t (org, at) VALUES (1, '2026-12-24Z'); UPDATE v SET status = 'seen' WHERE at = '2026-12-24Z'";
        world.owner(write).await;
        with_keys(&world, &table).await;
        let attached = attach(&world, &table).await.unwrap();
        world.owner(write).await;
        detach(&world, &attached).await.unwrap();
        world.owner(write).await;
        let counts = format!(
            "SELECT concat(count(*), ' ', count(DISTINCT id), ' ', count(DISTINCT n), ' ', {SCHEMA_SQL}.total(), ' ',
             (SELECT count(*) FROM {SCHEMA_SQL}.\"V 2\"), ' ', count(*) FILTER (WHERE status = 'seen')) FROM {SCHEMA_SQL}.t"
        );
        assert_eq!(world.text(&counts).await, "503 503 503 503 503 3", "Postgres {major}");
        let logged = format!(
            "SELECT string_agg(concat(what, ' ', \"on\", ' ', n), ', ' ORDER BY what, \"on\") FROM
             (SELECT what, \"on\", count(*) AS n FROM {SCHEMA_SQL}.log GROUP BY 1, 2) AS l"
        );
        assert_eq!(
            world.text(&logged).await,
            "audit INSERT 503, audit UPDATE 6, bulk INSERT 4",
            "Postgres {major}"
        );
    }
}

#[tokio::test]
async fn rollback_is_rejected_once_a_row_lies_in_another_partition() {
    for major in majors() {
        let world = World::new(major).await;
        let table = prepared(&world, TABLE).await;
        with_keys(&world, &table).await;
        let attached = attach(&world, &table).await.unwrap();
        for at in ["2027-03-01Z", "2029-01-01Z"] {
            world.owner(&format!("INSERT INTO t (org, at) VALUES (1, '{at}')")).await;
            let error = detach(&world, &attached).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Changed, "Postgres {major}: {error}");
            assert!(error.to_string().contains("has rows"), "{error}");
            world.owner(&format!("DELETE FROM t WHERE at = '{at}'")).await;
        }
        detach(&world, &attached).await.unwrap();
    }
}

#[tokio::test]
async fn nothing_is_attached_if_the_tables_changed() {
    let changes = [
        ("ALTER TABLE t ADD late int", "differ"),
        ("GRANT DELETE ON t TO PUBLIC", "differ"),
        (
            "ALTER TABLE t_partitioned RENAME TO other; CREATE TABLE t_partitioned (LIKE t)",
            "another table",
        ),
        ("INSERT INTO t_partitioned (org, at) VALUES (1, '2027-03-01Z')", "has rows"),
        ("DROP INDEX t_source_own_key", "t_source_own_key"),
        ("DROP INDEX t_status", "lacks an index"),
    ];
    for major in majors() {
        for (change, message) in changes {
            let world = World::new(major).await;
            let table = prepared(&world, TABLE).await;
            with_keys(&world, &table).await;
            let oids = (source_oid(&world, &table).await, copy_oid(&world, &table).await);
            world.owner(change).await;
            let step = AttachSource {
                table: table.clone(),
                source: oids.0,
                copy: oids.1,
                range: until_2027(),
                partitions: Vec::new(),
                views: Vec::new(),
                references: Vec::new(),
            };
            let before = of_table(&world, KNOWN).await;
            let session = world.session().await;
            let error = run_as_owner(&session, &table, attach_source(&step)).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Changed, "Postgres {major}, {change}: {error}");
            assert!(error.to_string().contains(message), "Postgres {major}, {change}: {error}");
            assert_eq!(of_table(&world, KNOWN).await, before);
        }
    }
}

/// The key of the plain table can hold the partition column, or be an index without a constraint.
#[tokio::test]
async fn rollback_restores_the_other_keys() {
    let tables = [
        "CREATE TABLE t (id bigint, at timestamptz, n int, PRIMARY KEY (id, at)); CREATE UNIQUE INDEX mine ON t (id)",
        "CREATE TABLE t (id bigint NOT NULL, at timestamptz NOT NULL, n int);
         CREATE UNIQUE INDEX mine ON t (id) INCLUDE (n); ALTER TABLE t REPLICA IDENTITY USING INDEX mine",
        "CREATE TABLE t (id bigint NOT NULL UNIQUE, at timestamptz NOT NULL, n int)",
    ];
    for major in majors() {
        for sql in tables {
            let world = World::new(major).await;
            world.owner(&format!("{sql}; INSERT INTO t SELECT g, '2026-12-01Z', 0 FROM generate_series(1, 9) AS g")).await;
            let mut table = described(&world, "t", (&["id"], &["at"]));
            if sql.contains("(id, at)") {
                table.key = ["id", "at"].map(|name| Identifier::new(name).unwrap()).to_vec();
            }
            read_columns(&world, &mut table).await;
            let create = create_copy(&table, Method::Range);
            run_as_owner(&world.session().await, &table, create).await.unwrap();
            world.owner("CREATE TABLE t_default PARTITION OF t_partitioned DEFAULT").await;
            let (known, keys) = (of_table(&world, KNOWN).await, of_table(&world, KEYS).await);
            let include = if sql.contains("INCLUDE") { " INCLUDE (n)" } else { "" };
            let check = quoted(&detached_check(&table.managed));
            if table.key.len() == 1 {
                world
                    .owner(&format!("CREATE UNIQUE INDEX t_source_key ON t (id, at){include}"))
                    .await;
            }
            world.owner(&format!("ALTER TABLE t ADD CONSTRAINT {check} CHECK (at IS NOT NULL AND at < '2027-01-01Z'::timestamptz)")).await;
            let attached = attach(&world, &table)
                .await
                .unwrap_or_else(|error| panic!("Postgres {major}, {sql}: {error}"));
            detach(&world, &attached)
                .await
                .unwrap_or_else(|error| panic!("Postgres {major}, {sql}: {error}"));
            assert_eq!(of_table(&world, KNOWN).await, known, "Postgres {major}, {sql}");
            assert_eq!(of_table(&world, KEYS).await, keys, "Postgres {major}, {sql}");
        }
    }
}
