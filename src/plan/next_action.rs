//! Time of the next step.

use jiff::Timestamp;

use super::PlanTime;
use super::calendar::{Calendar, grid};
use super::rules::grace_period_end;
use crate::desired::{
    AfterCutover, ConversionMethod, DesiredRange, DesiredTable, OnExpiry, Partitioning, Zone,
};
use crate::observed::{CopyFacts, ObservedPartition, ObservedTable};
use crate::partition::{KeyType, Side};

/// Returns the time of the next step that is due because of time alone; `None` for a hash that is not being
/// converted.
#[must_use]
pub fn next_action(
    desired: &DesiredTable,
    observed: &ObservedTable,
    time: &PlanTime,
) -> Option<Timestamp> {
    if let Some(copy) = &observed.copy {
        return next_of_conversion(desired, observed, copy, time);
    }
    let Partitioning::Range(range) = &desired.partitioning else { return None };
    let Zone::Known(zone) = &range.zone else { return None };
    let key = observed.range_key()?.key_type;
    let period = end_of_period(range, key, time.now);
    let scheduled = |cron: &Option<crate::desired::Cron>| match cron {
        Some(cron) => cron.next(zone, time.now),
        None => period,
    };
    let expire = range.retention.and_then(|_| scheduled(&range.schedule.expire));
    let dropped = if range.schedule.expire.is_some() {
        expire
    } else {
        next_grace_period_end(range, key, observed, time)
    };
    scheduled(&range.schedule.provision).into_iter().chain(expire).chain(dropped).min()
}

/// Returns when the tables of a conversion are compared again, and after the cutover when the periods change and when the
/// source can be dropped. The partitions of a copy wait for no schedule.
fn next_of_conversion(
    desired: &DesiredTable,
    observed: &ObservedTable,
    copy: &CopyFacts,
    time: &PlanTime,
) -> Option<Timestamp> {
    let ConversionMethod::Copy(options) = &desired.conversion.as_ref()?.method else { return None };
    let compared = copy.parity().and_then(|parity| parity.checked_at);
    let compared = compared.and_then(|at| at.checked_add(options.parity.every).ok());
    let is_served = copy.serving == Side::Partitioned;
    let grace = match options.source {
        AfterCutover::Drop { after } if is_served => {
            copy.serving_since().and_then(|since| since.checked_add(after).ok())
        }
        AfterCutover::Drop { .. } | AfterCutover::Keep => None,
    };
    let period = match &desired.partitioning {
        Partitioning::Range(range) if is_served => {
            observed.range_key().and_then(|key| end_of_period(range, key.key_type, time.now))
        }
        Partitioning::Range(_) | Partitioning::Hash(_) => None,
    };
    [compared, grace, period].into_iter().flatten().filter(|due| *due > time.now).min()
}

/// Returns the times at which the periods to provide and to keep change.
fn end_of_period(range: &DesiredRange, key: KeyType, now: Timestamp) -> Option<Timestamp> {
    let grid = grid(range, key)?;
    grid.axis.instant_after(grid.next(grid.axis.at(now))?, now)
}

/// Returns the first time at which another detached table can be dropped.
fn next_grace_period_end(
    range: &DesiredRange,
    key: KeyType,
    observed: &ObservedTable,
    time: &PlanTime,
) -> Option<Timestamp> {
    let OnExpiry::Drop { after } = range.retention?.on_expiry else { return None };
    let calendar = Calendar::new(range, key, time)?;
    let is_expired = |p: &&ObservedPartition| {
        p.bounds.as_range().is_some_and(|range| calendar.can_expire(range))
    };
    let since = observed
        .partitions
        .iter()
        .filter(is_expired)
        .filter_map(|p| p.state.recorded_detach()?.drops_since);
    since.map(|since| grace_period_end(since, after)).filter(|until| *until > time.now).min()
}
