//! Changes of the partitioned table after the cutover reach the source, so that no rollback loses them, and foreign keys
//! that come later reach the copy.

use serde_json::json;

use crate::conversion::{NOW, by_hash, by_month, orders, patient, verbs};
use crate::cutover::{serve, serving};
use crate::database::{SCHEMA_SQL, World, apply};
use crate::support::postgres::majors;

/// Properties that applications see under the name of the table.
const PROPERTIES: &str = "
    SELECT string_agg(fact, E'\\n' ORDER BY fact) FROM (
        SELECT concat('grant ', g.grantee::regrole, g.privilege_type, g.is_grantable) AS fact
        FROM aclexplode((SELECT relacl FROM pg_class WHERE oid = @t)) AS g WHERE g.grantee <> g.grantor
        UNION ALL
        SELECT concat('column ', a.attname, a.attnotnull, a.attacl, a.attoptions, coalesce(a.attstattarget, -1), a.attstorage,
                      a.attcompression, a.attidentity, pg_get_expr(d.adbin, d.adrelid), col_description(@t, a.attnum))
        FROM pg_attribute AS a LEFT JOIN pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
        WHERE a.attrelid = @t AND a.attnum > 0 AND NOT a.attisdropped
        UNION ALL
        SELECT concat('constraint ', conname, pg_get_constraintdef(oid), convalidated, obj_description(oid, 'pg_constraint'))
        FROM pg_constraint WHERE conrelid = @t AND contype IN ('c', 'f')
        UNION ALL
        SELECT concat('policy ', polname, polcmd, polroles, pg_get_expr(polqual, polrelid), obj_description(oid, 'pg_policy'))
        FROM pg_policy WHERE polrelid = @t
        UNION ALL
        SELECT concat('statistics ', stxname, stxkind, pg_get_statisticsobjdef_columns(oid), stxstattarget,
                      obj_description(oid, 'pg_statistic_ext'))
        FROM pg_statistic_ext WHERE stxrelid = @t
        UNION ALL
        SELECT concat('table ', relrowsecurity, relreplident, regexp_replace(obj_description(oid, 'pg_class'), '^pgpartition.*\\n', ''))
        FROM pg_class WHERE oid = @t
        UNION ALL
        SELECT concat('sequence ', c.relname, c.relacl, s.seqincrement, obj_description(c.oid, 'pg_class'))
        FROM pg_sequence AS s JOIN pg_class AS c ON c.oid = s.seqrelid JOIN pg_depend AS d ON d.objid = c.oid AND d.refobjid = @t
        WHERE d.deptype = 'i'
    ) AS facts";

async fn properties(world: &World) -> String {
    world.text(&PROPERTIES.replace("@t", &format!("'{SCHEMA_SQL}.orders'::regclass"))).await
}

/// Changes to the partitioned table while it serves.
const CHANGES: [&str; 2] = [
    "GRANT SELECT ON orders TO pg_monitor WITH GRANT OPTION; GRANT INSERT ON orders TO PUBLIC;
     GRANT UPDATE (status, org) ON orders TO pg_monitor; GRANT USAGE ON SEQUENCE orders_id_seq TO pg_monitor;
     ALTER TABLE orders ENABLE ROW LEVEL SECURITY, REPLICA IDENTITY FULL, ALTER status SET DEFAULT 'x',
         ALTER status SET STATISTICS 7, ALTER status SET STORAGE EXTERNAL, ALTER status SET COMPRESSION pglz,
         ALTER org SET (n_distinct = -0.5), ADD CONSTRAINT known CHECK (status <> 'never'), ALTER status SET NOT NULL;
     CREATE POLICY mine ON orders TO pg_monitor USING (org > 0 AND EXISTS (SELECT FROM others AS o WHERE o.id = orders.org));
     CREATE POLICY rest ON orders AS RESTRICTIVE USING (status <> 'y');
     CREATE STATISTICS orders_s ON org, status FROM orders;
     ALTER TABLE orders ADD CONSTRAINT of_other FOREIGN KEY (org) REFERENCES others ON DELETE CASCADE;
     COMMENT ON TABLE orders IS E'words\\nof the application'; COMMENT ON COLUMN orders.org IS 'c';
     COMMENT ON CONSTRAINT known ON orders IS 'k'; COMMENT ON POLICY rest ON orders IS 'p';
     COMMENT ON STATISTICS orders_s IS 's'; COMMENT ON SEQUENCE orders_id_seq IS 'q';
     ALTER TABLE orders ALTER id SET INCREMENT 3",
    "REVOKE GRANT OPTION FOR SELECT ON orders FROM pg_monitor; REVOKE INSERT ON orders FROM PUBLIC;
     REVOKE UPDATE (org) ON orders FROM pg_monitor; REVOKE ALL ON SEQUENCE orders_id_seq FROM pg_monitor;
     ALTER TABLE orders DISABLE ROW LEVEL SECURITY, REPLICA IDENTITY DEFAULT, ALTER status DROP DEFAULT,
         ALTER status SET STATISTICS -1, ALTER status SET STORAGE MAIN, ALTER org RESET (n_distinct),
         DROP CONSTRAINT known, ALTER status DROP NOT NULL, DROP CONSTRAINT of_other;
     ALTER POLICY mine ON orders USING (true); DROP POLICY rest ON orders; ALTER STATISTICS orders_s SET STATISTICS 9;
     COMMENT ON TABLE orders IS NULL; COMMENT ON COLUMN orders.org IS 'd'; COMMENT ON SEQUENCE orders_id_seq IS NULL;
     INSERT INTO orders (org, at, status) VALUES (1, now(), 'z')",
];

