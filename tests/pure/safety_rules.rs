//! No safety rule is redundant: for each there is a mutant that the checker rejects, and accepts without that rule.

use std::collections::BTreeSet;

use pg_partition_operator::desired::AdoptedName;
use pg_partition_operator::observed::{
    Attachment, BoundsCheck, Fires, ObservedPartition, ObservedTable, Origin, PartitionIndex,
    PartitionKind, Trigger,
};
use pg_partition_operator::partition::{
    Bounds, Detached, Edge, KeyRange, ManagedTable, Mark, Marker, QualifiedName, RangeBounds,
    adoption_digest,
};
use pg_partition_operator::plan::{
    Cause, DiscardPartition, DropIndex, DropTableIndex, FinalizeDetach, MarkPartitions,
    MarkedPartition, Marking, Moment, Plan, PlannedStep, RemoveDefault, Rule, SafetyRule,
    StateBounds, Step, ValidateBounds, plan, violation,
};
use proptest::strategy::{Strategy as _, ValueTree as _};
use proptest::test_runner::TestRunner;

use crate::arbitrary::{World, any_world};
use crate::world::identifier;

/// Number of worlds that are tried at most.
const WORLDS: usize = 400;

/// A plan in a world that it was not made for, or a changed plan in its own.
#[derive(Clone)]
struct Mutant {
    world: World,
    moment: Moment,
    plan: Plan,
}

impl Mutant {
    fn violation(&self, without: Option<SafetyRule>) -> Option<SafetyRule> {
        let World { desired, observed, .. } = &self.world;
        violation(&self.plan, desired, observed, &self.moment, without).map(|found| found.rule)
    }

    fn push(&mut self, step: Step) {
        self.plan.steps.push(PlannedStep { rule: Rule::Expire, step, because: Cause::Expired });
    }
}

#[test]
fn each_safety_rule_alone_rejects_a_mutant() {
    let mut runner = TestRunner::deterministic();
    let mut needed = BTreeSet::new();
    for _ in 0..WORLDS {
        let world = any_world().new_tree(&mut runner).expect("a world").current();
        let moment = Moment::at(world.now);
        let world = world.approved(&moment);
        let plan = plan(&world.desired, &world.observed, &moment);
        let whole = Mutant { world, moment, plan };
        assert_eq!(whole.violation(None), None, "{}", whole.plan);
        for mutant in mutants(&whole) {
            if let Some(rule) = mutant.violation(None)
                && !needed.contains(&rule)
                && mutant.violation(Some(rule)).is_none()
            {
                needed.insert(rule);
            }
        }
        if needed.len() == SafetyRule::ALL.len() {
            return;
        }
    }
    let redundant: Vec<_> = SafetyRule::ALL.iter().filter(|rule| !needed.contains(rule)).collect();
    panic!("no mutant needs {redundant:?}");
}

fn mutants(whole: &Mutant) -> Vec<Mutant> {
    let mut mutants = Vec::new();
    let mut add = |change: &dyn Fn(&mut Mutant)| {
        let mut mutant = whole.clone();
        change(&mut mutant);
        mutants.push(mutant);
    };
    for change in OF_WORLD.iter().chain(OF_RETENTION) {
        add(&|mutant| change(mutant));
    }
    for change in OF_ADOPTION {
        add(&|mutant| {
            if let Some(at) = adopt(mutant) {
                change(mutant, at);
            }
        });
    }
    for at in 0..whole.plan.steps.len() {
        add(&|mutant| drop(mutant.plan.steps.remove(at)));
        add(&|mutant| mutant.plan.steps.swap(0, at));
        for change in OF_STEP {
            add(&|mutant| change(&mut mutant.plan.steps[at].step, &mutant.world.observed));
        }
        let subject = whole.plan.steps[at].step.subject();
        add(&|mutant| {
            mutant.world.observed.partitions.retain(|p| p.name == subject);
        });
    }
    for at in 0..whole.world.observed.partitions.len() {
        for change in OF_PARTITION {
            add(&|mutant| change(&mut mutant.world.observed.partitions[at]));
        }
        for step in ADDED {
            let partition = &whole.world.observed.partitions[at];
            let Some(step) = step(&whole.world.observed, partition) else { continue };
            add(&|mutant| mutant.push(step.clone()));
            add(&|mutant| {
                mutant.plan.steps.clear();
                mutant.push(step.clone());
            });
            for change in OF_PARTITION {
                add(&|mutant| {
                    mutant.plan.steps.clear();
                    mutant.push(step.clone());
                    change(&mut mutant.world.observed.partitions[at]);
                });
            }
        }
    }
    mutants
}

