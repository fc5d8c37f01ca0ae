//! No safety rule is redundant: for each rule and each kind of step that it is evaluated for, there is a mutant whose
//! step the checker rejects, and accepts without that rule.

mod bases;
mod changes;
mod conversion;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use pg_partition_operator::plan::{Plan, PlanTime, SafetyRule, Step, Violation, plan, violation};
use proptest::strategy::{Strategy as _, ValueTree as _};
use proptest::test_runner::TestRunner;

use crate::arbitrary::{SimulatedState, any_state};
use crate::golden::expect_file;
use crate::samples;

/// Number of states whose plans are changed.
const STATES: usize = 250;
/// Number of steps of one kind that are changed: of those that the checker accepts, and of those that it rejects.
const STEPS_OF_A_KIND: usize = 12;

/// Rules that another rule of the same step stands in for, each with the verb of the step.
const COVERED_TWICE: &[(SafetyRule, &str)] = &[
    // An attached partition overlaps itself.
    (SafetyRule::NotAttached, "attach"),
    (SafetyRule::NotAttached, "drain"),
    // What is attached is neither prepared nor detached.
    (SafetyRule::NotAttached, "discard"),
    (SafetyRule::NotAttached, "record-detach"),
    // The operator finds a table that is not attached by its marker: it is managed.
    (SafetyRule::Managed, "attach"),
    (SafetyRule::Managed, "validate-bounds-check"),
    (SafetyRule::Managed, "discard"),
    (SafetyRule::Managed, "drain"),
    (SafetyRule::Managed, "record-detach"),
    // Unknown bounds overlap those of the default partition, which a drain needs.
    (SafetyRule::KnownBounds, "drain"),
];

/// A rule, and the verb of a step that it is evaluated for.
type Pair = (SafetyRule, &'static str);

/// One or two steps, changed, or in another state than they were planned for.
#[derive(Clone)]
struct Mutant {
    state: SimulatedState,
    time: PlanTime,
    plan: Plan,
}

impl Mutant {
    fn violation(&self, waives: &dyn Fn(Pair) -> bool) -> Option<Violation> {
        let SimulatedState { desired, observed, .. } = &self.state;
        let waives = |rule, verb| waives((rule, verb));
        violation(&self.plan, desired, observed, &self.time, &waives)
    }

    /// The verb of a step, counted from 0, or of the work after the steps.
    fn verb(&self, at: usize) -> Option<&'static str> {
        let work = self.plan.work.as_ref().map(|planned| planned.work.verb());
        self.plan.steps.get(at).map(|planned| planned.step.verb()).or(work)
    }

    fn first(&mut self) -> Option<&mut Step> {
        self.plan.steps.first_mut().map(|planned| &mut planned.step)
    }
}

#[test]
fn each_safety_rule_alone_rejects_a_mutant() {
    let mut runner = TestRunner::deterministic();
    let mut found = Found::default();
    for _ in 0..STATES {
        let state = any_state().new_tree(&mut runner).expect("a state").current();
        let time = PlanTime::at(state.now);
        let state = state.approved(&time);
        let plan = plan(&state.desired, &state.observed, &time);
        let whole = Mutant { state, time, plan };
        assert_eq!(whole.violation(&|_| false), None, "{}", whole.plan);
        found.changes_of(&whole);
    }
    let evaluated = found.evaluated.into_inner();
    let redundant: BTreeSet<_> = evaluated.difference(&found.needed).copied().collect();
    assert_eq!(redundant, COVERED_TWICE.iter().copied().collect(), "no mutant needs these");
    let verbs: BTreeSet<_> = evaluated.iter().map(|(_, verb)| *verb).collect();
    let of_steps = samples::steps().iter().map(Step::verb).collect::<Vec<_>>().into_iter();
    assert_eq!(verbs, of_steps.chain(["copy", "compare"]).collect());
    expect_file("tests/pure/safety_rules/evaluated.txt", &listed(&evaluated));
    let rules: BTreeSet<_> = found.needed.iter().map(|(rule, _)| *rule).collect();
    assert_eq!(rules, SafetyRule::ALL.iter().copied().collect());
}

/// One line for each rule, with the verbs of the steps: so that no step loses a rule unnoticed.
fn listed(pairs: &BTreeSet<Pair>) -> String {
    let verbs = |rule| pairs.iter().filter(move |pair| pair.0 == rule).map(|(_, verb)| *verb);
    let line = |rule: &SafetyRule| {
        format!("{}: {}\n", rule.name(), verbs(*rule).collect::<Vec<_>>().join(", "))
    };
    SafetyRule::ALL.iter().map(line).collect()
}

#[derive(Default)]
struct Found {
    /// Pairs that the checker evaluated.
    evaluated: RefCell<BTreeSet<Pair>>,
    /// Rules without which a rejected step is accepted.
    needed: BTreeSet<Pair>,
    /// Number of changed steps, by verb, and by whether the checker accepts them unchanged.
    changed: BTreeMap<(&'static str, bool), usize>,
}

impl Found {
    fn changes_of(&mut self, whole: &Mutant) {
        for base in bases::bases(whole) {
            let verb = base.verb(0).expect("a base has a step or work");
            let is_accepted = base.violation(&|_| false).is_none();
            let changed = self.changed.entry((verb, is_accepted)).or_default();
            *changed += 1;
            if *changed <= STEPS_OF_A_KIND {
                for mutant in changes::mutants(&base) {
                    self.judge(&mutant);
                }
            }
        }
    }

    fn judge(&mut self, mutant: &Mutant) {
        let evaluates = |pair| {
            self.evaluated.borrow_mut().insert(pair);
            false
        };
        let Some(violated) = mutant.violation(&evaluates) else { return };
        let at = violated.position - 1;
        let pair = (violated.rule, mutant.verb(at).expect("a step or work is rejected"));
        let without = mutant.violation(&|other| other == pair);
        // What rejects a later step does not stand in for the rule.
        if without.is_none_or(|later| later.position > violated.position) {
            self.needed.insert(pair);
        }
    }
}
