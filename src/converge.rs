//! The sequence: inspect, plan, check, execute, inspect again.

use std::time::Duration;

use jiff::Timestamp;

use crate::desired::DesiredTable;
use crate::observed::ObservedTable;
use crate::plan::{Plan, Step};
use crate::postgres::{DatabaseError, Session};

/// How far to go.
#[derive(Debug, Clone)]
pub struct Options {
    /// The instant the plan is for.
    pub now: Timestamp,
    /// How long to retry what others hold.
    pub patience: Duration,
    /// The fingerprints a person has seen; empty where any plan will do.
    pub expect: Vec<String>,
}

/// Hears of each step: the operator's events and metrics, the terminal's progress bar.
pub trait Progress: Send {
    /// The plan is made and `steps` of it will be executed.
    fn planned(&mut self, plan: &Plan);
    /// A step is about to be executed.
    fn started(&mut self, step: &Step);
    /// A lock could not be had in time; it will be tried again.
    fn retried(&mut self, step: &Step, error: &DatabaseError);
    /// A step came to its end.
    fn finished(&mut self, outcome: &StepOutcome);
}

/// What became of a step.
#[derive(Debug)]
pub struct StepOutcome {
    /// The step.
    pub step: Step,
    /// What became of it.
    pub result: Result<(), StepFailure>,
    /// How long it took, retries included.
    pub took: Duration,
}

/// Why a step was not done.
#[derive(Debug, thiserror::Error)]
pub enum StepFailure {
    /// The database said no.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// It rests on a step that was not done.
    #[error("rests on a step that was not done")]
    Skipped,
}

/// What one run came to.
#[derive(Debug)]
pub struct Convergence {
    /// What was decided.
    pub plan: Plan,
    /// What became of each step, in order; empty where nothing was to be done or `mode: Plan`.
    pub outcomes: Vec<StepOutcome>,
    /// What is there now.
    pub observed: ObservedTable,
    /// What is left to do: `plan` again where nothing was done.
    pub remaining: Plan,
}
