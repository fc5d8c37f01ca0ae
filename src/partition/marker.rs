//! The marks we leave in comments, by which what is ours is known. A comment can be set only by the
//! owner, goes along when a table is renamed, and survives a dump and restore.

use super::{Identifier, QualifiedName};

/// What every mark begins with.
const PREFIX: &str = "pgpartition.dev ";

/// The comment on a partition we made: for which table, and for which bounds, as in `FOR VALUES …`.
#[must_use]
pub fn partition_marker(table: &QualifiedName, bounds: &str) -> String {
    format!("{PREFIX}partition of {} {bounds}", table.shown())
}

/// Whether a comment says that we made the partition, for whichever table.
#[must_use]
pub fn is_partition_marker(comment: &str) -> bool {
    comment.starts_with(&format!("{PREFIX}partition of "))
}

/// The bounds a comment says we made a table for, where it is for this table.
#[must_use]
pub fn bounds_in_marker<'a>(comment: &'a str, table: &QualifiedName) -> Option<&'a str> {
    comment.strip_prefix(&format!("{PREFIX}partition of {} ", table.shown()))
}

/// The comment on an index we made: for which index of the resource, and a digest of its shape.
#[must_use]
pub fn index_marker(index: &Identifier, digest: &str) -> String {
    format!("{PREFIX}index {digest} {}", index.as_str())
}

/// The digest and the index that a comment names.
#[must_use]
pub fn index_in_marker(comment: &str) -> Option<(&str, Identifier)> {
    let (digest, index) = comment.strip_prefix(&format!("{PREFIX}index "))?.split_once(' ')?;
    Some((digest, Identifier::new(index).ok()?))
}
