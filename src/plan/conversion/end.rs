//! End of a conversion after `spec.conversion` was removed.

use super::Phase;
use super::attach::leave_source;
use crate::partition::Side;
use crate::plan::draft::Draft;
use crate::plan::preconditions::Context;
use crate::plan::step::{DropCopy, EndSync};
use crate::plan::{Cause, ConversionBlocker, Step};

/// Ends the sync. Before the cutover, also drops the copy after an approval; after the cutover, the source remains as an
/// ordinary table.
pub(in crate::plan) fn end(context: &Context<'_>, draft: &mut Draft) {
    let (Phase::Ended(table), Some(facts)) = (&context.phase, draft.state.copy.clone()) else {
        return;
    };
    let is_served = facts.serving == Side::Partitioned;
    if facts.has_sync() || is_served {
        let step = Step::EndSync(Box::new(EndSync { table: table.clone() }));
        draft.step(step, Cause::ConversionRemoved);
    }
    if is_served {
        return;
    }
    leave_source(table, draft);
    let drop = Step::DropCopy(Box::new(DropCopy {
        table: table.clone(),
        oid: context.relation.oid,
        references: context.references(),
    }));
    if draft.approved {
        draft.step(drop, Cause::ConversionRemoved);
    } else {
        let copy = table.copy.clone();
        draft.defer(Some(drop), ConversionBlocker::DropCopyNeedsApproval { copy }.into());
    }
}
