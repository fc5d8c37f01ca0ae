//! Worlds at random: tables that somebody, or a run that was cut off, could have left.

mod hash;
mod index;
mod range;

use jiff::Timestamp;
use pg_partition_operator::desired::DesiredTable;
use pg_partition_operator::observed::{Attachment, ObservedPartition, ObservedTable, Origin};
use pg_partition_operator::plan::{Moment, plan, simulate};
use proptest::prelude::*;

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
}

fn fate() -> impl Strategy<Value = Fate> {
    prop_oneof![
        6 => Just(Fate::Foreign),
        6 => Just(Fate::Ours),
        1 => Just(Fate::Pending),
        2 => Just(Fate::Prepared),
        1 => Just(Fate::Unfit),
        1 => Just(Fate::PreparedByAnother),
        1 => Just(Fate::Subpartitioned),
        1 => Just(Fate::NotOwned),
    ]
}

impl Fate {
    fn befall(self, partition: &mut ObservedPartition) {
        use pg_partition_operator::observed::PartitionKind;
        match self {
            Self::Foreign => {}
            Self::Ours => partition.origin = Origin::Ours,
            Self::Pending => partition.attachment = Attachment::DetachPending,
            Self::Subpartitioned => partition.kind = PartitionKind::Partitioned,
            Self::NotOwned => partition.owned = false,
            Self::Prepared | Self::Unfit | Self::PreparedByAnother => {
                partition.origin = Origin::Ours;
                partition.attachment = Attachment::Prepared;
                partition.fits = !matches!(self, Self::Unfit);
                partition.owned = !matches!(self, Self::PreparedByAnother);
            }
        }
    }
}

/// A run for something else that was cut off after some steps, or that came to its end.
fn cut_off(world: &mut World, before: &DesiredTable, steps: usize) {
    let plan = plan(before, &world.observed, &Moment::at(world.now));
    for planned in plan.steps.iter().take(steps) {
        simulate(&mut world.observed, &planned.step);
    }
}
