//! Which partitions may be adopted, detached, and dropped, and how many.

use jiff::{SignedDuration, Timestamp};

use super::simulated_state::SimulatedState;
use super::{SafetyRule, expiry};
use crate::desired::{AdoptedName, DesiredTable, OnExpiry, Partitioning};
use crate::observed::{ObservedPartition, ObservedTable};
use crate::partition::{Bounds, Edge, QualifiedName};
use crate::plan::limits::MAX_CLOCK_SKEW;
use crate::plan::step::{MarkAs, MarkPartitions};
use crate::plan::{Plan, PlanTime, PlannedStep, Step};

/// Partitions that the spec and a user allow to expire.
pub(super) struct Allowance<'a> {
    /// Upper bound up to which partitions have expired; `None` if none may expire.
    expired_until: Option<Edge>,
    /// Latest start of a grace period that is over; `None` if no table may be dropped.
    pub(super) dropped_since: Option<Timestamp>,
    /// Whether the spec says that what is detached is dropped.
    pub(super) drops: bool,
    /// Object identifier of the table.
    pub(super) table: Option<u32>,
    /// Maximum number of partitions that may expire in one run.
    max_expired: usize,
    /// Unmanaged partitions that may be adopted.
    adopted: &'a [AdoptedName],
    /// Position of the current time.
    now: Option<Edge>,
    /// Whether a user approved the plan.
    is_approved: bool,
}

impl<'a> Allowance<'a> {
    pub(super) fn new(
        plan: &Plan,
        desired: &'a DesiredTable,
        observed: &ObservedTable,
        time: &PlanTime,
    ) -> Self {
        let mut allowance = Self {
            expired_until: None,
            dropped_since: None,
            drops: false,
            table: observed.relation.as_ref().map(|relation| relation.oid),
            max_expired: 0,
            adopted: &desired.adopt,
            now: None,
            is_approved: desired.approved.contains(&plan.fingerprint),
        };
        let (Partitioning::Range(range), Some(key)) = (&desired.partitioning, observed.range_key())
        else {
            return allowance;
        };
        allowance.now = expiry::position(range, key.key_type, time.now).map(Edge::At);
        let clocks_agree = observed
            .server
            .clock_offset
            .is_none_or(|clock_offset| clock_offset.abs() <= MAX_CLOCK_SKEW);
        let Some(retention) = range.retention.filter(|_| clocks_agree) else { return allowance };
        allowance.drops = matches!(retention.on_expiry, OnExpiry::Drop { .. });
        let retained_from = expiry::retained_from(range, key.key_type, retention.keep, time.expire);
        allowance.expired_until = retained_from.map(Edge::At);
        allowance.dropped_since = match retention.on_expiry {
            OnExpiry::Detach => None,
            // Nor what this very run detaches.
            OnExpiry::Drop { after } => {
                let before_now = time.now.saturating_sub(SignedDuration::from_nanos(1)).ok();
                time.expire.checked_sub(after).ok().min(before_now)
            }
        };
        allowance.max_expired = if allowance.is_approved {
            usize::MAX
        } else {
            desired.limits.max_expire_per_run as usize
        };
        allowance
    }

    /// Returns whether the current period has a partition.
    pub(super) fn covers_current_period(&self, state: &SimulatedState<'_>) -> bool {
        let takes = |p: &ObservedPartition| {
            p.bounds.as_range().zip(self.now).is_some_and(|(range, now)| range.contains(now))
        };
        state.attached().any(takes)
    }

    /// Returns whether these steps together expire no more partitions than allowed.
    pub(super) fn within_limit(
        &self,
        steps: &[PlannedStep],
        state: &SimulatedState<'_>,
    ) -> Result<(), SafetyRule> {
        let ensure_enough = |is_counted: fn(MarkAs) -> bool, rule| {
            let counted = |planned: &PlannedStep| marked_as(&planned.step, is_counted);
            if steps.last().is_none_or(|last| counted(last) == 0) {
                return Ok(());
            }
            state.ensure(steps.iter().map(counted).sum::<usize>() <= self.max_expired, rule)
        };
        let is_expired = |mark_as: MarkAs| matches!(mark_as, MarkAs::Expired { .. });
        ensure_enough(is_expired, SafetyRule::ExpireLimit)?;
        ensure_enough(|mark_as| mark_as == MarkAs::ForDrop, SafetyRule::DropLimit)
    }

    /// Returns whether the spec asks to adopt a partition.
    pub(super) fn may_adopt(&self, partition: &QualifiedName, state: &SimulatedState<'_>) -> bool {
        self.adopted.iter().any(|adopted| {
            let schema = adopted.schema.as_ref().unwrap_or(&state.managed.name().schema);
            adopted.name == partition.name && *schema == partition.schema
        })
    }

    /// Returns an error unless the whole range of a partition has expired.
    pub(super) fn is_expired(
        &self,
        bounds: &Bounds,
        state: &SimulatedState<'_>,
    ) -> Result<(), SafetyRule> {
        let range = state.need(bounds.as_range(), SafetyRule::OnlyRangesExpire)?;
        state.ensure(matches!(range.from(), Edge::At(_)), SafetyRule::HasLowerBound)?;
        let is_past = self.expired_until.is_some_and(|until| range.to() <= until);
        state.ensure(is_past, SafetyRule::Expired)
    }
}

/// Returns the number of partitions that a step marks so.
fn marked_as(step: &Step, is_counted: fn(MarkAs) -> bool) -> usize {
    if let Step::MarkPartitions(MarkPartitions { partitions, mark_as, .. }) = step
        && is_counted(*mark_as)
    {
        return partitions.len();
    }
    0
}
