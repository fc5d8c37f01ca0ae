//! Steps that can take hours, and what has to wait for them.
//!
//! A build of an index works on one partition, under a lock that no other step to the table needs, and
//! nothing that applications need waits for it. So it can be executed aside: on a session of its own,
//! while partitions are provided. See `docs/adr/0010-long-steps-aside.md`.

use std::collections::BTreeSet;

use super::{Plan, PlannedStep, Step, Undone};
use crate::partition::QualifiedName;

impl Step {
    /// Returns the partition of a step that can be executed aside, or `None` if the step belongs into
    /// the run.
    #[must_use]
    pub fn aside(&self) -> Option<&QualifiedName> {
        match self {
            Self::BuildIndex { partition, .. } | Self::DropIndex { partition, .. } => {
                Some(partition)
            }
            Self::CreatePartition(_)
            | Self::ExcludeFromDefault { .. }
            | Self::ValidateExclusion { .. }
            | Self::AttachPartition(_)
            | Self::DiscardPartition { .. }
            | Self::DropExclusion { .. }
            | Self::DrainDefault(_)
            | Self::RemoveDefault { .. }
            | Self::MarkPartitions { .. }
            | Self::DetachPartition(_)
            | Self::FinalizeDetach { .. }
            | Self::RememberDetached(_)
            | Self::StateBounds { .. }
            | Self::ValidateBounds { .. }
            | Self::DropDetached(_)
            | Self::CreateTableIndex { .. }
            | Self::AttachIndex { .. }
            | Self::DropTableIndex { .. }
            | Self::ReplaceTableIndex { .. } => None,
        }
    }

    /// Returns whether the step may begin only if the run may take long: it scans a whole table, or
    /// makes sense only if such a scan follows.
    #[must_use]
    pub fn needs_long_run(&self) -> bool {
        matches!(
            self,
            Self::ExcludeFromDefault { .. }
                | Self::ValidateExclusion { .. }
                | Self::ValidateBounds { .. }
        )
    }
}

impl Plan {
    /// Returns the plan without the steps that are executed aside, and without those that rest on one
    /// of them.
    pub fn without_aside(self) -> Self {
        let mut left = Undone::default();
        let mut steps = Vec::new();
        for planned in self.steps {
            if planned.step.aside().is_some() || left.blocks(&planned) {
                left.add(&planned.step);
            } else {
                steps.push(planned);
            }
        }
        Self { steps, ..self }
    }

    /// Returns a plan of the first step that can be executed aside now, or `None` if there is none. A
    /// step is passed over if it was tried, or if another step to its partition comes first.
    #[must_use]
    pub fn next_aside(&self, tried: &[Step]) -> Option<Self> {
        let mut busy = BTreeSet::new();
        for PlannedStep { step, because } in &self.steps {
            match step.aside() {
                Some(partition) if !busy.contains(partition) && !tried.contains(step) => {
                    let steps = vec![PlannedStep { step: step.clone(), because: *because }];
                    return Some(Self { steps, deferred: Vec::new(), ..self.clone() });
                }
                Some(partition) => busy.insert(partition.clone()),
                None => busy.insert(step.subject()),
            };
        }
        None
    }
}
