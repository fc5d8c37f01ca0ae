//! Statuses of a table at its cutover and after it.

use super::conversion::{complete, converting, copy, of_conversion, stage_of, swept, words};
use super::*;
use crate::api::v1alpha1::{ConversionStage, Rollback, Side};
use crate::observed::{BlockingTransaction, SyncState};

/// The partitioned table after the cutover, with what its record says, and with its triggers in this state.
fn served(desired: &DesiredTable, record: &Value, sync: &SyncState) -> ObservedTable {
    of_conversion(desired, record, sync, ("partitioned", "hasSource"))
}

#[test]
fn cutover_is_pending_until_it_is_done() {
    let desired = converting(&json!({"serveFrom": "Partitioned"}), &json!({}));
    let of =
        |record: &Value| project_observation(&desired, &copy(&desired, record, &SyncState::Intact));
    assert_eq!(words(&of(&complete(&json!({}))))[3], "Converted=False Converting");
    let pending = of(&complete(&swept(0)));
    let not_ready = ["Ready=False Converting", "Reconciling=True Converting"];
    let converting = ["InSync=True InParity", "Converted=False Converting"];
    assert_eq!(words(&pending), [not_ready, converting].concat());
    assert_eq!(stage_of(&pending), Some(ConversionStage::InParity));
}

#[test]
fn partitioned_table_serves_after_the_cutover() {
    let desired = converting(&json!({"serveFrom": "Partitioned"}), &json!({}));
    let mut record = complete(&swept(0));
    record["servingSince"] = "2026-11-25T11:40:00.25Z".into();
    let of = |sync: &SyncState| project_observation(&desired, &served(&desired, &record, sync));
    let status = of(&SyncState::Intact);
    assert_eq!(
        words(&status),
        ["Ready=True Succeeded", "InSync=True InParity", "Converted=True AsRequested"]
    );
    let conversion = serde_json::to_value(&status.conversion).expect("plain data");
    let expected = json!({"stage": "Serving", "serving": "Partitioned", "rollback": "Possible",
                          "servingSince": "2026-11-25T11:40:00Z"});
    for (field, value) in expected.as_object().expect("an object") {
        assert_eq!(conversion[field], *value, "{field} in {conversion}");
    }

    let altered = of(&SyncState::Altered(Vec::new()));
    assert_eq!(words(&altered)[2], "InSync=False SyncAltered");
    assert_eq!(altered.conversion.expect("a conversion").rollback, Some(Rollback::Impossible));
}

#[test]
fn swap_that_meets_a_lock_or_an_old_snapshot_is_blocked() {
    let desired = converting(&json!({"serveFrom": "Partitioned"}), &json!({}));
    let mut observed = copy(&desired, &complete(&swept(0)), &SyncState::Intact);
    let remaining = plan::plan(&desired, &observed, &PlanTime::at(at(NOW)));
    let step = &remaining.steps.first().expect("a swap").step;
    let failure = Failure { reason: Reason::LockTimeout, message: "waited".to_owned() };
    let observation = Observation {
        desired: &desired,
        observed: &observed,
        remaining: &remaining,
        time: PlanTime::at(at(NOW)),
        failed: vec![FailedStep { step, failure }],
        failed_work: None,
        copied: None,
    };
    let subject = Subject { previous: None, generation: Some(1), requested: None };
    let blocked = project(&subject, &Outcome::Inspected(observation), at(NOW));
    let expected = [
        "Ready=False SwapBlocked",
        "Reconciling=True SwapBlocked",
        "InSync=True InParity",
        "Converted=False SwapBlocked",
    ];
    assert_eq!(words(&blocked), expected);

    let session = BlockingTransaction::Session { pid: 4711, who: "nightly".to_owned() };
    observed.copy.as_mut().expect("a copy").older = vec![session];
    assert_eq!(words(&project_observation(&desired, &observed)), expected);
}

#[test]
fn rollback_without_proof_waits_for_approval() {
    let desired = converting(&json!({}), &json!({}));
    let of = |record: &Value| {
        words(&project_observation(&desired, &served(&desired, record, &SyncState::Intact)))
    };
    assert_eq!(of(&complete(&swept(0)))[0], "Ready=False Converting");
    let not_proven = of(&complete(&swept(2)));
    assert_eq!(not_proven[..2], ["Ready=False AwaitingApproval", "Stalled=True AwaitingApproval"]);
    assert_eq!(not_proven[3], "Converted=False Converting");
}

#[test]
fn source_is_dropped_after_its_grace_period_if_no_object_depends_on_it() {
    let drop =
        json!({"serveFrom": "Partitioned", "source": {"afterCutover": "Drop", "dropAfter": "1h"}});
    let desired = converting(&drop, &json!({}));
    let of = |since: &str| {
        let mut record = complete(&swept(0));
        record["servingSince"] = since.into();
        project_observation(&desired, &served(&desired, &record, &SyncState::Intact))
    };
    let waits = of("2026-11-25T11:30:00Z");
    assert_eq!(words(&waits)[2], "Converted=True AsRequested");
    let converted = waits.condition(ConditionType::Converted).expect("a condition");
    assert!(converted.message.ends_with("is dropped after 2026-11-25T12:30:00Z"), "{converted:?}");
    // The grace ends when the tables are compared again.
    assert_eq!(waits.next_action_at.expect("an instant").0, at("2026-11-25T12:30:00Z"));

    let in_use = of("2026-11-25T11:00:00Z");
    assert_eq!(words(&in_use)[0], "Ready=False SourceInUse");
    assert_eq!(words(&in_use)[3], "Converted=False SourceInUse");
}

#[test]
fn partitioned_table_without_a_source_is_as_requested() {
    let desired = converting(&json!({"serveFrom": "Partitioned"}), &json!({}));
    let remainder = |remainder| format!("FOR VALUES WITH (modulus 2, remainder {remainder})");
    let relation = json!({"relation": {"columns": ["id", "org"],
                          "key": {"method": "h", "columns": [{"name": "org", "type": "int8"}]}}});
    let observed = observed(&[&remainder(0), &remainder(1)], &relation);
    let status = project_observation(&desired, &observed);
    assert_eq!(words(&status), ["Ready=True Succeeded", "Converted=True AsRequested"]);
    let conversion = status.conversion.expect("a conversion");
    assert_eq!(conversion.serving, Some(Side::Partitioned));
    assert_eq!(conversion.rollback, Some(Rollback::Impossible));
    let source = project_observation(&converting(&json!({}), &json!({})), &observed);
    assert_eq!(words(&source)[0], "Ready=False NotConvertible");
}
