//! Whether there is a default partition.

use super::{Blocker, Cause, Draft, Ground, Note, Step};
use crate::desired::DefaultPartition;
use crate::observed::{ObservedPartition, PartitionKind};
use crate::partition::{Bounds, default_name};
use crate::plan::Coverage;
use crate::plan::preconditions::Range;
use crate::plan::step::DropDefault;

/// Makes a default partition that is wanted.
pub(super) fn provide(ground: &Ground<'_>, draft: &mut Draft) {
    if range_with_policy(ground, DefaultPartition::Present).is_none() || found(draft).is_some() {
        return;
    }
    let name = default_name(&draft.world.managed);
    let cause = Cause::DefaultPresent;
    if let Some(blocker) = draft.unattached_table(&Bounds::Default, &name) {
        let partition = draft.world.managed.sibling(name);
        draft.defer(Some(draft.attach(ground, partition, Bounds::Default, None)), blocker);
        return;
    }
    let partition = draft.make(ground, Bounds::Default, &name, |_| false, cause);
    let attach = draft.attach(ground, partition, Bounds::Default, None);
    draft.step(attach, cause);
}

/// Drops a default partition if the spec says `Absent`: only a managed, empty one, and only if the current period
/// has a partition of its own.
pub(super) fn remove(ground: &Ground<'_>, draft: &mut Draft) {
    let Some(range) = range_with_policy(ground, DefaultPartition::Absent) else { return };
    let Some(default) = found(draft) else { return };
    let coverage = Coverage::new(&range.calendar, &draft.world);
    let is_needed = coverage.is_none_or(|coverage| coverage.until <= range.calendar.soon());
    if !is_needed && can_be_removed(&default, ground, draft) {
        let step = Step::DropDefault(DropDefault {
            table: draft.world.name.clone(),
            default: default.name.clone(),
            references: ground.references(),
        });
        match Blocker::from_dependents(default.name.clone(), &default.dependents) {
            None => draft.step(step, Cause::DefaultAbsent),
            Some(blocker) => draft.defer(Some(step), blocker),
        }
    } else {
        draft.notes.push(Note::DefaultKept { default: default.name.clone() });
    }
}

fn can_be_removed(default: &ObservedPartition, ground: &Ground<'_>, draft: &Draft) -> bool {
    let is_empty = default.bytes == 0 || draft.world.default_count == Some(0);
    let is_referenced =
        !ground.relation.referenced_by.is_empty() || !default.referenced_by.is_empty();
    let is_ours = default.state.is_managed() && default.owned;
    is_ours && is_empty && !is_referenced && default.kind == PartitionKind::Table
}

/// The range, where this is what it wants of a default partition.
fn range_with_policy<'a>(
    ground: &'a Ground<'_>,
    policy: DefaultPartition,
) -> Option<&'a Range<'a>> {
    ground.range().filter(|range| range.spec.default_partition == policy)
}

fn found(draft: &Draft) -> Option<ObservedPartition> {
    draft.all(|p| p.state.is_partition() && p.bounds == Bounds::Default).pop()
}
