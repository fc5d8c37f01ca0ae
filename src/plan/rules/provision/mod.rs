//! Every period has its partition.

mod drain;
mod hash;

use super::{Blocker, Cause, Context, Draft, Note, Step};
use crate::desired::DefaultPartition;
use crate::observed::{DefaultFacts, ObservedPartition};
use crate::partition::{
    Bounds, Identifier, KeyRange, QualifiedName, RangeBounds, default_check, detached_check,
    range_name,
};
use crate::plan::calendar::Newest;
use crate::plan::conversion::Phase;
use crate::plan::limits::MAX_RELATIONS;
use crate::plan::preconditions::{Method, Range};
use crate::plan::step::{AddDefaultCheck, DropDefaultCheck, ValidateDefaultCheck};
use crate::plan::{DefaultBlocker, Gaps, MissingPartition};

/// Makes and attaches the partitions that are missing.
pub(super) fn provision(context: &Context<'_>, draft: &mut Draft) {
    match &context.method {
        Method::Range(range) => provision_periods(context, range, draft),
        Method::Hash(hash) => hash::provision(context, hash, draft),
    }
    note_unmanaged(context, draft);
}

fn provision_periods(context: &Context<'_>, range: &Range<'_>, draft: &mut Draft) {
    let mut gaps = Gaps::new(&range.calendar, &draft.state);
    if let Phase::Attaching(attaching) = &context.phase {
        let from = attaching.provides_from(&range.calendar);
        gaps.missing.retain(|missing| from.is_some_and(|from| missing.range.from() >= from));
        gaps.too_wide.clear();
    }
    for gap in gaps.too_wide {
        draft.defer(None, Blocker::TooManyPeriods { range: range.of(gap) });
    }
    let default = draft.state.default_partition();
    let default = default.map(|(default, facts)| (default.name.clone(), facts.clone()));
    let newest = range.calendar.newest(&context.desired.indexes);
    let mut drain_millis = 0;
    let missing = gaps.missing.into_iter().map(|missing| {
        let name = range_name(&draft.state.managed, &range.calendar.grid, missing.range);
        let method = match draft.unattached_table(&Bounds::Range(range.of(missing.range)), &name) {
            Some(blocker) => AttachMethod::Blocked(blocker),
            None => attach_method(&missing, context, range, draft, &mut drain_millis),
        };
        (missing, method)
    });
    let methods: Vec<_> = missing.collect();
    if let Some(default) = &default {
        drop_unneeded_checks(default, &methods, draft);
    }
    let (mut created, max) = (0, max_partitions(context, draft));
    for (missing, method) in methods {
        if !matches!(method, AttachMethod::Blocked(_)) {
            created += 1;
            if created > max {
                continue;
            }
        }
        let name = range_name(&draft.state.managed, &range.calendar.grid, missing.range);
        let wanted =
            DesiredPartition { missing, range: range.of(missing.range), name, newest: &newest };
        provide(context, &wanted, method, default.as_ref(), draft);
    }
    if created > max {
        draft.note(Note::MorePeriods { planned: max, missing: created });
    }
}

/// Creates and attaches a partition, or defers it.
fn provide(
    context: &Context<'_>,
    wanted: &DesiredPartition<'_>,
    method: AttachMethod,
    default: Option<&(QualifiedName, DefaultFacts)>,
    draft: &mut Draft,
) {
    match (method, default) {
        (AttachMethod::Blocked(blocker), _) => {
            let partition = draft.state.managed.sibling(wanted.name.clone());
            let attach = draft.attach(context, partition, wanted.bounds(), None);
            draft.defer(Some(attach), blocker);
        }
        (AttachMethod::WithDrain(rows), Some(default)) => {
            drain::create_with_drain(context, wanted, default, rows, draft);
        }
        (AttachMethod::WithDefaultCheck, Some(default)) => {
            create_and_attach(context, wanted, Some(default), draft);
        }
        // Without a default partition nothing is drained, and no check is added.
        (AttachMethod::Direct | AttachMethod::WithDrain(_) | AttachMethod::WithDefaultCheck, _) => {
            create_and_attach(context, wanted, None, draft);
        }
    }
}

