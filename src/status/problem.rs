//! What keeps a table from being what its spec asks for.

use super::conversion::{serving, stage};
use super::{FailedStep, Failure, Seen};
use crate::api::v1alpha1::ConversionStage;
use crate::api::{Reason, ResolvedBy};
use crate::desired::Mode;
use crate::plan::{
    Blocker, ConversionBlocker, DefaultBlocker, Deferral, Family, FinalizeDetach, IndexBlocker,
    MarkAs, MarkPartitions, Refusal, RouteFault, RoutingFault, Step,
};

/// One thing that keeps a table from being what its spec asks for.
#[derive(Debug, Clone)]
pub(super) struct Obstacle {
    pub(super) reason: Reason,
    pub(super) message: String,
    pub(super) about: About,
}

/// What an obstacle is about, and so which condition tells of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum About {
    /// Whether we may and can work at all.
    Access,
    /// The table as a whole: nothing further is known of it.
    Table,
    Partitions,
    /// What is let go.
    Retention,
    Indexes,
    /// How far the conversion is.
    Conversion,
    /// That there is something left to do.
    Work,
}

/// Everything in the way, the gravest first.
pub(super) fn obstacles(seen: &Seen<'_>) -> Vec<Obstacle> {
    let failed = seen.failed.iter().map(|failed| of_failed_step(failed, seen));
    // What waits for time alone keeps nothing from being true.
    let deferred = seen.remaining.deferred.iter();
    let deferred = deferred.filter(|held| resolved_by(&held.blocker) != ResolvedBy::Time);
    let deferred = deferred.filter(|held| !held.blocker.is_about_plan()).map(of_deferral);
    let mut obstacles: Vec<_> = failed
        .chain(of_failed_work(seen))
        .chain(deferred)
        .chain(of_approval(seen))
        .chain(of_work(seen))
        .collect();
    obstacles.sort_by_key(|obstacle| obstacle.reason.resolved_by());
    obstacles
}

/// The reason that a failed step gives a condition.
pub(super) fn reason_of_failed(failed: &FailedStep<'_>, seen: &Seen<'_>) -> Reason {
    let FailedStep { step, failure } = failed;
    // Whichever statement ran out of time, the detach is pending until it is finalized.
    let is_finalize = |left: &Step| matches!(left, Step::FinalizeDetach(FinalizeDetach { partition, .. }) if *partition == step.subject());
    let is_pending = || seen.remaining.steps.iter().any(|planned| is_finalize(&planned.step));
    if failure.reason == Reason::LockTimeout && matches!(step, Step::Swap(_)) {
        Reason::SwapBlocked
    } else if failure.reason == Reason::LockTimeout && is_pending() {
        Reason::DetachPending
    } else {
        failure.reason
    }
}

fn of_failed_step(failed: &FailedStep<'_>, seen: &Seen<'_>) -> Obstacle {
    let FailedStep { step, failure } = failed;
    let reason = reason_of_failed(failed, seen);
    Obstacle {
        reason,
        message: format!("{} {}: {}", step.verb(), step.subject().shown(), failure.message),
        about: about_step(step),
    }
}

fn of_failed_work(seen: &Seen<'_>) -> Option<Obstacle> {
    let Failure { reason, message } = seen.failed_work.clone()?;
    let verb = seen.remaining.work.as_ref().map_or("copy", |planned| planned.work.verb());
    let message = format!("{verb} {}: {message}", seen.observed.managed.shown());
    Some(Obstacle { reason, message, about: About::Conversion })
}

fn of_deferral(deferral: &Deferral) -> Obstacle {
    let (reason, about) = of_blocker(&deferral.blocker);
    let explanation = deferral.blocker.explain();
    let message = match &deferral.wanted {
        Some(step) => format!("{} {}: {explanation}", step.verb(), step.subject().shown()),
        None => explanation,
    };
    Obstacle { reason, message, about: deferral.wanted.as_ref().map_or(about, about_step) }
}

