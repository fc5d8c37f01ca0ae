//! Fields that a status keeps from the previous one.

use super::*;

#[test]
fn only_a_transition_changes_its_time() {
    let (desired, observed) = (desired(&json!({})), observed(&[NOVEMBER, DECEMBER], &json!({})));
    let first = project_observation(&desired, &observed);
    let remaining = plan::plan(&desired, &observed, &PlanTime::at(at(NOW)));
    let later = at("2026-11-25T13:00:00Z");
    let again = |outcome| {
        let subject =
            Subject { previous: Some(&first), generation: Some(3), requested: Some("please") };
        project(&subject, &outcome, later)
    };

    let observation = Observation {
        desired: &desired,
        observed: &observed,
        remaining: &remaining,
        time: PlanTime::at(at(NOW)),
        failed: Vec::new(),
        failed_work: None,
        copied: None,
    };
    assert_eq!(again(Outcome::Inspected(observation)), first);

    let failure = Failure { reason: Reason::ConnectionFailed, message: String::new() };
    let failed = again(Outcome::Failed(failure));
    assert_eq!(failed.conditions[0].last_transition_time.0, later);
}

#[test]
fn suspended_table_keeps_its_status() {
    let observation =
        project_observation(&desired(&json!({"mode": "Plan"})), &observed(&[NOVEMBER], &json!({})));
    let subject =
        Subject { previous: Some(&observation), generation: Some(4), requested: Some("now") };
    let status = project(&subject, &Outcome::Suspended, at("2026-11-25T13:00:00Z"));
    let texts = texts(&status);
    assert!(texts[0].starts_with("Ready=False Suspended: "), "{texts:#?}");
    assert!(texts[1].starts_with("Reachable=True Connected"), "{texts:#?}");
    assert_eq!(
        status.conditions[0].last_transition_time,
        observation.conditions[0].last_transition_time
    );
    assert_eq!(status.observed_generation, Some(4));
    assert_eq!(status.last_handled_reconcile.as_deref(), Some("please"));
    assert_eq!(status.partitions, observation.partitions);
}

#[test]
fn deleted_table_keeps_its_conditions() {
    let observation =
        project_observation(&desired(&json!({})), &observed(&[NOVEMBER, DECEMBER], &json!({})));
    let subject = Subject { previous: Some(&observation), generation: Some(4), requested: None };
    let status = project(&subject, &Outcome::Deleting, at("2026-11-25T13:00:00Z"));
    let texts = texts(&status);
    assert!(texts[0].starts_with("Ready=True Deleting: "), "{texts:#?}");
    assert_eq!(status.conditions[1..], observation.conditions[1..]);
    assert_eq!(status.next_action_at, None);
}

#[test]
fn waiting_for_a_session_changes_ready_only() {
    let observation =
        project_observation(&desired(&json!({})), &observed(&[NOVEMBER, DECEMBER], &json!({})));
    let subject =
        Subject { previous: Some(&observation), generation: Some(4), requested: Some("now") };
    let waiting = Outcome::WaitingForSession("all 4 sessions are in use".to_owned());
    let status = project(&subject, &waiting, at("2026-11-25T13:00:00Z"));
    let texts = texts(&status);
    assert_eq!(texts[0], "Ready=False WaitingForSession: all 4 sessions are in use");
    assert_eq!(texts[1], "Reconciling=True WaitingForSession: all 4 sessions are in use");
    assert_eq!(status.conditions[2..], observation.conditions[1..]);
    assert_eq!(status.next_action_at, observation.next_action_at);
    assert_eq!(status.last_handled_reconcile, observation.last_handled_reconcile);
}

#[test]
fn converted_is_a_condition_of_tables_with_a_conversion() {
    let observed = observed(&[], &json!({"relation": {"kind": "r"}}));
    let condition_of = |status: &PartitionedTableStatus| {
        let converted = status.condition(ConditionType::Converted)?;
        Some(format!("{} {}", converted.status, converted.reason))
    };
    let plain = project_observation(&desired(&json!({})), &observed);
    let converting = desired(&json!({"conversion": {"method": "Attach"}}));
    let converting = project_observation(&converting, &observed);
    assert_eq!(condition_of(&plain), None);
    assert_eq!(condition_of(&converting).as_deref(), Some("False NotConvertible"));
    assert!(converting.condition(ConditionType::Stalled).is_some(), "{:#?}", texts(&converting));

    for (before, after) in [(plain, None), (converting, Some("Unknown NotChecked"))] {
        let subject = Subject { previous: Some(&before), generation: Some(4), requested: None };
        let failure = Failure { reason: Reason::ConnectionFailed, message: String::new() };
        let failed = project(&subject, &Outcome::Failed(failure), at("2026-11-25T13:00:00Z"));
        assert_eq!(condition_of(&failed).as_deref(), after);
    }
}

#[test]
fn progress_of_another_version_is_removed() {
    let (desired, observed) = (desired(&json!({})), observed(&[NOVEMBER, DECEMBER], &json!({})));
    let mut previous = project_observation(&desired, &observed);
    previous.conversion = Some(crate::api::v1alpha1::ConversionStatus::default());
    previous.parity = Some(crate::api::v1alpha1::ParityStatus::default());
    let remaining = plan::plan(&desired, &observed, &PlanTime::at(at(NOW)));
    let time = PlanTime::at(at(NOW));
    let (desired, observed, remaining) = (&desired, &observed, &remaining);
    let observation = Observation {
        desired,
        observed,
        remaining,
        time,
        failed: Vec::new(),
        failed_work: None,
        copied: None,
    };
    let subject = Subject { previous: Some(&previous), generation: Some(3), requested: None };
    let status = project(&subject, &Outcome::Inspected(observation), at(NOW));
    assert_eq!((status.conversion, status.parity), (None, None));
}
