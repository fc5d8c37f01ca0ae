//! Random specs and snapshots: the program does not panic on any of them.
//!
//! Each case has a seed of its own, the same in every run. `PGPARTITION_FUZZ=10000 cargo test --test pure
//! fuzz` tries that many of each.

pub(crate) mod snapshot;
mod spec;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use fastrand::Rng;
use jiff::{SignedDuration, Timestamp};
use pg_partition_operator::cli::admission::Admission;
use pg_partition_operator::desired::DesiredTable;
use pg_partition_operator::observed::{ObservedTable, Snapshot};
use pg_partition_operator::plan::{
    Plan, PlanTime, check, drop_default_checks, next_action, plan, questions,
    questions_without_spec, simulate, violates_precondition,
};
use pg_partition_operator::sql::{Timeouts, render};
use pg_partition_operator::status::{Observation, Outcome, Subject, project};
use serde_json::Value;

/// Returns the number of cases of each kind.
fn cases() -> u64 {
    std::env::var("PGPARTITION_FUZZ").map_or(50, |count| count.parse().expect("a number"))
}

/// Runs a case for each seed; the message of a panic has its seed.
fn each_case(run: impl Fn(&mut Rng)) {
    for seed in 0..cases() {
        let case = AssertUnwindSafe(|| run(&mut Rng::with_seed(seed)));
        assert!(catch_unwind(case).is_ok(), "the case of seed {seed} panics");
    }
}

#[test]
fn no_spec_panics() {
    let admission = Admission::on_command_line().expect("a schema");
    let snapshots: Vec<_> = snapshot::good().into_iter().map(observed).collect();
    let admitted = std::cell::Cell::new(0_u64);
    each_case(|rng| {
        let mut document = spec::any(rng);
        let written = document.to_string();
        let accepted = admission.admit(&mut document, None).is_ok();
        admitted.set(admitted.get() + u64::from(accepted));
        // A resource that an older CRD accepted reaches the operator without another validation.
        let Some(mut desired) = desired(document) else { return };
        let mut observed = rng.choice(&snapshots).expect("there are some").clone();
        observed.managed = desired.name.clone();
        observed.name = desired.name.name().clone();
        desired.adopt = spec::adoptions(rng);
        for time in moments(rng, &desired) {
            exercise(&mut desired, &observed, &time, &written);
        }
    });
    assert!(admitted.get() * 10 > cases(), "only {} specs are valid", admitted.get());
}

#[test]
fn no_snapshot_panics() {
    let good = snapshot::good();
    let understood = std::cell::Cell::new(0_u64);
    each_case(|rng| {
        let mut snapshot = rng.choice(&good).expect("there are some").clone();
        let mut desired = desired(spec::valid(rng, &snapshot)).expect("a valid spec");
        for _ in 0..rng.u8(1..5) {
            snapshot::edit(&mut snapshot, rng);
        }
        let written = snapshot.to_string();
        let Ok(read) = serde_json::from_value::<Snapshot>(snapshot) else { return };
        let Ok(mut observed) = ObservedTable::try_from(read) else { return };
        understood.set(understood.get() + 1);
        observed.server.clock_offset = rng.bool().then(|| spec::clock_skew(rng));
        desired.adopt = observed.partitions.iter().take(2).map(spec::adoption).collect();
        for time in moments(rng, &desired) {
            exercise(&mut desired, &observed, &time, &written);
        }
    });
    assert!(understood.get() * 10 > cases(), "only {} snapshots are read", understood.get());
}

#[test]
fn good_snapshots_are_understood() {
    for snapshot in snapshot::good() {
        let observed = observed(snapshot);
        assert!(observed.partitions.len() > 3 && observed.key().is_some());
    }
}

fn observed(snapshot: Value) -> ObservedTable {
    let snapshot: Snapshot = serde_json::from_value(snapshot).expect("a snapshot");
    ObservedTable::try_from(snapshot).expect("a snapshot with a meaning")
}

fn desired(document: Value) -> Option<DesiredTable> {
    DesiredTable::from_resource(&serde_json::from_value(document).ok()?).ok()
}

/// Returns the plan time now, or near one of the ends of the calendar; unscheduled, and as of the schedule.
fn moments(rng: &mut Rng, desired: &DesiredTable) -> [PlanTime; 2] {
    let seconds = SignedDuration::from_secs(rng.i64(0..100_000_000));
    let now = match rng.u8(0..20) {
        0 => Timestamp::MAX.saturating_sub(seconds),
        1 => Timestamp::MIN.saturating_add(seconds),
        2 => Ok(Timestamp::MAX),
        3 => Ok(Timestamp::MIN),
        _ => {
            "2026-11-25T12:30:00Z".parse::<Timestamp>().expect("an instant").saturating_add(seconds)
        }
    };
    let now = now.expect("no calendar span");
    [PlanTime::at(now), PlanTime::scheduled(desired, now)]
}

/// Calls everything that handles an inspected table without a database.
fn exercise(desired: &mut DesiredTable, observed: &ObservedTable, time: &PlanTime, written: &str) {
    let case = AssertUnwindSafe(|| {
        let _asked = (
            questions(desired, observed, time),
            questions_without_spec(observed),
            violates_precondition(desired, observed, time),
            next_action(desired, observed, time),
        );
        show(&drop_default_checks(observed), desired);
        let planned = plan(desired, observed, time);
        show(&planned, desired);
        tell(desired, observed, &planned, time);
        desired.approved = vec![planned.fingerprint.clone()];
        let approved = plan(desired, observed, time);
        let _refused = check(planned, desired, observed, time).err();
        if let Ok(checked) = check(approved, desired, observed, time) {
            let mut state = observed.clone();
            for planned in &checked.plan().steps {
                simulate(&mut state, &planned.step);
            }
            tell(desired, &state, &plan(desired, &state, time), time);
        }
    });
    assert!(catch_unwind(case).is_ok(), "panics at {time:?}, {desired:?}:\n{written}");
}

/// Text, and the statements.
fn show(plan: &Plan, desired: &DesiredTable) {
    let retry_timeout = Duration::from_secs(u64::MAX);
    let timeouts = Timeouts { lock_timeout: desired.limits.lock_timeout, retry_timeout };
    assert!(!plan.to_string().is_empty());
    for planned in plan.steps.iter().take(40) {
        let owner = plan.owner.as_ref().expect("a table with steps has an owner");
        assert!(!render(&planned.step, owner, timeouts).to_sql().is_empty());
        assert!(!planned.line().is_empty() && !planned.step.facts().undo.is_empty());
    }
}

fn tell(desired: &DesiredTable, observed: &ObservedTable, remaining: &Plan, time: &PlanTime) {
    let subject = Subject { previous: None, generation: Some(i64::MAX), requested: Some("now") };
    let seen = Observation {
        desired,
        observed,
        remaining,
        time: *time,
        failed: Vec::new(),
        failed_work: None,
        copied: None,
    };
    let status = project(&subject, &Outcome::Inspected(seen), time.now);
    assert!(!status.conditions.is_empty());
}
