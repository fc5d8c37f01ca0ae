//! A stable digest of a plan, for reviewing first and applying then.

use super::draft::Draft;
use crate::observed::ObservedTable;
use crate::partition::Canonical;

/// The version of the text that fingerprints are made from. A new version takes back every open approval.
const VERSION: u32 = 1;

/// Hexadecimal digits of a fingerprint.
const DIGITS: usize = 16;

/// It covers the steps, the deferred steps, and the object identifiers that they depend on. It does not cover the
/// clock and the number of rows: both change while a user reads.
pub(super) fn fingerprint(observed: &ObservedTable, draft: &Draft) -> String {
    let mut text = Canonical::new("plan", VERSION);
    let relation = observed.relation.as_ref().map(|relation| relation.oid);
    text.with(&observed.managed).with(&observed.name).with(&relation);
    // Whatever an approval allowed, taking it back begins a new cycle: it never approves the same again.
    let oids = observed.partitions.iter().map(|p| (&p.name, (p.oid, p.expiry_cycle())));
    text.with(&oids.collect::<Vec<_>>());
    text.list(draft.steps.iter()).list(draft.deferred.iter());
    if let Some(planned) = &draft.work {
        text.with(&planned.work);
    }
    text.digest(DIGITS)
}
