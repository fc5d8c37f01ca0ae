//! Each cause, and when it has the resource reconciled again.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::*;
use crate::api::v1alpha1::PartitionedTableSpec;
use crate::desired::DesiredTable;
use crate::kubernetes::ClusterError;
use crate::observed::{CopyFacts, ObservedTable, Snapshot};
use crate::partition::{Identifier, QualifiedName};
use crate::plan::{self, Blocker, Deferral, IndexBlocker, Plan, PlanTime, Rule};
use crate::status::{FailedStep, Failure};

const NOW: &str = "2026-11-25T12:00:00Z";
const RESYNC: Duration = Duration::from_mins(5);

fn now() -> Timestamp {
    NOW.parse().expect("an instant")
}

/// The resource has not been Ready for this many seconds, and nothing is due.
fn unready_for(seconds: u64) -> Timing {
    Timing { now: now(), unready_for: Duration::from_secs(seconds), resync: RESYNC, due: None }
}

/// At an instant this many seconds from now.
fn in_seconds(seconds: i64) -> NextReconcile {
    NextReconcile::At(now() + jiff::SignedDuration::from_secs(seconds))
}

const AFTER_FAILURE: NextReconcile = NextReconcile::AfterFailure { at_latest: None };

/// A table without partitions, and its plan, which has steps.
struct Table {
    desired: DesiredTable,
    observed: ObservedTable,
    plan: Plan,
}

fn table(spec: &Value) -> Table {
    let mut merged = json!({
        "table": "orders", "partitionBy": {"range": {"column": "at", "interval": "Month"}},
    });
    for (field, value) in spec.as_object().expect("an object") {
        merged[field] = value.clone();
    }
    let spec: PartitionedTableSpec = serde_json::from_value(merged).expect("a spec");
    let snapshot: Snapshot = serde_json::from_value(json!({
        "schema": "public", "table": "orders", "taken": [], "partitions": [],
        "server": {"version": 170_010, "inRecovery": false, "role": "app", "clock": NOW},
        "relation": {
            "oid": 1, "kind": "p", "owner": "app", "owned": true, "mayCreate": true,
            "key": {"method": "r", "columns": [{"name": "at", "type": "timestamptz"}]},
            "columns": ["at"], "rowSecurity": false, "forceRowSecurity": false,
            "replicaIdentity": "d", "replicaIdentityIndex": null, "statistics": [],
            "tablespace": null, "accessMethod": null, "indexes": [], "references": [],
            "referencedBy": [],
        },
    }))
    .expect("a snapshot");
    let desired = DesiredTable::parse(&spec).expect("a valid spec");
    let observed = ObservedTable::try_from(snapshot).expect("a snapshot with a meaning");
    let plan = plan::plan(&desired, &observed, &PlanTime::at(now()));
    assert!(!plan.steps.is_empty());
    Table { desired, observed, plan }
}

impl Table {
    /// The table as it is if nothing is left to do except what is deferred.
    fn deferring(blockers: Vec<Blocker>) -> Self {
        let mut table = table(&json!({}));
        table.plan.steps.clear();
        table.plan.deferred = blockers
            .into_iter()
            .map(|blocker| Deferral { rule: Rule::Preconditions, step: None, blocker })
            .collect();
        table
    }

    /// Returns the next reconcile after a run in which the first step failed for each of these reasons.
    fn next(&self, failed: &[Reason], timing: &Timing) -> NextReconcile {
        let of = |reason: &Reason| FailedStep {
            step: &self.plan.steps[0].step,
            failure: Failure { reason: *reason, message: String::new() },
        };
        let observation = Observation {
            desired: &self.desired,
            observed: &self.observed,
            remaining: &self.plan,
            time: PlanTime::at(now()),
            failed: failed.iter().map(of).collect(),
            failed_work: None,
            copied: None,
        };
        next_reconcile(Ok(&Outcome::Inspected(observation)), timing)
    }
}

fn name() -> QualifiedName {
    let identifier = |text| Identifier::new(text).expect("a name");
    QualifiedName { schema: identifier("public"), name: identifier("orders_default") }
}

fn approval() -> Blocker {
    Blocker::AwaitingApproval { count: 5, limit: 3, dropped_after: None }
}

fn pending_detach() -> Blocker {
    Blocker::AnotherDetachPending { partition: name() }
}

fn missing_privilege() -> Blocker {
    Blocker::NotOwnerOfPartition { partition: name() }
}

