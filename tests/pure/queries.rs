//! Facts that the catalog does not hold are queried if a plan depends on them.

use jiff::SignedDuration;
use pg_partition_operator::observed::{ObservedTable, Question, Snapshot, Within};
use pg_partition_operator::partition::{Edge, KeyType, QualifiedName, RangeBounds};
use pg_partition_operator::plan::{
    Blocker, DefaultBlocker, PlanTime, Step, plan, questions, questions_without_spec,
};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::arbitrary::{SimulatedState, any_state};
use crate::catalog::identifier;
use crate::fuzz::snapshot;
use crate::properties::cases;

proptest! {
    #![proptest_config(cases(150))]

    #[test]
    fn rows_of_the_default_partition_are_counted_if_the_plan_needs_them(state in any_state()) {
        let SimulatedState { desired, mut observed, now } = state;
        observed.default_rows = None;
        let time = PlanTime::at(now);
        let asked = questions(&desired, &observed, &time);
        for held in plan(&desired, &observed, &time).deferred {
            let (Blocker::Default(DefaultBlocker::DefaultRowsUnknown { .. }), Some(Step::AttachPartition(attach))) =
                (&held.blocker, &held.step)
            else {
                continue;
            };
            let range = attach.bounds.as_range().expect("a default partition has none beside it");
            // A range that becomes free with a detach in the same plan is queried in the next run.
            let is_freed = observed.partitions.iter().any(|p| {
                p.state.is_partition() && p.bounds.as_range().is_some_and(|bounds| bounds.overlaps(&range))
            });
            let is_asked = asked.iter().any(|question| matches!(
                question,
                Question::DefaultRows(Within::Range(within))
                    if within.from() <= range.from() && range.to() <= within.to()
            ));
            prop_assert!(is_asked || is_freed, "{asked:?} is asked, not {range:?}");
        }
    }

    #[test]
    fn references_are_queried_if_the_plan_needs_them(state in any_state()) {
        let SimulatedState { desired, mut observed, now } = state;
        for partition in &mut observed.partitions {
            partition.rows_referenced_by = None;
        }
        let time = PlanTime::at(now);
        let asked = questions(&desired, &observed, &time);
        for held in plan(&desired, &observed, &time).deferred {
            if let Blocker::ReferencesUnknown { partition, .. } = &held.blocker {
                let question = Question::ReferencesTo(partition.clone());
                prop_assert!(asked.contains(&question), "{asked:?} is asked, not {partition:?}");
            }
        }
    }

    #[test]
    fn answered_question_is_not_asked_again(state in any_state()) {
        let SimulatedState { desired, mut observed, now } = state;
        let time = PlanTime::at(now);
        for question in questions(&desired, &observed, &time) {
            prop_assert!(!observed.is_answered(&question), "{question:?}");
            answer(&mut observed, question);
        }
        prop_assert_eq!(questions(&desired, &observed, &time), []);
    }

    #[test]
    fn answers_without_a_spec_leave_only_index_conditions(state in any_state()) {
        let SimulatedState { desired, mut observed, now } = state;
        for question in questions_without_spec(&observed) {
            answer(&mut observed, question);
        }
        prop_assert_eq!(questions_without_spec(&observed), []);
        for left in questions(&desired, &observed, &PlanTime::at(now)) {
            prop_assert!(matches!(left, Question::Conditions(_)), "{left:?}");
        }
    }

    #[test]
    fn fingerprint_does_not_change_with_time(state in any_state(), seconds in 1..100_000_i64) {
        let SimulatedState { desired, observed, now } = state;
        let later = now + jiff::SignedDuration::from_secs(seconds);
        let [first, later] =
            [now, later].map(|instant| plan(&desired, &observed, &PlanTime::at(instant)));
        let what = |plan: &pg_partition_operator::plan::Plan| -> Vec<_> {
            let indexes = |step: &Step| match step {
                // Which is among the newest, time does change.
                Step::CreatePartition(new) => new.indexes.len(),
                _ => 0,
            };
            let subjects = |step: &Step| match step {
                Step::MarkPartitions(mark) => {
                    mark.partitions.iter().map(|marked| marked.name.clone()).collect()
                }
                step => vec![step.subject()],
            };
            let steps =
                plan.steps.iter().map(|p| (p.step.verb(), subjects(&p.step), indexes(&p.step)));
            let held = plan.deferred.iter().map(|held| {
                let subjects = held.step.as_ref().map_or(Vec::new(), subjects);
                (held.blocker.name(), subjects, held.step.as_ref().map_or(0, indexes))
            });
            steps.chain(held).collect()
        };
        prop_assert_eq!(
            what(&first) == what(&later),
            first.fingerprint == later.fingerprint,
            "{}\n{}",
            first,
            later
        );
    }
}

