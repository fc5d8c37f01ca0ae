//! How a plain table becomes a partitioned one. This version knows what has to be true before anything is created:
//! the preflight, which finds everything in one run. `docs/reference/preflight.md` lists what it finds.

mod key;
mod leaves;
mod loss;
mod note;
mod preflight;
mod refusal;
mod subject;
mod text;

pub use loss::{FoundLoss, LossAt};
pub use note::ConversionNote;
pub use preflight::{Finding, preflight};
pub use refusal::{KeyFault, PastFault, PublicationFault, Refusal};

use super::{Blocker, Moment, Note};
use crate::desired::DesiredTable;
use crate::observed::ObservedTable;

/// Returns why the conversion of a table does not begin: every refusal of the preflight, every loss at the cutover
/// that is not acknowledged, and last that this version does not convert tables.
pub(super) fn blockers(
    desired: &DesiredTable,
    observed: &ObservedTable,
    moment: &Moment,
) -> Vec<Blocker> {
    let found = preflight(desired, observed, moment).into_iter();
    found.filter_map(Finding::into_blocker).chain([Blocker::ConversionNotSupported]).collect()
}

/// Returns what else the preflight has to say.
pub(super) fn notes(
    desired: &DesiredTable,
    observed: &ObservedTable,
    moment: &Moment,
) -> Vec<Note> {
    let found = preflight(desired, observed, moment).into_iter();
    found.filter_map(Finding::into_note).map(Note::Conversion).collect()
}
