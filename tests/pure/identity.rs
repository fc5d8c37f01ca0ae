//! The identity of a table apart from the relation that SQL addresses: a copy is kept like the table whose
//! name it takes at its cutover.

use std::time::Duration;

use pg_partition_operator::observed::{ObservedTable, Snapshot};
use pg_partition_operator::partition::{ManagedTable, Method, QualifiedName};
use pg_partition_operator::plan::{Plan, PlanTime, PlannedStep, Step, check, plan, simulate};
use pg_partition_operator::sql::{Timeouts, render};
use proptest::prelude::*;
use serde_json::json;

use crate::arbitrary::{SimulatedState, any_state};
use crate::catalog;
use crate::properties::cases;

/// Returns the same state with a relation whose name differs from that of the table.
fn copy_of(state: &SimulatedState) -> ObservedTable {
    let mut copy = state.observed.clone();
    copy.name = copy.managed.sibling(catalog::identifier("zz_copy"));
    copy
}

fn at(observed: &ObservedTable, state: &SimulatedState) -> Plan {
    plan(&state.desired, observed, &PlanTime::at(state.now))
}

/// Returns the text of a plan without its fingerprint.
fn said(plan: &Plan) -> String {
    let Plan { table, steps, work, deferred, notes, owner, fingerprint: _ } = plan;
    format!("{table:?} {steps:#?} {work:?} {deferred:#?} {notes:#?} {owner:?}")
}

proptest! {
    #![proptest_config(cases(150))]

    #[test]
    fn plan_for_a_copy_differs_in_the_relation_alone(state in any_state()) {
        let copy = copy_of(&state);
        let (plain, of_copy) = (at(&state.observed, &state), at(&copy, &state));
        let renamed = said(&of_copy).replace(&copy.name.display(), &state.observed.name.display());
        prop_assert_eq!(renamed, said(&plain));
        let checked = check(of_copy.clone(), &state.desired, &copy, &PlanTime::at(state.now));
        prop_assert!(checked.is_ok(), "{:?}\n{}", checked, of_copy);

        let (mut after, mut cut_over) = (state.observed.clone(), copy);
        plain.steps.iter().for_each(|planned| simulate(&mut after, &planned.step));
        of_copy.steps.iter().for_each(|planned| simulate(&mut cut_over, &planned.step));
        cut_over.name = state.observed.name.clone();
        prop_assert_eq!(cut_over, after, "the cutover leaves nothing to do that was done before");
    }

    #[test]
    fn plan_that_names_another_table_is_rejected(state in any_state()) {
        let whole = at(&state.observed, &state);
        for at in 0..whole.steps.len() {
            let mut mutant = whole.clone();
            let Some(identity) = identity(&mut mutant.steps[at]) else { continue };
            *identity = ManagedTable::new(identity.sibling(catalog::identifier("zz_copy")));
            let verdict = check(mutant, &state.desired, &state.observed, &PlanTime::at(state.now));
            prop_assert!(verdict.is_err(), "step {} of\n{}", at + 1, whole);
        }
    }
}

/// The table that a step writes into markers and names of constraints.
fn identity(planned: &mut PlannedStep) -> Option<&mut ManagedTable> {
    match &mut planned.step {
        Step::CreatePartition(new) => Some(&mut new.managed),
        Step::AttachPartition(attach) => Some(&mut attach.managed),
        Step::DrainDefault(drain) => Some(&mut drain.attach.managed),
        Step::MarkPartitions(mark) => Some(&mut mark.managed),
        Step::RecordDetach(record) => Some(&mut record.managed),
        Step::AddBoundsCheck(state) => Some(&mut state.managed),
        Step::ValidateBoundsCheck(validate) => Some(&mut validate.managed),
        Step::DropDetached(drop) => Some(&mut drop.managed),
        _ => None,
    }
}

#[test]
fn partition_of_a_copy_is_named_and_marked_for_the_table() {
    let orders = QualifiedName::parse_sql("shop.orders").expect("a name");
    let mut copy = catalog::table(&orders, Method::Range, &[("at", "timestamptz")]);
    copy.name = orders.sibling(catalog::identifier("orders_partitioned"));
    let desired = catalog::desired(&json!({
        "database": {"secretRef": {"name": "db"}}, "schema": "shop", "table": "orders", "ahead": 0,
        "partitionBy": {"range": {"column": "at", "interval": "Month", "timeZone": "UTC"}},
    }));
    let now = "2026-03-15T00:00:00Z".parse().expect("an instant");
    let planned = plan(&desired.expect("a spec"), &copy, &PlanTime::at(now));
    let second = Duration::from_secs(1);
    let timeouts = Timeouts { lock_timeout: second, retry_timeout: second };
    let owner = planned.owner.expect("the table has an owner");
    let scripts = planned.steps.iter().map(|planned| render(&planned.step, &owner, timeouts));
    let statements: Vec<_> = scripts.flat_map(|script| script.to_sql()).collect();
    let sql: String = statements.iter().map(|sql| format!("{}\n", sql.as_str())).collect();
    for expected in [
        "CREATE TABLE \"shop\".\"orders_2026_03\" (LIKE \"shop\".\"orders_partitioned\"",
        "ALTER TABLE \"shop\".\"orders_partitioned\" ATTACH PARTITION \"shop\".\"orders_2026_03\"",
        "pgpartition.dev table for shop.orders FOR VALUES",
    ] {
        assert!(sql.contains(expected), "{expected} is not in\n{sql}");
    }
    assert!(!sql.contains("shop.orders_partitioned"), "a marker names the relation:\n{sql}");
}

#[test]
fn saved_snapshot_of_a_copy_is_a_snapshot_of_the_table() {
    let copy: Snapshot = serde_json::from_value(json!({
        "schema": "shop", "table": "orders", "relationName": "orders_partitioned", "relation": null,
        "server": {"version": 180_000, "inRecovery": false, "clock": "2026-03-15T00:00:00Z"},
        "partitions": [], "taken": [],
    }))
    .expect("a snapshot");
    let printed = serde_json::to_value(&copy).expect("JSON");
    assert_eq!(printed["relationName"], "orders_partitioned");
    let observed = ObservedTable::try_from(copy).expect("a meaning");
    assert_eq!(observed.managed.display(), "shop.orders");
    assert_eq!(observed.name.display(), "shop.orders_partitioned");
}

/// Replicas of different versions must exclude each other.
#[test]
fn lock_number_is_the_same_in_every_version_and_follows_the_name() {
    let number = |schema: &str, name: &str| {
        let (schema, name) = (catalog::identifier(schema), catalog::identifier(name));
        ManagedTable::new(QualifiedName { schema, name }).lock_number()
    };
    assert_eq!(number("shop", "orders"), 658_196_507);
    for (one, other) in [(("a.b", "c"), ("a", "b.c")), (("a", "b\n"), ("a", "b\\n"))] {
        assert_ne!(number(one.0, one.1), number(other.0, other.1), "{one:?} and {other:?}");
    }
}
