//! Comparison of `simulate` with Postgres: each step changes the catalog as predicted.

use pg_partition_operator::converge::observe;
use pg_partition_operator::desired::DesiredTable;
use pg_partition_operator::observed::{
    CopyFacts, DetachedBy, ObservedTable, PartitionIndex, PartitionKind, PartitionState, Question,
    Relation, SyncState,
};
use pg_partition_operator::partition::{CopiedTable, IndexShape, MarkerState, Side, SyncLevel};
use pg_partition_operator::plan::{Plan, PlanTime, PlannedStep, Step, questions, simulate};
use pg_partition_operator::postgres::{DatabaseError, Progress, Session, StepOutcome};

use tokio::runtime::Handle;

use crate::database::World;
use crate::scenarios::{Next, Phase, assert_all_kinds, scenarios};
use crate::support::postgres::majors;

#[tokio::test(flavor = "multi_thread")]
async fn step_changes_the_catalog_as_simulated() {
    for major in majors() {
        let mut steps = Vec::new();
        for scenario in scenarios() {
            let world = World::new(major).await;
            scenario.set_up(&world).await;
            let (session, other) = (world.session().await, world.session().await);
            for phase in &scenario.phases {
                phase.prepare(&world).await;
                let what = format!("Postgres {major}, {}", scenario.name);
                steps.extend(take_steps(&what, (&session, &other), phase).await);
            }
        }
        assert_all_kinds(steps.iter().map(|planned| &planned.step));
    }
}

/// Takes one step after the other, and compares after each.
async fn take_steps(
    what: &str,
    (session, other): (&Session, &Session),
    phase: &Phase,
) -> Vec<PlannedStep> {
    let mut steps = Vec::new();
    while steps.len() < phase.steps {
        let Some(Next { desired, observed: looked_at, plan }) = phase.next(session).await else {
            break;
        };
        assert!(steps.len() < 100, "{what}: does not end:\n{plan}");
        let taken = plan.steps.clone();
        let time = phase.time();
        let mut before = seen(session, &desired, &time).await;
        let line = taken[0].line();
        let mut watching =
            Watching { other, observe_and_plan: (&desired, &time), seen: Vec::new() };
        let next = Next { desired: desired.clone(), observed: looked_at, plan };
        let outcomes = phase.execute(session, next, &mut watching).await;
        for (outcome, after) in outcomes.iter().zip(watching.seen) {
            let what = format!("{what}, {line}, {}", outcome.step.verb());
            match &outcome.result {
                Ok(()) => assert_predicted(&what, before, &outcome.step, after.clone()),
                Err(error) => assert!(phase.steps <= 10, "{what}: {error}"),
            }
            before = after;
        }
        steps.extend(taken);
    }
    steps
}

/// Inspects after each step, in a session of its own.
struct Watching<'a> {
    other: &'a Session,
    observe_and_plan: (&'a DesiredTable, &'a PlanTime),
    seen: Vec<ObservedTable>,
}

impl Progress for Watching<'_> {
    fn planned(&mut self, _: &Plan) {}
    fn started(&mut self, _: &Step) {}
    fn retried(&mut self, _: &Step, _: &DatabaseError) {}
    fn finished(&mut self, _: &StepOutcome) {
        let observe_and_plan = seen(self.other, self.observe_and_plan.0, self.observe_and_plan.1);
        let seen = tokio::task::block_in_place(|| Handle::current().block_on(observe_and_plan));
        self.seen.push(seen);
    }
}

/// The table, or its copy and what belongs to that.
async fn seen(session: &Session, desired: &DesiredTable, time: &PlanTime) -> ObservedTable {
    let (of, at) = (desired.clone(), *time);
    let asked = move |observed: &ObservedTable| {
        let mut asked = questions(&of, observed, &at);
        asked.retain(|question| {
            matches!(
                question,
                Question::PlainTable
                    | Question::OldestRow(_)
                    | Question::Copy
                    | Question::Sync(..)
                    | Question::Routing(_)
                    | Question::Attachment(_)
            )
        });
        asked
    };
    observe(session, &desired.name, asked).await.unwrap().1
}

fn assert_predicted(what: &str, before: ObservedTable, step: &Step, after: ObservedTable) {
    let mut predicted = before;
    simulate(&mut predicted, step);
    // Partitions of a subpartitioned partition are not inspected. The names of their indexes can be considered taken after
    // they are free, but never free while they are taken.
    if predicted.partitions.iter().any(|p| p.kind == PartitionKind::Partitioned) {
        assert!(predicted.taken.is_superset(&after.taken), "{what}: {:?}", after.taken);
        predicted.taken.clone_from(&after.taken);
    }
    leave_to_next_look(&mut predicted, step, &after);
    let (predicted, after) = (comparable(predicted), comparable(after));
    let (model, catalog) = (format!("{predicted:#?}"), format!("{after:#?}"));
    let differences: Vec<_> = diff(&model, &catalog);
    assert!(
        differences.is_empty(),
        "{what}: model (-) and catalog (+)\n{}",
        differences.join("\n")
    );
}

