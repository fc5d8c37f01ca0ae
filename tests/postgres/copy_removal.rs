//! The copy of a conversion: nothing is left of it when it is dropped, and code of its owner gains nothing while it is
//! created.

use std::collections::BTreeSet;

use pg_partition_operator::partition::{CopiedTable, Method, SyncLevel};
use pg_partition_operator::postgres::DatabaseError;
use pg_partition_operator::sql::{create_copy, drop_copy, remove_sync};

use crate::copy_fixture::{
    LEVELS, copy_oid, described, install, mark_partition, read_columns, run_as_owner,
};
use crate::database::{SCHEMA_SQL, World};
use crate::support::postgres::majors;

/// All rows of the catalog that belong to something that a user created, as texts without object identifiers: objects,
/// dependencies between them, comments, and privileges.
pub(crate) const CATALOG: &str = "
    SELECT string_agg(fact, E'\\n' ORDER BY fact) FROM (
        SELECT concat('relation ', c.oid::regclass, ' ', c.relkind, c.relacl, c.relrowsecurity, c.relreplident, c.relhastriggers,
                      c.reloptions) AS fact
        FROM pg_class AS c WHERE c.oid >= 16384
        UNION ALL
        SELECT concat('column ', a.attrelid::regclass, ' ', a.attname, a.attnum, a.attacl, a.attoptions, a.attnotnull,
                      a.atttypid::regtype, a.attidentity, a.attgenerated, a.attstattarget, a.attstorage)
        FROM pg_attribute AS a WHERE a.attrelid >= 16384
        UNION ALL
        SELECT concat('trigger ', g.tgrelid::regclass, ' ', g.tgfoid::regprocedure, g.tgconstrrelid::regclass, g.tgtype)
        FROM pg_trigger AS g WHERE g.tgrelid >= 16384
        UNION ALL
        SELECT concat('trigger of a user ', pg_get_triggerdef(g.oid), g.tgenabled)
        FROM pg_trigger AS g WHERE g.tgrelid >= 16384 AND NOT g.tgisinternal
        UNION ALL
        SELECT concat('rule ', pg_get_ruledef(w.oid), w.ev_enabled) FROM pg_rewrite AS w WHERE w.oid >= 16384
        UNION ALL
        SELECT concat('publication ', p.pubname, r.prrelid::regclass) FROM pg_publication AS p
        JOIN pg_publication_rel AS r ON r.prpubid = p.oid
        UNION ALL
        SELECT concat('function ', p.oid::regprocedure, p.proacl, pg_get_functiondef(p.oid))
        FROM pg_proc AS p WHERE p.oid >= 16384
        UNION ALL
        SELECT concat('comment ', pg_describe_object(d.classoid, d.objoid, d.objsubid), d.description)
        FROM pg_description AS d WHERE d.objoid >= 16384
        UNION ALL
        SELECT concat('dependency ', pg_describe_object(d.classid, d.objid, d.objsubid), ' ',
                      pg_describe_object(d.refclassid, d.refobjid, d.refobjsubid), d.deptype)
        FROM pg_depend AS d WHERE d.objid >= 16384
        UNION ALL
        SELECT concat('role ', pg_describe_object(d.classid, d.objid, d.objsubid), d.refobjid::regrole, d.deptype)
        FROM pg_shdepend AS d WHERE d.objid >= 16384 AND d.dbid = (
            SELECT oid FROM pg_database WHERE datname = current_database()
        )
        UNION ALL
        SELECT concat('default ', d.adrelid::regclass, d.adnum, pg_get_expr(d.adbin, d.adrelid)) FROM pg_attrdef AS d
        UNION ALL
        SELECT concat('index ', pg_get_indexdef(x.indexrelid), x.indisvalid) FROM pg_index AS x
        WHERE x.indexrelid >= 16384
        UNION ALL
        SELECT concat('constraint ', c.conrelid::regclass, c.conname, pg_get_constraintdef(c.oid), c.convalidated)
        FROM pg_constraint AS c WHERE c.oid >= 16384
        UNION ALL
        SELECT concat('policy ', p.polrelid::regclass, p.polname, pg_get_expr(p.polqual, p.polrelid))
        FROM pg_policy AS p
        UNION ALL
        SELECT concat('statistics ', pg_get_statisticsobjdef(s.oid)) FROM pg_statistic_ext AS s
        UNION ALL
        SELECT concat('sequence ', s.seqrelid::regclass, s.seqstart, s.seqincrement, s.seqmax, s.seqcache)
        FROM pg_sequence AS s
        UNION ALL
        SELECT concat('other ', 'policies ', (SELECT count(*) FROM pg_policy), ' statistics ',
                      (SELECT count(*) FROM pg_statistic_ext), ' types ', (SELECT count(*) FROM pg_type),
                      ' constraints ', (SELECT count(*) FROM pg_constraint), ' sequences ',
                      (SELECT count(*) FROM pg_sequence), ' inheritance ', (SELECT count(*) FROM pg_inherits),
                      ' indexes ', (SELECT count(*) FROM pg_index), ' keys ', (SELECT count(*) FROM pg_partitioned_table))
    ) AS facts";

