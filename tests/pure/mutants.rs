//! The checker rejects plans that the planner never makes: plans without a step that another one needs, in another order,
//! that drop more than was inspected, or that change unmanaged partitions.

use jiff::SignedDuration;
use pg_partition_operator::desired::{OnExpiry, Partitioning};
use pg_partition_operator::observed::{ObservedPartition, ObservedTable};
use pg_partition_operator::partition::{
    Bounds, Detached, Edge, KeyRange, Marker, MarkerState, QualifiedName, RangeBounds,
    adoption_digest,
};
use pg_partition_operator::plan::{
    Blocker, BuildIndex, Cause, Detach, DiscardPartition, DropDefault, DropDetached, DropIndex,
    FinalizeDetach, MarkAs, MarkPartitions, MarkedPartition, Plan, PlanTime, PlannedStep,
    RecordDetach, Rule, Step, check, plan,
};
use proptest::prelude::*;
use proptest::test_runner::TestCaseResult;

use crate::arbitrary::{SimulatedState, any_state};
use crate::properties::cases;
use crate::retention_oracle;

fn refuses(state: &SimulatedState, whole: &Plan, mutants: Vec<Plan>) -> TestCaseResult {
    for mutant in mutants {
        let text = format!("of\n{whole}\nthis was accepted\n{mutant}");
        let verdict = check(mutant, &state.desired, &state.observed, &PlanTime::at(state.now));
        prop_assert!(verdict.is_err(), "{}", text);
    }
    Ok(())
}

/// Returns the state after a user has approved the plan, and that plan.
fn approved(state: SimulatedState) -> (SimulatedState, Plan) {
    let time = PlanTime::at(state.now);
    let state = state.approved(&time);
    let plan = plan(&state.desired, &state.observed, &time);
    (state, plan)
}

