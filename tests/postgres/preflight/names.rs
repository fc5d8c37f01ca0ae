//! Names that the conversion needs.

use pg_partition_operator::converge::observe_and_plan;
use pg_partition_operator::plan::{Finding, PlanTime, preflight};

use super::{FUNCTIONS, NOW, TABLE, found, hash};
use crate::database::{World, at, desired};
use crate::support::postgres::majors;

/// The copy, as an earlier run created it, with the comment that MARK stands for.
const COPY: &str = "
    CREATE TABLE t_partitioned (LIKE t, PRIMARY KEY (id, org_id)) PARTITION BY HASH (org_id);
    COMMENT ON TABLE t_partitioned IS E'MARK\\nWords of the owner.';
    CREATE FUNCTION sync_to_partitioned_t() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
    CREATE TRIGGER sync_to_partitioned_t AFTER INSERT ON t FOR EACH ROW EXECUTE FUNCTION names_table('org_id');
    CREATE FUNCTION t_partitioned_read_only() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'";

#[tokio::test]
async fn names_of_its_own_copy_are_available() {
    for major in majors() {
        let world = World::new(major).await;
        let session = world.session().await;
        let taken =
            ["NameTaken"; 4].into_iter().chain(["TriggerSeesPartition:sync_to_partitioned_t"]);
        let taken: Vec<_> = taken.collect();
        for (mark, expected) in [
            (r#"pgpartition.dev copy of "Fin""an;ce".t"#, &[][..]),
            (r#"pgpartition.dev copy of "Fin""an;ce".tt"#, &taken),
            ("made by hand", &taken),
        ] {
            world.owner(&format!("{TABLE}{FUNCTIONS}{}", COPY.replace("MARK", mark))).await;
            assert_eq!(found(&session, hash()).await, expected, "Postgres {major}: {mark}");
            world.remove_all().await;
        }
    }
}

#[tokio::test]
async fn function_of_another_conversion_is_not_dropped() {
    for major in majors() {
        let world = World::new(major).await;
        world
            .owner(&format!(
                "{TABLE} CREATE TABLE t_truncate (id int PRIMARY KEY);
                 CREATE FUNCTION sync_to_partitioned_t_truncate() RETURNS trigger LANGUAGE plpgsql
                     AS 'BEGIN RETURN NULL; END';
                 CREATE TRIGGER a AFTER INSERT ON t_truncate FOR EACH ROW
                     EXECUTE FUNCTION sync_to_partitioned_t_truncate()"
            ))
            .await;
        let (desired, time) = (desired(hash()), PlanTime::at(at(NOW)));
        let (observed, _) =
            observe_and_plan(&world.session().await, &desired, &time).await.unwrap();
        let refused = preflight(&desired, &observed, &time).into_iter().find_map(|finding| {
            let Finding::Refused(refusal) = finding else { return None };
            Some(refusal.explain())
        });
        assert_eq!(
            refused.as_deref(),
            Some(
                "the conversion needs the name of function \"Fin\"\"an;ce\".sync_to_partitioned_t_truncate, which triggers \
                 of table \"Fin\"\"an;ce\".t_truncate use: end the conversion of that table first, or rename the function"
            ),
            "Postgres {major}"
        );
    }
}
