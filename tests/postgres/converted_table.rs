//! A table that was converted is the table that it would be if it had been partitioned from the start.

use pg_partition_operator::desired::DesiredTable;
use serde_json::{Value, json};

use crate::conversion::{NOW, patient};
use crate::copy_removal::{CATALOG, changed};
use crate::database::{SCHEMA_SQL, World, apply, desired};
use crate::support::postgres::majors;

/// Objects that the tables need.
const BEFORE: &str = "
    CREATE TABLE orgs (id int PRIMARY KEY);
    INSERT INTO orgs SELECT generate_series(1, 9);
    CREATE TABLE log (what text);
    CREATE FUNCTION audit() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;";

/// The table, with its key and what a partitioned table cannot have in place of `@`.
const TABLE: &str = "
    CREATE TABLE t (
        id bigint GENERATED ALWAYS AS IDENTITY (INCREMENT 3 CACHE 5), n serial, org int NOT NULL DEFAULT 7 REFERENCES orgs,
        at timestamptz NOT NULL DEFAULT now(), amount numeric(10, 2) CONSTRAINT positive CHECK (amount > 0),
        doubled numeric GENERATED ALWAYS AS (amount * 2) STORED, body text COLLATE \"C\" DEFAULT 'it''s',
        status text CHECK (status IN ('a', 'b')), PRIMARY KEY (@key)
    ) @by;
    ALTER TABLE t ADD late int CONSTRAINT has_late NOT NULL DEFAULT 5, ADD CONSTRAINT t_late UNIQUE (org, late, id, at),
        ENABLE ROW LEVEL SECURITY, REPLICA IDENTITY FULL, ALTER amount SET STATISTICS 123, ALTER body SET STORAGE EXTERNAL,
        ALTER body SET COMPRESSION pglz, ALTER org SET (n_distinct = -0.5@inherited);
    CREATE INDEX t_body ON t (lower(body) text_pattern_ops) WITH (fillfactor = 73) WHERE late > 3;
    CREATE INDEX ON t (at DESC);
    ALTER INDEX t_body ALTER 1 SET STATISTICS 77;
    CREATE STATISTICS t_amounts ON amount, late FROM t;
    CREATE STATISTICS odd (mcv) ON (amount + 1), org FROM t;
    ALTER STATISTICS odd SET STATISTICS 9;
    CREATE POLICY mine ON t FOR SELECT TO pg_monitor USING (EXISTS (SELECT FROM orgs AS o WHERE o.id = t.org));
    CREATE POLICY rest ON t AS RESTRICTIVE USING (status IN ('a', 'b')) WITH CHECK (org > 1);
    CREATE TRIGGER audit AFTER INSERT OR UPDATE OF body ON t FOR EACH ROW WHEN (NEW.late > 1) EXECUTE FUNCTION audit('x');
    CREATE TRIGGER quiet AFTER DELETE ON t FOR EACH STATEMENT EXECUTE FUNCTION audit();
    ALTER TABLE t DISABLE TRIGGER quiet;
    CREATE VIEW of_t WITH (security_barrier) AS SELECT id, body FROM t WHERE late > 2 WITH CHECK OPTION;
    CREATE FUNCTION add(o int) RETURNS void LANGUAGE sql BEGIN ATOMIC INSERT INTO t (org) VALUES (o); END;
    CREATE PUBLICATION p FOR TABLE t WITH (publish_via_partition_root);
    GRANT SELECT ON t, of_t TO pg_monitor WITH GRANT OPTION;
    GRANT INSERT, UPDATE (body, org) ON t TO pg_monitor;
    GRANT SELECT (id) ON t TO PUBLIC;
    GRANT USAGE ON SEQUENCE t_id_seq, t_n_seq TO pg_monitor;
    COMMENT ON TABLE t IS E'of the table\nsecond line';
    COMMENT ON COLUMN t.late IS 'of the column';
    COMMENT ON CONSTRAINT positive ON t IS 'of the check';
    COMMENT ON CONSTRAINT t_org_fkey ON t IS 'of the foreign key';
    COMMENT ON CONSTRAINT t_late ON t IS 'of the unique constraint';
    COMMENT ON CONSTRAINT t_pkey ON t IS 'of the key';
    COMMENT ON INDEX t_pkey IS 'of the index of the key';
    COMMENT ON INDEX t_body IS 'of the index';
    COMMENT ON STATISTICS odd IS 'of the statistics';
    COMMENT ON SEQUENCE t_id_seq IS 'of the sequence';
    COMMENT ON TRIGGER audit ON t IS 'of the trigger';
    COMMENT ON POLICY rest ON t IS 'of the policy';";

/// Rows, and the foreign key of another table, which names the whole key of a partitioned table.
const AFTER: &str = "
    INSERT INTO t (org, at) SELECT n % 9 + 1, '2026-02-01 00:00Z'::timestamptz + n * interval '1 day'
        FROM generate_series(1, 40) AS n;
    CREATE TABLE lines (t bigint, @column, CONSTRAINT of_t FOREIGN KEY (t, @name) REFERENCES t (id, @name));
    ANALYZE t;";

