//! A conversion by copy as the database has it: its record, and the triggers and functions that keep the tables equal.
//!
//! `postgres/inspect_conversion.sql` reads it. That a trigger or function is the one that was installed is known from
//! its object identifier and the transaction that wrote its row in the catalog (`xmin`): both are in the record, which
//! the transaction that installed them wrote. So a trigger that was disabled for a moment is noticed as well. A partition has
//! triggers of its own, which the table's were cloned to: by the transaction that wrote those of the table, or by the one
//! that attached the partition.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};

use super::{Change, SyncChange, SyncObject};
use crate::partition::{Identifier, QualifiedName, Side, SyncLevel, guard_name};

/// A conversion by copy in one snapshot of the catalog.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ConversionState {
    /// The record, or `None` if there is none, or the operator cannot trust or read the table of records.
    #[serde(default)]
    pub record: Option<ConversionRecord>,
    /// Triggers with the names of the sync on the table that applications use, and of the guard on the other one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub triggers: Vec<InstalledTrigger>,
    /// Functions without arguments that have the names of the conversion.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub functions: Vec<InstalledFunction>,
}

/// The record of a conversion, without keys of rows.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ConversionRecord {
    /// Whether a page was copied.
    #[serde(default)]
    pub begun: bool,
    /// Number of rows that were copied.
    #[serde(default)]
    pub copied: u64,
    /// Time at which the copy was complete, or `None` if it is not.
    #[serde(default)]
    pub backfilled_at: Option<Timestamp>,
    /// Last transaction of the operator that wrote rows of one of the tables, or `None` if none did.
    #[serde(default)]
    pub changed: Option<u64>,
    /// Rows of the copy that all sweeps together have repaired.
    #[serde(default)]
    pub repaired: u64,
    /// Triggers and functions at their last installation. `None` if they were not installed, or if another version of
    /// the operator recorded them in a way that this one cannot read.
    #[serde(default, deserialize_with = "if_readable")]
    pub sync: Option<RecordedSync>,
    /// The sweep that goes on, or `None` if none does.
    #[serde(default, deserialize_with = "if_readable")]
    pub sweep: Option<Sweep>,
    /// The last complete sweep since the triggers were installed, or `None` if there is none.
    #[serde(default, deserialize_with = "if_readable")]
    pub parity: Option<Sweep>,
    /// Time of the last cutover or rollback, or `None` if there was none.
    #[serde(default, deserialize_with = "if_readable")]
    pub serving_since: Option<Timestamp>,
    /// Whether a partition of the copy was truncated, detached, dropped, or attached by a user since the sweep or the
    /// parity, so that neither says anything any more.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub partitions_changed: bool,
}

/// A comparison of all rows of both tables.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Sweep {
    /// Time of the first page.
    pub started_at: Timestamp,
    /// Time of the last page, or `None` while the sweep goes on.
    #[serde(default)]
    pub checked_at: Option<Timestamp>,
    /// Whether every page compared the content of rows. Otherwise one at least counted them.
    pub content: bool,
    /// Rows of the source.
    pub rows_source: u64,
    /// Rows of the copy.
    pub rows_partitioned: u64,
    /// Rows that were missing, extra, or different, repaired ones among them.
    pub difference_rows: u64,
    /// Pages with such rows.
    pub mismatched_ranges: u64,
    /// Rows that the sweep repaired.
    pub repaired_rows: u64,
    /// Number of complete sweeps in a row, up to this one, that found such rows.
    #[serde(default)]
    pub dirty_in_a_row: u64,
}

/// Installation in the record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RecordedSync {
    /// Level of the triggers.
    pub level: SyncLevel,
    /// Columns that they copy.
    pub columns: Vec<Identifier>,
    /// Triggers, the guard of the copy among them.
    pub triggers: BTreeMap<Identifier, Recorded>,
    /// Functions of the triggers.
    pub functions: BTreeMap<Identifier, Recorded>,
}

/// A trigger or function in the record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Recorded {
    /// Object identifier.
    pub oid: u32,
    /// Transaction that wrote its row of the catalog.
    pub xmin: u32,
    /// Digest of the statement that created the trigger, or of the function.
    pub digest: String,
}

/// A trigger of a conversion in the catalog.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct InstalledTrigger {
    /// Name.
    pub name: Identifier,
    /// Whether it is a trigger of the partitioned table. Otherwise it is one of the plain table.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub on_copy: bool,
    /// Whether it fires in every session: `ENABLE ALWAYS`.
    pub fires: bool,
    /// Object identifier.
    pub oid: u32,
    /// Transaction that wrote its row of the catalog.
    pub xmin: u32,
    /// Partitions on which it was altered, or does not fire; ten at most.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub altered: Vec<PartitionTrigger>,
}

/// A trigger of the partitioned table, as one of its partitions has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PartitionTrigger {
    /// OID of the partition.
    pub partition: QualifiedName,
    /// Whether it fires in every session.
    pub fires: bool,
}

/// A function of a conversion in the catalog.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct InstalledFunction {
    /// Name.
    pub name: Identifier,
    /// Object identifier.
    pub oid: u32,
    /// Transaction that wrote its row of the catalog.
    pub xmin: u32,
    /// Digest, as [`function_digest`](crate::partition::function_digest) defines it. `None` if no function of a
    /// conversion can be like this one: another owner, language, or volatility.
    pub digest: Option<String>,
    /// Whether a trigger of another table uses it, so that it stays when the sync ends.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub used_elsewhere: bool,
}

