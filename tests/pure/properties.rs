//! The laws of the planner, over worlds at random. What must be true is worked out apart from it,
//! in `tests/support/oracle.rs` and `retention_oracle.rs`.

use jiff::SignedDuration;
use pg_partition_operator::desired::Mode;
use pg_partition_operator::observed::ObservedTable;
use pg_partition_operator::plan::{
    Deferral, Plan, PlanTime, Step, check, next_action, plan, simulate, violates_precondition,
};
use proptest::option;
use proptest::prelude::*;
use proptest::test_runner::TestCaseResult;

use crate::arbitrary::{World, any_world};
use crate::{oracle, retention_oracle};

pub(crate) fn cases(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, ..ProptestConfig::default() }
}

pub(crate) fn holds(law: Result<(), String>) -> TestCaseResult {
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

/// The world after as many plans as it takes: what one has done may make more possible, if not for ever.
fn settled(world: &World, observed: &ObservedTable) -> Option<(Plan, ObservedTable)> {
    settled_by(observed, |observed| plan(&world.desired, observed, &PlanTime::at(world.now)))
}

/// The world after as many plans as it takes, if a user approves each of them.
fn settled_with_approvals(
    world: &World,
    observed: &ObservedTable,
) -> Option<(Plan, ObservedTable)> {
    settled_by(observed, |observed| planned(&approved_again(world, observed)).0)
}

fn settled_by(
    observed: &ObservedTable,
    next: impl Fn(&ObservedTable) -> Plan,
) -> Option<(Plan, ObservedTable)> {
    let mut observed = observed.clone();
    for _ in 0..4 {
        let plan = next(&observed);
        if plan.steps.is_empty() {
            return Some((plan, observed));
        }
        observed = after(&observed, &plan, plan.steps.len());
    }
    None
}

/// The world with the plan for this table approved, and no other plan.
fn approved_again(world: &World, observed: &ObservedTable) -> World {
    let mut world = World { observed: observed.clone(), ..world.clone() };
    world.desired.approved.clear();
    let time = PlanTime::at(world.now);
    world.approved(&time)
}

fn planned(world: &World) -> (Plan, ObservedTable) {
    let plan = plan(&world.desired, &world.observed, &PlanTime::at(world.now));
    let end = after(&world.observed, &plan, plan.steps.len());
    (plan, end)
}

proptest! {
    #![proptest_config(cases(250))]

    #[test]
    fn converges(world in any_world()) {
        let (first, end) = planned(&world);
        let Some((last, _)) = settled(&world, &end) else {
            return Err(TestCaseError::fail(format!("there is no end after\n{first}")));
        };
        // The gap behind a detached partition disappears with it, and the reason of a deferral can change.
        let held_back = |plan: &Plan| -> Vec<_> {
            let wanted = |held: &Deferral| held.wanted.as_ref().map(Step::subject);
            let what = |held| wanted(held).ok_or(held.blocker.name());
            plan.deferred.iter().map(what).collect()
        };
        let known = held_back(&first);
        let is_known = held_back(&last).iter().all(|held| known.contains(held));
        prop_assert!(is_known, "first\n{first}\nthen\n{last}");
    }

    #[test]
    fn is_deterministic_and_blind_to_the_number_of_rows(world in any_world()) {
        let first = plan(&world.desired, &world.observed, &PlanTime::at(world.now));
        prop_assert_eq!(&first, &plan(&world.desired, &world.observed, &PlanTime::at(world.now)));
        let mut grown = world.observed.clone();
        for partition in &mut grown.partitions {
            partition.rows = Some(partition.rows.unwrap_or(0) + 1_000);
            partition.bytes *= 3;
        }
        for stretch in grown.default_rows.iter_mut().flatten() {
            stretch.rows *= 2;
        }
        let later = plan(&world.desired, &grown, &PlanTime::at(world.now));
        prop_assert_eq!(first.fingerprint, later.fingerprint);
    }

    #[test]
    fn deferral_names_its_rule_unless_a_precondition_is_unmet(world in any_world()) {
        let time = PlanTime::at(world.now);
        let refuted = violates_precondition(&world.desired, &world.observed, &time);
        let plan = plan(&world.desired, &world.observed, &time);
        prop_assert!(plan.deferred.iter().all(|held| held.rule.is_none() == refuted), "{plan}");
    }

    #[test]
    fn covers_the_desired_periods(world in any_world()) {
        let (plan, end) = planned(&world);
        holds(oracle::is_covered(&world, &end, &plan))?;
    }

    #[test]
    fn removes_nothing_before_it_expires(world in any_world(), ahead in option::weighted(0.1, -90_000..90_000_i64)) {
        let World { desired, mut observed, now } = world;
        observed.server.clock_offset = ahead.map(SignedDuration::from_millis);
        for time in [PlanTime::at(now), PlanTime::scheduled(&desired, now)] {
            let before = plan(&desired, &observed, &time);
            holds(retention_oracle::nothing_is_lost_early(&desired, &observed, &before, &time))?;
            let world = World { desired: desired.clone(), observed: observed.clone(), now };
            let approved = world.approved(&time).desired;
            let plan = plan(&approved, &observed, &time);
            holds(retention_oracle::nothing_is_lost_early(&approved, &observed, &plan, &time))?;
        }
    }

    #[test]
    fn mode_does_not_change_the_plan(mut world in any_world()) {
        let time = PlanTime::at(world.now);
        let enforced = plan(&world.desired, &world.observed, &time);
        world.desired.mode = Mode::Plan;
        world.desired.suspend = true;
        prop_assert_eq!(enforced, plan(&world.desired, &world.observed, &time));
    }

    #[test]
    fn nothing_is_scheduled_ahead_of_time(world in any_world()) {
        let time = PlanTime::scheduled(&world.desired, world.now);
        prop_assert!(time.expire <= world.now && time.provision <= world.now);
        let next = next_action(&world.desired, &world.observed, &time);
        prop_assert!(next.is_none_or(|next| next > world.now), "{next:?}");
    }

    #[test]
    fn leaves_unmanaged_objects_and_picks_valid_names(world in any_world()) {
        let (_, end) = planned(&world);
        holds(oracle::unmanaged_objects_are_unchanged(&world.desired, &world.observed, &end))?;
        holds(oracle::names_are_valid(&world.observed, &end))?;
    }

    #[test]
    fn is_accepted_by_the_checker(world in any_world()) {
        let moments = [PlanTime::at(world.now), PlanTime::scheduled(&world.desired, world.now)];
        for time in moments {
            let approved = world.clone().approved(&time);
            for World { desired, observed, .. } in [&world, &approved] {
                let plan = plan(desired, observed, &time);
                let text = plan.to_string();
                if let Err(violation) = check(plan, desired, observed, &time) {
                    return Err(TestCaseError::fail(format!("{violation}\n{text}")));
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(cases(40))]

    #[test]
    fn converges_after_an_interruption_at_any_step(world in any_world(), approved in any::<bool>()) {
        let world = if approved { world.clone().approved(&PlanTime::at(world.now)) } else { world };
        let (first, end) = planned(&world);
        for steps in (0..first.steps.len()).step_by(1 + first.steps.len() / 30) {
            let midway = after(&world.observed, &first, steps);
            holds(oracle::nothing_overlaps(&midway))?;
            holds(oracle::unmanaged_objects_are_unchanged(&world.desired, &world.observed, &midway))?;
            holds(oracle::names_are_valid(&world.observed, &midway))?;
            // An approval is of one plan: what is left of it needs another one.
            let left = if approved {
                approved_again(&world, &midway)
            } else {
                World { observed: midway.clone(), ..world.clone() }
            };
            let (second, second_end) = planned(&left);
            let settled = if approved { settled_with_approvals } else { settled };
            let mut both = first.clone();
            both.steps.truncate(steps);
            both.steps.extend(second.steps.iter().cloned());
            let time = PlanTime::at(world.now);
            holds(retention_oracle::nothing_is_lost_early(&world.desired, &world.observed, &both, &time))?;
            prop_assert_eq!(
                settled(&world, &second_end).map(|(_, end)| oracle::nameless(&end)),
                settled(&world, &end).map(|(_, end)| oracle::nameless(&end)),
                "after {} steps of\n{}\nthen\n{}",
                steps,
                first,
                second
            );
        }
        holds(oracle::nothing_overlaps(&end))?;
    }

    #[test]
    fn is_accepted_with_and_without_the_steps_aside(world in any_world()) {
        let time = PlanTime::at(world.now);
        let World { desired, observed, .. } = &world;
        let whole = plan(desired, observed, &time);
        let mut parts = vec![whole.clone().without_aside()];
        let mut tried = Vec::new();
        while let Some(next) = whole.next_aside(&tried) {
            tried.push(next.steps[0].step.clone());
            parts.push(next);
        }
        prop_assert!(parts[0].steps.iter().all(|planned| planned.step.facts().aside.is_none()));
        for part in parts {
            let text = format!("of\n{whole}\nthis part\n{part}");
            if let Err(violation) = check(part, desired, observed, &time) {
                return Err(TestCaseError::fail(format!("{violation}\n{text}")));
            }
        }
    }
}
