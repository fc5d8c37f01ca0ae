//! Parts of a plan: which steps a run executes while index builds are left out.

use pg_partition_operator::desired::DesiredTable;
use pg_partition_operator::observed::{ObservedTable, PartitionKind};
use pg_partition_operator::partition::{Bounds, Edge, Method, QualifiedName, RangeBounds};
use pg_partition_operator::plan::{Moment, Plan, check, plan};
use serde_json::{Value, json};

use crate::world;

const NOW: &str = "2026-11-22T00:00:00Z";

fn moment() -> Moment {
    Moment::at(NOW.parse().expect("an instant"))
}

fn desired(extra: &Value) -> DesiredTable {
    let mut spec = json!({
        "database": {"secretRef": {"name": "db"}}, "schema": "shop", "table": "orders", "ahead": 1,
        "partitionBy": {"range": {"column": "at", "interval": "Month", "timeZone": "UTC"}},
    });
    for (field, value) in extra.as_object().expect("fields") {
        spec[field] = value.clone();
    }
    world::desired(&spec).expect("a spec")
}

/// A table with a partition for each of the months.
fn table(months: &[(&str, &str, &str)]) -> ObservedTable {
    let name = QualifiedName::parse_sql("shop.orders").expect("a name");
    let mut found = world::table(&name, Method::Range, &[("at", "timestamptz")]);
    for (partition, from, to) in months {
        let edge = |day: &str| {
            let instant = format!("{day}T00:00:00Z").parse::<jiff::Timestamp>();
            Edge::At(i128::from(instant.expect("an instant").as_microsecond()))
        };
        let bounds = RangeBounds::new(edge(from), edge(to)).expect("a range");
        let partition = name.sibling(world::identifier(partition));
        world::add(&mut found, world::partition(partition, Bounds::Range(bounds)));
    }
    found
}

fn verbs(plan: &Plan) -> Vec<&'static str> {
    plan.steps.iter().map(|planned| planned.step.verb()).collect()
}

#[test]
fn partitions_are_provided_beside_a_foreign_partition_while_its_siblings_lack_an_index() {
    let desired = desired(&json!({"indexes": [{"name": "i", "columns": [{"column": "at"}]}]}));
    let mut found = table(&[
        ("orders_2026_10", "2026-10-01", "2026-11-01"),
        ("orders_2026_11", "2026-11-01", "2026-12-01"),
    ]);
    found.partitions[0].kind = PartitionKind::Foreign;
    let whole = plan(&desired, &found, &moment());
    assert_eq!(verbs(&whole), ["create", "attach", "build-index", "create-index"]);
    let part = whole.without_aside();
    assert_eq!(verbs(&part), ["create", "attach"]);
    let checked = check(part, &desired, &found, &moment());
    assert!(checked.is_ok(), "{checked:?}");
}