proptest! {
    #![proptest_config(cases(150))]

    #[test]
    fn plan_without_a_required_step_is_rejected(state in any_state()) {
        let (state, whole) = approved(state);
        for (first, second) in dependent(&whole) {
            let mut dropped = whole.clone();
            dropped.steps.remove(first);
            let mut swapped = whole.clone();
            swapped.steps.swap(first, second);
            refuses(&state, &whole, vec![dropped, swapped])?;
        }
    }

    #[test]
    fn plan_without_the_record_of_a_detach_is_rejected(state in any_state()) {
        let (state, whole) = approved(state);
        let forgets = |at: &usize| {
            matches!((&whole.steps[*at - 1].step, &whole.steps[*at].step),
                (Step::DetachPartition(_), Step::RecordDetach(_)))
        };
        let mutants = (1..whole.steps.len()).filter(forgets).map(|at| {
            let mut mutant = whole.clone();
            mutant.steps.remove(at);
            mutant
        });
        refuses(&state, &whole, mutants.collect())?;
    }

    #[test]
    fn plan_that_drops_an_index_too_early_is_rejected(state in any_state()) {
        let whole = plan(&state.desired, &state.observed, &PlanTime::at(state.now));
        for (at, second) in whole.steps.iter().enumerate() {
            for (before, first) in whole.steps[..at].iter().enumerate() {
                if frees_name(&first.step, &second.step, &state.observed) {
                    let mut swapped = whole.clone();
                    swapped.steps.swap(before, at);
                    refuses(&state, &whole, vec![swapped])?;
                }
            }
        }
    }

    #[test]
    fn plan_that_drops_more_than_was_inspected_is_rejected(state in any_state()) {
        let (state, whole) = approved(state);
        refuses(&state, &whole, widened(&whole, &state.observed))?;
        refuses(&state, &whole, changed(&whole))?;
    }

    #[test]
    fn plan_that_changes_unmanaged_partitions_is_rejected(state in any_state()) {
        let (state, whole) = approved(state);
        refuses(&state, &whole, seized(&whole, &state))?;
    }

    #[test]
    fn plan_that_detaches_a_kept_partition_is_rejected(state in any_state()) {
        let (state, whole) = approved(state);
        let is_kept = |p: &&ObservedPartition| {
            !retention_oracle::is_past(p, &state.desired, &state.observed, state.now, 0)
        };
        let kept = state.observed.partitions.iter().filter(is_kept);
        let mutants = kept.flat_map(|p| [detach_steps(p, &state), vec![dropped(p, &state)]]);
        refuses(&state, &whole, mutants.map(|steps| with(&whole, steps)).collect())?;
    }

    #[test]
    fn plan_that_drops_within_the_grace_period_is_rejected(state in any_state()) {
        let (state, whole) = approved(state);
        let held = whole.deferred.iter().filter(|held| {
            matches!(held.blocker, Blocker::InGracePeriod { .. } | Blocker::PartitionReferenced { .. })
        });
        let held = held.filter_map(|held| held.step.clone());
        refuses(&state, &whole, held.map(|step| with(&whole, vec![step])).collect())?;
    }

    #[test]
    fn plan_that_detaches_too_many_partitions_is_rejected(state in any_state()) {
        let whole = plan(&state.desired, &state.observed, &PlanTime::at(state.now));
        let waits = |held: &&pg_partition_operator::plan::Deferral| {
            matches!(held.blocker, Blocker::AwaitingApproval { .. })
        };
        let held: Vec<_> = whole.deferred.iter().filter(waits).filter_map(|held| {
            state.observed.partition(&held.step.as_ref()?.subject())
        }).collect();
        if !held.is_empty() {
            let one_by_one = held.iter().flat_map(|p| detach_steps(p, &state)).collect();
            let expired = MarkAs::Expired { drops: drops(&state) };
            let mut together = vec![marked(&held, &state, expired)];
            together.extend(held.iter().flat_map(|p| detach_steps(p, &state).split_off(1)));
            let mutants = [one_by_one, together].map(|steps| with(&whole, steps));
            refuses(&state, &whole, mutants.into())?;
        }
    }

    #[test]
    fn plan_that_drops_too_many_kept_tables_is_rejected(state in any_state()) {
        let whole = plan(&state.desired, &state.observed, &PlanTime::at(state.now));
        let waits = |held: &&pg_partition_operator::plan::Deferral| {
            matches!(held.blocker, Blocker::DropNeedsApproval { .. })
        };
        let held: Vec<_> = whole.deferred.iter().filter(waits).filter_map(|held| {
            state.observed.partition(&held.step.as_ref()?.subject())
        }).collect();
        if !held.is_empty() {
            let one_by_one = held.iter().map(|p| marked(&[p], &state, MarkAs::ForDrop)).collect();
            let together = vec![marked(&held, &state, MarkAs::ForDrop)];
            refuses(&state, &whole, [one_by_one, together].map(|steps| with(&whole, steps)).into())?;
        }
    }

    #[test]
    fn plan_that_drops_a_restored_or_kept_table_is_rejected(state in any_state()) {
        let (state, whole) = approved(state);
        let is_kept = |p: &&ObservedPartition| {
            p.state.is_restored()
                || matches!(p.state.marker_state(), Some(MarkerState::Detached(Detached { drops_since: None, .. })))
        };
        let kept = state.observed.partitions.iter().filter(is_kept);
        let mutants = kept.map(|p| with(&whole, vec![dropped(p, &state)]));
        refuses(&state, &whole, mutants.collect())?;
    }

    #[test]
    fn plan_that_repeats_an_adoption_is_rejected(state in any_state()) {
        let (mut state, whole) = approved(state);
        let names = whole.steps.iter().filter_map(|planned| match &planned.step {
            Step::MarkPartitions(MarkPartitions { adopted: Some(adopted), .. }) => Some(adopted.clone()),
            _ => None,
        });
        let names: Vec<_> = names.flatten().collect();
        if !names.is_empty() {
            state.observed.adopted.extend(names);
            refuses(&state, &whole, vec![whole.clone()])?;
        }
    }

    #[test]
    fn plan_that_reverts_an_expiry_in_the_same_cycle_is_rejected(state in any_state()) {
        let (state, whole) = approved(state);
        let mut mutants = Vec::new();
        for at in 0..whole.steps.len() {
            let mut mutant = whole.clone();
            match &mut mutant.steps[at].step {
                Step::MarkPartitions(MarkPartitions {
                    partitions, mark_as: MarkAs::Attached | MarkAs::NotForDrop, ..
                }) => partitions[0].marker.cycle -= 1,
                Step::AttachPartition(attach) if attach.again => attach.marker.cycle -= 1,
                _ => continue,
            }
            mutants.push(mutant);
        }
        refuses(&state, &whole, mutants)?;
    }

    #[test]
    fn clock_skew_rejects_detach_and_drop(state in any_state()) {
        let (mut state, whole) = approved(state);
        let lets_go = |p: &PlannedStep| {
            matches!(p.step, Step::DetachPartition(_) | Step::DropDetached(_))
        };
        state.observed.server.clock_offset = Some(SignedDuration::from_secs(-61));
        if whole.steps.iter().any(lets_go) {
            refuses(&state, &whole, vec![whole.clone()])?;
        }
    }
}

