//! Nothing is detached or dropped without consent: of the user who moved, restored, or reattached a table, and of
//! the user who approved or adopted once.

use std::process::Command;

use serde_json::{Value, json};

use crate::database::{SCHEMA_SQL, World};
use crate::program::{resource, run};
use crate::support::postgres::{Server, majors};
use crate::support::tool;

pub(crate) const NOW: &str = "2026-06-15T12:00:00Z";

/// A monthly table that keeps one period, with further fields of the spec.
pub(crate) fn monthly(table: &str, retention: &Value) -> Value {
    json!({
        "table": table, "ahead": 0,
        "partitionBy": {"range": {"column": "at", "interval": "Month", "timeZone": "UTC"}},
        "retention": retention,
    })
}

pub(crate) fn drop_after(grace: &str) -> Value {
    json!({"keep": 1, "onExpiry": "Drop", "dropAfter": grace})
}

/// Whether a table has this name in the schema.
async fn exists(world: &World, table: &str) -> bool {
    let sql = format!(
        "SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE n.nspname = 'Fin\"an;ce' AND c.relname = '{table}'"
    );
    world.text(&sql).await == "1"
}

#[tokio::test]
async fn partition_that_a_user_moved_to_another_table_is_unmanaged_there() {
    for major in majors() {
        let world = World::new(major).await;
        world
            .owner(
                "CREATE TABLE a (at timestamptz NOT NULL) PARTITION BY RANGE (at);
                 CREATE TABLE b (at timestamptz NOT NULL) PARTITION BY RANGE (at);",
            )
            .await;
        let first = resource(monthly("a", &json!({"keep": 9})));
        assert_eq!(
            world.call(&["apply", "-f", "-", "--at", "2026-01-15T12:00:00Z"], &first).status,
            0
        );
        world
            .owner(
                "INSERT INTO a VALUES ('2026-01-05Z');
                 ALTER TABLE a DETACH PARTITION a_2026_01;
                 ALTER TABLE b ATTACH PARTITION a_2026_01 FOR VALUES FROM ('2026-01-01Z') TO ('2026-02-01Z');",
            )
            .await;
        let second = resource(monthly("b", &drop_after("0s")));
        for now in [NOW, "2032-06-15T12:00:00Z"] {
            let done = world.call(&["apply", "-f", "-", "--at", now], &second);
            let plan = world.call(&["plan", "-f", "-", "--at", now], &second);
            assert!(done.status == 0, "Postgres {major}: {done:?}");
            assert!(plan.out.contains("a_2026_01"), "Postgres {major}: it is reported: {plan:?}");
            assert!(exists(&world, "a_2026_01").await, "Postgres {major}: {done:?}");
        }
    }
}

/// The names of the tables that are not attached, in the schema.
pub(crate) async fn standalone(world: &World) -> Vec<String> {
    let sql = format!(
        "SELECT relname FROM pg_class WHERE relnamespace = '{SCHEMA_SQL}'::regnamespace
         AND relkind = 'r' AND NOT relispartition ORDER BY 1"
    );
    world.text(&sql).await.lines().map(str::to_owned).collect()
}

async fn attached(world: &World) -> Vec<String> {
    let sql = format!(
        "SELECT inhrelid::regclass::name FROM pg_inherits WHERE inhparent = '{SCHEMA_SQL}.t'::regclass ORDER BY 1"
    );
    let names = world.text(&sql).await;
    names.lines().filter_map(|name| Some(name.rsplit_once('.')?.1.to_owned())).collect()
}

/// Half a year is there, and what is past the retention is detached.
pub(crate) async fn half_a_year(major: u16, retention: &Value) -> World {
    let world = World::new(major).await;
    world.owner("CREATE TABLE t (at timestamptz NOT NULL) PARTITION BY RANGE (at)").await;
    let mut spec = monthly("t", &json!({"keep": 9}));
    spec["partitionBy"]["range"]["startAt"] = "2026-01-01".into();
    let done = world.call(&["apply", "-f", "-", "--at", NOW], &resource(spec));
    assert_eq!(done.status, 0, "Postgres {major}: {done:?}");
    world.owner("INSERT INTO t SELECT '2026-01-02Z'::timestamptz + n * interval '1 day' FROM generate_series(0, 150) n").await;
    let mut spec = monthly("t", retention);
    spec["limits"] = json!({"maxExpirePerRun": 9});
    let done = world.call(&["apply", "-f", "-", "--at", NOW], &resource(spec));
    assert_eq!(done.status, 0, "Postgres {major}: {done:?}");
    world
}

