//! SQL of each kind of step, word for word, with names that need quotes. A parser of Postgres' grammar reads all of it,
//! and a linter for migrations finds nothing except the exceptions that are listed here with their reasons.
//!
//! `PGPARTITION_UPDATE=1 cargo test --test pure sql` writes `tests/pure/sql.sql` again.

use std::time::Duration;

use pg_partition_operator::observed::{
    Fires, ForeignKey, IndexSettings, ReplicaIdentity, Template, Trigger, Within,
};
use pg_partition_operator::partition::{
    Bounds, Edge, Identifier, IndexColumn, IndexShape, KeyRange, KeyType, ManagedTable,
    QualifiedName, RangeBounds, RangeKey,
};
use pg_partition_operator::plan::{
    Attach, AttachIndex, BuildIndex, Detach, Drain, IndexBody, MarkAs, MarkPartitions,
    MarkedPartition, NewIndex, NewPartition, RecordDetach, Step, StepKind, TransactionMode,
};
use pg_partition_operator::sql::{Timeouts, count_default_rows, render, rows_referenced_by};
use squawk_linter::{Linter, Rule};
use squawk_syntax::SourceFile;

use crate::catalog::identifier;
use crate::generated::expect_file;
use crate::samples::Names;

const SCHEMA: &str = "Fin\"an;ce";
const TABLE: &str = "Or\"der'; DROP TABLE \"x\" --";
const PARTITION: &str = "größe_大きさ_of_exactly_63_bytes_of_which_some_are_in_2026";
const DEFAULT: &str = "back\\slash $$ /*";
const COLUMN: &str = "select";

/// Rules of the linter that the SQL violates, and the reasons.
const EXCEPTIONS: [(Rule, &str); 8] = [
    (Rule::RequireConcurrentPartitionDetach, "Postgres refuses it beside a default partition"),
    (Rule::PreferRobustStmts, "what is there was looked at, and IF EXISTS would hide a mistake"),
    (
        Rule::RequireConcurrentIndexCreation,
        "on a table that is not in use yet, or ON ONLY: no scan",
    ),
    (
        Rule::RequireConcurrentIndexDeletion,
        "Postgres refuses it for an index of a partitioned table",
    ),
    (Rule::AddingSerialPrimaryKeyField, "on a table that is not in use yet"),
    (
        Rule::BanDropTable,
        "one that was never attached, and empty: that is looked at under the lock",
    ),
    (Rule::BanDropConstraint, "a default-partition check that is no longer needed"),
    (Rule::RenamingObject, "an index takes the place of the one dropped before it, all or nothing"),
];

#[test]
fn sql_of_each_step_is_golden() {
    let steps = steps();
    let kinds: Vec<_> = steps.iter().map(StepKind::from).collect();
    // `conversion.rs` shows those of a conversion.
    let of_conversion = names().converting();
    let of_conversion: Vec<_> = of_conversion.iter().map(StepKind::from).collect();
    for kind in StepKind::ALL.iter().filter(|kind| !of_conversion.contains(kind)) {
        assert!(kinds.contains(kind), "no step of the kind {kind:?} is shown");
    }
    expect_file("tests/pure/sql.sql", &steps.iter().map(section).collect::<String>());
}

#[test]
fn postgres_parses_every_statement_as_one() {
    for step in steps() {
        for statement in render(&step, &owner(), timeouts()).to_sql() {
            is_one_statement(statement.as_str());
            for within in statements_within(statement.as_str()) {
                is_one_statement(&within);
            }
        }
    }
}

#[test]
fn postgres_parses_every_query() {
    for key in [KeyType::Date, KeyType::Timestamp, KeyType::TimestampTz, KeyType::UuidV7] {
        for within in [Within::Nowhere, Within::Everywhere, Within::Range(range().range)] {
            let script = count_default_rows(&owner(), &qualified(DEFAULT), &self::key(key), within);
            for sql in script.to_sql() {
                is_one_statement(sql.as_str());
            }
        }
    }
    let keys = [foreign_key(), foreign_key()];
    for sql in rows_referenced_by(&owner(), &qualified(PARTITION), &keys).to_sql() {
        is_one_statement(sql.as_str());
    }
}

