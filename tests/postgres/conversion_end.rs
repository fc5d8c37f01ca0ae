//! End of a conversion: the objects that it leaves, and changes of a user to the partitioned table, which a rollback keeps.

use pg_partition_operator::partition::{Identifier, Side, SyncLevel};
use pg_partition_operator::plan::{DropSource, EndSync, Step};

use crate::database::{SCHEMA_SQL, managed};
use crate::support::postgres::majors;
use crate::swap_fixture::{APPLICATION, Swapped};

/// Objects whose names or comments are of the conversion.
const LEFT: &str = "
    SELECT concat_ws(',', (SELECT string_agg(relname, ' ' ORDER BY relname) FROM pg_class
        WHERE relname ~ 'source|partitioned' AND relnamespace > 16384),
      (SELECT string_agg(proname, ' ') FROM pg_proc WHERE proname ~ 'sync_to|read_only'),
      (SELECT string_agg(tgname, ' ') FROM pg_trigger WHERE tgname ~ 'sync_to|read_only'),
      (SELECT string_agg(description, ' ') FROM pg_description WHERE description ~ 'pgpartition.dev (source|copy|deferred)'),
      (SELECT string_agg(conname, ' ') FROM pg_constraint WHERE conname ~ 'source|partitioned' AND connamespace > 16384))";

async fn cut_over(major: u16) -> Swapped {
    let mut swapped = Swapped::new(major, SyncLevel::Row, APPLICATION).await;
    swapped.swap().await;
    swapped
}

#[tokio::test]
async fn source_is_dropped_completely_unless_an_object_depends_on_it() {
    for major in majors() {
        let swapped = cut_over(major).await;
        let name = |text: &str| Identifier::new(text).unwrap();
        let mut drop = DropSource {
            table: swapped.table.clone(),
            oid: swapped.oid(Side::Source).await,
            references: Vec::new(),
            foreign_keys: vec![(managed("lines").name().clone(), name("lines_t"))],
        };
        let error = swapped.run(&Step::DropSource(Box::new(drop.clone()))).await.unwrap_err();
        assert_eq!(error.sqlstate(), Some("2BP01"), "Postgres {major}: {error:?}");
        swapped.expect_equal("a drop that failed").await;
        let world = &swapped.world;
        world
            .owner("DROP MATERIALIZED VIEW kept; DROP VIEW whole, grouped; DROP FUNCTION of_type")
            .await;
        drop.oid += 1;
        let error = swapped.run(&Step::DropSource(Box::new(drop.clone()))).await.unwrap_err();
        assert_eq!(error.sqlstate(), Some("55000"), "Postgres {major}: {error:?}");
        drop.oid -= 1;
        swapped.run(&Step::DropSource(Box::new(drop))).await.unwrap();
        assert_eq!(world.text(LEFT).await, "", "Postgres {major}");
        world.owner("INSERT INTO t (org, v) VALUES (1, 'after'); UPDATE t SET org = 2 WHERE v = 'after'; CALL add(1)").await;
        let numbers =
            "SELECT concat(count(DISTINCT id) = count(*), count(DISTINCT n) = count(*)) FROM ";
        assert_eq!(
            world.text(&format!("{numbers} {SCHEMA_SQL}.t")).await,
            "tt",
            "Postgres {major}"
        );
        let indexes = "SELECT string_agg(c.relname, ' ' ORDER BY c.relname) FROM pg_index AS x
            JOIN pg_class AS c ON c.oid = x.indexrelid WHERE c.relkind = 'I'";
        assert_eq!(world.text(indexes).await, "by_n t_pkey t_v_idx", "Postgres {major}");
    }
}

#[tokio::test]
async fn source_becomes_a_standalone_table_when_the_conversion_ends() {
    for major in majors() {
        let swapped = cut_over(major).await;
        let end = Step::EndSync(Box::new(EndSync { table: swapped.table.clone() }));
        swapped.run(&end).await.unwrap();
        let world = &swapped.world;
        let left =
            "t_source t_source_by_n t_source_id_seq t_source_pkey t_source_v_idx,t_source_pkey";
        assert_eq!(world.text(LEFT).await, left, "Postgres {major}");
        let comment = "SELECT obj_description('\"Fin\"\"an;ce\".t_source'::regclass)";
        assert_eq!(world.text(comment).await, "own\nwords", "Postgres {major}");
        world.owner("UPDATE t_source SET v = 'other'; INSERT INTO t_source (org) VALUES (1); DELETE FROM t").await;
        world.owner("DROP TABLE t_source CASCADE; INSERT INTO t (org) VALUES (3)").await;
        let records = "SELECT count(*) FROM pgpartition.conversions";
        assert_eq!(world.text(records).await, "0", "Postgres {major}");
    }
}

