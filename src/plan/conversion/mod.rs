//! Conversion of a plain table to a partitioned table.
//!
//! The preflight reports all findings in one run, before the operator creates anything: `docs/reference/preflight.md` lists
//! them. Then the rules for the [`Phase`] of the conversion plan the next steps. The rules for
//! partitioned tables maintain the copy like any other table.

mod attach;
mod begin;
mod compare;
mod copy;
mod end;
mod follow;
mod key;
mod leaves;
mod loss;
mod note;
mod phase;
mod preflight;
mod refusal;
mod retire;
mod route;
mod simulate;
mod subject;
mod swap;
mod text;

pub use compare::rows_to_verify;
pub use loss::{FoundLoss, LossAt};
pub use note::ConversionNote;
pub use preflight::{Finding, preflight};
pub use refusal::{KeyFault, OldestRowFault, PublicationFault, Refusal};

pub(super) use attach::attach;
pub(super) use begin::create_copy;
pub(super) use compare::compare_rows;
pub(super) use copy::{analyze, copy_rows, install_sync};
pub(super) use end::end;
pub(super) use follow::follow_source;
pub(super) use phase::{Attached, Attaching, Copied, Phase, PlanTarget, phase};
pub(super) use retire::retire_source;
pub(super) use route::route;
pub(super) use simulate::{
    analyzed, attached, created, detached, dropped, equivalent_completed, equivalent_created,
    followed, key_built, key_dropped, on_check, retired, swapped, synced, unsynced, validated,
};
pub(super) use swap::swap;
pub(super) use text::some_of;

use super::{Blocker, Note, PlanTime, PlannedNote, Rule};
use crate::desired::DesiredTable;
use crate::observed::ObservedTable;

/// Returns the blockers of the beginning of a conversion: every refusal of the preflight, and every unacknowledged loss at
/// the cutover.
pub(super) fn blockers(
    desired: &DesiredTable,
    observed: &ObservedTable,
    time: &PlanTime,
) -> Vec<Blocker> {
    let found = preflight(desired, observed, time).into_iter();
    found.filter_map(Finding::into_blocker).collect()
}

/// Returns the notes of the preflight.
pub(super) fn notes(
    desired: &DesiredTable,
    observed: &ObservedTable,
    time: &PlanTime,
) -> Vec<PlannedNote> {
    let found = preflight(desired, observed, time).into_iter();
    let notes = found.filter_map(Finding::into_note).map(Note::Conversion);
    notes.map(|note| PlannedNote { rule: Rule::Preflight, note }).collect()
}
