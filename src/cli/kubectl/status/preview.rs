//! The plan in the output of `status`.

use super::layout::item;
use crate::api::v1alpha1::PartitionedTable;
use crate::cli::kubectl::command;
use crate::partition::escape_control;

/// Returns the plan of the status, or nothing if there is nothing to do.
pub(in crate::cli::kubectl) fn text(table: &PartitionedTable) -> String {
    let Some(plan) = table.status.as_ref().and_then(|status| status.plan.as_ref()) else {
        return String::new();
    };
    let plural = if plan.steps == 1 { "" } else { "s" };
    let fingerprint = escape_control(&plan.fingerprint);
    let mut text =
        format!("Plan {fingerprint}: {} step{plural}, {} deferred\n", plan.steps, plan.deferred);
    for line in &plan.preview {
        text.push_str(&item(2, &escape_control(line)));
    }
    let all = plan.steps.saturating_add(plan.deferred);
    let more = all.saturating_sub(i32::try_from(plan.preview.len()).unwrap_or(i32::MAX));
    if more > 0 {
        text.push_str(&format!("  and {more} more: {}\n", command("plan", table)));
    }
    text
}
