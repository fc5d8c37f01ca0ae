//! The operator reads every object of the catalog correctly, and an inspection never blocks for long.

use std::time::{Duration, Instant};

use pg_partition_operator::converge::observe_and_plan;
use pg_partition_operator::observed::{ObservedTable, PartitionKind, PartitionState};
use pg_partition_operator::partition::{Bounds, Marker, MarkerState, partition_marker};
use pg_partition_operator::plan::PlanTime;
use serde_json::json;

use crate::database::{World, at, desired, managed, observe};
use crate::support::postgres::majors;
use crate::support::wait_until;

/// Returns the bounds of each partition as they are displayed, by name.
fn bounds(observed: &ObservedTable) -> Vec<String> {
    let shown = |p: &pg_partition_operator::observed::ObservedPartition| {
        format!("{} {}", p.name.name.as_str(), p.bounds.display())
    };
    observed.partitions.iter().map(shown).collect()
}

/// Looks at table `t` after `sql`, and says the bounds.
async fn bounds_after(major: u16, sql: &str) -> Vec<String> {
    let world = World::new(major).await;
    world.owner(sql).await;
    bounds(&observe(&world.session().await, &managed("t")).await)
}

#[tokio::test]
async fn distant_bounds_are_read() {
    for major in majors() {
        let sql = "
            CREATE TABLE t (k timestamptz) PARTITION BY RANGE (k);
            CREATE TABLE a PARTITION OF t FOR VALUES FROM (MINVALUE) TO ('-infinity');
            CREATE TABLE b PARTITION OF t FOR VALUES FROM ('-infinity') TO ('0044-03-15 12:00:00+00 BC');
            CREATE TABLE c PARTITION OF t FOR VALUES FROM ('2026-01-01 00:00:00.5+05:30') TO ('2026-02-01 00:00:00-03');
            CREATE TABLE d PARTITION OF t FOR VALUES FROM ('12026-01-01 00:00Z') TO ('infinity');
            CREATE TABLE e PARTITION OF t FOR VALUES FROM ('infinity') TO (MAXVALUE);";
        let expected = [
            "a [MINVALUE, -infinity)",
            "b [-infinity, 0044-03-15 12:00:00+00 BC)",
            "c [2025-12-31 18:30:00.5+00, 2026-02-01 03:00:00+00)",
            "d [12026-01-01, infinity)",
            "e [infinity, MAXVALUE)",
        ];
        assert_eq!(bounds_after(major, sql).await, expected, "Postgres {major}");

        let sql = "
            CREATE TABLE t (k date) PARTITION BY RANGE (k);
            CREATE TABLE a PARTITION OF t FOR VALUES FROM (MINVALUE) TO ('4713-01-01 BC');
            CREATE TABLE b PARTITION OF t FOR VALUES FROM ('2024-02-29') TO ('5874897-12-31');
            CREATE TABLE c PARTITION OF t DEFAULT;";
        let expected =
            ["a [MINVALUE, 4713-01-01 BC)", "b [2024-02-29, 5874897-12-31)", "c default"];
        assert_eq!(bounds_after(major, sql).await, expected, "Postgres {major}");

        let sql = "
            CREATE DOMAIN instant AS timestamp CHECK (value > '1900-01-01');
            CREATE TABLE t (k instant) PARTITION BY RANGE (k);
            CREATE TABLE a PARTITION OF t FOR VALUES FROM ('2026-01-01 01:02:03.000004') TO ('2026-02-01');";
        let expected = ["a [2026-01-01 01:02:03.000004, 2026-02-01)"];
        assert_eq!(bounds_after(major, sql).await, expected, "Postgres {major}");
    }
}

