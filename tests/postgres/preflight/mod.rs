//! The preflight of a conversion finds every fault of a real table, through the real query, as the login of the documents.

use pg_partition_operator::converge::observe_and_plan;
use pg_partition_operator::plan::{
    ConversionNote, Finding, FoundLoss, LossAt, PlanTime, preflight,
};
use pg_partition_operator::postgres::Session;
use serde_json::{Value, json};

mod keys;
mod names;
mod objects;

use crate::database::{SCHEMA_SQL, World, at, desired};
use crate::support::postgres::majors;

const NOW: &str = "2026-01-15T12:00:00Z";

/// A table with nothing unusual, whose key contains the partition column.
const TABLE: &str = "
    CREATE TABLE orgs (id int PRIMARY KEY);
    CREATE TABLE t (
        id bigint GENERATED ALWAYS AS IDENTITY, org_id int NOT NULL, at timestamptz NOT NULL, note text, parent bigint,
        PRIMARY KEY (id, org_id)
    );";

/// Functions of triggers.
const FUNCTIONS: &str = "
    CREATE FUNCTION plain() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
    CREATE FUNCTION names_table() RETURNS trigger LANGUAGE plpgsql
        AS 'BEGIN RAISE NOTICE ''%'', tg_table_name; RETURN NEW; END';
    CREATE FUNCTION names_column() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.org_id := 1; RETURN NEW; END';";

/// A fault: what the owner and then an administrator do, and what is found.
#[derive(Clone, Copy)]
struct Fault {
    owner: &'static str,
    admin: &'static str,
    found: &'static [&'static str],
}