/// Copies the properties that a plan never needs after one of these steps, because an inspection follows.
fn leave_to_next_look(predicted: &mut ObservedTable, step: &Step, after: &ObservedTable) {
    match step {
        Step::CreateCopy(_) => {
            predicted.indexes.clone_from(&after.indexes);
            predicted.taken.clone_from(&after.taken);
            leave_routing(predicted, after);
            predicted.attachment.clone_from(&after.attachment);
        }
        // Another unique index of the plain table is no loss.
        Step::BuildIndex(_) | Step::DropIndex(_) => {
            if let (Some(copy), Some(found)) = (&mut predicted.copy, &after.copy) {
                copy.plain.unique_indexes.clone_from(&found.plain.unique_indexes);
            }
        }
        // Objects whose names contain that of a table exchange their names.
        Step::AttachSource(attach) => {
            leave_indexes(predicted, after);
            predicted.taken.clone_from(&after.taken);
            predicted.attachment.clone_from(&after.attachment);
            let source = attach.table.swapped().source;
            let found = after.partition(&source).unwrap();
            let partition = predicted.partition_mut(&source).unwrap();
            partition.comment.clone_from(&found.comment);
            leave_triggers_of_default(predicted, after);
        }
        Step::DetachSource(detach) => {
            leave_indexes(predicted, after);
            predicted.taken.clone_from(&after.taken);
            predicted.attachment.clone_from(&after.attachment);
            let found = after.copy.clone().unwrap();
            assert_eq!(predicted.copy.as_ref().unwrap().source, detach.source);
            assert_eq!((found.source, found.serving), (detach.source, Side::Source));
            predicted.copy = Some(found);
            leave_triggers_of_default(predicted, after);
        }
        // The indexes of the two tables exchange their names.
        Step::Swap(swap) => {
            leave_triggers(predicted, &swap.table.swapped(), swap.level, after);
            let (copy, found) = (predicted.copy.as_mut().unwrap(), after.copy.as_ref().unwrap());
            copy.state.record.clone_from(&found.state.record);
            copy.plain.clone_from(&found.plain);
            leave_indexes(predicted, after);
            predicted.taken.clone_from(&after.taken);
            leave_routing(predicted, after);
        }
        Step::DropSource(_) => predicted.taken.clone_from(&after.taken),
        // No spec requests it any more.
        Step::Unroute(_) => leave_routing(predicted, after),
        Step::DropCopy(_) => {
            let plain = predicted.relation.take().unwrap();
            let found = after.relation.clone().unwrap();
            let (oid, kind, copy_of) = (plain.oid, plain.kind, plain.copy_of);
            predicted.relation = Some(Relation { oid, kind, copy_of, ..found });
            predicted.indexes.clone_from(&after.indexes);
            predicted.taken.clone_from(&after.taken);
        }
        Step::InstallSync(install) => {
            leave_triggers(predicted, &install.table, install.level, after);
        }
        Step::FollowSource(follow) => {
            let relation = predicted.relation.take().unwrap();
            let Relation { columns, generated, .. } = after.relation.clone().unwrap();
            predicted.relation = Some(Relation { columns, generated, ..relation });
            if let Some(install) = &follow.sync {
                leave_triggers(predicted, &install.table, install.level, after);
            }
            predicted.attachment.clone_from(&after.attachment);
            // Indexes have the new names of columns.
            leave_indexes(predicted, after);
        }
        _ => {}
    }
    leave_shapes(predicted, after);
}

fn leave_indexes(predicted: &mut ObservedTable, after: &ObservedTable) {
    predicted.indexes.clone_from(&after.indexes);
    for partition in &mut predicted.partitions {
        partition.indexes.clone_from(&after.partition(&partition.name).unwrap().indexes);
    }
}

/// The default partition has the row triggers of the table.
fn leave_triggers_of_default(predicted: &mut ObservedTable, after: &ObservedTable) {
    for partition in &mut predicted.partitions {
        let found = after.partition(&partition.name).and_then(|found| found.default.as_ref());
        if let (Some(default), Some(found)) = (&mut partition.default, found) {
            default.triggers.clone_from(&found.triggers);
        }
    }
}

fn leave_routing(predicted: &mut ObservedTable, after: &ObservedTable) {
    let routing = &after.copy.as_ref().unwrap().routing;
    predicted.copy.as_mut().unwrap().routing.clone_from(routing);
}