fn other() -> QualifiedName {
    QualifiedName { schema: identifier("other"), name: identifier("other") }
}

const OF_WORLD: &[fn(&mut Mutant)] = &[
    |m| m.world.desired.adopt.clear(),
    |m| {
        m.world.desired.approved.clear();
        m.world.desired.limits.most_expired = 0;
    },
    |m| m.moment.expire = jiff::Timestamp::UNIX_EPOCH,
    |m| m.world.observed.indexes.iter_mut().for_each(|i| i.valid = false),
    |m| m.world.observed.indexes.iter_mut().for_each(|i| i.dependents = vec!["x".to_owned()]),
    |m| m.world.observed.indexes.iter_mut().for_each(|i| i.constraint = Some("x".to_owned())),
    |m| m.world.observed.default_count = None,
    |m| {
        let adopted = m.plan.steps.iter().filter_map(|planned| match &planned.step {
            Step::MarkPartitions(mark) => mark.adopted.clone(),
            _ => None,
        });
        m.world.observed.adopted.extend(adopted.flatten());
    },
    |m| {
        let created = m.plan.steps.iter().map(|planned| planned.step.subject().name);
        m.world.observed.taken.extend(created);
    },
    |m| {
        if let Some(relation) = &mut m.world.observed.relation {
            relation.owner_code = vec!["f()".to_owned()];
            relation.powers = vec!["SUPERUSER".to_owned()];
        }
    },
    |m| {
        let key = pg_partition_operator::observed::ForeignKey {
            from: other(),
            columns: Vec::new(),
            operators: Vec::new(),
        };
        if let Some(relation) = &mut m.world.observed.relation {
            relation.referenced_by.push(key);
        }
        for partition in &mut m.world.observed.partitions {
            partition.rows_referenced_by = None;
        }
    },
    |m| {
        m.world.observed.partitions.clear();
        m.plan.steps.truncate(1);
        if let Some(PlannedStep { step: Step::CreatePartition(new), .. }) = m.plan.steps.first_mut()
        {
            new.bounds = Bounds::Other("LIST".to_owned());
        }
    },
];

/// Leaves one step of the plan, about one table that exists; the table has these bounds and this mark.
fn only(mutant: &mut Mutant, bounds: fn(KeyRange) -> Bounds, mark: Option<Mark>) {
    let observed = &mut mutant.world.observed;
    let retains = |planned: &PlannedStep| match (&planned.step, mark) {
        (Step::MarkPartitions(step), None) => matches!(step.marking, Marking::Expired { .. }),
        (Step::DropDetached(_), Some(_)) => true,
        _ => false,
    };
    mutant.plan.steps.retain(retains);
    mutant.plan.steps.truncate(1);
    match mutant.plan.steps.first_mut().map(|planned| &mut planned.step) {
        Some(Step::MarkPartitions(step)) => {
            step.partitions.truncate(1);
            for marked in &mut step.partitions {
                let Bounds::Range(range) = marked.bounds.clone() else { continue };
                marked.bounds = bounds(range);
                if let Some(found) = observed.partition_mut(&marked.name) {
                    found.bounds = marked.bounds.clone();
                }
            }
        }
        Some(Step::DropDetached(step)) => {
            step.marker.mark = mark.unwrap_or(step.marker.mark);
            if let Some(found) = observed.partition_mut(&step.partition) {
                found.mark = Some(step.marker.mark);
            }
        }
        _ => {}
    }
}