#[tokio::test]
async fn rollback_keeps_changes_of_the_partitioned_table() {
    for major in majors() {
        let world = World::new(major).await;
        world.owner("CREATE TABLE others (id int PRIMARY KEY); INSERT INTO others SELECT generate_series(0, 9)").await;
        orders(&world).await;
        world.owner("UPDATE orders SET status = 'a' WHERE status IS NULL").await;
        let session = world.session().await;
        let spec = patient(by_hash());
        serve(&session, &spec, "Source").await;
        for change in CHANGES {
            let cutover = serve(&session, &spec, "Partitioned").await;
            assert_eq!(verbs(&cutover).last(), Some(&"swap"), "Postgres {major}");
            let unchanged = serve(&session, &spec, "Partitioned").await;
            assert!(verbs(&unchanged).is_empty(), "Postgres {major}: {:?}", verbs(&unchanged));
            world.owner(change).await;
            let changed = properties(&world).await;
            let back = serve(&session, &spec, "Source").await;
            assert_eq!(verbs(&back).first(), Some(&"follow"), "Postgres {major}");
            // The copy then gets what a partitioned table has for n_distinct.
            assert!(verbs(&back).contains(&"swap"), "Postgres {major}: {:?}", verbs(&back));
            assert_eq!(properties(&world).await, changed, "Postgres {major}");
            assert!(changed.contains("orders_id_seq"), "Postgres {major}: {changed}");
            world.owner("UPDATE orders SET status = 'b' WHERE id < 9").await;
        }
    }
}

#[tokio::test]
async fn rollback_waits_for_changes_that_the_source_does_not_follow() {
    for major in majors() {
        let world = World::new(major).await;
        orders(&world).await;
        let session = world.session().await;
        serve(&session, &patient(by_hash()), "Partitioned").await;
        world
            .owner(
                "ALTER TABLE orders ADD note text;
                 CREATE POLICY own ON orders USING (note IS NULL);
                 CREATE INDEX later ON orders (status);
                 GRANT SELECT (note) ON orders TO pg_monitor",
            )
            .await;
        let kept =
            apply(&session, &serving(patient(by_hash()), "Partitioned", &json!({})), NOW).await;
        let held: Vec<_> =
            kept.remaining.deferred.iter().map(|held| held.blocker.explain()).collect();
        let [held] = held.as_slice() else { panic!("Postgres {major}: {held:?}") };
        assert!(held.contains("column note is missing"), "Postgres {major}: {held}");
        let notes = kept.remaining.to_string();
        assert!(notes.contains("lacks indexes") && notes.contains("later"), "{notes}");
        let back = apply(&session, &serving(patient(by_hash()), "Source", &json!({})), NOW).await;
        let held: Vec<_> = back.remaining.deferred.iter().map(|held| held.blocker.name()).collect();
        assert_eq!(held, ["RollbackImpossible"], "Postgres {major}: {}", back.remaining);
        world.owner("ALTER TABLE orders_source ADD note text").await;
        let changed = properties(&world).await;
        let back = serve(&session, &patient(by_hash()), "Source").await;
        assert_eq!(verbs(&back).last(), Some(&"swap"), "Postgres {major}: {:?}", verbs(&back));
        assert_eq!(properties(&world).await, changed, "Postgres {major}");
    }
}

