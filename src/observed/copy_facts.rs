//! What belongs to the partitioned copy of a plain table, before the cutover and after it.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    BlockingTransaction, ConversionRecord, ConversionState, CopyDifferences, CopyProperty,
    InstalledFunction, ObservedTable, PlainTable, PropertyDifference, RecordedSync, RoutingFacts,
    Sweep, SyncState,
};
use crate::partition::{CopiedTable, Identifier, QualifiedName, Side, SyncLevel};

/// What the database says of a copy besides what it says of every partitioned table: its source, and its conversion.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CopyFacts {
    /// The table that has the name applications use.
    #[serde(default = "source", skip_serializing_if = "is_source")]
    pub serving: Side,
    /// Object identifier of the plain table.
    pub source: u32,
    /// The plain table.
    pub plain: PlainTable,
    /// Columns of each unique index of the copy that enforces all rows at once.
    #[serde(default)]
    pub keys: Vec<Vec<Identifier>>,
    /// Whether the copy was analyzed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub analyzed: bool,
    /// Views that read the copy, and belong to its owner.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub views: Vec<QualifiedName>,
    /// Sessions and replicas that still see rows as they were before the operator changed some.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub older: Vec<BlockingTransaction>,
    /// Whether the view is there that routed roles read in place of the table.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub routed: bool,
    /// The record of the conversion, and its triggers and functions.
    pub state: ConversionState,
    /// The answer to [`Question::Sync`](super::Question::Sync).
    #[serde(skip)]
    pub(super) judged: Option<Judged>,
    /// The answer to [`Question::Routing`](super::Question::Routing).
    #[serde(skip)]
    pub routing: Option<Box<RoutingFacts>>,
}

/// How a copy and its triggers compare with what the spec asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Judged {
    /// Digest of the table and the level that were asked about.
    pub(super) of: String,
    /// How the triggers and functions compare with what an installation would create.
    pub(super) state: SyncState,
    /// How the copy differs from its source.
    pub(super) differences: CopyDifferences,
}

