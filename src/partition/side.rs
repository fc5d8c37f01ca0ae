//! The two tables of a conversion.

use serde::{Deserialize, Serialize};

/// One of the two tables of a conversion.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Side {
    /// The plain table.
    Source,
    /// The partitioned table.
    Partitioned,
}

impl Side {
    /// Returns the other one.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::Source => Self::Partitioned,
            Self::Partitioned => Self::Source,
        }
    }
}
