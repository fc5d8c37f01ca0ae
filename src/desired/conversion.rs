//! `spec.conversion`, parsed.

use std::collections::BTreeSet;
use std::num::NonZeroU32;
use std::time::Duration;

use super::parse::Errors;
use super::{DefaultPartition, DesiredTable, Loss, Partitioning, Schedule, StartAt};
use crate::api::v1alpha1 as api;
use crate::partition::{Identifier, Side, SyncLevel};

/// The conversion of a plain table to the partitioned table of the spec.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DesiredConversion {
    /// Method of the conversion.
    pub method: ConversionMethod,
    /// The table that has the name applications use.
    pub serve_from: Side,
    /// The losses that a user accepts.
    pub acknowledged: BTreeSet<Loss>,
}

/// Method of a conversion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConversionMethod {
    /// Copy the rows to a partitioned table, and swap the names of the two.
    Copy(CopyOptions),
    /// Attach the plain table to a new partitioned table as its oldest partition.
    Attach,
}

/// Fields of a conversion by copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopyOptions {
    /// Level of the sync triggers.
    pub sync: SyncLevel,
    /// Copying of the rows that exist when the conversion begins.
    pub backfill: Backfill,
    /// Comparison of the two tables.
    pub parity: Parity,
    /// The roles that read the partitioned table before the cutover.
    pub routing: BTreeSet<Identifier>,
    /// Fate of the plain table after the cutover.
    pub source: AfterCutover,
}

/// Copying of the rows that exist when the conversion begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backfill {
    /// The maximum rate, or `None` for no limit.
    pub max_rows_per_second: Option<NonZeroU32>,
}

/// Comparison of the two tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parity {
    /// Content of a comparison.
    pub check: ParityLevel,
    /// The time between two comparisons.
    pub every: Duration,
}

/// Content of a comparison of the two tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ParityLevel {
    /// The number of rows.
    Count,
    /// Every row with all its columns.
    Content,
}

/// Fate of the plain table after the cutover.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AfterCutover {
    /// It stays and is kept in sync.
    Keep,
    /// It is kept in sync for a time, then dropped.
    Drop {
        /// The time from the cutover to the drop.
        after: Duration,
    },
}

impl DesiredTable {
    /// Returns whether the spec has a conversion by `Attach`.
    #[must_use]
    pub fn attaches(&self) -> bool {
        let method = self.conversion.as_ref().map(|conversion| &conversion.method);
        matches!(method, Some(ConversionMethod::Attach))
    }

    /// Returns what the rules for partitioned tables ask of the copy until its conversion ends: nothing expires or waits
    /// for a schedule, and a default partition takes rows outside of the periods.
    ///
    /// `oldest` is the place of the oldest row on the axis of the key, or `None` if there is no row. The first period is
    /// the one of `startAt`, or else the one of that row.
    #[must_use]
    pub fn while_converting(&self, oldest: Option<i128>) -> Self {
        let mut desired = Self { conversion: None, ..self.clone() };
        if let Partitioning::Range(range) = &mut desired.partitioning {
            range.start_at = range.start_at.or(oldest.map(StartAt::Value));
            range.retention = None;
            range.schedule = Schedule::default();
            range.default_partition = DefaultPartition::Present;
        }
        desired
    }
}

/// Returns what a conversion means, or `None` if a field is wrong. The schema's CEL rules hold fields against
/// each other.
pub(super) fn parse(
    conversion: &api::Conversion,
    errors: &mut Errors,
) -> Option<DesiredConversion> {
    let api::Conversion {
        method,
        serve_from,
        sync,
        backfill,
        parity,
        routing,
        source,
        acknowledge,
    } = conversion;
    let method = match method {
        api::ConversionMethod::Attach => Some(ConversionMethod::Attach),
        api::ConversionMethod::Copy => {
            let backfill = parse_backfill(backfill.as_ref(), errors);
            let parity = parse_parity(parity.as_ref(), errors);
            let routing = parse_roles(routing.as_ref(), errors);
            let source = parse_source(source.as_ref(), errors);
            let sync = parse_sync(sync.as_ref());
            backfill.zip(parity).zip(source).map(|((backfill, parity), source)| {
                ConversionMethod::Copy(CopyOptions { sync, backfill, parity, routing, source })
            })
        }
    };
    Some(DesiredConversion {
        serve_from: match serve_from {
            api::Side::Source => Side::Source,
            api::Side::Partitioned => Side::Partitioned,
        },
        acknowledged: parse_losses(acknowledge, errors),
        method: method?,
    })
}

fn parse_sync(sync: Option<&api::SyncOptions>) -> SyncLevel {
    let api::SyncOptions { level } = sync.cloned().unwrap_or_default();
    match level {
        api::SyncLevel::Row => SyncLevel::Row,
        api::SyncLevel::Statement => SyncLevel::Statement,
    }
}

fn parse_backfill(
    backfill: Option<&api::BackfillOptions>,
    errors: &mut Errors,
) -> Option<Backfill> {
    let api::BackfillOptions { max_rows_per_second } = backfill.cloned().unwrap_or_default();
    let path = "spec.conversion.backfill.maxRowsPerSecond";
    let limit = errors.number(path, max_rows_per_second, 0..=1_000_000_000)?;
    Some(Backfill { max_rows_per_second: NonZeroU32::new(limit) })
}

fn parse_parity(parity: Option<&api::ParityOptions>, errors: &mut Errors) -> Option<Parity> {
    let api::ParityOptions { check, every } = parity.cloned().unwrap_or_default();
    let every = errors.duration(
        "spec.conversion.parity.every",
        &every,
        Duration::from_secs(1)..=Duration::from_hours(8784),
        "give a duration from 1s to 8784h, such as 10m or 1h",
    );
    Some(Parity {
        check: match check {
            api::ParityLevel::Count => ParityLevel::Count,
            api::ParityLevel::Content => ParityLevel::Content,
        },
        every: every?,
    })
}

fn parse_roles(routing: Option<&api::RoutingOptions>, errors: &mut Errors) -> BTreeSet<Identifier> {
    let api::RoutingOptions { roles } = routing.cloned().unwrap_or_default();
    errors.identifiers("spec.conversion.routing.roles", &roles).into_iter().collect()
}

fn parse_source(source: Option<&api::SourceOptions>, errors: &mut Errors) -> Option<AfterCutover> {
    let api::SourceOptions { after_cutover, drop_after } = source.cloned().unwrap_or_default();
    // A field that is not used now is one after the next edit.
    let after = errors.duration(
        "spec.conversion.source.dropAfter",
        &drop_after,
        Duration::ZERO..=Duration::from_hours(8784),
        "give a duration from 0s to 8784h, such as 24h or 168h",
    )?;
    Some(match after_cutover {
        api::AfterCutover::Keep => AfterCutover::Keep,
        api::AfterCutover::Drop => AfterCutover::Drop { after },
    })
}

fn parse_losses(texts: &[String], errors: &mut Errors) -> BTreeSet<Loss> {
    let mut losses = BTreeSet::new();
    for (at, text) in texts.iter().enumerate() {
        let path = format!("spec.conversion.acknowledge[{at}]");
        match text.parse::<Loss>() {
            Ok(loss) => {
                losses.insert(loss);
            }
            Err(problem) => errors.push(&path, problem.to_string()),
        }
    }
    losses
}
