//! Statuses as a person reads them, for tables in every state.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::*;
use crate::api::ConditionType;
use crate::api::v1alpha1::{CoverageBound, PartitionedTableSpec};
use crate::observed::Snapshot;
use crate::plan::{self, PlanTime};

mod conversion;
mod indexes;
mod previous;
mod retention;
mod served;

const NOW: &str = "2026-11-25T12:00:00.5Z";

fn at(instant: &str) -> Timestamp {
    instant.parse().expect("an instant")
}

/// `revenues`, by month, one period ahead.
fn desired(spec: &Value) -> DesiredTable {
    let mut merged = json!({
        "table": "revenues",
        "partitionBy": {"range": {"column": "at", "interval": "Month"}},
        "ahead": 1,
    });
    for (field, value) in spec.as_object().expect("an object") {
        merged[field] = value.clone();
    }
    let spec: PartitionedTableSpec = serde_json::from_value(merged).expect("a spec");
    DesiredTable::parse(&spec).expect("a valid spec")
}

/// The table with a partition for each pair of bounds, with other properties laid over.
fn observed(bounds: &[&str], other: &Value) -> ObservedTable {
    meaning(snapshot(bounds, other))
}

fn meaning(snapshot: Value) -> ObservedTable {
    let snapshot: Snapshot = serde_json::from_value(snapshot).expect("a snapshot");
    ObservedTable::try_from(snapshot).expect("a snapshot with a meaning")
}

fn snapshot(bounds: &[&str], other: &Value) -> Value {
    let partitions: Vec<_> = bounds
        .iter()
        .enumerate()
        .map(|(number, bounds)| {
            json!({
                "oid": 100 + number, "schema": "public", "name": format!("p{number}"),
                "kind": "r", "bounds": bounds, "attached": true, "detachPending": false,
                "comment": null, "owned": true, "rows": 5, "bytes": 8192, "storage": [], "indexes": [],
                "defaultChecks": [], "fits": true,
            })
        })
        .collect();
    let mut snapshot = json!({
        "schema": "public", "table": "revenues", "taken": [], "partitions": partitions,
        "server": {"version": 170_010, "inRecovery": false, "role": "app",
                   "clock": "2026-11-25T12:00:00Z"},
        "relation": {
            "oid": 1, "kind": "p", "owner": "app", "owned": true, "mayCreate": true,
            "key": {"method": "r", "columns": [{"name": "at", "type": "timestamptz"}]},
            "columns": ["at"], "rowSecurity": false, "forceRowSecurity": false,
            "replicaIdentity": "d", "replicaIdentityIndex": null, "statistics": [],
            "tablespace": null, "accessMethod": null, "indexes": [], "references": [],
            "referencedBy": [],
        },
    });
    merge(&mut snapshot, other);
    snapshot
}

fn merge(into: &mut Value, from: &Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (field, value) in from {
                merge(into.entry(field).or_insert(Value::Null), value);
            }
        }
        (into, from) => *into = from.clone(),
    }
}

/// One line for each condition, then what else the status says.
fn texts(status: &PartitionedTableStatus) -> Vec<String> {
    let conditions = status.conditions.iter();
    conditions.map(|c| format!("{}={} {}: {}", c.type_, c.status, c.reason, c.message)).collect()
}

fn project_observation(desired: &DesiredTable, observed: &ObservedTable) -> PartitionedTableStatus {
    let remaining = plan::plan(desired, observed, &PlanTime::at(at(NOW)));
    let observation = Observation {
        desired,
        observed,
        remaining: &remaining,
        time: PlanTime::at(at(NOW)),
        failed: Vec::new(),
        failed_work: None,
        copied: None,
    };
    let subject = Subject { previous: None, generation: Some(3), requested: Some("please") };
    project(&subject, &Outcome::Inspected(observation), at(NOW))
}

const NOVEMBER: &str = "FOR VALUES FROM ('2026-11-01 00:00:00+00') TO ('2026-12-01 00:00:00+00')";
const DECEMBER: &str = "FOR VALUES FROM ('2026-12-01 00:00:00+00') TO ('2027-01-01 00:00:00+00')";
const FOREVER: &str = "FOR VALUES FROM ('2026-11-01 00:00:00+00') TO (MAXVALUE)";

