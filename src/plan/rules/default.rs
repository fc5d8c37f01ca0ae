//! Whether there is a default partition.

use super::{Blocker, Cause, Context, Draft, Note, Step};
use crate::desired::DefaultPartition;
use crate::observed::{ObservedPartition, PartitionKind};
use crate::partition::{Bounds, default_name};
use crate::plan::Coverage;
use crate::plan::preconditions::Range;
use crate::plan::step::DropDefault;

/// Makes a default partition that is wanted.
pub(super) fn provide(context: &Context<'_>, draft: &mut Draft) {
    if range_with_policy(context, DefaultPartition::Present).is_none() || found(draft).is_some() {
        return;
    }
    let name = default_name(&draft.state.managed);
    let cause = Cause::DefaultPresent;
    if let Some(blocker) = draft.unattached_table(&Bounds::Default, &name) {
        let partition = draft.state.managed.sibling(name);
        draft.defer(Some(draft.attach(context, partition, Bounds::Default, None)), blocker);
        return;
    }
    let partition = draft.create_partition(context, Bounds::Default, &name, |_| false, cause);
    let attach = draft.attach(context, partition, Bounds::Default, None);
    draft.step(attach, cause);
}

/// Drops a default partition if the spec says `Absent`: only a managed, empty one, and only if the current period
/// has a partition of its own.
pub(super) fn remove(context: &Context<'_>, draft: &mut Draft) {
    let Some(range) = range_with_policy(context, DefaultPartition::Absent) else { return };
    let Some(default) = found(draft) else { return };
    let coverage = Coverage::new(&range.calendar, &draft.state);
    let is_needed =
        coverage.is_none_or(|coverage| coverage.until <= range.calendar.write_horizon());
    if !is_needed && can_be_removed(&default, context, draft) {
        let step = Step::DropDefault(DropDefault {
            table: draft.state.name.clone(),
            default: default.name.clone(),
            references: context.references(),
        });
        match Blocker::from_dependents(default.name.clone(), &default.dependents) {
            None => draft.step(step, Cause::DefaultAbsent),
            Some(blocker) => draft.defer(Some(step), blocker),
        }
    } else {
        draft.note(Note::DefaultKept { default: default.name.clone() });
    }
}

fn can_be_removed(default: &ObservedPartition, context: &Context<'_>, draft: &Draft) -> bool {
    let is_empty = default.bytes == 0 || draft.state.default_count == Some(0);
    let is_referenced =
        !context.relation.referenced_by.is_empty() || !default.referenced_by.is_empty();
    let is_removable = default.state.is_managed() && default.owned;
    is_removable && is_empty && !is_referenced && default.kind == PartitionKind::Table
}

/// The range, where this is what it wants of a default partition.
fn range_with_policy<'a>(
    context: &'a Context<'_>,
    policy: DefaultPartition,
) -> Option<&'a Range<'a>> {
    context.range().filter(|range| range.spec.default_partition == policy)
}

fn found(draft: &Draft) -> Option<ObservedPartition> {
    draft.all(|p| p.state.is_partition() && p.bounds == Bounds::Default).pop()
}
