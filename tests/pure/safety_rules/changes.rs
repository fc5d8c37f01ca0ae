//! Steps that the planner did not plan, and steps in other states than they were planned for.

use pg_partition_operator::observed::{
    BoundsCheck, DefaultCheck, DefaultFacts, DetachedBy, Fires, ForeignKey, IndexMarker,
    ObservedPartition, PartitionIndex, PartitionKind, PartitionState, Trigger,
};
use pg_partition_operator::partition::{
    Bounds, Detached, Edge, KeyRange, ManagedTable, MarkerState, QualifiedName, RangeBounds,
    adoption_digest,
};
use pg_partition_operator::plan::{Attach, BuildIndex, PlannedStep, Step};

use super::bases::{other, planned};
use super::{Mutant, conversion};
use crate::catalog::{
    identifier, set_attached, set_bounds_check, set_detached, set_marker_state, set_pending_detach,
};
use crate::samples;

pub(super) fn mutants(base: &Mutant) -> Vec<Mutant> {
    let mut mutants = vec![base.clone()];
    let mut add = |change: &dyn Fn(&mut Mutant)| {
        let mut mutant = base.clone();
        change(&mut mutant);
        mutants.push(mutant);
    };
    STATE_CHANGES
        .iter()
        .chain(STATE_AND_STEP_CHANGES)
        .chain(conversion::CHANGES)
        .for_each(|change| add(change));
    for change in STEP_CHANGES {
        add(&|mutant| mutant.first().into_iter().for_each(change));
    }
    for change in OF_PARTITION {
        add(&|mutant| on_named(mutant, *change));
        add(&|mutant| {
            let default = |p: &&mut ObservedPartition| p.bounds == Bounds::Default;
            mutant.state.observed.partitions.iter_mut().filter(default).for_each(change);
        });
    }
    mutants
}

/// Names of the tables that the first step of a mutant is about.
fn named(mutant: &Mutant) -> Vec<QualifiedName> {
    let Some(PlannedStep { step, .. }) = mutant.plan.steps.first() else { return Vec::new() };
    match step {
        Step::MarkPartitions(marker) => marker.partitions.iter().map(|p| p.name.clone()).collect(),
        Step::AttachPartition(attach) => vec![attach.partition.clone()],
        Step::DrainDefault(drain) => vec![drain.attach.partition.clone()],
        Step::DetachPartition(detach) => vec![detach.partition.clone()],
        step => {
            let locked = step.locks().into_iter().map(|(name, _)| name.clone());
            locked.chain([step.subject()]).collect()
        }
    }
}

fn on_named(mutant: &mut Mutant, change: impl Fn(&mut ObservedPartition)) {
    let named = named(mutant);
    let partitions = mutant.state.observed.partitions.iter_mut();
    partitions.filter(|p| named.contains(&p.name)).for_each(change);
}

fn default_facts(bounds: &Bounds) -> Option<DefaultFacts> {
    (*bounds == Bounds::Default).then(DefaultFacts::default)
}

/// Gives the step and its table the same bounds.
fn bound(mutant: &mut Mutant, bounds: fn(KeyRange) -> Bounds) {
    let new = |old: &mut Bounds| {
        if let Bounds::Range(range) = old {
            *old = bounds(range.clone());
        }
    };
    on_named(mutant, |p| {
        new(&mut p.bounds);
        p.default = p.default.take().or_else(|| default_facts(&p.bounds));
        set_bounds_check(p, BoundsCheck::Validated);
    });
    match mutant.first() {
        Some(Step::CreatePartition(step)) => new(&mut step.bounds),
        Some(Step::AttachPartition(step)) => new(&mut step.bounds),
        Some(Step::DrainDefault(step)) => new(&mut step.attach.bounds),
        Some(Step::MarkPartitions(step)) => {
            step.partitions.iter_mut().for_each(|marked| new(&mut marked.bounds));
        }
        Some(Step::DetachPartition(step)) => new(&mut step.bounds),
        Some(Step::DropDetached(step)) => new(&mut step.bounds),
        _ => {}
    }
}

/// Gives a drop and its table the same date.
fn date(mutant: &mut Mutant, drops_since: Option<jiff::Timestamp>) {
    let at = mutant.time.now;
    let marker = MarkerState::Detached(Detached { at, drops_since });
    on_named(mutant, |p| set_marker_state(p, marker));
    if let Some(Step::DropDetached(drop)) = mutant.first() {
        drop.marker.state = marker;
    }
}

