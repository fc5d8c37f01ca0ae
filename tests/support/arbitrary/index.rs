//! Random indexes of the spec and of the catalog.

use pg_partition_operator::observed::{IndexMarker, ObservedPartition, ObservedTable};
use pg_partition_operator::partition::{IndexColumn, IndexShape, digest};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use serde_json::{Value, json};

use crate::catalog;

/// An index on a partition.
#[derive(Debug, Clone)]
pub(super) struct Found {
    column: &'static str,
    state: State,
}

#[derive(Debug, Clone, Copy)]
enum State {
    Valid,
    Invalid,
    Building,
    OursForHot,
}

/// Some of what a resource may name: an index of the table, one of the newest, a partial one.
pub(super) fn wanted(by_range: bool) -> impl Strategy<Value = Vec<Value>> {
    let column = select(vec!["amount", "status"]);
    (subsequence(vec!["whole", "hot", "partial"], 0..=3), column, 1..4_i64).prop_map(
        move |(names, column, newest)| {
            let all = names.into_iter().filter(|name| by_range || *name != "hot").map(|name| {
                let mut index = json!({"name": name, "columns": [{"column": column}]});
                match name {
                    "hot" => {
                        index["partitions"] = json!("Newest");
                        index["newest"] = json!(newest);
                    }
                    "partial" => index["where"] = json!("status = 'new'"),
                    _ => {}
                }
                index
            });
            all.collect()
        },
    )
}

pub(super) fn found() -> impl Strategy<Value = Vec<Found>> {
    let states = vec![State::Valid, State::Invalid, State::Building, State::OursForHot];
    let column = select(vec!["amount", "status"]);
    vec((column, select(states)).prop_map(|(column, state)| Found { column, state }), 0..2)
}

pub(super) fn add_columns(observed: &mut ObservedTable) {
    let relation = observed.relation.as_mut().expect("there is a table");
    relation.columns.extend(["amount", "status"].map(catalog::identifier));
}

pub(super) fn give(partition: &mut ObservedPartition, indexes: &[Found]) {
    for (number, found) in indexes.iter().enumerate() {
        let column = IndexColumn {
            column: catalog::identifier(found.column),
            descending: false,
            nulls_first: false,
        };
        let shape = IndexShape {
            method: "btree".to_owned(),
            unique: false,
            columns: vec![column],
            include: Vec::new(),
            predicate: None,
        };
        let name = format!("i{number}_{}", digest(partition.name.name.as_str(), 8));
        let mut index = catalog::index(&name, shape.clone());
        match found.state {
            State::Valid => {}
            State::Invalid => index.valid = false,
            State::Building => (index.valid, index.building) = (false, true),
            State::OursForHot => {
                let hot = catalog::identifier("hot");
                index.marker = Some(IndexMarker { index: hot, digest: shape.digest() });
            }
        }
        partition.indexes.push(index);
    }
}
