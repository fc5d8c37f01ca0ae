//! What stands in the way of a step. Large families have an enum each; they are blockers like the others.

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
use crate::observed::BlockingTransaction;
use crate::partition::{Identifier, KeyRange, KeyType, QualifiedName, ServerVersion};

/// What stands in the way.
#[derive(Debug, Clone, PartialEq, Eq, strum::IntoStaticStr)]
pub enum Blocker {
    /// Nothing has the table's name.
    NoSuchTable {
        /// The table.
        table: QualifiedName,
    },
    /// What has the name is no partitioned table.
    NotPartitioned {
        /// The table.
        table: QualifiedName,
        /// What it is.
        kind: &'static str,
    },
    /// The preflight of a conversion found something.
    #[strum(transparent)]
    Preflight {
        /// What it found.
        refusal: Refusal,
    },
    /// A problem of a conversion.
    #[strum(transparent)]
    Conversion(ConversionBlocker),
    /// The table is partitioned, but not as the spec says.
    OtherKey {
        /// The table.
        table: QualifiedName,
        /// The key it has.
        found: String,
        /// The key the spec says.
        wanted: String,
    },
    /// The key's type is none that periods can be told on.
    UnsupportedKeyType {
        /// The table.
        table: QualifiedName,
        /// The column.
        column: Identifier,
        /// The type.
        type_name: String,
    },
    /// The key's type cannot tell periods of this length apart.
    IntervalTooFine {
        /// The table.
        table: QualifiedName,
        /// The column.
        column: Identifier,
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
        range: KeyRange,
    },
    /// We may not act as the table's owner.
    NotOwner {
        /// The table.
        table: QualifiedName,
        /// The owner.
        owner: Identifier,
        /// The login role, or `None` if its name must not be shown.
        role: Option<Identifier>,
    },
    /// The table's owner may not create tables in its schema.
    MayNotCreate {
        /// The schema.
        schema: Identifier,
        /// The owner, or `None` if it is the login role, whose name must not be shown.
        owner: Option<Identifier>,
    },
    /// The server only replays another's changes.
    InRecovery,
    /// An administrator made the server, the database, or the login role read-only.
    ReadOnly,
    /// The server is older than we support.
    ServerTooOld {
        /// Its version.
        version: ServerVersion,
    },
    /// The table has another number of hash partitions than the spec says.
    OtherModulus {
        /// The table.
        table: QualifiedName,
        /// What there is.
        found: u32,
        /// What the spec says.
        wanted: u32,
    },
    /// A problem of the default partition.
    #[strum(transparent)]
    Default(DefaultBlocker),
    /// A detach was begun and cut off, and somebody who began before still has something open.
    DetachHeld {
        /// The partition.
        partition: QualifiedName,
        /// Who.
        by: Vec<BlockingTransaction>,
    },
    /// Another partition of the table is half detached, and Postgres detaches one at a time.
    AnotherDetachPending {
        /// The other one.
        partition: QualifiedName,
    },
    /// More partitions would be let go at once than goes without saying.
    NeedsApproval {
        /// How many.
        count: u32,
        /// How many go without approval.
        limit: u32,
        /// How long after they were let go they are dropped; none where they are kept.
        dropped_after: Option<Duration>,
    },
    /// More tables that are already detached would be dropped than goes without saying.
    DropNeedsApproval {
        /// How many.
        count: u32,
        /// How many are dropped without approval.
        limit: u32,
        /// How long after the approval they are dropped.
        after: Duration,
    },
    /// The clock of the database and ours are too far apart to tell what has expired.
    ClocksDiffer {
        /// How far the database's is ahead, in seconds.
        seconds: i64,
    },
    /// Foreign keys lead to the partition, or to rows of it.
    Referenced {
        /// The partition.
        partition: QualifiedName,
        /// The tables whose foreign keys lead there.
        by: Vec<QualifiedName>,
    },
    /// Whether foreign keys lead to rows of the partition could not be found out.
    ReferencesNotChecked {
        /// The partition.
        partition: QualifiedName,
        /// The tables whose foreign keys may lead there.
        by: Vec<QualifiedName>,
        /// What Postgres says, unless it is a missing privilege or a lack of time.
        error: Option<String>,
    },
    /// The table would be left without a partition.
    LastPartition {
        /// The partition.
        partition: QualifiedName,
    },
    /// A detached table waits before it is dropped.
    InGrace {
        /// Until when.
        until: Timestamp,
    },
    /// A detached table has partitions of its own, which may not be ours to drop.
    HasPartitions {
        /// The table.
        partition: QualifiedName,
    },
    /// Other objects depend on a table or an index, so that Postgres refuses to drop it.
    HasDependents {
        /// The table or index.
        of: QualifiedName,
        /// The objects, as the catalog describes them.
        by: Vec<String>,
    },
    /// A detached table is no longer like the table it was detached from.
    CannotReattach {
        /// The table.
        partition: QualifiedName,
    },
    /// A table has the name and the columns of a new partition, no marker, and was never attached: a restore or
    /// a user may be about to attach it, which a second table for its range would prevent.
    UnattachedTable {
        /// The table.
        table: QualifiedName,
    },
    /// A problem of an index.
    #[strum(transparent)]
    Index(IndexBlocker),
    /// We may not act as the owner of a partition.
    NotOwnerOfPartition {
        /// The partition.
        partition: QualifiedName,
        /// The login role, or `None` if its name must not be shown.
        role: Option<Identifier>,
    },
}

impl Blocker {
    /// The blocker of a drop that other objects forbid; `None` if there are none.
    pub(super) fn of_dependents(of: QualifiedName, by: &[String]) -> Option<Self> {
        (!by.is_empty()).then(|| Self::HasDependents { of, by: by.to_vec() })
    }

    /// Whether it holds back not one step, but what the plan comes to in all.
    #[must_use]
    pub fn is_about_plan(&self) -> bool {
        matches!(
            self,
            Self::NeedsApproval { .. }
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