fn with(plan: &Plan, steps: Vec<Step>) -> Plan {
    let mut mutant = plan.clone();
    let (rule, cause) = (Rule::Expire, Cause::Expired);
    mutant.steps.extend(steps.into_iter().map(|step| PlannedStep { rule, step, cause }));
    mutant
}

/// Returns the marker that the comment of a partition needs.
fn marker(partition: &ObservedPartition, state: &SimulatedState, mark: MarkerState) -> Marker {
    let parent = state.observed.relation.as_ref().map(|relation| relation.oid);
    Marker { state: mark, oid: partition.oid, parent, cycle: partition.cycle + 1 }
}

fn drops(state: &SimulatedState) -> bool {
    match &state.desired.partitioning {
        Partitioning::Range(range) => {
            range.retention.is_some_and(|r| matches!(r.on_expiry, OnExpiry::Drop { .. }))
        }
        Partitioning::Hash(_) => false,
    }
}

fn marked(partitions: &[&ObservedPartition], state: &SimulatedState, mark_as: MarkAs) -> Step {
    let mark = |p: &ObservedPartition| match (mark_as, p.state.marker_state()) {
        (MarkAs::Adopted | MarkAs::Attached | MarkAs::AdoptionCleared, _) => MarkerState::Attached,
        (MarkAs::Expired { drops }, _) => MarkerState::Expired { drops },
        (MarkAs::ForDrop | MarkAs::NotForDrop, Some(MarkerState::Detached(detached))) => {
            let drops_since = (mark_as == MarkAs::ForDrop).then_some(state.now);
            MarkerState::Detached(Detached { drops_since, ..detached })
        }
        (MarkAs::ForDrop | MarkAs::NotForDrop, _) => {
            MarkerState::Detached(Detached { at: state.now, drops_since: Some(state.now) })
        }
    };
    let names = partitions.iter().map(|p| p.name.clone());
    let partitions = partitions.iter().map(|p| MarkedPartition {
        name: p.name.clone(),
        oid: p.oid,
        bounds: p.bounds.clone(),
        comment: p.comment.clone(),
        marker: marker(p, state, mark(p)),
    });
    Step::MarkPartitions(MarkPartitions {
        managed: state.observed.managed.clone(),
        table: state.observed.name.clone(),
        partitions: partitions.collect(),
        adopted: (mark_as == MarkAs::Adopted)
            .then(|| names.map(|name| adoption_digest(&name)).collect()),
        mark_as,
    })
}

