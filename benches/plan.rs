//! Cost of planning at the maxima of the schema: no database, one thread.
//!
//! `cargo bench --no-default-features --bench plan`; partitions: `-- 4900`.

#![allow(clippy::expect_used, clippy::print_stdout, reason = "a benchmark prints and may panic")]

#[allow(dead_code, reason = "the tests use the rest")]
#[path = "../tests/support/catalog.rs"]
mod catalog;

use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use pg_partition_operator::desired::DesiredTable;
use pg_partition_operator::observed::ObservedTable;
use pg_partition_operator::partition::Method;
use pg_partition_operator::plan::{Plan, PlanTime, check, plan, simulate};
use pg_partition_operator::status::{Observation, Outcome, Subject, project};
use serde_json::{Value, json};

/// Now, and the instant that the oldest partition is for.
const NOW: &str = "2026-11-25T12:30:00Z";

fn main() {
    let sizes: Vec<i64> = std::env::args().filter_map(|a| a.parse().ok()).collect();
    let partitions = *sizes.first().unwrap_or(&4_900);
    println!("{partitions} hourly partitions: fields of a spec, and the cost of its plan\n");
    println!(
        "{:42} {:>8} {:>8} {:>8} {:>8} {:>8}",
        "", "steps", "plan ms", "check", "done", "status"
    );
    let start = instant() - SignedDuration::from_hours(partitions - 1);
    let range = |more: Value| spec(&start, &more);

    let empty = catalog::table(
        desired(&range(json!({}))).name.name(),
        Method::Range,
        &[("at", "timestamptz")],
    );
    let mut full = empty.clone();
    add_columns(&mut full);
    measure("a table without partitions", &range(json!({"ahead": 5})), &mut full);
    measure("nothing to do", &range(json!({"ahead": 5})), &mut full.clone());
    measure("ahead: 95", &range(json!({"ahead": 95})), &mut full.clone());

    let newest =
        json!({"indexes": indexes(16, &json!({"partitions": "Newest", "newest": 10_000}))});
    let mut indexed = full.clone();
    measure("16 indexes of newest: 10000, none there", &range(newest.clone()), &mut indexed);
    measure("the same, all there", &range(newest), &mut indexed.clone());
    let fewer = json!({"indexes": indexes(16, &json!({"partitions": "Newest", "newest": 1}))});
    measure("the same, of newest: 1 from now on", &range(fewer), &mut indexed);

    let on_all = json!({"indexes": indexes(32, &json!({}))});
    let mut indexed = full.clone();
    measure("32 indexes of the table, none there", &range(on_all.clone()), &mut indexed);
    measure("the same, all there", &range(on_all.clone()), &mut indexed);
    let mut fresh = empty.clone();
    add_columns(&mut fresh);
    measure("a table without partitions, 32 indexes", &range(on_all), &mut fresh);

    let keep = json!({"retention": {"keep": 0}});
    measure("all but one are expired, not approved", &range(keep.clone()), &mut full.clone());
    let most = json!({"retention": {"keep": 0}, "limits": {"maxExpirePerRun": 1000}});
    measure("the same, maxExpirePerRun: 1000", &range(most), &mut full.clone());
    let mut detached = full.clone();
    expire_all(&range(keep), &mut detached);
    let again = json!({"retention": {"keep": 10_000}});
    measure("all but one are detached and kept again", &range(again), &mut detached);

    let hash = json!({
        "table": "events",
        "partitionBy": {"hash": {"columns": ["id"], "partitions": 1024}},
        "indexes": indexes(32, &json!({"where": "status = 'new'"})),
    });
    let mut of_hash = catalog::table(desired(&hash).name.name(), Method::Hash, &[("id", "int8")]);
    add_columns(&mut of_hash);
    measure("1,024 hash partitions, 32 partial indexes", &hash, &mut of_hash);
}

fn instant() -> Timestamp {
    NOW.parse().expect("an instant")
}

fn spec(start: &Timestamp, more: &Value) -> Value {
    let mut spec = json!({
        "table": "events",
        "partitionBy": {
            "range": {"column": "at", "interval": "Hour", "startAt": start.to_string()},
        },
        "ahead": 0,
    });
    for (field, value) in more.as_object().expect("fields") {
        spec[field] = value.clone();
    }
    spec
}

fn indexes(count: usize, more: &Value) -> Vec<Value> {
    let index = |number: usize| {
        let column = format!("c{}", number % 32);
        let mut index =
            json!({"name": format!("events_i{number}"), "columns": [{"column": column}]});
        for (field, value) in more.as_object().expect("fields") {
            index[field] = value.clone();
        }
        index
    };
    (0..count).map(index).collect()
}

fn desired(spec: &Value) -> DesiredTable {
    catalog::desired(spec).expect("a valid spec")
}

fn add_columns(observed: &mut ObservedTable) {
    let relation = observed.relation.as_mut().expect("there is a table");
    relation.columns.extend((0..32).map(|number| catalog::identifier(&format!("c{number}"))));
    relation.columns.push(catalog::identifier("status"));
}

fn timed<T>(what: impl FnOnce() -> T) -> (T, Duration) {
    let started = Instant::now();
    let result = what();
    (result, started.elapsed())
}

/// Plans, checks, does all of it, and writes the status.
fn measure(title: &str, spec: &Value, observed: &mut ObservedTable) {
    let desired = desired(spec);
    let time = PlanTime::at(instant());
    let (planned, planning) = timed(|| plan(&desired, observed, &time));
    let steps = planned.steps.len();
    let subject = Subject { previous: None, generation: Some(1), requested: None };
    let seen = Observation {
        desired: &desired,
        observed: &*observed,
        remaining: &planned,
        time,
        failed: Vec::new(),
        failed_work: None,
        copied: None,
    };
    let outcome = Outcome::Inspected(seen);
    let (_, status) = timed(|| project(&subject, &outcome, instant()));
    let (checked, checking) = timed(|| check(planned, &desired, observed, &time));
    let checked = checked.expect("a plan is safe");
    let ((), done) = timed(|| do_all(checked.plan(), observed));
    let millis = |duration: Duration| format!("{:.0}", duration.as_secs_f64() * 1e3);
    println!(
        "{title:42} {steps:>8} {:>8} {:>8} {:>8} {:>8}",
        millis(planning),
        millis(checking),
        millis(done),
        millis(status)
    );
}

fn do_all(plan: &Plan, observed: &mut ObservedTable) {
    for planned in &plan.steps {
        simulate(observed, &planned.step);
    }
    catalog::reinspect(observed);
}

/// Detaches all that has expired, approved.
fn expire_all(spec: &Value, observed: &mut ObservedTable) {
    let mut desired = desired(spec);
    let time = PlanTime::at(instant());
    desired.approved = vec![plan(&desired, observed, &time).fingerprint];
    do_all(&plan(&desired, observed, &time), observed);
}