const fn by_owner(owner: &'static str, found: &'static [&'static str]) -> Fault {
    Fault { owner, admin: "", found }
}

const fn by_admin(admin: &'static str, found: &'static [&'static str]) -> Fault {
    Fault { owner: "", admin, found }
}

/// Faults that one table can have together, and beside each what is like it and no fault.
const OF_OBJECTS: [Fault; 6] = [
    Fault {
        owner: "ALTER TABLE t ADD UNIQUE (note), ADD UNIQUE (org_id, note), ADD period int4range,
                    ADD CONSTRAINT apart EXCLUDE USING gist (period WITH &&);
                CREATE UNIQUE INDEX t_low ON t (lower(note));
                CREATE UNIQUE INDEX t_id ON t (id);
                CREATE TABLE lines (t_id bigint CONSTRAINT line REFERENCES t (id));
                CREATE TABLE parts (t_id bigint, t_org int, CONSTRAINT part FOREIGN KEY (t_id, t_org) REFERENCES t)
                    PARTITION BY LIST (t_org);
                CREATE TABLE parts_1 PARTITION OF parts FOR VALUES IN (1);
                ALTER TABLE t ADD CONSTRAINT up FOREIGN KEY (parent) REFERENCES t (id),
                    ADD FOREIGN KEY (org_id) REFERENCES orgs NOT VALID, ADD FOREIGN KEY (org_id) REFERENCES orgs;
                ALTER TABLE t ADD CHECK (id > 0) NO INHERIT, ADD CHECK (id > 0) NOT VALID, ADD CHECK (id > 0);
                CREATE RULE forget AS ON DELETE TO t DO INSTEAD NOTHING",
        admin: "ALTER TABLE orgs OWNER TO CURRENT_USER",
        found: &[
            "CheckNotInherited",
            "CheckNotValid",
            "ForeignKeyNotValid",
            "ReferencesNotGranted",
            "ReferencesNotGranted",
            "HasRules",
            "UniqueKey:t_id",
            "UniqueKey:t_low",
            "UniqueKey:t_note_key",
            "ForeignKey:\"Fin\"\"an;ce\".lines.line",
            "ForeignKey:\"Fin\"\"an;ce\".parts.part",
            "ForeignKey:\"Fin\"\"an;ce\".t.up",
            "Exclusion:apart",
        ],
    },
    by_owner(
        "CREATE TRIGGER a AFTER UPDATE ON t FOR EACH ROW EXECUTE FUNCTION plain();
         CREATE TRIGGER b AFTER UPDATE ON t REFERENCING NEW TABLE AS n FOR EACH ROW EXECUTE FUNCTION plain();
         CREATE TRIGGER c AFTER UPDATE ON t REFERENCING NEW TABLE AS n EXECUTE FUNCTION names_table();
         CREATE TRIGGER \"D d\" BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION names_column();
         CREATE TRIGGER e BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION plain('at', 'org_id');
         CREATE TRIGGER f BEFORE DELETE ON t FOR EACH ROW EXECUTE FUNCTION names_column();
         CREATE CONSTRAINT TRIGGER g AFTER INSERT ON t FOR EACH ROW EXECUTE FUNCTION names_table();
         ALTER TABLE t DISABLE TRIGGER g;
         CREATE TRIGGER h BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger();
         CREATE TABLE t_source (); CREATE TYPE t_partitioned AS ENUM ();
         CREATE FUNCTION sync_to_source_t_truncate(int) RETURNS int LANGUAGE sql AS 'SELECT 1';
         CREATE TRIGGER read_only_since_cutover BEFORE DELETE ON t EXECUTE FUNCTION plain()",
        &[
            "TriggerNotPossible",
            "NameTaken",
            "NameTaken",
            "NameTaken",
            "NameTaken",
            "RowMover:\"D d\"",
            "RowMover:e",
            "TriggerSeesPartition:g",
            "TriggerSeesPartition:h",
        ],
    ),
    Fault {
        owner: "CREATE VIEW a AS SELECT id FROM t; CREATE VIEW b AS SELECT * FROM a;
                CREATE VIEW c AS SELECT t FROM t; CREATE VIEW d AS SELECT count(q.t) FROM (SELECT t FROM t) q;
                CREATE VIEW e AS SELECT id, org_id, note FROM t GROUP BY id, org_id;
                CREATE VIEW f AS SELECT id FROM t;
                CREATE FUNCTION f() RETURNS bigint LANGUAGE sql BEGIN ATOMIC SELECT id FROM t; END;
                ALTER TABLE t ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY; CREATE POLICY p ON t USING (id > 0);
                CREATE MATERIALIZED VIEW m AS SELECT id FROM t; CREATE TABLE o (x t, y bigint);
                CREATE POLICY p ON o USING (y IN (SELECT id FROM t));
                CREATE FUNCTION f(t) RETURNS int LANGUAGE sql AS 'SELECT 1';
                CREATE RULE r AS ON INSERT TO o DO ALSO DELETE FROM t; CREATE DOMAIN g AS t",
        admin: "ALTER VIEW f OWNER TO CURRENT_USER",
        found: &[
            "ForcedRowSecurity",
            "View:\"Fin\"\"an;ce\".c",
            "View:\"Fin\"\"an;ce\".d",
            "View:\"Fin\"\"an;ce\".f",
            "bound: 6",
        ],
    },
    by_owner(
        "ALTER TABLE t ENABLE ROW LEVEL SECURITY; ALTER TABLE t DROP CONSTRAINT t_pkey, ADD PRIMARY KEY (id);
         CREATE VIEW v AS SELECT id, note FROM t GROUP BY id",
        &["UniqueKey:t_pkey", "View:\"Fin\"\"an;ce\".v"],
    ),
    by_admin(
        "CREATE PUBLICATION by_root FOR TABLE t WITH (publish_via_partition_root);
         ALTER PUBLICATION by_root OWNER TO OWNER_ROLE",
        &[],
    ),
    by_admin(
        "CREATE PUBLICATION by_partition FOR TABLE t;
         CREATE PUBLICATION everything FOR ALL TABLES WITH (publish_via_partition_root);
         CREATE SUBSCRIPTION from_elsewhere CONNECTION '' PUBLICATION p WITH (connect = false);
         INSERT INTO pg_subscription_rel SELECT oid, 't'::regclass, 'r', NULL FROM pg_subscription WHERE subdbid = DATABASE_ID;
         INSERT INTO pg_seclabel VALUES ('t'::regclass, 'pg_class'::regclass, 2, 'anon', 'MASKED')",
        &[
            "PublishedByPartition",
            "PublishedByPartition",
            "SubscriptionTarget",
            "SecurityLabel:anon",
            "Publication:everything",
        ],
    ),
];

/// Tables of other kinds.
const OF_KINDS: [Fault; 5] = [
    by_owner(
        "ALTER TABLE t SET UNLOGGED; CREATE UNLOGGED TABLE parent (id bigint); ALTER TABLE t INHERIT parent;
         CREATE UNLOGGED TABLE child () INHERITS (t)",
        &["NotConvertible", "NotConvertible", "NotConvertible", "bound: 1"],
    ),
    by_owner(
        "ALTER TABLE t ALTER id DROP IDENTITY; CREATE TABLE parted (LIKE t) PARTITION BY LIST (org_id);
         ALTER TABLE parted ATTACH PARTITION t DEFAULT",
        &["NotConvertible"],
    ),
    Fault {
        owner: "DROP TABLE t; CREATE TYPE shape AS (id bigint, org_id int);
                CREATE TABLE t OF shape (PRIMARY KEY (id, org_id))",
        admin: "CREATE EXTENSION citext SCHEMA public; ALTER EXTENSION citext ADD TABLE t",
        found: &["NotConvertible", "NotConvertible"],
    },
    by_owner("DROP TABLE t; CREATE VIEW t AS SELECT 1 AS org_id", &["NotConvertible"]),
    by_admin(
        "DROP TABLE t; CREATE EXTENSION postgres_fdw SCHEMA public;
         CREATE SERVER nowhere FOREIGN DATA WRAPPER postgres_fdw; CREATE FOREIGN TABLE t (org_id int) SERVER nowhere",
        &["NotConvertible"],
    ),
];

/// Faults that exist, or no longer exist, since a major.
const SINCE: [(u16, Fault); 4] = [
    (17, by_owner("ALTER TABLE t ADD EXCLUDE USING btree (org_id WITH =, note WITH =)", &[])),
    (
        15,
        by_admin(
            "CREATE PUBLICATION of_schema FOR TABLES IN SCHEMA SCHEMA_NAME",
            &["Publication:of_schema"],
        ),
    ),
    (
        18,
        by_owner("ALTER TABLE t ADD CONSTRAINT filled NOT NULL note NOT VALID", &["CheckNotValid"]),
    ),
    (18, by_owner("ALTER TABLE t ADD CHECK (id > 0) NOT ENFORCED", &[])),
];

fn hash() -> Value {
    json!({
        "table": "t", "partitionBy": {"hash": {"columns": ["org_id"], "partitions": 4}},
        "conversion": {"method": "Copy"},
    })
}

/// Returns the word of the blocker, or the name of the loss, for each finding. The size is always noted.
fn words(findings: Vec<Finding>) -> Vec<String> {
    let words = findings.into_iter().filter_map(|finding| match finding {
        Finding::Refused(refusal) => Some(<&str>::from(refusal).to_owned()),
        Finding::Loss(FoundLoss { loss, .. }) => Some(loss.to_string()),
        Finding::Note(ConversionNote::Bound { objects, .. }) => {
            Some(format!("bound: {}", objects.len()))
        }
        Finding::Note(_) => None,
    });
    words.collect()
}

/// Looks at table `t` as the operator does, and returns what is found. Whatever prevents the conversion, nothing is done.
async fn found(session: &Session, spec: Value) -> Vec<String> {
    let (desired, time) = (desired(spec), PlanTime::at(at(NOW)));
    let (observed, plan) = observe_and_plan(session, &desired, &time).await.unwrap();
    let found = preflight(&desired, &observed, &time);
    let prevents = |finding: &Finding| match finding {
        Finding::Refused(_) => true,
        Finding::Loss(loss) => loss.at == LossAt::Cutover && !loss.acknowledged,
        Finding::Note(_) => false,
    };
    assert_eq!(plan.steps.is_empty(), found.iter().any(prevents), "{plan}");
    words(found)
}

/// All databases of a server share the catalog of subscriptions, so a statement that reads it names its own database.
const DATABASE_ID: &str = "(SELECT oid FROM pg_database WHERE datname = current_database())";

/// Removes everything that a fault leaves.
const REMOVE: &str = "
    DO $$ BEGIN
        IF EXISTS (SELECT FROM pg_subscription WHERE subdbid = DATABASE_ID) THEN
            ALTER SUBSCRIPTION from_elsewhere SET (slot_name = NONE);
            DROP SUBSCRIPTION from_elsewhere;
        END IF;
    END $$;
    DROP PUBLICATION IF EXISTS by_root, by_partition, everything, of_schema;
    DROP SCHEMA SCHEMA_NAME CASCADE;
    DROP EXTENSION IF EXISTS citext, postgres_fdw CASCADE;
    CREATE SCHEMA SCHEMA_NAME;
    GRANT USAGE, CREATE ON SCHEMA SCHEMA_NAME TO OWNER_ROLE;";

async fn check(world: &World, session: &Session, fault: &Fault) {
    world.owner(&format!("{TABLE}{FUNCTIONS}{}", fault.owner)).await;
    world
        .admin(&format!(
            "SET search_path = {SCHEMA_SQL}; SET allow_system_table_mods = on; {};
             RESET search_path; RESET allow_system_table_mods",
            world.with_names(fault.admin)
        ))
        .await;
    let what = format!("Postgres {}: {}{}", world.major, fault.owner, fault.admin);
    assert_eq!(found(session, hash()).await, fault.found, "{what}");
    world.remove_all().await;
}

impl World {
    /// Returns the SQL with the names that differ from database to database.
    fn with_names(&self, sql: &str) -> String {
        sql.replace("OWNER_ROLE", &self.owner)
            .replace("SCHEMA_NAME", SCHEMA_SQL)
            .replace("DATABASE_ID", DATABASE_ID)
    }

    async fn remove_all(&self) {
        self.admin(&self.with_names(REMOVE)).await;
    }
}

#[tokio::test]
async fn every_fault_is_found_on_a_real_table() {
    for major in majors() {
        let world = World::new(major).await;
        let session = world.session().await;
        for fault in OF_OBJECTS.iter().chain(&OF_KINDS) {
            check(&world, &session, fault).await;
        }
        for (_, fault) in SINCE.iter().filter(|(since, _)| *since <= major) {
            check(&world, &session, fault).await;
        }
        world.owner(&format!("{TABLE}{FUNCTIONS}")).await;
        for (change, expected) in SPECS {
            let mut spec = hash();
            spec.as_object_mut().unwrap().extend(change().as_object().unwrap().clone());
            assert_eq!(found(&session, spec.clone()).await, expected, "Postgres {major}: {spec}");
        }
    }
}

/// Specs that do not go with the table.
type Change = fn() -> Value;
const SPECS: [(Change, &[&str]); 4] = [
    (|| json!({}), &[]),
    (
        || {
            json!({"partitionBy": {"hash": {"columns": ["org_id"], "partitions": 1001}},
               "limits": {"lockTimeout": "10s"}})
        },
        &["ManyPartitions"],
    ),
    (
        || {
            json!({"partitionBy": {"hash": {"columns": ["org_id"], "partitions": 1000}},
               "limits": {"lockTimeout": "500ms"}})
        },
        &["SwapTooLong"],
    ),
    (
        || json!({"partitionBy": {"range": {"column": "at", "interval": "Month", "timeZone": "UTC"}}}),
        &["UniqueKey:t_pkey"],
    ),
];

#[tokio::test]
async fn range_column_of_a_plain_table_has_a_type_with_periods() {
    for major in majors() {
        let world = World::new(major).await;
        world.owner(TABLE).await;
        let mut spec = hash();
        spec["partitionBy"] =
            json!({"range": {"column": "id", "interval": "Month", "timeZone": "UTC"}});
        let (_, plan) =
            observe_and_plan(&world.session().await, &desired(spec), &PlanTime::at(at(NOW)))
                .await
                .unwrap();
        let blockers: Vec<_> = plan.deferred.iter().map(|held| held.blocker.name()).collect();
        assert_eq!(blockers, ["UnsupportedKeyType"], "{plan}");
    }
}

#[tokio::test]
async fn each_of_many_views_is_found() {
    for major in majors() {
        let world = World::new(major).await;
        world
            .owner(&format!(
                "{TABLE} DO $$ BEGIN FOR n IN 100..399 LOOP
                     EXECUTE format('CREATE VIEW v%s AS SELECT t FROM t', n);
                     EXECUTE format('CREATE MATERIALIZED VIEW m%s AS SELECT id FROM t', n);
                 END LOOP; END $$"
            ))
            .await;
        let found = found(&world.session().await, hash()).await;
        let views = (100..400).map(|n| format!("View:\"Fin\"\"an;ce\".v{n}"));
        // More bound objects than that are not read.
        let expected: Vec<_> = views.chain(["bound: 100".to_owned()]).collect();
        assert_eq!(found, expected, "Postgres {major}");
    }
}