fn leave_triggers(
    predicted: &mut ObservedTable,
    table: &CopiedTable,
    level: SyncLevel,
    after: &ObservedTable,
) {
    let copy = after.copy.as_ref().unwrap();
    for facts in [predicted.copy.as_ref().unwrap(), copy] {
        assert_eq!(facts.sync(table, level), SyncState::Intact);
    }
    let state = &mut predicted.copy.as_mut().unwrap().state;
    state.triggers.clone_from(&copy.state.triggers);
    state.functions.clone_from(&copy.state.functions);
}

/// An index in the words of the catalog has the shape that the catalog says.
fn leave_shapes(predicted: &mut ObservedTable, after: &ObservedTable) {
    for index in predicted.indexes.iter_mut().filter(|index| index.shape.is_none()) {
        let found = after.indexes.iter().find(|found| found.name == index.name);
        let found = found.filter(|found| found.definition == index.definition);
        index.shape = found.and_then(|found| found.shape.clone());
    }
    for partition in &mut predicted.partitions {
        let Some(found) = after.partition(&partition.name) else { continue };
        for index in partition.indexes.iter_mut().filter(|index| index.shape.is_none()) {
            let found = found.indexes.iter().find(|found| found.name == index.name);
            let found = found.filter(|found| found.definition == index.definition);
            index.shape = found.and_then(|found| found.shape.clone());
        }
    }
}

/// The lines that only one of two texts has.
fn diff(ours: &str, theirs: &str) -> Vec<String> {
    let (ours, theirs): (Vec<_>, Vec<_>) = (ours.lines().collect(), theirs.lines().collect());
    if ours == theirs {
        return Vec::new();
    }
    let same = ours.iter().zip(&theirs).take_while(|(a, b)| a == b).count();
    let context = |lines: &[&str], sign: char| -> Vec<String> {
        lines.iter().skip(same.saturating_sub(12)).take(30).map(|l| format!("{sign} {l}")).collect()
    };
    [context(&ours, '-'), context(&theirs, '+')].concat()
}

/// Without what no model can know: object identifiers, estimates, the clock, and the words in which
/// the catalog says a predicate.
fn comparable(mut world: ObservedTable) -> ObservedTable {
    world.server.clock = jiff::Timestamp::UNIX_EPOCH;
    world.answered.clear();
    world.oldest_row = None;
    if let (Some(relation), Some(_)) = (&mut world.relation, &world.copy) {
        relation.oid = 0;
    }
    world.copy = world.copy.map(|copy| Box::new(comparable_copy(*copy)));
    // Names that no partition could have are not queried, and the model need not know that.
    let kept = world.name.name.as_str().chars().next().unwrap();
    world.taken.retain(|name| name.as_str().starts_with(kept));
    for partition in &mut world.partitions {
        if let PartitionState::Attached { marker: Some(MarkerState::Detached(detached)), .. }
        | PartitionState::PendingDetach {
            marker: Some(MarkerState::Detached(detached)), ..
        }
        | PartitionState::Detached { by: DetachedBy::Recorded(detached), .. } =
            &mut partition.state
        {
            detached.at = jiff::Timestamp::UNIX_EPOCH;
            detached.drops_since = detached.drops_since.map(|_| jiff::Timestamp::UNIX_EPOCH);
        }
        partition.oid = None;
        partition.rows = None;
        partition.bytes = 0;
        partition.default.iter_mut().for_each(|default| default.total_bytes = 0);
        partition.indexes.iter_mut().for_each(without_words);
        partition.indexes.sort_by(|a, b| a.name.cmp(&b.name));
    }
    world.partitions.sort_by(|a, b| a.name.cmp(&b.name));
    for index in &mut world.indexes {
        if let Some(shape) = &mut index.shape {
            without_predicate(shape);
            index.definition.clear();
        }
    }
    world
}

/// Returns the facts of a copy without those that only the next inspection finds.
fn comparable_copy(copy: CopyFacts) -> CopyFacts {
    let mut comparable = CopyFacts::new(copy.source, copy.plain);
    (comparable.analyzed, comparable.state) = (copy.analyzed, copy.state);
    let plain = &mut comparable.plain;
    (plain.bytes, plain.estimated_rows) = (0, None);
    plain.taken.clear();
    comparable.routed = copy.routed;
    comparable.routing = copy.routing.map(|mut routing| {
        routing.roles.iter_mut().for_each(|role| role.older_sessions = None);
        for since in routing.view.iter_mut().flat_map(|view| view.since.values_mut()) {
            *since = jiff::Timestamp::UNIX_EPOCH;
        }
        routing
    });
    if let Some(record) = &mut comparable.state.record {
        record.sync = None;
    }
    comparable
}

fn without_words(index: &mut PartitionIndex) {
    if let Some(shape) = &mut index.shape {
        without_predicate(shape);
        index.definition.clear();
    }
}

fn without_predicate(shape: &mut IndexShape) {
    shape.predicate = shape.predicate.as_ref().map(|_| "…".to_owned());
}