fn source() -> Side {
    Side::Source
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_source(serving: &Side) -> bool {
    *serving == Side::Source
}

impl CopyFacts {
    /// Returns the facts of a copy that was created just now.
    #[must_use]
    pub fn new(source: u32, plain: PlainTable) -> Self {
        Self {
            serving: Side::Source,
            source,
            plain,
            keys: Vec::new(),
            analyzed: false,
            views: Vec::new(),
            older: Vec::new(),
            routed: false,
            state: ConversionState::default(),
            judged: None,
            routing: None,
        }
    }

    /// Makes known how the triggers and functions compare with what an installation would create for the table and level of
    /// this digest, and how the copy differs from its source.
    pub fn judge(&mut self, of: String, state: SyncState, differences: CopyDifferences) {
        self.judged = Some(Judged { of, state, differences });
    }

    /// Returns whether the triggers and functions are those that an installation would create for this table and level.
    /// That nobody has asked is taken for a difference.
    #[must_use]
    pub fn sync(&self, table: &CopiedTable, level: SyncLevel) -> SyncState {
        match &self.judged {
            Some(judged) if judged.of == table.sync_digest(level) => judged.state.clone(),
            Some(_) | None => SyncState::Outdated,
        }
    }

    /// Returns whether the triggers and functions are those that the spec asks for, or `None` if Postgres was not asked.
    #[must_use]
    pub fn sync_state(&self) -> Option<&SyncState> {
        self.judged.as_ref().map(|judged| &judged.state)
    }

    /// Returns whether the triggers were installed before, so that they are missed if they are gone.
    #[must_use]
    pub fn was_synced(&self) -> bool {
        let is_recorded = self.record().is_some_and(|record| record.sync.is_some());
        is_recorded || !self.sync_triggers().is_empty()
    }

    /// Returns whether the operator can read the record of the conversion.
    #[must_use]
    pub fn is_recorded(&self) -> bool {
        self.record().is_some()
    }

    /// Returns how the copy differs from its source, or `None` if there was no question.
    #[must_use]
    pub fn differences(&self) -> Option<&CopyDifferences> {
        self.judged.as_ref().map(|judged| &judged.differences)
    }

    /// Returns whether a row of the passive table can lack what the row of the other one has: the columns differ, or a column
    /// allows NULL now.
    #[must_use]
    pub fn can_differ(&self) -> bool {
        self.differences().is_some_and(|differences| {
            let is_not_null =
                |property: &PropertyDifference| property.property == CopyProperty::NotNull;
            !differences.columns.is_empty() || differences.properties.iter().any(is_not_null)
        })
    }

    pub(crate) fn differences_mut(&mut self) -> Option<&mut CopyDifferences> {
        self.judged.as_mut().map(|judged| &mut judged.differences)
    }

    /// Returns the names of the sync triggers of the table that applications use.
    #[must_use]
    pub fn sync_triggers(&self) -> BTreeSet<Identifier> {
        let writing = self.state.triggers.iter().filter(|trigger| !trigger.is_guard());
        writing.map(|trigger| trigger.name.clone()).collect()
    }

    /// Returns what the triggers and functions were when they were last installed, or `None` if that is not recorded.
    #[must_use]
    pub fn recorded_sync(&self) -> Option<&RecordedSync> {
        self.record()?.sync.as_ref()
    }

    /// Returns the columns for which the triggers were installed.
    #[must_use]
    pub fn synced_columns(&self) -> Vec<Identifier> {
        self.recorded_sync().map(|sync| sync.columns.clone()).unwrap_or_default()
    }

    /// Returns whether a trigger or a function is there that the end of the sync drops.
    #[must_use]
    pub fn has_sync(&self) -> bool {
        let of_conversion = |function: &InstalledFunction| !function.used_elsewhere;
        !self.state.triggers.is_empty() || self.state.functions.iter().any(of_conversion)
    }

    /// Returns the time at which the last row was copied, or `None` if the copy is not complete.
    #[must_use]
    pub fn completed_at(&self) -> Option<Timestamp> {
        self.record()?.backfilled_at
    }

    /// Returns whether all rows that were there before the triggers are copied. A copy that applications use is complete,
    /// even if its record was lost.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.completed_at().is_some() || self.serving == Side::Partitioned
    }

    /// Returns the time of the last cutover or rollback, or `None` if there was none.
    #[must_use]
    pub fn serving_since(&self) -> Option<Timestamp> {
        self.record()?.serving_since
    }

    /// Returns the last transaction of the operator that changed rows of one of the tables, or `None` if none did.
    #[must_use]
    pub fn changed(&self) -> Option<u64> {
        self.record()?.changed
    }

    /// Returns how many rows were copied.
    #[must_use]
    pub fn copied(&self) -> u64 {
        self.record().map_or(0, |record| record.copied)
    }

    /// Returns how many rows all sweeps together have repaired.
    #[must_use]
    pub fn repaired(&self) -> u64 {
        self.record().map_or(0, |record| record.repaired)
    }

    /// Returns the sweep that goes on, or `None` if none does.
    #[must_use]
    pub fn sweep(&self) -> Option<&Sweep> {
        self.record().filter(|record| !record.partitions_changed)?.sweep.as_ref()
    }

    /// Returns the last complete sweep since the triggers were installed, or `None` if there is none.
    #[must_use]
    pub fn parity(&self) -> Option<&Sweep> {
        self.record().filter(|record| !record.partitions_changed)?.parity.as_ref()
    }

    fn record(&self) -> Option<&ConversionRecord> {
        self.state.record.as_ref()
    }

    /// Makes of the facts what they are after an installation, which makes the parity unknown unless it keeps it.
    pub(crate) fn install_sync(
        &mut self,
        table: &CopiedTable,
        level: SyncLevel,
        keeps_parity: bool,
    ) {
        let differences = self.differences().cloned().unwrap_or_default();
        self.judge(table.sync_digest(level), SyncState::Intact, differences);
        let record = self.state.record.get_or_insert_default();
        if !keeps_parity {
            (record.sweep, record.parity) = (None, None);
        }
    }

    /// Makes of the facts what they are after the tables have exchanged their names.
    pub(crate) fn swap(&mut self, after: &CopiedTable, level: SyncLevel) {
        // Which indexes the other table lacks is for the next look.
        let differences = self.differences().cloned().unwrap_or_default();
        let differences = CopyDifferences { indexes: Vec::new(), ..differences };
        self.judge(after.sync_digest(level), SyncState::Intact, differences);
        self.serving = after.serving();
    }

    /// Makes of the facts what they are after the triggers, the functions, and the record are gone.
    pub(crate) fn end_sync(&mut self) {
        self.judged = None;
        self.state.triggers.clear();
        self.state.functions.retain(|function| function.used_elsewhere);
        self.state.record = None;
    }
}

impl ObservedTable {
    /// Returns the plain table that is or was to be converted: the relation itself, or the source of the copy.
    #[must_use]
    pub fn plain_table(&self) -> Option<&PlainTable> {
        self.plain.as_deref().or(self.copy.as_ref().map(|copy| &copy.plain))
    }

    /// Returns the object identifier of the relation that a lock on the table names: the plain table as long as there is one,
    /// since its copy comes and goes.
    #[must_use]
    pub fn locked_relation(&self) -> Option<u32> {
        let relation = self.relation.as_ref()?;
        Some(self.copy.as_ref().map_or(relation.oid, |copy| copy.source))
    }
}
