//! Worlds at random: tables that somebody, or a run that was cut off, could have left.

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

pub(crate) use hash::hash_world;
pub(crate) use range::range_world;

/// What is wanted, what there is, and what time it is.
#[derive(Debug, Clone)]
pub(crate) struct World {
    pub(crate) desired: DesiredTable,
    pub(crate) observed: ObservedTable,
    pub(crate) now: Timestamp,
}

pub(crate) fn any_world() -> impl Strategy<Value = World> {
    prop_oneof![4 => range_world().boxed(), 1 => hash_world().boxed()]
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

/// How a partition came about and what became of it.
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
    LetGo(LetGo),
}

/// What became of a partition of ours that was let go.
#[derive(Debug, Clone, Copy)]
enum LetGo {
    Marked,
    Pending,
    HeldPending,
    /// By whom, nobody knows: it was not marked.
    DetachedByAPerson,
    CutOffBeforeRemembering,
    /// From a dump, or by a copied comment.
    Restored,
    /// So many hours ago, to be kept.
    DetachedToStay(i64),
    /// So many hours ago.
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
        6 => let_go().prop_map(Fate::LetGo),
    ]
}

fn let_go() -> impl Strategy<Value = LetGo> {
    prop_oneof![
        2 => Just(LetGo::Marked),
        1 => Just(LetGo::Pending),
        1 => Just(LetGo::HeldPending),
        1 => Just(LetGo::DetachedByAPerson),
        2 => Just(LetGo::CutOffBeforeRemembering),
        1 => Just(LetGo::Restored),
        2 => (0..400_i64).prop_map(LetGo::DetachedToStay),
        4 => (0..400_i64).prop_map(LetGo::Detached),
        2 => (0..400_i64).prop_map(LetGo::AttachedAgain),
        1 => (0..400_i64).prop_map(LetGo::PendingAgain),
        1 => Just(LetGo::TakenByAnother),
        1 => Just(LetGo::ReferredTo),
        1 => Just(LetGo::Unlike),
    ]
}

impl Fate {
    fn befall(self, partition: &mut ObservedPartition, now: Timestamp) {
        match self {
            Self::Foreign => {}
            Self::Ours => catalog::set_mark(partition, MarkerState::Attached),
            Self::Pending => catalog::set_pending_detach(partition),
            Self::Subpartitioned => partition.kind = PartitionKind::Partitioned,
            Self::NotOwned => partition.owned = false,
            Self::Prepared | Self::Unfit | Self::PreparedByAnother => {
                partition.state = PartitionState::NeverAttached;
                partition.columns_match = !matches!(self, Self::Unfit);
                partition.owned = !matches!(self, Self::PreparedByAnother);
            }
            Self::LetGo(fate) => fate.befall(partition, now),
        }
    }
}

impl LetGo {
    fn befall(self, partition: &mut ObservedPartition, now: Timestamp) {
        let since = |hours: i64| {
            let whole = Timestamp::from_second(now.as_second()).expect("an instant");
            let at = whole - SignedDuration::from_hours(hours);
            MarkerState::Detached(Detached { at, drops_since: Some(at) })
        };
        let mark = match self {
            Self::DetachedByAPerson | Self::Restored => MarkerState::Attached,
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
        catalog::set_mark(partition, mark);
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

/// A run for something else, and perhaps at another time, that was cut off after some steps, or that came
/// to its end. Whatever it asked for, a person approved.
fn cut_off(world: &mut World, before: &DesiredTable, at: Timestamp, steps: usize) {
    let mut before = before.clone();
    before.limits.max_expire_per_run = 1_000;
    let plan = plan(&before, &world.observed, &PlanTime::at(at));
    for planned in plan.steps.iter().take(steps) {
        simulate(&mut world.observed, &planned.step);
    }
    catalog::look_again(&mut world.observed);
}

impl World {
    /// The same, where a person has approved the plan for a moment.
    pub(crate) fn approved(mut self, moment: &PlanTime) -> Self {
        self.desired.approved = vec![plan(&self.desired, &self.observed, moment).fingerprint];
        self
    }
}