pub(crate) const KEPT: [&str; 4] = ["t_2026_01", "t_2026_02", "t_2026_03", "t_2026_04"];

/// Later than any grace period that a test asks for.
pub(crate) const LATER: &str = "2032-06-15T12:00:00Z";

#[tokio::test]
async fn tables_that_were_kept_are_dropped_only_with_approval_and_after_a_new_grace_period() {
    for major in majors() {
        let world = half_a_year(major, &json!({"keep": 1})).await;
        let what = format!("Postgres {major}");
        let file = resource(monthly("t", &drop_after("1h")));
        let held = world.call(&["apply", "-f", "-", "--at", NOW], &file);
        assert_eq!(
            (held.status, standalone(&world).await),
            (4, KEPT.map(str::to_owned).to_vec()),
            "{what}: {held:?}"
        );
        let plan = world.call(&["plan", "-f", "-", "--at", NOW, "-o", "json"], &file);
        let fingerprint = plan.fingerprint();
        let approved =
            world.call(&["apply", "-f", "-", "--at", NOW, "--approve", &fingerprint], &file);
        assert_eq!(
            (approved.status, standalone(&world).await.len()),
            (0, 4),
            "{what}: {approved:?}"
        );
        // The grace period is over for none of them, though they were detached before.
        let early = world.call(&["apply", "-f", "-", "--at", NOW], &file);
        assert_eq!((early.status, standalone(&world).await.len()), (0, 4), "{what}: {early:?}");
        // The change is reverted and requested again with the same annotation: the approval is used up.
        let keeps = resource(monthly("t", &json!({"keep": 1})));
        assert_eq!(world.call(&["apply", "-f", "-", "--at", NOW], &keeps).status, 0, "{what}");
        let again =
            world.call(&["apply", "-f", "-", "--at", NOW, "--approve", &fingerprint], &file);
        assert_eq!((again.status, standalone(&world).await.len()), (4, 4), "{what}: {again:?}");
    }
}

#[tokio::test]
async fn approval_is_used_up_if_the_same_partitions_expire_again() {
    for major in majors() {
        let what = format!("Postgres {major}");
        let world = half_a_year(major, &json!({"keep": 9})).await;
        let apply = |keep: u32, approve: &[&str]| {
            let arguments = [&["apply", "-f", "-", "--at", NOW], approve].concat();
            world.call(&arguments, &resource(monthly("t", &json!({"keep": keep}))))
        };
        let plan = ["plan", "-f", "-", "--at", NOW, "-o", "json"];
        let plan = world.call(&plan, &resource(monthly("t", &json!({"keep": 1}))));
        let fingerprint = plan.fingerprint();
        let approve = ["--approve", fingerprint.as_str()];
        let done = apply(1, &approve);
        assert_eq!((done.status, standalone(&world).await.len()), (0, 4), "{what}: {done:?}");
        // The change is reverted: the same tables are reattached, by the operator and then by a user.
        let done = apply(9, &approve);
        assert_eq!((done.status, attached(&world).await.len()), (0, 6), "{what}: {done:?}");
        let held = apply(1, &approve);
        assert_eq!((held.status, attached(&world).await.len()), (4, 6), "{what}: {held:?}");
        let plan = ["plan", "-f", "-", "--at", NOW, "-o", "json"];
        let plan = world.call(&plan, &resource(monthly("t", &json!({"keep": 1}))));
        let fingerprint = plan.fingerprint();
        let approve = ["--approve", fingerprint.as_str()];
        let done = apply(1, &approve);
        assert_eq!((done.status, standalone(&world).await.len()), (0, 4), "{what}: {done:?}");
        for (table, month) in KEPT.iter().zip(1..) {
            let (from, to) = (format!("2026-0{month}-01Z"), format!("2026-0{}-01Z", month + 1));
            let attach = format!(
                "ALTER TABLE t ATTACH PARTITION {table} FOR VALUES FROM ('{from}') TO ('{to}')"
            );
            world.owner(&attach).await;
        }
        let held = apply(1, &approve);
        assert_eq!((held.status, attached(&world).await.len()), (4, 6), "{what}: {held:?}");
    }
}

