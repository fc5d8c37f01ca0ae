//! Messages about approvals and clock skew.

use std::time::Duration;

use super::APPROVE;
use crate::desired::format_duration;
use crate::plan::limits::MAX_CLOCK_SKEW;

pub(super) fn awaiting_approval(count: u32, limit: u32, dropped_after: Option<Duration>) -> String {
    let then = match dropped_after {
        None => String::new(),
        Some(after) => format!(", and dropped {} later", format_duration(after)),
    };
    format!(
        "{count} partitions would be detached in one run, more than spec.limits.maxExpirePerRun ({limit}){then}: review the \
         plan; to detach them, {APPROVE}; to keep them, extend spec.retention"
    )
}

pub(super) fn drop_needs_approval(count: u32, limit: u32, after: Duration) -> String {
    format!(
        "spec.retention.onExpiry is Drop, and {count} tables that are already detached would be marked for a drop in one \
         run, more than spec.limits.maxExpirePerRun ({limit}), and dropped {} later: review the plan; to drop them, \
         {APPROVE}; to keep them, set spec.retention.onExpiry to Detach",
        format_duration(after)
    )
}

pub(super) fn clock_skew(seconds: i64) -> String {
    let way = if seconds < 0 { "behind" } else { "ahead of" };
    format!(
        "the database clock is {} s {way} the operator's clock, and nothing expires: correct the clock that is wrong (they may differ by at most {} s)",
        seconds.unsigned_abs(),
        MAX_CLOCK_SKEW.as_secs()
    )
}