fn foreign_key() -> ForeignKey {
    let columns =
        vec![(identifier("a;b"), identifier(COLUMN)), (identifier("C\"d"), identifier("e"))];
    let operators = vec![
        (identifier("pg_catalog"), "=".to_owned()),
        (identifier("Ext\"ras"), "=; DROP".to_owned()),
    ];
    ForeignKey { from: qualified(TABLE), columns, operators }
}

pub(crate) fn is_one_statement(text: &str) {
    let parsed = SourceFile::parse(text);
    assert_eq!(parsed.errors(), [], "{text}");
    assert_eq!(parsed.tree().stmts().count(), 1, "{text}");
}

/// The statements of a `DO` block, a condition among them as a statement of its own; without what only
/// PL/pgSQL knows.
fn statements_within(block: &str) -> Vec<String> {
    let Some(body) = block.strip_prefix("DO ").map(text_of) else { return Vec::new() };
    let body = body.split_once("BEGIN ").and_then(|(_, body)| body.strip_suffix(" END"));
    let statements = parts(body.expect("a block begins and ends"), ';');
    let of_the_language = ["END IF", "END LOOP", "FOREACH ", "RAISE "];
    let is_of_sql = |statement: &&str| {
        !statement.is_empty() && of_the_language.iter().all(|word| !statement.starts_with(word))
    };
    let said = statements.iter().map(|statement| statement.trim()).filter(is_of_sql);
    said.flat_map(|statement| match statement.strip_prefix("IF ") {
        None => vec![statement.replace(" INTO disable, enable", "")],
        Some(condition) => {
            let (condition, then) = condition.rsplit_once(" THEN ").expect("a condition ends");
            let then = Some(then).filter(is_of_sql).map(str::to_owned);
            then.into_iter().chain([format!("SELECT {condition}")]).collect()
        }
    })
    .collect()
}

/// Returns the value of a text constant.
pub(crate) fn text_of(constant: &str) -> String {
    let text = constant.trim_start_matches('E').trim_matches('\'').replace("''", "'");
    if constant.starts_with('E') { text.replace("\\\\", "\\") } else { text }
}

/// Returns the parts between separators outside of quotes.
pub(crate) fn parts(text: &str, separator: char) -> Vec<String> {
    let (mut parts, mut quote) = (vec![String::new()], None);
    for c in text.chars() {
        match (quote, c) {
            (None, '\'' | '"') => quote = Some(c),
            (Some(open), c) if open == c => quote = None,
            _ => {}
        }
        match parts.last_mut() {
            Some(part) if quote.is_some() || c != separator => part.push(c),
            _ => parts.push(String::new()),
        }
    }
    parts
}

#[test]
fn linter_finds_only_listed_exceptions() {
    let mut broken = Vec::new();
    for step in steps() {
        let script = script(&step);
        let found = Linter::with_default_rules().lint(&SourceFile::parse(&script), &script);
        broken.extend(found.iter().map(|violation| violation.code));
    }
    let unexpected: Vec<_> =
        broken.iter().filter(|rule| !EXCEPTIONS.iter().any(|(known, _)| known == *rule)).collect();
    assert!(unexpected.is_empty(), "{unexpected:?}");
    let for_nothing: Vec<_> =
        EXCEPTIONS.iter().filter(|(rule, _)| !broken.contains(rule)).collect();
    assert!(for_nothing.is_empty(), "excepted for nothing: {for_nothing:?}");
}

fn timeouts() -> Timeouts {
    Timeouts { lock_timeout: Duration::from_millis(1500), retry_timeout: Duration::from_secs(30) }
}

fn owner() -> Identifier {
    identifier("own;\\er")
}

fn section(step: &Step) -> String {
    format!("-- {}\n{}\n", StepKind::from(step).name(), script(step))
}

fn script(step: &Step) -> String {
    let script = render(step, &owner(), timeouts());
    let statements = script.to_sql();
    let statements = statements.iter().map(|sql| format!("{};\n", sql.as_str()));
    let statements: String = statements.collect();
    match script.mode {
        TransactionMode::InTransaction => format!("BEGIN;\n{statements}COMMIT;\n"),
        TransactionMode::OneSnapshot => {
            format!("BEGIN ISOLATION LEVEL REPEATABLE READ;\n{statements}COMMIT;\n")
        }
        TransactionMode::Autocommit => statements,
    }
}

