//! Messages about approvals and clock skew.

use std::time::Duration;

use crate::desired::format_duration;
use crate::plan::limits::MAX_CLOCK_SKEW;

pub(super) fn awaiting_approval(count: u32, limit: u32, dropped_after: Option<Duration>) -> String {
    let then = match dropped_after {
        None => String::new(),
        Some(after) => format!(" and dropped after {},", format_duration(after)),
    };
    format!(
        "{count} partitions would be detached in one run,{then} more than \
         spec.limits.maxExpirePerRun ({limit}): \
         review the plan, then approve its fingerprint with the annotation pgpartition.dev/approve or apply --approve"
    )
}

pub(super) fn drop_needs_approval(count: u32, limit: u32, after: Duration) -> String {
    format!(
        "{count} tables that are already detached would be dropped, {} after the approval, more than \
         spec.limits.maxExpirePerRun ({limit}): \
         review the plan, then approve its fingerprint with the annotation pgpartition.dev/approve or apply \
         --approve, or set spec.retention.onExpiry to Detach to keep them",
        format_duration(after)
    )
}

pub(super) fn clock_skew(seconds: i64) -> String {
    let way = if seconds < 0 { "behind" } else { "ahead of" };
    format!(
        "the database clock is {} s {way} the operator's clock, and nothing expires: set the clocks to differ by at most {} s",
        seconds.unsigned_abs(),
        MAX_CLOCK_SKEW.as_secs()
    )
}