/// Returns the output of `pg_dump` for the database.
pub(crate) fn dump(world: &World, options: &[&str]) -> String {
    let dump = tool("psql", "PGPARTITION_PSQL").with_file_name("pg_dump");
    let text = Command::new(dump).args(options).arg(world.database.url()).output().unwrap();
    assert!(text.status.success(), "{}", String::from_utf8_lossy(&text.stderr));
    String::from_utf8(text.stdout).unwrap()
}

/// The major whose `pg_dump` there is: the servers come without one.
pub(crate) fn major_of_dump() -> u16 {
    let dump = tool("psql", "PGPARTITION_PSQL").with_file_name("pg_dump");
    let version = Command::new(dump).arg("--version").output().unwrap();
    let version = String::from_utf8(version.stdout).unwrap();
    version.split(' ').nth(2).unwrap().split('.').next().unwrap().parse().unwrap()
}

/// An empty database on the same server, for the same roles.
pub(crate) async fn beside(world: &World) -> World {
    let database = Server::shared(world.major).database().await;
    let admin = database.client().await;
    let (owner, operator) = (world.owner.clone(), world.operator.clone());
    World { major: world.major, database, owner, operator, admin }
}

fn restore(dump: &str, target: &World) {
    let mut psql = Command::new(tool("psql", "PGPARTITION_PSQL"));
    psql.args(["-X", "-q", "-v", "ON_ERROR_STOP=1", &target.database.url()]);
    let restored = run(&mut psql, dump);
    assert_eq!(restored.status, 0, "{restored:?}");
}

/// A database with tables that are attached, expired, pending, and detached, the latter to be dropped.
pub(crate) async fn all_states() -> World {
    let world = half_a_year(major_of_dump(), &drop_after("1h")).await;
    let mut spec = monthly("t", &json!({"keep": 3, "onExpiry": "Drop", "dropAfter": "1h"}));
    let done = world.call(&["apply", "-f", "-", "--at", NOW], &resource(spec.clone()));
    assert_eq!((done.status, standalone(&world).await.len()), (0, 2), "{done:?}");
    // A reader is open: the detach of March stays pending, and April stays attached.
    let reader = world.database.client().await;
    reader.batch_execute(&format!("BEGIN; SELECT FROM {SCHEMA_SQL}.t LIMIT 1")).await.unwrap();
    spec["retention"]["keep"] = 1.into();
    let held = world.call(&["apply", "-f", "-", "--at", NOW, "--wait", "0s"], &resource(spec));
    assert_eq!(held.status, 5, "{held:?}");
    let pending = "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhdetachpending";
    assert!(world.text(pending).await.ends_with("t_2026_03"), "{held:?}");
    world
}

#[tokio::test]
async fn nothing_that_was_detached_before_a_dump_is_dropped_in_the_restored_database() {
    let world = all_states().await;
    let target = beside(&world).await;
    restore(&dump(&world, &[]), &target);
    assert!(attached(&target).await.ends_with(&["t_2026_05".to_owned(), "t_2026_06".to_owned()]));
    let before = standalone(&target).await;
    assert!(before.starts_with(&["t_2026_01".to_owned(), "t_2026_02".to_owned()]), "{before:?}");
    let file = resource(monthly("t", &drop_after("0s")));
    let plan = target.call(&["plan", "-f", "-", "--at", NOW], &file);
    assert!(plan.out.contains("note  2 tables restored"), "they are reported: {plan:?}");
    // A reattached table is managed again: it expires, and is finally dropped.
    let done = target.call(&["apply", "-f", "-", "--at", NOW], &file);
    assert_eq!((done.status, attached(&target).await.len()), (0, 2), "{done:?}");
    for _ in 0..2 {
        let done = target.call(&["apply", "-f", "-", "--at", LATER], &file);
        assert_eq!(done.status, 0, "{done:?}");
    }
    let left = standalone(&target).await;
    let is_left = KEPT.map(|table| left.iter().any(|name| name == table));
    assert_eq!(is_left, [true, true, false, false], "{left:?}");
}

