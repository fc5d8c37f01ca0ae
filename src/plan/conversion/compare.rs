//! Comparison of both tables.

use jiff::Timestamp;

use super::copy::sync;
use super::{Copied, Phase, phase};
use crate::desired::{DesiredTable, ParityLevel};
use crate::observed::{ObservedTable, SyncState};
use crate::plan::draft::Draft;
use crate::plan::limits::{MAX_DIRTY_SWEEPS, MAX_REPAIRS};
use crate::plan::preconditions::Context;
use crate::plan::work::{CompareRows, Work};
use crate::plan::{Cause, ConversionBlocker, PlanTime};

/// Plans a sweep after the copy is complete, after a sweep with differences, and when `parity.every` is over.
pub(in crate::plan) fn compare_rows(context: &Context<'_>, draft: &mut Draft) {
    let Phase::Copied(copied) = &context.phase else { return };
    let facts = copied.facts;
    if sync(copied) != SyncState::Intact || !facts.is_complete() {
        return;
    }
    let stopped = stopped(copied);
    if let Some((blocker, _)) = stopped.clone().filter(|_| !draft.approved) {
        draft.defer(None, blocker.into());
        return;
    }
    let cause = if stopped.is_some() { Some(Cause::RowsDiffered) } else { reason(copied, draft) };
    let Some(cause) = cause else { return };
    let sweep = facts.sweep().filter(|_| stopped.is_none());
    let work = Work::Compare(CompareRows {
        content: copied.options.parity.check == ParityLevel::Content,
        repairs_left: MAX_REPAIRS - sweep.map_or(0, |sweep| sweep.repaired_rows),
        compared: sweep.map_or(0, |sweep| sweep.rows_source),
        after: stopped.map(|(_, began)| began),
        ..all_rows(copied)
    });
    draft.work(work, cause);
}

/// Returns the blocker if another sweep needs an approval, and the start time of the last sweep.
fn stopped(copied: &Copied<'_>) -> Option<(ConversionBlocker, Timestamp)> {
    let table = copied.table.managed.name().clone();
    match (copied.facts.sweep(), copied.facts.parity()) {
        (Some(sweep), _) if sweep.repaired_rows >= MAX_REPAIRS => {
            let (rows, began) = (sweep.repaired_rows, sweep.started_at);
            Some((ConversionBlocker::TooManyDiffer { table, rows, began }, began))
        }
        (None, Some(parity)) if parity.dirty_in_a_row >= MAX_DIRTY_SWEEPS => {
            let (sweeps, began) = (parity.dirty_in_a_row, parity.started_at);
            Some((ConversionBlocker::ParityFailed { table, sweeps, began }, began))
        }
        _ => None,
    }
}

/// Returns a comparison of all rows without repairs.
fn all_rows(copied: &Copied<'_>) -> CompareRows {
    CompareRows {
        table: copied.table.clone(),
        content: true,
        repairs_left: 0,
        compared: 0,
        estimated: copied.facts.plain.estimated_rows,
        after: None,
    }
}

/// Returns the comparison for `verify`, or `None` if there is no complete copy.
#[must_use]
pub fn rows_to_verify(
    desired: &DesiredTable,
    observed: &ObservedTable,
    time: &PlanTime,
) -> Option<CompareRows> {
    let phase = phase(desired, observed, observed.relation.as_ref()?, time);
    match phase {
        Ok(Phase::Copied(copied)) if copied.facts.is_complete() => Some(all_rows(&copied)),
        Ok(
            Phase::Copied(_)
            | Phase::Partitioned
            | Phase::Begin { .. }
            | Phase::Attaching(_)
            | Phase::Attached(_)
            | Phase::Served { .. }
            | Phase::Ended(_),
        )
        | Err(_) => None,
    }
}

fn reason(copied: &Copied<'_>, draft: &Draft) -> Option<Cause> {
    let facts = copied.facts;
    let Some(parity) = facts.parity() else { return Some(Cause::NotCompared) };
    if !parity.is_clean() {
        return Some(Cause::RowsDiffered);
    }
    if copied.options.parity.check == ParityLevel::Content && !parity.content {
        return Some(Cause::NotCompared);
    }
    let since = |at| draft.state.server.clock.duration_since(at).unsigned_abs();
    let is_due = parity.checked_at.is_none_or(|at| since(at) >= copied.options.parity.every);
    (is_due || facts.sweep().is_some()).then_some(Cause::ComparisonDue)
}
