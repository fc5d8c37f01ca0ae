//! Whether there is a default partition.

use super::{Blocker, Cause, Draft, Moment, Note, Step};
use crate::desired::{DefaultPartition, DesiredRange, DesiredTable, Partitioning};
use crate::observed::{ObservedPartition, Origin, PartitionKind};
use crate::partition::{Bounds, fit};
use crate::plan::refute::range_key;
use crate::plan::window::Window;

/// Makes a default partition that is wanted.
pub(super) fn provide(desired: &DesiredTable, _: &Moment, draft: &mut Draft) {
    if whose(desired, DefaultPartition::Present).is_none() || found(draft).is_some() {
        return;
    }
    let name = fit(draft.world.name.name.as_str(), "_default");
    let cause = Cause::DefaultWanted;
    let partition = draft.make(desired, Bounds::Default, &name, |_| false, cause);
    let attach = draft.attach(partition, Bounds::Default, None);
    draft.step(attach, cause);
}

/// Removes a default partition that is not wanted: one of ours, empty, and not all that rows of now have.
pub(super) fn remove(desired: &DesiredTable, moment: &Moment, draft: &mut Draft) {
    let Some(range) = whose(desired, DefaultPartition::Absent) else { return };
    let Some(default) = found(draft) else { return };
    let window =
        range_key(&draft.world).and_then(|key| Window::new(range, key, &draft.world, moment));
    let Some(window) = window else { return };
    let is_needed = window.coverage.is_none_or(|coverage| coverage.until <= window.soon());
    if !is_needed && can_be_removed(&default, draft) {
        let step = Step::RemoveDefault {
            table: draft.world.name.clone(),
            default: default.name.clone(),
            references: draft.references(),
        };
        match Blocker::of_dependents(default.name.clone(), &default.dependents) {
            None => draft.step(step, Cause::DefaultUnwanted),
            Some(blocker) => draft.defer(Some(step), blocker),
        }
    } else {
        draft.notes.push(Note::DefaultStays { default: default.name.clone() });
    }
}

fn can_be_removed(default: &ObservedPartition, draft: &Draft) -> bool {
    let is_empty = default.bytes == 0 || draft.world.default_count == Some(0);
    let is_referenced = !draft.referenced_by().is_empty() || !default.referenced_by.is_empty();
    let is_ours = default.origin == Origin::Ours && default.owned;
    is_ours && is_empty && !is_referenced && default.kind == PartitionKind::Table
}

/// The range, where this is what it wants of a default partition.
fn whose(desired: &DesiredTable, policy: DefaultPartition) -> Option<&DesiredRange> {
    match &desired.partitioning {
        Partitioning::Range(range) if range.default_partition == policy => Some(range),
        Partitioning::Range(_) | Partitioning::Hash(_) => None,
    }
}

fn found(draft: &Draft) -> Option<ObservedPartition> {
    draft.all(|p| p.hangs_on() && p.bounds == Bounds::Default).pop()
}