#[test]
fn complete_table_is_ready() {
    let status =
        project_observation(&desired(&json!({})), &observed(&[NOVEMBER, DECEMBER], &json!({})));

    let until = "covered until 2027-01-01T00:00:00Z";
    assert_eq!(
        texts(&status),
        [
            format!("Ready=True Succeeded: 2 partitions, {until}"),
            "Reachable=True Connected: Postgres 17.10, as app".to_owned(),
            format!("Covered=True PeriodsCovered: {until}"),
            "Retained=True NoRetention: spec.retention is absent: nothing expires".to_owned(),
            "Indexed=True IndexesValid: no index is missing or invalid".to_owned(),
        ]
    );
    let status = serde_json::to_value(&status).expect("plain data");
    assert_eq!(status["observedGeneration"], 3);
    assert_eq!(status["lastHandledReconcile"], "please");
    assert_eq!(status["strategy"], "Range(Month) on at");
    assert_eq!(status["coveredFrom"], "2026-11-01T00:00:00Z");
    assert_eq!(status["coveredUntil"], "2027-01-01T00:00:00Z");
    assert_eq!(status["nextActionAt"], "2026-12-01T00:00:00Z");
    assert_eq!(status["plan"], Value::Null);
    assert_eq!(
        status["partitions"],
        json!({"attached": 2, "missing": 0, "unmanaged": 2, "detached": 0, "pendingDetach": 0,
               "defaultRows": 0})
    );
    assert_eq!(status["conditions"][0]["lastTransitionTime"], "2026-11-25T12:00:00Z");
    assert_eq!(status["conditions"][0]["observedGeneration"], 3);
}

/// Asserts the beginnings of the conditions, in their order.
fn assert_conditions(spec: &Value, bounds: &[&str], other: &Value, expected: [&str; 6]) {
    let texts = texts(&project_observation(&desired(spec), &observed(bounds, other)));
    assert_eq!(texts.len(), expected.len(), "{texts:#?}");
    for (texts, expected) in texts.iter().zip(expected) {
        assert!(texts.starts_with(&format!("{expected}: ")), "{texts}, not {expected}");
    }
}

#[test]
fn unmet_precondition_makes_dependent_conditions_unknown() {
    let no_table = [
        "Ready=False TableNotFound",
        "Stalled=True TableNotFound",
        "Reachable=True Connected",
        "Covered=Unknown NotChecked",
        "Retained=Unknown NotChecked",
        "Indexed=Unknown NotChecked",
    ];
    assert_conditions(&json!({}), &[], &json!({"relation": null}), no_table);
    let replica = [
        "Ready=False ReadOnlyReplica",
        "Stalled=True ReadOnlyReplica",
        "Reachable=False ReadOnlyReplica",
        "Covered=True PeriodsCovered",
        "Retained=Unknown NotChecked",
        "Indexed=Unknown NotChecked",
    ];
    let in_recovery = json!({"server": {"inRecovery": true}});
    assert_conditions(&json!({}), &[NOVEMBER, DECEMBER], &in_recovery, replica);
    let not_owner = [
        "Ready=False InsufficientPrivilege",
        "Stalled=True InsufficientPrivilege",
        "Reachable=False InsufficientPrivilege",
        "Covered=False PartitionsMissing",
        "Retained=Unknown NotChecked",
        "Indexed=Unknown NotChecked",
    ];
    assert_conditions(&json!({}), &[NOVEMBER], &json!({"relation": {"owned": false}}), not_owner);
}

#[test]
fn first_of_several_unmet_preconditions_decides_the_reason() {
    let other = json!({"relation": {"key": {"method": "l"}, "owned": false}});
    let texts = texts(&project_observation(&desired(&json!({})), &observed(&[NOVEMBER], &other)));
    assert!(texts[0].starts_with("Ready=False PartitionKeyMismatch: "), "{texts:#?}");
    assert!(texts[0].ends_with(" (and 1 more)"), "{texts:#?}");
    assert!(texts[2].starts_with("Reachable=False InsufficientPrivilege: "), "{texts:#?}");
}

#[test]
fn blocker_is_reported_by_the_condition_of_its_area() {
    let only_planned = [
        "Ready=False PlanOnly",
        "Stalled=True PlanOnly",
        "Reachable=True Connected",
        "Covered=False PartitionsMissing",
        "Retained=True NoRetention",
        "Indexed=True IndexesValid",
    ];
    assert_conditions(&json!({"mode": "Plan"}), &[NOVEMBER], &json!({}), only_planned);
    let column_not_found = [
        "Ready=False ColumnNotFound",
        "Stalled=True ColumnNotFound",
        "Reachable=True Connected",
        "Covered=True PeriodsCovered",
        "Retained=True NoRetention",
        "Indexed=False ColumnNotFound",
    ];
    let index = json!({"indexes": [{"name": "i", "columns": [{"column": "gone"}]}]});
    assert_conditions(&index, &[FOREVER], &json!({}), column_not_found);
}

