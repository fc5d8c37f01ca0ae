//! Planner: steps with their causes, and deferred steps with their blockers.
//!
//! [`plan()`] is a plain function of the desired state, the observed state, and a time. It cannot fail: a step
//! that it cannot plan becomes a [`Deferral`].

mod aside;
mod blocker;
mod blocker_text;
mod calendar;
mod canonical;
mod cause;
mod check;
mod condition;
mod conversion;
mod display;
mod draft;
mod equivalent;
mod fingerprint;
mod gaps;
mod limits;
mod next_action;
mod note;
mod plan_time;
mod preconditions;
mod questions;
mod ranges;
mod rules;
mod simulate;
mod step;
mod undone;
mod work;

pub use blocker::{
    Blocker, ConversionBlocker, DefaultBlocker, IndexBlocker, RouteFault, RoutingFault,
};
pub use calendar::Calendar;
pub use cause::{Cause, Deferral, Note, PlannedNote, Unadoptable};
pub use check::{CheckedPlan, SafetyRule, Violation, check, violation};
pub use conversion::{
    ConversionNote, Finding, FoundLoss, KeyFault, LossAt, OldestRowFault, PublicationFault,
    Refusal, preflight, rows_to_verify,
};
pub use gaps::{Coverage, Gaps, MissingPartition};
pub use limits::clocks_differ;
pub use next_action::next_action;
pub use plan_time::PlanTime;
pub use questions::{depends_on_clocks, questions, questions_without_spec};
pub use rules::Rule;
pub use simulate::simulate;
pub use step::{
    AddBoundsCheck, AddDefaultCheck, AnalyzeCopy, Attach, AttachIndex, AttachSource, BuildIndex,
    CreateCopy, CreateParentIndex, Detach, DetachSource, DiscardPartition, Drain, DropBoundsCheck,
    DropCopy, DropDefault, DropDefaultCheck, DropDetached, DropIndex, DropParentIndex, DropSource,
    Effort, EndSync, Facts, Family, FinalizeDetach, FollowSource, IndexBody, IndexDefinition,
    InstallSync, MarkAs, MarkPartitions, MarkedPartition, NewIndex, NewPartition, Object,
    PathChange, RecordDetach, ReplaceParentIndex, Risk, Route, RoutedRole, RoutingView, Step,
    StepKind, Swap, TransactionMode, Unroute, ValidateBoundsCheck, ValidateCopy,
    ValidateDefaultCheck,
};
pub use undone::Undone;
pub use work::{CompareRows, CopyRows, PlannedWork, Work};

use crate::desired::DesiredTable;
use crate::observed::ObservedTable;
use crate::partition::{Identifier, ManagedTable};

/// Plan for one table.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct Plan {
    /// The table that the spec names.
    pub table: ManagedTable,
    /// Steps, in their order.
    pub steps: Vec<PlannedStep>,
    /// Work after the steps, page by page.
    pub work: Option<PlannedWork>,
    /// Deferred steps.
    pub deferred: Vec<Deferral>,
    /// Notes for the user.
    pub notes: Vec<PlannedNote>,
    /// Owner of the table, whose privileges the steps have; `None` if there is no table.
    pub owner: Option<Identifier>,
    /// Fingerprint of the steps, the deferred steps, and the objects that they depend on, without the clock and
    /// the number of rows.
    pub fingerprint: String,
}

impl Plan {
    /// Returns whether the plan has no step, and no work except a comparison that is only due again.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.steps.is_empty() && self.work.as_ref().is_none_or(PlannedWork::is_routine)
    }
}

/// A step and why it is taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedStep {
    /// The rule that takes it.
    pub rule: Rule,
    /// Step to execute.
    pub step: Step,
    /// Why.
    pub cause: Cause,
}

/// Plans the steps that make the observed state match the desired state at a time.
pub fn plan(desired: &DesiredTable, observed: &ObservedTable, time: &PlanTime) -> Plan {
    let target = conversion::PlanTarget::new(desired, observed);
    let context = match preconditions::check_preconditions(&target, observed, time) {
        Ok(context) => context,
        Err(problems) => {
            return blocked_plan(observed, problems, conversion::notes(desired, observed, time));
        }
    };
    let mut plan = draft_plan(&context, observed, false);
    plan.notes.extend(conversion::notes(desired, observed, time));
    let needs_approval = plan.deferred.iter().any(|deferral| deferral.blocker.is_about_plan());
    if !(needs_approval && desired.approved.contains(&plan.fingerprint)) {
        return plan;
    }
    // It stays the plan that a person has seen.
    Plan { fingerprint: plan.fingerprint, ..draft_plan(&context, observed, true) }
}

fn blocked_plan(observed: &ObservedTable, problems: Vec<Blocker>, notes: Vec<PlannedNote>) -> Plan {
    let mut draft = draft::Draft::new(observed, false);
    let deferrals = problems.into_iter().map(|blocker| Deferral {
        rule: Rule::Preconditions,
        step: None,
        blocker,
    });
    draft.deferred.extend(deferrals);
    draft.notes = notes;
    finish_plan(observed, draft)
}

fn draft_plan(
    context: &preconditions::Context<'_>,
    observed: &ObservedTable,
    approved: bool,
) -> Plan {
    let mut draft = draft::Draft::new(observed, approved);
    for rule in Rule::ALL {
        draft.apply_rule(*rule, context);
    }
    finish_plan(observed, draft)
}

/// Returns whether the database contradicts the spec as a whole, so that nothing is changed.
#[must_use]
pub fn violates_precondition(
    desired: &DesiredTable,
    observed: &ObservedTable,
    time: &PlanTime,
) -> bool {
    preconditions::check_preconditions(
        &conversion::PlanTarget::new(desired, observed),
        observed,
        time,
    )
    .is_err()
}

/// Drops every check that the operator added to the default partition, and to a plain table that was not attached.
pub fn drop_default_checks(observed: &ObservedTable) -> Plan {
    let mut draft = draft::Draft::new(observed, false);
    draft.drop_default_checks();
    finish_plan(observed, draft)
}

fn finish_plan(observed: &ObservedTable, draft: draft::Draft) -> Plan {
    Plan {
        table: observed.managed.clone(),
        fingerprint: fingerprint::fingerprint(observed, &draft),
        steps: draft.steps,
        work: draft.work,
        deferred: draft.deferred,
        notes: draft.notes,
        owner: observed.relation.as_ref().map(|relation| relation.owner.clone()),
    }
}
