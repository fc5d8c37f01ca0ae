//! Steps that are changed, each with the state before it.

use pg_partition_operator::desired::AdoptedName;
use pg_partition_operator::observed::{ObservedPartition, ObservedTable};
use pg_partition_operator::partition::{
    Bounds, Marker, MarkerState, QualifiedName, adoption_digest,
};
use pg_partition_operator::plan::{
    AddBoundsCheck, Cause, DiscardPartition, DropDefault, DropIndex, DropParentIndex,
    FinalizeDetach, MarkAs, MarkPartitions, MarkedPartition, PlannedStep, Rule, Step,
    ValidateBoundsCheck, simulate,
};

use super::{Mutant, conversion};
use crate::catalog::identifier;

pub(super) fn planned(step: Step) -> PlannedStep {
    PlannedStep { rule: Rule::Expire, step, cause: Cause::Expired }
}

pub(super) fn other() -> QualifiedName {
    QualifiedName { schema: identifier("other"), name: identifier("other") }
}

/// Each step of a plan with the step after it, in the state that the steps before leave; and steps that are seldom
/// planned.
pub(super) fn bases(whole: &Mutant) -> Vec<Mutant> {
    let mut bases = Vec::new();
    let mut before = whole.clone();
    for (at, planned) in whole.plan.steps.iter().enumerate() {
        let mut base = before.clone();
        base.plan.steps = whole.plan.steps[at..].iter().take(2).cloned().collect();
        bases.push(base);
        simulate(&mut before.state.observed, &planned.step);
    }
    let observed = &whole.state.observed;
    for partition in &observed.partitions {
        for step in ADDED.iter().filter_map(|step| step(observed, partition)) {
            let mut base = whole.clone();
            base.plan.steps = vec![planned(step)];
            bases.push(base);
        }
    }
    for make in [adopt, forget, drop_spare] {
        let mut base = whole.clone();
        base.plan.steps = make(&mut base).map(planned).into_iter().collect();
        if !base.plan.steps.is_empty() {
            bases.push(base);
        }
    }
    bases.extend(conversion::bases(whole));
    bases
}

/// A step that forgets an adoption that is recorded.
fn forget(mutant: &mut Mutant) -> Option<Step> {
    let observed = &mut mutant.state.observed;
    observed.relation.as_ref()?;
    observed.adopted = [adoption_digest(&other())].into();
    Some(Step::MarkPartitions(MarkPartitions {
        managed: observed.managed.clone(),
        table: observed.name.clone(),
        partitions: Vec::new(),
        mark_as: MarkAs::AdoptionCleared,
        adopted: Some(observed.adopted.clone()),
    }))
}

/// A step that drops a spare index of the table.
fn drop_spare(mutant: &mut Mutant) -> Option<Step> {
    let observed = &mut mutant.state.observed;
    let spare = observed.indexes.first_mut()?;
    spare.name = identifier("x_pgpartition_next");
    let (index, partitions) = (spare.name.clone(), Vec::new());
    Some(Step::DropParentIndex(DropParentIndex { table: observed.name.clone(), index, partitions }))
}

/// The adoption of one unmanaged partition that a user requested.
fn adopt(mutant: &mut Mutant) -> Option<Step> {
    let observed = &mutant.state.observed;
    let is_unmanaged = |p: &ObservedPartition| {
        !p.state.is_managed() && p.state.is_attached() && p.owned && p.bounds != Bounds::Default
    };
    let found = observed.partitions.iter().find(|p| is_unmanaged(p))?;
    let name = found.name.clone();
    let parent = observed.relation.as_ref().map(|relation| relation.oid);
    let marker = Marker { state: MarkerState::Attached, oid: found.oid, parent, cycle: 0 };
    let step = MarkPartitions {
        managed: observed.managed.clone(),
        table: observed.name.clone(),
        partitions: vec![MarkedPartition {
            name: name.clone(),
            oid: found.oid,
            bounds: found.bounds.clone(),
            comment: None,
            marker,
        }],
        mark_as: MarkAs::Adopted,
        adopted: Some([adoption_digest(&name)].into()),
    };
    mutant.state.desired.adopt = vec![AdoptedName { schema: Some(name.schema), name: name.name }];
    mutant.state.observed.adopted.clear();
    Some(Step::MarkPartitions(step))
}

const ADDED: &[fn(&ObservedTable, &ObservedPartition) -> Option<Step>] = &[
    |t, p| {
        Some(Step::FinalizeDetach(FinalizeDetach {
            table: t.name.clone(),
            partition: p.name.clone(),
            references: Vec::new(),
        }))
    },
    |_, p| Some(Step::DiscardPartition(DiscardPartition { partition: p.name.clone() })),
    |_, _| Some(Step::DiscardPartition(DiscardPartition { partition: other() })),
    |t, p| {
        Some(Step::ValidateBoundsCheck(ValidateBoundsCheck {
            managed: t.managed.clone(),
            partition: p.name.clone(),
        }))
    },
    |t, p| {
        Some(Step::DropDefault(DropDefault {
            table: t.name.clone(),
            default: p.name.clone(),
            references: Vec::new(),
        }))
    },
    |t, p| {
        let Bounds::Range(range) = p.bounds.clone() else { return None };
        Some(Step::AddBoundsCheck(AddBoundsCheck {
            managed: t.managed.clone(),
            partition: p.name.clone(),
            oid: p.oid,
            range,
            inherited: None,
        }))
    },
    |_, p| {
        let index = p.indexes.first()?.name.clone();
        let partition = p.name.clone();
        Some(Step::DropIndex(DropIndex { partition, index, successor: None }))
    },
];
