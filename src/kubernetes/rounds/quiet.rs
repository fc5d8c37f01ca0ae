//! Tables with nothing to do, which need no reconcile as long as an inspection finds the same.

use std::sync::Arc;

use jiff::Timestamp;

use crate::converge::LookDigest;
use crate::partition::ManagedTable;
use crate::plan::Blocker;
use crate::postgres::ConnectionSettings;
use crate::status::{Observation, Outcome};

/// A table after a reconcile that left nothing to do.
pub(in crate::kubernetes) struct Quiet {
    /// Name of the resource.
    pub(in crate::kubernetes) name: Box<str>,
    /// Version of the resource after the reconcile.
    pub(in crate::kubernetes) version: Option<Box<str>>,
    pub(in crate::kubernetes) table: ManagedTable,
    /// Whether the resource claims the table.
    pub(in crate::kubernetes) claims: bool,
    /// Login of the reconcile.
    pub(in crate::kubernetes) settings: Arc<ConnectionSettings>,
    /// Digest of the inspection.
    pub(in crate::kubernetes) digest: LookDigest,
    /// Time at which the controller reconciles the table because a step is due; `None` if time alone changes nothing.
    pub(in crate::kubernetes) due: Option<Timestamp>,
}

/// Returns the digest of a run that left nothing to do, if only an edit, the time `due`, and what the digest covers can
/// change that. A table in doubt is not quiet.
pub(in crate::kubernetes) fn digest(
    outcome: &Outcome<'_>,
    digest: Option<LookDigest>,
    due: Option<Timestamp>,
) -> Option<LookDigest> {
    let Outcome::Inspected(observation) = outcome else { return None };
    let Observation { desired, observed, remaining, .. } = observation;
    let is_converted = desired.conversion.is_some() || observed.copy.is_some();
    // A grace period ends when the next step is due. What resolves another deferral is not known.
    let ends_when_due =
        |blocker: &Blocker| matches!(blocker, Blocker::InGracePeriod { .. }) && due.is_some();
    let is_quiet = observation.is_ready()
        && remaining.steps.is_empty()
        && remaining.work.is_none()
        && remaining.deferred.iter().all(|deferral| ends_when_due(&deferral.blocker))
        && !is_converted;
    digest.filter(|_| is_quiet)
}