#[test]
fn failed_step_takes_precedence_over_pending_steps() {
    let (desired, observed) = (desired(&json!({})), observed(&[NOVEMBER], &json!({})));
    let remaining = plan::plan(&desired, &observed, &PlanTime::at(at(NOW)));
    for (reason, activity) in
        [(Reason::LockTimeout, "Reconciling=True"), (Reason::StepFailed, "Stalled=True")]
    {
        let failure = Failure { reason, message: "because".to_owned() };
        let failed = vec![FailedStep { step: &remaining.steps[0].step, failure }];
        let observation = Observation {
            desired: &desired,
            observed: &observed,
            remaining: &remaining,
            time: PlanTime::at(at(NOW)),
            failed,
            failed_work: None,
            copied: None,
        };
        let subject = Subject { previous: None, generation: Some(1), requested: None };
        let texts = texts(&project(&subject, &Outcome::Inspected(observation), at(NOW)));
        let because = format!("{reason}: create public.revenues_2026_12: because");
        assert_eq!(texts[0], format!("Ready=False {because} (and 1 more)"));
        assert_eq!(texts[1], format!("{activity} {because} (and 1 more)"));
        assert_eq!(texts[3], format!("Covered=False {because}"));
    }
}

#[test]
fn failure_keeps_the_last_observation() {
    let observation =
        project_observation(&desired(&json!({})), &observed(&[NOVEMBER, DECEMBER], &json!({})));
    let later = at("2026-11-25T13:00:00Z");
    let fails = |reason| {
        let failure = Failure { reason, message: "because".to_owned() };
        let subject =
            Subject { previous: Some(&observation), generation: Some(4), requested: None };
        project(&subject, &Outcome::Failed(failure), later)
    };
    for (reason, activity, reachable) in [
        (Reason::ConnectionFailed, "Reconciling", "False ConnectionFailed"),
        (Reason::AuthenticationFailed, "Stalled", "False AuthenticationFailed"),
        (Reason::SecretNotFound, "Reconciling", "False SecretNotFound"),
        (Reason::LockedByAnotherOperator, "Reconciling", "True Connected"),
        (Reason::InvalidSpec, "Stalled", "Unknown NotChecked"),
        (Reason::InternalError, "Stalled", "Unknown NotChecked"),
    ] {
        let status = fails(reason);
        let texts = texts(&status);
        assert_eq!(texts[0], format!("Ready=False {reason}: because"));
        assert!(texts[1].starts_with(&format!("{activity}=True {reason}: ")), "{texts:#?}");
        assert!(texts[2].starts_with(&format!("Reachable={reachable}: ")), "{texts:#?}");
        assert_eq!(status.partitions, observation.partitions);
        assert_eq!(status.covered_until, observation.covered_until);
        assert_eq!(status.next_action_at, None);
    }
}

#[test]
fn every_remainder_counts() {
    let hash = desired(&json!({
        "partitionBy": {"hash": {"columns": ["at"], "partitions": 3}}, "ahead": null
    }));
    let key = json!({"relation": {"key": {"method": "h"}}});
    let remainder =
        |modulus, remainder| format!("FOR VALUES WITH (modulus {modulus}, remainder {remainder})");
    let parts = [remainder(2, 0), remainder(4, 1), remainder(4, 3)];
    let all: Vec<_> = parts.iter().map(String::as_str).collect();

    let covered = project_observation(&hash, &observed(&all, &key));
    assert!(
        texts(&covered)
            .contains(&"Covered=True RemaindersCovered: every remainder covered".to_owned())
    );
    assert_eq!(covered.strategy.as_deref(), Some("Hash(3) on at"));
    assert_eq!(covered.covered_until, None);

    let gap = project_observation(&hash, &observed(&all[..2], &key));
    assert!(
        texts(&gap)[0].starts_with("Ready=False Progressing: 2 steps pending"),
        "{:?}",
        texts(&gap)
    );
    assert_eq!(gap.partitions.expect("counts").missing, Some(1));
}

#[test]
fn coverage_without_end_is_infinite() {
    let status = project_observation(&desired(&json!({})), &observed(&[FOREVER], &json!({})));
    assert_eq!(status.covered_until, Some(CoverageBound::Infinity));
    assert_eq!(texts(&status)[0], "Ready=True Succeeded: 1 partition, covered until infinity");
}
