//! Steps of a plan that were not executed, and the steps that cannot be executed because of that.

use std::collections::BTreeSet;

use super::step::{CreateParentIndex, Object};
use super::{PlannedStep, Step};

/// Steps of a plan that were left out, failed, or were skipped.
#[derive(Debug, Default)]
pub struct Undone {
    objects: BTreeSet<Object>,
}

impl Undone {
    /// Adds a step that was not executed.
    pub fn add(&mut self, step: &Step) {
        self.objects.insert(step.object());
    }

    /// Returns whether a later step of the same plan must not be executed.
    #[must_use]
    pub fn blocks(&self, planned: &PlannedStep) -> bool {
        let step = &planned.step;
        (needs_whole_plan(step) && !self.objects.is_empty())
            || self.objects.contains(&step.object())
            || step.needs().iter().any(|object| self.objects.contains(object))
    }
}

/// Returns whether the step needs an index on every partition that the plan leaves attached: without it,
/// Postgres builds the missing ones under the lock of the step, or the table has no valid index.
fn needs_whole_plan(step: &Step) -> bool {
    if let Step::CreateParentIndex(CreateParentIndex { partitions, .. }) = step {
        return !partitions.is_empty();
    }
    matches!(step, Step::ReplaceParentIndex(_))
}
