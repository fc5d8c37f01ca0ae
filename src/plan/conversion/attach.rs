//! Conversion by `Attach`: preparation of the plain table, cutover, and rollback.

use jiff::ToSpan as _;

use super::loss::{LossAt, unacknowledged};
use super::{Attached, Attaching, Phase};
use crate::desired::Loss;
use crate::observed::{
    Attachment, BoundsCheck, CopyDifferences, IndexSettings, KeyState, NeededKey, OldestRow,
};
use crate::partition::{
    CopiedTable, Edge, Identifier, KeyRange, QualifiedName, RangeBounds, Side, SyncLevel,
    attached_key_name, own_key_name,
};
use crate::plan::draft::Draft;
use crate::plan::preconditions::{Context, Range};
use crate::plan::step::{
    AddBoundsCheck, AnalyzeCopy, AttachSource, BuildIndex, DetachSource, DropBoundsCheck,
    DropIndex, Family, IndexDefinition, ValidateBoundsCheck,
};
use crate::plan::{Blocker, Calendar, Cause, ConversionBlocker, Step};

/// Minimum time after the plan that the bounds of the plain table cover, in hours. While the check is validated, the plain
/// table rejects rows outside of its bounds.
const HOURS_AHEAD: i64 = 24;

/// Plans the attach or the detach of the plain table according to `serveFrom`, and reports its blockers.
pub(in crate::plan) fn attach(context: &Context<'_>, draft: &mut Draft) {
    match &context.phase {
        Phase::Attaching(attaching) => {
            let Some(attachment) = attaching.attachment else { return };
            match attaching.serve_from {
                Side::Source => take_all_rows(attaching, attachment, draft),
                Side::Partitioned => cut_over(context, attaching, attachment, draft),
            }
            build_keys(attaching, attachment, draft);
        }
        Phase::Attached(attached) => match attached.serve_from {
            Side::Source => roll_back(context, attached, draft),
            Side::Partitioned => analyze(attached, draft),
        },
        Phase::Partitioned
        | Phase::Begin { .. }
        | Phase::Copied(_)
        | Phase::Served { .. }
        | Phase::Ended(_) => {}
    }
}

impl Attaching<'_> {
    /// Returns the lower bound of the first new partition of the copy, or `None` if none is created yet.
    pub(in crate::plan) fn provides_from(&self, calendar: &Calendar) -> Option<Edge> {
        let is_wanted = self.serve_from == Side::Partitioned;
        self.range(calendar).ok().filter(|_| is_wanted).map(|range| range.to())
    }

    /// Returns the bounds of the plain table as a partition: from the period of its oldest row to the period of its newest
    /// row or of tomorrow, whichever is later.
    ///
    /// # Errors
    /// Returns the error of the search for one of the rows, or `None` if the search timed out.
    fn range(&self, calendar: &Calendar) -> Result<RangeBounds, Option<String>> {
        let grid = &calendar.grid;
        let rows = self.attachment.and_then(|attachment| attachment.extent(grid.axis.key));
        let [oldest, newest] = rows.ok_or(None)?;
        known(&oldest).and(known(&newest))?;
        let range = || {
            let tomorrow =
                grid.axis.instant(calendar.now)?.checked_add(HOURS_AHEAD.hours()).ok()?;
            let tomorrow = grid.axis.at(tomorrow);
            let first = oldest.position().map_or(calendar.now, |oldest| oldest.min(calendar.now));
            let last = newest.position().map_or(tomorrow, |newest| newest.max(tomorrow));
            RangeBounds::new(grid.period(first)?.from(), grid.period(last)?.to())
        };
        range().ok_or_else(|| Some("the row is outside of the supported calendar".to_owned()))
    }
}

/// Checks that the search for a row has a result, which can be that there is no row.
///
/// # Errors
/// Returns the error of Postgres, or `None` if the search timed out.
fn known(row: &OldestRow) -> Result<(), Option<String>> {
    match row {
        OldestRow::At(_) | OldestRow::Absent => Ok(()),
        OldestRow::Failed { error } => Err(Some(error.clone())),
        OldestRow::TooSlow => Err(None),
    }
}