/// One obstacle for all that waits for approval, since it is approved together.
fn of_approval(seen: &Seen<'_>) -> Option<Obstacle> {
    let held = seen.remaining.deferred.iter().map(|held| &held.blocker);
    let mut blockers: Vec<_> = held.filter(|blocker| blocker.is_about_plan()).collect();
    blockers.dedup();
    let first = blockers.first()?;
    let (reason, about) = of_blocker(first);
    let fingerprint = &seen.remaining.fingerprint;
    let explained: Vec<_> = blockers.iter().map(|blocker| blocker.explain()).collect();
    let message = format!("{}; the fingerprint is {fingerprint}", explained.join("; "));
    Some(Obstacle { reason, message, about })
}

fn of_work(seen: &Seen<'_>) -> Option<Obstacle> {
    let steps = match seen.remaining.steps.len() {
        0 => return of_pages(seen),
        1 => "1 step".to_owned(),
        steps => format!("{steps} steps"),
    };
    Some(match seen.desired.mode {
        Mode::Enforce if is_converting(seen) => Obstacle {
            reason: Reason::Converting,
            message: format!("{steps} to go"),
            about: About::Conversion,
        },
        Mode::Enforce => Obstacle {
            reason: Reason::Progressing,
            message: format!("{steps} to go"),
            about: About::Work,
        },
        Mode::Plan => Obstacle {
            reason: Reason::PlanOnly,
            message: format!("{steps} planned: set spec.mode to Enforce to have them done"),
            about: About::Work,
        },
    })
}

/// Returns whether the table that the spec wants does not serve yet.
fn is_converting(seen: &Seen<'_>) -> bool {
    let is_served = || serving(seen) == seen.desired.conversion.as_ref().map(|c| c.serve_from);
    match stage(seen) {
        None | Some(ConversionStage::Ending) => false,
        Some(ConversionStage::InParity | ConversionStage::Serving) => !is_served(),
        Some(
            ConversionStage::Preparing
            | ConversionStage::Copying
            | ConversionStage::Indexing
            | ConversionStage::Comparing
            | ConversionStage::Prepared,
        ) => true,
    }
}

/// Work that is left, if it has to be done for the table to be as the spec says.
fn of_pages(seen: &Seen<'_>) -> Option<Obstacle> {
    let planned = seen.remaining.work.as_ref().filter(|planned| !planned.is_routine())?;
    let line = planned.work.line();
    let (reason, message) = match seen.desired.mode {
        Mode::Enforce => (Reason::Converting, line),
        Mode::Plan => {
            let set = "set spec.mode to Enforce to have it done";
            (Reason::PlanOnly, format!("planned: {line}: {set}"))
        }
    };
    Some(Obstacle { reason, message, about: About::Conversion })
}

fn about_step(step: &Step) -> About {
    match step.facts().family {
        Family::Partition | Family::Default => About::Partitions,
        // Until an adoption is recorded, the retention does not apply to the partition.
        Family::Record if is_adoption(step) => About::Work,
        Family::Record | Family::Retention => About::Retention,
        Family::Index => About::Indexes,
        Family::Conversion | Family::Routing => About::Conversion,
    }
}

fn is_adoption(step: &Step) -> bool {
    let Step::MarkPartitions(MarkPartitions { mark_as, .. }) = step else { return false };
    matches!(mark_as, MarkAs::Adopted | MarkAs::AdoptionCleared)
}

/// Returns what resolves a blocker.
#[must_use]
pub fn resolved_by(blocker: &Blocker) -> ResolvedBy {
    of_blocker(blocker).0.resolved_by()
}

