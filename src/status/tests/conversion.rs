//! Statuses of a table that is converted by copy.

use super::*;
use crate::api::v1alpha1::{ConversionStage, LostAt, ParityState, Side};
use crate::observed::{Question, SyncState};

/// Returns `revenues`, a plain table that is converted to hash partitions, with these fields of the spec.
pub(super) fn converting(conversion: &Value, other: &Value) -> DesiredTable {
    let mut spec = json!({
        "partitionBy": {"hash": {"columns": ["org"], "partitions": 2}}, "ahead": null,
        "conversion": {"method": "Copy", "acknowledge": ["UniqueKey:revenues_pkey"]},
    });
    merge(&mut spec, &json!({"conversion": conversion}));
    merge(&mut spec, other);
    desired(&spec)
}

fn plain() -> Value {
    let column = |name: &str| {
        json!({"name": name, "type": "bigint", "baseType": "int8", "btree": "pg_catalog",
               "hash": "pg_catalog"})
    };
    json!({
        "estimatedRows": 1000, "bytes": 81_920, "columns": [column("id"), column("org")],
        "uniqueIndexes": [{"name": "revenues_pkey", "primary": true, "columns": ["id"]}],
        "referencedBy": [{"table": {"schema": "public", "name": "lines"}, "name": "fk"}],
        "bound": ["materialized view totals"],
    })
}

/// The plain table before its conversion.
fn not_converted() -> ObservedTable {
    let relation = json!({"relation": {"kind": "r", "columns": ["id", "org"]},
                          "answers": [{"plainTable": plain()}]});
    observed(&[], &relation)
}

/// The copy, with what its record says, and with its triggers in this state.
pub(super) fn copy(desired: &DesiredTable, record: &Value, sync: &SyncState) -> ObservedTable {
    of_conversion(desired, record, sync, ("source", "isCopy"))
}

/// A copy, or the table that took the name of its source: the table that serves, and the flag that tells it.
pub(super) fn of_conversion(
    desired: &DesiredTable,
    record: &Value,
    sync: &SyncState,
    (serving, flag): (&str, &str),
) -> ObservedTable {
    let facts = json!({"serving": serving, "source": 7, "plain": plain(), "keys": [["id", "org"]],
                       "analyzed": true, "state": {"record": record}});
    let relation = json!({
        "relation": {flag: true, "columns": ["id", "org"],
                     "key": {"method": "h", "columns": [{"name": "org", "type": "int8"}]}},
        "answers": [{"copy": facts}],
    });
    let remainder = |remainder| format!("FOR VALUES WITH (modulus 2, remainder {remainder})");
    let parts = [remainder(0), remainder(1)];
    let mut snapshot = snapshot(&[&parts[0], &parts[1]], &relation);
    let asked = plan::questions(desired, &meaning(snapshot.clone()), &PlanTime::at(at(NOW)));
    let answers = asked.iter().filter_map(|question| {
        let Question::Sync(table, level) = question else { return None };
        Some(json!({"sync": {"of": table.sync_digest(*level), "state": sync}}))
    });
    let answers: Vec<_> = answers.collect();
    snapshot["answers"].as_array_mut().expect("an array").extend(answers);
    meaning(snapshot)
}

/// A record of triggers that were installed, with more.
fn record(other: &Value) -> Value {
    let mut record = json!({"sync": {"level": "Row", "columns": ["id", "org"], "triggers": {}, "functions": {}}});
    merge(&mut record, other);
    record
}

pub(super) fn complete(other: &Value) -> Value {
    let mut record =
        record(&json!({"begun": true, "copied": 990, "backfilledAt": "2026-11-25T10:00:00Z"}));
    merge(&mut record, other);
    record
}

/// A complete sweep that found this many rows that differ.
pub(super) fn swept(differing: u64) -> Value {
    json!({"parity": {
        "startedAt": "2026-11-25T11:00:00.5Z", "checkedAt": "2026-11-25T11:30:00.25Z", "content": true,
        "rowsSource": 990, "rowsPartitioned": 990 - differing, "differenceRows": differing,
        "mismatchedRanges": u64::from(differing > 0), "repairedRows": differing,
        "dirtyInARow": u64::from(differing > 0),
    }})
}

/// `Ready`, what repeats it, `InSync`, and `Converted` in a word each.
pub(super) fn words(status: &PartitionedTableStatus) -> Vec<String> {
    let of = |type_: ConditionType| {
        let found = status.condition(type_)?;
        Some(format!("{type_}={} {}", found.status, found.reason))
    };
    let types = [
        ConditionType::Ready,
        ConditionType::Reconciling,
        ConditionType::Stalled,
        ConditionType::InSync,
        ConditionType::Converted,
    ];
    types.into_iter().filter_map(of).collect()
}

pub(super) fn stage_of(status: &PartitionedTableStatus) -> Option<ConversionStage> {
    status.conversion.as_ref()?.stage
}

fn parity_of(status: &PartitionedTableStatus) -> Option<ParityState> {
    status.parity.as_ref()?.state
}