/// Plans the builds of the unique indexes that the plain table needs, one after the other.
fn build_keys(attaching: &Attaching<'_>, attachment: &Attachment, draft: &mut Draft) {
    // The copy must follow changes of the table first, which can change its key.
    let follows = draft.steps.iter().any(|planned| matches!(planned.step, Step::FollowSource(_)));
    if follows {
        return;
    }
    for key in &attachment.keys {
        match key.state {
            KeyState::Valid | KeyState::Building => continue,
            KeyState::Unusable => drop_key(attaching, key, draft),
            KeyState::Missing => {}
        }
        let definition =
            IndexDefinition::Equivalent { unique: true, definition: key.definition.clone() };
        let build = BuildIndex {
            partition: attaching.table.source.clone(),
            index: key.name.clone(),
            definition,
            stands_for: None,
            settings: IndexSettings::default(),
        };
        draft.step(Step::BuildIndex(build), Cause::AttachNeedsKey);
    }
}

fn drop_key(attaching: &Attaching<'_>, key: &NeededKey, draft: &mut Draft) {
    let partition = attaching.table.source.clone();
    let drop = DropIndex { partition, index: key.name.clone(), successor: None };
    draft.step(Step::DropIndex(drop), Cause::Leftover);
}

/// Drops the bounds check that an interrupted run left.
fn take_all_rows(attaching: &Attaching<'_>, attachment: &Attachment, draft: &mut Draft) {
    if attachment.bounds != BoundsCheck::Absent {
        draft.step(drop_bounds(&attaching.table), Cause::Leftover);
    }
}

fn drop_bounds(table: &CopiedTable) -> Step {
    let (managed, table) = (table.managed.clone(), table.source.clone());
    Step::DropBoundsCheck(DropBoundsCheck { managed, table })
}

fn cut_over(
    context: &Context<'_>,
    attaching: &Attaching<'_>,
    attachment: &Attachment,
    draft: &mut Draft,
) {
    let Some(range) = context.range() else { return };
    let is_ready = is_ready(attaching, attachment, draft);
    let blockers = before_cutover(attaching, range, draft);
    let bounds = attaching.range(&range.calendar).ok();
    let Some(bounds) = bounds.filter(|_| is_ready && blockers.is_empty()) else {
        for blocker in blockers {
            draft.defer(None, blocker);
        }
        return take_all_rows(attaching, attachment, draft);
    };
    let bounds = range.of(bounds);
    let (managed, partition) = (attaching.table.managed.clone(), attaching.table.source.clone());
    let step = attach_step(context, attaching, bounds.clone(), draft);
    let add = AddBoundsCheck {
        managed: managed.clone(),
        partition: partition.clone(),
        oid: Some(attaching.facts.source),
        range: bounds,
        inherited: None,
    };
    // An interrupted run can have left a check with older bounds.
    let found = attachment.bounds_of(&add.range);
    if found == BoundsCheck::Absent {
        draft.step(Step::AddBoundsCheck(add), Cause::CutoverWanted);
    }
    if found != BoundsCheck::Validated {
        let validate = ValidateBoundsCheck { managed, partition };
        draft.step(Step::ValidateBoundsCheck(validate), Cause::CutoverWanted);
    }
    draft.step(step, Cause::CutoverWanted);
}

/// Returns whether everything that the cutover needs exists. Partitions can be created in the same run.
fn is_ready(attaching: &Attaching<'_>, attachment: &Attachment, draft: &Draft) -> bool {
    let is_of_partitions = |family| matches!(family, Family::Partition | Family::Default);
    attachment.has_keys()
        && attaching.facts.differences().is_some_and(CopyDifferences::is_none)
        && draft.state.indexes.iter().all(|index| index.valid)
        && draft.state.default_partition().is_some()
        && draft.steps.iter().all(|planned| is_of_partitions(planned.step.facts().family))
}

fn before_cutover(attaching: &Attaching<'_>, range: &Range<'_>, draft: &Draft) -> Vec<Blocker> {
    let lost = unacknowledged(&attaching.losses, LossAt::Cutover);
    let refused = attaching.refused.iter().cloned().chain(lost);
    let refused = refused.map(|refusal| Blocker::Preflight { refusal });
    let of_extent = match attaching.range(&range.calendar) {
        Ok(bounds) => overlapping_partition(bounds, draft),
        Err(error) => {
            let (table, column) = (attaching.table.source.clone(), range.key.column.clone());
            Some(ConversionBlocker::ExtentUnknown { table, column, error }.into())
        }
    };
    refused.chain(of_extent).collect()
}

