//! The outcome of a run, for the status.

use std::time::Duration;

use super::failure;
use crate::converge::Convergence;
use crate::desired::DesiredTable;
use crate::plan::{Step, Work};
use crate::status::{FailedStep, Failure, Observation, Outcome};

/// Returns what a run observed, and which steps failed in it or `aside`.
pub(super) fn observation<'a>(
    desired: &'a DesiredTable,
    convergence: &'a Convergence,
    aside: &'a [(Step, Failure)],
) -> Outcome<'a> {
    let failed = convergence.failures().filter_map(|(step, failure)| {
        let is_planned_again = convergence.remaining.steps.iter().any(|planned| {
            planned.step.verb() == step.verb() && planned.step.subject() == step.subject()
        });
        Some(FailedStep { step, failure: failure::from_step_failure(failure, is_planned_again)? })
    });
    let aside = aside.iter().map(|(step, failure)| FailedStep { step, failure: failure.clone() });
    let failed = failed.chain(aside);
    Outcome::Inspected(Observation {
        desired,
        observed: &convergence.observed,
        remaining: &convergence.remaining,
        time: convergence.time,
        failed: failed.collect(),
        failed_work: failed_work(convergence),
        copied: copied(convergence),
    })
}

/// Returns why work ended before its time. If it is planned again, what changed meanwhile was not the cause.
fn failed_work(convergence: &Convergence) -> Option<Failure> {
    let failure = convergence.work_outcome.as_ref()?.result.as_ref().err()?;
    failure::from_step_failure(failure, convergence.remaining.work.is_some())
}

fn copied(convergence: &Convergence) -> Option<(u64, Duration)> {
    let work_outcome = convergence.work_outcome.as_ref()?;
    match work_outcome.work {
        Work::Copy(_) => Some((work_outcome.rows, work_outcome.took)),
        Work::Compare(_) => None,
    }
}
