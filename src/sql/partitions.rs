//! Making partitions.

use jiff::Timestamp;

use super::quote::{in_range, literal, name, qualified};
use super::{Sql, indexes, quote};
use crate::observed::ReplicaIdentity;
use crate::partition::{
    Bounds, Identifier, ManagedTable, Mark, Marker, QualifiedName, bounds_check, detached_checks,
    marker_beginning, partition_marker,
};
use crate::plan::{Attach, ExcludeFromDefault, IndexBody, NewPartition};

/// What of the columns comes along. Not `IDENTITY`: since Postgres 17 a partition has the identity
/// of its table, and one of its own is refused (55000). Not `INDEXES`: they are made by names we
/// know. What `LIKE` never brings is in [`properties`].
/// <https://www.postgresql.org/docs/current/sql-createtable.html>
const LIKE: &str = "INCLUDING COMMENTS INCLUDING COMPRESSION INCLUDING CONSTRAINTS INCLUDING \
                    DEFAULTS INCLUDING GENERATED INCLUDING STATISTICS INCLUDING STORAGE";

pub(super) fn create(new: &NewPartition) -> Vec<Sql> {
    let mut statements = vec![create_table(new)];
    for index in &new.indexes {
        match &index.body {
            IndexBody::Twin { unique, definition, .. } => {
                statements.push(indexes::create_as(
                    &new.partition,
                    &index.name,
                    *unique,
                    definition,
                ));
            }
            IndexBody::Constraint { definition, .. } => statements.push(Sql(format!(
                "ALTER TABLE {} ADD CONSTRAINT {} {definition}",
                qualified(&new.partition),
                name(&index.name)
            ))),
            IndexBody::Named { stands_for, shape } => {
                let stands_for = stands_for.as_ref();
                statements.extend(indexes::create(
                    &new.partition,
                    &index.name,
                    shape,
                    stands_for,
                    &index.settings,
                ));
            }
        }
        let is_constraint = matches!(index.body, IndexBody::Constraint { .. });
        let index_name = new.partition.sibling(index.name.clone());
        statements.extend(indexes::set(&index_name, &index.settings, !is_constraint));
    }
    statements.extend(properties(new));
    let made = Marker::new(Mark::ToBeAttached);
    let marker = marker(&made, &new.managed, &new.bounds);
    statements.push(comment(&new.partition, &marker, None));
    statements
}

fn create_table(new: &NewPartition) -> Sql {
    let mut text = format!(
        "CREATE TABLE {} (LIKE {} {LIKE}",
        qualified(&new.partition),
        qualified(&new.table)
    );
    if let Bounds::Range(range) = &new.bounds {
        text.push_str(&format!(
            ", CONSTRAINT {} CHECK ({})",
            name(&bounds_check()),
            in_range(range)
        ));
    }
    text.push(')');
    if let Some(method) = &new.template.access_method {
        text.push_str(&format!(" USING {}", name(method)));
    }
    let storage = quote::parameters(&new.storage);
    if !storage.is_empty() {
        text.push_str(&format!(" WITH ({storage})"));
    }
    if let Some(tablespace) = &new.template.tablespace {
        text.push_str(&format!(" TABLESPACE {}", name(tablespace)));
    }
    Sql(text)
}

/// What neither `LIKE` nor `ATTACH PARTITION` carries over, and we do.
fn properties(new: &NewPartition) -> Vec<Sql> {
    let table = qualified(&new.partition);
    let mut changes = Vec::new();
    for (column, target) in &new.template.statistics {
        changes.push(format!("ALTER COLUMN {} SET STATISTICS {target}", name(column)));
    }
    if new.template.row_security {
        changes.push("ENABLE ROW LEVEL SECURITY".to_owned());
    }
    if new.template.force_row_security {
        changes.push("FORCE ROW LEVEL SECURITY".to_owned());
    }
    match (&new.template.replica_identity, &new.replica_identity_index) {
        (ReplicaIdentity::Full, _) => changes.push("REPLICA IDENTITY FULL".to_owned()),
        (ReplicaIdentity::Nothing, _) => changes.push("REPLICA IDENTITY NOTHING".to_owned()),
        (ReplicaIdentity::Index(_), Some(index)) => {
            changes.push(format!("REPLICA IDENTITY USING INDEX {}", name(index)));
        }
        (ReplicaIdentity::Default, _) | (ReplicaIdentity::Index(_), None) => {}
    }
    changes.into_iter().map(|change| Sql(format!("ALTER TABLE {table} {change}"))).collect()
}

