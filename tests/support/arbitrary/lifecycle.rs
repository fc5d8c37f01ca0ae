//! Random fields of a spec for the lifecycle of partitions: retention, default partition, schedules, limits.

use pg_partition_operator::observed::{ForeignKey, ObservedTable};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

use crate::catalog;

/// Fields of a resource.
#[derive(Debug, Clone)]
pub(super) struct Life {
    /// Number of kept periods, and the grace period in hours if detached tables are dropped.
    pub(super) keep: Option<(i64, Option<i64>)>,
    pub(super) has_default: bool,
    pub(super) schedule: [Option<&'static str>; 2],
    pub(super) most: i64,
}

impl Life {
    pub(super) fn write(&self, spec: &mut Value) {
        if let Some((keep, hours)) = self.keep {
            spec["retention"] = match hours {
                None => json!({"keep": keep}),
                Some(hours) => {
                    json!({"keep": keep, "onExpiry": "Drop", "dropAfter": format!("{hours}h")})
                }
            };
        }
        if self.has_default {
            spec["defaultPartition"] = json!("Present");
        }
        spec["limits"]["maxExpirePerRun"] = json!(self.most);
        for (field, cron) in ["provision", "expire"].into_iter().zip(self.schedule) {
            if let Some(cron) = cron.filter(|_| field == "provision" || self.keep.is_some()) {
                spec["schedule"][field] = json!(cron);
            }
        }
    }
}

const SCHEDULES: [&str; 4] = ["0 2 1 * *", "*/20 * * * *", "30 3 * * 1", "0 0 15 1,7 *"];

pub(super) fn life() -> impl Strategy<Value = Life> {
    let keep = option::weighted(0.7, (0..5_i64, option::weighted(0.6, hours())));
    let cron = || option::weighted(0.3, select(&SCHEDULES[..]));
    let most = prop_oneof![Just(0_i64), Just(1), Just(3), Just(1_000)];
    (keep, proptest::bool::weighted(0.3), [cron(), cron()], most)
        .prop_map(|(keep, has_default, schedule, most)| Life { keep, has_default, schedule, most })
}

fn hours() -> impl Strategy<Value = i64> {
    prop_oneof![Just(0_i64), Just(1), Just(168)]
}

/// Whether foreign keys lead to the table, and what was found of each partition.
pub(super) fn references() -> impl Strategy<Value = Option<Vec<Option<bool>>>> {
    option::weighted(0.15, vec(option::weighted(0.8, any::<bool>()), 12))
}

pub(super) fn refer(observed: &mut ObservedTable, references: Option<&Vec<Option<bool>>>) {
    let (Some(found), Some(relation)) = (references, observed.relation.as_mut()) else { return };
    let from = observed.name.sibling(catalog::identifier("the invoices"));
    relation.referenced_by =
        vec![ForeignKey { from: from.clone(), columns: Vec::new(), operators: Vec::new() }];
    for (partition, found) in observed.partitions.iter_mut().zip(found) {
        let by = |refers: bool| if refers { vec![from.clone()] } else { Vec::new() };
        partition.rows_referenced_by = found.map(by);
    }
}
