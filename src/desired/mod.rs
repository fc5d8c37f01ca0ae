//! Desired state of a table, parsed from a resource and valid in every part.
//!
//! [`DesiredTable::from_resource`] parses a resource, [`DesiredTable::parse`] a spec alone; nothing else creates one. No
//! other folder checks whether a spec is valid.

mod annotations;
mod conversion;
mod cron;
mod duration;
mod error;
mod loss;
mod parse;
mod predicate;

use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

pub use conversion::{
    AfterCutover, Backfill, ConversionMethod, CopyOptions, DesiredConversion, Parity, ParityLevel,
};
pub use cron::Cron;
pub use duration::{format_duration, parse_duration};
pub use error::SpecError;
pub use loss::{InvalidLoss, Loss};

use crate::partition::{Identifier, IndexShape, Interval, ManagedTable, Method};

/// Desired state of a partitioned table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DesiredTable {
    /// The table applications use.
    pub name: ManagedTable,
    /// Partition key and method.
    pub partitioning: Partitioning,
    /// Declared indexes.
    pub indexes: Vec<DesiredIndex>,
    /// Conversion of the table, or `None` if the spec has none.
    pub conversion: Option<DesiredConversion>,
    /// Whether to act or only to report.
    pub mode: Mode,
    /// Whether to do nothing at all.
    pub suspend: bool,
    /// Limits on lock waits and on detaching without approval.
    pub limits: Limits,
    /// Unmanaged partitions to adopt.
    pub adopt: Vec<AdoptedName>,
    /// Invalid names in the annotation `adopt`, shortened.
    pub invalid_adoptions: Vec<String>,
    /// Fingerprints of the approved plans.
    pub approved: Vec<String>,
}

/// Name of a partition to adopt, as written in the annotation.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct AdoptedName {
    /// Schema of the partition; `None` for that of the table.
    pub schema: Option<Identifier>,
    /// Name of the partition.
    pub name: Identifier,
}

/// `PARTITION BY …`
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Partitioning {
    /// By calendar period.
    Range(DesiredRange),
    /// By hash.
    Hash(DesiredHash),
}

impl Partitioning {
    /// The method in Postgres' words.
    #[must_use]
    pub fn method(&self) -> Method {
        match self {
            Self::Range(_) => Method::Range,
            Self::Hash(_) => Method::Hash,
        }
    }

    /// The key's columns, in order.
    #[must_use]
    pub fn columns(&self) -> &[Identifier] {
        match self {
            Self::Range(range) => std::slice::from_ref(&range.column),
            Self::Hash(hash) => &hash.columns,
        }
    }
}

/// A partition for each calendar period.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DesiredRange {
    /// Partition column.
    pub column: Identifier,
    /// Length of a period.
    pub interval: Interval,
    /// Time zone in which a period begins.
    pub zone: Zone,
    /// Beginning of the oldest period provided; `None` for the current period.
    pub start_at: Option<StartAt>,
    /// Number of whole periods ready beyond the current one.
    pub ahead: u32,
    /// Whether a default partition is kept, and drained.
    pub default_partition: DefaultPartition,
    /// Retention; `None` if nothing expires.
    pub retention: Option<Retention>,
    /// Schedule.
    pub schedule: Schedule,
}

/// Whether a default partition is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DefaultPartition {
    /// The table has no default partition.
    Absent,
    /// One is kept, and rows that have a place elsewhere are moved there.
    Present,
}

/// Retention of partitions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Number of whole periods to keep in addition to the current one.
    pub keep: u32,
    /// Fate of an expired partition.
    pub on_expiry: OnExpiry,
}

/// Fate of an expired partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnExpiry {
    /// It is detached, and stays as a table.
    Detach,
    /// It is detached, and dropped later.
    Drop {
        /// Grace period between the detach and the drop.
        after: Duration,
    },
}

/// Schedule of the operator; by default it acts as soon as a step is due.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Schedule {
    /// Times for creating partitions.
    pub provision: Option<Cron>,
    /// Times for detaching expired partitions.
    pub expire: Option<Cron>,
}

/// A time zone by its IANA name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Zone {
    /// One that the time zone database has.
    Known(TimeZone),
    /// One that it does not have: a condition of the table, not of the spec, since the database
    /// grows.
    Unknown(String),
}

/// The start of the oldest period to provide, before it is rounded down to its period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StartAt {
    /// A day of the table's zone.
    Date(Date),
    /// An instant.
    Instant(Timestamp),
    /// A value of the partition key, by its place on the axis of the key: that of the oldest row of a plain table.
    Value(i128),
}

/// A partition for each remainder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DesiredHash {
    /// The key, in order.
    pub columns: Vec<Identifier>,
    /// Number of partitions: the modulus.
    pub partitions: u32,
}

/// An index that is ensured on every partition it belongs on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DesiredIndex {
    /// Its name on the table; the names on partitions follow from it.
    pub name: Identifier,
    /// Kind of the reference: Secret or `ConfigMap`.
    pub shape: IndexShape,
    /// Location of the reference.
    pub on: OnPartitions,
}

impl DesiredIndex {
    /// Whether the table itself has the index and the partitions' belong to it. Partial indexes and
    /// those of the newest periods stand by themselves on each partition.
    #[must_use]
    pub fn is_of_table(&self) -> bool {
        self.on == OnPartitions::All && self.shape.predicate.is_none()
    }
}

/// Which partitions carry an index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnPartitions {
    /// All of them.
    All,
    /// The newest periods up to and including the current one, this many, and all ahead.
    Newest(u32),
}

/// Whether to act.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Make it so.
    Enforce,
    /// Compute, report, and change nothing.
    Plan,
}

/// Limits on lock waits and on detaching without approval.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The longest anyone may queue behind us: while we wait for a lock, and while we hold it.
    pub lock_timeout: Duration,
    /// Maximum number of partitions to detach in one run without approval.
    pub max_expire_per_run: u32,
}