/// Returns the maximum number of partitions that one plan creates, with as many indexes as each gets.
fn max_partitions(context: &Context<'_>, draft: &Draft) -> usize {
    MAX_RELATIONS / (1 + draft.state.indexes.len() + context.desired.indexes.len())
}

/// A partition that is missing, and how it is created.
pub(super) struct DesiredPartition<'a> {
    pub(super) missing: MissingPartition,
    /// Range of the partition.
    range: KeyRange,
    /// The name that it gets if no other relation has it.
    name: Identifier,
    newest: &'a Newest,
}

impl DesiredPartition<'_> {
    pub(super) fn bounds(&self) -> Bounds {
        Bounds::Range(self.range.clone())
    }

    /// Adds the step that creates the table, and returns its name.
    pub(super) fn create(&self, context: &Context<'_>, draft: &mut Draft) -> QualifiedName {
        let on_newest = |periods| self.newest.contains(self.range.range, periods);
        draft.create_partition(context, self.bounds(), &self.name, on_newest, self.missing.cause)
    }
}

/// Method of an attach.
enum AttachMethod {
    /// As it is: there is no default partition, or an empty one.
    Direct,
    /// With a default-partition check for its range, so that nothing is scanned under an exclusive lock.
    WithDefaultCheck,
    /// Together with its rows, which are in the default partition: this many.
    WithDrain(u64),
    /// Not yet.
    Blocked(Blocker),
}

fn attach_method(
    missing: &MissingPartition,
    context: &Context<'_>,
    proved: &Range<'_>,
    draft: &Draft,
    drain_millis: &mut u64,
) -> AttachMethod {
    let range = missing.range;
    if missing.cause == Cause::RetentionExtended
        && let Some(blocker) = cannot_reattach(&Bounds::Range(proved.of(range)), draft)
    {
        return AttachMethod::Blocked(blocker);
    }
    let default = draft.state.default_partition().filter(|(default, _)| default.bytes > 0);
    let Some((default, facts)) = default else { return AttachMethod::Direct };
    let Some(rows) = rows_in_default(range, draft) else {
        let default = default.name.clone();
        return AttachMethod::Blocked(Blocker::Default(DefaultBlocker::DefaultRowsUnknown {
            default,
        }));
    };
    beside_default((default, facts), rows, range, context, proved, draft, drain_millis)
}

/// Returns how many rows of the default partition lie in a range, or `None` if they were not counted.
fn rows_in_default(range: RangeBounds, draft: &Draft) -> Option<u64> {
    if draft.state.default_rows_from.is_some_and(|from| range.from() < from) {
        return None;
    }
    let bins = draft.state.default_rows.as_ref()?;
    let overlapping = bins.iter().filter(|bin| bin.range.overlaps(&range));
    Some(overlapping.map(|bin| bin.rows).fold(0, u64::saturating_add))
}

/// Returns how a partition can be attached beside a default partition that is not empty, and holds this many rows of its
/// range.
fn beside_default(
    (default, facts): (&ObservedPartition, &DefaultFacts),
    rows: u64,
    range: RangeBounds,
    context: &Context<'_>,
    proved: &Range<'_>,
    draft: &Draft,
    drain_millis: &mut u64,
) -> AttachMethod {
    let of_default = |blocker| AttachMethod::Blocked(Blocker::Default(blocker));
    let name = default.name.clone();
    let is_drained = proved.spec.default_partition == DefaultPartition::Present;
    if rows > 0 && !is_drained {
        let range = proved.of(range);
        return of_default(DefaultBlocker::DefaultHoldsRows { default: name, range, rows });
    }
    if !default.owned {
        return AttachMethod::Blocked(Blocker::not_owner_of(default));
    }
    // The check would make inserts fail that the default partition takes now. If an earlier run added it, they
    // fail already, and the attach ends that.
    let has_check = facts.checks.iter().any(|e| e.name == default_check(range));
    let is_in_use = !has_check && proved.calendar.is_written_soon(range, draft.state.server.clock);
    if !is_drained {
        let blocker = is_in_use.then_some(DefaultBlocker::DefaultInUse { default: name });
        return blocker.map_or(AttachMethod::WithDefaultCheck, of_default);
    }
    let blocker = drain::blocker((default, facts), proved.of(range), rows, context, draft);
    if rows > 0 || is_in_use {
        return blocker.map_or(AttachMethod::WithDrain(rows), of_default);
    }
    // Rows of this range can come at any time. So a check is added only if there is no other way, or the drains
    // together would take too long.
    *drain_millis = drain_millis.saturating_add(drain::millis((default, facts), 0, None));
    if blocker.is_some() || drain::is_too_long(*drain_millis, context.desired.limits.lock_timeout) {
        return AttachMethod::WithDefaultCheck;
    }
    AttachMethod::WithDrain(0)
}

