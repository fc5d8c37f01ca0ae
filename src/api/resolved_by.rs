//! What resolves a problem: the one place that decides whether a user has to act.

use super::Reason;

/// What resolves a problem, the most severe first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ResolvedBy {
    /// A user changes the resource, the database, or the cluster.
    User,
    /// Another session or process finishes its work.
    OtherSessions,
    /// Time passes.
    Time,
}

impl Reason {
    /// Returns what resolves the problem that the reason names. A reason that names no problem is
    /// resolved by time.
    #[must_use]
    pub const fn resolved_by(self) -> ResolvedBy {
        match self {
            // A Secret counts, too: in a fresh cluster it can be created minutes after the resource.
            Self::SecretNotFound
            | Self::ConnectionFailed
            | Self::Deleting
            | Self::WaitingForSession
            | Self::TableLocked
            | Self::HeldByAnother
            | Self::LockTimeout
            | Self::IndexBuilding
            | Self::DetachPending => ResolvedBy::OtherSessions,
            Self::Succeeded
            | Self::Progressing
            | Self::Connected
            | Self::AllPeriods
            | Self::AllRemainders
            | Self::AllValid
            | Self::KeepsEverything
            | Self::NothingExpired
            | Self::AwaitingGrace
            | Self::Unknown => ResolvedBy::Time,
            Self::Suspended
            | Self::PlanOnly
            | Self::InvalidSpec
            | Self::Conflict
            | Self::SecretInvalid
            | Self::AuthenticationFailed
            | Self::TlsFailed
            | Self::PoolerDetected
            | Self::ReadOnlyReplica
            | Self::ReadOnly
            | Self::UnsupportedServer
            | Self::InsufficientPrivilege
            | Self::TableNotFound
            | Self::NotPartitioned
            | Self::NotConvertible
            | Self::NotAcknowledged
            | Self::PartitionKeyMismatch
            | Self::UnsupportedKeyType
            | Self::UnknownTimeZone
            | Self::ColumnNotFound
            | Self::StepFailed
            | Self::InternalError
            | Self::PartitionsMissing
            | Self::DefaultPartitionHoldsRows
            | Self::DefaultPartitionInUse
            | Self::HashPartitionsMismatch
            | Self::AwaitingApproval
            | Self::ClocksDiffer
            | Self::PartitionReferenced
            | Self::HasDependents
            | Self::PartitionsPastRetention
            | Self::IndexesMissing
            | Self::IndexInvalid
            | Self::IndexNameTaken => ResolvedBy::User,
        }
    }
}
