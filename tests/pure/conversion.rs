//! SQL of a conversion, word for word, with names that need quotes. A parser of Postgres' grammar reads all of it, and the
//! statements in the functions, too.
//!
//! `PGPARTITION_UPDATE=1 cargo test --test pure conversion` writes `tests/pure/conversion.sql` again.

use std::collections::BTreeSet;
use std::time::Duration;

use pg_partition_operator::partition::{
    CopiedTable, Identifier, ManagedTable, QualifiedName, SyncLevel, SyncTrigger, copy_name,
};
use pg_partition_operator::sql::{
    Comparison, Function, LoginRole, Page, Script, Sql, begin_verify, compare_page, copy_page,
    delete_record, install_sync, note_sync, record_partition, record_sync, remove_sync,
    sync_functions, verify_page,
};
use squawk_linter::Linter;
use squawk_syntax::SourceFile;

use crate::catalog::identifier;
use crate::generated::expect_file;
use crate::sql::{is_one_statement, parts, text_of};

fn table(schema: &str, name: &str, key: &[&str], by: &[&str], more: &[&str]) -> CopiedTable {
    let identifiers = |names: &[&str]| names.iter().map(|n| identifier(n)).collect::<Vec<_>>();
    let source = QualifiedName { schema: identifier(schema), name: identifier(name) };
    let managed = ManagedTable::new(source.clone());
    let mut columns = identifiers(key);
    columns.extend(identifiers(by).into_iter().filter(|c| !key.contains(&c.as_str())));
    columns.extend(identifiers(more));
    CopiedTable {
        copy: source.sibling(copy_name(&managed)),
        managed,
        source,
        key: identifiers(key),
        partition_columns: identifiers(by),
        columns,
        always_identity: Vec::new(),
        owner: identifier("own;\\er"),
    }
}

/// A table as most are, and one whose names end strings, blocks, and comments, or are those of the functions' variables.
fn tables() -> [CopiedTable; 2] {
    let orders = table("shop", "orders", &["id"], &["org_id"], &["at", "status"]);
    let name = "größe_大きさ_of_exactly_63_bytes_$$_'\"\\--/*;\n_END_with_o";
    let more = &[
        "s",
        "t",
        "new",
        "old",
        "found",
        "at",
        "reached",
        "pgpartition_a",
        "a;b",
        "\\",
        "''",
        "$$",
    ];
    let hostile = table("Fin\"an;ce", name, &["k'e\ny", "pgpartition"], &["select"], more);
    let always_identity = vec![identifier("a;b")];
    [orders, CopiedTable { always_identity, ..hostile }]
}

fn page() -> Page {
    let statement_timeout = Duration::from_millis(1425);
    Page { rows: 1000, statement_timeout, login: LoginRole::Hidden }
}

fn scripts(table: &CopiedTable) -> Vec<(&'static str, Vec<Sql>)> {
    let all = SyncTrigger::ALL
        .iter()
        .map(|trigger| trigger.name(&table.managed, table.serving()))
        .collect();
    let comparison =
        Comparison { content: true, repairs: 100, after: Some(jiff::Timestamp::UNIX_EPOCH) };
    let sent = |script: Script| script.to_sql();
    vec![
        ("install_sync Row", install_sync(table, SyncLevel::Row, &all)),
        ("install_sync Statement", install_sync(table, SyncLevel::Statement, &BTreeSet::new())),
        ("record_sync Row", record_sync(table, SyncLevel::Row, true, LoginRole::Hidden)),
        ("note_sync", note_sync(table, LoginRole::Hidden)),
        ("remove_sync", remove_sync(table)),
        ("delete_record", delete_record(&table.managed, LoginRole::Hidden)),
        ("copy_page", sent(copy_page(table, page()))),
        ("compare_page", sent(compare_page(table, page(), comparison))),
        ("begin_verify", sent(begin_verify(table, page()))),
        ("verify_page", sent(verify_page(table, page(), 100))),
        (
            "record_partition",
            record_partition(&table.managed, &table.copy, LoginRole::Hidden).into(),
        ),
    ]
}

