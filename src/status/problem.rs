//! Problems that prevent a table from matching its spec.

use super::conversion::{serving, stage};
use super::{FailedStep, Failure, Observation};
use crate::api::v1alpha1::ConversionStage;
use crate::api::{Reason, ResolvedBy};
use crate::desired::Mode;
use crate::plan::{
    Blocker, ConversionBlocker, DefaultBlocker, Deferral, Family, FinalizeDetach, IndexBlocker,
    MarkAs, MarkPartitions, Refusal, RouteFault, RoutingFault, Step,
};

/// A problem that prevents a table from matching its spec.
#[derive(Debug, Clone)]
pub(super) struct Problem {
    pub(super) reason: Reason,
    pub(super) message: String,
    pub(super) area: Area,
}

/// Area of a problem, which determines the condition that reports it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Area {
    /// The database cannot be used, or a privilege is missing.
    Access,
    /// The table as a whole: no further property can be checked.
    Table,
    Partitions,
    /// Detaches and drops of partitions.
    Retention,
    Indexes,
    /// Progress of the conversion.
    Conversion,
    /// Remaining steps.
    Work,
}

/// Returns all problems, the most severe first.
pub(super) fn problems(observation: &Observation<'_>) -> Vec<Problem> {
    let failed = observation.failed.iter().map(|failed| from_failed_step(failed, observation));
    // A blocker that time alone resolves is not a problem.
    let deferred = observation.remaining.deferred.iter();
    let deferred = deferred.filter(|deferral| resolved_by(&deferral.blocker) != ResolvedBy::Time);
    let deferred = deferred.filter(|deferral| !deferral.blocker.is_about_plan()).map(from_deferral);
    let mut problems: Vec<_> = failed
        .chain(from_failed_work(observation))
        .chain(deferred)
        .chain(from_approval(observation))
        .chain(from_steps(observation))
        .collect();
    problems.sort_by_key(|problem| problem.reason.resolved_by());
    problems
}

/// Returns the reason that a failed step gives a condition.
pub(super) fn failed_step_reason(failed: &FailedStep<'_>, observation: &Observation<'_>) -> Reason {
    let FailedStep { step, failure } = failed;
    // The detach is pending until it is finalized, regardless of the statement that timed out.
    let is_finalize = |left: &Step| matches!(left, Step::FinalizeDetach(FinalizeDetach { partition, .. }) if *partition == step.subject());
    let is_pending =
        || observation.remaining.steps.iter().any(|planned| is_finalize(&planned.step));
    if failure.reason == Reason::LockTimeout && matches!(step, Step::Swap(_)) {
        Reason::SwapBlocked
    } else if failure.reason == Reason::LockTimeout && is_pending() {
        Reason::DetachPending
    } else {
        failure.reason
    }
}

fn from_failed_step(failed: &FailedStep<'_>, observation: &Observation<'_>) -> Problem {
    let FailedStep { step, failure } = failed;
    let reason = failed_step_reason(failed, observation);
    Problem {
        reason,
        message: format!("{} {}: {}", step.verb(), step.subject().display(), failure.message),
        area: area_of_step(step),
    }
}

fn from_failed_work(observation: &Observation<'_>) -> Option<Problem> {
    let Failure { reason, message } = observation.failed_work.clone()?;
    let verb = observation.remaining.work.as_ref().map_or("copy", |planned| planned.work.verb());
    let message = format!("{verb} {}: {message}", observation.observed.managed.display());
    Some(Problem { reason, message, area: Area::Conversion })
}

fn from_deferral(deferral: &Deferral) -> Problem {
    let (reason, area) = reason_and_area(&deferral.blocker);
    let explanation = deferral.blocker.explain();
    let message = match &deferral.step {
        Some(step) => format!("{} {}: {explanation}", step.verb(), step.subject().display()),
        None => explanation,
    };
    Problem { reason, message, area: deferral.step.as_ref().map_or(area, area_of_step) }
}

/// Returns one problem for all blockers that await approval, because one approval covers them all.
fn from_approval(observation: &Observation<'_>) -> Option<Problem> {
    let deferral = observation.remaining.deferred.iter().map(|deferral| &deferral.blocker);
    let mut blockers: Vec<_> = deferral.filter(|blocker| blocker.is_about_plan()).collect();
    blockers.dedup();
    let first = blockers.first()?;
    let (reason, area) = reason_and_area(first);
    let fingerprint = &observation.remaining.fingerprint;
    let explained: Vec<_> = blockers.iter().map(|blocker| blocker.explain()).collect();
    let message = format!("{}; the fingerprint is {fingerprint}", explained.join("; "));
    Some(Problem { reason, message, area })
}