const OF_RETENTION: &[fn(&mut Mutant)] = &[
    |m| only(m, |_| Bounds::Default, None),
    |m| {
        let unbounded = |KeyRange { key, range }: KeyRange| {
            let below = RangeBounds::new(Edge::MinValue, range.to());
            below.map_or(Bounds::Default, |range| Bounds::Range(KeyRange { key, range }))
        };
        only(m, unbounded, None);
    },
    |m| {
        let mark = Mark::Detached(Detached { at: m.world.now, drops_since: None });
        only(m, Bounds::Range, Some(mark));
    },
    |m| {
        let at = m.world.now;
        only(m, Bounds::Range, Some(Mark::Detached(Detached { at, drops_since: Some(at) })));
    },
    |m| {
        let index = m.world.observed.indexes.iter().find(|i| i.constraint.is_none());
        let Some(index) = index.map(|index| index.name.clone()) else { return };
        let (table, partitions) = (m.world.observed.name.clone(), Vec::new());
        m.plan.steps.clear();
        m.push(Step::DropTableIndex(DropTableIndex { table, index, partitions }));
    },
];

/// Replaces the plan by the adoption of one unmanaged partition, as a user asked for it; returns its place.
fn adopt(mutant: &mut Mutant) -> Option<usize> {
    let observed = &mutant.world.observed;
    let is_unmanaged = |p: &ObservedPartition| {
        p.origin == Origin::Foreign
            && p.attachment == Attachment::Attached
            && p.owned
            && p.bounds != Bounds::Default
    };
    let at = observed.partitions.iter().position(is_unmanaged)?;
    let found = &observed.partitions[at];
    let name = found.name.clone();
    let parent = observed.relation.as_ref().map(|relation| relation.oid);
    let marker = Marker { mark: Mark::Attached, oid: found.oid, parent, cycle: 0 };
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
        marking: Marking::Adopted,
        adopted: Some([adoption_digest(&name)].into()),
    };
    mutant.world.desired.adopt = vec![AdoptedName { schema: Some(name.schema), name: name.name }];
    mutant.world.observed.adopted.clear();
    mutant.plan.steps.clear();
    mutant.push(Step::MarkPartitions(step));
    Some(at)
}

fn adoption(mutant: &mut Mutant) -> Option<&mut MarkPartitions> {
    match mutant.plan.steps.first_mut().map(|planned| &mut planned.step) {
        Some(Step::MarkPartitions(step)) => Some(step),
        _ => None,
    }
}

const OF_ADOPTION: &[fn(&mut Mutant, usize)] = &[
    |m, _| m.world.desired.adopt.clear(),
    |m, at| {
        let digest = adoption_digest(&m.world.observed.partitions[at].name);
        m.world.observed.adopted.insert(digest);
    },
    |m, _| adoption(m).into_iter().for_each(|step| step.adopted = None),
    |m, at| m.world.observed.partitions[at].origin = Origin::Ours,
    |m, at| {
        m.world.observed.partitions[at].bounds = Bounds::Default;
        if let Some(step) = adoption(m) {
            step.partitions[0].bounds = Bounds::Default;
        }
    },
];

