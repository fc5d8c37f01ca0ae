//! The oldest row of a plain table: the partitions of its copy begin with its period.

use serde::{Deserialize, Serialize};

use super::InvalidSnapshot;
use crate::partition::{Edge, KeyType};

/// The oldest row of a plain table by one of its columns. Rows at infinity do not count: they go to the default partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OldestRow {
    /// No row has a finite value.
    Absent,
    /// Its value, by the place on the axis of the key.
    At(i128),
    /// The search took too long: no index on the column finds the row.
    TooSlow,
    /// Postgres refused to search.
    Failed {
        /// Error of Postgres.
        error: String,
    },
}

/// [`OldestRow`] as a snapshot has it: the value as Postgres writes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum RawOldestRow {
    /// No row has a finite value.
    Absent,
    /// Value in the row.
    Value(String),
    /// The search took too long.
    TooSlow,
    /// Error of Postgres that prevented the search.
    Failed(String),
}

impl OldestRow {
    /// Returns the place of the row on the axis of the key, or `None` if there is no row or it is not known.
    #[must_use]
    pub fn position(&self) -> Option<i128> {
        match self {
            Self::At(at) => Some(*at),
            Self::Absent | Self::TooSlow | Self::Failed { .. } => None,
        }
    }

    pub(super) fn from_raw(raw: RawOldestRow, key: KeyType) -> Result<Self, InvalidSnapshot> {
        match raw {
            RawOldestRow::Absent => Ok(Self::Absent),
            RawOldestRow::TooSlow => Ok(Self::TooSlow),
            RawOldestRow::Failed(error) => Ok(Self::Failed { error }),
            RawOldestRow::Value(value) => match key.parse(&value) {
                Some(Edge::At(at)) => Ok(Self::At(at)),
                Some(_) | None => Err(InvalidSnapshot::Word(value)),
            },
        }
    }
}
