//! Blockers of steps. Large families have an enum each.

mod conversion;
mod default;
mod index;
mod route;

pub use conversion::ConversionBlocker;
pub use default::DefaultBlocker;
pub use index::IndexBlocker;
pub use route::{RouteFault, RoutingFault};

use std::time::Duration;

use jiff::Timestamp;

use super::Refusal;
use crate::observed::{BlockingTransaction, ObservedPartition};
use crate::partition::{Identifier, KeyRange, KeyType, QualifiedName, ServerVersion};

/// Blocker of a step. The comments between the variants are the headings of `docs/reference/blockers.md`.
#[derive(Debug, Clone, PartialEq, Eq, strum::IntoStaticStr)]
pub enum Blocker {
    // # The table and its spec
    /// No relation has the name of the table.
    TableNotFound {
        /// Name of the table.
        table: QualifiedName,
    },
    /// The relation of this name is not a partitioned table.
    NotPartitioned {
        /// Name of the table.
        table: QualifiedName,
        /// Kind of the relation.
        kind: &'static str,
    },
    /// The table is partitioned by another method or by other columns than the spec says.
    PartitionKeyMismatch {
        /// Name of the table.
        table: QualifiedName,
        /// The key it has.
        found: String,
        /// The key the spec says.
        wanted: String,
    },
    /// The table has another number of hash partitions than the spec says.
    HashPartitionsMismatch {
        /// Name of the table.
        table: QualifiedName,
        /// Number of partitions of the table.
        found: u32,
        /// Number of partitions in the spec.
        wanted: u32,
    },
    /// The operator does not support the type of the partition column.
    UnsupportedKeyType {
        /// Name of the table.
        table: QualifiedName,
        /// Name of the column.
        column: Identifier,
        /// Type of the column.
        type_name: String,
    },
    /// The type of the partition column cannot distinguish periods of this length.
    IntervalTooFine {
        /// Name of the table.
        table: QualifiedName,
        /// Name of the column.
        column: Identifier,
        /// Type of the column.
        key: KeyType,
    },
    /// The time zone database does not have the time zone of the spec.
    UnknownTimeZone {
        /// Name that is taken.
        name: String,
    },
    /// The periods of the spec extend beyond the calendar.
    PeriodOutOfRange,
    /// More than 5,000 consecutive periods have no partition, for example between `startAt` and now, or before a partition
    /// that is far in the future. The operator creates none of these partitions.
    TooManyPeriods {
        /// The range they lie in.
        range: KeyRange,
    },

    // # The server and the role
    /// The operator's role cannot act as the owner of the table.
    NotOwner {
        /// Name of the table.
        table: QualifiedName,
        /// Role that owns it.
        owner: Identifier,
        /// The login role, or `None` if its name must not be shown.
        role: Option<Identifier>,
    },
    /// The owner of the table cannot create tables in its schema.
    MissingCreatePrivilege {
        /// Name of the schema.
        schema: Identifier,
        /// The owner, or `None` if it is the login role, whose name must not be shown.
        owner: Option<Identifier>,
    },
    /// A partition or a detached table belongs to another role than the partitioned table, and the owner of the partitioned
    /// table is not a member of that role.
    NotOwnerOfPartition {
        /// Name of the partition.
        partition: QualifiedName,
    },
    /// The server is a read-only replica.
    ReadOnlyReplica,
    /// The server, the database, or the login role is read-only (`default_transaction_read_only`).
    ReadOnly,
    /// The server is older than the oldest supported version of Postgres.
    UnsupportedServer {
        /// Version of the server.
        version: ServerVersion,
    },

    // # New partitions
    /// A detached table is needed again, but no longer matches the partitioned table.
    CannotReattach {
        /// Name of the table.
        partition: QualifiedName,
    },
    /// A table has the name and the columns of a new partition, but no marker, and was never attached. A restore or a user
    /// might attach it soon. A second table for the same range would prevent that.
    UnattachedTable {
        /// Name of the table.
        table: QualifiedName,
    },

