//! Steps and work of a conversion, each in a valid state.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use pg_partition_operator::desired::{
    AfterCutover, Backfill, ConversionMethod, CopyOptions, DesiredConversion, Parity, ParityLevel,
};
use pg_partition_operator::observed::{
    Attachment, BlockingTransaction, BoundsCheck, ColumnChange, ColumnDifference, ConversionRecord,
    CopyDifferences, CopyFacts, InboundForeignKey, IndexSettings, InstalledFunction, KeyState,
    NeededKey, ObservedPartition, ObservedTable, PlainTable, RelationKind, RouteView, RoutingFacts,
    Sweep, SyncState,
};
use pg_partition_operator::partition::{
    Bounds, CopiedTable, Edge, KeyRange, KeyType, Method, RangeBounds, RangeKey, SearchPath, Side,
    SyncLevel, attached_key_name, copy_name, route_view,
};
use pg_partition_operator::plan::{
    AddBoundsCheck, AnalyzeCopy, AttachSource, BuildIndex, Cause, CompareRows, CopyRows,
    CreateCopy, DetachSource, DropBoundsCheck, DropCopy, DropIndex, DropSource, EndSync,
    FollowSource, IndexDefinition, InstallSync, PathChange, PlannedWork, Route, RoutedRole,
    RoutingView, Rule, Step, Swap, Unroute, ValidateBoundsCheck, ValidateCopy, Work, simulate,
};

use super::Mutant;
use super::bases::{other, planned};
use crate::catalog::{self, identifier};

/// The object identifier of the plain table.
const SOURCE: u32 = 4_711;

