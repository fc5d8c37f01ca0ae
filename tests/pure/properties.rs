//! The laws of the planner, over worlds at random. What must be true is worked out apart from it,
//! in `tests/support/oracle.rs`.

use pg_partition_operator::observed::{ObservedTable, Origin};
use pg_partition_operator::partition::{Bounds, Edge, RangeBounds};
use pg_partition_operator::plan::{Moment, Plan, Step, check, plan, simulate};
use proptest::prelude::*;
use proptest::test_runner::TestCaseResult;

use crate::arbitrary::{World, any_world};
use crate::oracle;

fn cases(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, ..ProptestConfig::default() }
}

fn holds(law: Result<(), String>) -> TestCaseResult {
    law.map_err(TestCaseError::fail)
}

/// The world after the first `steps` of a plan.
fn after(observed: &ObservedTable, plan: &Plan, steps: usize) -> ObservedTable {
    let mut world = observed.clone();
    for planned in plan.steps.iter().take(steps) {
        simulate(&mut world, &planned.step);
    }
    world
}

fn planned(world: &World) -> (Plan, ObservedTable) {
    let plan = plan(&world.desired, &world.observed, &Moment::at(world.now));
    let end = after(&world.observed, &plan, plan.steps.len());
    (plan, end)
}

proptest! {
    #![proptest_config(cases(250))]

    #[test]
    fn converges(world in any_world()) {
        let (first, end) = planned(&world);
        let second = plan(&world.desired, &end, &Moment::at(world.now));
        prop_assert!(second.steps.is_empty(), "first\n{first}\nthen\n{second}");
        prop_assert_eq!(first.deferred.len(), second.deferred.len(), "{}\n{}", first, second);
    }

    #[test]
    fn is_deterministic_and_blind_to_the_number_of_rows(world in any_world()) {
        let first = plan(&world.desired, &world.observed, &Moment::at(world.now));
        prop_assert_eq!(&first, &plan(&world.desired, &world.observed, &Moment::at(world.now)));
        let mut grown = world.observed.clone();
        for partition in &mut grown.partitions {
            partition.rows = Some(partition.rows.unwrap_or(0) + 1_000);
            partition.bytes *= 3;
        }
        for stretch in grown.default_rows.iter_mut().flatten() {
            stretch.rows *= 2;
        }
        let later = plan(&world.desired, &grown, &Moment::at(world.now));
        prop_assert_eq!(first.fingerprint, later.fingerprint);
    }

    #[test]
    fn covers_what_is_wanted(world in any_world()) {
        let (plan, end) = planned(&world);
        holds(oracle::is_covered(&world, &end, &plan))?;
    }

    #[test]
    fn touches_nothing_of_others_and_names_well(world in any_world()) {
        let (_, end) = planned(&world);
        holds(oracle::others_are_left_alone(&world.observed, &end))?;
        holds(oracle::names_are_good(&world.observed, &end))?;
    }

    #[test]
    fn is_accepted_by_the_checker(world in any_world()) {
        let plan = plan(&world.desired, &world.observed, &Moment::at(world.now));
        let text = plan.to_string();
        if let Err(violation) = check(plan, &world.desired, &world.observed, &Moment::at(world.now)) {
            return Err(TestCaseError::fail(format!("{violation}\n{text}")));
        }
    }
}

