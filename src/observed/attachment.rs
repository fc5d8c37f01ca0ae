//! Observed state of a conversion by `Attach`.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{BoundsCheck, ObservedPartition, ObservedTable, OldestRow, RawOldestRow};
use crate::partition::{
    Identifier, KeyRange, KeyType, QualifiedName, escape_control, is_attached_source,
};

/// Observed state of a plain table that becomes the oldest partition, or of that partition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Attachment {
    /// Digest of the tables for which the state was read.
    #[serde(default)]
    pub of: String,
    /// Unique indexes that the plain table must have before it is attached.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<NeededKey>,
    /// State of the bounds check of the plain table.
    #[serde(default)]
    pub bounds: BoundsCheck,
    /// Lower and upper bound in the check, as Postgres formats them, or `None` if the check is a different one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checked: Option<[String; 2]>,
    /// Row with the least value in the partition column, or `None` if it was not searched for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oldest: Option<RawOldestRow>,
    /// Row with the greatest value in the partition column, or `None` if it was not searched for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub newest: Option<RawOldestRow>,
    /// Views of the owner that read the partitioned table after the cutover.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub views: Vec<QualifiedName>,
    /// Objects that depend on the partitioned table after the cutover and cannot be recreated on the plain table: after a
    /// rollback they would read an empty table.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stranded: Vec<String>,
    /// Whether the partitioned table was analyzed after the cutover.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub analyzed: bool,
    /// Time of the cutover, or `None` if the plain table serves, or the operator cannot read its record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub serving_since: Option<Timestamp>,
    /// Whether another partition has a row, or `None` if this was not checked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub has_other_rows: Option<bool>,
}

/// A unique index that a plain table needs before it is attached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NeededKey {
    /// Name of the index.
    pub name: Identifier,
    /// Definition from the access method on, as `pg_get_indexdef` prints it after `USING`.
    pub definition: String,
    /// State of the index.
    pub state: KeyState,
}

/// State of an index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum KeyState {
    /// The index does not exist.
    Missing,
    /// Another session is building the index.
    Building,
    /// An index of this name is invalid, or has another definition.
    Unusable,
    /// The index is valid.
    Valid,
}

impl Attachment {
    /// Returns the oldest and the newest row, or `None` if they were not searched for.
    #[must_use]
    pub fn extent(&self, key: KeyType) -> Option<[OldestRow; 2]> {
        let found = [self.oldest.clone()?, self.newest.clone()?];
        Some(found.map(|row| {
            OldestRow::from_raw(row, key).unwrap_or_else(|_| OldestRow::Failed {
                error: "it is at infinity, where no period is".to_owned(),
            })
        }))
    }

    /// Returns why the plain table cannot be detached without a loss, as sentences without a final period.
    #[must_use]
    pub fn prevents_detach(&self) -> Vec<String> {
        let rows = match self.has_other_rows {
            Some(false) => None,
            Some(true) => Some("another partition has rows".to_owned()),
            None => Some("it is not known whether another partition has rows".to_owned()),
        };
        let stranded: Vec<_> = self.stranded.iter().map(|object| escape_control(object)).collect();
        let stranded = (!stranded.is_empty())
            .then(|| format!("{} would depend on an empty table", stranded.join(", ")));
        rows.into_iter().chain(stranded).collect()
    }

    /// Returns whether the plain table has a check of exactly these bounds.
    #[must_use]
    pub fn bounds_of(&self, range: &KeyRange) -> BoundsCheck {
        let is_of_range = self.checked.as_ref() == Some(&literals(range));
        if is_of_range { self.bounds } else { BoundsCheck::Absent }
    }

    /// Simulates the addition of a check with these bounds.
    pub(crate) fn state_bounds(&mut self, range: &KeyRange) {
        (self.bounds, self.checked) = (BoundsCheck::NotValid, Some(literals(range)));
    }

    /// Simulates the drop of the check.
    pub(crate) fn drop_bounds(&mut self) {
        (self.bounds, self.checked) = (BoundsCheck::Absent, None);
    }

    /// Returns whether the plain table has every index that it needs.
    #[must_use]
    pub fn has_keys(&self) -> bool {
        self.keys.iter().all(|key| key.state == KeyState::Valid)
    }
}

/// Returns the bounds of a range as Postgres formats them.
fn literals(of: &KeyRange) -> [String; 2] {
    [of.range.from(), of.range.to()].map(|edge| of.key.key_type.literal(edge))
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