#[tokio::test]
async fn unsupported_partition_keys_are_distinguished() {
    for major in majors() {
        for (key, bounds, shown) in [
            ("int8", "FROM ('-5') TO (MAXVALUE)", "a FOR VALUES FROM ('-5') TO (MAXVALUE)"),
            ("int4", "FROM (1) TO (2)", "a FOR VALUES FROM (1) TO (2)"),
            ("text", "FROM ('it''s) TO (') TO ('x')", "a FOR VALUES FROM ('it''s) TO (') TO ('x')"),
        ] {
            let sql = format!(
                "CREATE TABLE t (k {key}) PARTITION BY RANGE (k); CREATE TABLE a PARTITION OF t FOR VALUES {bounds};"
            );
            assert_eq!(bounds_after(major, &sql).await, [shown], "Postgres {major}");
        }
        let several = bounds_after(major, "
            CREATE TABLE t (k timestamptz, n int) PARTITION BY RANGE (k, n);
            CREATE TABLE a PARTITION OF t FOR VALUES FROM ('2026-01-01Z', MINVALUE) TO ('2026-02-01Z', 3);");
        let shown = "a FOR VALUES FROM ('2026-01-01 00:00:00+00', MINVALUE) TO ('2026-02-01 00:00:00+00', 3)";
        assert_eq!(several.await, [shown], "Postgres {major}");
        let expression = bounds_after(
            major,
            "
            CREATE TABLE t (k timestamptz) PARTITION BY RANGE ((k AT TIME ZONE 'UTC'));
            CREATE TABLE a PARTITION OF t FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');",
        );
        let shown = "a FOR VALUES FROM ('2026-01-01 00:00:00') TO ('2026-02-01 00:00:00')";
        assert_eq!(expression.await, [shown], "Postgres {major}");
        let list = bounds_after(
            major,
            "
            CREATE TABLE t (k text) PARTITION BY LIST (k);
            CREATE TABLE a PARTITION OF t FOR VALUES IN ('DEFAULT', NULL);",
        );
        assert_eq!(list.await, ["a FOR VALUES IN ('DEFAULT', NULL)"], "Postgres {major}");
        let hash = bounds_after(
            major,
            "
            CREATE TABLE t (k text) PARTITION BY HASH (k);
            CREATE TABLE a PARTITION OF t FOR VALUES WITH (MODULUS 2, REMAINDER 0);
            CREATE TABLE b PARTITION OF t FOR VALUES WITH (MODULUS 6, REMAINDER 3);",
        );
        assert_eq!(hash.await, ["a remainder 0 of 2", "b remainder 3 of 6"], "Postgres {major}");
    }
}

#[tokio::test]
async fn every_kind_of_partition_is_recognized() {
    for major in majors() {
        let world = World::new(major).await;
        world.admin("CREATE EXTENSION postgres_fdw; CREATE SERVER nowhere FOREIGN DATA WRAPPER postgres_fdw").await;
        world.admin(&format!("GRANT USAGE ON FOREIGN SERVER nowhere TO {}", world.owner)).await;
        world.owner("
            CREATE TABLE t (k date NOT NULL) PARTITION BY RANGE (k);
            CREATE TABLE plain PARTITION OF t FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
            CREATE TABLE split PARTITION OF t FOR VALUES FROM ('2026-02-01') TO ('2026-03-01') PARTITION BY RANGE (k);
            CREATE FOREIGN TABLE far PARTITION OF t FOR VALUES FROM ('2026-03-01') TO ('2026-04-01') SERVER nowhere;
            CREATE TABLE going PARTITION OF t FOR VALUES FROM ('2026-04-01') TO ('2026-05-01');").await;
        leave_detach_pending(&world, "going").await;
        let observed = observe(&world.session().await, &managed("t")).await;
        let kinds: Vec<_> = observed
            .partitions
            .iter()
            .map(|p| {
                (p.name.name.as_str(), p.kind, p.state.is_pending_detach(), p.state.is_managed())
            })
            .collect();
        assert_eq!(
            kinds,
            [
                ("far", PartitionKind::ForeignTable, false, false),
                ("going", PartitionKind::Table, true, false),
                ("plain", PartitionKind::Table, false, false),
                ("split", PartitionKind::Partitioned, false, false),
            ],
            "Postgres {major}"
        );
    }
}

/// Leaves `partition` as a `DETACH … CONCURRENTLY` does that is canceled while a reader blocks it.
async fn leave_detach_pending(world: &World, partition: &str) {
    let schema = crate::database::SCHEMA_SQL;
    let reader = world.database.client().await;
    reader
        .batch_execute(&format!("BEGIN; LOCK TABLE ONLY {schema}.t IN ACCESS SHARE MODE"))
        .await
        .unwrap();
    let detacher = world.database.client().await;
    let pid = detacher.query_one("SELECT pg_backend_pid()", &[]).await.unwrap().get::<_, i32>(0);
    let sql = format!("ALTER TABLE {schema}.t DETACH PARTITION {schema}.{partition} CONCURRENTLY");
    let detach = detacher.batch_execute(&sql);
    let cancel = async {
        let waits = format!("SELECT wait_event_type FROM pg_stat_activity WHERE pid = {pid}");
        let deadline = Duration::from_secs(10);
        wait_until("the detach waits", deadline, async || world.text(&waits).await == "Lock").await;
        world.admin(&format!("SELECT pg_cancel_backend({pid})")).await;
    };
    assert!(tokio::join!(detach, cancel).0.is_err());
    reader.batch_execute("COMMIT").await.unwrap();
}

#[tokio::test]
async fn index_build_of_another_session_is_reported_and_blocks_nothing() {
    for major in majors() {
        let world = World::new(major).await;
        world.owner("
            CREATE TABLE t (k date NOT NULL, n int) PARTITION BY RANGE (k);
            CREATE TABLE t_2026_01 PARTITION OF t FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');").await;
        let schema = crate::database::SCHEMA_SQL;
        let writer = world.database.client().await;
        let insert = format!("BEGIN; INSERT INTO {schema}.t VALUES ('2026-01-01')");
        writer.batch_execute(&insert).await.unwrap();
        let builder = world.database.client().await;
        // The operator would give the index the same name.
        let sql = format!("CREATE INDEX CONCURRENTLY t_2026_01_n ON {schema}.t_2026_01 (n)");
        let build = builder.batch_execute(&sql);
        let observe_and_plan = async {
            let waits = "SELECT count(*) FROM pg_stat_progress_create_index p JOIN pg_stat_activity a
                         USING (pid) WHERE p.datname = current_database() AND wait_event_type = 'Lock'";
            let deadline = Duration::from_secs(10);
            wait_until("the build waits", deadline, async || world.text(waits).await == "1").await;
            let session = world.session().await;
            let observed = observe(&session, &managed("t")).await;
            let found = &observed.partitions[0].indexes[0];
            assert!(found.building && !found.valid, "Postgres {major}: {found:?}");
            let spec = json!({
                "table": "t", "ahead": 0,
                "partitionBy": {"range": {"column": "k", "interval": "Month", "timeZone": "UTC"}},
                "indexes": [{"name": "t_n", "columns": [{"column": "n"}]}],
            });
            let plan = observe_and_plan(
                &session,
                &desired(spec),
                &PlanTime::at(at("2026-01-15T00:00:00Z")),
            )
            .await
            .unwrap()
            .1;
            assert!(format!("{:?}", plan.deferred).contains("IndexBuilding"), "{plan}");
            writer.batch_execute("COMMIT").await.unwrap();
        };
        assert!(
            tokio::join!(build, observe_and_plan).0.is_ok(),
            "Postgres {major}: the build was disturbed"
        );
    }
}

#[tokio::test]
async fn inspection_does_not_wait_for_an_exclusive_lock() {
    for major in majors() {
        let world = World::new(major).await;
        world
            .owner(
                "
            CREATE TABLE t (k date NOT NULL) PARTITION BY RANGE (k);
            CREATE INDEX t_k ON t (k);
            CREATE TABLE t_2026_01 PARTITION OF t FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
            CREATE TABLE t_default PARTITION OF t DEFAULT;",
            )
            .await;
        let spec = json!({
            "table": "t",
            "partitionBy": {"range": {"column": "k", "interval": "Month", "timeZone": "UTC"}},
        });
        for locked in ["t", "t_2026_01", "t_default"] {
            let session = world.session().await;
            let holder = world.database.client().await;
            let lock = format!("BEGIN; LOCK TABLE {}.{locked}", crate::database::SCHEMA_SQL);
            holder.batch_execute(&lock).await.unwrap();
            let started = Instant::now();
            let (desired, now) = (desired(spec.clone()), at("2026-01-15T00:00:00Z"));
            let looked = observe_and_plan(&session, &desired, &PlanTime::at(now)).await.map(|_| ());
            let took = started.elapsed();
            assert!(
                took < Duration::from_secs(5),
                "Postgres {major}, {locked}: {took:?} {looked:?}"
            );
            drop(holder);
        }
    }
}

#[tokio::test]
async fn unattached_table_is_managed_by_its_comment_alone() {
    for major in majors() {
        let world = World::new(major).await;
        let bounds = "FOR VALUES FROM ('2026-01-01') TO ('2026-02-01')";
        let marker = Marker::new(MarkerState::ToBeAttached);
        let marker = partition_marker(&marker, &managed("t"), bounds).replace('\'', "''");
        world
            .owner(&format!(
                "
            CREATE TABLE t (k date NOT NULL) PARTITION BY RANGE (k);
            CREATE TABLE t_mine (LIKE t);
            COMMENT ON TABLE t_mine IS '{marker}';
            CREATE TABLE t_unrelated (LIKE t);
            CREATE TABLE t_others (LIKE t);
            COMMENT ON TABLE t_others IS 'pgpartition.dev partition of public.t DEFAULT';"
            ))
            .await;
        let observed = observe(&world.session().await, &managed("t")).await;
        let names: Vec<_> = observed.partitions.iter().map(|p| p.name.name.as_str()).collect();
        assert_eq!(names, ["t_mine"], "Postgres {major}");
        assert_eq!(observed.partitions[0].state, PartitionState::NeverAttached);
        assert!(matches!(observed.partitions[0].bounds, Bounds::Range(_)));
    }
}

#[tokio::test]
async fn table_that_is_itself_a_partition_is_inspected() {
    for major in majors() {
        let world = World::new(major).await;
        world
            .owner(
                "
            CREATE TABLE t (k date NOT NULL, n int) PARTITION BY RANGE (k);
            CREATE INDEX t_n ON t (n);
            CREATE TABLE year PARTITION OF t FOR VALUES FROM ('2026-01-01') TO ('2027-01-01') PARTITION BY RANGE (k);
            CREATE TABLE month PARTITION OF year FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
            INSERT INTO t VALUES ('2026-01-01', 1);
            ANALYZE t;",
            )
            .await;
        let session = world.session().await;
        // The catalog has -1 pages for an analyzed table without rows of its own.
        let above = observe(&session, &managed("t")).await;
        assert_eq!(above.partitions[0].bytes, 0, "Postgres {major}");
        let year = observe(&session, &managed("year")).await;
        let indexes = &year.indexes;
        let definitions: Vec<_> = indexes.iter().map(|i| i.definition.as_str()).collect();
        assert_eq!(definitions, ["btree (n)"], "Postgres {major}");
        assert!(indexes[0].shape.is_some(), "Postgres {major}");
        assert_eq!(year.partitions[0].indexes[0].of.as_ref(), Some(&indexes[0].name));
    }
}