/// A day on the axis of dates and times.
const DAY: i128 = 86_400_000_000;

/// Notes that Postgres was asked, and did not answer.
fn answer(observed: &mut ObservedTable, question: Question) {
    if let Question::Conditions(conditions) = &question {
        observed.conditions.extend(conditions.iter().map(|condition| (condition.clone(), None)));
    }
    observed.answered.insert(question);
}

fn meaning(snapshot: Value) -> ObservedTable {
    let snapshot: Snapshot = serde_json::from_value(snapshot).expect("a snapshot");
    let printed = serde_json::to_value(&snapshot).expect("JSON");
    let again: Snapshot = serde_json::from_value(printed).expect("the printed snapshot");
    assert_eq!(again, snapshot);
    ObservedTable::try_from(snapshot).expect("a snapshot with a meaning")
}

/// A partition of the snapshots.
fn partition(name: &str) -> QualifiedName {
    QualifiedName { schema: identifier("public"), name: identifier(name) }
}

#[test]
fn answers_of_a_snapshot_are_part_of_its_meaning() {
    for snapshot in snapshot::good().into_iter().take(4) {
        let observed = meaning(snapshot);
        assert_eq!(observed.server.clock_offset, Some(SignedDuration::from_secs(-1)));
        assert_eq!(observed.default_count, Some(17));
        assert_eq!(observed.default_rows.as_ref().map(Vec::len), Some(1));
        let november = observed.partition(&partition("events_2026_11")).expect("a partition");
        assert_eq!(november.rows_referenced_by, Some(vec![partition("notes")]));
        let september = observed.partition(&partition("events_2026_09")).expect("a partition");
        assert_eq!(september.rows_referenced_by, None);
        assert_eq!(september.references_error.as_deref(), Some("no"));
        let deparsed = observed.conditions.get("status <> 'open'").cloned().flatten();
        assert_eq!(deparsed.as_deref(), Some("((status)::text <> 'open'::text)"));
        // The later of two counts replaces the earlier one.
        assert!(!observed.is_answered(&Question::DefaultRows(Within::Everywhere)));
        assert_eq!(observed.answered.len(), 5);
    }
}

#[test]
fn range_of_counted_rows_survives_in_a_snapshot() {
    let edges = [
        [Edge::MinValue, Edge::At(0)],
        [Edge::At(0), Edge::At(DAY)],
        [Edge::At(DAY), Edge::MaxValue],
    ];
    let infinite = [Edge::NegativeInfinity, Edge::Infinity];
    for mut snapshot in snapshot::good().into_iter().take(4) {
        let observed = meaning(snapshot.clone());
        let key = observed.range_key().expect("a key with ranges").key_type;
        let infinite = Some(infinite).filter(|_| key != KeyType::UuidV7);
        for [from, to] in edges.into_iter().chain(infinite) {
            let Some(range) = RangeBounds::new(from, to) else { continue };
            let within = Within::Range(range);
            snapshot["answers"] =
                json!([{"defaultRows": {"within": within.to_raw(key), "rows": null}}]);
            let observed = meaning(snapshot.clone());
            assert!(observed.is_answered(&Question::DefaultRows(within)), "{key:?}, {range:?}");
            assert!(!observed.is_answered(&Question::DefaultRows(Within::Everywhere)));
        }
    }
}

#[test]
fn counted_rows_of_an_older_snapshot_are_read() {
    let mut old = snapshot::good().remove(0);
    let fields = old.as_object_mut().expect("an object");
    fields.remove("answers");
    fields.insert("defaultRows".to_owned(), json!({"count": 4, "bins": []}));
    let observed = meaning(old);
    assert_eq!(observed.default_count, Some(4));
    assert!(observed.is_answered(&Question::DefaultRows(Within::Everywhere)));
    assert!(!observed.is_answered(&Question::ClockSkew));
}
