//! Steps that mark, detach, and drop partitions.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::RangeKey;
use crate::partition::{
    Bounds, Identifier, LockMode, ManagedTable, Marker, QualifiedName, RangeBounds,
};

/// The partitions whose markers are written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MarkPartitions {
    /// The table that the markers name.
    pub managed: ManagedTable,
    /// The partitioned table, whose comment records adoptions.
    pub table: QualifiedName,
    /// The key, where the bounds are a range.
    pub key: Option<RangeKey>,
    /// The partitions.
    pub partitions: Vec<MarkedPartition>,
    /// What they are from now on.
    pub marking: Marking,
    /// Digests of the names that have been adopted, as the table's comment records them from then on;
    /// `None` if that does not change.
    pub adopted: Option<BTreeSet<String>>,
}

/// A partition whose comment says what it is to us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MarkedPartition {
    /// Its name.
    pub name: QualifiedName,
    /// Its object identifier: another table of the same name is another table.
    pub oid: Option<u32>,
    /// What it takes.
    pub bounds: Bounds,
    /// What a person wrote into its comment, and what stays.
    pub comment: Option<String>,
    /// What its comment will say.
    pub marker: Marker,
}

/// What partitions become by being marked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Marking {
    /// Ours: a person asked for it.
    Adopted,
    /// Let go: they will be detached, without being asked for again.
    Expired {
        /// And dropped later: the spec says `onExpiry: Drop`.
        drops: bool,
    },
    /// Kept after all.
    Kept,
    /// Waiting to be dropped: they were detached and kept until the spec said `onExpiry: Drop`.
    ForDrop,
    /// Detached and kept: the spec no longer says that they are dropped.
    NotForDrop,
    /// Nothing: the table's comment forgets adoptions that nobody asks for any more.
    Forgotten,
}

/// What is detached, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Detach {
    /// The partitioned table.
    pub table: QualifiedName,
    /// The partition.
    pub partition: QualifiedName,
    /// What it takes.
    pub bounds: Bounds,
    /// The key, where the bounds are a range.
    pub key: Option<RangeKey>,
    /// Whether the application goes on meanwhile. Postgres refuses it beside a default partition (55000).
    /// <https://www.postgresql.org/docs/current/sql-altertable.html>
    pub concurrently: bool,
    /// The default partition.
    pub default: Option<QualifiedName>,
    /// The tables the foreign keys lead to.
    pub references: Vec<QualifiedName>,
    /// The tables whose foreign keys lead here.
    pub referenced_by: Vec<QualifiedName>,
    /// The partition that is detached before: of two detaches at once Postgres refuses one (55000).
    pub after: Option<QualifiedName>,
    /// How many rows it has, as the planner estimates.
    pub rows: Option<u64>,
    /// How many bytes its heap has.
    pub bytes: u64,
}

impl Detach {
    pub(super) fn locks(&self) -> Vec<(&QualifiedName, LockMode)> {
        let of_table = if self.concurrently {
            LockMode::ShareUpdateExclusive
        } else {
            LockMode::AccessExclusive
        };
        let mut locks = vec![(&self.table, of_table), (&self.partition, LockMode::AccessExclusive)];
        locks.extend(self.default.iter().map(|d| (d, LockMode::AccessExclusive)));
        locks.extend(self.references.iter().map(|r| (r, LockMode::ShareRowExclusive)));
        locks.extend(self.referenced_by.iter().map(|r| (r, LockMode::AccessExclusive)));
        locks
    }
}

/// The pending detach to finalize.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FinalizeDetach {
    /// The partitioned table.
    pub table: QualifiedName,
    /// The partition.
    pub partition: QualifiedName,
    /// The tables the foreign keys lead to.
    pub references: Vec<QualifiedName>,
}

/// What is written down of a detached table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remember {
    /// The table it was a partition of, which its marker and its bounds check name.
    pub managed: ManagedTable,
    /// The detached table.
    pub partition: QualifiedName,
    /// Its object identifier: another table of the same name is another table.
    pub oid: Option<u32>,
    /// What it took.
    pub bounds: Bounds,
    /// The key, where the bounds are a range.
    pub key: Option<RangeKey>,
    /// The condition that every row of the partitioned table meets, if that is a partition itself.
    pub inherited: Option<String>,
    /// What a person wrote into its comment, and what stays.
    pub comment: Option<String>,
    /// The earliest date to record. Postgres records the time of its own clock when the step runs, if that
    /// is later.
    pub at: Timestamp,
    /// Whether its grace period starts then: the spec says `onExpiry: Drop`, and did when the partition was
    /// marked as expired.
    pub drops: bool,
    /// Object identifier of the partitioned table.
    pub parent: Option<u32>,
    /// How often an expiry of the partition has been taken back.
    pub cycle: u32,
    /// The publications that name it, and that it leaves: they would go on publishing it.
    pub publications: Vec<Identifier>,
}

/// The bounds check to add.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateBounds {
    /// The table that the bounds check names.
    pub managed: ManagedTable,
    /// The partition, or detached table.
    pub partition: QualifiedName,
    /// Its object identifier: another table of the same name is another table.
    pub oid: Option<u32>,
    /// The key.
    pub key: RangeKey,
    /// What it takes, or took.
    pub range: RangeBounds,
    /// The condition that every row of the partitioned table meets, if that is a partition itself.
    pub inherited: Option<String>,
}

/// The bounds check to validate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ValidateBounds {
    /// The table that the bounds check names.
    pub managed: ManagedTable,
    /// The detached table.
    pub partition: QualifiedName,
}

/// A detached table to drop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DropDetached {
    /// The table it was a partition of.
    pub managed: ManagedTable,
    /// The detached table.
    pub partition: QualifiedName,
    /// Its object identifier: another table of the same name is another table.
    pub oid: u32,
    /// What it took.
    pub bounds: Bounds,
    /// The key, where the bounds are a range.
    pub key: Option<RangeKey>,
    /// What its comment must still say.
    pub marker: Marker,
    /// The tables its foreign keys lead to.
    pub references: Vec<QualifiedName>,
    /// How many rows it has, as the planner estimates.
    pub rows: Option<u64>,
    /// How many bytes its heap has.
    pub bytes: u64,
}
