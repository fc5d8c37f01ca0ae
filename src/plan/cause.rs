//! Causes of planned steps, deferrals, and notes.

use super::{Blocker, ConversionNote, Rule, Step};
use crate::partition::{Identifier, QualifiedName};

/// Cause of a planned step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// The partition covers the current period.
    CurrentPeriod,
    /// The partition covers the period that is this many periods after the current one.
    Ahead(u32),
    /// The spec provides the period: it is not before `startAt`.
    ProvidedPeriod,
    /// There are partitions before and after the range.
    Gap,
    /// Rows of this remainder have no partition.
    MissingRemainder,
    /// An earlier run left it, and nothing needs it.
    Leftover,
    /// The spec names the index, and it does not exist.
    MissingIndex,
    /// A failed build left an invalid index, which no query uses.
    InvalidIndex,
    /// The index differs from the spec.
    DefinitionChanged,
    /// The spec no longer wants the index on this partition.
    NoLongerNewest,
    /// The whole range of the partition is before the oldest period to keep.
    Expired,
    /// A detached or expired partition is within the retention again.
    RetentionExtended,
    /// A detach was interrupted.
    Interrupted,
    /// The grace period of the detached table is over.
    GracePeriodOver,
    /// A user reattached a detached table.
    Reattached,
    /// The table was detached and kept, and the spec says `onExpiry: Drop` now.
    Dropped,
    /// The table was marked for the drop, and the spec no longer drops it.
    NotDropped,
    /// The annotation `pgpartition.dev/adopt` names the partition.
    Requested,
    /// The annotation `pgpartition.dev/adopt` no longer names the partition.
    NotRequested,
    /// The spec wants a default partition.
    DefaultPresent,
    /// The spec wants no default partition.
    DefaultAbsent,
    /// The spec wants a plain table converted.
    ConversionRequested,
    /// The spec has no conversion any more.
    ConversionRemoved,
    /// The spec wants the partitioned table to be the one that applications use.
    CutoverWanted,
    /// The spec wants the plain table to be the one that applications use again.
    RollbackWanted,
    /// The plain table needs a unique index before it becomes a partition.
    AttachNeedsKey,
    /// The spec wants the plain table dropped after the cutover.
    SourceDropRequested,
    /// The triggers that keep the copy equal to its source are not installed yet.
    SyncMissing,
    /// A trigger or function is not the one that was installed.
    SyncAltered,
    /// The triggers were installed for other columns, another key, or another level, or by another version of the operator.
    SyncOutdated,
    /// The copy lacks rows of the source.
    RowsMissing,
    /// The source has the index.
    SourceHasIndex,
    /// Columns or properties of the source were changed.
    SourceChanged,
    /// Constraints of the copy are not validated: Postgres enforces them for new rows only.
    NotValidated,
    /// The copy has no statistics.
    NeverAnalyzed,
    /// The tables were not compared since the sync was installed.
    NotCompared,
    /// The last sweep found rows that differed.
    RowsDiffered,
    /// The spec names roles that read the copy before the cutover.
    RoutingWanted,
    /// The spec names no such roles, or the cutover is done.
    RoutingUnwanted,
    /// The last comparison is as old as the spec allows.
    ComparisonDue,
}

impl Cause {
    /// Returns the cause in a few words.
    #[must_use]
    pub fn explain(&self) -> String {
        match self {
            Self::CurrentPeriod => "current period".to_owned(),
            Self::Ahead(1) => "1 period ahead".to_owned(),
            Self::Ahead(periods) => format!("{periods} periods ahead"),
            Self::ProvidedPeriod => "period that the spec provides".to_owned(),
            Self::Gap => "gap between partitions".to_owned(),
            Self::MissingRemainder => "remainder without a partition".to_owned(),
            Self::Leftover => "left by an earlier run".to_owned(),
            Self::MissingIndex => "named in spec.indexes".to_owned(),
            Self::InvalidIndex => "left invalid by a failed build".to_owned(),
            Self::DefinitionChanged => "differs from the spec".to_owned(),
            Self::NoLongerNewest => "no longer among the newest".to_owned(),
            Self::Expired => "past its retention".to_owned(),
            Self::RetentionExtended => "within the retention again".to_owned(),
            Self::Interrupted => "its detach was interrupted".to_owned(),
            Self::GracePeriodOver => "detached for longer than dropAfter".to_owned(),
            Self::Reattached => "reattached by a user".to_owned(),
            Self::Dropped => {
                "spec.retention.onExpiry is Drop now: the grace period starts".to_owned()
            }
            Self::NotDropped => "spec.retention no longer drops it".to_owned(),
            Self::Requested => "named in pgpartition.dev/adopt".to_owned(),
            Self::NotRequested => "no longer named in pgpartition.dev/adopt".to_owned(),
            Self::DefaultPresent => "spec.defaultPartition is Present".to_owned(),
            Self::DefaultAbsent => "spec.defaultPartition is Absent".to_owned(),
            Self::ConversionRequested => "spec.conversion is set".to_owned(),
            Self::ConversionRemoved => "spec.conversion is absent".to_owned(),
            Self::CutoverWanted => "spec.conversion.serveFrom is Partitioned".to_owned(),
            Self::RollbackWanted => "spec.conversion.serveFrom is Source".to_owned(),
            Self::AttachNeedsKey => "needed to attach the table".to_owned(),
            Self::SourceDropRequested => "spec.conversion.source.afterCutover is Drop".to_owned(),
            Self::SyncMissing => "no sync triggers are installed".to_owned(),
            Self::SyncAltered => "altered since its installation".to_owned(),
            Self::SyncOutdated => "installed for other columns, another key, or another level, or by another version of the operator".to_owned(),
            Self::RowsMissing => "the copy lacks rows of the source".to_owned(),
            Self::SourceHasIndex => "the source has this index".to_owned(),
            Self::SourceChanged => "the source was changed".to_owned(),
            Self::NotValidated => "not validated yet".to_owned(),
            Self::NeverAnalyzed => "the copy has no statistics".to_owned(),
            Self::NotCompared => "not compared since the sync was installed".to_owned(),
            Self::RowsDiffered => "the last sweep found differences".to_owned(),
            Self::RoutingWanted => "named in spec.conversion.routing.roles".to_owned(),
            Self::RoutingUnwanted => "routing is no longer needed".to_owned(),
            Self::ComparisonDue => "due by spec.conversion.parity.every".to_owned(),
        }
    }
}

