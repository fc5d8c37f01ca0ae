//! The marks we leave in comments, by which what is ours is known. A comment can be set only by the
//! owner, goes along when a table is renamed, and survives a dump and restore. A mark is the first line
//! of its comment; what a person wrote follows it.

use jiff::Timestamp;

use super::{Identifier, QualifiedName, digest};

/// What every mark begins with.
const PREFIX: &str = "pgpartition.dev ";

/// What a table is to us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// We made it to become a partition; it has never been one.
    ToBeAttached,
    /// It became a partition of ours, in the transaction that left this mark or before.
    Attached,
    /// It is a partition that has been let go, and is to be detached.
    Expired,
    /// We detached it, and found it detached at this instant.
    Detached(Timestamp),
}

impl Mark {
    fn words(self) -> String {
        match self {
            Self::ToBeAttached => "table for".to_owned(),
            Self::Attached => "partition of".to_owned(),
            Self::Expired => "expired from".to_owned(),
            Self::Detached(at) => format!("detached {at} from"),
        }
    }

    /// The mark a comment begins with, and what follows the words.
    fn read(comment: &str) -> Option<(Self, &str)> {
        let line = comment.lines().next()?.strip_prefix(PREFIX)?;
        let plain = [Self::ToBeAttached, Self::Attached, Self::Expired].into_iter();
        let found = plain
            .into_iter()
            .find_map(|mark| Some((mark, line.strip_prefix(&mark.words())?.strip_prefix(' ')?)));
        found.or_else(|| {
            let (at, rest) = line.strip_prefix("detached ")?.split_once(" from ")?;
            Some((Self::Detached(at.parse().ok()?), rest))
        })
    }
}

/// The first line of the comment on a table that is ours: for which table, and for which bounds, as in
/// `FOR VALUES …`.
#[must_use]
pub fn partition_marker(mark: Mark, table: &QualifiedName, bounds: &str) -> String {
    format!("{PREFIX}{} {} {bounds}", mark.words(), table.shown())
}

/// Whether a comment says that a table is ours, for whichever table.
#[must_use]
pub fn is_partition_marker(comment: &str) -> bool {
    Mark::read(comment).is_some()
}

/// What a comment says that a table is to us, and with which bounds, where it is for this table.
#[must_use]
pub fn mark_in<'a>(comment: &'a str, table: &QualifiedName) -> Option<(Mark, &'a str)> {
    let (mark, rest) = Mark::read(comment)?;
    Some((mark, rest.strip_prefix(&table.shown())?.strip_prefix(' ')?))
}

/// What a person wrote into a comment.
#[must_use]
pub fn without_marker(comment: &str) -> Option<&str> {
    if !is_partition_marker(comment) {
        return Some(comment);
    }
    comment.split_once('\n').map(|(_, own)| own)
}

/// The name of the constraint that a table has which was detached from this one.
#[must_use]
pub fn detached_constraint(table: &QualifiedName) -> Identifier {
    Identifier::composed(format!("pgpartition_of_{}", digest(&table.shown(), 16)))
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
