//! `status.conversion` and `status.parity`: how far a conversion by copy is.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::Observation;
use super::conditions::whole_seconds;
use super::routing::routing;
use super::verdict::is_for_index;
use crate::api::v1alpha1 as api;
use crate::api::v1alpha1::{
    ConversionStage, ConversionStatus, LostAt, ParityLevel, ParityState, ParityStatus,
    ReportedLoss, Rollback,
};
use crate::desired::{self, ConversionMethod};
use crate::observed::{CopyFacts, Sweep, SyncState};
use crate::partition::Side;
use crate::plan::{Blocker, Finding, LossAt, preflight};

/// Losses, and bound objects, that a status shows.
const MAX_REPORTED: usize = 10;

/// State of the triggers that keep a copy equal to its source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SyncTriggers {
    /// The triggers capture every write.
    Enabled,
    /// A trigger or function differs from the installed one, so writes may be missing in the copy.
    Altered,
    /// The source has no sync triggers any more.
    Missing,
}

impl SyncTriggers {
    /// Every state.
    pub const ALL: [Self; 3] = [Self::Enabled, Self::Altered, Self::Missing];

    /// Returns the value of the label `state` in metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Enabled => "enabled",
            Self::Altered => "altered",
            Self::Missing => "missing",
        }
    }
}

/// Returns the state of the triggers of a copy, or `None` before their first installation or if they were not read.
#[must_use]
pub fn sync_triggers(facts: &CopyFacts) -> Option<SyncTriggers> {
    match facts.sync_state()? {
        SyncState::Intact | SyncState::Outdated => Some(SyncTriggers::Enabled),
        SyncState::Altered(_) => Some(SyncTriggers::Altered),
        SyncState::Missing => facts.was_synced().then_some(SyncTriggers::Missing),
    }
}

/// Returns the stage of a conversion, or `None` if nothing is converted.
pub(super) fn stage(observation: &Observation<'_>) -> Option<ConversionStage> {
    let relation = observation.observed.relation.as_ref()?;
    let is_wanted = observation.desired.conversion.is_some();
    let Some(facts) = &observation.observed.copy else {
        let is_plain = relation.key().is_none();
        let stage = if is_plain { ConversionStage::Preparing } else { ConversionStage::Serving };
        return is_wanted.then_some(stage);
    };
    if is_wanted && observation.desired.attaches() {
        let is_prepared = observation.remaining.steps.is_empty();
        let stage =
            if is_prepared { ConversionStage::Prepared } else { ConversionStage::Preparing };
        return Some(stage);
    }
    let builds_indexes = || observation.remaining.steps.iter().any(is_for_index);
    Some(if !is_wanted {
        ConversionStage::Ending
    } else if facts.serving == Side::Partitioned {
        ConversionStage::Serving
    } else if !facts.was_synced() {
        ConversionStage::Preparing
    } else if !facts.is_complete() {
        ConversionStage::Copying
    } else if builds_indexes() {
        ConversionStage::Indexing
    } else if parity_state(facts, observation) == ParityState::Clean {
        ConversionStage::InParity
    } else {
        ConversionStage::Comparing
    })
}

/// Returns `status.conversion`, or `None` if nothing is converted.
pub(super) fn conversion(observation: &Observation<'_>) -> Option<ConversionStatus> {
    let stage = stage(observation)?;
    let status = ConversionStatus {
        stage: Some(stage),
        serving: serving(observation).map(|serving| match serving {
            Side::Source => api::Side::Source,
            Side::Partitioned => api::Side::Partitioned,
        }),
        serving_since: serving_since(observation),
        rollback: rollback(observation),
        losses: losses(observation),
        bound: bound(observation),
        routing: routing(observation),
        ..ConversionStatus::default()
    };
    Some(match (stage, &observation.observed.copy) {
        (ConversionStage::Copying, Some(facts)) => with_progress(status, facts, observation),
        _ => status,
    })
}

/// Returns the table that has the name applications use, or `None` if nothing is converted.
pub(super) fn serving(observation: &Observation<'_>) -> Option<Side> {
    let relation = observation.observed.relation.as_ref()?;
    match (&observation.observed.copy, relation.key()) {
        (Some(facts), _) => Some(facts.serving),
        (None, None) => Some(Side::Source),
        (None, Some(_)) => Some(Side::Partitioned),
    }
}

fn serving_since(observation: &Observation<'_>) -> Option<Time> {
    let since = match &observation.observed.copy {
        Some(facts) => facts.serving_since(),
        None => observation.observed.attachment.as_ref()?.serving_since,
    };
    since.map(|since| Time(whole_seconds(since)))
}

/// A rollback loses nothing while the triggers are intact and the source can follow every change of the table.
fn rollback(observation: &Observation<'_>) -> Option<Rollback> {
    if serving(observation)? == Side::Source {
        return None;
    }
    if observation.observed.attached_source().is_some() {
        let attachment = observation.observed.attachment.as_ref();
        let is_possible = attachment.is_some_and(|found| found.prevents_detach().is_empty());
        return Some(if is_possible { Rollback::Possible } else { Rollback::Impossible });
    }
    let is_kept = observation.observed.copy.as_ref().is_some_and(|facts| {
        let can_follow = facts.differences().is_none_or(|found| !found.has_obstacle());
        sync_triggers(facts) == Some(SyncTriggers::Enabled) && can_follow
    });
    Some(if is_kept { Rollback::Possible } else { Rollback::Impossible })
}

