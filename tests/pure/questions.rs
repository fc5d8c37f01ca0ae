//! What the catalog does not tell is asked for where a plan rests on it.

use pg_partition_operator::observed::Within;
use pg_partition_operator::plan::{
    Blocker, Moment, Step, asks_for_default_rows, asks_for_references, plan,
};
use proptest::prelude::*;

use crate::arbitrary::{World, any_world};
use crate::properties::cases;

proptest! {
    #![proptest_config(cases(150))]

    #[test]
    fn where_rows_of_the_default_partition_matter_they_are_counted(world in any_world()) {
        let World { desired, mut observed, now } = world;
        observed.default_rows = None;
        let moment = Moment::at(now);
        let asked = asks_for_default_rows(&desired, &observed, &moment);
        for held in plan(&desired, &observed, &moment).deferred {
            let (Blocker::DefaultNotCounted { .. }, Some(Step::AttachPartition(attach))) =
                (&held.blocker, &held.wanted)
            else {
                continue;
            };
            let range = attach.bounds.as_range().expect("a default partition has none beside it");
            // What only a detach gives back that is finished first is asked for in the next run.
            let is_freed = observed.partitions.iter().any(|p| {
                p.hangs_on() && p.bounds.as_range().is_some_and(|bounds| bounds.overlaps(&range))
            });
            let is_asked = matches!(asked, Some(Within::Range(within))
                if within.from() <= range.from() && range.to() <= within.to());
            prop_assert!(is_asked || is_freed, "{asked:?} is asked, not {range:?}");
        }
    }

    #[test]
    fn where_references_matter_they_are_looked_for(world in any_world()) {
        let World { desired, mut observed, now } = world;
        for partition in &mut observed.partitions {
            partition.rows_referenced_by = None;
        }
        let moment = Moment::at(now);
        let asked = asks_for_references(&desired, &observed, &moment);
        for held in plan(&desired, &observed, &moment).deferred {
            if let Blocker::ReferencesNotChecked { partition, .. } = &held.blocker {
                prop_assert!(asked.contains(partition), "{asked:?} is asked, not {partition:?}");
            }
        }
    }

    #[test]
    fn a_fingerprint_does_not_change_with_time(world in any_world(), seconds in 1..100_000_i64) {
        let World { desired, observed, now } = world;
        let later = now + jiff::SignedDuration::from_secs(seconds);
        let [first, later] =
            [now, later].map(|instant| plan(&desired, &observed, &Moment::at(instant)));
        let what = |plan: &pg_partition_operator::plan::Plan| -> Vec<_> {
            let indexes = |step: &Step| match step {
                // Which is among the newest, time does change.
                Step::CreatePartition(new) => new.indexes.len(),
                _ => 0,
            };
            let steps =
                plan.steps.iter().map(|p| (p.step.verb(), p.step.subject(), indexes(&p.step)));
            let held = plan.deferred.iter().map(|held| {
                let subject = held.wanted.as_ref().map_or(observed.name.clone(), Step::subject);
                (held.blocker.name(), subject, held.wanted.as_ref().map_or(0, indexes))
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
