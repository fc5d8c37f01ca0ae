//! Verdicts of `InSync` and `Converted`, the conditions of a conversion.

use super::conversion::{parity_state, serving, stage};
use super::problem::{Area, Problem};
use super::verdict::{
    FALSE, TRUE, UNKNOWN, Verdict, first, new_verdict, not_checked_because, remedy,
};
use super::{Observation, reason_for};
use crate::api::Reason;
use crate::api::v1alpha1::{ConversionStage, ParityState};
use crate::observed::{CopyFacts, SyncState};
use crate::plan::{Blocker, ConversionBlocker};

/// Returns the verdict of `InSync`, or `None` if the table has no copy.
pub(super) fn in_sync(observation: &Observation<'_>) -> Option<Verdict> {
    let is_copied = observation.desired.conversion.is_some() && !observation.desired.attaches();
    let facts = observation.observed.copy.as_ref().filter(|_| is_copied)?;
    let failed =
        blockers_of(observation).find(|blocker| reason_for(blocker) == Reason::ParityFailed);
    Some(if let Some(blocker) = failed {
        new_verdict(FALSE, Reason::ParityFailed, blocker.explain())
    } else if let Some(change) = altered(facts) {
        let them = "the sync triggers again, which requires a new comparison";
        let message = format!("{change}: {}", remedy(observation, ("installs", "install"), them));
        new_verdict(FALSE, Reason::SyncAltered, message)
    } else if !facts.is_complete() {
        let estimated = facts.plain.estimated_rows.map(|rows| format!(" of ~{rows}"));
        let message =
            format!("{}{} rows are copied", facts.copied(), estimated.unwrap_or_default());
        new_verdict(FALSE, Reason::RowsCopying, message)
    } else if facts.can_differ() {
        let blocker =
            blockers_of(observation).find(|blocker| reason_for(blocker) == Reason::ColumnsDiffer);
        let follows = || {
            "the columns of the copy differ from those of the table: the next run changes the copy"
                .to_owned()
        };
        new_verdict(FALSE, Reason::ColumnsDiffer, blocker.map_or_else(follows, Blocker::explain))
    } else if facts.sync_state().is_none() {
        not_checked_because(None)
    } else if let (Some(sweep), ParityState::Clean) =
        (facts.parity(), parity_state(facts, observation))
    {
        new_verdict(TRUE, Reason::InParity, format!("{} rows on both sides", sweep.rows_source))
    } else {
        compared(facts)
    })
}

fn blockers_of<'a>(observation: &Observation<'a>) -> impl Iterator<Item = &'a Blocker> {
    observation.remaining.deferred.iter().map(|deferral| &deferral.blocker)
}

/// Returns how the triggers and functions were altered, or `None` if they have captured every write.
fn altered(facts: &CopyFacts) -> Option<String> {
    match facts.sync_state()? {
        SyncState::Intact | SyncState::Outdated => None,
        SyncState::Missing => {
            facts.was_synced().then(|| "the sync triggers were dropped".to_owned())
        }
        SyncState::Altered(changes) => {
            let first = changes.first().map(ToString::to_string).unwrap_or_default();
            Some(match changes.len() {
                0 | 1 => first,
                count => format!("{first} (and {} more changes of the sync)", count - 1),
            })
        }
    }
}

fn compared(facts: &CopyFacts) -> Verdict {
    match facts.parity() {
        Some(sweep) if sweep.is_clean() => {
            let message = "the last comparison is out of date or checked less than spec.conversion.parity requires: the next run compares again";
            new_verdict(UNKNOWN, Reason::NotCompared, message.to_owned())
        }
        Some(sweep) => {
            let message = format!(
                "the last comparison found {} rows that differ and repaired {}: the next run compares again",
                sweep.difference_rows, sweep.repaired_rows
            );
            new_verdict(UNKNOWN, Reason::NotCompared, message)
        }
        None => {
            let compared = facts.sweep().map_or(0, |sweep| sweep.rows_source);
            let message = format!(
                "no comparison has completed since the triggers were installed: {compared} rows compared so far"
            );
            new_verdict(UNKNOWN, Reason::NotCompared, message)
        }
    }
}

/// Returns the verdict of `Converted`, or `None` if the spec has no conversion.
pub(super) fn converted(observation: &Observation<'_>, problems: &[Problem]) -> Option<Verdict> {
    let wanted = observation.desired.conversion.as_ref()?.serve_from;
    let of_table = first(problems, Area::Table);
    let problem = of_table.or(first(problems, Area::Conversion));
    let stage = stage(observation);
    let is_reached = match stage {
        None
        | Some(ConversionStage::InParity | ConversionStage::Serving | ConversionStage::Prepared) => {
            serving(observation) == Some(wanted)
        }
        Some(_) => false,
    };
    Some(match (problem, stage) {
        (Some(problem), _) if names_conversion(problem.reason) => problem.to_verdict(),
        (Some(problem), Some(_)) if of_table.is_some() => {
            new_verdict(FALSE, Reason::NotConvertible, problem.message.clone())
        }
        _ if of_table.is_some() || first(problems, Area::Access).is_some() => {
            not_checked_because(of_table.or(first(problems, Area::Access)))
        }
        (None, _) if is_reached => new_verdict(TRUE, Reason::AsRequested, reached(observation)),
        (_, Some(_) | None) => {
            let problem = problem.or(problems.first());
            let continues = || "the conversion continues with the next run".to_owned();
            let message = problem.map_or_else(continues, |problem| problem.message.clone());
            new_verdict(FALSE, Reason::Converting, message)
        }
    })
}

/// Returns whether `Converted` has the reason.
fn names_conversion(reason: Reason) -> bool {
    let reasons = [
        Reason::NotConvertible,
        Reason::NotAcknowledged,
        Reason::SwapBlocked,
        Reason::SourceInUse,
        Reason::RollbackImpossible,
    ];
    reasons.contains(&reason)
}

fn reached(observation: &Observation<'_>) -> String {
    let reached = "the conversion has reached the state that spec.conversion asks for";
    let until = blockers_of(observation).find_map(|blocker| {
        let Blocker::Conversion(ConversionBlocker::SourceInGracePeriod { until }) = blocker else {
            return None;
        };
        Some(until)
    });
    match until {
        Some(until) => format!("{reached}, and the source is dropped after {until}"),
        None => reached.to_owned(),
    }
}
