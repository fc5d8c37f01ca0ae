//! Invariants while time advances and each plan is applied: a detached partition is not created again, and an expired
//! partition is removed.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use pg_partition_operator::desired::{DesiredTable, OnExpiry, Partitioning};
use pg_partition_operator::observed::{ObservedTable, PartitionState};
use pg_partition_operator::partition::{Interval, QualifiedName, RangeBounds};
use pg_partition_operator::plan::{Blocker, Plan, PlanTime, Step, check, plan, simulate};
use proptest::prelude::*;

use crate::arbitrary::{SimulatedState, range_state};
use crate::properties::{cases, holds};
use crate::{catalog, oracle, retention_oracle};

/// Partitions that were detached so far.
#[derive(Default)]
struct Detached {
    ranges: Vec<RangeBounds>,
    tables: BTreeSet<QualifiedName>,
}

impl Detached {
    fn see(&mut self, plan: &Plan) {
        for planned in &plan.steps {
            if let Step::DetachPartition(detach) = &planned.step {
                self.ranges.extend(detach.bounds.as_range());
                self.tables.insert(detach.partition.clone());
            }
        }
    }

    fn recreates(&self, plan: &Plan) -> Result<(), String> {
        for planned in &plan.steps {
            let (name, bounds) = match &planned.step {
                Step::CreatePartition(new) => (&new.partition, &new.bounds),
                Step::AttachPartition(attach) => (&attach.partition, &attach.bounds),
                Step::DrainDefault(drain) => (&drain.attach.partition, &drain.attach.bounds),
                _ => continue,
            };
            let overlaps = |range: RangeBounds| self.ranges.iter().any(|old| old.overlaps(&range));
            if self.tables.contains(name) || bounds.as_range().is_some_and(overlaps) {
                return Err(format!("{name:?} is created again\n{plan}"));
            }
        }
        Ok(())
    }
}

/// A little less than half a period.
fn pace(interval: Interval) -> SignedDuration {
    SignedDuration::from_secs(match interval {
        Interval::Hour => 1_700,
        Interval::Day => 41_000,
        Interval::Week => 290_000,
        Interval::Month => 1_200_000,
        Interval::Quarter => 3_800_000,
        Interval::Year => 15_500_000,
    })
}

/// Simulates other sessions between two runs: blocking sessions end, and referencing rows are deleted.
fn advance_other_sessions(observed: &mut ObservedTable) {
    catalog::reinspect(observed);
    for partition in &mut observed.partitions {
        if let PartitionState::PendingDetach { blocked_by, .. } = &mut partition.state {
            blocked_by.clear();
        }
        partition.rows_referenced_by = Some(Vec::new());
    }
}

/// The plan for an instant, done; approved where it needs to be.
fn run(
    desired: &DesiredTable,
    observed: &mut ObservedTable,
    now: Timestamp,
) -> Result<Plan, String> {
    let time = PlanTime::at(now);
    let state = SimulatedState { desired: desired.clone(), observed: observed.clone(), now };
    let desired = state.approved(&time).desired;
    let plan = plan(&desired, observed, &time);
    check(plan.clone(), &desired, observed, &time).map_err(|v| format!("{v}\n{plan}"))?;
    retention_oracle::nothing_is_lost_early(&desired, observed, &plan, &time)?;
    for planned in &plan.steps {
        simulate(observed, &planned.step);
    }
    oracle::nothing_overlaps(observed)?;
    advance_other_sessions(observed);
    Ok(plan)
}

proptest! {
    #![proptest_config(cases(60))]

    #[test]
    fn expired_partitions_are_removed_and_never_created_again(state in range_state()) {
        let SimulatedState { desired, mut observed, mut now } = state;
        let Partitioning::Range(range) = &desired.partitioning else { unreachable!() };
        let mut detached = Detached::default();
        let mut last = None;
        for _ in 0..9 {
            let plan = holds_with(run(&desired, &mut observed, now))?;
            holds(detached.recreates(&plan))?;
            detached.see(&plan);
            last = Some(plan);
            now += pace(range.interval);
        }
        let now = now - pace(range.interval);
        let plan = last.expect("there were runs");
        let is_excused = |name: &QualifiedName| plan.deferred.iter().any(|held| {
            let is_held = matches!(held.blocker,
                Blocker::LastPartition { .. } | Blocker::AnotherDetachPending { .. });
            is_held && held.step.as_ref().is_some_and(|wanted| wanted.subject() == *name)
        });
        for overdue in retention_oracle::overdue(&desired, &observed, now) {
            prop_assert!(is_excused(&overdue.name), "{:?} is still there\n{}", overdue.name, plan);
        }
        let days_waited = pace(range.interval) * 8;
        if let Some(OnExpiry::Drop { after }) = range.retention.map(|r| r.on_expiry)
            && days_waited > SignedDuration::try_from(after).expect("hours") * 2
        {
            let left = observed.partitions.iter().find(|p| {
                detached.tables.contains(&p.name)
                    && p.state.is_detached()
                    && retention_oracle::is_past(p, &desired, &observed, now - days_waited, 1)
            });
            prop_assert!(left.is_none(), "{left:?} is not dropped\n{plan}");
        }
    }
}

fn holds_with<T>(law: Result<T, String>) -> Result<T, TestCaseError> {
    law.map_err(TestCaseError::fail)
}
