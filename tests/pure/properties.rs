//! Properties of the planner for random states. `tests/support/oracle.rs` and `retention_oracle.rs` compute the invariants
//! independently.

use jiff::SignedDuration;
use pg_partition_operator::desired::Mode;
use pg_partition_operator::observed::ObservedTable;
use pg_partition_operator::plan::{
    Deferral, Plan, PlanTime, Rule, Step, check, next_action, plan, simulate, violates_precondition,
};
use proptest::option;
use proptest::prelude::*;
use proptest::test_runner::TestCaseResult;

use crate::arbitrary::{SimulatedState, any_state};
use crate::{oracle, retention_oracle};

pub(crate) fn cases(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, ..ProptestConfig::default() }
}

pub(crate) fn holds(law: Result<(), String>) -> TestCaseResult {
    law.map_err(TestCaseError::fail)
}

/// Returns the state after the first `steps` of a plan.
fn after(observed: &ObservedTable, plan: &Plan, steps: usize) -> ObservedTable {
    let mut state = observed.clone();
    for planned in plan.steps.iter().take(steps) {
        simulate(&mut state, &planned.step);
    }
    state
}

/// Returns the state after as many plans as are needed: one plan can make further steps possible, but not endlessly.
fn settled(state: &SimulatedState, observed: &ObservedTable) -> Option<(Plan, ObservedTable)> {
    settled_by(observed, |observed| plan(&state.desired, observed, &PlanTime::at(state.now)))
}

