//! The state of a conversion: what the operator reads of its record, its triggers, and its functions.

use pg_partition_operator::observed::{ConversionState, CopyFacts, PlainTable, SyncState};
use pg_partition_operator::partition::{CopiedTable, SyncLevel};
use pg_partition_operator::postgres::{Session, inspect_conversion};
use pg_partition_operator::sql::{expected_sync, remove_sync};

use crate::copy_fixture::{create, install, run_as_owner};
use crate::copy_pages::{CONTENT, copy, sweep};
use crate::database::{SCHEMA_SQL, World};
use crate::support::postgres::majors;

async fn converted(major: u16) -> (World, CopiedTable) {
    let world = World::new(major).await;
    let table = create(&world, "t", "id int, part int NOT NULL", (&["id"], &["part"])).await;
    world.owner("INSERT INTO t SELECT n, n FROM generate_series(776601, 776610) AS n").await;
    (world, table)
}

async fn state(session: &Session, table: &CopiedTable) -> ConversionState {
    let (source, copy) = (&table.source.name, &table.copy.name);
    inspect_conversion(session, &table.managed, source, copy).await.unwrap()
}

/// The state of the triggers for a level, as text.
fn sync(state: &ConversionState, table: &CopiedTable, level: SyncLevel) -> String {
    match state.sync(&expected_sync(table, level)) {
        SyncState::Missing => "missing".to_owned(),
        SyncState::Altered(changes) => {
            changes.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
        }
        SyncState::Outdated => "outdated".to_owned(),
        SyncState::Intact => "intact".to_owned(),
    }
}

/// Changes of an application or administrator to the triggers, and the state that is read then.
const CHANGES: [(&str, &str); 9] = [
    (
        "ALTER TABLE t DISABLE TRIGGER sync_to_partitioned_t",
        "trigger sync_to_partitioned_t is disabled",
    ),
    (
        "ALTER TABLE t ENABLE TRIGGER sync_to_partitioned_t",
        "trigger sync_to_partitioned_t is disabled",
    ),
    (
        "ALTER TABLE t DISABLE TRIGGER sync_to_partitioned_t_truncate; \
         ALTER TABLE t ENABLE ALWAYS TRIGGER sync_to_partitioned_t_truncate",
        "trigger sync_to_partitioned_t_truncate was replaced",
    ),
    (
        "DROP TRIGGER sync_to_partitioned_t_truncate ON t",
        "trigger sync_to_partitioned_t_truncate was dropped",
    ),
    (
        "DROP TRIGGER sync_to_partitioned_t ON t; DROP TRIGGER sync_to_partitioned_t_truncate ON t",
        "missing",
    ),
    (
        "DROP TRIGGER read_only_until_cutover ON t_partitioned",
        "trigger read_only_until_cutover was dropped",
    ),
    (
        "CREATE OR REPLACE FUNCTION t_partitioned_read_only() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
        "function t_partitioned_read_only was replaced",
    ),
    (
        "ALTER FUNCTION sync_to_partitioned_t() STABLE",
        "function sync_to_partitioned_t was replaced",
    ),
    (
        "ALTER FUNCTION sync_to_partitioned_t() STABLE; ALTER FUNCTION sync_to_partitioned_t() VOLATILE",
        "function sync_to_partitioned_t was replaced",
    ),
];

#[tokio::test]
async fn change_of_a_trigger_or_function_is_noticed() {
    for major in majors() {
        let (world, table) = converted(major).await;
        let session = world.session().await;
        let before = state(&session, &table).await;
        assert_eq!(before, ConversionState::default(), "Postgres {major}");
        assert_eq!(sync(&before, &table, SyncLevel::Row), "missing", "Postgres {major}");
        for (change, expected) in CHANGES {
            install(&world, &table, SyncLevel::Row).await;
            let installed = state(&session, &table).await;
            assert_eq!(sync(&installed, &table, SyncLevel::Row), "intact", "Postgres {major}");
            world.owner(change).await;
            let changed = state(&session, &table).await;
            assert_eq!(sync(&changed, &table, SyncLevel::Row), expected, "Postgres {major}");
        }
        install(&world, &table, SyncLevel::Row).await;
        let row = state(&session, &table).await;
        assert_eq!(sync(&row, &table, SyncLevel::Statement), "outdated", "Postgres {major}");
        install(&world, &table, SyncLevel::Statement).await;
        let statement = state(&session, &table).await;
        assert_eq!(sync(&statement, &table, SyncLevel::Statement), "intact", "Postgres {major}");
        assert_eq!(sync(&statement, &table, SyncLevel::Row), "outdated", "Postgres {major}");
        world.admin("DELETE FROM pgpartition.conversions").await;
        let unrecorded = sync(&state(&session, &table).await, &table, SyncLevel::Statement);
        assert!(
            unrecorded.contains("trigger sync_to_partitioned_t is not recorded"),
            "{unrecorded}"
        );
    }
}

