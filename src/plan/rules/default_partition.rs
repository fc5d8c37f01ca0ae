//! Whether there is a default partition.

use super::{Cause, Draft, Moment, Note, Step};
use crate::desired::{DefaultPartition, DesiredTable, Partitioning};
use crate::observed::{ObservedPartition, Origin, PartitionKind};
use crate::partition::{Bounds, fit};

/// Makes a default partition that is wanted.
pub(super) fn provide(desired: &DesiredTable, _: &Moment, draft: &mut Draft) {
    if policy(desired) != Some(DefaultPartition::Present) || found(draft).is_some() {
        return;
    }
    let name = fit(draft.world.name.name.as_str(), "_default");
    let cause = Cause::DefaultWanted;
    let partition = draft.make(desired, Bounds::Default, &name, |_| false, cause);
    let attach = draft.attach(partition, Bounds::Default, None);
    draft.step(attach, cause);
}

/// Removes a default partition that is not wanted: one of ours, and empty.
pub(super) fn remove(desired: &DesiredTable, _: &Moment, draft: &mut Draft) {
    let unwanted = policy(desired) == Some(DefaultPartition::Absent);
    let Some(default) = found(draft).filter(|_| unwanted) else { return };
    let is_empty = default.bytes == 0 || draft.world.default_count == Some(0);
    let is_referenced = !draft.referenced_by().is_empty() || !default.referenced_by.is_empty();
    let is_ours = default.origin == Origin::Ours && default.owned;
    if is_ours && is_empty && !is_referenced && default.kind == PartitionKind::Table {
        let step = Step::RemoveDefault {
            table: draft.world.name.clone(),
            default: default.name.clone(),
            references: draft.references(),
        };
        draft.step(step, Cause::DefaultUnwanted);
    } else {
        draft.notes.push(Note::DefaultStays { default: default.name.clone() });
    }
}

fn policy(desired: &DesiredTable) -> Option<DefaultPartition> {
    match &desired.partitioning {
        Partitioning::Range(range) => Some(range.default_partition),
        Partitioning::Hash(_) => None,
    }
}

fn found(draft: &Draft) -> Option<ObservedPartition> {
    draft.all(|p| p.hangs_on() && p.bounds == Bounds::Default).pop()
}
