//! Steps and work of a conversion, each in a world that it is right for.

use std::collections::BTreeSet;

use pg_partition_operator::desired::{
    AfterCutover, Backfill, ConversionMethod, CopyOptions, DesiredConversion, Parity, ParityLevel,
};
use pg_partition_operator::observed::{
    ConversionRecord, CopyFacts, InstalledFunction, ObservedTable, PlainTable, RelationKind, Sweep,
};
use pg_partition_operator::partition::{Bounds, CopiedTable, Method, Side, SyncLevel, copy_name};
use pg_partition_operator::plan::{
    AnalyzeCopy, Cause, CompareRows, CopyRows, CreateCopy, DropCopy, DropSource, EndSync,
    FollowSource, InstallSync, PlannedWork, Rule, Step, Swap, ValidateCopy, Work, simulate,
};

use super::Mutant;
use super::bases::{other, planned};
use crate::world::{self, identifier};

/// The object identifier of the plain table.
const SOURCE: u32 = 4_711;

/// Each step and each work of a conversion.
pub(super) fn bases(whole: &Mutant) -> Vec<Mutant> {
    let makes: [fn(&mut Mutant); 13] = [
        create,
        install,
        follow,
        follow_columns,
        validate,
        analyze,
        end,
        drop_copy,
        swap,
        drop_source,
        copy_rows,
        compare_rows,
        compare_counts,
    ];
    let made = makes.iter().map(|make| {
        let mut base = whole.clone();
        base.plan.steps.clear();
        make(&mut base);
        base
    });
    made.collect()
}

fn table(observed: &ObservedTable) -> CopiedTable {
    let managed = observed.managed.clone();
    CopiedTable {
        source: managed.name().clone(),
        copy: managed.sibling(copy_name(&managed)),
        managed,
        key: vec![identifier("id")],
        partition_columns: vec![identifier("at")],
        columns: vec![identifier("id"), identifier("at")],
        always_identity: Vec::new(),
        owner: observed.relation.as_ref().map_or(identifier("x"), |found| found.owner.clone()),
    }
}

fn conversion() -> DesiredConversion {
    let options = CopyOptions {
        sync: SyncLevel::Row,
        backfill: Backfill { max_rows_per_second: None },
        parity: Parity { check: ParityLevel::Content, every: std::time::Duration::from_mins(1) },
        routing: BTreeSet::new(),
        source: AfterCutover::Keep,
    };
    DesiredConversion {
        method: ConversionMethod::Copy(options),
        serve_from: Side::Source,
        acknowledged: BTreeSet::new(),
    }
}

fn create(base: &mut Mutant) {
    let observed = &mut base.world.observed;
    base.world.desired.conversion = Some(conversion());
    observed.plain = Some(Box::default());
    observed.partitions.clear();
    if let Some(relation) = &mut observed.relation {
        (relation.kind, relation.oid) = (RelationKind::Other("table"), SOURCE);
    }
    let create = CreateCopy {
        table: table(observed),
        source: SOURCE,
        method: Method::Hash,
        references: Vec::new(),
    };
    base.plan.steps = vec![planned(Step::CreateCopy(Box::new(create)))];
}

/// Makes the relation a copy with a default partition, and without triggers.
fn copied(base: &mut Mutant) -> CopiedTable {
    let observed = &mut base.world.observed;
    base.world.desired.conversion = Some(conversion());
    let table = table(observed);
    observed.name = table.copy.clone();
    observed.copy = Some(Box::new(CopyFacts::new(SOURCE, PlainTable::default())));
    if observed.default_partition().is_none() {
        let name = observed.managed.sibling(identifier("zz_default"));
        observed.partitions.push(world::partition(name, Bounds::Default));
    }
    table
}

fn install_step(table: &CopiedTable) -> Step {
    Step::InstallSync(Box::new(InstallSync {
        table: table.clone(),
        source: SOURCE,
        level: SyncLevel::Row,
        present: BTreeSet::new(),
    }))
}

fn install(base: &mut Mutant) {
    let table = copied(base);
    base.plan.steps = vec![planned(install_step(&table))];
}

fn follow(base: &mut Mutant) {
    let table = copied(base);
    let follow = FollowSource {
        known: table.columns.clone(),
        table,
        method: Method::Hash,
        sync: None,
        changes: Vec::new(),
    };
    base.plan.steps = vec![planned(Step::FollowSource(Box::new(follow)))];
}

/// Columns change, so that the triggers are installed again.
fn follow_columns(base: &mut Mutant) {
    follow(base);
    let install = install_step(&table(&base.world.observed));
    if let (Some(Step::FollowSource(follow)), Step::InstallSync(install)) = (base.first(), install)
    {
        follow.sync = Some(*install);
    }
}

fn validate(base: &mut Mutant) {
    let table = copied(base);
    base.plan.steps = vec![planned(Step::ValidateCopy(Box::new(ValidateCopy { table })))];
}

fn analyze(base: &mut Mutant) {
    let copy = copied(base).copy;
    base.plan.steps = vec![planned(Step::AnalyzeCopy(AnalyzeCopy { copy }))];
}

fn end(base: &mut Mutant) {
    let table = copied(base);
    base.world.desired.conversion = None;
    base.plan.steps = vec![planned(Step::EndSync(Box::new(EndSync { table })))];
}

