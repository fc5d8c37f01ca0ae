//! Partitions that others made become ours where a person says so.

use super::{Cause, Draft, Moment, Note, Step};
use crate::desired::{AdoptedName, DesiredTable};
use crate::observed::{Attachment, ObservedPartition, Origin, PartitionKind};
use crate::plan::step::{MarkedPartition, Marking};

pub(super) fn adopt(desired: &DesiredTable, _: &Moment, draft: &mut Draft) {
    let mut unknown = desired.unread_adoptions.clone();
    let mut adopted = Vec::new();
    for name in &desired.adopt {
        let found = draft.world.partitions.iter().find(|p| is_named(p, name, draft));
        match found {
            Some(found) if found.origin == Origin::Ours => {}
            Some(found) if can_be_adopted(found) => adopted.push(found.clone()),
            Some(_) | None => unknown.push(shown(name)),
        }
    }
    if !unknown.is_empty() {
        draft.notes.push(Note::UnknownAdoption { names: unknown });
    }
    draft.mark(&adopted, Marking::Adopted, Cause::Asked);
}

fn is_named(partition: &ObservedPartition, name: &AdoptedName, draft: &Draft) -> bool {
    let schema = name.schema.as_ref().unwrap_or(&draft.world.name.schema);
    partition.name.name == name.name && partition.name.schema == *schema
}

/// What can be adopted: a partition whose rows are in this database, and whose comment is ours to set.
fn can_be_adopted(partition: &ObservedPartition) -> bool {
    partition.attachment == Attachment::Attached
        && partition.kind != PartitionKind::Foreign
        && partition.owned
}

fn shown(name: &AdoptedName) -> String {
    let schema = name.schema.as_ref().map(|schema| format!("{}.", schema.shown()));
    schema.unwrap_or_default() + &name.name.shown()
}

impl Draft {
    /// The step that says in the comments of partitions what they are.
    pub(super) fn mark(
        &mut self,
        partitions: &[ObservedPartition],
        marking: Marking,
        because: Cause,
    ) {
        if partitions.is_empty() {
            return;
        }
        let marked = partitions.iter().map(|partition| MarkedPartition {
            name: partition.name.clone(),
            bounds: partition.bounds.clone(),
            comment: partition.comment.clone(),
        });
        let step = Step::MarkPartitions {
            table: self.world.name.clone(),
            key: self.range_key(),
            partitions: marked.collect(),
            marking,
        };
        self.step(step, because);
    }
}
