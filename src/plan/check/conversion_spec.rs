//! State of a conversion that the spec and a user request.

use std::time::Duration;

use crate::desired::{AfterCutover, ConversionMethod, CopyOptions, DesiredTable, ParityLevel};
use crate::observed::ObservedTable;
use crate::partition::Side;
use crate::plan::conversion::{Finding, FoundLoss, preflight};
use crate::plan::{LossAt, Plan, PlanTime};

/// State of a conversion that the spec and a user request.
pub(super) struct ConversionSpec<'a> {
    /// Conversion by copy in the spec, or `None`.
    pub(super) options: Option<&'a CopyOptions>,
    /// The table that has the name applications use, or `None` if the spec has no conversion.
    serve_from: Option<Side>,
    /// Events at which something is lost that the spec does not acknowledge.
    pub(super) lost: Vec<LossAt>,
    /// Whether a user approved the plan.
    pub(super) is_approved: bool,
}

impl<'a> ConversionSpec<'a> {
    pub(super) fn new(
        plan: &Plan,
        desired: &'a DesiredTable,
        observed: &ObservedTable,
        time: &PlanTime,
    ) -> Self {
        let conversion = desired.conversion.as_ref();
        let options = conversion.and_then(|conversion| match &conversion.method {
            ConversionMethod::Copy(options) => Some(options),
            ConversionMethod::Attach => None,
        });
        let found = preflight(desired, observed, time);
        Self {
            options,
            serve_from: conversion.map(|conversion| conversion.serve_from),
            lost: found.iter().filter_map(not_acknowledged).collect(),
            is_approved: desired.approved.contains(&plan.fingerprint),
        }
    }

    /// Whether the spec has a conversion.
    pub(super) fn has_conversion(&self) -> bool {
        self.serve_from.is_some()
    }

    /// Returns whether the spec has a conversion by `Attach` in which this table serves.
    pub(super) fn attaches(&self, side: Side) -> bool {
        !self.converts() && self.serve_from == Some(side)
    }

    /// Whether the spec has a conversion by copy.
    pub(super) fn converts(&self) -> bool {
        self.options.is_some()
    }

    /// Returns whether the spec has a conversion by copy in which this table serves.
    pub(super) fn serves_from(&self, side: Side) -> bool {
        self.converts() && self.serve_from == Some(side)
    }

    /// Whether a comparison proves something only if it compared the content of rows.
    pub(super) fn compares_content(&self) -> bool {
        self.options.is_none_or(|options| options.parity.check == ParityLevel::Content)
    }

    /// Returns how long after the cutover the source is dropped, or `None` if it is kept.
    pub(super) fn source_dropped_after(&self) -> Option<Duration> {
        let is_served = self.serves_from(Side::Partitioned);
        match self.options.filter(|_| is_served)?.source {
            AfterCutover::Keep => None,
            AfterCutover::Drop { after } => Some(after),
        }
    }
}

fn not_acknowledged(finding: &Finding) -> Option<LossAt> {
    match finding {
        Finding::Loss(FoundLoss { at, acknowledged: false, .. }) => Some(*at),
        Finding::Loss(_) | Finding::Refused(_) | Finding::Note(_) => None,
    }
}
