//! A restore beside the operator, and the page that says how to recover.

use std::path::Path;
use std::process::Command;

use pg_partition_operator::desired::DesiredTable;
use pg_partition_operator::plan::{Note, PlanTime, plan};
use serde_json::{Value, json};

use crate::approval::{
    NOW, all_states, beside, drop_after, dump, major_of_dump, monthly, standalone,
};
use crate::database::{SCHEMA_SQL, World, apply, at, desired, observe};
use crate::program::{resource, run};
use crate::support::postgres::majors;
use crate::support::tool;

/// The statements of a dump, without the commands that only psql understands.
fn statements(dump: &str) -> Vec<String> {
    let lines = dump.lines().filter(|line| !line.starts_with("--") && !line.starts_with('\\'));
    let text = lines.collect::<Vec<_>>().join("\n");
    text.split(";\n").map(str::trim).filter(|sql| !sql.is_empty()).map(str::to_owned).collect()
}

/// Restores a dump of all states one statement at a time, and converges before each from the first that contains
/// `from` on.
async fn restore_beside_the_operator(options: &[&str], from: &str, table: &DesiredTable) -> World {
    let world = all_states().await;
    let target = beside(&world).await;
    // Granted before the dump does it, at its end: so the operator works beside all of it.
    let (owner, operator) = (&target.owner, &target.operator);
    let grants = format!(
        "CREATE SCHEMA {SCHEMA_SQL}; GRANT ALL ON SCHEMA {SCHEMA_SQL} TO {owner}, {operator}"
    );
    target.admin(&grants).await;
    let session = target.session().await;
    let options = [&["--inserts", "--rows-per-insert=1000"], options].concat();
    let mut works = false;
    for statement in statements(&dump(&world, &options)) {
        works |= statement.contains(from);
        if works {
            apply(&session, table, NOW).await;
        }
        // What the operator has created meanwhile cannot be created again.
        let _exists = target.admin.batch_execute(&statement).await;
    }
    assert!(works, "the dump contains {from}");
    apply(&session, table, NOW).await;
    target
}

/// Nothing is lost or doubled: there is one table for each month, with all rows.
async fn assert_whole(target: &World) {
    let tables = format!(
        "SELECT relname FROM pg_class WHERE relnamespace = '{SCHEMA_SQL}'::regnamespace AND relkind = 'r' ORDER BY 1"
    );
    let tables = target.text(&tables).await;
    let expected: Vec<_> = (1..=6).map(|month| format!("t_2026_0{month}")).collect();
    assert_eq!(tables.lines().collect::<Vec<_>>(), expected);
    let mut rows = 0;
    for table in &expected {
        let count = format!("SELECT count(*) FROM ONLY {SCHEMA_SQL}.{table}");
        rows += target.text(&count).await.parse::<u32>().unwrap();
    }
    assert_eq!(rows, 151);
}

fn expiring() -> DesiredTable {
    let mut spec = monthly("t", &drop_after("0s"));
    spec["limits"] = json!({"maxExpirePerRun": 9});
    spec["partitionBy"]["range"]["startAt"] = "2026-05-01".into();
    desired(spec)
}

#[tokio::test]
async fn restore_beside_the_operator_loses_and_duplicates_nothing() {
    for options in [&[][..], &["--no-comments"]] {
        assert_whole(&restore_beside_the_operator(options, "", &expiring()).await).await;
    }
}

#[tokio::test]
async fn partition_that_a_restore_has_not_attached_yet_is_not_created_again() {
    let table = expiring();
    let target = restore_beside_the_operator(&["--no-comments"], "ATTACH PARTITION", &table).await;
    assert_whole(&target).await;
    let observed = observe(&target.session().await, &table.name).await;
    let attached: Vec<_> = observed.attached().collect();
    assert!(attached.len() > 1 && attached.iter().all(|p| !p.state.is_managed()));
    let plan = plan(&table, &observed, &PlanTime::at(at(NOW)));
    assert!(plan.steps.is_empty() && plan.deferred.is_empty(), "{plan}");
    let unmanaged = plan.notes.iter().find_map(|planned| match &planned.note {
        Note::Unmanaged { partitions, .. } => Some(partitions.len()),
        _ => None,
    });
    assert_eq!(unmanaged, Some(attached.len()), "{plan}");
}

#[tokio::test]
async fn table_that_was_never_attached_blocks_a_second_one_for_its_period() {
    for major in majors() {
        let world = World::new(major).await;
        world
            .owner(
                "CREATE TABLE t (at timestamptz NOT NULL) PARTITION BY RANGE (at);
                 CREATE TABLE t_2026_06 (LIKE t);
                 CREATE TABLE t_2026_07 PARTITION OF t FOR VALUES FROM ('2026-07-01Z') TO ('2026-08-01Z');
                 CREATE TABLE t_2026_08 (note text)",
            )
            .await;
        world.owner("ALTER TABLE t DETACH PARTITION t_2026_07").await;
        let mut spec = monthly("t", &json!({"keep": 9}));
        spec["ahead"] = 2.into();
        let session = world.session().await;
        let done = apply(&session, &desired(spec.clone()), NOW).await;
        let deferred: Vec<_> = done.remaining.deferred.iter().map(|d| d.blocker.name()).collect();
        assert_eq!(deferred, ["UnattachedTable"], "Postgres {major}: {}", done.remaining);
        // A table that a user detached, and one with other columns, do not block.
        let partitions = format!(
            "SELECT string_agg(inhrelid::regclass::name, ' ' ORDER BY 1) FROM pg_inherits WHERE inhparent = '{SCHEMA_SQL}.t'::regclass"
        );
        let found = world.text(&partitions).await.replace(&format!("{SCHEMA_SQL}."), "");
        assert_eq!(found, "t_2026_07_2 t_2026_08_2", "Postgres {major}");
        world.owner("ALTER TABLE t_2026_06 RENAME TO june").await;
        let done = apply(&session, &desired(spec), NOW).await;
        let left = done.remaining.steps.len() + done.remaining.deferred.len();
        assert_eq!(left, 0, "Postgres {major}: {}", done.remaining);
    }
}