/// Returns the state after as many plans as are needed, if a user approves each of them.
fn settled_with_approvals(
    state: &SimulatedState,
    observed: &ObservedTable,
) -> Option<(Plan, ObservedTable)> {
    settled_by(observed, |observed| planned(&approved_again(state, observed)).0)
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

/// Returns the state with the approval of the plan for this table alone.
fn approved_again(state: &SimulatedState, observed: &ObservedTable) -> SimulatedState {
    let mut state = SimulatedState { observed: observed.clone(), ..state.clone() };
    state.desired.approved.clear();
    let time = PlanTime::at(state.now);
    state.approved(&time)
}

fn planned(state: &SimulatedState) -> (Plan, ObservedTable) {
    let plan = plan(&state.desired, &state.observed, &PlanTime::at(state.now));
    let end = after(&state.observed, &plan, plan.steps.len());
    (plan, end)
}

proptest! {
    #![proptest_config(cases(250))]

    #[test]
    fn converges(state in any_state()) {
        let (first, end) = planned(&state);
        let Some((last, _)) = settled(&state, &end) else {
            return Err(TestCaseError::fail(format!("there is no end after\n{first}")));
        };
        // The gap behind a detached partition disappears with it, and the reason of a deferral can change.
        let held_back = |plan: &Plan| -> Vec<_> {
            let wanted = |held: &Deferral| held.step.as_ref().map(Step::subject);
            let what = |held| wanted(held).ok_or(held.blocker.name());
            plan.deferred.iter().map(what).collect()
        };
        let known = held_back(&first);
        let is_known = held_back(&last).iter().all(|held| known.contains(held));
        prop_assert!(is_known, "first\n{first}\nthen\n{last}");
    }

    #[test]
    fn is_deterministic_and_blind_to_the_number_of_rows(state in any_state()) {
        let first = plan(&state.desired, &state.observed, &PlanTime::at(state.now));
        prop_assert_eq!(&first, &plan(&state.desired, &state.observed, &PlanTime::at(state.now)));
        let mut grown = state.observed.clone();
        for partition in &mut grown.partitions {
            partition.rows = Some(partition.rows.unwrap_or(0) + 1_000);
            partition.bytes *= 3;
        }
        for stretch in grown.default_rows.iter_mut().flatten() {
            stretch.rows *= 2;
        }
        let later = plan(&state.desired, &grown, &PlanTime::at(state.now));
        prop_assert_eq!(first.fingerprint, later.fingerprint);
    }

    #[test]
    fn deferral_is_one_of_preconditions_exactly_if_one_is_unmet(state in any_state()) {
        let time = PlanTime::at(state.now);
        let refuted = violates_precondition(&state.desired, &state.observed, &time);
        let plan = plan(&state.desired, &state.observed, &time);
        prop_assert!(plan.deferred.iter().all(|held| (held.rule == Rule::Preconditions) == refuted), "{plan}");
    }

    #[test]
    fn covers_the_desired_periods(state in any_state()) {
        let (plan, end) = planned(&state);
        holds(oracle::is_covered(&state, &end, &plan))?;
    }

    #[test]
    fn removes_nothing_before_it_expires(state in any_state(), ahead in option::weighted(0.1, -90_000..90_000_i64)) {
        let SimulatedState { desired, mut observed, now } = state;
        observed.server.clock_offset = ahead.map(SignedDuration::from_millis);
        for time in [PlanTime::at(now), PlanTime::scheduled(&desired, now)] {
            let before = plan(&desired, &observed, &time);
            holds(retention_oracle::nothing_is_lost_early(&desired, &observed, &before, &time))?;
            let state = SimulatedState { desired: desired.clone(), observed: observed.clone(), now };
            let approved = state.approved(&time).desired;
            let plan = plan(&approved, &observed, &time);
            holds(retention_oracle::nothing_is_lost_early(&approved, &observed, &plan, &time))?;
        }
    }

    #[test]
    fn mode_does_not_change_the_plan(mut state in any_state()) {
        let time = PlanTime::at(state.now);
        let enforced = plan(&state.desired, &state.observed, &time);
        state.desired.mode = Mode::Plan;
        state.desired.suspend = true;
        prop_assert_eq!(enforced, plan(&state.desired, &state.observed, &time));
    }

    #[test]
    fn nothing_is_scheduled_ahead_of_time(state in any_state()) {
        let time = PlanTime::scheduled(&state.desired, state.now);
        prop_assert!(time.expire <= state.now && time.provision <= state.now);
        let next = next_action(&state.desired, &state.observed, &time);
        prop_assert!(next.is_none_or(|next| next > state.now), "{next:?}");
    }

    #[test]
    fn leaves_unmanaged_objects_and_picks_valid_names(state in any_state()) {
        let (_, end) = planned(&state);
        holds(oracle::unmanaged_objects_are_unchanged(&state.desired, &state.observed, &end))?;
        holds(oracle::names_are_valid(&state.observed, &end))?;
    }

    #[test]
    fn is_accepted_by_the_checker(state in any_state()) {
        let moments = [PlanTime::at(state.now), PlanTime::scheduled(&state.desired, state.now)];
        for time in moments {
            let approved = state.clone().approved(&time);
            for SimulatedState { desired, observed, .. } in [&state, &approved] {
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
    fn converges_after_an_interruption_at_any_step(state in any_state(), approved in any::<bool>()) {
        let state = if approved { state.clone().approved(&PlanTime::at(state.now)) } else { state };
        let (first, end) = planned(&state);
        for steps in (0..first.steps.len()).step_by(1 + first.steps.len() / 30) {
            let midway = after(&state.observed, &first, steps);
            holds(oracle::nothing_overlaps(&midway))?;
            holds(oracle::unmanaged_objects_are_unchanged(&state.desired, &state.observed, &midway))?;
            holds(oracle::names_are_valid(&state.observed, &midway))?;
            // An approval is of one plan: what is left of it needs another one.
            let left = if approved {
                approved_again(&state, &midway)
            } else {
                SimulatedState { observed: midway.clone(), ..state.clone() }
            };
            let (second, second_end) = planned(&left);
            let settled = if approved { settled_with_approvals } else { settled };
            let mut both = first.clone();
            both.steps.truncate(steps);
            both.steps.extend(second.steps.iter().cloned());
            let time = PlanTime::at(state.now);
            holds(retention_oracle::nothing_is_lost_early(&state.desired, &state.observed, &both, &time))?;
            prop_assert_eq!(
                settled(&state, &second_end).map(|(_, end)| oracle::nameless(&end)),
                settled(&state, &end).map(|(_, end)| oracle::nameless(&end)),
                "after {} steps of\n{}\nthen\n{}",
                steps,
                first,
                second
            );
        }
        holds(oracle::nothing_overlaps(&end))?;
    }

    #[test]
    fn is_accepted_with_and_without_the_steps_aside(state in any_state()) {
        let time = PlanTime::at(state.now);
        let SimulatedState { desired, observed, .. } = &state;
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