/// Returns the blocker of the reattach of a table that was detached from there; `None` if there is no such table.
fn cannot_reattach(bounds: &Bounds, draft: &Draft) -> Option<Blocker> {
    if draft.unattached_for(bounds).is_some() {
        return None;
    }
    let detached = draft
        .state
        .partitions
        .iter()
        .find(|p| p.state.is_detached_by_operator() && p.bounds == *bounds)?;
    Some(if detached.owned {
        Blocker::CannotReattach { partition: detached.name.clone() }
    } else {
        Blocker::not_owner_of(detached)
    })
}

fn create_and_attach(
    context: &Context<'_>,
    wanted: &DesiredPartition<'_>,
    beside: Option<&(QualifiedName, DefaultFacts)>,
    draft: &mut Draft,
) {
    let partition = wanted.create(context, draft);
    let default_check = beside.map(|default| add_default_check(default, wanted, draft));
    let attach = draft.attach(context, partition, wanted.bounds(), default_check);
    draft.step(attach, wanted.missing.cause);
}

/// The steps after which the default partition is known to hold nothing of a range. Returns the name of the check
/// that says so.
fn add_default_check(
    (default, facts): &(QualifiedName, DefaultFacts),
    wanted: &DesiredPartition<'_>,
    draft: &mut Draft,
) -> Identifier {
    let (cause, default_check) = (wanted.missing.cause, default_check(wanted.range.range));
    let there = facts.checks.iter().find(|e| e.name == default_check);
    if there.is_none() {
        let step = Step::AddDefaultCheck(AddDefaultCheck {
            default: default.clone(),
            default_check: default_check.clone(),
            range: wanted.range.clone(),
        });
        draft.step(step, cause);
    }
    if !there.is_some_and(|default_check| default_check.validated) {
        let (default, default_check) = (default.clone(), default_check.clone());
        let step = Step::ValidateDefaultCheck(ValidateDefaultCheck { default, default_check });
        draft.step(step, cause);
    }
    default_check
}

fn drop_unneeded_checks(
    (default, facts): &(QualifiedName, DefaultFacts),
    methods: &[(MissingPartition, AttachMethod)],
    draft: &mut Draft,
) {
    let needed: Vec<_> = methods
        .iter()
        .filter(|(_, method)| matches!(method, AttachMethod::WithDefaultCheck))
        .map(|(missing, _)| default_check(missing.range))
        .collect();
    for default_check in facts.checks.iter().filter(|e| !needed.contains(&e.name)) {
        let step = Step::DropDefaultCheck(DropDefaultCheck {
            default: default.clone(),
            default_check: default_check.name.clone(),
        });
        draft.step(step, Cause::Leftover);
    }
}

fn note_unmanaged(context: &Context<'_>, draft: &mut Draft) {
    let partitions: Vec<_> = draft
        .state
        .partitions
        .iter()
        .filter(|p| !p.state.is_managed() && p.state.is_attached())
        .map(|p| p.name.clone())
        .collect();
    if !partitions.is_empty() {
        let expire = context.range().is_some_and(|range| range.spec.retention.is_some());
        draft.note(Note::Unmanaged { partitions, expire });
    }
    let restored = draft.state.partitions.iter().filter(|p| p.state.is_restored());
    let tables: Vec<_> = restored.map(|p| p.name.clone()).collect();
    if !tables.is_empty() {
        draft.note(Note::Restored { tables });
    }
    if !draft.state.unmarked.is_empty() {
        let tables = draft.state.unmarked.clone();
        let constraint = detached_check(&draft.state.managed);
        draft.note(Note::Unmarked { tables, constraint });
    }
}