const OF_PARTITION: &[fn(&mut ObservedPartition)] = &[
    |p| p.owned = false,
    |p| p.origin = Origin::Foreign,
    |p| p.origin = Origin::Ours,
    |p| p.oid = Some(7),
    |p| p.kind = PartitionKind::Partitioned,
    |p| p.bounds = Bounds::Default,
    |p| p.attachment = Attachment::Attached,
    |p| p.attachment = Attachment::DetachPending,
    |p| p.attachment = Attachment::Detached,
    |p| p.bytes = 8192,
    |p| p.is_restored = true,
    |p| p.cycle += 1,
    |p| p.bounds_check = BoundsCheck::Absent,
    |p| p.bounds_check = BoundsCheck::Proven,
    |p| p.referenced_by = vec![other()],
    |p| p.dependents = vec!["view x".to_owned()],
    |p| p.exclusions.clear(),
    |p| p.triggers.push(Trigger { name: identifier("x"), fires: Fires::Always }),
    |p| {
        if let Some(Mark::Detached(detached)) = p.mark {
            p.mark = Some(Mark::Detached(Detached { drops_since: None, ..detached }));
        }
    },
    |p| {
        let at = jiff::Timestamp::UNIX_EPOCH;
        p.mark = Some(Mark::Detached(Detached { at, drops_since: Some(at) }));
    },
    |p| of_indexes(p, |i| i.valid = false),
    |p| of_indexes(p, |i| i.of = Some(identifier("x"))),
    |p| of_indexes(p, |i| i.constraint = true),
    |p| of_indexes(p, |i| i.building = true),
    |p| of_indexes(p, |i| i.dependents = vec!["x".to_owned()]),
    |p| of_indexes(p, |i| (i.valid, i.marker) = (true, None)),
];

fn of_indexes(partition: &mut ObservedPartition, change: fn(&mut PartitionIndex)) {
    partition.indexes.iter_mut().for_each(change);
}

const OF_STEP: &[fn(&mut Step, &ObservedTable)] = &[
    |step, _| match step {
        Step::CreatePartition(new) => new.managed = ManagedTable::new(other()),
        Step::AttachPartition(attach) => attach.default = None,
        Step::DetachPartition(detach) => detach.default = None,
        Step::MarkPartitions(mark) => mark.adopted = None,
        Step::CreateTableIndex(create) => create.table = other(),
        _ => {}
    },
    |step, observed| match step {
        Step::AttachPartition(attach) => attach.replaced = vec![identifier("x")],
        Step::DetachPartition(detach) => detach.concurrently = !detach.concurrently,
        Step::RememberDetached(remember) => remember.drops = true,
        Step::DropDetached(drop) => drop.marker.cycle += 1,
        Step::CreateTableIndex(create) => {
            create.partitions = observed.attached().map(|p| p.name.clone()).collect();
        }
        Step::DropExclusion(drop) => drop.exclusion = identifier("x"),
        Step::DropIndex(drop) => drop.index = identifier("x"),
        Step::DropTableIndex(drop) => {
            let plain = observed.indexes.iter().find(|i| i.constraint.is_none());
            drop.index = plain.map_or(identifier("x"), |index| index.name.clone());
        }
        _ => {}
    },
    |step, _| match step {
        Step::AttachPartition(attach) => attach.marker.parent = None,
        Step::MarkPartitions(mark) => mark.partitions.iter_mut().for_each(|marked| {
            marked.marker.mark = Mark::ToBeAttached;
        }),
        Step::DropDetached(drop) => drop.oid += 1,
        Step::RememberDetached(remember) => remember.bounds = Bounds::Default,
        _ => {}
    },
    |step, _| match step {
        Step::MarkPartitions(mark) => mark.partitions.iter_mut().for_each(|marked| {
            marked.marker.cycle = 0;
        }),
        Step::AttachPartition(attach) => attach.marker.cycle = 0,
        _ => {}
    },
];

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
        Some(Step::ValidateBounds(ValidateBounds {
            managed: t.managed.clone(),
            partition: p.name.clone(),
        }))
    },
    |t, p| {
        Some(Step::RemoveDefault(RemoveDefault {
            table: t.name.clone(),
            default: p.name.clone(),
            references: Vec::new(),
        }))
    },
    |t, p| {
        let Bounds::Range(range) = p.bounds.clone() else { return None };
        Some(Step::StateBounds(StateBounds {
            managed: t.managed.clone(),
            partition: p.name.clone(),
            oid: p.oid,
            range,
            inherited: None,
        }))
    },
    |_, p| {
        let index = p.indexes.first()?.name.clone();
        Some(Step::DropIndex(DropIndex { partition: p.name.clone(), index }))
    },
];
