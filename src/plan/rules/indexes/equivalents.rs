//! Indexes of a plain table that its copy lacks. They are built when all rows are copied, which is faster.

use super::on_partitions::{DesiredPartitionIndex, build};
use super::{Cause, Context, Draft, Step, parent_index};
use crate::observed::{CopyDifferences, MissingIndex, ObservedPartition};
use crate::partition::{Identifier, Side, equivalent_name, unused};
use crate::plan::conversion::Phase;
use crate::plan::step::{AttachIndex, CreateParentIndex, IndexDefinition};

/// Gives the copy the indexes of its source.
pub(in crate::plan::rules) fn ensure_equivalents(context: &Context<'_>, draft: &mut Draft) {
    let (facts, is_complete) = match &context.phase {
        Phase::Copied(copied) => (copied.facts, copied.facts.is_complete()),
        // It has no rows.
        Phase::Attaching(attaching) => (attaching.facts, true),
        Phase::Partitioned
        | Phase::Begin { .. }
        | Phase::Attached(_)
        | Phase::Served { .. }
        | Phase::Ended(_) => return,
    };
    // The definition of an index names columns, which the copy does not have before it follows.
    let is_equal = |differences: &&CopyDifferences| differences.columns.is_empty();
    // After the cutover a user decides which indexes the table has.
    let is_wanted = is_complete && facts.serving == Side::Source;
    let missing = facts.differences().filter(|_| is_wanted);
    let missing = missing.filter(is_equal);
    for index in missing.into_iter().flat_map(|differences| &differences.indexes) {
        let name = index.equivalent.clone().unwrap_or_else(|| create(index, draft));
        complete(index, &name, draft);
    }
}

/// Returns whether the plain table has the index, so that the copy has it under another name until the cutover.
pub(super) fn gets_name_by_cutover(
    name: &Identifier,
    context: &Context<'_>,
    draft: &Draft,
) -> bool {
    let Phase::Copied(copied) = &context.phase else { return false };
    let lacks_equivalent = |found: &CopyDifferences| found.indexes.iter().any(|i| i.name == *name);
    let has_equivalent =
        || parent_index(&equivalent_name(&draft.state.managed, name), draft).is_some();
    copied.facts.serving == Side::Source
        && draft.is_taken(name)
        && (has_equivalent() || copied.facts.differences().is_some_and(lacks_equivalent))
}

fn definition_of(index: &MissingIndex) -> IndexDefinition {
    let MissingIndex { unique, definition, .. } = index;
    IndexDefinition::Equivalent { unique: *unique, definition: definition.clone() }
}

/// Creates the index of the copy, and returns its name.
fn create(index: &MissingIndex, draft: &mut Draft) -> Identifier {
    let wanted = equivalent_name(&draft.state.managed, &index.name);
    let name = unused(&wanted, |name| draft.is_taken(name));
    let step = Step::CreateParentIndex(CreateParentIndex {
        table: draft.state.name.clone(),
        index: name.clone(),
        definition: definition_of(index),
        settings: index.settings.clone(),
        partitions: Vec::new(),
    });
    draft.step(step, Cause::SourceHasIndex);
    name
}

/// Gives every partition an index that belongs to that of the copy.
fn complete(index: &MissingIndex, of: &Identifier, draft: &mut Draft) {
    let wanted = DesiredPartitionIndex {
        of,
        stands_for: None,
        definition: definition_of(index),
        settings: index.settings.clone(),
    };
    if parent_index(of, draft).is_none() {
        return;
    }
    let lacks = |partition: &&ObservedPartition| {
        let has_one = partition.indexes.iter().any(|i| i.of.as_ref() == Some(of));
        partition.state.is_attached() && !has_one
    };
    for at in 0..draft.state.partitions.len() {
        let partition = draft.state.partitions.get(at).filter(lacks).cloned();
        let Some(partition) = partition.filter(|_| draft.has_room()) else { continue };
        let name = wanted.name_on(&partition, draft);
        // An interrupted run can have built it. ATTACH PARTITION fails if it is another one.
        let is_built =
            partition.indexes.iter().any(|i| i.valid && i.of.is_none() && i.name == name);
        let built = if is_built {
            Some(name)
        } else {
            build(&wanted, &partition, Cause::SourceHasIndex, draft)
        };
        let Some(name) = built else { continue };
        let step = Step::AttachIndex(AttachIndex {
            table: draft.state.name.clone(),
            parent_index: of.clone(),
            partition: partition.name.clone(),
            index: name,
        });
        draft.step(step, Cause::SourceHasIndex);
    }
}