/// The blocks of the page's section, each with its language.
fn blocks(section: &str) -> Vec<(String, String)> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/how-to/recover.md");
    let page = std::fs::read_to_string(page).unwrap();
    let (_, page) = page.split_once(&format!("## {section}\n")).unwrap();
    let section = page.split("\n## ").next().unwrap();
    let mut blocks = Vec::new();
    let mut open: Option<(String, String)> = None;
    for line in section.lines().map(str::trim) {
        match (line.strip_prefix("```"), &mut open) {
            (Some(language), None) => open = Some((language.to_owned(), String::new())),
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (None, Some((_, text))) => text.push_str(&format!("{line}\n")),
            (None, None) => {}
        }
    }
    blocks
}

/// `revenues` with its resource, a backup, and an operator that reconciles unless the resource is suspended.
struct Finance {
    world: World,
    spec: Value,
    folder: tempfile::TempDir,
}

impl Finance {
    async fn new() -> Self {
        let world = World::new(major_of_dump()).await;
        world.admin(&format!("GRANT CREATE ON SCHEMA public TO {}", world.owner)).await;
        world.owner("CREATE TABLE public.revenues (occurred_at timestamptz NOT NULL) PARTITION BY RANGE (occurred_at)").await;
        let mut spec = monthly("revenues", &json!({"keep": 9}));
        spec["schema"] = "public".into();
        spec["partitionBy"]["range"]["column"] = "occurred_at".into();
        spec["partitionBy"]["range"]["startAt"] = "2026-01-01".into();
        spec["limits"] = json!({"maxExpirePerRun": 9});
        let finance = Self { world, spec, folder: tempfile::tempdir().unwrap() };
        finance.reconcile();
        finance.world.owner("INSERT INTO public.revenues VALUES ('2026-01-02Z')").await;
        finance
    }

    fn reconcile(&self) {
        if self.spec["suspend"] != json!(true) {
            let file = resource(self.spec.clone());
            let done = self.world.call(&["apply", "-f", "-", "--at", NOW], &file);
            assert_eq!(done.status, 0, "{done:?}");
        }
    }

    fn tool(&self, line: &str) {
        let mut words = line.split_whitespace();
        let program = tool("psql", "PGPARTITION_PSQL").with_file_name(words.next().unwrap());
        let url = self.world.database.url();
        let arguments = words.map(|word| word.replace("\"$DATABASE_URL\"", &url));
        let mut command = Command::new(program);
        let done = run(command.args(arguments).current_dir(self.folder.path()), "");
        assert_eq!(done.status, 0, "{line}: {done:?}");
    }

    /// Does what a block says.
    async fn follow(&mut self, language: &str, text: &str) {
        match text.split_once("-p '").filter(|_| text.starts_with("kubectl patch ")) {
            Some((_, patch)) => {
                let patch: Value =
                    serde_json::from_str(patch.rsplit_once('\'').unwrap().0).unwrap();
                for (field, value) in patch["spec"].as_object().unwrap() {
                    match value.as_object() {
                        None => self.spec[field] = value.clone(),
                        Some(fields) => {
                            for (name, value) in fields {
                                self.spec[field][name] = value.clone();
                            }
                        }
                    }
                }
            }
            None if language == "sql" => self.world.owner(text).await,
            None => self.tool(text),
        }
    }
}

#[tokio::test]
async fn dropped_table_is_restored_with_the_commands_of_the_page() {
    for carries_comment in [false, true] {
        let mut finance = Finance::new().await;
        finance.tool("pg_dump --format=custom --file=revenues.dump \"$DATABASE_URL\"");
        finance.spec["partitionBy"]["range"].as_object_mut().unwrap().remove("startAt");
        finance.spec["retention"] = json!({"keep": 1, "onExpiry": "Drop", "dropAfter": "0s"});
        finance.reconcile();
        let comment = "SELECT obj_description('public.revenues_2026_01'::regclass, 'pg_class')";
        let comment = finance.world.text(comment).await;
        finance.world.owner("DROP TABLE public.revenues_2026_01").await;
        for (language, text) in blocks("Restore a dropped table") {
            finance.reconcile();
            finance.follow(&language, &text).await;
            if carries_comment && text.starts_with("pg_restore") {
                let comment = comment.replace('\'', "''");
                finance
                    .world
                    .admin(&format!("COMMENT ON TABLE public.revenues_2026_01 IS '{comment}'"))
                    .await;
            }
        }
        for _ in 0..2 {
            finance.reconcile();
        }
        let rows = "SELECT count(*) FROM public.revenues WHERE occurred_at < '2026-02-01Z'";
        assert_eq!(finance.world.text(rows).await, "1", "{carries_comment}: {comment}");
        assert!(standalone(&finance.world).await.is_empty());
    }
}
