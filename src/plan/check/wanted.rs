//! What the spec and a user want of a conversion.

use std::time::Duration;

use crate::desired::{AfterCutover, ConversionMethod, CopyOptions, DesiredTable, ParityLevel};
use crate::observed::ObservedTable;
use crate::partition::Side;
use crate::plan::conversion::{Finding, FoundLoss, preflight};
use crate::plan::{LossAt, Moment, Plan};

/// What the spec and a user want of a conversion.
pub(super) struct Wanted<'a> {
    /// What the spec says of a conversion by copy, or `None` if it has none.
    pub(super) options: Option<&'a CopyOptions>,
    /// The table that has the name applications use, or `None` if the spec has no conversion.
    serve_from: Option<Side>,
    /// When something is lost that the spec does not acknowledge.
    pub(super) lost: Vec<LossAt>,
    /// Whether a user approved the plan.
    pub(super) is_approved: bool,
}

impl<'a> Wanted<'a> {
    pub(super) fn new(
        plan: &Plan,
        desired: &'a DesiredTable,
        observed: &ObservedTable,
        moment: &Moment,
    ) -> Self {
        let conversion = desired.conversion.as_ref();
        let options = conversion.and_then(|conversion| match &conversion.method {
            ConversionMethod::Copy(options) => Some(options),
            ConversionMethod::Attach => None,
        });
        let found = preflight(desired, observed, moment);
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

    /// Whether the spec has a conversion by `Attach`, and this table is to have the name that applications use.
    pub(super) fn attaches(&self, side: Side) -> bool {
        !self.converts() && self.serve_from == Some(side)
    }

    /// Whether the spec has a conversion by copy.
    pub(super) fn converts(&self) -> bool {
        self.options.is_some()
    }

    /// Whether the spec has a conversion by copy, and this table is to have the name that applications use.
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