/// Foreign keys of a table and of its partitions that are valid.
const VALID_KEYS: &str = "SELECT string_agg(concat(conrelid::regclass, ' ', conname, ' ', conparentid <> 0), ', '
    ORDER BY conrelid::regclass::text, conname) FROM pg_constraint
    WHERE contype = 'f' AND convalidated AND connamespace = '@schema'::regnamespace AND conrelid <> '@schema.orders'::regclass";

#[tokio::test]
async fn foreign_key_that_is_added_later_is_followed() {
    for major in majors() {
        for spec in [patient(by_hash()), patient(by_month())] {
            let world = World::new(major).await;
            world.owner("CREATE TABLE others (id int PRIMARY KEY); INSERT INTO others SELECT generate_series(0, 9)").await;
            orders(&world).await;
            let session = world.session().await;
            serve(&session, &spec, "Source").await;
            let add = "ALTER TABLE orders ADD CONSTRAINT of_other FOREIGN KEY (org) REFERENCES others ON DELETE CASCADE";
            world.owner(add).await;
            let followed = serve(&session, &spec, "Source").await;
            let expected = ["follow", "validate-copy", "follow"];
            assert_eq!(verbs(&followed), expected, "Postgres {major}");
            world.admin(&format!("SET search_path = {SCHEMA_SQL}")).await;
            let keys = VALID_KEYS.replace("@schema", SCHEMA_SQL);
            let found = world.text(&keys).await;
            assert!(found.contains("orders_partitioned of_other f"), "Postgres {major}: {found}");
            let inherited = found.matches(" of_other t").count();
            assert!(inherited >= 4, "Postgres {major}: {found}");
            world.owner("DELETE FROM others WHERE id = 3; INSERT INTO orders (org, at) VALUES (4, now())").await;
            let cutover = serve(&session, &spec, "Partitioned").await;
            assert_eq!(verbs(&cutover).last(), Some(&"swap"), "Postgres {major}");
            world.owner("DELETE FROM others WHERE id = 5").await;
            serve(&session, &spec, "Source").await;
            let change = "ALTER TABLE orders DROP CONSTRAINT of_other, ADD CONSTRAINT of_other FOREIGN KEY (org) REFERENCES others";
            world.owner(change).await;
            serve(&session, &spec, "Source").await;
            world.owner("ALTER TABLE orders DROP CONSTRAINT of_other").await;
            serve(&session, &spec, "Source").await;
            assert_eq!(world.text(&keys).await, "", "Postgres {major}");
        }
    }
}

#[tokio::test]
async fn foreign_key_that_is_dropped_before_it_is_validated_is_dropped_from_all_partitions() {
    for major in majors() {
        let world = World::new(major).await;
        world.owner("CREATE TABLE others (id int PRIMARY KEY)").await;
        orders(&world).await;
        let session = world.session().await;
        serve(&session, &patient(by_hash()), "Source").await;
        let part = "SELECT relname FROM pg_class JOIN pg_inherits ON inhrelid = oid WHERE relkind = 'r' ORDER BY relname LIMIT 1";
        let part = world.text(part).await;
        let add = "ADD CONSTRAINT of_other FOREIGN KEY (org) REFERENCES others NOT VALID";
        world.owner(&format!("ALTER TABLE orders {add}; ALTER TABLE {part} {add}")).await;
        let held = apply(&session, &serving(patient(by_hash()), "Source", &json!({})), NOW).await;
        let held: Vec<_> = held.remaining.deferred.iter().map(|held| held.blocker.name()).collect();
        assert!(held.contains(&"ColumnsDiffer"), "Postgres {major}: {held:?}");
        world.owner("ALTER TABLE orders DROP CONSTRAINT of_other").await;
        let dropped = serve(&session, &patient(by_hash()), "Source").await;
        assert_eq!(verbs(&dropped), ["follow"], "Postgres {major}");
        let left = "SELECT count(*) FROM pg_constraint WHERE contype = 'f'";
        assert_eq!(world.text(left).await, "0", "Postgres {major}");
    }
}