/// Returns a blocker if a partition overlaps the bounds: they can have grown since it was created.
fn overlapping_partition(bounds: RangeBounds, draft: &Draft) -> Option<Blocker> {
    let overlaps = |range: RangeBounds| range.overlaps(&bounds);
    let partition = draft.state.attached().find(|p| p.bounds.as_range().is_some_and(overlaps))?;
    let partition = partition.name.clone();
    Some(ConversionBlocker::PartitionOverlaps { partition }.into())
}

fn attach_step(
    context: &Context<'_>,
    attaching: &Attaching<'_>,
    range: KeyRange,
    draft: &Draft,
) -> Step {
    let (table, facts) = (attaching.table.clone(), attaching.facts);
    let stays = |view: &QualifiedName| {
        attaching.losses.iter().any(|found| found.loss == Loss::View(view.clone()))
    };
    let views = facts.plain.views.iter().map(|view| view.name.clone());
    let references = context.references().into_iter().filter(|name| *name != table.source);
    Step::AttachSource(Box::new(AttachSource {
        source: facts.source,
        copy: context.relation.oid,
        range,
        partitions: draft.state.attached().map(|partition| partition.name.clone()).collect(),
        views: views.filter(|view| !stays(view)).collect(),
        references: references.collect(),
        table,
    }))
}

/// Gathers statistics on the partitioned table, which autovacuum never analyzes.
/// <https://www.postgresql.org/docs/current/routine-vacuuming.html#VACUUM-FOR-STATISTICS>
fn analyze(attached: &Attached, draft: &mut Draft) {
    if attachment_of(attached, draft).is_some_and(|found| !found.analyzed) {
        let copy = attached.table.copy.clone();
        draft.step(Step::AnalyzeCopy(AnalyzeCopy { copy }), Cause::NeverAnalyzed);
    }
}

fn attachment_of(attached: &Attached, draft: &Draft) -> Option<Box<Attachment>> {
    let digest = attached.table.sync_digest(SyncLevel::Row);
    draft.state.attachment.clone().filter(|found| found.of == digest)
}

/// Plans the rollback if all rows are in the plain table.
fn roll_back(context: &Context<'_>, attached: &Attached, draft: &mut Draft) {
    let attachment = attachment_of(attached, draft);
    let source = draft.state.attached_source().and_then(|partition| partition.oid);
    let (Some(attachment), Some(source)) = (attachment, source) else { return };
    let others = draft.state.attached().map(|partition| &partition.name);
    let others = others.filter(|name| **name != attached.table.source);
    let step = Step::DetachSource(Box::new(DetachSource {
        table: attached.table.clone(),
        source,
        copy: context.relation.oid,
        partitions: others.cloned().collect(),
        views: attachment.views.clone(),
        references: context.references(),
    }));
    let cause = attachment.prevents_detach();
    if cause.is_empty() {
        return draft.step(step, Cause::RollbackWanted);
    }
    let source = attached.table.source.clone();
    draft.defer(Some(step), ConversionBlocker::RollbackImpossible { source, cause }.into());
}

/// Drops the indexes and the check on the plain table if the conversion ends before the cutover.
pub(super) fn leave_source(table: &CopiedTable, draft: &mut Draft) {
    let Some(attachment) = draft.state.attachment.clone() else { return };
    let names: [Identifier; 2] = [attached_key_name(&table.managed), own_key_name(&table.managed)];
    let there = |key: &&NeededKey| {
        names.contains(&key.name) && !matches!(key.state, KeyState::Missing | KeyState::Building)
    };
    for key in attachment.keys.iter().filter(there) {
        let (partition, index) = (table.source.clone(), key.name.clone());
        let drop = DropIndex { partition, index, successor: None };
        draft.step(Step::DropIndex(drop), Cause::ConversionRemoved);
    }
    if attachment.bounds != BoundsCheck::Absent {
        draft.step(drop_bounds(table), Cause::ConversionRemoved);
    }
}
