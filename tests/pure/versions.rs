//! Two versions of the operator on one database: each reads the texts that the other stores.
//!
//! The program of version 0 is not available here. Without it, the test can verify that the present version writes the
//! texts of version 0 byte for byte: then version 0 reads them as its own. `versions.txt` has each text that the present
//! version stores beside that of version 0, and shows the differences; `docs/how-to/upgrade.md` explains them.
//!
//! `PGPARTITION_UPDATE=1 cargo test --test pure versions` writes it again.

use std::collections::BTreeSet;

use pg_partition_operator::partition::{
    Edge, IndexColumn, IndexShape, ManagedTable, QualifiedName, RangeBounds, adoption_digests,
    bounds_check, default_check, detached_checks, marker_in, partition_marker,
};

use crate::catalog::identifier;
use crate::golden::expect_file;

/// Dump of a database of version 0.
const DUMP: &str = include_str!("../postgres/fixtures/version-0/database.sql");

/// The tables of the dump whose names both versions store in the same words.
const PLAIN: [&str; 6] = ["invoices", "days", "readings", "sessions", "ledger", "payments"];

/// The tables of the dump whose names they store in different words.
const ESCAPED: [&str; 2] = ["Straße \"n\"\nzwei", "back\\slash"];

fn named(name: &str) -> QualifiedName {
    QualifiedName { schema: identifier("finance"), name: identifier(name) }
}

fn managed(name: &str) -> ManagedTable {
    ManagedTable::new(named(name))
}

/// The markers of tables in the dump: the first lines of comments.
fn markers() -> Vec<String> {
    let ends = |rest: &str| rest.split("';\n").next().unwrap_or_default().replace("''", "'");
    let comments = DUMP.split("COMMENT ON TABLE ").skip(1);
    let comments = comments.filter_map(|rest| rest.split_once(" IS '").map(|(_, rest)| ends(rest)));
    let lines = comments.filter_map(|comment| comment.lines().next().map(str::to_owned));
    lines.filter(|line| !line.contains(" adopted ")).collect()
}

#[test]
fn markers_of_version_0_are_written_in_the_same_words_today() {
    let mut words = BTreeSet::new();
    for marker in markers() {
        let of_table = |name: &&&str| {
            marker_in(&marker, &managed(name)).is_some_and(|marked| marked.names_table)
        };
        let plain = PLAIN.iter().find(of_table);
        let name = plain.or_else(|| ESCAPED.iter().find(of_table));
        let name = name.unwrap_or_else(|| panic!("a marker of no table: {marker}"));
        let found = marker_in(&marker, &managed(name)).expect("a marker");
        let written = partition_marker(&found.marker, &managed(name), found.bounds);
        assert_eq!(written == marker, plain.is_some(), "{written}\n{marker}");
        words.extend(marker.split(' ').nth(1).map(str::to_owned).filter(|_| plain.is_some()));
    }
    let all = ["detached", "expired", "partition", "table"];
    assert_eq!(words, all.map(str::to_owned).into(), "the dump has markers of every kind");
}

#[test]
fn constraints_of_version_0_have_the_same_names_today() {
    let month = (Edge::At(1_798_761_600_000_000), Edge::At(1_801_440_000_000_000));
    let range = RangeBounds::new(month.0, month.1).expect("a range");
    for name in [default_check(range), bounds_check()] {
        assert!(DUMP.contains(&format!("CONSTRAINT {} CHECK", name.as_str())), "{name:?}");
    }
    for (tables, are_same) in [(&PLAIN[..2], true), (&ESCAPED[..], false)] {
        for table in tables {
            let names = detached_checks(&managed(table));
            let (new, old) = (names.first().expect("a name"), names.last().expect("a name"));
            assert_eq!(new == old, are_same, "{table}");
            assert!(DUMP.contains(&format!("CONSTRAINT {} CHECK", old.as_str())), "{table}");
        }
    }
}

/// A text of the present version, and that of version 0 beside it.
fn row(what: &str, texts: &[String]) -> String {
    let new = texts.first().map_or("", String::as_str);
    let old = texts.get(1).filter(|old| *old != new).map_or("the same", String::as_str);
    format!("{what:60}  {new:34}  {old}\n")
}

/// A changed line is another encoding: give it the next version (ADR 11), continue to read the old one, and describe in
/// `docs/how-to/upgrade.md` how an older operator treats it.
#[test]
fn stored_texts_are_golden_beside_those_of_version_0() {
    let mut page = row("what", &["version 1".to_owned(), "version 0".to_owned()]);
    for name in ["orders", "Größe", "a \"b\"", "a\nb", "a\\b"] {
        let table = format!("{name:?}");
        let checks = detached_checks(&managed(name)).into_iter();
        let checks: Vec<_> = checks.map(|check| check.as_str().to_owned()).collect();
        page.push_str(&row(&format!("check on tables detached from {table}"), &checks));
        let lock = managed(name).lock_number().to_string();
        page.push_str(&row(&format!("number of the lock on {table}"), &[lock]));
        let adopted: Vec<_> = adoption_digests(&named(name)).collect();
        page.push_str(&row(&format!("adoption of {table}"), &adopted));
    }
    let column = IndexColumn { column: identifier("at"), descending: true, nulls_first: true };
    for predicate in [None, Some("state = 'open'".to_owned())] {
        let what = format!("index on at, descending, where {predicate:?}");
        let shape = IndexShape {
            method: "btree".to_owned(),
            unique: false,
            columns: vec![column.clone()],
            include: Vec::new(),
            predicate,
        };
        page.push_str(&row(&what, &shape.digests()));
    }
    for (from, to) in [(Edge::MinValue, Edge::MaxValue), (Edge::At(0), Edge::At(1))] {
        let range = RangeBounds::new(from, to).expect("a range");
        let name = default_check(range).as_str().to_owned();
        page.push_str(&row(&format!("check on a default partition, {from:?} to {to:?}"), &[name]));
    }
    page.push_str(&row("bounds check", &[bounds_check().as_str().to_owned()]));
    expect_file("tests/pure/versions.txt", &page);
}
