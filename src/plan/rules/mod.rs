//! The rules, in the order in which they are asked. Each sees the world as the rules before it will
//! leave it, and knows none of them.

mod index;
mod make;
mod provision;
mod recover;
mod remainders;

use super::{Blocker, Cause, Deferral, Moment, Note, PlannedStep, Step, simulate};
use crate::desired::DesiredTable;
use crate::observed::ObservedTable;

/// A rule.
pub(super) type Rule = fn(&DesiredTable, &Moment, &mut Draft);

/// All of them.
pub(super) const RULES: [Rule; 4] =
    [recover::discard_unusable, provision::provision, recover::discard_unwanted, index::ensure];

/// A plan in the making, and the world as it will be after it.
pub(super) struct Draft {
    pub(super) world: ObservedTable,
    pub(super) steps: Vec<PlannedStep>,
    pub(super) deferred: Vec<Deferral>,
    pub(super) notes: Vec<Note>,
}

impl Draft {
    pub(super) fn new(observed: &ObservedTable) -> Self {
        Self { world: observed.clone(), steps: Vec::new(), deferred: Vec::new(), notes: Vec::new() }
    }

    /// Takes back every promise about the default partition.
    pub(super) fn readmit(&mut self) {
        let Some(default) = self.world.default_partition().cloned() else { return };
        for exclusion in default.exclusions {
            let (default, exclusion) = (default.name.clone(), exclusion.name);
            self.step(Step::DropExclusion { default, exclusion }, Cause::Leftover);
        }
    }

    fn step(&mut self, step: Step, because: Cause) {
        simulate(&mut self.world, &step);
        self.steps.push(PlannedStep { step, because });
    }

    fn defer(&mut self, wanted: Option<Step>, blocker: Blocker) {
        let deferral = Deferral { wanted, blocker };
        if !self.deferred.contains(&deferral) {
            self.deferred.push(deferral);
        }
    }
}
