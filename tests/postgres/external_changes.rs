//! Users change partitions between two runs, and the operator handles it.

use std::process::Command;
use std::time::Duration;

use pg_partition_operator::converge::{Convergence, observe_and_plan};
use pg_partition_operator::desired::DesiredTable;
use pg_partition_operator::partition::{Identifier, QualifiedName};
use pg_partition_operator::plan::{DiscardPartition, DropDefault, PlanTime, Step};
use pg_partition_operator::sql::{Sql, Timeouts, render};
use serde_json::json;

use crate::database::{SCHEMA, SCHEMA_SQL, World, apply, at, desired, in_schema, observe, session};
use crate::program::run;
use crate::support::postgres::{Server, majors};
use crate::support::tool;

const SECOND: Duration = Duration::from_secs(1);

const NOW: &str = "2026-01-15T12:00:00Z";

async fn world(major: u16, more: &str) -> World {
    let world = World::new(major).await;
    world
        .owner(
            "
        CREATE TABLE t (at timestamptz NOT NULL, n int) PARTITION BY RANGE (at);
        CREATE TABLE t_2026_01 PARTITION OF t FOR VALUES FROM ('2026-01-01Z') TO ('2026-02-01Z');",
        )
        .await;
    world.owner(more).await;
    world
}

fn monthly(ahead: u32) -> DesiredTable {
    desired(json!({
        "table": "t", "ahead": ahead,
        "partitionBy": {"range": {"column": "at", "interval": "Month", "timeZone": "UTC"}},
    }))
}

async fn converge(world: &World, ahead: u32, now: &str) -> Convergence {
    apply(&world.session().await, &monthly(ahead), now).await
}

#[tokio::test]
async fn attach_scans_nothing_beside_a_default_with_a_validated_check() {
    for major in majors() {
        for key in ["timestamptz", "day"] {
            let world = World::new(major).await;
            world
                .owner(&format!(
                    "
                CREATE DOMAIN day AS date;
                CREATE TABLE t (at {key} NOT NULL, n int) PARTITION BY RANGE (at);
                CREATE TABLE t_now PARTITION OF t FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
                CREATE TABLE t_default PARTITION OF t DEFAULT;
                INSERT INTO t SELECT '2020-01-01'::date + n, n FROM generate_series(1, 1000) n;"
                ))
                .await;
            let scans = format!(
                "SELECT seq_scan FROM pg_stat_xact_user_tables WHERE relid = '{SCHEMA_SQL}.t_default'::regclass"
            );
            let plan = {
                let session = world.session().await;
                let now = at(NOW);
                observe_and_plan(&session, &monthly(1), &PlanTime::at(now)).await.unwrap().1
            };
            let timeouts = Timeouts {
                lock_timeout: Duration::from_secs(5),
                retry_timeout: Duration::from_secs(5),
            };
            assert_eq!(plan.steps.len(), 4, "Postgres {major}, {key}: {plan}");
            let owner = plan.owner.as_ref().unwrap();
            for planned in &plan.steps {
                let script = render(&planned.step, owner, timeouts);
                world.admin("BEGIN").await;
                let before = world.text(&scans).await;
                for sql in script.to_sql() {
                    world.admin(sql.as_str()).await;
                }
                let found = world.text(&scans).await;
                world.admin("COMMIT").await;
                let what = format!("Postgres {major}, {key}, {}", planned.line());
                assert_eq!(
                    found != before,
                    planned.step.verb() == "validate-default-check",
                    "{what}"
                );
            }
        }
    }
}

/// A default partition that holds rows of the past, and so needs a default-partition check.
const FILLED_DEFAULT: &str = "
    CREATE TABLE t_default PARTITION OF t DEFAULT;
    INSERT INTO t SELECT '2020-01-01Z'::timestamptz + n * interval '1 day', n FROM generate_series(1, 99) n;";

