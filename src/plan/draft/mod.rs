//! A plan in the making, and what several rules do to one.

mod new_partition;
mod record;

use std::collections::BTreeSet;

pub(super) use new_partition::is_usable;

use super::preconditions::Context;
use super::rules::Rule;
use super::step::{DropBoundsCheck, DropDefaultCheck, Family};
use super::work::{PlannedWork, Work};
use super::{Blocker, Cause, Deferral, Note, PlannedNote, PlannedStep, Step, simulate};
use crate::observed::{BoundsCheck, ObservedPartition, ObservedTable};
use crate::partition::QualifiedName;

/// An unfinished plan, and the simulated state after it.
pub(super) struct Draft {
    pub(super) state: ObservedTable,
    pub(super) steps: Vec<PlannedStep>,
    pub(super) deferred: Vec<Deferral>,
    /// Verb and subject of each of these, so that few are compared.
    deferred_about: BTreeSet<Option<(&'static str, QualifiedName)>>,
    pub(super) notes: Vec<PlannedNote>,
    /// Work after the steps.
    pub(super) work: Option<PlannedWork>,
    /// Whether a user has approved this plan.
    pub(super) approved: bool,
    /// The rule that is asked.
    rule: Rule,
}

impl Draft {
    pub(super) fn new(observed: &ObservedTable, approved: bool) -> Self {
        Self {
            state: observed.clone(),
            steps: Vec::new(),
            deferred: Vec::new(),
            deferred_about: BTreeSet::new(),
            notes: Vec::new(),
            work: None,
            approved,
            rule: Rule::Preconditions,
        }
    }

    /// The partitions, and what was or will be one, of which something is true.
    pub(super) fn all(
        &self,
        predicate: impl Fn(&ObservedPartition) -> bool,
    ) -> Vec<ObservedPartition> {
        self.state.partitions.iter().filter(|p| predicate(p)).cloned().collect()
    }

    /// Lets a rule add its steps, deferrals, and notes.
    pub(super) fn apply_rule(&mut self, rule: Rule, context: &Context<'_>) {
        self.rule = rule;
        rule.run(context, self);
    }

    /// Drops every default-partition check, in the name of the rule that adds them.
    pub(super) fn drop_default_checks(&mut self) {
        self.take_all_rows();
        self.rule = Rule::Provision;
        let default = self.state.default_partition();
        let Some((default, checks)) =
            default.map(|(p, facts)| (p.name.clone(), facts.checks.clone()))
        else {
            return;
        };
        for check in checks {
            let (default, default_check) = (default.clone(), check.name);
            self.step(
                Step::DropDefaultCheck(DropDefaultCheck { default, default_check }),
                Cause::Leftover,
            );
        }
    }

    /// Drops the check of a plain table that was not attached.
    fn take_all_rows(&mut self) {
        let attachment = self.state.attachment.as_ref().filter(|_| self.state.copy.is_some());
        let has_check = attachment.is_some_and(|found| found.bounds != BoundsCheck::Absent);
        if has_check {
            self.rule = Rule::AttachSource;
            let managed = self.state.managed.clone();
            let table = managed.name().clone();
            self.step(Step::DropBoundsCheck(DropBoundsCheck { managed, table }), Cause::Leftover);
        }
    }

    pub(super) fn step(&mut self, step: Step, cause: Cause) {
        simulate(&mut self.state, &step);
        self.steps.push(PlannedStep { rule: self.rule, step, cause });
    }

    /// Adds the step that a rule found necessary, if it did.
    pub(super) fn step_if(&mut self, step: Option<Step>, cause: Cause) {
        if let Some(step) = step {
            self.step(step, cause);
        }
    }

    /// Adds work, if there is none and no step of the conversion comes before it.
    pub(super) fn work(&mut self, work: Work, cause: Cause) {
        let comes_first = |planned: &PlannedStep| planned.step.facts().family == Family::Conversion;
        if self.work.is_none() && !self.steps.iter().any(comes_first) {
            self.work = Some(PlannedWork { rule: self.rule, work, cause });
        }
    }

    pub(super) fn note(&mut self, note: Note) {
        self.notes.push(PlannedNote { rule: self.rule, note });
    }

    pub(super) fn defer(&mut self, step: Option<Step>, blocker: Blocker) {
        let deferral = Deferral { rule: self.rule, step, blocker };
        let about = deferral.step.as_ref().map(|step| (step.verb(), step.subject()));
        if self.deferred_about.insert(about) || !self.deferred.iter().any(|d| d.is_like(&deferral))
        {
            self.deferred.push(deferral);
        }
    }
}