/// The same as SQL text that `pg_dump --no-comments` gives: `visits` of managed services.
#[tokio::test]
async fn restore_without_comments_is_reported_and_changes_nothing() {
    let world = all_states().await;
    let target = beside(&world).await;
    restore(&dump(&world, &["--no-comments"]), &target);
    let (before, partitions) = (standalone(&target).await, attached(&target).await);
    let file = resource(monthly("t", &drop_after("0s")));
    let verify = target.call(&["verify", "-f", "-", "--at", NOW], &file);
    for said in ["spec.retention does not apply", "t_2026_01", "t_2026_02", "pgpartition_of_"] {
        assert!(verify.out.contains(said), "{said}: {verify:?}");
    }
    for now in [NOW, NOW, LATER, LATER] {
        target.call(&["apply", "-f", "-", "--at", now], &file);
    }
    let after = attached(&target).await;
    assert!(partitions.iter().all(|partition| after.contains(partition)), "{after:?}");
    assert_eq!(standalone(&target).await, before, "{after:?}");
    // What the note advises: they are adopted by name, and expire again.
    let mut adopting: Value = serde_json::from_str(&file).unwrap();
    adopting["metadata"]["annotations"] = json!({"pgpartition.dev/adopt": partitions.join(",")});
    adopting["spec"]["limits"] = json!({"maxExpirePerRun": 9});
    let done = target.call(&["apply", "-f", "-", "--at", NOW], &adopting.to_string());
    let left = attached(&target).await;
    let is_left = KEPT.map(|table| left.iter().any(|name| name == table));
    assert_eq!((done.status, is_left), (0, [false; 4]), "{left:?} {done:?}");
}

/// The file with the annotation that asks for the adoption of these.
fn adopting(names: &str) -> String {
    let mut file: Value =
        serde_json::from_str(&resource(monthly("t", &json!({"keep": 9})))).unwrap();
    file["metadata"]["annotations"] = json!({"pgpartition.dev/adopt": names});
    file.to_string()
}

const LEGACY: &str =
    "CREATE TABLE legacy PARTITION OF t FOR VALUES FROM ('2026-01-01Z') TO ('2026-06-01Z')";

#[tokio::test]
async fn adoption_is_not_repeated_for_another_table_of_the_same_name() {
    for major in majors() {
        let what = format!("Postgres {major}");
        let world = World::new(major).await;
        world.owner("CREATE TABLE t (at timestamptz NOT NULL) PARTITION BY RANGE (at)").await;
        world.owner(&format!("COMMENT ON TABLE t IS E'a user''s\\nown words'; {LEGACY}")).await;
        let comment = |table: &str| {
            format!(
                "SELECT coalesce(obj_description('{SCHEMA_SQL}.{table}'::regclass, 'pg_class'), '-')"
            )
        };
        let apply = |names: &str| world.call(&["apply", "-f", "-", "--at", NOW], &adopting(names));
        let done = apply("legacy");
        let marked = world.text(&comment("legacy")).await;
        assert!(done.status == 0 && marked.starts_with("pgpartition.dev "), "{what}: {done:?}");
        world.owner(&format!("DROP TABLE legacy; {LEGACY}")).await;
        let held = apply("legacy");
        assert_eq!(world.text(&comment("legacy")).await, "-", "{what}: {held:?}");
        let plan = world.call(&["plan", "-f", "-", "--at", NOW], &adopting("legacy"));
        assert!(plan.status == 0 && plan.out.contains("not repeated"), "{what}: {plan:?}");
        // What the note advises.
        for names in ["", "legacy"] {
            let done = apply(names);
            assert_eq!(done.status, 0, "{what}: {done:?}");
        }
        let marked = world.text(&comment("legacy")).await;
        assert!(marked.starts_with("pgpartition.dev "), "{what}: {marked}");
        let own = world.text(&comment("t")).await;
        assert!(own.starts_with("a user's\nown words\npgpartition.dev adopted "), "{what}: {own}");
    }
}