fn with_progress(
    status: ConversionStatus,
    facts: &CopyFacts,
    observation: &Observation<'_>,
) -> ConversionStatus {
    let (copied, estimated) = (facts.copied(), facts.plain.estimated_rows);
    let rate = observation.copied.and_then(|(rows, took)| rows_per_second(rows, took));
    let left = estimated.and_then(|estimated| estimated.checked_sub(copied));
    let expected =
        rate.zip(left).and_then(|(rate, left)| expected_at(observation.time.now, left, rate));
    ConversionStatus {
        copied_rows: number(copied),
        estimated_rows: estimated.and_then(number),
        rows_per_second: rate.and_then(number),
        expected_at: expected.map(Time),
        ..status
    }
}

/// Returns `None` if the time is too short, or no row was copied in it.
fn rows_per_second(rows: u64, took: Duration) -> Option<u64> {
    let millis = u64::try_from(took.as_millis()).ok()?;
    rows.saturating_mul(1_000).checked_div(millis).filter(|rate| *rate > 0)
}

fn expected_at(now: Timestamp, left: u64, rate: u64) -> Option<Timestamp> {
    let seconds = i64::try_from(left.checked_div(rate)?).ok()?;
    now.checked_add(SignedDuration::from_secs(seconds)).ok().map(whole_seconds)
}

fn losses(observation: &Observation<'_>) -> Vec<ReportedLoss> {
    let found = preflight(observation.desired, observation.observed, &observation.time).into_iter();
    let losses = found.filter_map(|finding| match finding {
        Finding::Loss(found) => Some(ReportedLoss {
            loss: found.loss.to_string(),
            at: match found.at {
                LossAt::Cutover => LostAt::Cutover,
                LossAt::Drop => LostAt::Drop,
            },
            acknowledged: found.acknowledged,
        }),
        Finding::Refused(_) | Finding::Note(_) => None,
    });
    losses.take(MAX_REPORTED).collect()
}

/// Returns the objects that still read the source, or nothing if the spec has no conversion, which keeps the source.
fn bound(observation: &Observation<'_>) -> Vec<String> {
    let plain =
        observation.observed.plain_table().filter(|_| observation.desired.conversion.is_some());
    plain.map_or(&[][..], |plain| &plain.bound).iter().take(MAX_REPORTED).cloned().collect()
}

/// Returns `status.parity`, or `None` if the table has no copy that must be equal.
pub(super) fn parity(observation: &Observation<'_>) -> Option<ParityStatus> {
    let is_copied = observation.desired.conversion.is_some() && !observation.desired.attaches();
    let facts = observation.observed.copy.as_ref().filter(|_| is_copied)?;
    let known = ParityStatus {
        state: Some(parity_state(facts, observation)),
        repaired_rows: number(facts.repaired()),
        ..ParityStatus::default()
    };
    let Some(sweep) = facts.parity() else { return Some(known) };
    let level = if sweep.content { ParityLevel::Content } else { ParityLevel::Count };
    Some(ParityStatus {
        level: Some(level),
        started_at: Some(Time(whole_seconds(sweep.started_at))),
        checked_at: sweep.checked_at.map(|at| Time(whole_seconds(at))),
        rows_source: number(sweep.rows_source),
        rows_partitioned: number(sweep.rows_partitioned),
        difference_rows: number(sweep.difference_rows),
        mismatched_ranges: number(sweep.mismatched_ranges),
        ..known
    })
}

/// Returns `Unknown` if the triggers may have missed writes since the sweep, if columns differ, or if the sweep compared less
/// than the spec asks for.
pub(super) fn parity_state(facts: &CopyFacts, observation: &Observation<'_>) -> ParityState {
    let is_synced = sync_triggers(facts) == Some(SyncTriggers::Enabled);
    let is_outdated = !is_synced || facts.can_differ() || misses_writes(observation);
    match facts.parity().filter(|sweep| !is_outdated && is_enough(sweep, observation)) {
        Some(sweep) if sweep.is_clean() => ParityState::Clean,
        Some(_) => ParityState::Differs,
        None => ParityState::Unknown,
    }
}

fn is_enough(sweep: &Sweep, observation: &Observation<'_>) -> bool {
    let method = observation.desired.conversion.as_ref().map(|conversion| &conversion.method);
    match method {
        Some(ConversionMethod::Copy(options)) => {
            sweep.content || options.parity.check == desired::ParityLevel::Count
        }
        Some(ConversionMethod::Attach) | None => true,
    }
}

/// Returns whether a blocker of the preflight is about the table as a whole. A blocker of only the swap or the drop of the
/// source does not affect the sync.
fn misses_writes(observation: &Observation<'_>) -> bool {
    let of_table = observation.remaining.deferred.iter().filter(|deferral| deferral.step.is_none());
    of_table.into_iter().any(|deferral| matches!(deferral.blocker, Blocker::Preflight { .. }))
}

fn number(count: u64) -> Option<i64> {
    i64::try_from(count).ok()
}
