//! Objects that depend on one of the two tables prevent a conversion by `Attach`, or its rollback.

use pg_partition_operator::converge::{Convergence, observe_and_plan};
use pg_partition_operator::desired::DesiredTable;
use pg_partition_operator::partition::{CopiedTable, Identifier};
use pg_partition_operator::plan::{DetachSource, PlanTime};
use pg_partition_operator::postgres::ErrorKind;
use pg_partition_operator::sql::detach_source;

use crate::attach_conversion::{converge_to, spec};
use crate::conversion::{NOW, by_hash, converted, orders, verbs};
use crate::copy_fixture::run_as_owner;
use crate::database::{SCHEMA_SQL, World, at};
use crate::support::postgres::majors;

/// Objects that were created on the partitioned table would depend on an empty one after a rollback.
#[tokio::test]
async fn rollback_waits_for_objects_that_cannot_follow() {
    let objects = [
        ("MATERIALIZED VIEW m", "MATERIALIZED VIEW m AS SELECT id FROM orders"),
        ("VIEW grouped", "VIEW grouped AS SELECT id, at, status FROM orders GROUP BY id, at"),
        ("VIEW whole", "VIEW whole AS SELECT orders FROM orders"),
        (
            "TABLE lines",
            "TABLE lines (id bigint, at timestamptz, FOREIGN KEY (id, at) REFERENCES orders)",
        ),
    ];
    for major in majors() {
        let world = World::new(major).await;
        orders(&world).await;
        let session = world.session().await;
        let attached = converge_to(&session, "Partitioned").await;
        world.owner("CREATE VIEW follows AS SELECT id, status FROM orders").await;
        for (object, create) in objects {
            world.owner(&format!("CREATE {create}")).await;
            let held = converge_to(&session, "Source").await;
            assert!(verbs(&held).is_empty(), "Postgres {major}, {object}: {:?}", verbs(&held));
            let blocker = held.remaining.deferred[0].blocker.explain();
            assert!(blocker.contains("would depend on an empty table"), "{major}: {blocker}");
            // The object might have been created since the inspection.
            let step = detach_step(&attached);
            let error =
                run_as_owner(&session, &step.table, detach_source(&step)).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Changed, "Postgres {major}, {object}: {error}");
            world.owner(&format!("DROP {object}")).await;
        }
        let back = converge_to(&session, "Source").await;
        assert_eq!(verbs(&back)[0], "detach-source", "Postgres {major}");
        let view = format!("SELECT count(*) FROM {SCHEMA_SQL}.follows");
        assert_eq!(world.text(&view).await, "2300", "Postgres {major}");
    }
}

/// Returns the rollback that no object prevented at the inspection.
fn detach_step(attached: &Convergence) -> DetachSource {
    let observed = &attached.observed;
    let name = |name: &str| Identifier::new(name).unwrap();
    let managed = observed.managed.clone();
    let (source, copy) = (managed.sibling(name("orders_source")), managed.name().clone());
    DetachSource {
        source: observed.partition(&source).unwrap().oid.unwrap(),
        copy: observed.relation.as_ref().unwrap().oid,
        table: CopiedTable {
            source,
            copy,
            managed,
            key: Vec::new(),
            partition_columns: vec![name("at")],
            columns: Vec::new(),
            always_identity: Vec::new(),
            owner: observed.relation.as_ref().unwrap().owner.clone(),
        },
        partitions: Vec::new(),
        views: Vec::new(),
        references: Vec::new(),
    }
}

/// Postgres does not drop a primary key while a query relies on it.
#[tokio::test]
async fn query_that_groups_by_the_key_prevents_the_conversion() {
    let objects = [
        ("VIEW o", "VIEW o AS SELECT id, status FROM orders GROUP BY id", true),
        (
            "MATERIALIZED VIEW o",
            "MATERIALIZED VIEW o AS SELECT id, status FROM orders GROUP BY id",
            true,
        ),
        (
            "FUNCTION o",
            "FUNCTION o() RETURNS bigint LANGUAGE sql BEGIN ATOMIC
             SELECT count(*) FROM (SELECT id, status FROM orders GROUP BY id) AS g; END",
            false,
        ),
    ];
    for major in majors() {
        let world = World::new(major).await;
        orders(&world).await;
        let session = world.session().await;
        for (object, create, is_of_attach) in objects {
            world.owner(&format!("CREATE {create}")).await;
            let is_found = async |spec: &DesiredTable| {
                let (_, plan) =
                    observe_and_plan(&session, spec, &PlanTime::at(at(NOW))).await.unwrap();
                plan.deferred.iter().any(|held| held.blocker.explain().contains("relies on key"))
            };
            assert!(is_found(&spec("Source")).await, "Postgres {major}, {object}");
            assert_eq!(!is_found(&converted(by_hash())).await, is_of_attach, "{major}, {object}");
            world.owner(&format!("DROP {object}")).await;
        }
    }
}
