//! Steps that can take hours, and the steps that must wait for them.
//!
//! A build of an index works on one partition, under a lock that no other step to the table needs, and
//! nothing that applications need waits for it. So it can be executed aside: on a session of its own,
//! while partitions are provided. See `docs/adr/0010-long-steps-aside.md`.

use std::collections::BTreeSet;

use super::step::{MarkPartitions, MarkedPartition};
use super::{Blocker, Plan, Step, Undone};
use crate::partition::QualifiedName;

impl Step {
    /// Returns whether Postgres finalizes no detach while the step is in progress: it waits for a concurrent
    /// build if the index has a condition.
    fn delays_pending_detach(&self) -> bool {
        matches!(self, Self::BuildIndex(build) if build.definition.may_be_partial())
    }

    /// Returns the partitions whose comments the step writes.
    fn marked(&self) -> impl Iterator<Item = &MarkedPartition> {
        let marked = if let Self::MarkPartitions(MarkPartitions { partitions, .. }) = self {
            partitions.as_slice()
        } else {
            &[]
        };
        marked.iter()
    }
}

impl Plan {
    /// Returns the plan without the steps that are executed aside, and without those that rest on one
    /// of them.
    pub fn without_aside(self) -> Self {
        let mut left = Undone::default();
        let mut steps = Vec::new();
        for planned in self.steps {
            if planned.step.facts().aside.is_some() || left.blocks(&planned) {
                left.add(&planned.step);
            } else {
                steps.push(planned);
            }
        }
        Self { steps, ..self }
    }

    /// Returns a plan of the first step that can be executed aside now, or `None` if there is none. A
    /// step is passed over if it was tried, if another step to its partition comes first, or if it would
    /// delay a detach.
    #[must_use]
    pub fn next_aside(&self, tried: &[Step]) -> Option<Self> {
        let mut busy = self.about_to_be_detached();
        let is_detach_pending = self.is_detach_pending();
        for planned in &self.steps {
            let step = &planned.step;
            let can_begin = |partition: &QualifiedName| {
                let delays_detach = is_detach_pending && step.delays_pending_detach();
                !(busy.contains(partition) || tried.contains(step) || delays_detach)
            };
            match step.facts().aside {
                Some(partition) if can_begin(partition) => {
                    let steps = vec![planned.clone()];
                    return Some(Self { steps, work: None, deferred: Vec::new(), ..self.clone() });
                }
                Some(partition) => {
                    busy.insert(partition.clone());
                }
                None => {
                    busy.insert(step.subject());
                    busy.extend(step.marked().map(|marked| marked.name.clone()));
                }
            }
        }
        None
    }

    /// Returns the partitions whose detach waits only for an approval or for another detach. Their marking
    /// and their detach need locks that conflict with a build.
    fn about_to_be_detached(&self) -> BTreeSet<QualifiedName> {
        let detached = self.deferred.iter().filter_map(|deferral| {
            let is_soon = matches!(
                deferral.blocker,
                Blocker::AwaitingApproval { .. } | Blocker::AnotherDetachPending { .. }
            );
            let Some(Step::DetachPartition(detach)) = &deferral.step else { return None };
            is_soon.then(|| detach.partition.clone())
        });
        detached.collect()
    }

    /// Returns whether a concurrent detach waits to be finalized.
    fn is_detach_pending(&self) -> bool {
        let finalizes = |step: &Step| matches!(step, Step::FinalizeDetach(_));
        let is_blocked = |blocker: &Blocker| matches!(blocker, Blocker::DetachBlocked { .. });
        self.steps.iter().any(|planned| finalizes(&planned.step))
            || self.deferred.iter().any(|deferral| is_blocked(&deferral.blocker))
    }
}