#[test]
fn loss_that_is_not_acknowledged_is_reported_before_anything_is_created() {
    let desired = converting(&json!({"acknowledge": []}), &json!({}));
    let status = project_observation(&desired, &not_converted());
    assert_eq!(
        words(&status),
        [
            "Ready=False NotAcknowledged",
            "Stalled=True NotAcknowledged",
            "Converted=False NotAcknowledged"
        ]
    );
    let conversion = status.conversion.expect("a conversion");
    assert_eq!(conversion.stage, Some(ConversionStage::Preparing));
    assert_eq!(conversion.serving, Some(Side::Source));
    let losses = conversion.losses.iter();
    let losses: Vec<_> = losses.map(|found| (&*found.loss, found.at, found.acknowledged)).collect();
    assert_eq!(
        losses,
        [
            ("UniqueKey:revenues_pkey", LostAt::Cutover, false),
            ("ForeignKey:public.lines.fk", LostAt::Drop, false)
        ]
    );
    assert_eq!(conversion.bound, ["materialized view totals"]);
    assert_eq!(status.parity, None);
}

#[test]
fn conversion_that_has_not_begun_does_not_match_the_spec() {
    let enforced = project_observation(&converting(&json!({}), &json!({})), &not_converted());
    assert_eq!(
        words(&enforced),
        ["Ready=False Converting", "Reconciling=True Converting", "Converted=False Converting"]
    );
    let planned = converting(&json!({}), &json!({"mode": "Plan"}));
    let planned = project_observation(&planned, &not_converted());
    assert_eq!(
        words(&planned),
        ["Ready=False PlanOnly", "Stalled=True PlanOnly", "Converted=False Converting"]
    );
}

#[test]
fn progress_is_reported_while_rows_are_copied() {
    let desired = converting(&json!({}), &json!({}));
    let record = record(&json!({"begun": true, "copied": 400}));
    let observed = copy(&desired, &record, &SyncState::Intact);
    let remaining = plan::plan(&desired, &observed, &PlanTime::at(at(NOW)));
    let observation = |copied| Observation {
        desired: &desired,
        observed: &observed,
        remaining: &remaining,
        time: PlanTime::at(at(NOW)),
        failed: Vec::new(),
        failed_work: None,
        copied,
    };
    let subject = Subject { previous: None, generation: Some(1), requested: None };
    let status = |copied| project(&subject, &Outcome::Inspected(observation(copied)), at(NOW));

    let copying = status(Some((200, Duration::from_secs(20))));
    assert_eq!(
        words(&copying),
        [
            "Ready=False Converting",
            "Reconciling=True Converting",
            "InSync=False RowsCopying",
            "Converted=False Converting"
        ]
    );
    let conversion = serde_json::to_value(&copying.conversion).expect("plain data");
    let expected = json!({"stage": "Copying", "serving": "Source", "copiedRows": 400,
                          "estimatedRows": 1000, "rowsPerSecond": 10,
                          "expectedAt": "2026-11-25T12:01:00Z"});
    for (field, value) in expected.as_object().expect("an object") {
        assert_eq!(conversion[field], *value, "{field} in {conversion}");
    }
    assert_eq!(parity_of(&copying), Some(ParityState::Unknown));

    for nothing_copied in [None, Some((0, Duration::from_secs(20))), Some((5, Duration::ZERO))] {
        let conversion = status(nothing_copied).conversion.expect("a conversion");
        assert_eq!(conversion.copied_rows, Some(400));
        assert_eq!((conversion.rows_per_second, conversion.expected_at), (None, None));
    }
}

#[test]
fn copy_is_equal_after_a_comparison_without_a_difference() {
    let desired = converting(&json!({}), &json!({}));
    let of =
        |record: &Value| project_observation(&desired, &copy(&desired, record, &SyncState::Intact));
    let not_compared = of(&complete(&json!({})));
    let not_ready = ["Ready=False Converting", "Reconciling=True Converting"];
    let unknown = ["InSync=Unknown NotCompared", "Converted=False Converting"];
    assert_eq!(words(&not_compared), [not_ready, unknown].concat());
    assert_eq!(stage_of(&not_compared), Some(ConversionStage::Comparing));
    assert_eq!(parity_of(&not_compared), Some(ParityState::Unknown));
    assert_eq!(not_compared.conversion.expect("a conversion").copied_rows, None);

    let differs = of(&complete(&swept(2)));
    assert_eq!(words(&differs), [not_ready, unknown].concat());
    assert_eq!(parity_of(&differs), Some(ParityState::Differs));

    let mut record = complete(&swept(0));
    record["repaired"] = 2.into();
    let clean = of(&record);
    assert_eq!(
        words(&clean),
        ["Ready=True Succeeded", "InSync=True InParity", "Converted=True AsRequested"]
    );
    assert_eq!(stage_of(&clean), Some(ConversionStage::InParity));
    // An hour after the last comparison.
    let next = clean.next_action_at.as_ref().map(|at| at.0);
    assert_eq!(next, Some(at("2026-11-25T12:30:00.25Z")));
    assert_eq!(
        serde_json::to_value(&clean.parity).expect("plain data"),
        json!({"state": "Clean", "level": "Content", "startedAt": "2026-11-25T11:00:00Z",
               "checkedAt": "2026-11-25T11:30:00Z", "rowsSource": 990, "rowsPartitioned": 990,
               "differenceRows": 0, "mismatchedRanges": 0, "repairedRows": 2})
    );
}

