//! Finish or clear away what an earlier run left.

use super::{Blocker, Cause, Context, Draft, Step};
use crate::observed::{ObservedPartition, PartitionState};
use crate::plan::draft::is_usable;
use crate::plan::step::DiscardPartition;

/// Discards tables that were made to become partitions and cannot be attached as they are.
pub(super) fn discard_unusable(_: &Context<'_>, draft: &mut Draft) {
    discard(draft, |partition, draft| !is_usable(partition, draft));
}

/// Discards tables that were made to become partitions and that no rule has wanted.
pub(super) fn discard_unwanted(_: &Context<'_>, draft: &mut Draft) {
    discard(draft, |_, _| true);
}

fn discard(draft: &mut Draft, is_leftover: impl Fn(&ObservedPartition, &Draft) -> bool) {
    let leftovers =
        draft.all(|p| p.state == PartitionState::NeverAttached && is_leftover(p, draft));
    for partition in leftovers {
        let step = Step::DiscardPartition(DiscardPartition { partition: partition.name.clone() });
        let dependents = Blocker::from_dependents(partition.name.clone(), &partition.dependents);
        let not_owner = (!partition.owned).then(|| Blocker::not_owner_of(&partition));
        match not_owner.or(dependents) {
            None => draft.step(step, Cause::Leftover),
            Some(blocker) => draft.defer(Some(step), blocker),
        }
    }
}
