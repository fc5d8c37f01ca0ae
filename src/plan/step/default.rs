//! Steps on the default partition: its checks, moving rows out of it, and removing it.

use super::{Attach, RangeKey};
use crate::observed::Trigger;
use crate::partition::{Identifier, QualifiedName, RangeBounds};

/// The check to add to the default partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExcludeFromDefault {
    /// The default partition.
    pub default: QualifiedName,
    /// The `CHECK` constraint that says so.
    pub exclusion: Identifier,
    /// The key.
    pub key: RangeKey,
    /// What it must not hold.
    pub range: RangeBounds,
}

/// The check of the default partition to validate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ValidateExclusion {
    /// The default partition.
    pub default: QualifiedName,
    /// The `CHECK` constraint.
    pub exclusion: Identifier,
}

/// The check of the default partition to drop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DropExclusion {
    /// The default partition.
    pub default: QualifiedName,
    /// The `CHECK` constraint.
    pub exclusion: Identifier,
}

/// Whose rows are moved where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drain {
    /// What becomes a partition once it has the rows. Its default partition is the one they come from.
    pub attach: Attach,
    /// The default partition.
    pub default: QualifiedName,
    /// The columns that are moved: all but those that are generated.
    pub columns: Vec<Identifier>,
    /// The triggers on the default partition that must not fire.
    pub triggers: Vec<Trigger>,
    /// How many rows there were when somebody looked.
    pub rows: u64,
}

/// The default partition to detach and drop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoveDefault {
    /// The partitioned table.
    pub table: QualifiedName,
    /// The default partition.
    pub default: QualifiedName,
    /// The tables the foreign keys lead to.
    pub references: Vec<QualifiedName>,
}