#[test]
fn comparison_that_is_only_due_again_changes_nothing() {
    let desired = converting(&json!({"parity": {"every": "1m"}}), &json!({}));
    let observed = copy(&desired, &complete(&swept(0)), &SyncState::Intact);
    let plan = plan::plan(&desired, &observed, &PlanTime::at(at(NOW)));
    assert!(plan.work.expect("work").is_routine());
    let status = project_observation(&desired, &observed);
    assert_eq!(
        words(&status),
        ["Ready=True Succeeded", "InSync=True InParity", "Converted=True AsRequested"]
    );
    assert_eq!(status.plan, None);
}

#[test]
fn parity_is_unknown_after_the_triggers_were_changed() {
    let altered: SyncState = serde_json::from_value(json!({"altered": [
        {"object": {"trigger": "sync_to_partitioned_revenues"}, "change": "disabled"}
    ]}))
    .expect("a state");
    for (state, mode, message) in [
        (
            altered,
            "Enforce",
            "trigger sync_to_partitioned_revenues is disabled: the next run installs the sync triggers again, which \
             requires a new comparison",
        ),
        (
            SyncState::Missing,
            "Plan",
            "the sync triggers were dropped: set spec.mode to Enforce to let the operator install the sync triggers \
             again, which requires a new comparison",
        ),
    ] {
        let desired = converting(&json!({}), &json!({"mode": mode}));
        let status = project_observation(&desired, &copy(&desired, &complete(&swept(0)), &state));
        let in_sync = status.condition(ConditionType::InSync).expect("a condition");
        assert_eq!((&*in_sync.status, &*in_sync.reason), ("False", "SyncAltered"));
        assert_eq!(in_sync.message, message);
        let converted = status.condition(ConditionType::Converted).expect("a condition");
        assert_eq!((&*converted.status, &*converted.reason), ("False", "Converting"));
        assert_eq!(parity_of(&status), Some(ParityState::Unknown));
        assert_eq!(stage_of(&status), Some(ConversionStage::Comparing));
    }
}

#[test]
fn triggers_are_not_missed_before_their_installation() {
    let desired = converting(&json!({}), &json!({}));
    let observed = copy(&desired, &json!({}), &SyncState::Missing);
    let status = project_observation(&desired, &observed);
    assert_eq!(words(&status)[2..], ["InSync=False RowsCopying", "Converted=False Converting"],);
    assert_eq!(stage_of(&status), Some(ConversionStage::Preparing));
    let facts = observed.copy.as_deref().expect("a copy");
    assert_eq!(sync_triggers(facts), None);
}

#[test]
fn sweep_after_sweep_with_differences_needs_a_user() {
    let desired = converting(&json!({}), &json!({}));
    let mut record = complete(&swept(2));
    record["parity"]["dirtyInARow"] = 3.into();
    let status = project_observation(&desired, &copy(&desired, &record, &SyncState::Intact));
    assert_eq!(
        words(&status),
        [
            "Ready=False ParityFailed",
            "Stalled=True ParityFailed",
            "InSync=False ParityFailed",
            "Converted=False Converting"
        ]
    );
}

#[test]
fn conversion_that_is_removed_from_the_spec_is_ending() {
    let desired = converting(&json!({}), &json!({}));
    let observed = copy(&desired, &complete(&swept(0)), &SyncState::Intact);
    let ended = converting(&json!({}), &json!({"conversion": null}));
    let status = project_observation(&ended, &observed);
    assert_eq!(words(&status), ["Ready=False AwaitingApproval", "Stalled=True AwaitingApproval"]);
    assert_eq!(stage_of(&status), Some(ConversionStage::Ending));
    assert_eq!(status.parity, None);
}

#[test]
fn retention_is_paused_from_the_first_plan_of_a_conversion() {
    let range = json!({
        "partitionBy": {"hash": null, "range": {"column": "at", "interval": "Month", "startAt": "2026-11-01"}},
        "ahead": 1, "retention": {"keep": 1},
    });
    let mut plain = plain();
    let at = json!({"name": "at", "type": "timestamptz", "baseType": "timestamptz", "btree": "pg_catalog"});
    plain["columns"].as_array_mut().expect("an array").push(at);
    let relation = json!({"relation": {"kind": "r", "columns": ["id", "org", "at"]},
                          "answers": [{"plainTable": plain}]});
    let status = project_observation(&converting(&json!({}), &range), &observed(&[], &relation));
    let retained = status.condition(ConditionType::Retained).expect("a condition");
    assert_eq!((&*retained.status, &*retained.reason), ("True", "ConversionFirst"));
}
