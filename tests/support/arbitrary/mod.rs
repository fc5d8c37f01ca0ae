//! Random simulated states: tables as a user or an interrupted run could have left them.

mod hash;
mod index;
mod lifecycle;
mod range;

use jiff::{SignedDuration, Timestamp};
use pg_partition_operator::desired::DesiredTable;
use pg_partition_operator::observed::{
    BlockingTransaction, DetachedBy, ObservedPartition, ObservedTable, PartitionKind,
    PartitionState,
};
use pg_partition_operator::partition::{Detached, MarkerState};
use pg_partition_operator::plan::{PlanTime, plan, simulate};
use proptest::prelude::*;

use crate::catalog;

pub(crate) use hash::hash_state;
pub(crate) use range::range_state;

/// Desired state, observed state, and current time.
#[derive(Debug, Clone)]
pub(crate) struct SimulatedState {
    pub(crate) desired: DesiredTable,
    pub(crate) observed: ObservedTable,
    pub(crate) now: Timestamp,
}

pub(crate) fn any_state() -> impl Strategy<Value = SimulatedState> {
    prop_oneof![4 => range_state().boxed(), 1 => hash_state().boxed()]
}

/// Names that a careless program would trip over.
const TABLES: [&str; 6] = [
    "orders",
    "Or\"der;s",
    "select",
    "a table with a name of sixty-three bytes, the longest there may",
    "übersicht_über_alle_bestellungen_der_münchner_filialen_😀",
    "o",
];

/// Origin and state of a partition.
#[derive(Debug, Clone, Copy)]
enum Fate {
    Foreign,
    Ours,
    Pending,
    Prepared,
    Unfit,
    PreparedByAnother,
    Subpartitioned,
    NotOwned,
    AfterExpiry(AfterExpiry),
}

/// State of a managed partition that has expired.
#[derive(Debug, Clone, Copy)]
enum AfterExpiry {
    Marked,
    Pending,
    HeldPending,
    /// Detached without a marker, so the actor is unknown.
    DetachedManually,
    CutOffBeforeRemembering,
    /// From a dump, or by a copied comment.
    Restored,
    /// Detached this number of hours ago, and kept.
    DetachedToStay(i64),
    /// Detached this number of hours ago, and dropped after the grace period.
    Detached(i64),
    AttachedAgain(i64),
    PendingAgain(i64),
    TakenByAnother,
    ReferredTo,
    Unlike,
}

fn fate() -> impl Strategy<Value = Fate> {
    prop_oneof![
        6 => Just(Fate::Foreign),
        8 => Just(Fate::Ours),
        1 => Just(Fate::Pending),
        2 => Just(Fate::Prepared),
        1 => Just(Fate::Unfit),
        1 => Just(Fate::PreparedByAnother),
        1 => Just(Fate::Subpartitioned),
        1 => Just(Fate::NotOwned),
        6 => let_go().prop_map(Fate::AfterExpiry),
    ]
}

fn let_go() -> impl Strategy<Value = AfterExpiry> {
    prop_oneof![
        2 => Just(AfterExpiry::Marked),
        1 => Just(AfterExpiry::Pending),
        1 => Just(AfterExpiry::HeldPending),
        1 => Just(AfterExpiry::DetachedManually),
        2 => Just(AfterExpiry::CutOffBeforeRemembering),
        1 => Just(AfterExpiry::Restored),
        2 => (0..400_i64).prop_map(AfterExpiry::DetachedToStay),
        4 => (0..400_i64).prop_map(AfterExpiry::Detached),
        2 => (0..400_i64).prop_map(AfterExpiry::AttachedAgain),
        1 => (0..400_i64).prop_map(AfterExpiry::PendingAgain),
        1 => Just(AfterExpiry::TakenByAnother),
        1 => Just(AfterExpiry::ReferredTo),
        1 => Just(AfterExpiry::Unlike),
    ]
}

impl Fate {
    fn befall(self, partition: &mut ObservedPartition, now: Timestamp) {
        match self {
            Self::Foreign => {}
            Self::Ours => catalog::set_marker_state(partition, MarkerState::Attached),
            Self::Pending => catalog::set_pending_detach(partition),
            Self::Subpartitioned => partition.kind = PartitionKind::Partitioned,
            Self::NotOwned => partition.owned = false,
            Self::Prepared | Self::Unfit | Self::PreparedByAnother => {
                partition.state = PartitionState::NeverAttached;
                partition.columns_match = !matches!(self, Self::Unfit);
                partition.owned = !matches!(self, Self::PreparedByAnother);
            }
            Self::AfterExpiry(fate) => fate.befall(partition, now),
        }
    }
}

impl AfterExpiry {
    fn befall(self, partition: &mut ObservedPartition, now: Timestamp) {
        let since = |hours: i64| {
            let whole = Timestamp::from_second(now.as_second()).expect("an instant");
            let at = whole - SignedDuration::from_hours(hours);
            MarkerState::Detached(Detached { at, drops_since: Some(at) })
        };
        let mark = match self {
            Self::DetachedManually | Self::Restored => MarkerState::Attached,
            Self::DetachedToStay(hours) => match since(hours) {
                MarkerState::Detached(to_drop) => {
                    MarkerState::Detached(Detached { drops_since: None, ..to_drop })
                }
                mark => mark,
            },
            Self::Marked | Self::Pending | Self::HeldPending | Self::CutOffBeforeRemembering => {
                MarkerState::Expired { drops: now.as_second() % 2 == 0 }
            }
            Self::Detached(hours) | Self::AttachedAgain(hours) | Self::PendingAgain(hours) => {
                since(hours)
            }
            Self::TakenByAnother | Self::ReferredTo | Self::Unlike => since(100),
        };
        catalog::set_marker_state(partition, mark);
        match self {
            Self::Marked | Self::AttachedAgain(_) => {}
            Self::Pending | Self::HeldPending | Self::PendingAgain(_) => {
                catalog::set_pending_detach(partition);
            }
            _ => catalog::set_detached(partition),
        }
        match (self, &mut partition.state) {
            (Self::HeldPending, PartitionState::PendingDetach { blocked_by, .. }) => {
                blocked_by.push(BlockingTransaction::Session { pid: 4711, who: String::new() });
            }
            (Self::Restored, PartitionState::Detached { by, .. }) => *by = DetachedBy::Restore,
            _ => {}
        }
        match self {
            Self::TakenByAnother => partition.owned = false,
            Self::ReferredTo => {
                partition.referenced_by = vec![partition.name.sibling(catalog::identifier("rest"))];
            }
            Self::Unlike => partition.columns_match = false,
            _ => {}
        }
    }
}

/// Simulates a run of another spec, perhaps at another time, that was interrupted after some steps or completed. A user
/// approved everything that needed approval.
fn interrupted_run(state: &mut SimulatedState, before: &DesiredTable, at: Timestamp, steps: usize) {
    let mut before = before.clone();
    before.limits.max_expire_per_run = 1_000;
    let plan = plan(&before, &state.observed, &PlanTime::at(at));
    for planned in plan.steps.iter().take(steps) {
        simulate(&mut state.observed, &planned.step);
    }
    catalog::reinspect(&mut state.observed);
}

impl SimulatedState {
    /// Returns the same state, with the approval of a user for the plan at this time.
    pub(crate) fn approved(mut self, time: &PlanTime) -> Self {
        self.desired.approved = vec![plan(&self.desired, &self.observed, time).fingerprint];
        self
    }
}
