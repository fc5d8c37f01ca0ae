//! Why a step is taken, and why one is not.

use super::{Blocker, ConversionNote, Rule, Step};
use crate::partition::{Identifier, QualifiedName};

/// Why a step is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// Rows written now belong there.
    CurrentPeriod,
    /// Rows of a coming period will belong there: this many periods from now.
    Ahead(u32),
    /// It belongs to a period that the spec provides: from `startAt` on, or the current one.
    ProvidedPeriod,
    /// There are partitions on both sides.
    Gap,
    /// Rows of this remainder have no partition.
    MissingRemainder,
    /// Nothing wants what an earlier run left.
    Leftover,
    /// The spec names the index, and it is not there.
    MissingIndex,
    /// Building the index failed once; what is left of it serves nobody.
    InvalidIndex,
    /// The index is there, and is not what the spec says.
    DefinitionChanged,
    /// The spec no longer wants the index on this partition.
    NoLongerNewest,
    /// Its whole range lies before the oldest period to keep.
    Expired,
    /// What was let go is wanted again.
    RetentionExtended,
    /// A detach was begun and cut off.
    Interrupted,
    /// It has been detached long enough.
    GracePeriodOver,
    /// A user attached again what had been detached.
    Reattached,
    /// It was detached and kept, and the spec says `onExpiry: Drop` now.
    Dropped,
    /// It was to be dropped, and the spec no longer says so.
    NotDropped,
    /// A person asked for it by name.
    Requested,
    /// The annotation no longer asks for it.
    NotRequested,
    /// The spec wants a default partition.
    DefaultPresent,
    /// The spec wants no default partition.
    DefaultAbsent,
    /// The spec wants a plain table converted.
    ConversionWanted,
    /// The spec has no conversion any more.
    ConversionUnwanted,
    /// The spec wants the partitioned table to be the one that applications use.
    CutoverWanted,
    /// The spec wants the plain table to be the one that applications use again.
    RollbackWanted,
    /// The plain table needs a unique index before it becomes a partition.
    AttachNeedsKey,
    /// The spec wants the plain table dropped after the cutover.
    SourceUnwanted,
    /// Nothing keeps the copy equal to its source yet.
    SyncMissing,
    /// A trigger or function is not the one that was installed.
    SyncAltered,
    /// The columns, the key, or the level are others than those of the triggers, or another version of the operator installed
    /// them.
    SyncOutdated,
    /// Rows of the source are not in the copy yet.
    RowsMissing,
    /// The source has the index.
    SourceHasIndex,
    /// Columns or properties of the source were changed.
    SourceChanged,
    /// Constraints of the copy are enforced for new rows only.
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
    /// Why a step is taken, in a few words.
    #[must_use]
    pub fn explain(&self) -> String {
        match self {
            Self::CurrentPeriod => "rows of now belong there".to_owned(),
            Self::Ahead(1) => "1 period ahead".to_owned(),
            Self::Ahead(periods) => format!("{periods} periods ahead"),
            Self::ProvidedPeriod => "a period the spec provides".to_owned(),
            Self::Gap => "hole between partitions".to_owned(),
            Self::MissingRemainder => "remainder without a partition".to_owned(),
            Self::Leftover => "nothing wants it any more".to_owned(),
            Self::MissingIndex => "named in the spec".to_owned(),
            Self::InvalidIndex => "left invalid by a failed build".to_owned(),
            Self::DefinitionChanged => "its definition in the spec is another".to_owned(),
            Self::NoLongerNewest => "no longer among the newest".to_owned(),
            Self::Expired => "past its retention".to_owned(),
            Self::RetentionExtended => "kept by the retention again".to_owned(),
            Self::Interrupted => "its detach was cut off".to_owned(),
            Self::GracePeriodOver => "detached for longer than dropAfter".to_owned(),
            Self::Reattached => "attached again by a user".to_owned(),
            Self::Dropped => {
                "spec.retention.onExpiry is Drop now: the grace period starts".to_owned()
            }
            Self::NotDropped => "no longer to be dropped".to_owned(),
            Self::Requested => "named in the annotation".to_owned(),
            Self::NotRequested => "no longer named in the annotation".to_owned(),
            Self::DefaultPresent => "spec.defaultPartition is Present".to_owned(),
            Self::DefaultAbsent => "spec.defaultPartition is Absent".to_owned(),
            Self::ConversionWanted => "spec.conversion is set".to_owned(),
            Self::ConversionUnwanted => "spec.conversion is absent".to_owned(),
            Self::CutoverWanted => "spec.conversion.serveFrom is Partitioned".to_owned(),
            Self::RollbackWanted => "spec.conversion.serveFrom is Source".to_owned(),
            Self::AttachNeedsKey => "the partition needs it".to_owned(),
            Self::SourceUnwanted => "spec.conversion.source.afterCutover is Drop".to_owned(),
            Self::SyncMissing => "nothing keeps the tables equal yet".to_owned(),
            Self::SyncAltered => "it is not what was installed".to_owned(),
            Self::SyncOutdated => "it is for other columns, another key, or another level, or another version of the operator installed it".to_owned(),
            Self::RowsMissing => "rows of the source are not in the copy".to_owned(),
            Self::SourceHasIndex => "the source has it".to_owned(),
            Self::SourceChanged => "the source was changed".to_owned(),
            Self::NotValidated => "enforced for new rows only".to_owned(),
            Self::NeverAnalyzed => "the copy has no statistics".to_owned(),
            Self::NotCompared => "not compared since the sync was installed".to_owned(),
            Self::RowsDiffered => "the last sweep found differences".to_owned(),
            Self::RoutingWanted => "spec.conversion.routing.roles".to_owned(),
            Self::RoutingUnwanted => "no role is routed any more".to_owned(),
            Self::ComparisonDue => "spec.conversion.parity.every".to_owned(),
        }
    }
}

