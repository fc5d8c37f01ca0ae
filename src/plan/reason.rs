//! Why a step is taken, and why one is not.

use super::Step;
use crate::observed::PartitionKind;
use crate::partition::{Identifier, KeyType, QualifiedName, RangeBounds, ServerVersion};

/// Why a step is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// Rows written now belong there.
    CurrentPeriod,
    /// Rows of a coming period will belong there: this many periods from now.
    Ahead(u32),
    /// It belongs to a period that the spec provides: from `startAt` on, or the current one.
    SinceStart,
    /// There are partitions on both sides.
    Hole,
    /// Rows of this remainder have no partition.
    MissingRemainder,
    /// Nothing wants what an earlier run left.
    Leftover,
    /// The spec names the index, and it is not there.
    MissingIndex,
    /// Building the index failed once; what is left of it serves nobody.
    InvalidIndex,
    /// The index is there, and is not what the spec says.
    OtherDefinition,
    /// The spec no longer wants the index on this partition.
    NoLongerNewest,
}

/// Something that is wanted and is not done, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deferral {
    /// The step that would be taken; none where it is the table as a whole.
    pub wanted: Option<Step>,
    /// What stands in the way.
    pub blocker: Blocker,
}

/// What stands in the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Blocker {
    /// Nothing has the table's name.
    NoSuchTable,
    /// What has the name is no partitioned table.
    NotPartitioned {
        /// What it is.
        kind: &'static str,
    },
    /// The table is partitioned, but not as the spec says.
    OtherKey {
        /// The key it has.
        found: String,
        /// The key the spec says.
        wanted: String,
    },
    /// The key's type is none that periods can be told on.
    UnsupportedKeyType {
        /// The type.
        type_name: String,
    },
    /// The key's type cannot tell periods of this length apart.
    IntervalTooFine {
        /// The type.
        key: KeyType,
    },
    /// The time zone database has no such zone.
    UnknownTimeZone {
        /// The name.
        name: String,
    },
    /// The periods asked for lie beyond the calendar.
    BeyondCalendar,
    /// The spec asks for more periods at once than a table should have partitions.
    TooManyPeriods {
        /// The range they lie in.
        range: RangeBounds,
        /// The type of the key.
        key: KeyType,
    },
    /// We may not act as the table's owner.
    NotOwner {
        /// The owner.
        owner: Identifier,
        /// The role we act as.
        role: Identifier,
    },
    /// The table's owner may not create tables in its schema.
    MayNotCreate {
        /// The schema.
        schema: Identifier,
        /// The owner.
        owner: Identifier,
    },
    /// The server only replays another's changes.
    InRecovery,
    /// The server is older than we support.
    ServerTooOld {
        /// Its version.
        version: ServerVersion,
    },
    /// The default partition holds rows that belong to the new partition.
    DefaultHoldsRows {
        /// The default partition.
        default: QualifiedName,
        /// The range of the new partition.
        range: RangeBounds,
        /// How many rows.
        rows: u64,
        /// The type of the key.
        key: KeyType,
    },
    /// Nobody could count the rows of the default partition in time, or was allowed to.
    DefaultNotCounted {
        /// The default partition.
        default: QualifiedName,
    },
    /// Rows of the new partition may be on their way into the default partition at this moment.
    DefaultInUse {
        /// The default partition.
        default: QualifiedName,
    },
    /// The table has another number of hash partitions than the spec says.
    OtherModulus {
        /// What there is.
        found: u32,
        /// What the spec says.
        wanted: u32,
    },
    /// A detach was begun and cut off.
    DetachPending {
        /// The partition.
        partition: QualifiedName,
    },
    /// The spec names a column that the table does not have.
    NoSuchColumn {
        /// The index that names it.
        index: Identifier,
        /// The column.
        column: Identifier,
    },
    /// Something else has the name the spec gives an index.
    IndexNameTaken {
        /// The name.
        index: Identifier,
    },
    /// The index serves a constraint, and cannot be replaced under it.
    IndexServesConstraint {
        /// The index.
        index: Identifier,
    },
    /// Somebody is building the index at this moment.
    IndexBeingBuilt {
        /// The index.
        index: QualifiedName,
    },
    /// An index cannot be built on such a partition while it is in use.
    NoConcurrentBuild {
        /// The partition.
        partition: QualifiedName,
        /// What it is.
        kind: PartitionKind,
    },
    /// We may not act as the owner of a partition.
    NotOwnerOfPartition {
        /// The partition.
        partition: QualifiedName,
        /// The role we act as.
        role: Identifier,
    },
}