#[test]
fn run_without_an_inspection_is_retried() {
    let failed = |reason| Outcome::Failed(Failure { reason, message: String::new() });
    let waiting = || Outcome::WaitingForSession(String::new());
    for (outcome, seconds, expected) in [
        (Outcome::Suspended, 0, NextReconcile::OnChange),
        (Outcome::Deleting, 0, NextReconcile::OnChange),
        (failed(Reason::InvalidSpec), 0, NextReconcile::OnChange),
        (failed(Reason::SecretNotFound), 0, AFTER_FAILURE),
        (failed(Reason::ConnectionFailed), 600, AFTER_FAILURE),
        (failed(Reason::InsufficientPrivilege), 0, AFTER_FAILURE),
        (failed(Reason::TableLocked), 0, AFTER_FAILURE),
        (failed(Reason::InternalError), 0, AFTER_FAILURE),
        (failed(Reason::Conflict), 0, in_seconds(1)),
        (failed(Reason::Conflict), 40, in_seconds(20)),
        (failed(Reason::Conflict), 3_600, in_seconds(50)),
        (waiting(), 0, in_seconds(1)),
        (waiting(), 3_600, in_seconds(10)),
    ] {
        let next = next_reconcile(Ok(&outcome), &unready_for(seconds));
        assert_eq!(next, expected, "{outcome:?} for {seconds} s");
    }
}

#[test]
fn run_without_a_report_is_retried() {
    for (error, expected) in [
        (ReconcileError::Superseded, NextReconcile::Now),
        (ReconcileError::ShuttingDown, NextReconcile::OnChange),
        (ReconcileError::Cluster(ClusterError::Silent(Duration::ZERO)), AFTER_FAILURE),
    ] {
        assert_eq!(next_reconcile(Err(&error), &unready_for(0)), expected, "{error}");
    }
}

#[test]
fn deferral_is_not_a_failure() {
    let until = now() + jiff::SignedDuration::from_hours(1);
    for (blockers, seconds, expected) in [
        (vec![], 0, in_seconds(300)),
        (vec![Blocker::InGracePeriod { until }], 0, in_seconds(300)),
        (vec![approval()], 0, in_seconds(300)),
        (vec![approval(), missing_privilege()], 60, in_seconds(30)),
        (vec![missing_privilege()], 0, in_seconds(1)),
        (vec![missing_privilege()], 86_400, in_seconds(300)),
        (vec![pending_detach(), missing_privilege()], 86_400, in_seconds(10)),
        (vec![Blocker::Index(IndexBlocker::IndexBuilding { index: name() })], 20, in_seconds(10)),
    ] {
        let next = Table::deferring(blockers.clone()).next(&[], &unready_for(seconds));
        assert_eq!(next, expected, "{blockers:?} for {seconds} s");
    }
}

#[test]
fn converted_table_is_inspected_soon_unless_nothing_is_done() {
    for (mode, expected) in [("Enforce", in_seconds(30)), ("Plan", in_seconds(300))] {
        let mut table = table(&json!({"mode": mode}));
        let spec = json!({
            "table": "orders", "partitionBy": {"range": {"column": "at", "interval": "Month"}},
            "conversion": {"method": "Copy"},
        });
        let spec: PartitionedTableSpec = serde_json::from_value(spec).expect("a spec");
        table.desired.conversion = DesiredTable::parse(&spec).expect("a valid spec").conversion;
        let plain = json!({"bytes": 0, "columns": [], "uniqueIndexes": []});
        let plain = serde_json::from_value(plain).expect("a plain table");
        table.observed.copy = Some(Box::new(CopyFacts::new(7, plain)));
        table.plan.steps.clear();
        table.plan.deferred.clear();
        assert_eq!(table.next(&[], &unready_for(0)), expected, "{mode}");
    }
}

#[test]
fn pending_step_is_retried() {
    let after_failure = |seconds| NextReconcile::AfterFailure {
        at_latest: Some(now() + jiff::SignedDuration::from_secs(seconds)),
    };
    for (failed, seconds, expected) in [
        (vec![], 0, in_seconds(1)),
        (vec![], 60, in_seconds(30)),
        (vec![Reason::Progressing], 60, in_seconds(30)),
        (vec![Reason::WaitingForSession], 3_600, in_seconds(10)),
        (vec![Reason::DetachPending], 3_600, in_seconds(10)),
        (vec![Reason::LockTimeout], 3_600, AFTER_FAILURE),
        (vec![Reason::StepFailed], 3_600, AFTER_FAILURE),
        (vec![Reason::StepFailed, Reason::DetachPending], 3_600, after_failure(10)),
    ] {
        let next = table(&json!({})).next(&failed, &unready_for(seconds));
        assert_eq!(next, expected, "{failed:?} for {seconds} s");
    }
    // The steps wait for an edit, which the watch reports.
    assert_eq!(table(&json!({"mode": "Plan"})).next(&[], &unready_for(0)), in_seconds(300));
}

#[test]
fn due_action_does_not_wait() {
    let due = now() + jiff::SignedDuration::from_secs(7);
    let timing = Timing { due: Some(due), ..unready_for(3_600) };
    assert_eq!(Table::deferring(vec![]).next(&[], &timing), NextReconcile::At(due));
    assert_eq!(Table::deferring(vec![approval()]).next(&[], &timing), NextReconcile::At(due));
    let failed = table(&json!({})).next(&[Reason::StepFailed], &timing);
    assert_eq!(failed, NextReconcile::AfterFailure { at_latest: Some(due) });
}