    // # The default partition
    /// A problem of the default partition.
    #[strum(transparent)]
    Default(DefaultBlocker),

    // # Retention
    /// A detach was interrupted, and an open transaction blocks its completion.
    DetachBlocked {
        /// Name of the partition.
        partition: QualifiedName,
        /// Blocking sessions.
        by: Vec<BlockingTransaction>,
    },
    /// The detach of another partition of the table is pending, and Postgres permits only one pending detach.
    AnotherDetachPending {
        /// The other one.
        partition: QualifiedName,
    },
    /// One run would detach more than `maxExpirePerRun` partitions.
    AwaitingApproval {
        /// Number of partitions.
        count: u32,
        /// Maximum number without approval.
        limit: u32,
        /// Time from the detach to the drop; `None` if they are kept.
        dropped_after: Option<Duration>,
    },
    /// One run would mark more than `maxExpirePerRun` detached tables for a drop.
    DropNeedsApproval {
        /// Number of tables.
        count: u32,
        /// Maximum number without approval.
        limit: u32,
        /// Time from the approval to the drop.
        after: Duration,
    },
    /// The clocks of the database and the operator differ too much to compute what has expired.
    ClockSkew {
        /// Seconds by which the database clock is ahead.
        seconds: i64,
    },
    /// A foreign key references the partition itself, or rows of another table reference rows of the partition.
    PartitionReferenced {
        /// Name of the partition.
        partition: QualifiedName,
        /// The tables whose foreign keys lead there.
        by: Vec<QualifiedName>,
    },
    /// The operator could not find out whether foreign keys reference rows of the partition.
    ReferencesUnknown {
        /// Name of the partition.
        partition: QualifiedName,
        /// The tables whose foreign keys may lead there.
        by: Vec<QualifiedName>,
        /// Error of Postgres, unless a privilege is missing or the time was too short.
        error: Option<String>,
    },
    /// The expired partition is the last one of the table.
    LastPartition {
        /// Name of the partition.
        partition: QualifiedName,
    },
    /// A detached table is in its grace period.
    InGracePeriod {
        /// Until when.
        until: Timestamp,
    },
    /// A detached table has partitions, which might be unmanaged.
    DetachedHasPartitions {
        /// Name of the table.
        partition: QualifiedName,
    },
    /// Other objects depend on a table or an index, so Postgres does not drop it.
    HasDependents {
        /// The table or index.
        of: QualifiedName,
        /// The objects, as the catalog describes them.
        by: Vec<String>,
    },

    // # Indexes
    /// A problem of an index.
    #[strum(transparent)]
    Index(IndexBlocker),

    // # Preflight of a conversion
    /// The preflight of a conversion found something.
    #[strum(transparent)]
    Preflight {
        /// Partition key of the table.
        refusal: Refusal,
    },

    // # Conversion
    /// A problem of a conversion.
    #[strum(transparent)]
    Conversion(ConversionBlocker),
}

impl Blocker {
    /// Returns the blocker of a step whose partition belongs to another role.
    pub(super) fn not_owner_of(partition: &ObservedPartition) -> Self {
        Self::NotOwnerOfPartition { partition: partition.name.clone() }
    }

    /// The blocker of a drop that other objects forbid; `None` if there are none.
    pub(super) fn from_dependents(of: QualifiedName, by: &[String]) -> Option<Self> {
        (!by.is_empty()).then(|| Self::HasDependents { of, by: by.to_vec() })
    }

    /// Returns whether it defers the plan as a whole instead of one step.
    #[must_use]
    pub fn is_about_plan(&self) -> bool {
        matches!(
            self,
            Self::AwaitingApproval { .. }
                | Self::DropNeedsApproval { .. }
                | Self::Conversion(
                    ConversionBlocker::ParityFailed { .. }
                        | ConversionBlocker::TooManyDiffer { .. }
                        | ConversionBlocker::DropCopyNeedsApproval { .. }
                        | ConversionBlocker::RollbackNeedsApproval { .. }
                )
        )
    }

    /// The blocker's name: the value of the label `blocker`, and the anchor of its page.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.into()
    }
}