/// Adds a copy of a table that the step is about, under another name.
fn copy(mutant: &mut Mutant, change: fn(&mut ObservedPartition)) {
    let named = named(mutant);
    let found = mutant.state.observed.partitions.iter().find(|p| named.contains(&p.name)).cloned();
    if let Some(found) = found {
        let mut copy = ObservedPartition { name: other(), ..found };
        change(&mut copy);
        mutant.state.observed.partitions.push(copy);
    }
}

/// Takes away what the step is about.
fn vanish(mutant: &mut Mutant) {
    let named = named(mutant);
    mutant.state.observed.partitions.retain(|p| !named.contains(&p.name));
}

const STATE_CHANGES: &[fn(&mut Mutant)] = &[
    vanish,
    |m| m.state.observed.partitions.clear(),
    |m| m.plan.steps.truncate(1),
    |m| copy(m, set_attached),
    |m| copy(m, set_pending_detach),
    |m| {
        copy(m, set_attached);
        if let Some(added) = m.state.observed.partitions.last_mut() {
            (added.bounds, added.bytes) = (Bounds::Default, 0);
            added.default = default_facts(&added.bounds);
        }
    },
    |m| m.state.desired.adopt.clear(),
    |m| {
        m.state.desired.approved.clear();
        m.state.desired.limits.max_expire_per_run = 0;
    },
    |m| m.state.observed.indexes.clear(),
    |m| m.state.observed.indexes.iter_mut().for_each(|i| i.valid = false),
    |m| m.state.observed.indexes.iter_mut().for_each(|i| i.dependents = vec!["x".to_owned()]),
    |m| m.state.observed.indexes.iter_mut().for_each(|i| i.constraint = Some("x".to_owned())),
    |m| {
        m.state.observed.default_count = None;
        m.state.observed.partitions.iter_mut().for_each(|p| p.bytes = 8192);
    },
    |m| m.state.observed.partitions.retain(|p| p.bounds == Bounds::Default),
    |m| {
        let named = named(m);
        m.state.observed.partitions.retain(|p| named.contains(&p.name));
    },
    |m| {
        let created = m.plan.steps.iter().map(|planned| planned.step.subject().name);
        m.state.observed.taken.extend(created);
    },
    |m| {
        if let Some(relation) = &mut m.state.observed.relation {
            relation.owner_code = vec!["f()".to_owned()];
            relation.powers = vec!["SUPERUSER".to_owned()];
        }
    },
    |m| {
        let key = ForeignKey { from: other(), columns: Vec::new(), operators: Vec::new() };
        if let Some(relation) = &mut m.state.observed.relation {
            relation.referenced_by.push(key);
        }
        for partition in &mut m.state.observed.partitions {
            partition.rows_referenced_by = None;
        }
    },
];

/// Has the step drop an index that works, and builds its successor afterwards.
fn build_later(mutant: &mut Mutant) {
    let Some(Step::DropIndex(drop)) = mutant.first() else { return };
    let (partition, index) = (drop.partition.clone(), identifier("x"));
    let build = samples::steps().into_iter().find_map(|step| match step {
        Step::BuildIndex(build) => Some(build),
        _ => None,
    });
    if let Some(found) = mutant.state.observed.partition_mut(&partition) {
        for i in &mut found.indexes {
            let marker = IndexMarker { index: index.clone(), digest: String::new() };
            (i.valid, i.marker) = (true, Some(marker));
        }
    }
    let build = build.map(|build| BuildIndex { partition, stands_for: Some(index), ..build });
    mutant.plan.steps.extend(build.map(|build| planned(Step::BuildIndex(build))));
}

