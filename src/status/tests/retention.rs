//! Status of retention.

use super::*;
use crate::desired::{AdoptedName, Mode};

/// Returns the conditions on expired partitions, if one period is kept in addition to November.
fn retained(spec: &Value, marks: &[(&str, &str)], other: &Value) -> (String, String) {
    let mut wanted = json!({"retention": {"keep": 1}});
    merge(&mut wanted, spec);
    let mut bounds = vec![OCTOBER, NOVEMBER, DECEMBER];
    bounds.extend(marks.iter().map(|(bounds, _)| *bounds));
    let mut snapshot = snapshot(&bounds, other);
    for (number, (_, mark)) in marks.iter().enumerate() {
        merge(&mut snapshot["partitions"][number + 3], &json!({"comment": mark}));
        if mark.contains("detached") {
            let detached = json!({"attached": false, "bounds": null});
            merge(&mut snapshot["partitions"][number + 3], &detached);
        }
    }
    let texts = texts(&project_observation(&desired(&wanted), &meaning(snapshot)));
    let of = |area: &str| {
        let found = texts.iter().find(|texts| texts.starts_with(area));
        found.unwrap_or_else(|| panic!("{area} in {texts:#?}")).clone()
    };
    (of("Ready="), of("Retained="))
}

const OCTOBER: &str = "FOR VALUES FROM ('2026-10-01 00:00:00+00') TO ('2026-11-01 00:00:00+00')";
const AUGUST: &str = "FOR VALUES FROM ('2026-08-01 00:00:00+00') TO ('2026-09-01 00:00:00+00')";
const SEPTEMBER: &str = "FOR VALUES FROM ('2026-09-01 00:00:00+00') TO ('2026-10-01 00:00:00+00')";
const OURS: &str = "pgpartition.dev partition of public.revenues ";

#[test]
fn retained_is_true_if_no_partition_has_expired() {
    let (ready, retained) = retained(&json!({}), &[], &json!({}));
    assert!(ready.starts_with("Ready=True Succeeded: "), "{ready}");
    assert_eq!(
        retained,
        "Retained=True NothingExpired: no partition ends before 2026-10-01; spec.retention does not apply to 3 unmanaged \
         partitions"
    );
}

#[test]
fn expired_partitions_are_reported() {
    let managed = format!("{OURS}{SEPTEMBER}");
    let (ready, texts) = retained(&json!({}), &[(SEPTEMBER, &managed)], &json!({}));
    assert_eq!(ready, "Ready=False Progressing: 4 steps pending: the next run continues");
    let past = "Retained=False PartitionsPastRetention: ";
    assert_eq!(
        texts,
        format!(
            "{past}partition public.p3 is past the retention: the next run detaches or drops it"
        )
    );

    let marks = [(SEPTEMBER, &*managed), (AUGUST, &*managed)];
    let (_, texts) = retained(&json!({"mode": "Plan"}), &marks, &json!({}));
    assert_eq!(
        texts,
        format!(
            "{past}2 partitions are past the retention (first: public.p3): set spec.mode to Enforce to let the \
             operator detach or drop them"
        )
    );

    let (ready, texts) = retained(&json!({}), &[(SEPTEMBER, "")], &json!({}));
    assert!(ready.starts_with("Ready=True Succeeded: "), "{ready}");
    assert!(texts.starts_with("Retained=False PartitionsPastRetention: 1 partition "), "{texts}");
}

#[test]
fn planned_record_of_a_kept_partition_is_not_an_expiry() {
    let (desired, observed) = adopting();
    let texts = texts(&project_observation(&desired, &observed));
    assert!(texts[0].starts_with("Ready=False PlanOnly: 1 step planned"), "{texts:#?}");
    assert!(
        texts.iter().any(|texts| texts.starts_with("Retained=True NothingExpired: ")),
        "{texts:#?}"
    );
}

#[test]
fn retention_is_unknown_while_a_conversion_is_requested() {
    let managed = format!("{OURS}{SEPTEMBER}");
    let converting = json!({"conversion": {"method": "Copy"}});
    let (_, texts) = retained(&converting, &[(SEPTEMBER, &managed)], &json!({}));
    assert!(texts.starts_with("Retained=Unknown "), "{texts}");
}

#[test]
fn detach_that_a_user_began_is_not_an_expiry() {
    let pending = json!({"detachPending": true});
    let mut snapshot = snapshot(&[OCTOBER, NOVEMBER, DECEMBER], &json!({}));
    merge(&mut snapshot["partitions"][2], &pending);
    let wanted = desired(&json!({"retention": {"keep": 1}, "mode": "Plan"}));
    let texts = texts(&project_observation(&wanted, &meaning(snapshot)));
    assert!(texts.iter().any(|texts| texts.starts_with("Retained=True ")), "{texts:#?}");
}

