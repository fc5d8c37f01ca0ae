//! Parts of a plan: which steps a run executes while index builds are left out.

use pg_partition_operator::desired::DesiredTable;
use pg_partition_operator::observed::{ObservedTable, PartitionKind};
use pg_partition_operator::partition::{Edge, MarkerState, Method, QualifiedName, RangeBounds};
use pg_partition_operator::plan::{
    Cause, DropIndex, Plan, PlanTime, PlannedStep, Rule, Step, Undone, check, plan,
};
use serde_json::{Value, json};

use crate::{catalog, samples};

const NOW: &str = "2026-11-22T00:00:00Z";

fn time() -> PlanTime {
    PlanTime::at(NOW.parse().expect("an instant"))
}

fn desired(extra: &Value) -> DesiredTable {
    let mut spec = json!({
        "database": {"secretRef": {"name": "db"}}, "schema": "shop", "table": "orders", "ahead": 1,
        "partitionBy": {"range": {"column": "at", "interval": "Month", "timeZone": "UTC"}},
    });
    for (field, value) in extra.as_object().expect("fields") {
        spec[field] = value.clone();
    }
    catalog::desired(&spec).expect("a spec")
}

/// A table with a partition for each of the months.
fn table(months: &[(&str, &str, &str)]) -> ObservedTable {
    let name = QualifiedName::parse_sql("shop.orders").expect("a name");
    let mut found = catalog::table(&name, Method::Range, &[("at", "timestamptz")]);
    for (partition, from, to) in months {
        let edge = |day: &str| {
            let instant = format!("{day}T00:00:00Z").parse::<jiff::Timestamp>();
            Edge::At(i128::from(instant.expect("an instant").as_microsecond()))
        };
        let range = RangeBounds::new(edge(from), edge(to)).expect("a range");
        let bounds = catalog::bounds(&found, range);
        let partition = name.sibling(catalog::identifier(partition));
        catalog::add(&mut found, catalog::partition(partition, bounds));
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
    found.partitions[0].kind = PartitionKind::ForeignTable;
    let whole = plan(&desired, &found, &time());
    assert_eq!(verbs(&whole), ["create", "attach", "build-index", "create-parent-index"]);
    let part = whole.without_aside();
    assert_eq!(verbs(&part), ["create", "attach"]);
    let checked = check(part, &desired, &found, &time());
    assert!(checked.is_ok(), "{checked:?}");
}

/// A partition of the past and the current one, both managed.
fn managed() -> ObservedTable {
    let mut found = table(&[
        ("orders_2026_09", "2026-09-01", "2026-10-01"),
        ("orders_2026_11", "2026-11-01", "2026-12-01"),
    ]);
    for partition in &mut found.partitions {
        catalog::set_marker_state(partition, MarkerState::Attached);
    }
    found
}

/// The partitions on which steps aside can begin.
fn begun(desired: &DesiredTable, found: &ObservedTable) -> Vec<String> {
    let whole = plan(desired, found, &time());
    let (mut tried, mut begun) = (Vec::new(), Vec::new());
    while let Some(next) = whole.next_aside(&tried) {
        let step = next.steps[0].step.clone();
        begun.extend(step.facts().aside.map(|partition| partition.name.display()));
        tried.push(step);
    }
    begun
}

#[test]
fn no_build_begins_on_a_partition_with_a_detach_that_awaits_approval() {
    let index = json!([{"name": "i", "columns": [{"column": "at"}]}]);
    let waits = json!({
        "indexes": index, "retention": {"keep": 1}, "limits": {"maxExpirePerRun": 0},
    });
    assert_eq!(begun(&desired(&waits), &managed()), ["orders_2026_11"]);
    let kept = json!({"indexes": index, "retention": {"keep": 9}});
    assert_eq!(begun(&desired(&kept), &managed()), ["orders_2026_09", "orders_2026_11"]);
}

#[test]
fn no_build_with_a_condition_begins_while_a_detach_is_pending() {
    let mut found = managed();
    catalog::set_pending_detach(&mut found.partitions[0]);
    for (condition, expected) in [(None, vec!["orders_2026_11"]), (Some("at IS NOT NULL"), vec![])]
    {
        let mut index = json!({"name": "i", "columns": [{"column": "at"}], "partitions": "Newest", "newest": 1});
        if let Some(condition) = condition {
            index["where"] = json!(condition);
        }
        let desired = desired(&json!({"indexes": [index]}));
        assert!(verbs(&plan(&desired, &found, &time())).contains(&"build-index"), "{condition:?}");
        assert_eq!(begun(&desired, &found), expected, "{condition:?}");
    }
}

#[test]
fn index_is_dropped_only_if_its_own_successor_was_built() {
    let samples = samples::steps();
    let build = samples.iter().find_map(|step| match step {
        Step::BuildIndex(build) => Some(build.clone()),
        _ => None,
    });
    let build = build.expect("a sample");
    let mut undone = Undone::default();
    undone.add(&Step::BuildIndex(build.clone()));
    let is_blocked = |successor: Option<&str>| {
        let step = Step::DropIndex(DropIndex {
            partition: build.partition.clone(),
            index: catalog::identifier("old"),
            successor: successor.map(catalog::identifier),
        });
        undone.blocks(&PlannedStep { rule: Rule::Index, step, cause: Cause::DefinitionChanged })
    };
    assert!(is_blocked(Some(build.index.as_str())));
    assert!(!is_blocked(Some("other")));
    assert!(!is_blocked(None));
}
