//! Reports each step to events, metrics, and the log.

use k8s_openapi::api::core::v1::ObjectReference;

use super::events::Events;
use super::metrics::Metrics;
use crate::partition::CopiedTable;
use crate::plan::{Cause, Plan, PlannedStep, Step};
use crate::postgres::{
    DatabaseError, Milestone, PageDone, Progress, StepFailure, StepOutcome, WorkOutcome,
};

/// Reports the steps of one table.
pub(super) struct StepReporter<'a> {
    about: ObjectReference,
    events: &'a Events,
    metrics: &'a Metrics,
}

impl<'a> StepReporter<'a> {
    pub(super) fn new(about: ObjectReference, events: &'a Events, metrics: &'a Metrics) -> Self {
        Self { about, events, metrics }
    }
}

impl Progress for StepReporter<'_> {
    fn planned(&mut self, plan: &Plan) {
        let altered = |planned: &&PlannedStep| planned.cause == Cause::SyncAltered;
        if let Some(install) = plan.steps.iter().find(altered) {
            self.events.sync_altered(&self.about, install);
        }
        tracing::info!(
            namespace = self.about.namespace,
            name = self.about.name,
            table = plan.table.display(),
            steps = plan.steps.len(),
            fingerprint = plan.fingerprint,
            "planned"
        );
    }

    fn started(&mut self, step: &Step) {
        tracing::debug!(step = step.verb(), subject = step.subject().display(), "step started");
    }

    fn retried(&mut self, step: &Step, error: &DatabaseError) {
        self.metrics.lock_timed_out(step.verb());
        tracing::debug!(step = step.verb(), subject = step.subject().display(), %error, "step retried");
    }

    fn finished(&mut self, outcome: &StepOutcome) {
        let StepOutcome { step, rule, result, took } = outcome;
        let took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        let (name, verb) = (&self.about.name, step.verb());
        let (namespace, subject) = (&self.about.namespace, step.subject().display());
        let rule = rule.name();
        match result {
            Ok(()) => tracing::info!(
                namespace,
                name,
                step = verb,
                subject,
                rule,
                took_ms,
                "step succeeded"
            ),
            Err(StepFailure::Revoked) => {
                tracing::info!(
                    namespace,
                    name,
                    step = verb,
                    subject,
                    rule,
                    "canceled the run before the step"
                );
                return;
            }
            Err(error) => {
                tracing::warn!(namespace, name, step = verb, subject, rule, took_ms, %error, "step failed");
            }
        }
        self.metrics.step_ended(verb, result.is_ok(), *took);
        self.events.step(&self.about, outcome);
    }

    fn page_done(&mut self, outcome: &WorkOutcome, page: PageDone) {
        let (work, rows) = (outcome.work.verb(), outcome.rows_in_all());
        let PageDone { rows: page_rows, differing, repaired, done } = page;
        tracing::debug!(work, rows, page_rows, differing, repaired, done, "committed a page");
        if let Some(milestone) = outcome.milestone(page) {
            self.report_milestone(outcome, milestone);
        }
    }
}

impl StepReporter<'_> {
    fn report_milestone(&self, outcome: &WorkOutcome, milestone: Milestone) {
        let WorkOutcome { work, .. } = outcome;
        let CopiedTable { source, copy, .. } = work.table();
        let (namespace, name) = (&self.about.namespace, &self.about.name);
        let (verb, source, copy) = (work.verb(), source.display(), copy.display());
        let rows = outcome.rows_in_all();
        match milestone {
            Milestone::Begin => {
                tracing::info!(
                    namespace,
                    name,
                    work = verb,
                    source,
                    copy,
                    "started long-running work"
                );
            }
            Milestone::Quarters(quarters) => {
                let percent = quarters * 25;
                tracing::info!(
                    namespace,
                    name,
                    work = verb,
                    source,
                    rows,
                    percent,
                    "continued long-running work"
                );
            }
            Milestone::End => {
                tracing::info!(
                    namespace,
                    name,
                    work = verb,
                    source,
                    copy,
                    rows,
                    "finished long-running work"
                );
            }
        }
        self.events.work(&self.about, outcome, milestone);
    }
}
