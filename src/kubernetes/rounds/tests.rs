//! Which tables are quiet, and which results of a round count.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::quiet::{self, Quiet};
use super::{Candidate, Login, Rounds};
use crate::api::v1alpha1::PartitionedTableSpec;
use crate::converge::LookDigest;
use crate::desired::DesiredTable;
use crate::observed::{ObservedTable, Snapshot};
use crate::partition::{Identifier, ManagedTable, QualifiedName};
use crate::plan::{self, Blocker, Deferral, Plan, PlanTime, Rule};
use crate::postgres::ConnectionSettings;
use crate::status::{Observation, Outcome};

const NOW: &str = "2026-11-25T12:00:00Z";

fn quiet() -> Quiet {
    let identifier = |text| Identifier::new(text).expect("a name");
    let name = QualifiedName { schema: identifier("public"), name: identifier("orders") };
    let settings = ConnectionSettings::from_url("postgres://u@h/d").expect("a URL");
    Quiet {
        name: "orders".into(),
        version: None,
        table: ManagedTable::new(name),
        claims: true,
        settings: Arc::new(settings),
        digest: LookDigest::default(),
        due: None,
    }
}

fn login(namespace: &str) -> Arc<Login> {
    Arc::new(Login { namespace: namespace.to_owned(), database: None })
}

fn candidate(rounds: &Rounds, uid: &str) -> Option<Candidate> {
    rounds.candidates(&[uid.into()]).pop()
}

#[test]
fn result_of_a_round_does_not_count_if_a_reconcile_began_meanwhile() {
    let rounds = Rounds::default();
    assert!(rounds.lock().add("1", &login("a"), quiet()));
    let before = candidate(&rounds, "1").expect("a quiet table");
    assert!(rounds.is_quiet(&before));
    rounds.remove("1");
    assert!(!rounds.is_quiet(&before));
    assert!(candidate(&rounds, "1").is_none());
    // The reconcile has ended, and what the round has found is older.
    rounds.lock().add("1", &login("a"), quiet());
    assert!(!rounds.is_quiet(&before));
    assert!(!rounds.remove_candidate(&before));
    let now = candidate(&rounds, "1").expect("a quiet table");
    assert!(rounds.remove_candidate(&now));
    assert!(!rounds.remove_candidate(&now));
}

#[test]
fn login_has_one_task_as_long_as_it_has_quiet_tables() {
    let (rounds, a, b) = (Rounds::default(), login("a"), login("b"));
    let add = |uid: &str, login| rounds.lock().add(uid, login, quiet());
    assert_eq!((add("1", &a), add("2", &a), add("3", &b)), (true, false, true));
    assert_eq!(rounds.resources_of(&a).map(|uids| uids.len()), Some(2));
    // The Secret reference of a resource was edited.
    assert!(!add("2", &b));
    assert_eq!(rounds.resources_of(&a), Some(vec!["1".into()]));
    rounds.retain(|uid| uid == "2");
    assert_eq!(rounds.resources_of(&a), None);
    assert_eq!(rounds.resources_of(&b), Some(vec!["2".into()]));
    assert!(add("4", &a), "the task has ended");
}

/// A table without partitions, and its plan, which has steps.
struct Table {
    desired: DesiredTable,
    observed: ObservedTable,
    plan: Plan,
}

fn table() -> Table {
    let spec = json!({
        "table": "orders", "partitionBy": {"range": {"column": "at", "interval": "Month"}},
    });
    let spec: PartitionedTableSpec = serde_json::from_value(spec).expect("a spec");
    let snapshot: Snapshot = serde_json::from_value(snapshot()).expect("a snapshot");
    let desired = DesiredTable::parse(&spec).expect("a valid spec");
    let observed = ObservedTable::try_from(snapshot).expect("a snapshot with a meaning");
    let now = NOW.parse().expect("an instant");
    let plan = plan::plan(&desired, &observed, &PlanTime::at(now));
    assert!(!plan.steps.is_empty());
    Table { desired, observed, plan }
}

fn snapshot() -> Value {
    json!({
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
    })
}

impl Table {
    /// Returns whether the table is quiet with a step that is due at this time.
    fn is_quiet(&self, due: Option<Timestamp>) -> bool {
        let outcome = Outcome::Inspected(Observation {
            desired: &self.desired,
            observed: &self.observed,
            remaining: &self.plan,
            time: PlanTime::at(NOW.parse().expect("an instant")),
            failed: Vec::new(),
            failed_work: None,
            copied: None,
        });
        quiet::digest(&outcome, Some(LookDigest::default()), due).is_some()
    }

    fn deferring(blocker: Blocker) -> Self {
        let mut table = table();
        table.plan.steps.clear();
        table.plan.deferred = vec![Deferral { rule: Rule::Preconditions, step: None, blocker }];
        table
    }
}

#[test]
fn table_is_quiet_if_only_steps_that_become_due_are_left() {
    assert!(!table().is_quiet(None), "steps are left");
    let mut done = table();
    done.plan.steps.clear();
    done.plan.deferred.clear();
    assert!(done.is_quiet(None));
    let until: Timestamp = NOW.parse().expect("an instant");
    let grace_period = Table::deferring(Blocker::InGracePeriod { until });
    assert!(grace_period.is_quiet(Some(until)));
    assert!(!grace_period.is_quiet(None));
    let approval = Blocker::AwaitingApproval { count: 5, limit: 3, dropped_after: None };
    assert!(!Table::deferring(approval).is_quiet(Some(until)));
}

#[test]
fn table_without_a_digest_or_an_inspection_is_not_quiet() {
    let suspended = quiet::digest(&Outcome::Suspended, Some(LookDigest::default()), None);
    assert_eq!(suspended, None);
    let mut done = table();
    done.plan.steps.clear();
    done.plan.deferred.clear();
    let outcome = Outcome::Inspected(Observation {
        desired: &done.desired,
        observed: &done.observed,
        remaining: &done.plan,
        time: PlanTime::at(NOW.parse().expect("an instant")),
        failed: Vec::new(),
        failed_work: None,
        copied: None,
    });
    assert_eq!(quiet::digest(&outcome, None, None), None);
}