/// Changes of a step together with its state.
const STATE_AND_STEP_CHANGES: &[fn(&mut Mutant)] = &[
    build_later,
    |m| bound(m, |_| Bounds::Default),
    |m| bound(m, |_| Bounds::Other("x".to_owned())),
    |m| {
        bound(m, |_| Bounds::Other("x".to_owned()));
        let named = named(m);
        m.state.observed.partitions.retain(|p| named.contains(&p.name));
    },
    |m| {
        bound(m, |KeyRange { key, range }| {
            let below = RangeBounds::new(Edge::MinValue, range.to());
            below.map_or(Bounds::Default, |range| Bounds::Range(KeyRange { key, range }))
        });
    },
    |m| {
        bound(m, |KeyRange { key, .. }| {
            let from = i128::from(i64::MAX);
            let late = RangeBounds::new(Edge::At(from), Edge::At(from + 1));
            late.map_or(Bounds::Default, |range| Bounds::Range(KeyRange { key, range }))
        });
    },
    |m| date(m, None),
    |m| {
        let now = m.time.now;
        date(m, Some(now));
    },
    |m| {
        on_named(m, |p| set_marker_state(p, MarkerState::Attached));
        if let Some(Step::RecordDetach(record)) = m.first() {
            record.drops = true;
        }
    },
    |m| {
        let at = m.time.now;
        on_named(m, |p| {
            if p.state == PartitionState::NeverAttached {
                set_detached(p);
                set_bounds_check(p, BoundsCheck::Validated);
            }
            set_marker_state(p, MarkerState::Detached(Detached { at, drops_since: None }));
        });
        m.first().into_iter().for_each(|step| set_cycle(step, 0));
    },
    |m| {
        on_named(m, |p| {
            set_detached(p);
            set_bounds_check(p, BoundsCheck::Absent);
        });
        m.first().into_iter().for_each(|step| set_cycle(step, u32::MAX));
    },
    |m| {
        let observed = &mut m.state.observed;
        let Some(Step::AddDefaultCheck(add)) = m.plan.steps.first().map(|p| &p.step) else {
            return;
        };
        if let Some(default) = observed.partition_mut(&add.default) {
            let name = add.default_check.clone();
            let checks = default.default.iter_mut().map(|default| &mut default.checks);
            checks.for_each(|checks| {
                checks.push(DefaultCheck { name: name.clone(), validated: false });
            });
        }
    },
    |m| {
        if let Some(Step::MarkPartitions(marker)) = m.first() {
            let adopted = marker.adopted.clone().unwrap_or_default();
            m.state.observed.adopted.extend(adopted);
        }
    },
    |m| {
        let Some(Step::DetachPartition(detach)) = m.first() else { return };
        let old = detach.partition.clone();
        detach.partition.name = identifier("x");
        let name = detach.partition.clone();
        if let Some(Step::RecordDetach(next)) = m.plan.steps.get_mut(1).map(|p| &mut p.step) {
            next.partition = name.clone();
        }
        if let Some(found) = m.state.observed.partition_mut(&old) {
            found.name = name;
            set_bounds_check(found, BoundsCheck::Absent);
        }
    },
    |m| {
        let index = m.state.observed.indexes.iter().find(|i| i.constraint.is_none());
        let Some(index) = index.map(|index| index.name.clone()) else { return };
        if let Some(Step::DropParentIndex(drop)) = m.first() {
            drop.index = index;
        }
    },
    |m| {
        if let Some(Step::DropParentIndex(drop)) = m.first() {
            drop.index = identifier("x");
            let index = drop.index.clone();
            m.state.observed.indexes.iter_mut().for_each(|i| i.name = index.clone());
        }
    },
];

fn set_cycle(step: &mut Step, cycle: u32) {
    match step {
        Step::MarkPartitions(marker) => {
            marker.partitions.iter_mut().for_each(|marked| marked.marker.cycle = cycle);
        }
        Step::AttachPartition(attach) => attach.marker.cycle = cycle,
        Step::DrainDefault(drain) => drain.attach.marker.cycle = cycle,
        _ => {}
    }
}

const OF_PARTITION: &[fn(&mut ObservedPartition)] = &[
    |p| p.owned = false,
    |p| {
        if let PartitionState::Attached { marker, .. }
        | PartitionState::PendingDetach { marker, .. } = &mut p.state
        {
            *marker = None;
        }
    },
    |p| p.oid = Some(7),
    |p| p.kind = PartitionKind::Partitioned,
    |p| {
        p.bounds = Bounds::Default;
        p.default = default_facts(&p.bounds);
    },
    |p| p.bounds = Bounds::Other("x".to_owned()),
    set_attached,
    set_pending_detach,
    set_detached,
    |p| p.state = PartitionState::NeverAttached,
    |p| {
        let (by, check) = (DetachedBy::Restore, p.state.bounds_check());
        p.state = PartitionState::Detached { by, check };
    },
    |p| p.cycle += 1,
    |p| set_bounds_check(p, BoundsCheck::Absent),
    |p| p.referenced_by = vec![other()],
    |p| p.dependents = vec!["view x".to_owned()],
    |p| p.default.iter_mut().for_each(|default| default.checks.clear()),
    |p| {
        p.bytes = 8192;
        p.default.iter_mut().for_each(|default| default.checks.clear());
    },
    |p| {
        let trigger = Trigger { name: identifier("x"), fires: Fires::Always };
        p.default.iter_mut().for_each(|default| default.triggers.push(trigger.clone()));
    },
    |p| set_marker_state(p, MarkerState::Attached),
    |p| {
        let at = jiff::Timestamp::UNIX_EPOCH;
        set_marker_state(p, MarkerState::Detached(Detached { at, drops_since: Some(at) }));
    },
    |p| {
        set_marker_state(p, MarkerState::Attached);
        set_attached(p);
    },
    |p| of_indexes(p, |i| i.valid = false),
    |p| of_indexes(p, |i| i.valid = true),
    |p| of_indexes(p, |i| i.of = Some(identifier("x"))),
    |p| of_indexes(p, |i| i.constraint = true),
    |p| of_indexes(p, |i| i.building = true),
    |p| of_indexes(p, |i| i.dependents = vec!["x".to_owned()]),
    |p| of_indexes(p, |i| (i.valid, i.marker) = (true, None)),
];