/// Returns the steps that detach an expired partition.
fn detach_steps(partition: &ObservedPartition, state: &SimulatedState) -> Vec<Step> {
    let default = state.observed.default_partition().map(|(p, _)| p.name.clone());
    let (name, bounds) = (partition.name.clone(), partition.bounds.clone());
    vec![
        marked(&[partition], state, MarkAs::Expired { drops: drops(state) }),
        Step::DetachPartition(Box::new(Detach {
            table: state.observed.name.clone(),
            partition: name.clone(),
            bounds: bounds.clone(),
            concurrently: default.is_none(),
            default,
            references: Vec::new(),
            referenced_by: Vec::new(),
            after: None,
            rows: None,
            bytes: 0,
        })),
        Step::RecordDetach(Box::new(RecordDetach {
            oid: partition.oid,
            managed: state.observed.managed.clone(),
            partition: name,
            bounds,
            inherited: None,
            comment: None,
            at: state.now,
            drops: drops(state),
            parent: state.observed.relation.as_ref().map(|relation| relation.oid),
            cycle: partition.cycle + 1,
            publications: Vec::new(),
        })),
    ]
}

/// The step that drops a table as if it had been detached for long.
fn dropped(partition: &ObservedPartition, state: &SimulatedState) -> Step {
    let mark = match partition.state.marker_state() {
        Some(MarkerState::Detached(detached)) => MarkerState::Detached(detached),
        _ => MarkerState::Detached(Detached { at: state.now, drops_since: Some(state.now) }),
    };
    let marker = Marker { cycle: partition.cycle, ..marker(partition, state, mark) };
    Step::DropDetached(Box::new(DropDetached {
        managed: state.observed.managed.clone(),
        partition: partition.name.clone(),
        oid: partition.oid.unwrap_or_default(),
        bounds: partition.bounds.clone(),
        marker,
        references: Vec::new(),
        rows: None,
        bytes: 0,
    }))
}

/// Returns whether `first` drops what `second` creates again under the same name of the resource.
fn frees_name(first: &Step, second: &Step, observed: &ObservedTable) -> bool {
    let (
        Step::DropIndex(DropIndex { partition, index, .. }),
        Step::BuildIndex(BuildIndex { partition: on, stands_for, .. }),
    ) = (second, first)
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
            if needs(second, first) && !has_its_check(plan, first, second) {
                pairs.push((before, at));
            }
        }
    }
    pairs
}

/// Whether a detached table that has the check of its bounds already is attached. The check stands for the bounds, so that
/// the table need not be recorded. A step that detaches or drops still rests on the record.
fn has_its_check(plan: &Plan, first: &Step, second: &Step) -> bool {
    let states =
        |step: &Step| matches!(step, Step::AddBoundsCheck(_)) && step.object() == first.object();
    matches!(first, Step::RecordDetach(_))
        && !second.facts().needs_confirmation
        && !plan.steps.iter().any(|planned| states(&planned.step))
}

fn needs(second: &Step, first: &Step) -> bool {
    let names = |partitions: &[MarkedPartition], name: &QualifiedName| {
        partitions.iter().any(|marked| marked.name == *name)
    };
    match (first, second) {
        (
            Step::MarkPartitions(MarkPartitions { partitions, .. }),
            Step::DetachPartition(detach),
        ) => names(partitions, &detach.partition),
        (
            Step::MarkPartitions(MarkPartitions { partitions, mark_as: MarkAs::Adopted, .. }),
            Step::MarkPartitions(MarkPartitions { partitions: later, .. }),
        ) => later.iter().any(|marked| names(partitions, &marked.name)),
        (Step::MarkPartitions(_), _) | (_, Step::MarkPartitions(_)) => false,
        // The record of a hash partition holds nothing that another step needs.
        (Step::RecordDetach(record), _) if record.bounds.as_range().is_none() => false,
        _ => second.object() == first.object() || second.needs().contains(&first.object()),
    }
}