pub(super) fn of_blocker(blocker: &Blocker) -> (Reason, About) {
    match blocker {
        Blocker::TableNotFound { .. } => (Reason::TableNotFound, About::Table),
        Blocker::NotPartitioned { .. } => (Reason::NotPartitioned, About::Table),
        Blocker::Preflight { refusal } => (of_refusal(refusal), About::Table),
        Blocker::Conversion(blocker) => of_conversion(blocker),
        Blocker::PartitionKeyMismatch { .. } => (Reason::PartitionKeyMismatch, About::Table),
        Blocker::UnsupportedKeyType { .. } => (Reason::UnsupportedKeyType, About::Table),
        Blocker::UnknownTimeZone { .. } => (Reason::UnknownTimeZone, About::Table),
        Blocker::IntervalTooFine { .. } | Blocker::PeriodOutOfRange => {
            (Reason::InvalidSpec, About::Table)
        }
        Blocker::TooManyPeriods { .. } => (Reason::InvalidSpec, About::Partitions),
        Blocker::NotOwner { .. } | Blocker::MissingCreatePrivilege { .. } => {
            (Reason::InsufficientPrivilege, About::Access)
        }
        Blocker::ReadOnlyReplica => (Reason::ReadOnlyReplica, About::Access),
        Blocker::ReadOnly => (Reason::ReadOnly, About::Access),
        Blocker::UnsupportedServer { .. } => (Reason::UnsupportedServer, About::Access),
        Blocker::Default(blocker) => (of_default(blocker), About::Partitions),
        Blocker::HashPartitionsMismatch { .. } => {
            (Reason::HashPartitionsMismatch, About::Partitions)
        }
        Blocker::CannotReattach { .. } | Blocker::UnattachedTable { .. } => {
            (Reason::PartitionsMissing, About::Partitions)
        }
        Blocker::DetachBlocked { .. } | Blocker::AnotherDetachPending { .. } => {
            (Reason::DetachPending, About::Retention)
        }
        Blocker::AwaitingApproval { .. } | Blocker::DropNeedsApproval { .. } => {
            (Reason::AwaitingApproval, About::Retention)
        }
        Blocker::ClockSkew { .. } => (Reason::ClockSkew, About::Retention),
        Blocker::PartitionReferenced { .. } | Blocker::ReferencesUnknown { .. } => {
            (Reason::PartitionReferenced, About::Retention)
        }
        Blocker::LastPartition { .. } | Blocker::DetachedHasPartitions { .. } => {
            (Reason::PartitionsPastRetention, About::Retention)
        }
        Blocker::HasDependents { .. } => (Reason::HasDependents, About::Retention),
        Blocker::InGracePeriod { .. } => (Reason::InGracePeriod, About::Retention),
        Blocker::NotOwnerOfPartition { .. } => (Reason::InsufficientPrivilege, About::Partitions),
        Blocker::Index(blocker) => (of_index(blocker), About::Indexes),
    }
}

fn of_conversion(blocker: &ConversionBlocker) -> (Reason, About) {
    match blocker {
        ConversionBlocker::NoSource { .. } => (Reason::NotConvertible, About::Table),
        ConversionBlocker::ExtentUnknown { .. } | ConversionBlocker::PartitionOverlaps { .. } => {
            (Reason::NotConvertible, About::Conversion)
        }
        ConversionBlocker::CopyOfOther { .. } => (Reason::Conflict, About::Table),
        ConversionBlocker::ColumnsDiffer { .. } | ConversionBlocker::SourceDiffers { .. } => {
            (Reason::ColumnsDiffer, About::Conversion)
        }
        ConversionBlocker::ParityFailed { .. } | ConversionBlocker::TooManyDiffer { .. } => {
            (Reason::ParityFailed, About::Conversion)
        }
        ConversionBlocker::CannotRoute { fault, .. } => (of_routing(fault), About::Conversion),
        ConversionBlocker::RoleNotRoutable { fault, .. } => (of_role(fault), About::Conversion),
        ConversionBlocker::DropCopyNeedsApproval { .. }
        | ConversionBlocker::RollbackNeedsApproval { .. } => {
            (Reason::AwaitingApproval, About::Conversion)
        }
        ConversionBlocker::SwapBlocked { .. } => (Reason::SwapBlocked, About::Conversion),
        ConversionBlocker::RollbackImpossible { .. } => {
            (Reason::RollbackImpossible, About::Conversion)
        }
        ConversionBlocker::SourceInGracePeriod { .. } => (Reason::InGracePeriod, About::Conversion),
        ConversionBlocker::SourceInUse { .. } => (Reason::SourceInUse, About::Conversion),
    }
}

