//! Reports partitions that a publication leaves out although it publishes their siblings one by one.
//!
//! The operator does not add them: a subscriber that does not have the table yet stops at its first row.

use std::collections::BTreeMap;

use super::{Context, Draft, Note};
use crate::observed::ObservedPartition;
use crate::partition::{Bounds, Edge, Identifier};

pub(super) fn report(context: &Context<'_>, draft: &mut Draft) {
    for (publication, end) in published_one_by_one(context, draft) {
        let is_left_out = |p: &&ObservedPartition| {
            let names_it = p.publications.iter().any(|found| found.name == publication);
            !names_it && p.bounds.as_range().map(|range| range.from()) >= end
        };
        let left_out = draft.state.attached().filter(|p| p.bounds != Bounds::Default);
        let partitions: Vec<_> = left_out.filter(is_left_out).map(|p| p.name.clone()).collect();
        if !partitions.is_empty() {
            draft.note(Note::NotPublished { publication, partitions });
        }
    }
}

/// Returns the publications that name partitions and not the table, each with the end of the last range that
/// it publishes, or `None` if the table is not partitioned by range.
fn published_one_by_one(
    context: &Context<'_>,
    draft: &Draft,
) -> BTreeMap<Identifier, Option<Edge>> {
    let mut ends: BTreeMap<Identifier, Option<Edge>> = BTreeMap::new();
    let of_table = &context.relation.publications;
    for partition in draft.state.attached().filter(|p| p.bounds != Bounds::Default) {
        let end = partition.bounds.as_range().map(|range| range.to());
        for publication in &partition.publications {
            if !of_table.contains(&publication.name) {
                let last = ends.entry(publication.name.clone()).or_default();
                *last = (*last).max(end);
            }
        }
    }
    ends
}
