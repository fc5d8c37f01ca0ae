//! What makes a blocker go away.

use super::Blocker;

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
            Self::IndexBeingBuilt { .. }
            | Self::DetachHeld { .. }
            | Self::AnotherDetachPending { .. } => Waits::ForOthers,
            Self::InGrace { .. } => Waits::ForTime,
            Self::NoSuchTable { .. }
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
            | Self::ReadOnly
            | Self::ServerTooOld { .. }
            | Self::DefaultHoldsRows { .. }
            | Self::DefaultNotCounted { .. }
            | Self::DefaultInUse { .. }
            | Self::OtherModulus { .. }
            | Self::DefaultNoTable { .. }
            | Self::DefaultReferenced { .. }
            | Self::DefaultRunsCode { .. }
            | Self::DefaultWithoutIdentity { .. }
            | Self::DefaultTooLarge { .. }
            | Self::NeedsApproval { .. }
            | Self::DropNeedsApproval { .. }
            | Self::ClocksDiffer { .. }
            | Self::Referenced { .. }
            | Self::ReferencesNotChecked { .. }
            | Self::LastPartition { .. }
            | Self::HasPartitions { .. }
            | Self::HasDependents { .. }
            | Self::CannotReattach { .. }
            | Self::UnattachedTable { .. }
            | Self::NoSuchColumn { .. }
            | Self::ConditionUnclear { .. }
            | Self::IndexNameTaken { .. }
            | Self::IndexServesConstraint { .. }
            | Self::NoConcurrentBuild { .. }
            | Self::NotOwnerOfPartition { .. } => Waits::ForPerson,
        }
    }
}