#[tokio::test]
async fn default_check_does_not_outlive_its_run() {
    for major in majors() {
        let world = world(major, FILLED_DEFAULT).await;
        world
            .owner("CREATE TABLE other (n int PRIMARY KEY); INSERT INTO other SELECT generate_series(1, 99);")
            .await;
        world.owner("ALTER TABLE t ADD FOREIGN KEY (n) REFERENCES other").await;
        // A session that writes to the referenced table blocks the attach.
        let writer = world.database.client().await;
        let write = format!("BEGIN; INSERT INTO {SCHEMA_SQL}.other VALUES (100)");
        writer.batch_execute(&write).await.unwrap();
        let done = converge(&world, 1, NOW).await;
        let failed = done.outcomes.iter().any(|outcome| outcome.result.is_err());
        assert!(failed, "Postgres {major}: {:?}", done.outcomes);
        // The default partition takes what it took before.
        world
            .owner(
                "INSERT INTO t VALUES ('2026-02-02Z', 1); DELETE FROM t WHERE at >= '2026-02-01Z'",
            )
            .await;
        writer.batch_execute("ROLLBACK").await.unwrap();
        let done = converge(&world, 1, NOW).await;
        assert!(done.remaining.steps.is_empty(), "Postgres {major}: {:?}", done.outcomes);
    }
}

#[tokio::test]
async fn no_default_check_is_added_if_the_rows_cannot_be_counted() {
    for major in majors() {
        let world = world(major, FILLED_DEFAULT).await;
        world
            .owner(
                "
            ALTER TABLE t_default ENABLE ROW LEVEL SECURITY;
            ALTER TABLE t_default FORCE ROW LEVEL SECURITY;",
            )
            .await;
        let done = converge(&world, 1, NOW).await;
        assert!(done.outcomes.is_empty(), "Postgres {major}: {:?}", done.outcomes);
        let held_back: Vec<_> = done.remaining.deferred.iter().map(|d| d.blocker.name()).collect();
        assert_eq!(held_back, ["DefaultRowsUnknown"], "Postgres {major}");
    }
}

#[tokio::test]
async fn manually_detached_partition_keeps_its_rows() {
    for major in majors() {
        let world = world(major, "").await;
        converge(&world, 1, NOW).await;
        world
            .owner(
                "
            INSERT INTO t VALUES ('2026-02-02Z', 1);
            ALTER TABLE t DETACH PARTITION t_2026_02;",
            )
            .await;
        // The spec no longer has the period: the table stays unchanged, with rows and without.
        for change in ["DELETE FROM t_2026_02", "INSERT INTO t_2026_02 VALUES ('2026-02-02Z', 1)"] {
            world.owner(change).await;
            let done = converge(&world, 0, NOW).await;
            assert!(done.outcomes.is_empty(), "Postgres {major}: {:?}", done.outcomes);
        }
        // Wanted again: the same table is attached, rows and all.
        let done = converge(&world, 1, NOW).await;
        assert!(done.remaining.steps.is_empty(), "Postgres {major}: {:?}", done.outcomes);
        let rows = format!("SELECT count(*) FROM {SCHEMA_SQL}.t");
        assert_eq!(world.text(&rows).await, "1", "Postgres {major}");
    }
}

#[tokio::test]
async fn comment_that_resembles_a_marker_is_not_a_marker() {
    for major in majors() {
        let comment = |words: &str| {
            let mark =
                format!("pgpartition.dev {words} {SCHEMA_SQL}.t FOR VALUES FROM (now) TO ('')");
            format!(
                "CREATE TABLE t_2020_01 (LIKE t);
                COMMENT ON TABLE t_2020_01 IS '{mark}'; COMMENT ON TABLE t_2026_01 IS '{mark}'",
            )
        };
        for words in
            ["expired from", "table for", "partition of", "detached 2020-01-01T00:00:00Z from"]
        {
            let world = world(major, &comment(words)).await;
            let done = converge(&world, 1, NOW).await;
            let failed = done.outcomes.iter().any(|outcome| outcome.result.is_err());
            assert!(!failed, "Postgres {major}, {words}: {:?}", done.outcomes);
            assert!(done.remaining.steps.is_empty(), "Postgres {major}, {words}");
            let rows = format!("SELECT count(*) FROM {SCHEMA_SQL}.t_2020_01");
            assert_eq!(world.text(&rows).await, "0", "Postgres {major}, {words}: it is left alone");
        }
    }
}

