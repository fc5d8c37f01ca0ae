//! What a conversion by `Attach` depends on besides the copy.

use serde::{Deserialize, Serialize};

use super::{BoundsCheck, ObservedPartition, ObservedTable, OldestRow, RawOldestRow};
use crate::partition::{Identifier, KeyType, QualifiedName, is_attached_source};

/// What the database says of a plain table that becomes the oldest partition, or of the partition that it has become.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Attachment {
    /// Digest of the tables that were asked about.
    #[serde(default)]
    pub of: String,
    /// Unique indexes that the plain table must have before it is attached.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<NeededKey>,
    /// Whether a check of the plain table says what it holds.
    #[serde(default)]
    pub bounds: BoundsCheck,
    /// The row of the plain table with the least value in the partition column, or `None` if there was no question.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oldest: Option<RawOldestRow>,
    /// The row with the greatest value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub newest: Option<RawOldestRow>,
    /// Views of the owner that read the partitioned table, once it serves.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub views: Vec<QualifiedName>,
    /// Whether another partition has a row, or `None` if there was no question.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub has_other_rows: Option<bool>,
}

/// A unique index that a plain table needs before it is attached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NeededKey {
    /// Name of the index.
    pub name: Identifier,
    /// What follows `USING` in its definition, as the catalog deparses it.
    pub definition: String,
    /// Whether it is there.
    pub state: KeyState,
}

/// Whether an index is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum KeyState {
    /// It is not.
    Missing,
    /// Another session builds it.
    Building,
    /// An index of this name is invalid, or has another definition.
    Unusable,
    /// It is there, and valid.
    Valid,
}

impl Attachment {
    /// Returns the oldest and the newest row, or `None` if there was no question.
    #[must_use]
    pub fn extent(&self, key: KeyType) -> Option<[OldestRow; 2]> {
        let found = [self.oldest.clone()?, self.newest.clone()?];
        Some(found.map(|row| {
            OldestRow::from_raw(row, key)
                .unwrap_or_else(|error| OldestRow::Failed { error: error.to_string() })
        }))
    }

    /// Returns whether the plain table has every index that it needs.
    #[must_use]
    pub fn has_keys(&self) -> bool {
        self.keys.iter().all(|key| key.state == KeyState::Valid)
    }
}

impl ObservedTable {
    /// Returns the partition that is the attached plain table of a conversion by `Attach`, or `None` if there is none.
    #[must_use]
    pub fn attached_source(&self) -> Option<&ObservedPartition> {
        let is_source = |partition: &&ObservedPartition| {
            let comment = partition.comment.as_deref();
            comment.is_some_and(|comment| is_attached_source(comment, &self.managed))
        };
        self.attached().find(is_source)
    }
}
