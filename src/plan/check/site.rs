//! What a step meets.

use std::ops::Deref;

use super::SafetyRule;
use crate::observed::ObservedTable;

/// The table as the steps before leave it, and the rule that is left out, if any.
pub(super) struct Site<'a> {
    pub(super) world: &'a ObservedTable,
    pub(super) without: Option<SafetyRule>,
}

impl Site<'_> {
    /// Returns the rule as an error if it does not hold and is not left out.
    pub(super) fn ensure(&self, holds: bool, rule: SafetyRule) -> Result<(), SafetyRule> {
        if holds || self.without == Some(rule) { Ok(()) } else { Err(rule) }
    }
}

impl Deref for Site<'_> {
    type Target = ObservedTable;

    fn deref(&self) -> &ObservedTable {
        self.world
    }
}
