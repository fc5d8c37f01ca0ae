//! Completion of a copy: sync triggers, rows, and statistics.

use super::{Copied, Phase};
use crate::observed::{ObservedTable, SyncState};
use crate::partition::{CopiedTable, Side};
use crate::plan::draft::Draft;
use crate::plan::preconditions::{Context, Method};
use crate::plan::step::{AnalyzeCopy, InstallSync};
use crate::plan::work::{CopyRows, Work};
use crate::plan::{Cause, Step};

/// Installs the sync triggers as soon as the copy accepts every row, and again if they were altered.
pub(in crate::plan) fn install_sync(context: &Context<'_>, draft: &mut Draft) {
    let Phase::Copied(copied) = &context.phase else { return };
    let follows = draft.steps.iter().any(|planned| matches!(planned.step, Step::FollowSource(_)));
    // After the cutover, the passive table is the source, which accepts every row.
    let serves_source = copied.facts.serving == Side::Source;
    if follows || serves_source && !accepts_every_row(context, &draft.state) {
        return;
    }
    let cause = match sync(copied) {
        SyncState::Intact => return,
        SyncState::Missing => Cause::SyncMissing,
        SyncState::Outdated => Cause::SyncOutdated,
        SyncState::Altered(_) => Cause::SyncAltered,
    };
    let keeps_parity = cause == Cause::SyncOutdated && changes_only_level(copied);
    let install = InstallSync { keeps_parity, ..installation_of(copied, copied.table.clone()) };
    draft.step(Step::InstallSync(Box::new(install)), cause);
}

/// Returns the step that installs the triggers of the spec.
pub(super) fn installation_of(copied: &Copied<'_>, table: CopiedTable) -> InstallSync {
    InstallSync {
        table,
        source: copied.facts.source,
        level: copied.options.sync,
        present: copied.facts.sync_triggers(),
        keeps_parity: false,
    }
}

/// Returns whether the installed triggers differ from the spec only in their level.
fn changes_only_level(copied: &Copied<'_>) -> bool {
    let wanted = copied.table.sync_level(copied.options.sync);
    let recorded = copied.facts.recorded_sync();
    recorded.is_some_and(|sync| sync.level != wanted && sync.columns == copied.table.columns)
}

pub(super) fn sync(copied: &Copied<'_>) -> SyncState {
    copied.facts.sync(&copied.table, copied.options.sync)
}

/// Returns whether the copy accepts every row: a range needs a default partition, a hash every remainder.
fn accepts_every_row(context: &Context<'_>, state: &ObservedTable) -> bool {
    match &context.method {
        Method::Range(_) => state.default_partition().is_some(),
        Method::Hash(hash) => {
            let attached = state.attached().count();
            usize::try_from(hash.partitions).is_ok_and(|partitions| attached >= partitions)
        }
    }
}

/// Copies the rows that existed before the triggers.
pub(in crate::plan) fn copy_rows(context: &Context<'_>, draft: &mut Draft) {
    let Phase::Copied(copied) = &context.phase else { return };
    if sync(copied) != SyncState::Intact || copied.facts.is_complete() {
        return;
    }
    let limit = copied.options.backfill.max_rows_per_second;
    let work = Work::Copy(CopyRows {
        table: copied.table.clone(),
        copied: copied.facts.copied(),
        estimated: copied.facts.plain.estimated_rows,
        max_rows_per_second: limit.map(std::num::NonZeroU32::get),
    });
    draft.work(work, Cause::RowsMissing);
}

/// Gathers statistics on a complete copy. Autovacuum never analyzes a partitioned table.
/// <https://www.postgresql.org/docs/current/routine-vacuuming.html#VACUUM-FOR-STATISTICS>
pub(in crate::plan) fn analyze(context: &Context<'_>, draft: &mut Draft) {
    let Phase::Copied(copied) = &context.phase else { return };
    // Index expressions have statistics too.
    let differences = copied.facts.differences().filter(|_| copied.facts.serving == Side::Source);
    let lacks_index = differences.is_some_and(|differences| !differences.indexes.is_empty());
    if copied.facts.is_complete() && !copied.facts.analyzed && !lacks_index {
        let copy = copied.table.copy.clone();
        draft.step(Step::AnalyzeCopy(AnalyzeCopy { copy }), Cause::NeverAnalyzed);
    }
}
