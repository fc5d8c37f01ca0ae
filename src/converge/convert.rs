//! Continues a conversion from stage to stage within one run.

use std::collections::HashSet;
use std::time::Instant;

use super::background::check_in_background;
use super::{ConvergeError, StepRunner, lock_aside, observe_and_plan, timeouts};
use crate::observed::ObservedTable;
use crate::plan::{Plan, PlannedWork};
use crate::postgres::{StepFailure, TableLock, WorkOutcome, advance};

impl<'a> StepRunner<'a> {
    /// Executes the steps and the work of one stage after the other, until nothing is left, something fails, or the time is
    /// over. If a user expects a certain plan, its steps are already executed and only its work follows.
    pub(super) async fn convert(
        &mut self,
        (mut observed, mut remaining): (ObservedTable, Plan),
        aside: &mut Option<TableLock<'a>>,
    ) -> Result<(ObservedTable, Plan), ConvergeError> {
        let until = Instant::now().checked_add(self.options.work_time);
        let mut tried = HashSet::new();
        while until.is_none_or(|until| Instant::now() < until) && !self.has_failed() {
            if self.desired.conversion.is_none() {
                break;
            }
            if aside.is_none() {
                *aside = lock_aside(self.lock, &remaining, &observed, self.options).await?;
            }
            let next = remaining.clone();
            let next = if aside.is_some() { next } else { next.without_aside() };
            // A step that succeeded and is planned again is not executed twice in one run.
            let has_steps = !next.steps.is_empty() && !tried.contains(&next.fingerprint);
            if has_steps && !self.options.expect.is_empty() {
                break;
            } else if has_steps {
                tried.insert(next.fingerprint.clone());
                let time = &self.options.time;
                let checked = check_in_background(next, self.desired, observed, time).await?;
                (observed, remaining) = self.all(&checked).await?;
            } else if let Some(planned) = self.next_work(&remaining) {
                let work = Plan { steps: Vec::new(), work: Some(planned), ..remaining };
                (observed, remaining) = self.work(work, observed, until).await?;
            } else {
                break;
            }
        }
        Ok((observed, remaining))
    }

    /// Returns the work for this run, or `None` if there is none or this run does not execute it.
    fn next_work(&self, plan: &Plan) -> Option<PlannedWork> {
        let expected = &self.options.expect;
        let is_expected = expected.is_empty() || expected.contains(&plan.fingerprint);
        plan.work.clone().filter(|planned| is_expected && self.options.executes(planned))
    }

    fn has_failed(&self) -> bool {
        let steps = self.outcomes.iter().any(|outcome| outcome.result.is_err());
        steps || self.work_outcome.as_ref().is_some_and(|work_outcome| work_outcome.result.is_err())
    }

    /// Executes the work of a plan without steps, then inspects again.
    async fn work(
        &mut self,
        plan: Plan,
        observed: ObservedTable,
        until: Option<Instant>,
    ) -> Result<(ObservedTable, Plan), ConvergeError> {
        let (lock, desired, options) = (self.lock, self.desired, self.options);
        let checked = check_in_background(plan, desired, observed, &options.time).await?;
        let left = until.map(|until| until.saturating_duration_since(Instant::now()));
        let left = left.unwrap_or(options.work_time);
        let (timeouts, authority) = (timeouts(desired, options), &*options.authority);
        let work_outcome = advance(lock, &checked, timeouts, left, authority, self.progress).await;
        let is_revoked = work_outcome.as_ref().is_some_and(is_revoked);
        self.work_outcome = work_outcome;
        if is_revoked {
            return Err(ConvergeError::Revoked);
        }
        Ok(observe_and_plan(lock.session(), desired, &options.time).await?)
    }
}

fn is_revoked(work_outcome: &WorkOutcome) -> bool {
    matches!(work_outcome.result, Err(StepFailure::Revoked))
}
