//! Comments of tables: the marker, and below it what a user wrote.

use jiff::Timestamp;

use super::quote::{literal, qualified};
use super::{Sql, quote};
use crate::partition::{Bounds, ManagedTable, Marker, QualifiedName, partition_marker};

/// Characters above which a comment counts as long. The catalog query returns its first 2,000, the mark
/// among them, which has fewer than the difference.
const MAX_COMMENT_LENGTH: usize = 500;

/// Marker of the operator, followed by the text of a user.
pub(super) fn comment(table: &QualifiedName, marker: &str, own: Option<&str>) -> Sql {
    if let Some(own) = own.filter(|own| own.chars().count() > MAX_COMMENT_LENGTH) {
        return comment_before_rest(table, marker, own);
    }
    let text = own.map_or_else(|| marker.to_owned(), |own| format!("{marker}\n{own}"));
    Sql(format!("COMMENT ON TABLE {} IS {}", qualified(table), literal(&text)))
}

/// The mark before a long comment, of which only the beginning was read: the server takes the rest from
/// the comment that is there. Everything of that stays if it no longer begins so.
fn comment_before_rest(table: &QualifiedName, marker: &str, own: &str) -> Sql {
    comment_composed(table, "", &[literal(&format!("{marker}\n")), rest_of(own)])
}

/// The same as [`comment`], with each date in the marker that is `date` read from the server's clock when
/// the statement runs, or `date` itself if that is later: a grace period must not start before the detach,
/// however long ago the plan was made.
pub(super) fn comment_dated(
    table: &QualifiedName,
    marker: &str,
    date: Timestamp,
    own: Option<&str>,
) -> Sql {
    let date = date.to_string();
    // The words come first, and neither names nor bounds are among them.
    let (words, rest) = marker.split_once(" from ").unwrap_or((marker, ""));
    let words: Vec<_> = words.split(&date).map(literal).collect();
    let mut parts = vec![words.join(", written, "), literal(&format!(" from {rest}"))];
    if let Some(own) = own {
        let is_long = own.chars().count() > MAX_COMMENT_LENGTH;
        parts.push(literal("\n"));
        parts.push(if is_long { rest_of(own) } else { literal(own) });
    }
    let written = format!(
        "written text := concat(rtrim(rtrim(to_char(greatest(clock_timestamp(), {}::timestamptz) \
         AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US'), '0'), '.'), 'Z'); ",
        literal(&date)
    );
    comment_composed(table, &written, &parts)
}

/// Sets a comment that is a concatenation of these expressions.
fn comment_composed(table: &QualifiedName, declared: &str, parts: &[String]) -> Sql {
    let table = qualified(table);
    let body = format!(
        "DECLARE {declared}old text := obj_description({}::regclass, 'pg_class'); BEGIN EXECUTE \
         concat({}, quote_literal(concat({}))); END",
        literal(&table),
        literal(&format!("COMMENT ON TABLE {table} IS ")),
        parts.join(", "),
    );
    Sql(format!("DO {}", literal(&body)))
}

/// The expression for the part of the comment that is there that begins as this one.
fn rest_of(own: &str) -> String {
    let beginning: String = own.chars().take(MAX_COMMENT_LENGTH).collect();
    format!("substr(old, strpos(old, {}))", literal(&beginning))
}

pub(super) fn marker(marker: &Marker, table: &ManagedTable, bounds: &Bounds) -> String {
    partition_marker(marker, table, &bounds_in_marker(bounds))
}

pub(super) fn bounds_in_marker(bounds: &Bounds) -> String {
    match bounds {
        // As the catalog has them: nothing is made for such bounds, but what has them may be marked.
        Bounds::Other(text) => text.clone(),
        Bounds::Range(_) | Bounds::Hash { .. } | Bounds::Default => quote::bounds(bounds),
    }
}