fn qualified(name: &str) -> QualifiedName {
    QualifiedName { schema: identifier(SCHEMA), name: identifier(name) }
}

fn key(key_type: KeyType) -> RangeKey {
    RangeKey { column: identifier(COLUMN), key_type }
}

/// Returns a range from the day before Postgres' first year to a time in 2026.
fn range() -> KeyRange {
    let parse = |text: &str| KeyType::TimestampTz.parse(text).expect("a test's edge is one");
    let (from, to) = (parse("0001-12-31 00:00:00+00 BC"), parse("2026-04-01 00:00:00.000001+00"));
    let range = RangeBounds::new(from, to).expect("a test's range is one");
    KeyRange { key: key(KeyType::TimestampTz), range }
}

fn shape() -> IndexShape {
    let column = |name: &str, descending, nulls_first| IndexColumn {
        column: identifier(name),
        descending,
        nulls_first,
    };
    IndexShape {
        method: "btree".to_owned(),
        unique: true,
        columns: vec![
            column("a;b", false, false),
            column("C\"d", true, true),
            column(COLUMN, true, false),
            column("nulls", false, true),
        ],
        include: vec![identifier("Größe")],
        predicate: Some("\"status\" = 'it''s; done'".to_owned()),
    }
}

/// The samples of all kinds of steps under these names, and what else a kind can say.
fn steps() -> Vec<Step> {
    let names = names();
    let samples = [
        names.attaching(),
        names.clearing(),
        names.emptying_default(),
        names.retention(),
        names.indexing(),
    ];
    samples.concat().into_iter().flat_map(|step| varied(&names, step)).collect()
}

fn names() -> Names {
    Names {
        table: qualified(TABLE),
        owner: identifier("owner"),
        partition: qualified(PARTITION),
        default: qualified(DEFAULT),
        indexed: qualified(PARTITION),
        default_check: identifier("pgpartition_not_36d15326b4f3935d"),
        parent_index: identifier("In;\"dex"),
        index: identifier("In;\"dex"),
        replacement: identifier("In;\"dex_pgpartition_next"),
        shape: shape(),
        range: range(),
        cycle: 2,
        at: "2026-04-01T00:00:00.5Z".parse().expect("an instant"),
    }
}

/// The sample as it is, unless the statements of its kind depend on more than names.
fn varied(names: &Names, step: Step) -> Vec<Step> {
    let hash = Bounds::Hash { modulus: 4, remainder: 3 };
    match step {
        Step::CreatePartition(_) => [rich(), plain(hash), plain(above())]
            .map(|new| Step::CreatePartition(Box::new(new)))
            .into(),
        Step::AttachPartition(sample) => {
            let beside = Attach { references: Vec::new(), ..*sample };
            let of_hash =
                Attach { bounds: hash, default: None, default_check: None, ..beside.clone() };
            [beside, of_hash].map(|attach| Step::AttachPartition(Box::new(attach))).into()
        }
        Step::DrainDefault(sample) => drained(names, *sample),
        // The statements are the same for every marking.
        Step::MarkPartitions(sample) if sample.mark_as == (MarkAs::Expired { drops: true }) => {
            vec![Step::MarkPartitions(marked(sample))]
        }
        Step::MarkPartitions(_) => Vec::new(),
        Step::DetachPartition(sample) => {
            let default = Some(names.default.clone());
            let beside = Detach { concurrently: false, default, ..(*sample).clone() };
            vec![Step::DetachPartition(sample), Step::DetachPartition(Box::new(beside))]
        }
        Step::RecordDetach(sample) => vec![Step::RecordDetach(Box::new(RecordDetach {
            inherited: Some("((region IS NOT NULL) AND (region = 'e''u'::text))".to_owned()),
            comment: Some(own_comment()),
            publications: vec![identifier("fe;ed"), identifier("fe\"ed")],
            ..*sample
        }))],
        Step::BuildIndex(sample) => {
            let standing = Some(identifier("it's \\ mine"));
            let standing = BuildIndex { stands_for: standing, ..sample.clone() };
            [BuildIndex { settings: settings(), ..sample }, standing].map(Step::BuildIndex).into()
        }
        Step::AttachIndex(sample) => {
            let parent_index = names.replacement.clone();
            vec![Step::AttachIndex(AttachIndex { parent_index, ..sample })]
        }
        step => vec![step],
    }
}