/// Triggers and functions that an installation would create.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpectedSync {
    /// Triggers, the guard of the copy among them, with the digests of the statements that create them.
    pub triggers: BTreeMap<Identifier, String>,
    /// Their functions, with their digests, as [`function_digest`](crate::partition::function_digest) defines them.
    pub functions: BTreeMap<Identifier, String>,
}

/// Whether the triggers keep the tables equal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum SyncState {
    /// The table that applications use has no sync trigger.
    Missing,
    /// Something is not as it was installed, so writes may not have reached the other table: the triggers have to be
    /// installed again, and the tables compared.
    Altered(Vec<SyncChange>),
    /// Triggers are as they were installed, and no write was missed. But an installation would create something else
    /// now: for other columns, for another level, or by another version of the operator.
    Outdated,
    /// Everything is as an installation would create it.
    Intact,
}

impl Sweep {
    /// Returns whether the tables were equal: no row differed, not even one that the sweep repaired.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.difference_rows == 0
    }
}

impl ConversionState {
    /// Judges the triggers and functions by the record and by what an installation would create.
    #[must_use]
    pub fn sync(&self, expected: &ExpectedSync) -> SyncState {
        if self.triggers.iter().all(InstalledTrigger::is_guard) {
            return SyncState::Missing;
        }
        let recorded = self.record.as_ref().and_then(|record| record.sync.as_ref());
        let mut changes = self.unrecorded_triggers(recorded);
        if let Some(recorded) = recorded {
            changes.extend(self.changed_triggers(recorded));
            changes.extend(self.changed_on_partitions());
            changes.extend(self.changed_functions(recorded));
        }
        match recorded {
            _ if !changes.is_empty() => SyncState::Altered(changes),
            Some(recorded) if recorded.is_current(expected) => SyncState::Intact,
            Some(_) | None => SyncState::Outdated,
        }
    }

    fn unrecorded_triggers(&self, recorded: Option<&RecordedSync>) -> Vec<SyncChange> {
        let is_recorded = |trigger: &&InstalledTrigger| {
            recorded.is_some_and(|sync| sync.triggers.contains_key(&trigger.name))
        };
        let unrecorded = self.triggers.iter().filter(|trigger| !is_recorded(trigger));
        unrecorded.map(|trigger| trigger_change(&trigger.name, Change::Unrecorded)).collect()
    }

    fn changed_triggers(&self, recorded: &RecordedSync) -> Vec<SyncChange> {
        let change = |name: &Identifier, was: &Recorded| match self
            .triggers
            .iter()
            .find(|found| found.name == *name)
        {
            None => Some(Change::Dropped),
            Some(found) if !found.fires => Some(Change::Disabled),
            Some(found) => (!was.is(found.oid, found.xmin)).then_some(Change::Replaced),
        };
        let triggers = recorded.triggers.iter();
        triggers.filter_map(|(name, was)| Some(trigger_change(name, change(name, was)?))).collect()
    }

    fn changed_on_partitions(&self) -> impl Iterator<Item = SyncChange> + '_ {
        self.triggers.iter().flat_map(|found| {
            found.altered.iter().map(|altered| {
                let (trigger, partition) = (found.name.clone(), altered.partition.clone());
                let change = if altered.fires { Change::Replaced } else { Change::Disabled };
                SyncChange { object: SyncObject::PartitionTrigger { trigger, partition }, change }
            })
        })
    }

    /// The changed functions. A trigger calls its function by object identifier.
    fn changed_functions(&self, recorded: &RecordedSync) -> Vec<SyncChange> {
        let change = |was: &Recorded| match self.functions.iter().find(|f| f.oid == was.oid) {
            None => Some(Change::Dropped),
            Some(found) => {
                let is_same =
                    was.is(found.oid, found.xmin) && found.digest.as_ref() == Some(&was.digest);
                (!is_same).then_some(Change::Replaced)
            }
        };
        let changed = |(name, was): (&Identifier, &Recorded)| {
            Some(SyncChange { object: SyncObject::Function(name.clone()), change: change(was)? })
        };
        recorded.functions.iter().filter_map(changed).collect()
    }
}

fn trigger_change(name: &Identifier, change: Change) -> SyncChange {
    SyncChange { object: SyncObject::Trigger(name.clone()), change }
}

impl InstalledTrigger {
    /// Returns whether it rejects writes, and does not make any.
    #[must_use]
    pub fn is_guard(&self) -> bool {
        [Side::Source, Side::Partitioned].iter().any(|serving| self.name == guard_name(*serving))
    }
}

impl RecordedSync {
    /// Returns whether an installation would create the same.
    fn is_current(&self, expected: &ExpectedSync) -> bool {
        let of_trigger = self.triggers.iter().map(|(name, trigger)| (name, &trigger.digest));
        let of_function = self.functions.iter().map(|(name, function)| (name, &function.digest));
        expected.triggers.iter().eq(of_trigger) && expected.functions.iter().eq(of_function)
    }
}

impl Recorded {
    fn is(&self, oid: u32, xmin: u32) -> bool {
        self.oid == oid && self.xmin == xmin
    }
}

/// Reads a part of the record that this version can read.
fn if_readable<'de, T: DeserializeOwned, D: Deserializer<'de>>(
    part: D,
) -> Result<Option<T>, D::Error> {
    let part = serde_json::Value::deserialize(part)?;
    Ok(serde_json::from_value(part).ok())
}