/// A way to partition, and its column.
struct Way {
    column: &'static str,
    data_type: &'static str,
    method: &'static str,
    partition_by: Value,
}

fn ways() -> [Way; 2] {
    [
        Way {
            column: "org",
            data_type: "int",
            method: "HASH",
            partition_by: json!({"hash": {"columns": ["org"], "partitions": 2}}),
        },
        Way {
            column: "at",
            data_type: "timestamptz",
            method: "RANGE",
            partition_by: json!({"range": {
                "column": "at", "interval": "Month", "timeZone": "UTC", "startAt": "2026-02-01",
            }}),
        },
    ]
}

impl Way {
    fn spec(&self, conversion: Option<&Value>) -> DesiredTable {
        let mut spec = patient(json!({"table": "t", "partitionBy": self.partition_by}));
        let fields = spec.as_object_mut().unwrap();
        if self.method == "RANGE" {
            fields.insert("ahead".to_owned(), 1.into());
            fields.insert("defaultPartition".to_owned(), "Present".into());
        }
        fields.extend(conversion.map(|conversion| ("conversion".to_owned(), conversion.clone())));
        desired(spec)
    }

    fn table([key, by, inherited]: [&str; 3]) -> String {
        TABLE.replace("@key", key).replace("@by", by).replace("@inherited", inherited)
    }

    fn after(&self) -> String {
        let column = format!("{} {}", self.column, self.data_type);
        AFTER.replace("@column", &column).replace("@name", self.column)
    }
}

async fn world(major: u16) -> World {
    let world = World::new(major).await;
    let grant = format!("GRANT CREATE ON DATABASE {} TO {}", world.database.name(), world.owner);
    world.admin(&grant).await;
    world.owner(BEFORE).await;
    world
}

/// The catalog without the numbers of objects, the names of the database and its roles, and the operator's records.
async fn catalog(world: &World) -> String {
    world.admin("DROP SCHEMA IF EXISTS pgpartition CASCADE").await;
    world.admin(&format!("VACUUM ANALYZE {SCHEMA_SQL}.t")).await;
    // Temporary objects are of sessions.
    let facts =
        format!("SELECT regexp_replace(f, '[0-9]{{5}}', '', 'g') FROM ({CATALOG}) AS c (f)");
    let facts = world.text(&facts).await.replace(world.database.name(), "database");
    facts.lines().filter(|fact| !fact.contains("pg_temp")).collect::<Vec<_>>().join("\n")
}

async fn converted(major: u16, way: &Way) -> World {
    let world = world(major).await;
    world.owner(&Way::table(["id", "", ""])).await;
    let (first, rest) = way
        .after()
        .split_once("CREATE TABLE lines")
        .map(|(a, b)| (a.to_owned(), b.to_owned()))
        .unwrap();
    world.owner(&first).await;
    let session = world.session().await;
    let conversion = |source: Value| json!({"method": "Copy", "serveFrom": "Partitioned", "acknowledge": ["UniqueKey:t_pkey"], "source": source});
    let kept = way.spec(Some(&conversion(json!({"afterCutover": "Keep"}))));
    let done = apply(&session, &kept, NOW).await;
    assert!(done.remaining.is_done(), "Postgres {major}: {}", done.remaining);
    world.owner(&format!("CREATE TABLE lines{rest}")).await;
    let dropped = conversion(json!({"afterCutover": "Drop", "dropAfter": "0s"}));
    let done = apply(&session, &way.spec(Some(&dropped)), NOW).await;
    assert!(done.remaining.is_done(), "Postgres {major}: {}", done.remaining);
    let done = apply(&session, &way.spec(None), NOW).await;
    assert!(
        done.remaining.is_done() && done.remaining.deferred.is_empty(),
        "Postgres {major}: {}",
        done.remaining
    );
    world
}

async fn partitioned(major: u16, way: &Way) -> World {
    let world = world(major).await;
    let key = format!("id, {}", way.column);
    let by = format!("PARTITION BY {} ({})", way.method, way.column);
    // ANALYZE of a partitioned table takes n_distinct_inherited.
    world.owner(&Way::table([&key, &by, ", n_distinct_inherited = -0.5"])).await;
    let session = world.session().await;
    let done = apply(&session, &way.spec(None), NOW).await;
    assert!(done.remaining.is_done(), "Postgres {major}: {}", done.remaining);
    world.owner(&way.after()).await;
    world
}

#[tokio::test]
async fn converted_table_is_in_the_catalog_as_one_that_was_partitioned_from_the_start() {
    for major in majors() {
        for way in ways() {
            let converted = converted(major, &way).await;
            let partitioned = partitioned(major, &way).await;
            let [one, other] = [catalog(&converted).await, catalog(&partitioned).await];
            let changed = changed(&one, &other);
            assert!(changed.is_empty(), "Postgres {major}, {}: {changed:#?}", way.method);
            let lines = [one.lines().count(), other.lines().count()];
            assert_eq!(lines[0], lines[1], "Postgres {major}, {}", way.method);
        }
    }
}