fn drained(names: &Names, sample: Drain) -> Vec<Step> {
    let trigger = |name: &str, fires| Trigger { name: identifier(name), fires };
    let attach = Attach { comment: Some("it's mine".to_owned()), ..sample.attach };
    let columns = vec![identifier(COLUMN), identifier("(a;b)")];
    let triggers = vec![
        trigger("o;ne", Fires::Origin),
        trigger("tw'o", Fires::Replica),
        trigger("thr\\ee", Fires::Always),
    ];
    let drain = Drain { attach, columns, triggers, rows: 7, ..sample };
    // Attaches the default partition itself.
    let attach = Attach {
        bounds: Bounds::Default,
        default: None,
        replaced: vec![identifier("ex'cl"), identifier("ke\"y")],
        ..names.attach()
    };
    vec![Step::DrainDefault(Box::new(drain)), Step::AttachPartition(Box::new(attach))]
}

fn marked(sample: MarkPartitions) -> MarkPartitions {
    let without = sample.partitions.iter().cloned();
    let with =
        without.clone().map(|marked| MarkedPartition { comment: Some(own_comment()), ..marked });
    MarkPartitions {
        partitions: without.chain(with).collect(),
        adopted: Some(["0a".to_owned(), "1b".to_owned()].into()),
        ..sample
    }
}

fn own_comment() -> String {
    "it's \\ mine;\n-- and stays".to_owned()
}

/// Everything above the first of a uuid's milliseconds that has a name.
fn above() -> Bounds {
    let from = KeyType::UuidV7.parse("019ae5c0-0000-7000-8000-000000000000");
    let range = RangeBounds::new(from.expect("a uuid"), Edge::MaxValue).expect("a range");
    Bounds::Range(KeyRange { key: key(KeyType::UuidV7), range })
}

fn plain(bounds: Bounds) -> NewPartition {
    NewPartition {
        managed: ManagedTable::new(qualified(TABLE)),
        table: qualified(TABLE),
        partition: qualified(PARTITION),
        bounds,
        template: Template { replica_identity: ReplicaIdentity::Full, ..Template::default() },
        storage: Vec::new(),
        indexes: Vec::new(),
        replica_identity_index: None,
    }
}

fn settings() -> IndexSettings {
    IndexSettings {
        tablespace: Some(identifier("Table;space")),
        parameters: vec!["fillfactor=70".to_owned(), "it's=o'dd".to_owned()],
        statistics: vec![(1, 1000)],
        operators: Vec::new(),
    }
}

fn rich() -> NewPartition {
    let index = |name: &str, body, settings| NewIndex { name: identifier(name), body, settings };
    let equivalent = IndexBody::Equivalent {
        of: identifier("tw\"in"),
        unique: true,
        definition: "btree (lower(\"Größe\") text_pattern_ops) WHERE (a > 3)".to_owned(),
    };
    let constraint = IndexBody::Constraint {
        of: identifier("key"),
        definition: "PRIMARY KEY (id, \"select\")".to_owned(),
    };
    let named = IndexBody::Named { stands_for: Some(identifier("own;\\er")), shape: shape() };
    NewPartition {
        template: Template {
            row_security: true,
            force_row_security: true,
            replica_identity: ReplicaIdentity::Index(identifier("tw\"in")),
            statistics: vec![(identifier(COLUMN), 321)],
            tablespace: Some(identifier("Table;space")),
            access_method: Some(identifier("Heap\"too")),
        },
        storage: vec!["fillfactor=77".to_owned(), "it's=o'dd".to_owned()],
        indexes: vec![
            index("1;a", equivalent, settings()),
            index("2\"b", constraint, settings()),
            index("3'c", named, IndexSettings::default()),
        ],
        replica_identity_index: Some(identifier("1;a")),
        ..plain(Bounds::Range(range()))
    }
}