/// Each step and each work of a conversion.
pub(super) fn bases(whole: &Mutant) -> Vec<Mutant> {
    let makes: [fn(&mut Mutant); 26] = [
        create,
        install,
        follow,
        follow_columns,
        validate,
        analyze,
        end,
        drop_copy,
        cut_over,
        roll_back,
        drop_source,
        attach_source,
        detach_source,
        state_bounds,
        check_bounds,
        drop_bounds,
        build_key,
        drop_key,
        install_reverse,
        compare_reverse,
        copy_rows,
        compare_rows,
        compare_counts,
        route,
        route_to_source,
        unroute,
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
    let observed = &mut base.state.observed;
    base.state.desired.conversion = Some(conversion());
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
    let observed = &mut base.state.observed;
    base.state.desired.conversion = Some(conversion());
    let table = table(observed);
    observed.name = table.copy.clone();
    observed.copy = Some(Box::new(CopyFacts::new(SOURCE, PlainTable::default())));
    if observed.default_partition().is_none() {
        let name = observed.managed.sibling(identifier("zz_default"));
        observed.partitions.push(catalog::partition(name, Bounds::Default));
    }
    table
}

fn install_step(table: &CopiedTable) -> Step {
    Step::InstallSync(Box::new(InstallSync {
        table: table.clone(),
        source: SOURCE,
        level: SyncLevel::Row,
        present: BTreeSet::new(),
        keeps_parity: false,
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
    let install = install_step(&table(&base.state.observed));
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
    base.state.desired.conversion = None;
    base.plan.steps = vec![planned(Step::EndSync(Box::new(EndSync { table })))];
}

fn drop_copy(base: &mut Mutant) {
    let table = copied(base);
    base.state.desired.conversion = None;
    base.state.desired.approved = vec![base.plan.fingerprint.clone()];
    let oid = base.state.observed.relation.as_ref().map_or(0, |relation| relation.oid);
    let drop = DropCopy { table, oid, references: Vec::new() };
    base.plan.steps = vec![planned(Step::DropCopy(Box::new(drop)))];
}

/// A copy in parity, and a step that routes a role of the spec to it.
fn route(base: &mut Mutant) {
    let table = synced(base, true);
    want_roles(base);
    let at = base.time.now;
    if let Some(record) = record(base) {
        record.parity = Some(sweep(at, true, Some(at)));
    }
    base.plan.steps = vec![planned(route_step(&table, Side::Partitioned))];
}

/// Not in parity: the view reads the plain table.
fn route_to_source(base: &mut Mutant) {
    let table = copied(base);
    want_roles(base);
    base.plan.steps = vec![planned(route_step(&table, Side::Source))];
}

fn want_roles(base: &mut Mutant) {
    let mut conversion = conversion();
    if let ConversionMethod::Copy(options) = &mut conversion.method {
        options.routing.insert(identifier("reader"));
    }
    base.state.desired.conversion = Some(conversion);
}

fn route_step(table: &CopiedTable, reads: Side) -> Step {
    let view = route_view(&table.managed);
    let path = SearchPath::default().with(&view.schema, &identifier("s"), &identifier("s"));
    let to = path.or_else(|| SearchPath::parse(&format!("\"{}\"", view.schema.as_str())));
    let (role, database) = (identifier("reader"), identifier("d"));
    Step::Route(Box::new(Route {
        creates_schema: true,
        creates: Some(RoutingView {
            reads,
            columns: table.columns.clone(),
            drops_other: false,
            invoker: false,
        }),
        users: Vec::new(),
        paths: vec![PathChange { role: role.clone(), database, from: None, to }],
        listed: vec![RoutedRole { role, since: None }],
        table: table.clone(),
        view,
    }))
}

fn unroute(base: &mut Mutant) {
    let table = copied(base);
    let view = route_view(&table.managed);
    let unroute = Unroute { table, view, drops_schema: true, paths: Vec::new() };
    base.plan.steps = vec![planned(Step::Unroute(Box::new(unroute)))];
}

/// A view that a user created has the name.
fn taken_view() -> Box<RoutingFacts> {
    let view = RouteView {
        managed: false,
        reads: None,
        columns: Vec::new(),
        grants_match: true,
        invoker: false,
        since: BTreeMap::new(),
    };
    Box::new(RoutingFacts {
        database: identifier("d"),
        schema: None,
        can_create_schema: true,
        view: Some(view),
        row_security: false,
        listed_elsewhere: BTreeSet::new(),
        roles: Vec::new(),
    })
}

fn synced(base: &mut Mutant, completed: bool) -> CopiedTable {
    let table = copied(base);
    simulate(&mut base.state.observed, &install_step(&table));
    set_complete(base, completed);
    table
}

fn set_complete(mutant: &mut Mutant, is_complete: bool) {
    let at = is_complete.then_some(mutant.time.now);
    if let Some(record) = record(mutant) {
        record.backfilled_at = at;
    }
}

fn record(mutant: &mut Mutant) -> Option<&mut ConversionRecord> {
    mutant.state.observed.copy.as_mut()?.state.record.as_mut()
}

fn work(base: &mut Mutant, work: Work) {
    base.plan.work = Some(PlannedWork { rule: Rule::CopyRows, work, cause: Cause::RowsMissing });
}

/// Makes the copy one that is equal and has everything, with a sweep that proves it.
fn in_parity(base: &mut Mutant) -> CopiedTable {
    let table = synced(base, true);
    let now = base.time.now;
    if let Some(record) = record(base) {
        record.parity = Some(sweep(now, true, Some(now)));
    }
    base.state.observed.indexes.iter_mut().for_each(|index| index.valid = true);
    if let Some(facts) = &mut base.state.observed.copy {
        facts.analyzed = true;
    }
    table
}

fn sweep(started_at: Timestamp, content: bool, checked_at: Option<Timestamp>) -> Sweep {
    Sweep {
        started_at,
        checked_at,
        content,
        rows_source: 1,
        rows_partitioned: 1,
        difference_rows: 0,
        mismatched_ranges: 0,
        repaired_rows: 0,
        dirty_in_a_row: 0,
    }
}

fn swap_of(table: CopiedTable, base: &Mutant) -> Swap {
    let copy = base.state.observed.relation.as_ref().map_or(0, |relation| relation.oid);
    Swap { table, source: SOURCE, copy, level: SyncLevel::Row, views: Vec::new() }
}

fn serve_from(mutant: &mut Mutant, side: Side) {
    if let Some(conversion) = &mut mutant.state.desired.conversion {
        conversion.serve_from = side;
    }
}

fn cut_over(base: &mut Mutant) {
    let table = in_parity(base);
    serve_from(base, Side::Partitioned);
    let swap = swap_of(table, base);
    base.plan.steps = vec![planned(Step::Swap(Box::new(swap)))];
}

/// Makes the partitioned table the one that applications use.
fn served(base: &mut Mutant) -> CopiedTable {
    let table = in_parity(base);
    serve_from(base, Side::Partitioned);
    let swap = swap_of(table, base);
    simulate(&mut base.state.observed, &Step::Swap(Box::new(swap.clone())));
    swap.table.swapped()
}

fn roll_back(base: &mut Mutant) {
    let table = served(base);
    serve_from(base, Side::Source);
    base.state.desired.approved.clear();
    let swap = swap_of(table, base);
    base.plan.steps = vec![planned(Step::Swap(Box::new(swap)))];
}

fn drop_source(base: &mut Mutant) {
    let table = served(base);
    set_after_cutover(base, AfterCutover::Drop { after: std::time::Duration::from_mins(1) });
    set_serving_since(base, 2);
    let drop = DropSource { table, oid: SOURCE, references: Vec::new(), foreign_keys: Vec::new() };
    base.plan.steps = vec![planned(Step::DropSource(Box::new(drop)))];
}

fn attach_step(base: &mut Mutant) -> AttachSource {
    let table = copied(base);
    set_method(base, ConversionMethod::Attach);
    serve_from(base, Side::Partitioned);
    let copy = base.state.observed.relation.as_ref().map_or(0, |relation| relation.oid);
    let column = RangeKey { column: identifier("at"), key_type: KeyType::Date };
    let range = RangeBounds::new(Edge::MinValue, Edge::At(-1)).expect("a range");
    let observed = &mut base.state.observed;
    observed.partitions.retain(|partition| partition.bounds == Bounds::Default);
    let next = RangeBounds::new(Edge::At(0), Edge::MaxValue).expect("a range");
    let next = Bounds::Range(KeyRange { key: column.clone(), range: next });
    let name = observed.managed.sibling(identifier("zz_next"));
    let mut next = catalog::partition(name, next);
    catalog::set_attached(&mut next);
    observed.partitions.push(next);
    if let Some(facts) = &mut observed.copy {
        let digest = table.sync_digest(SyncLevel::Row);
        facts.judge(digest, SyncState::Missing, CopyDifferences::default());
    }
    observed.attachment = Some(Box::new(Attachment {
        of: table.sync_digest(SyncLevel::Row),
        keys: vec![NeededKey {
            name: attached_key_name(&table.managed),
            definition: "btree (id, at)".to_owned(),
            state: KeyState::Valid,
        }],
        bounds: BoundsCheck::Validated,
        checked: Some([range.from(), range.to()].map(|edge| column.key_type.literal(edge))),
        oldest: None,
        newest: None,
        views: Vec::new(),
        stranded: Vec::new(),
        analyzed: false,
        serving_since: None,
        has_other_rows: None,
    }));
    AttachSource {
        table,
        source: SOURCE,
        copy,
        range: KeyRange { key: column, range },
        partitions: Vec::new(),
        views: Vec::new(),
        references: Vec::new(),
    }
}

fn attach_source(base: &mut Mutant) {
    let attach = attach_step(base);
    base.plan.steps = vec![planned(Step::AttachSource(Box::new(attach)))];
}

fn detach_source(base: &mut Mutant) {
    let attach = attach_step(base);
    let (source, copy, table) = (attach.source, attach.copy, attach.table.swapped());
    simulate(&mut base.state.observed, &Step::AttachSource(Box::new(attach)));
    serve_from(base, Side::Source);
    let attachment = Attachment {
        of: String::new(),
        keys: Vec::new(),
        bounds: BoundsCheck::Absent,
        checked: None,
        oldest: None,
        newest: None,
        views: Vec::new(),
        stranded: Vec::new(),
        analyzed: false,
        serving_since: None,
        has_other_rows: Some(false),
    };
    base.state.observed.attachment = Some(Box::new(attachment));
    let detach = DetachSource {
        table,
        source,
        copy,
        partitions: Vec::new(),
        views: Vec::new(),
        references: Vec::new(),
    };
    base.plan.steps = vec![planned(Step::DetachSource(Box::new(detach)))];
}

fn state_bounds(base: &mut Mutant) {
    let AttachSource { table, source, range, .. } = attach_step(base);
    let state = AddBoundsCheck {
        managed: table.managed.clone(),
        partition: table.source,
        oid: Some(source),
        range,
        inherited: None,
    };
    base.plan.steps = vec![planned(Step::AddBoundsCheck(state))];
}

fn check_bounds(base: &mut Mutant) {
    let table = attach_step(base).table;
    let validate = ValidateBoundsCheck { managed: table.managed.clone(), partition: table.source };
    base.plan.steps = vec![planned(Step::ValidateBoundsCheck(validate))];
}

fn drop_bounds(base: &mut Mutant) {
    let table = attach_step(base).table;
    let drop = DropBoundsCheck { managed: table.managed.clone(), table: table.source };
    base.plan.steps = vec![planned(Step::DropBoundsCheck(drop))];
}

fn build_key(base: &mut Mutant) {
    let table = attach_step(base).table;
    let build = BuildIndex {
        partition: table.source,
        index: attached_key_name(&table.managed),
        definition: IndexDefinition::Equivalent {
            unique: true,
            definition: "btree (id, at)".to_owned(),
        },
        stands_for: None,
        settings: IndexSettings::default(),
    };
    base.plan.steps = vec![planned(Step::BuildIndex(build))];
}

fn drop_key(base: &mut Mutant) {
    let table = attach_step(base).table;
    let index = attached_key_name(&table.managed);
    let drop = DropIndex { partition: table.source, index, successor: None };
    base.plan.steps = vec![planned(Step::DropIndex(drop))];
}

fn on_attachment(mutant: &mut Mutant, change: impl FnOnce(&mut Attachment)) {
    if let Some(attachment) = &mut mutant.state.observed.attachment {
        change(attachment);
    }
}

/// The plain table, if it is a partition.
fn attached_partition(mutant: &mut Mutant) -> impl Iterator<Item = &mut ObservedPartition> {
    mutant.state.observed.partitions.iter_mut().filter(|partition| partition.oid == Some(SOURCE))
}

fn set_method(mutant: &mut Mutant, method: ConversionMethod) {
    if let Some(conversion) = &mut mutant.state.desired.conversion {
        conversion.method = method;
    }
}

fn set_after_cutover(mutant: &mut Mutant, source: AfterCutover) {
    let conversion = mutant.state.desired.conversion.as_mut();
    if let Some(ConversionMethod::Copy(options)) = conversion.map(|found| &mut found.method) {
        options.source = source;
    }
}

fn set_serving_since(mutant: &mut Mutant, minutes: i64) {
    let since = mutant.state.observed.server.clock.checked_sub(SignedDuration::from_mins(minutes));
    if let Some(record) = record(mutant) {
        record.serving_since = since.ok();
    }
}

fn install_reverse(base: &mut Mutant) {
    let table = served(base);
    base.plan.steps = vec![planned(install_step(&table))];
}

fn compare_reverse(base: &mut Mutant) {
    let table = served(base);
    let rows = CompareRows {
        table,
        content: true,
        compared: 0,
        repairs_left: 1,
        estimated: None,
        after: None,
    };
    work(base, Work::Compare(rows));
}

fn copy_rows(base: &mut Mutant) {
    let table = synced(base, false);
    let rows = CopyRows { table, copied: 0, estimated: None, max_rows_per_second: None };
    work(base, Work::Copy(rows));
}

fn compare_rows(base: &mut Mutant) {
    let table = synced(base, true);
    let rows = CompareRows {
        table,
        content: true,
        compared: 0,
        repairs_left: 1,
        estimated: None,
        after: None,
    };
    work(base, Work::Compare(rows));
}

/// A sweep that continues.
fn compare_counts(base: &mut Mutant) {
    compare_rows(base);
    let started_at = base.time.now;
    if let Some(record) = record(base) {
        record.sweep = Some(sweep(started_at, false, None));
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
        Step::AttachSource(step) => Some(&mut step.table),
        Step::DetachSource(step) => Some(&mut step.table),
        Step::Route(step) => Some(&mut step.table),
        Step::Unroute(step) => Some(&mut step.table),
        _ => None,
    }
}

fn swap_names(mutant: &mut Mutant) {
    if let Some(table) = tables(mutant) {
        *table = table.swapped();
    }
}

/// Changes of a conversion.
pub(super) const CHANGES: &[fn(&mut Mutant)] = &[
    |m| m.state.observed.copy = None,
    |m| m.state.observed.copy = Some(Box::new(CopyFacts::new(SOURCE, PlainTable::default()))),
    |m| m.state.observed.plain = None,
    |m| m.state.desired.conversion = None,
    |m| m.state.desired.conversion = Some(conversion()),
    |m| set_complete(m, true),
    |m| set_complete(m, false),
    |m| {
        if let Some(facts) = &mut m.state.observed.copy {
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
    |m| {
        if let Some(facts) = &mut m.state.observed.copy {
            facts.routing = Some(taken_view());
        }
    },
    |m| {
        if let Some(Step::Route(step)) = m.first() {
            step.listed.iter_mut().for_each(|routed| routed.role = identifier("x"));
        }
    },
    |m| match m.first() {
        Some(Step::Route(step)) => step.view = other(),
        Some(Step::Unroute(step)) => step.view = other(),
        _ => {}
    },
    |m| match m.first() {
        Some(Step::CreateCopy(step)) => step.source = 1,
        Some(Step::InstallSync(step)) => step.source = 1,
        Some(Step::FollowSource(step)) => {
            step.sync.iter_mut().for_each(|install| install.source = 1);
        }
        Some(Step::DropCopy(step)) => step.oid = 1,
        Some(Step::Swap(step)) => step.source = 1,
        Some(Step::DropSource(step)) => step.oid = 1,
        Some(Step::AttachSource(step)) => step.source = 1,
        Some(Step::DetachSource(step)) => step.source = 1,
        _ => {}
    },
    |m| {
        if let Some(Step::Swap(step)) = m.first() {
            step.copy = 1;
        }
    },
    |m| {
        m.state.observed.copy = None;
        swap_names(m);
    },
    |m| {
        let Some(Step::Swap(swap)) = m.first() else { return };
        let of = swap.table.sync_digest(swap.level);
        let name = identifier("note");
        let column = ColumnDifference { name, change: ColumnChange::Dropped, obstacle: None };
        let differences = CopyDifferences { columns: vec![column], ..CopyDifferences::default() };
        if let Some(facts) = &mut m.state.observed.copy {
            facts.judge(of, SyncState::Intact, differences);
        }
    },
    |m| on_attachment(m, |found| found.bounds = BoundsCheck::Absent),
    |m| on_attachment(m, |found| found.checked = None),
    |m| on_attachment(m, |found| found.has_other_rows = Some(true)),
    |m| on_attachment(m, |found| found.stranded = vec!["view shop.v".to_owned()]),
    |m| on_attachment(m, |found| found.keys.iter_mut().for_each(|k| k.state = KeyState::Missing)),
    |m| match m.first() {
        Some(Step::DropBoundsCheck(step)) => step.table = other(),
        Some(Step::DropIndex(step)) => step.index = identifier("theirs"),
        Some(Step::AddBoundsCheck(step)) => step.oid = Some(1),
        _ => {}
    },
    |m| {
        let Some(Step::AttachSource(step)) = m.first() else { return };
        let range = RangeBounds::new(Edge::MinValue, Edge::MaxValue).expect("a range");
        let literal = |edge| step.range.key.key_type.literal(edge);
        let checked = [range.from(), range.to()].map(literal);
        step.range.range = range;
        on_attachment(m, |found| found.checked = Some(checked));
    },
    |m| attached_partition(m).for_each(catalog::set_detached),
    |m| m.state.observed.partitions.retain(|partition| partition.oid != Some(SOURCE)),
    |m| serve_from(m, Side::Source),
    |m| serve_from(m, Side::Partitioned),
    |m| set_after_cutover(m, AfterCutover::Keep),
    |m| set_serving_since(m, 0),
    |m| {
        if let Some(facts) = &mut m.state.observed.copy {
            facts.serving = facts.serving.other();
        }
        swap_names(m);
    },
    |m| {
        if let Some(facts) = &mut m.state.observed.copy {
            facts.older = vec![BlockingTransaction::Session { pid: 1, who: String::new() }];
        }
    },
    |m| {
        if let Some(record) = record(m) {
            record.parity = None;
        }
    },
    |m| {
        if let Some(facts) = &mut m.state.observed.copy {
            facts.analyzed = false;
        }
    },
    |m| {
        if let Some(facts) = &mut m.state.observed.copy {
            facts.plain.bound.push("view v".to_owned());
        }
    },
    |m| {
        if let Some(facts) = &mut m.state.observed.copy {
            let name = identifier("fk");
            let key = InboundForeignKey { table: other(), name, other_owner: false };
            facts.plain.referenced_by.push(key);
        }
    },
    |m| {
        if let Some(facts) = &mut m.state.observed.copy {
            facts.plain.label_providers.push(identifier("masks"));
        }
    },
];