/// Name, state, and definition of each trigger of the application.
const TRIGGERS: &str = "SELECT string_agg(concat(g.tgname, g.tgenabled, obj_description(g.oid), pg_get_triggerdef(g.oid)), E'\\n'
    ORDER BY g.tgname) FROM pg_trigger AS g WHERE g.tgrelid = '\"Fin\"\"an;ce\".t'::regclass AND NOT g.tgisinternal
    AND g.tgname !~ '^(sync_to|read_only)'";

#[tokio::test]
async fn triggers_that_a_user_changed_after_the_cutover_stay_changed() {
    for major in majors() {
        let mut swapped = cut_over(major).await;
        swapped
            .write(
                "DROP TRIGGER fill ON t; DROP TRIGGER late ON t; ALTER TABLE t DISABLE TRIGGER counted;
                 ALTER TABLE t ENABLE REPLICA TRIGGER quiet;
                 CREATE OR REPLACE TRIGGER \"audit %I\" AFTER DELETE ON t FOR EACH ROW EXECUTE FUNCTION audit('other');
                 CREATE TRIGGER added AFTER UPDATE ON t FOR EACH ROW EXECUTE FUNCTION audit(' added');
                 COMMENT ON TRIGGER added ON t IS 'new'",
            )
            .await;
        let after = swapped.world.text(TRIGGERS).await;
        for _ in 0..3 {
            swapped.swap().await;
            assert_eq!(swapped.world.text(TRIGGERS).await, after, "Postgres {major}");
        }
        // Each fires once.
        swapped.write("TRUNCATE log; UPDATE t SET v = 'x' WHERE id = 8").await;
        let log = "SELECT string_agg(what, ',') FROM \"Fin\"\"an;ce\".log";
        assert_eq!(swapped.world.text(log).await, "UPDATE added", "Postgres {major}");
    }
}

#[tokio::test]
async fn no_number_is_given_twice_across_swaps() {
    for major in majors() {
        let mut swapped = Swapped::new(major, SyncLevel::Row, APPLICATION).await;
        let database = swapped.world.database.client().await;
        database.batch_execute(&format!("SET search_path = {SCHEMA_SQL}")).await.unwrap();
        let mut taken = Vec::new();
        for _ in 0..5 {
            for take in
                ["SELECT nextval('t_id_seq')", "INSERT INTO t (org) VALUES (1) RETURNING id"]
            {
                taken.push(database.query_one(take, &[]).await.unwrap().get::<_, i64>(0));
            }
            swapped.swap().await;
        }
        let count = taken.len();
        taken.sort_unstable();
        taken.dedup();
        assert_eq!(taken.len(), count, "Postgres {major}");
        assert!(taken.iter().all(|number| *number > 200), "Postgres {major}: {taken:?}");
    }
}

/// Views, functions, and publications by the table that they depend on.
const BOUND: &str = "
    SELECT string_agg(bound, ' ' ORDER BY bound) FROM (
        SELECT DISTINCT w.ev_class::regclass::text || CASE WHEN w.rulename <> '_RETURN' THEN '/rule' ELSE '' END AS bound
        FROM pg_depend AS d JOIN pg_rewrite AS w ON w.oid = d.objid
        WHERE d.refobjid = '@'::regclass AND d.classid = 'pg_rewrite'::regclass
        UNION ALL
        SELECT DISTINCT d.objid::regproc::text FROM pg_depend AS d
        WHERE d.refobjid = '@'::regclass AND d.classid = 'pg_proc'::regclass
        UNION ALL
        SELECT 'publication' FROM pg_publication_rel WHERE prrelid = '@'::regclass
    ) AS all_of_them";

#[tokio::test]
async fn views_functions_and_publications_follow_the_name() {
    for major in majors() {
        let mut swapped = Swapped::new(major, SyncLevel::Row, APPLICATION).await;
        swapped.world.admin(&format!("SET search_path = {SCHEMA_SQL}")).await;
        let bound = async |swapped: &Swapped, table: &str| {
            swapped.world.admin(&format!("SET search_path = {SCHEMA_SQL}")).await;
            swapped.world.text(&BOUND.replace('@', table)).await
        };
        let all = "add checked grouped instead kept nested of_type plain publication rows_of ruled ruled/rule whole";
        let moved = "add checked instead nested plain publication rows_of ruled ruled/rule";
        assert_eq!(bound(&swapped, "t").await, all, "Postgres {major}");
        for _ in 0..2 {
            swapped.swap().await;
            assert_eq!(bound(&swapped, "t").await, moved, "Postgres {major}");
            assert_eq!(
                bound(&swapped, "t_source").await,
                "grouped kept of_type whole",
                "Postgres {major}"
            );
            swapped.swap().await;
            assert_eq!(bound(&swapped, "t").await, all, "Postgres {major}");
        }
    }
}