#[tokio::test]
async fn installation_voids_sweeps_and_keeps_the_cursor() {
    for major in majors() {
        let (world, table) = converted(major).await;
        install(&world, &table, SyncLevel::Row).await;
        let session = world.session().await;
        copy(&session, &table, 8).await.unwrap();
        let record = state(&session, &table).await.record.unwrap();
        assert_eq!((record.begun, record.copied), (true, 8), "Postgres {major}");
        assert_eq!(record.backfilled_at, None, "Postgres {major}");
        copy(&session, &table, 8).await.unwrap();
        sweep(&session, &table, CONTENT).await;
        let swept = state(&session, &table).await;
        let record = swept.record.clone().unwrap();
        assert!(record.backfilled_at.is_some() && record.changed.is_some(), "{record:?}");
        let parity = record.parity.unwrap();
        assert!(parity.is_clean() && parity.checked_at.is_some(), "{parity:?}");
        assert_eq!((parity.rows_source, parity.rows_partitioned), (10, 10), "Postgres {major}");
        // A snapshot can be saved, and has no key of a row.
        let saved = serde_json::to_string(&swept).unwrap();
        assert_eq!(serde_json::from_str::<ConversionState>(&saved).unwrap(), swept);
        assert!(!saved.contains("7766"), "{saved}");

        install(&world, &table, SyncLevel::Row).await;
        let record = state(&session, &table).await.record.unwrap();
        assert_eq!((record.copied, record.parity, record.sweep), (10, None, None));
        assert!(record.backfilled_at.is_some(), "Postgres {major}");
    }
}

#[tokio::test]
async fn repaired_rows_of_all_sweeps_are_recorded() {
    for major in majors() {
        let (world, table) = converted(major).await;
        install(&world, &table, SyncLevel::Row).await;
        let session = world.session().await;
        copy(&session, &table, 100).await.unwrap();
        let damage = format!("DELETE FROM {SCHEMA_SQL}.t_partitioned WHERE id < 776604");
        let damage = format!("BEGIN; SET LOCAL pgpartition.sync = 'on'; {damage}; COMMIT");
        for (repaired, in_all) in [(3, 3), (3, 6), (0, 6)] {
            if repaired > 0 {
                world.admin(&damage).await;
            }
            sweep(&session, &table, CONTENT).await;
            let record = state(&session, &table).await.record.unwrap();
            let swept = record.parity.unwrap().repaired_rows;
            assert_eq!((swept, record.repaired), (repaired, in_all), "Postgres {major}");
            install(&world, &table, SyncLevel::Row).await;
        }
        let record = state(&session, &table).await.record.unwrap();
        assert_eq!(record.repaired, 6, "Postgres {major}");
    }
}

#[tokio::test]
async fn records_of_an_untrusted_role_are_not_read() {
    for major in majors() {
        let (world, table) = converted(major).await;
        install(&world, &table, SyncLevel::Row).await;
        world
            .admin(&format!(
                "ALTER TABLE pgpartition.conversions OWNER TO {}; GRANT ALL ON pgpartition.conversions TO {}",
                world.owner, world.operator
            ))
            .await;
        let state = state(&world.session().await, &table).await;
        assert_eq!(state.record, None, "Postgres {major}");
        assert_eq!(state.triggers.len(), 3, "Postgres {major}");
    }
}

#[tokio::test]
async fn long_function_is_identified_by_its_digest() {
    for major in majors() {
        let world = World::new(major).await;
        let columns: String = (0..500).map(|n| format!(", \"n{n:060}\" int")).collect();
        let columns = format!("id int, part int NOT NULL{columns}");
        let table = create(&world, "t", &columns, (&["id"], &["part"])).await;
        install(&world, &table, SyncLevel::Row).await;
        let longest =
            "SELECT (max(octet_length(prosrc)) > 100000)::text FROM pg_proc WHERE oid >= 16384";
        assert_eq!(world.text(longest).await, "true", "Postgres {major}");
        let installed = state(&world.session().await, &table).await;
        assert_eq!(sync(&installed, &table, SyncLevel::Row), "intact", "Postgres {major}");
    }
}

#[tokio::test]
async fn sync_ends_without_the_function_of_another_table() {
    for major in majors() {
        let (world, table) = converted(major).await;
        let columns = "id int, part int NOT NULL";
        let other = create(&world, "t_update", columns, (&["id"], &["part"])).await;
        for table in [&table, &other] {
            install(&world, table, SyncLevel::Row).await;
        }
        let session = world.session().await;
        let mut facts = CopyFacts::new(0, PlainTable::default());
        facts.state = state(&session, &table).await;
        assert!(facts.has_sync(), "Postgres {major}: {facts:?}");
        run_as_owner(&session, &table, remove_sync(&table)).await.unwrap();
        facts.state = state(&session, &table).await;
        assert!(!facts.has_sync(), "Postgres {major}: {facts:?}");
        let of_other = sync(&state(&session, &other).await, &other, SyncLevel::Row);
        assert_eq!(of_other, "intact", "Postgres {major}");
    }
}
