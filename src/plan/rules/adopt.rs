//! Adoption of unmanaged partitions.

use std::collections::BTreeSet;

use super::{Cause, Context, Draft, Note, Step};
use crate::desired::AdoptedName;
use crate::observed::{ObservedPartition, PartitionKind};
use crate::partition::{Bounds, ManagedTable, QualifiedName, adoption_digest, adoption_digests};
use crate::plan::cause::Unadoptable;
use crate::plan::step::{MarkAs, MarkPartitions};

pub(super) fn adopt(context: &Context<'_>, draft: &mut Draft) {
    let desired = context.desired;
    let mut unknown = desired.invalid_adoptions.clone();
    let mut adopted = Vec::new();
    forget(context, draft);
    for name in &desired.adopt {
        match draft.state.partitions.iter().find(|p| is_named(p, name, draft)) {
            Some(found) if found.state.is_managed() => {}
            Some(found) if draft.was_adopted(&found.name) => {
                draft.note(Note::AdoptedBefore { partition: found.name.clone() });
            }
            Some(found) => match unadoptable(found) {
                None => adopted.push(found.clone()),
                Some(why) => {
                    let partition = found.name.clone();
                    draft.note(Note::CannotAdopt { partition, why });
                }
            },
            None => unknown.push(format_name(name)),
        }
    }
    if !unknown.is_empty() {
        draft.note(Note::UnknownAdoption { names: unknown });
    }
    if adopted.is_empty() {
        return;
    }
    let asked_for = desired.adopt.iter().flat_map(|name| digests_of(name, &draft.state.managed));
    let mut recorded: BTreeSet<_> =
        asked_for.filter(|digest| draft.state.adopted.contains(digest)).collect();
    recorded.extend(adopted.iter().map(|partition| adoption_digest(&partition.name)));
    let mut step = draft.mark_step(context, &adopted, MarkAs::Adopted);
    if let Step::MarkPartitions(MarkPartitions { adopted, .. }) = &mut step {
        *adopted = Some(recorded);
    }
    draft.step(step, Cause::Requested);
}

/// Forgets adoptions that the annotation does not name any more, if another table has the name now: so a user can
/// ask for the adoption of that one.
fn forget(context: &Context<'_>, draft: &mut Draft) {
    let recorded = &draft.state.adopted;
    let asked_for = context.desired.adopt.iter();
    let asked_for = asked_for.flat_map(|name| digests_of(name, &draft.state.managed));
    let kept: BTreeSet<_> = asked_for.filter(|digest| recorded.contains(digest)).collect();
    let is_waiting = |p: &ObservedPartition| {
        let is_forgotten = |digest| recorded.contains(&digest) && !kept.contains(&digest);
        !p.state.is_managed() && adoption_digests(&p.name).any(is_forgotten)
    };
    if draft.state.partitions.iter().any(is_waiting) {
        let mut step = draft.mark_step(context, &[], MarkAs::AdoptionCleared);
        if let Step::MarkPartitions(MarkPartitions { adopted, .. }) = &mut step {
            *adopted = Some(kept);
        }
        draft.step(step, Cause::NotRequested);
    }
}

fn digests_of(name: &AdoptedName, table: &ManagedTable) -> impl Iterator<Item = String> {
    let schema = name.schema.as_ref().unwrap_or(&table.name().schema).clone();
    adoption_digests(&QualifiedName { schema, name: name.name.clone() })
}

fn is_named(partition: &ObservedPartition, name: &AdoptedName, draft: &Draft) -> bool {
    let schema = name.schema.as_ref().unwrap_or(&draft.state.managed.name().schema);
    partition.name.name == name.name && partition.name.schema == *schema
}

/// Returns why a partition cannot be adopted, or `None` if it can.
fn unadoptable(partition: &ObservedPartition) -> Option<Unadoptable> {
    if partition.bounds == Bounds::Default {
        // A managed default partition is dropped if the spec says `Absent`.
        Some(Unadoptable::Default)
    } else if !partition.state.is_attached() {
        Some(Unadoptable::NotAttached)
    } else if partition.kind == PartitionKind::ForeignTable {
        Some(Unadoptable::ForeignTable)
    } else {
        (!partition.owned).then_some(Unadoptable::OtherOwner)
    }
}

fn format_name(name: &AdoptedName) -> String {
    let schema = name.schema.as_ref().map(|schema| format!("{}.", schema.display()));
    schema.unwrap_or_default() + &name.name.display()
}

impl Draft {
    fn was_adopted(&self, partition: &QualifiedName) -> bool {
        adoption_digests(partition).any(|digest| self.state.adopted.contains(&digest))
    }
}