proptest! {
    #![proptest_config(cases(40))]

    #[test]
    fn survives_being_cut_off_after_any_step(world in any_world()) {
        let (first, end) = planned(&world);
        for steps in (0..first.steps.len()).step_by(1 + first.steps.len() / 30) {
            let midway = after(&world.observed, &first, steps);
            holds(oracle::nothing_overlaps(&midway))?;
            holds(oracle::others_are_left_alone(&world.observed, &midway))?;
            holds(oracle::names_are_good(&world.observed, &midway))?;
            let second = plan(&world.desired, &midway, &Moment::at(world.now));
            let second_end = after(&midway, &second, second.steps.len());
            prop_assert_eq!(
                oracle::nameless(&second_end),
                oracle::nameless(&end),
                "after {} steps of\n{}\nthen\n{}",
                steps,
                first,
                second
            );
        }
        holds(oracle::nothing_overlaps(&end))?;
    }

    #[test]
    fn a_plan_without_what_a_step_rests_on_is_refused(world in any_world()) {
        let whole = plan(&world.desired, &world.observed, &Moment::at(world.now));
        for (first, second) in dependent(&whole) {
            let mut dropped = whole.clone();
            dropped.steps.remove(first);
            let mut swapped = whole.clone();
            swapped.steps.swap(first, second);
            for mutant in [dropped, swapped] {
                let text = format!("of\n{whole}\nthis was accepted\n{mutant}");
                prop_assert!(check(mutant, &world.desired, &world.observed, &Moment::at(world.now)).is_err(), "{}", text);
            }
        }
    }

    #[test]
    fn a_plan_that_drops_an_index_too_early_is_refused(world in any_world()) {
        let whole = plan(&world.desired, &world.observed, &Moment::at(world.now));
        for (at, second) in whole.steps.iter().enumerate() {
            for (before, first) in whole.steps[..at].iter().enumerate() {
                if makes_place(&first.step, &second.step, &world.observed) {
                    let mut swapped = whole.clone();
                    swapped.steps.swap(before, at);
                    let text = format!("of\n{whole}\nthis was accepted\n{swapped}");
                    prop_assert!(check(swapped, &world.desired, &world.observed, &Moment::at(world.now)).is_err(), "{}", text);
                }
            }
        }
    }

    #[test]
    fn a_plan_that_takes_too_much_is_refused(world in any_world()) {
        let whole = plan(&world.desired, &world.observed, &Moment::at(world.now));
        for mutant in widened(&whole, &world.observed).into_iter().chain(seized(&whole, &world.observed)) {
            let text = format!("of\n{whole}\nthis was accepted\n{mutant}");
            prop_assert!(check(mutant, &world.desired, &world.observed, &Moment::at(world.now)).is_err(), "{}", text);
        }
    }
}

/// Whether dropping `first` lets go of what `second` makes anew, for the same name of the resource.
fn makes_place(first: &Step, second: &Step, observed: &ObservedTable) -> bool {
    let (Step::DropIndex { partition, index }, Step::BuildIndex { partition: on, stands_for, .. }) =
        (second, first)
    else {
        return false;
    };
    let mut indexes =
        observed.partitions.iter().filter(|p| p.name == *partition).flat_map(|p| &p.indexes);
    on == partition
        && indexes.any(|i| {
            i.name == *index
                && i.valid
                && i.marker.as_ref().map(|m| &m.index) == stands_for.as_ref()
        })
}

/// Pairs of steps of which the second cannot be done without the first.
fn dependent(plan: &Plan) -> Vec<(usize, usize)> {
    let steps: Vec<&Step> = plan.steps.iter().map(|planned| &planned.step).collect();
    let mut pairs = Vec::new();
    for (at, second) in steps.iter().enumerate() {
        for (before, first) in steps[..at].iter().enumerate() {
            let subject = first.subject();
            if second.subject() == subject || second.rests_on().contains(&subject) {
                pairs.push((before, at));
            }
        }
    }
    pairs
}

/// The plan, with each partition taking everything.
fn widened(plan: &Plan, observed: &ObservedTable) -> Vec<Plan> {
    let everything = RangeBounds::new(Edge::MinValue, Edge::MaxValue).map(Bounds::Range);
    let is_occupied =
        observed.partitions.iter().any(|p| p.hangs_on() && p.bounds.as_range().is_some());
    let mut mutants = Vec::new();
    for at in (0..plan.steps.len()).filter(|_| is_occupied) {
        let mut mutant = plan.clone();
        let Some(wide) = everything.clone() else { break };
        match &mut mutant.steps[at].step {
            Step::AttachPartition(attach) if attach.bounds != wide => attach.bounds = wide,
            Step::CreatePartition(new) if new.bounds != wide => new.bounds = wide,
            _ => continue,
        }
        mutants.push(mutant);
    }
    mutants
}

/// The plan, followed by something done to each partition that others made.
fn seized(plan: &Plan, observed: &ObservedTable) -> Vec<Plan> {
    let foreign = observed.partitions.iter().filter(|p| p.origin == Origin::Foreign);
    let mut mutants = Vec::new();
    for partition in foreign {
        let mut steps = vec![Step::DiscardPartition { partition: partition.name.clone() }];
        let theirs = partition.indexes.iter().filter(|i| i.valid && i.marker.is_none());
        steps.extend(theirs.map(|index| Step::DropIndex {
            partition: partition.name.clone(),
            index: index.name.clone(),
        }));
        for step in steps {
            let mut mutant = plan.clone();
            let Some(because) = plan.steps.first().map(|planned| planned.because) else { break };
            mutant.steps.push(pg_partition_operator::plan::PlannedStep { step, because });
            mutants.push(mutant);
        }
    }
    mutants
}
