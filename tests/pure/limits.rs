//! A plan has a limited number of steps.

use pg_partition_operator::partition::{Bounds, Method, QualifiedName};
use pg_partition_operator::plan::{Note, PlanTime, PlannedStep, plan, simulate};
use serde_json::json;

use crate::catalog::{add, desired, identifier, partition, table};

#[test]
fn plan_reports_indexes_left_to_the_next_run() {
    let name = |name: &str| QualifiedName { schema: identifier("shop"), name: identifier(name) };
    let mut state = table(&name("t"), Method::Hash, &[("id", "int8")]);
    let modulus = 128;
    for remainder in 0..modulus {
        let bounds = Bounds::Hash { modulus, remainder };
        add(&mut state, partition(name(&format!("t_{remainder:03}")), bounds));
    }
    let noted = |count: usize| {
        let index = |n: usize| json!({"name": format!("t_{n}"), "columns": [{"column": "id"}]});
        let spec = json!({
            "schema": "shop", "table": "t",
            "partitionBy": {"hash": {"columns": ["id"], "partitions": modulus}},
            "indexes": (0..count).map(index).collect::<Vec<_>>(),
        });
        let desired = desired(&spec).expect("a spec");
        let plan = plan(&desired, &state, &PlanTime::at(jiff::Timestamp::UNIX_EPOCH));
        plan.notes.iter().any(|planned| matches!(planned.note, Note::PlanFull { .. }))
    };
    assert_eq!([noted(2), noted(64)], [false, true]);
}

/// Unlimited, a plan for thousands of periods with many indexes takes hundreds of MiB.
#[test]
fn plan_that_leaves_periods_to_the_next_run_begins_with_the_current_one() {
    let name = QualifiedName { schema: identifier("shop"), name: identifier("t") };
    let mut state = table(&name, Method::Range, &[("at", "timestamptz")]);
    let index = |n: usize| json!({"name": format!("t_{n}"), "columns": [{"column": "at"}], "partitions": "Newest", "newest": 10});
    let spec = json!({
        "schema": "shop", "table": "t", "ahead": 1000,
        "partitionBy": {"range": {"column": "at", "interval": "Hour"}},
        "indexes": (0..16).map(index).collect::<Vec<_>>(),
    });
    let desired = desired(&spec).expect("a spec");
    let time = PlanTime::at(jiff::Timestamp::UNIX_EPOCH);
    let mut planned = Vec::new();
    for _ in 0..2 {
        let plan = plan(&desired, &state, &time);
        let is_create = |p: &&PlannedStep| p.step.verb() == "create";
        planned
            .push(plan.steps.iter().filter(is_create).map(|p| p.step.detail()).collect::<Vec<_>>());
        plan.steps.iter().for_each(|planned| simulate(&mut state, &planned.step));
    }
    assert_eq!(planned.iter().map(Vec::len).collect::<Vec<_>>(), [588, 413]);
    assert!(planned[0][0].starts_with("[1970-01-01, "), "{}", planned[0][0]);
}
