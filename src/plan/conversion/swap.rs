//! Cutover and rollback, which exchange the names of the two tables of a conversion.

use super::copy::sync;
use super::follow::unfollowed_changes;
use super::loss::{LossAt, unacknowledged};
use super::{Copied, Phase};
use crate::desired::Loss;
use crate::observed::{CopyDifferences, Sweep, SyncState};
use crate::partition::{QualifiedName, Side};
use crate::plan::draft::Draft;
use crate::plan::preconditions::Context;
use crate::plan::step::Swap;
use crate::plan::work::PlannedWork;
use crate::plan::{Blocker, Cause, ConversionBlocker, Step};

/// Plans the swap if another table must serve, and reports its blockers.
pub(in crate::plan) fn swap(context: &Context<'_>, draft: &mut Draft) {
    match &context.phase {
        Phase::Copied(copied) if copied.serve_from != copied.facts.serving => {
            plan_swap(copied, context.relation.oid, draft);
        }
        Phase::Served { source, cause } => {
            let cause = cause.iter().map(Blocker::explain).collect();
            let source = source.clone();
            draft.defer(None, ConversionBlocker::RollbackImpossible { source, cause }.into());
        }
        Phase::Partitioned
        | Phase::Begin { .. }
        | Phase::Copied(_)
        | Phase::Attaching(_)
        | Phase::Attached(_)
        | Phase::Ended(_) => {}
    }
}

fn plan_swap(copied: &Copied<'_>, copy: u32, draft: &mut Draft) {
    let (is_due, cause) = match copied.serve_from {
        Side::Partitioned => (is_complete(copied, draft), Cause::CutoverWanted),
        // Before the swap, rows that a trigger may have missed are compared, and the source follows changes.
        Side::Source => {
            let is_due = sync(copied) == SyncState::Intact && !follows(draft);
            (is_due, Cause::RollbackWanted)
        }
    };
    if !is_due {
        return;
    }
    let step = Step::Swap(Box::new(new_swap(copied, copy)));
    let blockers = match copied.serve_from {
        Side::Partitioned => before_cutover(copied),
        Side::Source => before_rollback(copied, draft.approved),
    };
    if blockers.is_empty() {
        // A comparison is not planned together with the swap, which changes the names of the tables.
        draft.work = None;
        return draft.step(step, cause);
    }
    for blocker in blockers {
        draft.defer(Some(step.clone()), blocker);
    }
}

fn new_swap(copied: &Copied<'_>, copy: u32) -> Swap {
    let facts = copied.facts;
    let stays = |view: &QualifiedName| {
        copied.losses.iter().any(|found| found.loss == Loss::View(view.clone()))
    };
    let views = match facts.serving {
        Side::Source => facts.plain.views.iter().map(|view| view.name.clone()).collect(),
        Side::Partitioned => facts.views.clone(),
    };
    Swap {
        table: copied.table.clone(),
        source: facts.source,
        copy,
        level: copied.options.sync,
        views: Vec::into_iter(views).filter(|view| !stays(view)).collect(),
    }
}

/// Returns whether the copy is complete and no other step is planned, such as one for a missing partition or index.
fn is_complete(copied: &Copied<'_>, draft: &Draft) -> bool {
    let facts = copied.facts;
    let is_compared = draft.work.as_ref().is_none_or(PlannedWork::is_routine);
    is_compared
        && draft.steps.is_empty()
        && sync(copied) == SyncState::Intact
        && facts.parity().is_some_and(Sweep::is_clean)
        && facts.differences().is_some_and(CopyDifferences::is_none)
        && facts.analyzed
        && draft.state.indexes.iter().all(|index| index.valid)
}

/// Returns the blockers of the cutover: unacknowledged losses, and objects added to the table since the conversion began.
fn before_cutover(copied: &Copied<'_>) -> Vec<Blocker> {
    let lost = unacknowledged(&copied.losses, LossAt::Cutover);
    let refused = copied.refused.iter().cloned().chain(lost);
    let refused = refused.map(|refusal| Blocker::Preflight { refusal });
    refused.chain(old_snapshots(copied)).collect()
}

/// Returns whether a step of the plan applies changes to the passive table.
fn follows(draft: &Draft) -> bool {
    let follows = |step: &Step| matches!(step, Step::FollowSource(_) | Step::ValidateCopy(_));
    draft.steps.iter().any(|planned| follows(&planned.step))
}

fn before_rollback(copied: &Copied<'_>, is_approved: bool) -> Vec<Blocker> {
    let source = || copied.table.source.clone();
    let cause = copied.facts.differences().map(|differences| {
        let not_valid = differences.not_valid.iter();
        let not_valid =
            not_valid.map(|name| format!("constraint {} is not validated", name.display()));
        unfollowed_changes(differences).into_iter().chain(not_valid).collect::<Vec<_>>()
    });
    let cause = cause.unwrap_or_default();
    let differs = (!cause.is_empty())
        .then(|| ConversionBlocker::RollbackImpossible { source: source(), cause });
    let parity = copied.facts.parity();
    let is_proven = is_approved || parity.is_some_and(Sweep::is_clean);
    let not_proven = (!is_proven).then(|| ConversionBlocker::RollbackNeedsApproval {
        source: source(),
        rows: parity.map(|sweep| sweep.difference_rows),
    });
    let blockers = differs.into_iter().chain(not_proven).map(Blocker::from);
    blockers.chain(old_snapshots(copied)).collect()
}

fn old_snapshots(copied: &Copied<'_>) -> Option<Blocker> {
    let by = copied.facts.older.clone();
    (!by.is_empty()).then(|| ConversionBlocker::SwapBlocked { by }.into())
}