#[tokio::test]
async fn table_without_a_marker_under_the_lock_is_not_dropped() {
    let more = "CREATE TABLE t_2020_01 (LIKE t); CREATE TABLE t_default PARTITION OF t DEFAULT";
    for major in majors() {
        let world = world(major, more).await;
        let named = |name: &str| QualifiedName {
            schema: Identifier::new(SCHEMA).unwrap(),
            name: Identifier::new(name).unwrap(),
        };
        let (table, default) = (named("t"), named("t_default"));
        for step in [
            Step::DiscardPartition(DiscardPartition { partition: named("t_2020_01") }),
            Step::DropDefault(DropDefault { table, default, references: Vec::new() }),
        ] {
            let timeouts = Timeouts { lock_timeout: SECOND, retry_timeout: SECOND };
            let statements = render(&step, &world.owner_name(), timeouts).to_sql();
            let statements: Vec<_> = statements.iter().map(Sql::as_str).collect();
            for comment in ["NULL", "'a person''s'"] {
                let client = world.database.client().await;
                let subject = in_schema(step.subject().name.as_str());
                world.owner(&format!("COMMENT ON TABLE {subject} IS {comment}")).await;
                client.batch_execute("BEGIN").await.unwrap();
                let refused = client.batch_execute(&statements.join(";")).await.unwrap_err();
                let message = refused.as_db_error().map(|error| error.message().to_owned());
                let what = format!("Postgres {major}, {step:?}, {comment}: {message:?}");
                assert!(message.is_some_and(|message| message.contains("unmanaged")), "{what}");
            }
        }
    }
}

#[tokio::test]
async fn unattached_partition_is_recreated_if_the_table_changed() {
    for major in majors() {
        for change in [
            "ADD COLUMN more text",
            "DROP COLUMN n",
            "ALTER COLUMN n TYPE bigint",
            "ADD CONSTRAINT positive CHECK (n > 0)",
            "ALTER COLUMN n SET NOT NULL",
        ] {
            let world = world(major, "").await;
            converge(&world, 1, NOW).await;
            world.owner("ALTER TABLE t DETACH PARTITION t_2026_02").await;
            world.owner(&format!("ALTER TABLE t {change}")).await;
            let done = converge(&world, 1, NOW).await;
            let what = format!("Postgres {major}, {change}: {:?}", done.outcomes);
            assert!(
                done.remaining.steps.is_empty() && done.remaining.deferred.is_empty(),
                "{what}"
            );
        }
    }
}

#[tokio::test]
async fn unique_index_with_nulls_not_distinct_is_another_index() {
    for major in majors().into_iter().filter(|major| *major >= 15) {
        let world = world(major, "CREATE UNIQUE INDEX t_n ON t (at, n) NULLS NOT DISTINCT").await;
        let table = desired(json!({
            "table": "t", "ahead": 0,
            "partitionBy": {"range": {"column": "at", "interval": "Month", "timeZone": "UTC"}},
            "indexes": [{"name": "t_n", "unique": true, "columns": [{"column": "at"}, {"column": "n"}]}],
        }));
        let done = apply(&world.session().await, &table, NOW).await;
        assert!(done.remaining.steps.is_empty(), "Postgres {major}: {:?}", done.outcomes);
        world.owner("INSERT INTO t VALUES ('2026-01-02Z', NULL), ('2026-01-02Z', NULL)").await;
    }
}

#[tokio::test]
async fn managed_partitions_stay_managed_through_a_dump() {
    // The servers come without pg_dump; psql's package has the one of its own major.
    let psql = tool("psql", "PGPARTITION_PSQL");
    let dump = psql.with_file_name("pg_dump");
    let version = Command::new(&dump).arg("--version").output().unwrap();
    let version = String::from_utf8(version.stdout).unwrap();
    let major = version.split(' ').nth(2).unwrap().split('.').next().unwrap().parse().unwrap();
    let world = world(major, "").await;
    converge(&world, 1, NOW).await;
    let text = Command::new(&dump).arg(world.database.url()).output().unwrap();
    assert!(text.status.success(), "{}", String::from_utf8_lossy(&text.stderr));
    let target = Server::shared(major).database().await;
    let mut restore = Command::new(psql);
    restore.args(["-X", "-v", "ON_ERROR_STOP=1", &target.url()]);
    let restored = run(&mut restore, &String::from_utf8(text.stdout).unwrap());
    assert_eq!(restored.status, 0, "{restored:?}");
    let session = session(&target.url_as(&world.operator)).await;
    let observed = observe(&session, &monthly(1).name).await;
    let ours = observed.partitions.iter().filter(|p| p.state.is_managed());
    assert_eq!(ours.map(|p| p.name.name.as_str()).collect::<Vec<_>>(), ["t_2026_02"]);
}