/// What makes a blocker go away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Waits {
    /// Time alone.
    ForTime,
    /// Others finishing what they are doing.
    ForOthers,
    /// A person.
    ForPerson,
}

impl Blocker {
    /// What makes it go away.
    #[must_use]
    pub fn waits(&self) -> Waits {
        match self {
            Self::IndexBeingBuilt { .. } => Waits::ForOthers,
            Self::NoSuchTable
            | Self::NotPartitioned { .. }
            | Self::OtherKey { .. }
            | Self::UnsupportedKeyType { .. }
            | Self::IntervalTooFine { .. }
            | Self::UnknownTimeZone { .. }
            | Self::BeyondCalendar
            | Self::TooManyPeriods { .. }
            | Self::NotOwner { .. }
            | Self::MayNotCreate { .. }
            | Self::InRecovery
            | Self::ServerTooOld { .. }
            | Self::DefaultHoldsRows { .. }
            | Self::DefaultNotCounted { .. }
            | Self::DefaultInUse { .. }
            | Self::OtherModulus { .. }
            | Self::DetachPending { .. }
            | Self::NoSuchColumn { .. }
            | Self::IndexNameTaken { .. }
            | Self::IndexServesConstraint { .. }
            | Self::NoConcurrentBuild { .. }
            | Self::NotOwnerOfPartition { .. } => Waits::ForPerson,
        }
    }

    /// The blocker's name: the value of the label `blocker`, and the anchor of its page.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::NoSuchTable => "NoSuchTable",
            Self::NotPartitioned { .. } => "NotPartitioned",
            Self::OtherKey { .. } => "OtherKey",
            Self::UnsupportedKeyType { .. } => "UnsupportedKeyType",
            Self::IntervalTooFine { .. } => "IntervalTooFine",
            Self::UnknownTimeZone { .. } => "UnknownTimeZone",
            Self::BeyondCalendar => "BeyondCalendar",
            Self::TooManyPeriods { .. } => "TooManyPeriods",
            Self::NotOwner { .. } => "NotOwner",
            Self::MayNotCreate { .. } => "MayNotCreate",
            Self::InRecovery => "InRecovery",
            Self::ServerTooOld { .. } => "ServerTooOld",
            Self::DefaultHoldsRows { .. } => "DefaultHoldsRows",
            Self::DefaultNotCounted { .. } => "DefaultNotCounted",
            Self::DefaultInUse { .. } => "DefaultInUse",
            Self::OtherModulus { .. } => "OtherModulus",
            Self::DetachPending { .. } => "DetachPending",
            Self::NoSuchColumn { .. } => "NoSuchColumn",
            Self::IndexNameTaken { .. } => "IndexNameTaken",
            Self::IndexServesConstraint { .. } => "IndexServesConstraint",
            Self::IndexBeingBuilt { .. } => "IndexBeingBuilt",
            Self::NoConcurrentBuild { .. } => "NoConcurrentBuild",
            Self::NotOwnerOfPartition { .. } => "NotOwnerOfPartition",
        }
    }
}

/// Something a person may want to know, that holds nothing back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Note {
    /// Something else has the name a partition would have had.
    NameGoneRound {
        /// The name it would have had.
        wanted: Identifier,
        /// The name it gets.
        used: Identifier,
    },
    /// Partitions that others made.
    Unmanaged {
        /// Their names.
        partitions: Vec<QualifiedName>,
    },
}