fn drop_copy(base: &mut Mutant) {
    let table = copied(base);
    base.world.desired.conversion = None;
    base.world.desired.approved = vec![base.plan.fingerprint.clone()];
    let oid = base.world.observed.relation.as_ref().map_or(0, |relation| relation.oid);
    let drop = DropCopy { table, oid, references: Vec::new() };
    base.plan.steps = vec![planned(Step::DropCopy(Box::new(drop)))];
}

fn swap(base: &mut Mutant) {
    let table = copied(base);
    let level = SyncLevel::Row;
    let swap = Swap { table, source: SOURCE, copy: 1, level, views: Vec::new() };
    base.plan.steps = vec![planned(Step::Swap(Box::new(swap)))];
}

fn drop_source(base: &mut Mutant) {
    let table = copied(base);
    let drop = DropSource { table, oid: SOURCE, references: Vec::new(), foreign_keys: Vec::new() };
    base.plan.steps = vec![planned(Step::DropSource(Box::new(drop)))];
}

fn synced(base: &mut Mutant, completed: bool) -> CopiedTable {
    let table = copied(base);
    simulate(&mut base.world.observed, &install_step(&table));
    set_complete(base, completed);
    table
}

fn set_complete(mutant: &mut Mutant, is_complete: bool) {
    let at = is_complete.then_some(mutant.moment.now);
    if let Some(record) = record(mutant) {
        record.backfilled_at = at;
    }
}

fn record(mutant: &mut Mutant) -> Option<&mut ConversionRecord> {
    mutant.world.observed.copy.as_mut()?.state.record.as_mut()
}

fn work(base: &mut Mutant, work: Work) {
    base.plan.work = Some(PlannedWork { rule: Rule::CopyRows, work, because: Cause::RowsMissing });
}

fn copy_rows(base: &mut Mutant) {
    let table = synced(base, false);
    let rows = CopyRows { table, copied: 0, estimated: None, max_rows_per_second: None };
    work(base, Work::Copy(rows));
}

fn compare_rows(base: &mut Mutant) {
    let table = synced(base, true);
    let rows = CompareRows { table, content: true, compared: 0, repairs_left: 1, estimated: None };
    work(base, Work::Compare(rows));
}

/// A sweep that goes on.
fn compare_counts(base: &mut Mutant) {
    compare_rows(base);
    let started_at = base.moment.now;
    if let Some(record) = record(base) {
        record.sweep = Some(Sweep {
            started_at,
            checked_at: None,
            content: false,
            rows_source: 1,
            rows_partitioned: 1,
            difference_rows: 0,
            mismatched_ranges: 0,
            repaired_rows: 0,
            dirty_in_a_row: 0,
        });
    }
}

/// The tables that the first step, or the work, is about.
fn tables(mutant: &mut Mutant) -> Option<&mut CopiedTable> {
    if let Some(planned) = &mut mutant.plan.work {
        return Some(match &mut planned.work {
            Work::Copy(rows) => &mut rows.table,
            Work::Compare(rows) => &mut rows.table,
        });
    }
    match &mut mutant.plan.steps.first_mut()?.step {
        Step::CreateCopy(step) => Some(&mut step.table),
        Step::InstallSync(step) => Some(&mut step.table),
        Step::FollowSource(step) => Some(&mut step.table),
        Step::ValidateCopy(step) => Some(&mut step.table),
        Step::EndSync(step) => Some(&mut step.table),
        Step::DropCopy(step) => Some(&mut step.table),
        Step::Swap(step) => Some(&mut step.table),
        Step::DropSource(step) => Some(&mut step.table),
        _ => None,
    }
}

/// Changes of a conversion.
pub(super) const CHANGES: &[fn(&mut Mutant)] = &[
    |m| m.world.observed.copy = None,
    |m| m.world.observed.copy = Some(Box::new(CopyFacts::new(SOURCE, PlainTable::default()))),
    |m| m.world.observed.plain = None,
    |m| m.world.desired.conversion = None,
    |m| m.world.desired.conversion = Some(conversion()),
    |m| set_complete(m, true),
    |m| set_complete(m, false),
    |m| {
        if let Some(facts) = &mut m.world.observed.copy {
            facts.state.functions.push(InstalledFunction {
                name: identifier("f"),
                oid: 1,
                xmin: 1,
                digest: None,
                used_elsewhere: false,
            });
        }
    },
    |m| tables(m).into_iter().for_each(|table| table.columns.push(identifier("x"))),
    |m| tables(m).into_iter().for_each(|table| table.copy = other()),
    |m| tables(m).into_iter().for_each(|table| table.source = other()),
    |m| tables(m).into_iter().for_each(|table| table.owner = identifier("x")),
    |m| {
        if let Some(Step::AnalyzeCopy(step)) = m.first() {
            step.copy = other();
        }
    },
    |m| match m.first() {
        Some(Step::CreateCopy(step)) => step.source = 1,
        Some(Step::InstallSync(step)) => step.source = 1,
        Some(Step::FollowSource(step)) => {
            step.sync.iter_mut().for_each(|install| install.source = 1);
        }
        Some(Step::DropCopy(step)) => step.oid = 1,
        _ => {}
    },
];
