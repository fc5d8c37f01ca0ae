//! Steps of a plan that were not executed, and the steps that cannot be executed because of that.

use std::collections::BTreeSet;

use super::step::{BuildIndex, CreateTableIndex, DropIndex, Object};
use super::{Cause, PlannedStep, Step};
use crate::partition::QualifiedName;

/// Steps of a plan that were left out, failed, or were skipped.
#[derive(Debug, Default)]
pub struct Undone {
    objects: BTreeSet<Object>,
    /// Partitions on which an index that replaces another one was not built.
    lacks_successor: BTreeSet<QualifiedName>,
}

impl Undone {
    /// Adds a step that was not executed.
    pub fn add(&mut self, step: &Step) {
        self.objects.insert(step.object());
        if let Step::BuildIndex(BuildIndex { partition, stands_for: Some(_), .. }) = step {
            self.lacks_successor.insert(partition.clone());
        }
    }

    /// Returns whether a later step of the same plan must not be executed.
    #[must_use]
    pub fn blocks(&self, planned: &PlannedStep) -> bool {
        let step = &planned.step;
        (needs_whole_plan(step) && !self.objects.is_empty())
            || self.takes_successor_for_granted(planned)
            || self.objects.contains(&step.object())
            || step.needs().iter().any(|object| self.objects.contains(object))
    }

    /// Returns whether the step drops an index whose successor may be missing.
    fn takes_successor_for_granted(&self, planned: &PlannedStep) -> bool {
        let is_replaced = planned.because == Cause::OtherDefinition;
        let Step::DropIndex(DropIndex { partition, .. }) = &planned.step else { return false };
        is_replaced && self.lacks_successor.contains(partition)
    }
}

/// Returns whether the step needs an index on every partition that the plan leaves attached: without it,
/// Postgres builds the missing ones under the lock of the step, or the table has no valid index.
fn needs_whole_plan(step: &Step) -> bool {
    if let Step::CreateTableIndex(CreateTableIndex { partitions, .. }) = step {
        return !partitions.is_empty();
    }
    matches!(step, Step::ReplaceTableIndex(_))
}