/// The facts that only one of two answers to [`CATALOG`] has.
pub(crate) fn changed(before: &str, after: &str) -> Vec<String> {
    let [before, after]: [BTreeSet<_>; 2] = [before, after].map(|facts| facts.lines().collect());
    before.symmetric_difference(&after).map(|fact| (*fact).to_owned()).collect()
}

async fn created(world: &World, source: &str) -> (CopiedTable, Result<(), DatabaseError>) {
    world.owner(source).await;
    let mut table = described(world, "t", (&["id"], &["org"]));
    read_columns(world, &mut table).await;
    let create = create_copy(&table, Method::Hash);
    let result = run_as_owner(&world.session().await, &table, create).await;
    (table, result)
}

const TABLE: &str = "
    CREATE TABLE other (id int PRIMARY KEY);
    CREATE TABLE t (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, org int NOT NULL, n serial, v text CHECK (v <> ''),
                    o int REFERENCES other ON DELETE CASCADE);
    ALTER TABLE t ENABLE ROW LEVEL SECURITY;
    CREATE POLICY p ON t USING (org > 0);
    CREATE STATISTICS s ON org, v FROM t;
    GRANT SELECT, UPDATE (v) ON t TO pg_monitor;
    COMMENT ON TABLE t IS 'own words'; COMMENT ON COLUMN t.v IS 'v'; COMMENT ON POLICY p ON t IS 'p';";

#[tokio::test]
async fn dropped_copy_leaves_no_objects() {
    for major in majors() {
        for level in LEVELS {
            let world = World::new(major).await;
            // What the catalog has of a table that had triggers stays until VACUUM.
            world.owner(&format!("{TABLE} INSERT INTO t (org) VALUES (1)")).await;
            world.admin(&format!("VACUUM {SCHEMA_SQL}.t, {SCHEMA_SQL}.other")).await;
            let before = world.text(CATALOG).await;
            let (table, result) = created(&world, "").await;
            result.unwrap();
            world
                .owner("CREATE TABLE p PARTITION OF t_partitioned FOR VALUES WITH (MODULUS 1, REMAINDER 0)")
                .await;
            mark_partition(&world, &table, "p").await;
            install(&world, &table, level).await;
            world.owner("INSERT INTO t (org) VALUES (2)").await;
            assert_ne!(world.text(CATALOG).await, before, "Postgres {major}");
            let undo =
                [remove_sync(&table), drop_copy(&table, copy_oid(&world, &table).await)].concat();
            run_as_owner(&world.session().await, &table, undo).await.unwrap();
            world.admin(&format!("VACUUM {SCHEMA_SQL}.t, {SCHEMA_SQL}.other")).await;
            // The records of all conversions.
            world.admin("DROP TABLE pgpartition.conversions").await;
            let after = world.text(CATALOG).await;
            let changed = changed(&before, &after);
            assert!(changed.is_empty(), "Postgres {major}, {level:?}: {changed:#?}");
        }
    }
}

#[tokio::test]
async fn table_that_is_not_marked_as_the_copy_is_not_dropped() {
    for major in majors() {
        let world = World::new(major).await;
        let (table, result) = created(&world, TABLE).await;
        result.unwrap();
        install(&world, &table, SyncLevel::Row).await;
        world.owner("COMMENT ON TABLE t_partitioned IS 'own words'").await;
        let undo =
            [remove_sync(&table), drop_copy(&table, copy_oid(&world, &table).await)].concat();
        let error = run_as_owner(&world.session().await, &table, undo).await.unwrap_err();
        assert_eq!(error.sqlstate(), Some("55000"), "Postgres {major}: {error}");
    }
}

