//! A stable digest of a plan, for reviewing first and applying then.

use super::{Deferral, PlannedStep};
use crate::observed::ObservedTable;
use crate::partition::digest;
use crate::plan::Blocker;

/// Covers the steps, what is held back, and the object identifiers they rest on. Not the clock, and
/// not the number of rows: both change while a person reads.
pub(super) fn fingerprint(
    observed: &ObservedTable,
    steps: &[PlannedStep],
    deferred: &[Deferral],
) -> String {
    let table = observed.relation.as_ref().map(|relation| relation.oid);
    let oids: Vec<_> = observed.partitions.iter().map(|p| (&p.name, p.oid)).collect();
    let steps: Vec<_> = steps.iter().map(|planned| &planned.step).collect();
    let deferred: Vec<_> = deferred.iter().map(without_counts).collect();
    digest(&format!("{:?}", (&observed.name, table, oids, steps, deferred)), 16)
}

fn without_counts(deferral: &Deferral) -> Deferral {
    let mut deferral = deferral.clone();
    if let Blocker::DefaultHoldsRows { rows, .. } = &mut deferral.blocker {
        *rows = 0;
    }
    deferral
}