/// A deferred step, or a deferred plan, with its blocker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deferral {
    /// The rule that defers the step.
    pub rule: Rule,
    /// The deferred step, or `None` if the blocker is about the table as a whole.
    pub step: Option<Step>,
    /// Blocker of the step.
    pub blocker: Blocker,
}

impl Deferral {
    /// Returns whether another deferral has the same step and the same blocker, regardless of the rule.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        self.step == other.step && self.blocker == other.blocker
    }
}

/// A note, and the rule that adds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedNote {
    /// Rule whose function adds it.
    pub rule: Rule,
    /// Kind of the note, with names and numbers.
    pub note: Note,
}

/// Information for the user that blocks no step.
#[derive(Debug, Clone, PartialEq, Eq, strum::IntoStaticStr)]
pub enum Note {
    /// Another relation has the name of a new partition.
    NameTaken {
        /// Name that is taken.
        wanted: Identifier,
        /// Name that the partition gets.
        used: Identifier,
    },
    /// The plan has its maximum number of new partitions (10,000 partitions and indexes), and more are missing. The next
    /// run plans the rest, and nothing is wrong.
    MorePeriods {
        /// Number of partitions that the plan creates.
        planned: usize,
        /// Number of partitions that are missing and can be created.
        missing: usize,
    },
    /// The plan has its maximum number of steps (10,000); indexes can still be missing after it. The next run plans the rest.
    PlanFull {
        /// Number of steps at which no further index is planned.
        limit: usize,
    },
    /// Unmanaged partitions: created by users, moved here from another table, or with a lost marker.
    Unmanaged {
        /// Names of the partitions or tables.
        partitions: Vec<QualifiedName>,
        /// Whether managed ones expire.
        expire: bool,
    },
    /// An adoption of this name is already recorded, for this table or for an earlier one of the same name.
    AdoptedBefore {
        /// Name of the partition.
        partition: QualifiedName,
    },
    /// Tables that were detached from this one and have lost their markers.
    Unmarked {
        /// Names of the partitions or tables.
        tables: Vec<QualifiedName>,
        /// Name of the constraint that identifies them.
        constraint: Identifier,
    },
    /// Tables from a dump or a user whose markers say that they were detached from this table. Nothing proves the
    /// markers, so the operator does not drop these tables.
    Restored {
        /// Names of the partitions or tables.
        tables: Vec<QualifiedName>,
    },
    /// Unmanaged partitions that are past the retention.
    ExpiredUnmanaged {
        /// Names of the partitions or tables.
        partitions: Vec<QualifiedName>,
    },
    /// Foreign tables that are past the retention; the operator cannot manage them.
    ExpiredForeign {
        /// Names of the partitions or tables.
        partitions: Vec<QualifiedName>,
    },
    /// Managed partitions without a lower bound, which never expire.
    NeverExpires {
        /// Names of the partitions or tables.
        partitions: Vec<QualifiedName>,
    },
    /// Names to adopt that match no partition of the table.
    UnknownAdoption {
        /// The names as written in the annotation.
        names: Vec<String>,
    },
    /// A partition that cannot be adopted.
    CannotAdopt {
        /// Name of the partition.
        partition: QualifiedName,
        /// Cause.
        why: Unadoptable,
    },
    /// The spec wants no default partition, but the existing one is unmanaged, is not empty, or takes the rows of the
    /// current period.
    DefaultKept {
        /// The default partition.
        default: QualifiedName,
    },
    /// The login is a superuser.
    Superuser {
        /// The login role, or `None` if its name must not be shown.
        role: Option<Identifier>,
    },
    /// A publication contains single partitions of the table, but not the newer partitions that the note names.
    NotPublished {
        /// Name of the publication.
        publication: Identifier,
        /// Names of the partitions that it lacks.
        partitions: Vec<QualifiedName>,
    },
    /// A detached table that is still in publications of another owner.
    StillPublished {
        /// Name of the detached table.
        partition: QualifiedName,
        /// Names of the publications.
        publications: Vec<Identifier>,
    },
    /// A note about a conversion.
    #[strum(transparent)]
    Conversion(ConversionNote),
}

/// Why an unmanaged partition cannot be adopted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unadoptable {
    /// It is the default partition, which `spec.defaultPartition` governs.
    Default,
    /// Its detach is pending.
    NotAttached,
    /// It is a foreign table: its rows are not in this database.
    ForeignTable,
    /// The operator cannot `SET ROLE` to its owner.
    OtherOwner,
}
