//! The marks we leave in comments, by which what is ours is known. A comment can be set only by the
//! owner, goes along when a table is renamed, and survives a dump and restore.

use super::{Identifier, QualifiedName};

/// What every mark begins with.
const PREFIX: &str = "pgpartition.dev ";

/// What a mark says we made a table for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MadeFor {
    /// To become a partition; it has never been one.
    ToBeAttached,
    /// It became one, in the transaction that left this mark.
    Attached,
}

impl MadeFor {
    const fn words(self) -> &'static str {
        match self {
            Self::ToBeAttached => "table for",
            Self::Attached => "partition of",
        }
    }
}

/// The comment on a table we made: for which table, and for which bounds, as in `FOR VALUES …`.
#[must_use]
pub fn partition_marker(made: MadeFor, table: &QualifiedName, bounds: &str) -> String {
    format!("{PREFIX}{} {} {bounds}", made.words(), table.shown())
}

/// Whether a comment says that we made the table, for whichever table.
#[must_use]
pub fn is_partition_marker(comment: &str) -> bool {
    let Some(mark) = comment.strip_prefix(PREFIX) else { return false };
    [MadeFor::ToBeAttached, MadeFor::Attached]
        .iter()
        .any(|made| mark.strip_prefix(made.words()).is_some_and(|words| words.starts_with(' ')))
}

/// What a comment says we made a table for, and with which bounds, where it is for this table.
#[must_use]
pub fn made_for<'a>(comment: &'a str, table: &QualifiedName) -> Option<(MadeFor, &'a str)> {
    if !is_partition_marker(comment) {
        return None;
    }
    [MadeFor::ToBeAttached, MadeFor::Attached].into_iter().find_map(|made| {
        let bounds = comment.strip_prefix(&partition_marker(made, table, ""))?;
        Some((made, bounds))
    })
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
