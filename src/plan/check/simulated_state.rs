//! State that a step finds.

use std::ops::Deref;

use super::SafetyRule;
use crate::observed::ObservedTable;

/// The table as the steps before leave it, and the rules that do not count for the step.
pub(super) struct SimulatedState<'a> {
    pub(super) table: &'a ObservedTable,
    /// The verb of the step, or of the work.
    pub(super) verb: &'static str,
    pub(super) waives: &'a dyn Fn(SafetyRule, &'static str) -> bool,
}

impl SimulatedState<'_> {
    /// Returns the rule as an error if it does not hold and is not waived. Asks for the waiver in any case: so a
    /// test learns of every rule that is evaluated.
    pub(super) fn ensure(&self, holds: bool, rule: SafetyRule) -> Result<(), SafetyRule> {
        let is_waived = (self.waives)(rule, self.verb);
        if holds || is_waived { Ok(()) } else { Err(rule) }
    }

    /// Returns what is there, or the rule as an error: without it, the step cannot be judged any further, even if
    /// the rule is waived.
    pub(super) fn need<T>(&self, found: Option<T>, rule: SafetyRule) -> Result<T, SafetyRule> {
        self.ensure(found.is_some(), rule)?;
        found.ok_or(rule)
    }
}

impl Deref for SimulatedState<'_> {
    type Target = ObservedTable;

    fn deref(&self) -> &ObservedTable {
        self.table
    }
}
