//! Tables partitioned by hash.

use jiff::Timestamp;
use pg_partition_operator::partition::{Bounds, Method, hash_name};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::json;

use super::{Fate, SimulatedState, TABLES, fate, index};
use crate::catalog;

/// Some of the remainders of a modulus are split by a factor, and some partitions are missing.
pub(crate) fn hash_state() -> impl Strategy<Value = SimulatedState> {
    let splits = vec(prop_oneof![4 => Just(1_u32), 1 => Just(2), 1 => Just(4)], 1..7);
    let fates = vec(option::weighted(0.7, fate()), 24);
    let wrong_number = option::weighted(0.1, 1..20_u32);
    (select(&TABLES[..]), splits, fates, wrong_number, index::wanted(false)).prop_map(
        |(table, splits, fates, wrong_number, indexes)| {
            let bounds = bounds(&splits);
            let number = wrong_number.unwrap_or(u32::try_from(bounds.len()).expect("few"));
            let spec = json!({
                "schema": "shop",
                "table": table,
                "partitionBy": {"hash": {"columns": ["at"], "partitions": number}},
                "indexes": indexes,
            });
            let desired = catalog::desired(&spec).expect("a wish means something");
            let mut observed = catalog::table(desired.name.name(), Method::Hash, &[("at", "int8")]);
            index::add_columns(&mut observed);
            for (bounds, fate) in bounds.into_iter().zip(fates) {
                add(&mut observed, bounds, fate);
            }
            SimulatedState { desired, observed, now: Timestamp::UNIX_EPOCH }
        },
    )
}

fn bounds(splits: &[u32]) -> Vec<Bounds> {
    let modulus = u32::try_from(splits.len()).expect("few");
    let all = splits.iter().zip(0..).flat_map(|(split, remainder)| {
        (0..*split).map(move |part| Bounds::Hash {
            modulus: modulus * split,
            remainder: remainder + part * modulus,
        })
    });
    all.collect()
}

fn add(
    observed: &mut pg_partition_operator::observed::ObservedTable,
    bounds: Bounds,
    fate: Option<Fate>,
) {
    let (Some(fate), Bounds::Hash { remainder, .. }) = (fate, &bounds) else { return };
    let name = observed.name.sibling(hash_name(&observed.managed, *remainder));
    let mut partition = catalog::partition(name, bounds);
    fate.befall(&mut partition, Timestamp::UNIX_EPOCH);
    catalog::add(observed, partition);
}
