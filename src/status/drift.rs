//! Differences of the database from the spec.

use super::resolved_by;
use crate::api::ResolvedBy;
use crate::plan::{Deferral, Plan};

/// Returns how a table differs from its spec, in one line for each step and work that is planned, and for each that is deferred
/// and that time alone does not resolve.
#[must_use]
pub fn drift(plan: &Plan) -> Vec<String> {
    let pending = plan.steps.iter().map(|planned| format!("pending: {}", planned.line()));
    let deferred = plan.deferred.iter();
    let deferred = deferred.filter(|deferral| resolved_by(&deferral.blocker) != ResolvedBy::Time);
    let work = plan.work.iter().filter(|planned| !planned.is_routine());
    let work = work.map(|planned| format!("pending: {}", planned.line()));
    pending.chain(work).chain(deferred.map(Deferral::line)).collect()
}