fn of_indexes(partition: &mut ObservedPartition, change: fn(&mut PartitionIndex)) {
    partition.indexes.iter_mut().for_each(change);
}

const STEP_CHANGES: &[fn(&mut Step)] = &[
    |step| match step {
        Step::CreatePartition(new) => new.managed = ManagedTable::new(other()),
        Step::AttachPartition(attach) => attach.managed = ManagedTable::new(other()),
        Step::DrainDefault(drain) => drain.attach.managed = ManagedTable::new(other()),
        Step::MarkPartitions(marker) => marker.managed = ManagedTable::new(other()),
        Step::RecordDetach(record) => record.managed = ManagedTable::new(other()),
        Step::AddBoundsCheck(state) => state.managed = ManagedTable::new(other()),
        Step::ValidateBoundsCheck(check) => check.managed = ManagedTable::new(other()),
        Step::DropDetached(drop) => drop.managed = ManagedTable::new(other()),
        Step::CreateParentIndex(create) => create.table = other(),
        _ => {}
    },
    |step| match step {
        Step::MarkPartitions(marker) => marker.partitions.iter_mut().for_each(|marked| {
            marked.bounds = Bounds::Other("x".to_owned());
        }),
        Step::DetachPartition(detach) => detach.bounds = Bounds::Default,
        Step::RecordDetach(record) => record.bounds = Bounds::Default,
        Step::DropDetached(drop) => drop.bounds = Bounds::Default,
        _ => {}
    },
    |step| match step {
        Step::MarkPartitions(marker) => {
            marker.partitions.iter_mut().for_each(|marked| marked.oid = Some(7));
        }
        Step::RecordDetach(record) => record.oid = Some(7),
        _ => {}
    },
    |step| match step {
        Step::MarkPartitions(marker) => {
            marker.partitions.iter_mut().for_each(|marked| marked.marker.parent = None);
        }
        Step::AttachPartition(attach) => attach.marker.parent = None,
        Step::DrainDefault(drain) => drain.attach.marker.parent = None,
        Step::DropDetached(drop) => drop.marker.parent = None,
        _ => {}
    },
    |step| match step {
        Step::MarkPartitions(marker) => marker.partitions.iter_mut().for_each(|marked| {
            marked.marker.state = MarkerState::ToBeAttached;
        }),
        Step::DropDetached(drop) => drop.marker.cycle += 1,
        _ => {}
    },
    |step| match step {
        Step::MarkPartitions(marker) => {
            marker.adopted = match marker.adopted {
                Some(_) => None,
                None => Some([adoption_digest(&other())].into()),
            };
        }
        Step::AttachPartition(attach) => replaces(attach),
        Step::DrainDefault(drain) => replaces(&mut drain.attach),
        Step::CreateParentIndex(create) => create.partitions = vec![other()],
        _ => {}
    },
    |step| match step {
        Step::AttachPartition(attach) => attach.default = None,
        Step::DetachPartition(detach) => detach.default = Some(other()),
        Step::AttachIndex(attach) => attach.index = identifier("x"),
        Step::DropIndex(drop) => drop.index = identifier("x"),
        Step::ReplaceParentIndex(replace) => replace.index = identifier("x"),
        _ => {}
    },
    |step| {
        if let Step::DetachPartition(detach) = step {
            detach.concurrently = !detach.concurrently;
        }
    },
    |step| set_cycle(step, 0),
];

fn replaces(attach: &mut Attach) {
    attach.replaced = vec![identifier("x")];
}