fn from_steps(observation: &Observation<'_>) -> Option<Problem> {
    let steps = match observation.remaining.steps.len() {
        0 => return from_work(observation),
        1 => "1 step".to_owned(),
        steps => format!("{steps} steps"),
    };
    Some(match observation.desired.mode {
        Mode::Enforce if is_converting(observation) => Problem {
            reason: Reason::Converting,
            message: format!("{steps} pending: the next run continues"),
            area: Area::Conversion,
        },
        Mode::Enforce => Problem {
            reason: Reason::Progressing,
            message: format!("{steps} pending: the next run continues"),
            area: Area::Work,
        },
        Mode::Plan => Problem {
            reason: Reason::PlanOnly,
            message: format!(
                "{steps} planned: set spec.mode to Enforce to let the operator execute them"
            ),
            area: Area::Work,
        },
    })
}

/// Returns whether the table that the spec asks for does not serve yet.
fn is_converting(observation: &Observation<'_>) -> bool {
    let is_served =
        || serving(observation) == observation.desired.conversion.as_ref().map(|c| c.serve_from);
    match stage(observation) {
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

/// Returns the remaining long-running work, or `None` if the table matches the spec without it.
fn from_work(observation: &Observation<'_>) -> Option<Problem> {
    let planned = observation.remaining.work.as_ref().filter(|planned| !planned.is_routine())?;
    let line = planned.work.line();
    let (reason, message) = match observation.desired.mode {
        Mode::Enforce => (Reason::Converting, line),
        Mode::Plan => {
            let set = "set spec.mode to Enforce to let the operator do it";
            (Reason::PlanOnly, format!("planned: {line}: {set}"))
        }
    };
    Some(Problem { reason, message, area: Area::Conversion })
}

fn area_of_step(step: &Step) -> Area {
    match step.facts().family {
        Family::Partition | Family::Default => Area::Partitions,
        // Until an adoption is recorded, the retention does not apply to the partition.
        Family::Record if is_adoption(step) => Area::Work,
        Family::Record | Family::Retention => Area::Retention,
        Family::Index => Area::Indexes,
        Family::Conversion | Family::Routing => Area::Conversion,
    }
}

fn is_adoption(step: &Step) -> bool {
    let Step::MarkPartitions(MarkPartitions { mark_as, .. }) = step else { return false };
    matches!(mark_as, MarkAs::Adopted | MarkAs::AdoptionCleared)
}

/// Returns what resolves a blocker.
#[must_use]
pub fn resolved_by(blocker: &Blocker) -> ResolvedBy {
    reason_and_area(blocker).0.resolved_by()
}

pub(super) fn reason_and_area(blocker: &Blocker) -> (Reason, Area) {
    match blocker {
        Blocker::TableNotFound { .. } => (Reason::TableNotFound, Area::Table),
        Blocker::NotPartitioned { .. } => (Reason::NotPartitioned, Area::Table),
        Blocker::Preflight { refusal } => (refusal_reason(refusal), Area::Table),
        Blocker::Conversion(blocker) => conversion_reason_and_area(blocker),
        Blocker::PartitionKeyMismatch { .. } => (Reason::PartitionKeyMismatch, Area::Table),
        Blocker::UnsupportedKeyType { .. } => (Reason::UnsupportedKeyType, Area::Table),
        Blocker::UnknownTimeZone { .. } => (Reason::UnknownTimeZone, Area::Table),
        Blocker::IntervalTooFine { .. } | Blocker::PeriodOutOfRange => {
            (Reason::InvalidSpec, Area::Table)
        }
        Blocker::TooManyPeriods { .. } => (Reason::InvalidSpec, Area::Partitions),
        Blocker::NotOwner { .. } | Blocker::MissingCreatePrivilege { .. } => {
            (Reason::InsufficientPrivilege, Area::Access)
        }
        Blocker::ReadOnlyReplica => (Reason::ReadOnlyReplica, Area::Access),
        Blocker::ReadOnly => (Reason::ReadOnly, Area::Access),
        Blocker::UnsupportedServer { .. } => (Reason::UnsupportedServer, Area::Access),
        Blocker::Default(blocker) => (default_reason(blocker), Area::Partitions),
        Blocker::HashPartitionsMismatch { .. } => {
            (Reason::HashPartitionsMismatch, Area::Partitions)
        }
        Blocker::CannotReattach { .. } | Blocker::UnattachedTable { .. } => {
            (Reason::PartitionsMissing, Area::Partitions)
        }
        Blocker::DetachBlocked { .. } | Blocker::AnotherDetachPending { .. } => {
            (Reason::DetachPending, Area::Retention)
        }
        Blocker::AwaitingApproval { .. } | Blocker::DropNeedsApproval { .. } => {
            (Reason::AwaitingApproval, Area::Retention)
        }
        Blocker::ClockSkew { .. } => (Reason::ClockSkew, Area::Retention),
        Blocker::PartitionReferenced { .. } | Blocker::ReferencesUnknown { .. } => {
            (Reason::PartitionReferenced, Area::Retention)
        }
        Blocker::LastPartition { .. } | Blocker::DetachedHasPartitions { .. } => {
            (Reason::PartitionsPastRetention, Area::Retention)
        }
        Blocker::HasDependents { .. } => (Reason::HasDependents, Area::Retention),
        Blocker::InGracePeriod { .. } => (Reason::InGracePeriod, Area::Retention),
        Blocker::NotOwnerOfPartition { .. } => (Reason::InsufficientPrivilege, Area::Partitions),
        Blocker::Index(blocker) => (index_reason(blocker), Area::Indexes),
    }
}

fn conversion_reason_and_area(blocker: &ConversionBlocker) -> (Reason, Area) {
    match blocker {
        ConversionBlocker::NoSource { .. } => (Reason::NotConvertible, Area::Table),
        ConversionBlocker::ExtentUnknown { .. } | ConversionBlocker::PartitionOverlaps { .. } => {
            (Reason::NotConvertible, Area::Conversion)
        }
        ConversionBlocker::CopyOfOther { .. } => (Reason::Conflict, Area::Table),
        ConversionBlocker::ColumnsDiffer { .. } | ConversionBlocker::SourceDiffers { .. } => {
            (Reason::ColumnsDiffer, Area::Conversion)
        }
        ConversionBlocker::ParityFailed { .. } | ConversionBlocker::TooManyDiffer { .. } => {
            (Reason::ParityFailed, Area::Conversion)
        }
        ConversionBlocker::CannotRoute { fault, .. } => (routing_reason(fault), Area::Conversion),
        ConversionBlocker::RoleNotRoutable { fault, .. } => (role_reason(fault), Area::Conversion),
        ConversionBlocker::DropCopyNeedsApproval { .. }
        | ConversionBlocker::RollbackNeedsApproval { .. } => {
            (Reason::AwaitingApproval, Area::Conversion)
        }
        ConversionBlocker::SwapBlocked { .. } => (Reason::SwapBlocked, Area::Conversion),
        ConversionBlocker::RollbackImpossible { .. } => {
            (Reason::RollbackImpossible, Area::Conversion)
        }
        ConversionBlocker::SourceInGracePeriod { .. } => (Reason::InGracePeriod, Area::Conversion),
        ConversionBlocker::SourceInUse { .. } => (Reason::SourceInUse, Area::Conversion),
    }
}

fn routing_reason(fault: &RoutingFault) -> Reason {
    match fault {
        RoutingFault::RowSecurity | RoutingFault::NameTaken { .. } => Reason::InvalidSpec,
        RoutingFault::SchemaMissing { .. }
        | RoutingFault::SchemaNotTrusted { .. }
        | RoutingFault::SchemaDenied { .. } => Reason::InsufficientPrivilege,
    }
}

fn role_reason(fault: &RouteFault) -> Reason {
    match fault {
        RouteFault::RoleNotFound | RouteFault::NotInPath { .. } => Reason::InvalidSpec,
        RouteFault::NotMember { .. }
        | RouteFault::ColumnsOnly { .. }
        | RouteFault::SchemaNotGranted { .. } => Reason::InsufficientPrivilege,
    }
}

fn default_reason(blocker: &DefaultBlocker) -> Reason {
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

fn index_reason(blocker: &IndexBlocker) -> Reason {
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

fn refusal_reason(refusal: &Refusal) -> Reason {
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
