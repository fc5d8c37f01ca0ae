//! What was let go is brought to its end, before anything else.

use super::{Blocker, Cause, Draft, Moment, Step};
use crate::desired::DesiredTable;
use crate::observed::{Attachment, ObservedPartition};
use crate::partition::Mark;
use crate::plan::Note;
use crate::plan::step::Remember;

/// Finalises detaches that were cut off, whoever began them, and writes down what is detached.
pub(super) fn finish(_: &DesiredTable, _: &Moment, draft: &mut Draft) {
    let pending = draft.all(|p| p.attachment == Attachment::DetachPending);
    for partition in pending {
        finalize(&partition, draft);
    }
    let is_not_written_down =
        |p: &ObservedPartition| p.is_let_go() && p.mark == Some(Mark::Expired);
    for partition in draft.all(is_not_written_down) {
        if partition.owned {
            draft.remember(&partition, Cause::Expired);
        } else {
            let blocker = draft.not_owner_of(&partition);
            draft.defer(None, blocker);
        }
    }
}

fn finalize(partition: &ObservedPartition, draft: &mut Draft) {
    let step = Step::FinalizeDetach {
        table: draft.world.name.clone(),
        partition: partition.name.clone(),
        references: draft.references(),
    };
    if !partition.owned {
        let blocker = draft.not_owner_of(partition);
        draft.defer(Some(step), blocker);
    } else if partition.held_by.is_empty() {
        draft.step(step, Cause::CutOff);
    } else {
        let (partition, by) = (partition.name.clone(), partition.held_by.clone());
        draft.defer(Some(step), Blocker::DetachHeld { partition, by });
    }
}

impl Draft {
    /// The step that writes down of a detached table that it is detached, and what it held.
    pub(super) fn remember(&mut self, partition: &ObservedPartition, because: Cause) {
        let (leaves, stays): (Vec<_>, Vec<_>) =
            partition.publications.iter().cloned().partition(|publication| publication.owned);
        if !stays.is_empty() {
            self.notes.push(Note::StillPublished {
                partition: partition.name.clone(),
                publications: stays.into_iter().map(|publication| publication.name).collect(),
            });
        }
        let step = Step::RememberDetached(Box::new(Remember {
            table: self.world.name.clone(),
            partition: partition.name.clone(),
            bounds: partition.bounds.clone(),
            key: self.range_key(),
            comment: partition.comment.clone(),
            at: self.moment.now,
            publications: leaves.into_iter().map(|publication| publication.name).collect(),
        }));
        self.step(step, because);
    }
}
