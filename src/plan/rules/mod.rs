//! The rules, in the order in which they are asked. Each sees the world as the rules before it will
//! leave it, and knows none of them.

mod adopt;
mod default_partition;
mod detach;
mod drain;
mod drop;
mod expire;
mod index;
mod login;
mod make;
mod partition_index;
mod provision;
mod publications;
mod recover;
mod remainders;

use std::collections::BTreeSet;

pub(super) use drop::grace_over;

use super::ground::Ground;
use super::step::DropExclusion;
use super::{Blocker, Cause, Deferral, Note, PlannedStep, Step, simulate};
use crate::observed::{ObservedPartition, ObservedTable};
use crate::partition::QualifiedName;

/// A rule.
pub(super) type Rule = fn(&Ground<'_>, &mut Draft);

/// All of them.
pub(super) const RULES: [Rule; 12] = [
    detach::finish,
    adopt::adopt,
    recover::discard_unusable,
    provision::provision,
    default_partition::provide,
    recover::discard_unwanted,
    expire::expire,
    drop::drop_detached,
    // Beside a default partition nothing is detached concurrently: so it goes when that is done.
    default_partition::remove,
    index::ensure,
    publications::report,
    login::report,
];

/// A plan in the making, and the world as it will be after it.
pub(super) struct Draft {
    pub(super) world: ObservedTable,
    pub(super) steps: Vec<PlannedStep>,
    pub(super) deferred: Vec<Deferral>,
    /// Verb and subject of each of these, so that few are compared.
    deferred_about: BTreeSet<Option<(&'static str, QualifiedName)>>,
    pub(super) notes: Vec<Note>,
    /// Whether a person has approved what does not go without saying.
    approved: bool,
}

impl Draft {
    pub(super) fn new(observed: &ObservedTable, approved: bool) -> Self {
        Self {
            world: observed.clone(),
            steps: Vec::new(),
            deferred: Vec::new(),
            deferred_about: BTreeSet::new(),
            notes: Vec::new(),
            approved,
        }
    }

    /// The partitions, and what was or will be one, of which something is true.
    fn all(&self, is_so: impl Fn(&ObservedPartition) -> bool) -> Vec<ObservedPartition> {
        self.world.partitions.iter().filter(|p| is_so(p)).cloned().collect()
    }

    fn not_owner_of(&self, partition: &ObservedPartition) -> Blocker {
        let role = self.world.server.role.clone();
        Blocker::NotOwnerOfPartition { partition: partition.name.clone(), role }
    }

    /// Takes back every promise about the default partition.
    pub(super) fn readmit(&mut self) {
        let Some(default) = self.world.default_partition().cloned() else { return };
        for exclusion in default.exclusions {
            let (default, exclusion) = (default.name.clone(), exclusion.name);
            self.step(Step::DropExclusion(DropExclusion { default, exclusion }), Cause::Leftover);
        }
    }

    fn step(&mut self, step: Step, because: Cause) {
        simulate(&mut self.world, &step);
        self.steps.push(PlannedStep { step, because });
    }

    fn defer(&mut self, wanted: Option<Step>, blocker: Blocker) {
        let deferral = Deferral { wanted, blocker };
        let about = deferral.wanted.as_ref().map(|step| (step.verb(), step.subject()));
        if self.deferred_about.insert(about) || !self.deferred.contains(&deferral) {
            self.deferred.push(deferral);
        }
    }
}