#[tokio::test]
async fn copy_is_not_dropped_with_a_table_of_a_user_nor_in_place_of_another_copy() {
    for major in majors() {
        let world = World::new(major).await;
        let (table, result) = created(&world, TABLE).await;
        result.unwrap();
        world
            .owner("CREATE TABLE \"100%s\" PARTITION OF t_partitioned FOR VALUES WITH (MODULUS 1, REMAINDER 0)")
            .await;
        let oid = copy_oid(&world, &table).await;
        let of_other = format!("pgpartition.dev partition of {SCHEMA_SQL}.other FOR VALUES");
        for (oid, comment, expected) in [
            (oid, "", "100%s"),
            (oid, of_other.as_str(), "100%s"),
            (oid + 1, "", "is not the planned copy"),
        ] {
            let comment = comment.replace('\'', "''");
            world.owner(&format!("COMMENT ON TABLE \"100%s\" IS '{comment}'")).await;
            let drop = drop_copy(&table, oid);
            let error = run_as_owner(&world.session().await, &table, drop).await.unwrap_err();
            assert_eq!(error.sqlstate(), Some("55000"), "Postgres {major}: {error}");
            assert!(error.to_string().contains(expected), "Postgres {major}: {error}");
        }
    }
}

/// Code that Postgres runs when it parses the text of a policy: it leaves the role of the owner, or defers something
/// that does.
const ESCAPES: [(&str, &str); 3] = [
    ("EXECUTE 'SET LOCAL ROLE @other'; DELETE FROM @schema.secret;", "42501"),
    ("EXECUTE 'RESET ROLE'; DELETE FROM @schema.secret;", "42501"),
    ("INSERT INTO @schema.x VALUES (1);", "55000"),
];

const TRAP: &str = "
    CREATE TABLE x (n int);
    CREATE FUNCTION later() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        IF NEW.n = 1 THEN SET CONSTRAINTS ALL DEFERRED; INSERT INTO @schema.x VALUES (2); RETURN NULL; END IF;
        EXECUTE 'SET LOCAL ROLE @other'; DELETE FROM @schema.secret; RETURN NULL; END $$;
    CREATE CONSTRAINT TRIGGER later AFTER INSERT ON x DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION later();
    CREATE FUNCTION escapes(n int) RETURNS bool LANGUAGE plpgsql AS $$ BEGIN
        IF session_user = '@operator' THEN @escape END IF; RETURN true; END $$;
    CREATE DOMAIN trap AS int CHECK (@schema.escapes(value));
    CREATE TYPE pair AS (n trap);
    CREATE TABLE t (id int PRIMARY KEY, org int NOT NULL);
    CREATE POLICY p ON t USING ('(1)'::pair IS NOT NULL);";

#[tokio::test]
async fn code_of_the_owner_cannot_leave_its_role_while_the_copy_is_created() {
    for major in majors() {
        for (escape, sqlstate) in ESCAPES {
            let world = World::new(major).await;
            let other = format!("other_of_{}", world.database.name());
            world
                .admin(&format!(
                    "CREATE ROLE {other}; GRANT {other} TO {}; GRANT USAGE ON SCHEMA {SCHEMA_SQL} TO {other};
                     CREATE TABLE {SCHEMA_SQL}.secret (n int); INSERT INTO {SCHEMA_SQL}.secret VALUES (1);
                     ALTER TABLE {SCHEMA_SQL}.secret OWNER TO {other}",
                    world.operator
                ))
                .await;
            let trap = TRAP.replace("@escape", escape).replace("@other", &other);
            let trap = trap.replace("@operator", &world.operator).replace("@schema", SCHEMA_SQL);
            let (_, result) = created(&world, &trap).await;
            let error = result.unwrap_err();
            assert_eq!(error.sqlstate(), Some(sqlstate), "Postgres {major}, {escape}: {error}");
            let left = format!("SELECT count(*) FROM {SCHEMA_SQL}.secret");
            assert_eq!(world.text(&left).await, "1", "Postgres {major}, {escape}");
        }
    }
}