fn text((title, statements): &(&str, Vec<Sql>)) -> String {
    let statements: String = statements.iter().map(|sql| format!("{};\n", sql.as_str())).collect();
    format!("-- {title}\n{statements}\n")
}

#[test]
fn sql_of_a_conversion_is_golden() {
    let sections = tables().iter().flat_map(scripts).collect::<Vec<_>>();
    expect_file("tests/pure/conversion.sql", &sections.iter().map(text).collect::<String>());
}

#[test]
fn postgres_can_read_every_statement_of_a_conversion() {
    for (_, statements) in tables().iter().flat_map(scripts) {
        for statement in statements {
            is_one_statement(statement.as_str());
        }
    }
}

#[test]
fn postgres_can_read_the_writes_in_every_function_and_block() {
    for (_, statements) in tables().iter().flat_map(scripts) {
        let statements = statements.iter().map(Sql::as_str);
        for body in statements.filter_map(body_of) {
            let writes = writes_of(&body);
            assert!(!writes.is_empty() || body.contains("RAISE"), "{body}");
            for write in writes {
                is_one_statement(&write);
            }
        }
    }
}

/// The body of a function, or the block that a procedure of the session runs.
fn body_of(statement: &str) -> Option<String> {
    if statement.starts_with("CREATE OR REPLACE FUNCTION") {
        let (_, after) = statement.split_once("'pg_temp'").expect("a search path");
        let (_, body) = after.split_once(" AS ").expect("a body");
        return Some(text_of(body));
    }
    let (_, block) = statement.strip_prefix("CALL ")?.split_once('(').expect("an argument");
    let block = text_of(block.strip_suffix("::pg_catalog.text)").expect("a type"));
    Some(text_of(block.strip_prefix("DO ").expect("a block")))
}

/// The statements of a body that write.
fn writes_of(body: &str) -> Vec<String> {
    let mut statements = Vec::new();
    for part in parts(body, ';') {
        // Words that begin a block end a line.
        let mut lines = Vec::new();
        for line in part.trim().lines().map(str::trim) {
            if ["THEN", "BEGIN", "ELSE", "LOOP"].iter().any(|word| line.ends_with(word)) {
                lines.clear();
            } else {
                lines.push(line);
            }
        }
        let statement = lines.join("\n");
        if ["INSERT ", "DELETE ", "TRUNCATE "].iter().any(|verb| statement.starts_with(verb)) {
            statements.push(statement);
        }
    }
    statements
}

#[test]
fn linter_finds_nothing_in_a_conversion() {
    let mut broken = BTreeSet::new();
    for section in tables().iter().flat_map(scripts) {
        // The step that sends it bounds its waits.
        let bounds = "SET LOCAL lock_timeout = '1s';\nSET LOCAL statement_timeout = '1s';\n";
        let script = format!("BEGIN;\n{bounds}{}COMMIT;\n", text(&section));
        let found = Linter::with_default_rules().lint(&SourceFile::parse(&script), &script);
        broken.extend(found.iter().map(|violation| violation.code.to_string()));
    }
    assert!(broken.is_empty(), "{broken:?}");
}

#[test]
fn digests_of_functions_differ_between_levels_and_tables() {
    let [orders, hostile] = tables();
    let digests = |table: &CopiedTable, level| {
        let functions = sync_functions(table, level);
        functions.iter().map(Function::digest).collect::<BTreeSet<_>>()
    };
    let (row, statement) =
        (digests(&orders, SyncLevel::Row), digests(&orders, SyncLevel::Statement));
    assert_eq!((row.len(), statement.len()), (3, 6));
    // Those that both levels have: truncate and guard.
    assert_eq!(row.intersection(&statement).count(), 2);
    assert!(row.is_disjoint(&digests(&hostile, SyncLevel::Row)));
}

#[test]
fn names_of_functions_keep_within_63_bytes() {
    let [_, hostile] = tables();
    let functions = sync_functions(&hostile, SyncLevel::Statement);
    let names: BTreeSet<&Identifier> = functions.iter().map(|f| &f.name.name).collect();
    assert_eq!(names.len(), functions.len());
}
