//! Steps that record what partitions are, as rules take them.

use super::Draft;
use crate::observed::ObservedPartition;
use crate::partition::{Bounds, Detached, Marker, MarkerState};
use crate::plan::preconditions::Context;
use crate::plan::step::{AddBoundsCheck, MarkAs, MarkPartitions, MarkedPartition};
use crate::plan::{Cause, PlannedStep, Step, simulate};

impl Draft {
    /// The step that says in a constraint which rows a table holds, where that is a range.
    pub(in crate::plan) fn state_bounds(
        &mut self,
        context: &Context<'_>,
        partition: &ObservedPartition,
        cause: Cause,
    ) {
        let Bounds::Range(range) = partition.bounds.clone() else { return };
        let (managed, oid) = (self.state.managed.clone(), partition.oid);
        let partition = partition.name.clone();
        let inherited = context.relation.inherited_bounds.clone();
        let step =
            Step::AddBoundsCheck(AddBoundsCheck { managed, partition, oid, range, inherited });
        self.step(step, cause);
    }

    /// The step that says in the comments of partitions what they are.
    pub(in crate::plan) fn mark(
        &mut self,
        context: &Context<'_>,
        partitions: &[ObservedPartition],
        mark_as: MarkAs,
        cause: Cause,
    ) {
        if partitions.is_empty() {
            return;
        }
        let step = self.mark_step(context, partitions, mark_as);
        self.step(step, cause);
    }

    /// Inserts the step that marks partitions as expired before all other steps except adopt and finalize.
    pub(in crate::plan) fn mark_first(
        &mut self,
        context: &Context<'_>,
        partitions: &[ObservedPartition],
        mark_as: MarkAs,
    ) {
        let step = self.mark_step(context, partitions, mark_as);
        simulate(&mut self.state, &step);
        let comes_first = |p: &PlannedStep| {
            let adopts =
                matches!(&p.step, Step::MarkPartitions(MarkPartitions { adopted: Some(_), .. }));
            adopts || matches!(&p.step, Step::FinalizeDetach(_))
        };
        let at = self.steps.iter().rposition(comes_first).map_or(0, |last| last + 1);
        self.steps.insert(at, PlannedStep { rule: self.rule, step, cause: Cause::Expired });
    }

    pub(in crate::plan) fn mark_step(
        &self,
        context: &Context<'_>,
        partitions: &[ObservedPartition],
        mark_as: MarkAs,
    ) -> Step {
        let marked = partitions.iter().map(|partition| MarkedPartition {
            name: partition.name.clone(),
            oid: partition.oid,
            bounds: partition.bounds.clone(),
            comment: partition.comment.clone(),
            marker: context.marker(partition, mark_as),
        });
        Step::MarkPartitions(MarkPartitions {
            managed: self.state.managed.clone(),
            table: self.state.name.clone(),
            partitions: marked.collect(),
            mark_as,
            adopted: None,
        })
    }
}

impl Context<'_> {
    /// Returns the comment of a partition after it is marked.
    fn marker(&self, partition: &ObservedPartition, mark_as: MarkAs) -> Marker {
        let is_expired_again = partition.cycle.saturating_add(1);
        let (mark, cycle) = match mark_as {
            MarkAs::Adopted | MarkAs::AdoptionCleared => (MarkerState::Attached, 0),
            MarkAs::Expired { drops } => (MarkerState::Expired { drops }, partition.expiry_cycle()),
            MarkAs::Attached => (MarkerState::Attached, is_expired_again),
            MarkAs::ForDrop => (self.detached(partition, true), partition.cycle),
            MarkAs::NotForDrop => (self.detached(partition, false), is_expired_again),
        };
        Marker { state: mark, cycle, ..self.found_marker(partition) }
    }

    fn detached(&self, partition: &ObservedPartition, drops: bool) -> MarkerState {
        let at = partition.state.recorded_detach().map_or(self.time.now, |detached| detached.at);
        MarkerState::Detached(Detached { at, drops_since: drops.then_some(self.time.now) })
    }

    /// Returns the marker in the comment of a partition, if it was written for that partition.
    pub(in crate::plan) fn found_marker(&self, partition: &ObservedPartition) -> Marker {
        Marker {
            state: partition.state.marker_state().unwrap_or(MarkerState::Attached),
            oid: partition.oid,
            parent: Some(self.relation.oid),
            cycle: partition.cycle,
        }
    }
}