#[tokio::test]
async fn each_remedy_for_a_table_that_cannot_be_reattached_works() {
    for major in majors() {
        let what = format!("Postgres {major}");
        let world = half_a_year(major, &json!({"keep": 1})).await;
        world.owner("ALTER TABLE t ADD amount numeric").await;
        let file = resource(monthly("t", &json!({"keep": 9})));
        let held = world.call(&["apply", "-f", "-", "--at", NOW], &file);
        assert!(
            held.status == 4 && held.out.contains("remove the first line of its comment"),
            "{what}: {held:?}"
        );
        world
            .owner("ALTER TABLE t_2026_04 ADD amount numeric; COMMENT ON TABLE t_2026_01 IS NULL")
            .await;
        world.owner("ALTER TABLE t_2026_02 ADD amount numeric; ALTER TABLE t_2026_03 ADD amount numeric").await;
        let done = world.call(&["apply", "-f", "-", "--at", NOW], &file);
        assert_eq!((done.status, attached(&world).await.len()), (0, 5), "{what}: {done:?}");
        let plan = world.call(&["plan", "-f", "-", "--at", NOW], &file);
        assert!(plan.out.contains("t_2026_01"), "{what}: it is mentioned: {plan:?}");
        let table = format!("{SCHEMA_SQL}.t_2026_01");
        let constraint = format!(
            "SELECT conname FROM pg_constraint WHERE conrelid = '{table}'::regclass AND conname ~ '^pgpartition_of_'"
        );
        let constraint = world.text(&constraint).await;
        world.owner(&format!("ALTER TABLE t_2026_01 DROP CONSTRAINT {constraint}")).await;
        let plan = world.call(&["plan", "-f", "-", "--at", NOW], &file);
        assert!(plan.status == 0 && !plan.out.contains("t_2026_01"), "{what}: {plan:?}");
    }
}

#[tokio::test]
async fn detached_table_that_a_user_moved_is_dropped_only_after_approval_and_a_grace_period() {
    for major in majors() {
        let what = format!("Postgres {major}");
        let world = half_a_year(major, &json!({"keep": 4})).await;
        world.admin(&format!("CREATE SCHEMA archive AUTHORIZATION {}", world.owner)).await;
        world.owner("ALTER TABLE t_2026_01 RENAME TO old_january; ALTER TABLE old_january SET SCHEMA archive").await;
        let file =
            resource(monthly("t", &json!({"keep": 4, "onExpiry": "Drop", "dropAfter": "0s"})));
        let plan = world.call(&["plan", "-f", "-", "--at", NOW], &file);
        let said = plan.out.contains("mark-for-drop") && plan.out.contains("archive.old_january");
        assert!(said && plan.out.contains("InGracePeriod"), "{what}: {plan:?}");
        assert_eq!(world.call(&["apply", "-f", "-", "--at", NOW], &file).status, 0, "{what}");
        let there = "SELECT to_regclass('archive.old_january') IS NOT NULL";
        assert_eq!(world.text(there).await, "t", "{what}: {plan:?}");
    }
}

#[tokio::test]
async fn detached_table_of_another_table_is_dropped_only_after_a_new_grace_period() {
    for major in majors() {
        let what = format!("Postgres {major}");
        let world = half_a_year(major, &drop_after("1h")).await;
        world
            .owner(
                "CREATE TABLE u (LIKE t) PARTITION BY RANGE (at);
                 ALTER TABLE u ATTACH PARTITION t_2026_01 FOR VALUES FROM ('2026-01-01Z') TO ('2026-02-01Z');
                 ALTER TABLE u DETACH PARTITION t_2026_01;
                 GRANT SELECT ON t_2026_02 TO public",
            )
            .await;
        let file = resource(monthly("t", &drop_after("1h")));
        let done = world.call(&["apply", "-f", "-", "--at", LATER], &file);
        assert_eq!(
            (
                done.status,
                exists(&world, "t_2026_01").await,
                exists(&world, "t_2026_02").await,
                done.out.contains("drop t_2026_01: InGracePeriod")
            ),
            (0, true, false, true),
            "{what}: {done:?}"
        );
    }
}