/// Something that is wanted and is not done, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deferral {
    /// The rule that wants it, or `None` if the table as a whole cannot be planned for.
    pub rule: Option<Rule>,
    /// The step that would be taken; none where it is the table as a whole.
    pub wanted: Option<Step>,
    /// What stands in the way.
    pub blocker: Blocker,
}

impl Deferral {
    /// Whether the same is deferred for the same reason, by whichever rule.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        self.wanted == other.wanted && self.blocker == other.blocker
    }
}

/// Something a person may want to know, that holds nothing back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Note {
    /// Something else has the name a partition would have had.
    NameTaken {
        /// The name it would have had.
        wanted: Identifier,
        /// The name it gets.
        used: Identifier,
    },
    /// The plan creates as many partitions as a plan may, and more are missing.
    MorePeriods {
        /// Number of partitions that it creates.
        planned: usize,
        /// Number of partitions that are missing and can be created.
        missing: usize,
    },
    /// The plan has as many steps as a plan may have; indexes may still be missing after it.
    PlanFull {
        /// The number of steps from which on no further index is planned.
        limit: usize,
    },
    /// Partitions that others made, that a user moved here, or whose comments were lost.
    Unmanaged {
        /// Their names.
        partitions: Vec<QualifiedName>,
        /// Whether managed ones expire.
        expire: bool,
    },
    /// A partition to adopt whose name has been adopted before, for another table or for the same.
    AdoptedBefore {
        /// The partition.
        partition: QualifiedName,
    },
    /// Tables that were detached from this one, and whose comments do not say so any more.
    Unmarked {
        /// Their names.
        tables: Vec<QualifiedName>,
        /// The constraint that proves it.
        constraint: Identifier,
    },
    /// Tables that a dump or a user brought, with a comment that says that they were detached from this
    /// table. Nothing proves it, so they stay.
    Restored {
        /// Their names.
        tables: Vec<QualifiedName>,
    },
    /// Partitions that others made, and that would be let go if they were ours.
    ExpiredUnmanaged {
        /// Their names.
        partitions: Vec<QualifiedName>,
    },
    /// Foreign tables that are past the retention: the operator cannot manage them.
    ExpiredForeign {
        /// Their names.
        partitions: Vec<QualifiedName>,
    },
    /// Partitions of ours without a lower end, which never expire.
    NeverExpires {
        /// Their names.
        partitions: Vec<QualifiedName>,
    },
    /// Names to adopt that are no partitions of the table.
    UnknownAdoption {
        /// The names, as a person wrote them.
        names: Vec<String>,
    },
    /// A partition to adopt that cannot be.
    CannotAdopt {
        /// The partition.
        partition: QualifiedName,
        /// Why not.
        why: Unadoptable,
    },
    /// There is a default partition that the spec does not want, and that is not ours to remove, not
    /// empty, or the only place for rows of now.
    DefaultKept {
        /// The default partition.
        default: QualifiedName,
    },
    /// The login is a superuser.
    Superuser {
        /// The login role, or `None` if its name must not be shown.
        role: Option<Identifier>,
    },
    /// A publication names other partitions of the table, and not these later ones.
    NotPublished {
        /// The publication.
        publication: Identifier,
        /// The partitions that it leaves out.
        partitions: Vec<QualifiedName>,
    },
    /// A detached table that a publication of others goes on publishing.
    StillPublished {
        /// The table.
        partition: QualifiedName,
        /// The publications.
        publications: Vec<Identifier>,
    },
    /// What the preflight of a conversion says besides what prevents it.
    Conversion(ConversionNote),
}

/// Why a partition that others made cannot become ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unadoptable {
    /// It is the default partition, which is kept, or left alone, whoever made it.
    Default,
    /// Its detach is under way.
    NotAttached,
    /// Its rows are not in this database.
    ForeignTable,
    /// We may not act as its owner.
    OtherOwner,
}