pub(super) fn attach(attach: &Attach) -> Vec<Sql> {
    let replaced = attach.replaced.iter();
    let mut statements: Vec<_> =
        replaced.map(|constraint| drop_constraint(&attach.partition, constraint)).collect();
    statements.push(Sql(format!(
        "ALTER TABLE {} ATTACH PARTITION {} {}",
        qualified(&attach.table),
        qualified(&attach.partition),
        quote::bounds(&attach.bounds)
    )));
    if !matches!(attach.bounds, Bounds::Hash { .. }) {
        let of_detached = detached_checks(&attach.managed);
        let checks = std::iter::once(bounds_check()).chain(of_detached);
        let drops: Vec<_> =
            checks.map(|check| format!("DROP CONSTRAINT IF EXISTS {}", name(&check))).collect();
        let partition = qualified(&attach.partition);
        statements.push(Sql(format!("ALTER TABLE {partition} {}", drops.join(", "))));
    }
    if let (Some(default), Some(exclusion)) = (&attach.default, &attach.exclusion) {
        statements.push(drop_constraint(default, exclusion));
    }
    let marker = marker(&attach.marker, &attach.managed, &attach.bounds);
    statements.push(comment(&attach.partition, &marker, attach.comment.as_deref()));
    statements
}

/// Characters above which a comment counts as long. The catalog query returns its first 2,000, the mark
/// among them, which has fewer than the difference.
const LONG_COMMENT: usize = 500;

/// Our mark, and below it what a person wrote.
pub(super) fn comment(table: &QualifiedName, marker: &str, own: Option<&str>) -> Sql {
    if let Some(own) = own.filter(|own| own.chars().count() > LONG_COMMENT) {
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
        let is_long = own.chars().count() > LONG_COMMENT;
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
    let beginning: String = own.chars().take(LONG_COMMENT).collect();
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

/// Drops a table only if it is empty and still says that it was made to become a partition. It looks with
/// row security off, which would hide rows.
pub(super) fn discard(partition: &QualifiedName) -> Vec<Sql> {
    let table = qualified(partition);
    let guard = format!(
        "BEGIN IF EXISTS (SELECT FROM ONLY {table}) OR starts_with(obj_description({}::regclass, \
         'pg_class'), {}) IS NOT TRUE THEN RAISE EXCEPTION USING ERRCODE = 'object_in_use', \
         MESSAGE = 'the table is not empty or not ours, and is not dropped'; END IF; END",
        literal(&table),
        literal(&marker_beginning(&Marker::new(Mark::ToBeAttached)))
    );
    vec![
        Sql("SET LOCAL row_security = off".to_owned()),
        Sql(format!("ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")),
        Sql(format!("DO {}", literal(&guard))),
        Sql(format!("DROP TABLE {table}")),
    ]
}

pub(super) fn exclude(add: &ExcludeFromDefault) -> Sql {
    let ExcludeFromDefault { default, exclusion, range } = add;
    Sql(format!(
        "ALTER TABLE {} ADD CONSTRAINT {} CHECK (NOT ({})) NOT VALID",
        qualified(default),
        name(exclusion),
        in_range(range)
    ))
}

pub(super) fn validate(default: &QualifiedName, exclusion: &Identifier) -> Sql {
    Sql(format!("ALTER TABLE {} VALIDATE CONSTRAINT {}", qualified(default), name(exclusion)))
}

pub(super) fn drop_constraint_if_there(table: &QualifiedName, constraint: &Identifier) -> Sql {
    let (table, constraint) = (qualified(table), name(constraint));
    Sql(format!("ALTER TABLE {table} DROP CONSTRAINT IF EXISTS {constraint}"))
}

pub(super) fn drop_constraint(table: &QualifiedName, constraint: &Identifier) -> Sql {
    Sql(format!("ALTER TABLE {} DROP CONSTRAINT {}", qualified(table), name(constraint)))
}
