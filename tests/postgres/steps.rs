//! Our model of Postgres is held against Postgres: what a step makes of the catalog is what
//! `simulate` says.

use std::time::Duration;

use pg_partition_operator::observed::{
    DetachedBy, ObservedTable, PartitionIndex, PartitionKind, PartitionState,
};
use pg_partition_operator::partition::{IndexShape, ManagedTable, Mark};
use pg_partition_operator::plan::{Plan, PlannedStep, Step, check, simulate};
use pg_partition_operator::postgres::{
    DatabaseError, LockKeys, Progress, Session, SlowSteps, StepOutcome, TableLock, Unrevoked,
    execute,
};
use pg_partition_operator::sql::Timeouts;

use tokio::runtime::Handle;

use crate::scenarios::{Phase, assert_all_kinds, scenarios};
use crate::support::backdate::backdate;
use crate::support::postgres::majors;
use crate::world::{World, at, observe};

#[tokio::test(flavor = "multi_thread")]
async fn a_step_does_to_the_catalog_what_the_model_says() {
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
        let Some((looked_at, plan)) = phase.next(session).await else { break };
        assert!(steps.len() < 100, "{what}: does not come to an end:\n{plan}");
        let taken = plan.steps.clone();
        let mut before = observe(session, &plan.table).await;
        let (oid, line) = (before.relation.as_ref().unwrap().oid, taken[0].line());
        let checked = check(plan, &phase.desired(), &looked_at, &phase.moment())
            .unwrap_or_else(|e| panic!("{what}: {line}: {e}"));
        let lock = TableLock::try_take(session, LockKeys::new(&before.managed, oid))
            .await
            .unwrap()
            .unwrap();
        let timeouts =
            Timeouts { lock_timeout: Duration::from_secs(5), patience: Duration::from_secs(5) };
        let mut watching = Watching { other, table: &before.managed.clone(), seen: Vec::new() };
        let outcomes =
            execute(&lock, &checked, timeouts, &Unrevoked, &SlowSteps::default(), &mut watching)
                .await;
        lock.release().await.unwrap();
        backdate(session, at(phase.now)).await;
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

/// Looks after each step, by a session of its own.
struct Watching<'a> {
    other: &'a Session,
    table: &'a ManagedTable,
    seen: Vec<ObservedTable>,
}

impl Progress for Watching<'_> {
    fn planned(&mut self, _: &Plan) {}
    fn started(&mut self, _: &Step) {}
    fn retried(&mut self, _: &Step, _: &DatabaseError) {}
    fn finished(&mut self, _: &StepOutcome) {
        let look = observe(self.other, self.table);
        let seen = tokio::task::block_in_place(|| Handle::current().block_on(look));
        self.seen.push(seen);
    }
}

fn assert_predicted(what: &str, before: ObservedTable, step: &Step, after: ObservedTable) {
    let mut predicted = before;
    simulate(&mut predicted, step);
    // What lies below a partition that is partitioned itself is not looked at; the names of its
    // indexes may be thought taken when they no longer are, and never the other way round.
    if predicted.partitions.iter().any(|p| p.kind == PartitionKind::Partitioned) {
        assert!(predicted.taken.is_superset(&after.taken), "{what}: {:?}", after.taken);
        predicted.taken.clone_from(&after.taken);
    }
    let (predicted, after) = (comparable(predicted), comparable(after));
    let (model, catalog) = (format!("{predicted:#?}"), format!("{after:#?}"));
    let differences: Vec<_> = diff(&model, &catalog);
    assert!(
        differences.is_empty(),
        "{what}: model (-) and catalog (+)\n{}",
        differences.join("\n")
    );
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
    // Names that no partition could have are not looked for, and the model need not know that.
    let kept = world.name.name.as_str().chars().next().unwrap();
    world.taken.retain(|name| name.as_str().starts_with(kept));
    for partition in &mut world.partitions {
        if let PartitionState::Attached { mark: Some(Mark::Detached(detached)), .. }
        | PartitionState::PendingDetach { mark: Some(Mark::Detached(detached)), .. }
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

fn without_words(index: &mut PartitionIndex) {
    if let Some(shape) = &mut index.shape {
        without_predicate(shape);
        index.definition.clear();
    }
}

fn without_predicate(shape: &mut IndexShape) {
    shape.predicate = shape.predicate.as_ref().map(|_| "…".to_owned());
}
