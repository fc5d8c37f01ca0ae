//! The saved snapshot in `examples/` is planned without a database.
//!
//! `PGPARTITION_UPDATE=1 cargo test --test pure examples` writes the plan again.

use std::fs;

use pg_partition_operator::api::v1alpha1::PartitionedTable;
use pg_partition_operator::desired::DesiredTable;
use pg_partition_operator::observed::{ObservedTable, Snapshot};
use pg_partition_operator::plan::{PlanTime, plan, questions};
use serde::Deserialize as _;

use crate::golden::expect_file;
use crate::source;

#[test]
fn saved_snapshot_has_its_plan() {
    let folder = source::root().join("examples/finance");
    let text = |file: &str| fs::read_to_string(folder.join(file)).expect("an example");
    let snapshot: Snapshot =
        serde_json::from_str(&text("revenues.snapshot.json")).expect("a snapshot");
    let observed = ObservedTable::try_from(snapshot).expect("a snapshot with a meaning");
    let documents = text("tables.yaml");
    let desired = serde_yaml::Deserializer::from_str(&documents)
        .map(|document| PartitionedTable::deserialize(document).expect("a resource"))
        .map(|table| DesiredTable::from_resource(&table).expect("a valid spec"))
        .find(|desired| desired.name == observed.managed)
        .expect("a document for the table");
    let time = PlanTime::at("2026-11-30T16:00:00Z".parse().expect("a time"));
    assert_eq!(questions(&desired, &observed, &time), []);
    expect_file("tests/pure/examples.txt", &plan(&desired, &observed, &time).to_string());
}