#[test]
fn failed_adoption_is_not_a_failure_of_the_retention() {
    let (mut desired, observed) = adopting();
    desired.mode = Mode::Enforce;
    let remaining = plan::plan(&desired, &observed, &PlanTime::at(at(NOW)));
    let step = &remaining.steps[0].step;
    assert_eq!(step.verb(), "adopt");
    let failure = Failure { reason: Reason::LockTimeout, message: "because".to_owned() };
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
    let texts = texts(&project(&subject, &Outcome::Inspected(observation), at(NOW)));
    assert!(
        texts[0].starts_with("Ready=False LockTimeout: adopt public.revenues: because"),
        "{texts:#?}"
    );
    assert!(
        texts.iter().any(|texts| texts.starts_with("Retained=True NothingExpired: ")),
        "{texts:#?}"
    );
}

/// A table of which nothing has expired, and a spec that adopts one of its partitions.
fn adopting() -> (DesiredTable, ObservedTable) {
    let mut desired = desired(&json!({"retention": {"keep": 1}, "mode": "Plan"}));
    let observed = observed(&[OCTOBER, NOVEMBER, DECEMBER], &json!({}));
    let name = observed.partitions[0].name.clone();
    desired.adopt = vec![AdoptedName { schema: Some(name.schema), name: name.name }];
    (desired, observed)
}

#[test]
fn one_fingerprint_covers_all_steps_that_await_approval() {
    let managed = format!("{OURS}{SEPTEMBER}");
    let marks = [(SEPTEMBER, &*managed), (AUGUST, &*managed)];
    let limit = json!({"limits": {"lockTimeout": "1s", "maxExpirePerRun": 1}});
    let (ready, texts) = retained(&limit, &marks, &json!({}));
    let because = "AwaitingApproval: 2 partitions would be detached in one run, more than \
                   spec.limits.maxExpirePerRun (1): review the plan; to detach them, approve its fingerprint with the \
                   annotation pgpartition.dev/approve or apply --approve; to keep them, extend spec.retention; the \
                   fingerprint is ";
    assert!(ready.starts_with(&format!("Ready=False {because}")), "{ready}");
    assert!(texts.starts_with(&format!("Retained=False {because}")), "{texts}");
}

#[test]
fn table_in_its_grace_period_is_retained() {
    let mark =
        format!("pgpartition.dev detached 2026-11-20T00:00:00Z from public.revenues {SEPTEMBER}");
    let spec = json!({"retention": {"keep": 1, "onExpiry": "Drop"}});
    let (ready, texts) = retained(&spec, &[(SEPTEMBER, &mark)], &json!({}));
    assert!(ready.starts_with("Ready=True Succeeded: "), "{ready}");
    assert!(texts.starts_with("Retained=True NothingExpired: "), "{texts}");
}

#[test]
fn referenced_partition_is_retained_and_reported() {
    let managed = format!("{OURS}{SEPTEMBER}");
    let key = json!({"relation": {"referencedBy": [
        {"schema": "public", "table": "invoices", "columns": [["at", "at"]]},
    ]}});
    let (ready, texts) = retained(&json!({}), &[(SEPTEMBER, &managed)], &key);
    assert!(ready.starts_with("Ready=False PartitionReferenced: "), "{ready}");
    assert!(texts.starts_with("Retained=False PartitionReferenced: "), "{texts}");
}

#[test]
fn retained_names_the_approval_first() {
    let managed = format!("{OURS}{SEPTEMBER}");
    let mut snapshot = snapshot(&[OCTOBER, NOVEMBER, DECEMBER, SEPTEMBER, AUGUST], &json!({}));
    for number in [3, 4] {
        merge(&mut snapshot["partitions"][number], &json!({"comment": managed}));
    }
    let spec = json!({"retention": {"keep": 1}, "limits": {"maxExpirePerRun": 1}});
    let (desired, observed) = (desired(&spec), meaning(snapshot));
    let remaining = plan::plan(&desired, &observed, &PlanTime::at(at(NOW)));
    let step = remaining.deferred[0].step.as_ref().expect("a step");
    let failure = Failure { reason: Reason::StepFailed, message: "because".to_owned() };
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
    let status = project(&subject, &Outcome::Inspected(observation), at(NOW));
    let reason = |type_| status.condition(type_).map(|condition| condition.reason.as_str());
    assert_eq!(reason(ConditionType::Ready), Some("StepFailed"));
    assert_eq!(reason(ConditionType::Retained), Some("AwaitingApproval"));
}
