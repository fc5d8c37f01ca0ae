//! What to do, and why, and why not.
//!
//! [`plan()`] is a plain function of what is desired, what is observed and an instant. It cannot fail:
//! whatever it cannot do becomes a [`Deferral`] in the answer.

mod check;
mod display;
mod explain;
mod fingerprint;
mod moment;
mod reason;
mod refute;
mod remedy;
mod rules;
mod simulate;
mod step;
mod window;

pub use check::{CheckedPlan, Violation, check};
pub use moment::Moment;
pub use reason::{Blocker, Cause, Deferral, Note, Waits};
pub use simulate::simulate;
pub use step::{Attach, IndexBody, NewIndex, NewPartition, RangeKey, Risk, Step, TransactionMode};
pub use window::{Coverage, Window, next_change};

use crate::desired::{DesiredTable, Partitioning};
use crate::observed::ObservedTable;
use crate::partition::{Identifier, QualifiedName, RangeBounds};

/// What to do to one table.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct Plan {
    /// The table.
    pub table: QualifiedName,
    /// What to do, in this order.
    pub steps: Vec<PlannedStep>,
    /// What is wanted and held back.
    pub deferred: Vec<Deferral>,
    /// What else a person may want to know.
    pub notes: Vec<Note>,
    /// The role that every step is done as: the table's owner.
    pub owner: Option<Identifier>,
    /// Covers the steps, what is held back, and the objects they rest on; not the clock, not the
    /// number of rows.
    pub fingerprint: String,
}

/// A step and why it is taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedStep {
    /// What to do.
    pub step: Step,
    /// Why.
    pub because: Cause,
}

/// Decides what to do to make `observed` what is `desired` at a moment.
pub fn plan(desired: &DesiredTable, observed: &ObservedTable, moment: &Moment) -> Plan {
    let mut draft = rules::Draft::new(observed);
    if let Some(blocker) = refute::refute(desired, observed, moment) {
        draft.deferred.push(Deferral { wanted: None, blocker });
    } else {
        for rule in rules::RULES {
            rule(desired, moment, &mut draft);
        }
    }
    finished(observed, draft)
}

/// Whether something in the database refutes what is desired as a whole, so that nothing is changed.
#[must_use]
pub fn is_refuted(desired: &DesiredTable, observed: &ObservedTable, moment: &Moment) -> bool {
    refute::refute(desired, observed, moment).is_some()
}

/// Takes back every promise about the default partition.
pub fn readmit(observed: &ObservedTable) -> Plan {
    let mut draft = rules::Draft::new(observed);
    draft.readmit();
    finished(observed, draft)
}

fn finished(observed: &ObservedTable, draft: rules::Draft) -> Plan {
    Plan {
        table: observed.name.clone(),
        fingerprint: fingerprint::fingerprint(observed, &draft.steps, &draft.deferred),
        steps: draft.steps,
        deferred: draft.deferred,
        notes: draft.notes,
        owner: observed.relation.as_ref().map(|relation| relation.owner.clone()),
    }
}

/// The stretch of the key's axis in which it matters whether the default partition has rows; none
/// where it does not matter, and nobody need look.
#[must_use]
pub fn asks_for_default_rows(
    desired: &DesiredTable,
    observed: &ObservedTable,
    moment: &Moment,
) -> Option<RangeBounds> {
    let Partitioning::Range(range) = &desired.partitioning else { return None };
    observed.default_partition().filter(|default| default.bytes > 0)?;
    let missing = Window::new(range, refute::range_key(observed)?, observed, moment)?.missing;
    let from = missing.iter().map(|missing| missing.range.from()).min()?;
    let to = missing.iter().map(|missing| missing.range.to()).max()?;
    RangeBounds::new(from, to)
}