/// The plan, with each partition taking everything.
fn widened(plan: &Plan, observed: &ObservedTable) -> Vec<Plan> {
    let everything = RangeBounds::new(Edge::MinValue, Edge::MaxValue);
    let (Some(range), Some(key)) = (everything, observed.range_key()) else { return vec![] };
    let everything = KeyRange { key, range };
    let is_occupied =
        observed.partitions.iter().any(|p| p.state.is_partition() && p.bounds.as_range().is_some());
    let mut mutants = Vec::new();
    for at in 0..plan.steps.len() {
        let mut mutant = plan.clone();
        let wide = Bounds::Range(everything.clone());
        let bounds = match &mut mutant.steps[at].step {
            Step::AttachPartition(attach) => &mut attach.bounds,
            Step::CreatePartition(new) if is_occupied => &mut new.bounds,
            Step::DrainDefault(drain) => &mut drain.attach.bounds,
            Step::MarkPartitions(MarkPartitions { partitions, .. }) => &mut partitions[0].bounds,
            Step::DetachPartition(detach) => &mut detach.bounds,
            Step::RecordDetach(record) => &mut record.bounds,
            Step::DropDetached(drop) => &mut drop.bounds,
            _ => continue,
        };
        if *bounds != wide && *bounds != Bounds::Default {
            *bounds = wide;
            mutants.push(mutant);
        }
    }
    mutants
}

/// Returns the plan with each detach changed to another table, or to a method that Postgres rejects.
fn changed(plan: &Plan) -> Vec<Plan> {
    let mut mutants = Vec::new();
    for at in 0..plan.steps.len() {
        let mut mutant = plan.clone();
        match &mut mutant.steps[at].step {
            Step::DropDetached(drop) => drop.oid += 1,
            Step::MarkPartitions(MarkPartitions { partitions, .. }) => {
                partitions[0].marker.oid = partitions[0].oid.map(|oid| oid + 1);
            }
            Step::DetachPartition(detach) if detach.default.is_some() => {
                detach.concurrently = true;
            }
            _ => continue,
        }
        mutants.push(mutant);
    }
    mutants
}

/// Returns the plan, followed by a change of each unmanaged partition.
fn seized(plan: &Plan, state: &SimulatedState) -> Vec<Plan> {
    let observed = &state.observed;
    let mut mutants = Vec::new();
    for partition in observed.partitions.iter().filter(|p| !p.state.is_managed()) {
        let name = &partition.name;
        let [adopted, kept] =
            [MarkAs::Adopted, MarkAs::Attached].map(|mark_as| marked(&[partition], state, mark_as));
        let mut takes_over = vec![adopted.clone()];
        takes_over.extend(detach_steps(partition, state));
        let mut steps = vec![
            vec![Step::DiscardPartition(DiscardPartition { partition: name.clone() })],
            vec![adopted],
            vec![kept],
            takes_over,
            detach_steps(partition, state),
            detach_steps(partition, state).split_off(1),
            detach_steps(partition, state).split_off(2),
            vec![dropped(partition, state)],
            vec![Step::DropDefault(DropDefault {
                table: observed.name.clone(),
                default: name.clone(),
                references: Vec::new(),
            })],
        ];
        if !partition.state.is_pending_detach() {
            steps.push(vec![Step::FinalizeDetach(FinalizeDetach {
                table: observed.name.clone(),
                partition: name.clone(),
                references: Vec::new(),
            })]);
        }
        let theirs = partition.indexes.iter().filter(|i| i.valid && i.marker.is_none());
        steps.extend(theirs.map(|index| {
            let (partition, index) = (name.clone(), index.name.clone());
            vec![Step::DropIndex(DropIndex { partition, index, successor: None })]
        }));
        mutants.extend(steps.into_iter().map(|steps| with(plan, steps)));
    }
    mutants
}
