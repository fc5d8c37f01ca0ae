//! Whether there is a default partition.

use super::{Cause, Draft, Moment, Note, Step};
use crate::desired::{DefaultPartition, DesiredTable, Partitioning};
use crate::observed::{ObservedPartition, Origin, PartitionKind};
use crate::partition::{Bounds, fit};
use crate::plan::refute::range_key;
use crate::plan::window::Window;

/// Makes a default partition that is wanted, and removes one of ours that is not.
pub(super) fn ensure(desired: &DesiredTable, moment: &Moment, draft: &mut Draft) {
    let Partitioning::Range(range) = &desired.partitioning else { return };
    let default =
        draft.world.partitions.iter().find(|p| p.hangs_on() && p.bounds == Bounds::Default);
    match (range.default_partition, default.cloned()) {
        (DefaultPartition::Present, None) => make(desired, draft),
        (DefaultPartition::Absent, Some(default)) => {
            let window = range_key(&draft.world)
                .and_then(|key| Window::new(range, key, &draft.world, moment))
                .expect("refuted otherwise");
            remove(&default, &window, draft);
        }
        (DefaultPartition::Present, Some(_)) | (DefaultPartition::Absent, None) => {}
    }
}

fn make(desired: &DesiredTable, draft: &mut Draft) {
    let name = fit(draft.world.name.name.as_str(), "_default");
    let cause = Cause::DefaultWanted;
    let partition = draft.make(desired, Bounds::Default, &name, |_| false, cause);
    let attach = draft.attach(partition, Bounds::Default, None);
    draft.step(attach, cause);
}

fn remove(default: &ObservedPartition, window: &Window, draft: &mut Draft) {
    // Rows of now would have no place without it.
    let is_needed = window.coverage.is_none_or(|coverage| coverage.until <= window.soon());
    let is_empty = default.bytes == 0 || draft.world.default_count == Some(0);
    let is_referenced = !draft.referenced_by().is_empty() || !default.referenced_by.is_empty();
    let is_ours = default.origin == Origin::Ours && default.owned;
    if is_ours && is_empty && !is_needed && !is_referenced && default.kind == PartitionKind::Table {
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
