//! A stable digest of a plan, for reviewing first and applying then.

use jiff::Timestamp;

use super::step::MarkPartitions;
use super::{Deferral, PlannedStep, Step};
use crate::observed::ObservedTable;
use crate::partition::{Detached, Mark, Marker, digest};
use crate::plan::Blocker;

/// Covers the steps, what is held back, and the object identifiers they rest on. Not the clock, and
/// not the number of rows: both change while a person reads.
pub(super) fn fingerprint(
    observed: &ObservedTable,
    steps: &[PlannedStep],
    deferred: &[Deferral],
) -> String {
    let table = observed.relation.as_ref().map(|relation| relation.oid);
    // Whatever an approval allowed, taking it back begins a new cycle: it never approves the same again.
    let oids: Vec<_> =
        observed.partitions.iter().map(|p| (&p.name, p.oid, p.expiry_cycle())).collect();
    let steps: Vec<_> = steps.iter().map(|planned| lasting(&planned.step)).collect();
    let deferred: Vec<_> = deferred.iter().map(lasting_deferral).collect();
    digest(&format!("{:?}", (&observed.name, table, oids, steps, deferred)), 16)
}

/// A step without what changes while nothing happens: the clock, and counts of rows and bytes.
fn lasting(step: &Step) -> Step {
    let mut step = step.clone();
    match &mut step {
        Step::DrainDefault(drain) => drain.rows = 0,
        Step::DetachPartition(detach) => (detach.rows, detach.bytes) = (None, 0),
        Step::RememberDetached(remember) => remember.at = Timestamp::UNIX_EPOCH,
        Step::DropDetached(drop) => {
            (drop.rows, drop.bytes) = (None, 0);
            drop.marker = undated(drop.marker);
        }
        Step::MarkPartitions(MarkPartitions { partitions, .. }) => {
            for marked in partitions {
                marked.marker = undated(marked.marker);
            }
        }
        Step::CreatePartition(_)
        | Step::AttachPartition(_)
        | Step::DiscardPartition(_)
        | Step::ExcludeFromDefault(_)
        | Step::ValidateExclusion(_)
        | Step::DropExclusion(_)
        | Step::RemoveDefault(_)
        | Step::FinalizeDetach(_)
        | Step::StateBounds(_)
        | Step::ValidateBounds(_)
        | Step::CreateTableIndex(_)
        | Step::BuildIndex(_)
        | Step::AttachIndex(_)
        | Step::DropIndex(_)
        | Step::DropTableIndex(_)
        | Step::ReplaceTableIndex(_) => {}
    }
    step
}

/// A marker with its instants removed: a plan is the same at another time.
fn undated(marker: Marker) -> Marker {
    let instant = Timestamp::UNIX_EPOCH;
    let mark = match marker.mark {
        Mark::Detached(Detached { drops_since, .. }) => {
            Mark::Detached(Detached { at: instant, drops_since: drops_since.map(|_| instant) })
        }
        Mark::ToBeAttached | Mark::Attached | Mark::Expired { .. } => marker.mark,
    };
    Marker { mark, ..marker }
}

fn lasting_deferral(deferral: &Deferral) -> Deferral {
    let mut blocker = deferral.blocker.clone();
    match &mut blocker {
        Blocker::DefaultHoldsRows { rows, .. } => *rows = 0,
        Blocker::DefaultTooLarge { rows, millis, .. } => (*rows, *millis) = (0, 0),
        Blocker::DetachHeld { by, .. } => by.clear(),
        Blocker::ClocksDiffer { seconds } => *seconds = 0,
        Blocker::ReferencesNotChecked { error, .. } => *error = None,
        Blocker::InGrace { until } => *until = Timestamp::UNIX_EPOCH,
        // Shown on a laptop, and not in a cluster where it came from a Secret.
        Blocker::NotOwner { role, .. } | Blocker::NotOwnerOfPartition { role, .. } => *role = None,
        Blocker::MayNotCreate { owner, .. } => *owner = None,
        Blocker::NoSuchTable { .. }
        | Blocker::NotPartitioned { .. }
        | Blocker::OtherKey { .. }
        | Blocker::UnsupportedKeyType { .. }
        | Blocker::IntervalTooFine { .. }
        | Blocker::UnknownTimeZone { .. }
        | Blocker::BeyondCalendar
        | Blocker::TooManyPeriods { .. }
        | Blocker::InRecovery
        | Blocker::ReadOnly
        | Blocker::ServerTooOld { .. }
        | Blocker::DefaultNotCounted { .. }
        | Blocker::DefaultInUse { .. }
        | Blocker::OtherModulus { .. }
        | Blocker::DefaultNoTable { .. }
        | Blocker::DefaultReferenced { .. }
        | Blocker::DefaultRunsCode { .. }
        | Blocker::DefaultWithoutIdentity { .. }
        | Blocker::AnotherDetachPending { .. }
        | Blocker::NeedsApproval { .. }
        | Blocker::DropNeedsApproval { .. }
        | Blocker::Referenced { .. }
        | Blocker::LastPartition { .. }
        | Blocker::HasPartitions { .. }
        | Blocker::HasDependents { .. }
        | Blocker::CannotReattach { .. }
        | Blocker::UnattachedTable { .. }
        | Blocker::NoSuchColumn { .. }
        | Blocker::ConditionUnclear { .. }
        | Blocker::IndexNameTaken { .. }
        | Blocker::IndexServesConstraint { .. }
        | Blocker::IndexBeingBuilt { .. }
        | Blocker::NoConcurrentBuild { .. } => {}
    }
    Deferral { wanted: deferral.wanted.as_ref().map(lasting), blocker }
}