fn of_routing(fault: &RoutingFault) -> Reason {
    match fault {
        RoutingFault::RowSecurity | RoutingFault::NameTaken { .. } => Reason::InvalidSpec,
        RoutingFault::SchemaMissing { .. }
        | RoutingFault::SchemaNotTrusted { .. }
        | RoutingFault::SchemaDenied { .. } => Reason::InsufficientPrivilege,
    }
}

fn of_role(fault: &RouteFault) -> Reason {
    match fault {
        RouteFault::RoleNotFound | RouteFault::NotInPath { .. } => Reason::InvalidSpec,
        RouteFault::NotMember { .. }
        | RouteFault::ColumnsOnly { .. }
        | RouteFault::SchemaNotGranted { .. } => Reason::InsufficientPrivilege,
    }
}

fn of_default(blocker: &DefaultBlocker) -> Reason {
    match blocker {
        DefaultBlocker::DefaultInUse { .. } => Reason::DefaultPartitionInUse,
        DefaultBlocker::DefaultHoldsRows { .. }
        | DefaultBlocker::DefaultRowsUnknown { .. }
        | DefaultBlocker::DefaultNotTable { .. }
        | DefaultBlocker::DefaultReferenced { .. }
        | DefaultBlocker::DefaultRunsCode { .. }
        | DefaultBlocker::DefaultWithoutIdentity { .. }
        | DefaultBlocker::DrainTooLong { .. } => Reason::DefaultPartitionHoldsRows,
    }
}

fn of_index(blocker: &IndexBlocker) -> Reason {
    match blocker {
        IndexBlocker::ColumnNotFound { .. } | IndexBlocker::ConditionUnclear { .. } => {
            Reason::ColumnNotFound
        }
        IndexBlocker::IndexNameTaken { .. } => Reason::IndexNameTaken,
        IndexBlocker::IndexBuilding { .. } => Reason::IndexBuilding,
        IndexBlocker::IndexSupportsConstraint { .. }
        | IndexBlocker::CannotBuildConcurrently { .. } => Reason::IndexesMissing,
    }
}

fn of_refusal(refusal: &Refusal) -> Reason {
    match refusal {
        Refusal::NotAcknowledged { .. } => Reason::NotAcknowledged,
        Refusal::PartitionColumnMissing { .. } => Reason::ColumnNotFound,
        Refusal::ReferencesNotGranted { .. } | Refusal::TemporaryNotGranted { .. } => {
            Reason::InsufficientPrivilege
        }
        Refusal::NotConvertible { .. }
        | Refusal::NoRowKey { .. }
        | Refusal::KeyNotUsable { .. }
        | Refusal::KeyNullable { .. }
        | Refusal::KeyGenerated { .. }
        | Refusal::KeyTypeNotHashable { .. }
        | Refusal::OldestRowUnknown { .. }
        | Refusal::RangeTooLong { .. }
        | Refusal::CollationChanged { .. }
        | Refusal::CheckNotInherited { .. }
        | Refusal::CheckNotValid { .. }
        | Refusal::WholeRow { .. }
        | Refusal::ForeignKeyNotValid { .. }
        | Refusal::InboundForeignKey { .. }
        | Refusal::KeyInUse { .. }
        | Refusal::TriggerNotPossible { .. }
        | Refusal::HasRules { .. }
        | Refusal::ForcedRowSecurity { .. }
        | Refusal::PublishedByPartition { .. }
        | Refusal::SubscriptionTarget { .. }
        | Refusal::NameTaken { .. }
        | Refusal::SwapTooLong { .. } => Reason::NotConvertible,
    }
}
