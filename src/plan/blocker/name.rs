//! The names of blockers.

use super::Blocker;

impl Blocker {
    /// The blocker's name: the value of the label `blocker`, and the anchor of its page.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::NoSuchTable { .. } => "NoSuchTable",
            Self::NotPartitioned { .. } => "NotPartitioned",
            Self::Preflight { refusal } => refusal.name(),
            Self::ConversionNotSupported => "ConversionNotSupported",
            Self::OtherKey { .. } => "OtherKey",
            Self::UnsupportedKeyType { .. } => "UnsupportedKeyType",
            Self::IntervalTooFine { .. } => "IntervalTooFine",
            Self::UnknownTimeZone { .. } => "UnknownTimeZone",
            Self::BeyondCalendar => "BeyondCalendar",
            Self::TooManyPeriods { .. } => "TooManyPeriods",
            Self::NotOwner { .. } => "NotOwner",
            Self::MayNotCreate { .. } => "MayNotCreate",
            Self::InRecovery => "InRecovery",
            Self::ReadOnly => "ReadOnly",
            Self::ServerTooOld { .. } => "ServerTooOld",
            Self::DefaultHoldsRows { .. } => "DefaultHoldsRows",
            Self::DefaultNotCounted { .. } => "DefaultNotCounted",
            Self::DefaultInUse { .. } => "DefaultInUse",
            Self::OtherModulus { .. } => "OtherModulus",
            Self::DefaultNoTable { .. } => "DefaultNoTable",
            Self::DefaultReferenced { .. } => "DefaultReferenced",
            Self::DefaultRunsCode { .. } => "DefaultRunsCode",
            Self::DefaultWithoutIdentity { .. } => "DefaultWithoutIdentity",
            Self::DefaultTooLarge { .. } => "DefaultTooLarge",
            Self::DetachHeld { .. } => "DetachHeld",
            Self::AnotherDetachPending { .. } => "AnotherDetachPending",
            Self::NeedsApproval { .. } => "NeedsApproval",
            Self::DropNeedsApproval { .. } => "DropNeedsApproval",
            Self::ClocksDiffer { .. } => "ClocksDiffer",
            Self::Referenced { .. } => "Referenced",
            Self::ReferencesNotChecked { .. } => "ReferencesNotChecked",
            Self::LastPartition { .. } => "LastPartition",
            Self::InGrace { .. } => "InGrace",
            Self::HasPartitions { .. } => "HasPartitions",
            Self::HasDependents { .. } => "HasDependents",
            Self::CannotReattach { .. } => "CannotReattach",
            Self::UnattachedTable { .. } => "UnattachedTable",
            Self::NoSuchColumn { .. } => "NoSuchColumn",
            Self::ConditionUnclear { .. } => "ConditionUnclear",
            Self::IndexNameTaken { .. } => "IndexNameTaken",
            Self::IndexServesConstraint { .. } => "IndexServesConstraint",
            Self::IndexBeingBuilt { .. } => "IndexBeingBuilt",
            Self::NoConcurrentBuild { .. } => "NoConcurrentBuild",
            Self::NotOwnerOfPartition { .. } => "NotOwnerOfPartition",
        }
    }
}
