//! Observed state of a conversion: the copy, its source, and its record.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    BlockingTransaction, ConversionRecord, ConversionState, CopyDifferences, CopyProperty,
    InstalledFunction, ObservedTable, PlainTable, PropertyDifference, RecordedSync, RoutingFacts,
    Sweep, SyncState,
};
use crate::partition::{CopiedTable, Identifier, QualifiedName, Side, SyncLevel};

/// Observed state that only the copy of a conversion has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CopyFacts {
    /// Table that serves the name.
    #[serde(default = "source", skip_serializing_if = "is_source")]
    pub serving: Side,
    /// OID of the plain table.
    pub source: u32,
    /// Observed state of the plain table.
    pub plain: PlainTable,
    /// Columns of each valid, immediate unique index of the copy without a condition.
    #[serde(default)]
    pub keys: Vec<Vec<Identifier>>,
    /// Whether the copy was analyzed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub analyzed: bool,
    /// Views of the owner that read the copy.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub views: Vec<QualifiedName>,
    /// Transactions with a snapshot from before the last write of the operator, also on replicas.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub older: Vec<BlockingTransaction>,
    /// Whether the view for routed roles exists.
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

/// Comparison of a copy and its triggers with the spec.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Judged {
    /// Digest of the table and the level for which they were compared.
    pub(super) of: String,
    /// Difference of the triggers and functions from a new installation.
    pub(super) state: SyncState,
    /// Differences of the copy from its source.
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
    /// Returns the state of a copy that was just created.
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

    /// Sets how the triggers and functions differ from an installation for the table and level of the digest, and how the copy
    /// differs from its source.
    pub fn judge(&mut self, of: String, state: SyncState, differences: CopyDifferences) {
        self.judged = Some(Judged { of, state, differences });
    }

    /// Returns how the triggers and functions differ from an installation for this table and level. If they were not
    /// compared for these, they count as outdated or missing.
    #[must_use]
    pub fn sync(&self, table: &CopiedTable, level: SyncLevel) -> SyncState {
        match &self.judged {
            Some(judged) if judged.of == table.sync_digest(level) => judged.state.clone(),
            Some(_) | None => SyncState::Outdated,
        }
    }

    /// Returns how the triggers and functions differ from the spec, or `None` if they were not compared.
    #[must_use]
    pub fn sync_state(&self) -> Option<&SyncState> {
        self.judged.as_ref().map(|judged| &judged.state)
    }

    /// Returns whether the triggers have been installed, so their absence means that they were dropped.
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

    /// Returns how the copy differs from its source, or `None` if they were not compared.
    #[must_use]
    pub fn differences(&self) -> Option<&CopyDifferences> {
        self.judged.as_ref().map(|judged| &judged.differences)
    }

    /// Returns whether rows of the passive table can lack values: the columns differ, or a column has become nullable.
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

    /// Returns the names of the sync triggers of the serving table.
    #[must_use]
    pub fn sync_triggers(&self) -> BTreeSet<Identifier> {
        let writing = self.state.triggers.iter().filter(|trigger| !trigger.is_guard());
        writing.map(|trigger| trigger.name.clone()).collect()
    }

    /// Returns the recorded state of the triggers and functions at their last installation, or `None` without a record.
    #[must_use]
    pub fn recorded_sync(&self) -> Option<&RecordedSync> {
        self.record()?.sync.as_ref()
    }

    /// Returns the columns for which the triggers were installed.
    #[must_use]
    pub fn synced_columns(&self) -> Vec<Identifier> {
        self.recorded_sync().map(|sync| sync.columns.clone()).unwrap_or_default()
    }

    /// Returns whether a trigger or function exists that the end of the sync drops.
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

    /// Returns whether all rows that existed before the triggers are copied. A serving copy is complete, even if its record was
    /// lost.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.completed_at().is_some() || self.serving == Side::Partitioned
    }

    /// Returns the time of the last cutover or rollback, or `None` if there was none.
    #[must_use]
    pub fn serving_since(&self) -> Option<Timestamp> {
        self.record()?.serving_since
    }

    /// Returns the ID of the last transaction in which the operator wrote rows of the tables, or `None` if there was none.
    #[must_use]
    pub fn changed(&self) -> Option<u64> {
        self.record()?.changed
    }

    /// Returns the number of copied rows.
    #[must_use]
    pub fn copied(&self) -> u64 {
        self.record().map_or(0, |record| record.copied)
    }

    /// Returns the number of rows that all sweeps have repaired.
    #[must_use]
    pub fn repaired(&self) -> u64 {
        self.record().map_or(0, |record| record.repaired)
    }

    /// Returns the sweep in progress, or `None` if there is none.
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

    /// Simulates an installation of the triggers, which voids parity unless `keeps_parity` is set.
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

    /// Simulates a swap.
    pub(crate) fn swap(&mut self, after: &CopiedTable, level: SyncLevel) {
        // The next inspection finds the missing indexes of the other table.
        let differences = self.differences().cloned().unwrap_or_default();
        let differences = CopyDifferences { indexes: Vec::new(), ..differences };
        self.judge(after.sync_digest(level), SyncState::Intact, differences);
        self.serving = after.serving();
    }

    /// Simulates the end of the sync, which drops the triggers, the functions, and the record.
    pub(crate) fn end_sync(&mut self) {
        self.judged = None;
        self.state.triggers.clear();
        self.state.functions.retain(|function| function.used_elsewhere);
        self.state.record = None;
    }
}

impl ObservedTable {
    /// Returns the plain table of a conversion: the relation itself, or the source of its copy.
    #[must_use]
    pub fn plain_table(&self) -> Option<&PlainTable> {
        self.plain.as_deref().or(self.copy.as_ref().map(|copy| &copy.plain))
    }

    /// Returns the OID that identifies the lock on the table: that of the plain table if there is one, because its copy can be
    /// dropped and created again.
    #[must_use]
    pub fn locked_relation(&self) -> Option<u32> {
        let relation = self.relation.as_ref()?;
        Some(self.copy.as_ref().map_or(relation.oid, |copy| copy.source))
    }
}
