//! Interrupted and unrecorded detaches, before any other rule.

use super::expire::dropped_after;
use super::{Blocker, Cause, Context, Draft, Step};
use crate::observed::{DetachedBy, ObservedPartition, PartitionState};
use crate::partition::MarkerState;
use crate::plan::Note;
use crate::plan::step::{FinalizeDetach, MarkAs, RecordDetach};

/// Finalizes pending detaches, no matter which session began them, and records what is detached.
pub(super) fn finish(context: &Context<'_>, draft: &mut Draft) {
    for partition in draft.all(|p| p.state.is_pending_detach()) {
        clear_detach_marker(&partition, context, draft);
        finalize(&partition, context, draft);
    }
    for partition in draft.all(is_unrecorded) {
        if partition.owned {
            draft.record_detach(context, &partition, Cause::Expired);
        } else {
            let blocker = Blocker::not_owner_of(&partition);
            draft.defer(None, blocker);
        }
    }
}

fn is_unrecorded(partition: &ObservedPartition) -> bool {
    matches!(partition.state, PartitionState::Detached { by: DetachedBy::Unrecorded { .. }, .. })
}

/// Takes back what the comment says of an earlier detach: since then a person has attached the partition
/// again, and this detach is theirs. What we detach ourselves is marked otherwise before.
fn clear_detach_marker(partition: &ObservedPartition, context: &Context<'_>, draft: &mut Draft) {
    if partition.owned && matches!(partition.state.marker_state(), Some(MarkerState::Detached(_))) {
        let reattached = std::slice::from_ref(partition);
        draft.mark(context, reattached, MarkAs::Attached, Cause::Interrupted);
    }
}

fn finalize(partition: &ObservedPartition, context: &Context<'_>, draft: &mut Draft) {
    let step = Step::FinalizeDetach(FinalizeDetach {
        table: draft.state.name.clone(),
        partition: partition.name.clone(),
        references: context.references(),
    });
    if !partition.owned {
        let blocker = Blocker::not_owner_of(partition);
        draft.defer(Some(step), blocker);
    } else if partition.state.blocked_by().is_empty() {
        draft.step(step, Cause::Interrupted);
    } else {
        let by = partition.state.blocked_by().to_vec();
        draft.defer(Some(step), Blocker::DetachBlocked { partition: partition.name.clone(), by });
    }
}

impl Draft {
    /// Returns the step that records the detach of a table and its bounds.
    pub(super) fn record_detach(
        &mut self,
        context: &Context<'_>,
        partition: &ObservedPartition,
        cause: Cause,
    ) {
        let (leaves, stays): (Vec<_>, Vec<_>) =
            partition.publications.iter().cloned().partition(|publication| publication.owned);
        if !stays.is_empty() {
            self.note(Note::StillPublished {
                partition: partition.name.clone(),
                publications: stays.into_iter().map(|publication| publication.name).collect(),
            });
        }
        let marked = self.state.partition(&partition.name).unwrap_or(partition);
        let drops = dropped_after(context).is_some()
            && matches!(marked.state.marker_state(), Some(MarkerState::Expired { drops: true }));
        let step = Step::RecordDetach(Box::new(RecordDetach {
            drops,
            parent: Some(context.relation.oid),
            cycle: marked.cycle,
            managed: self.state.managed.clone(),
            partition: partition.name.clone(),
            oid: partition.oid,
            bounds: partition.bounds.clone(),
            inherited: context.relation.inherited_bounds.clone(),
            comment: partition.comment.clone(),
            at: context.time.now,
            publications: leaves.into_iter().map(|publication| publication.name).collect(),
        }));
        self.step(step, cause);
    }
}
