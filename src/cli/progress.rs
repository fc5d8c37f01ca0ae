//! Shows a person how an `apply` goes: a bar on a terminal, a line per step elsewhere.

use std::io::IsTerminal as _;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::plan::{Plan, Step};
use crate::postgres::{DatabaseError, Progress, StepOutcome};

pub(super) struct Shown {
    bar: ProgressBar,
}

impl Shown {
    pub(super) fn new() -> Self {
        let bar = ProgressBar::hidden();
        if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos}/{len} {elapsed} {wide_msg}")
        {
            bar.set_style(style);
        }
        Self { bar }
    }

    /// A line that stays, above the bar where there is one.
    fn line(&self, text: &str) {
        if self.bar.is_hidden() {
            // Where standard error is closed there is nobody to tell.
            drop(super::output::tell(text));
        } else {
            self.bar.println(text);
        }
    }
}

impl Progress for Shown {
    fn planned(&mut self, plan: &Plan) {
        self.bar.set_length(plan.steps.len() as u64);
        self.bar.set_position(0);
        if std::io::stderr().is_terminal() {
            self.bar.set_draw_target(ProgressDrawTarget::stderr());
        }
    }

    fn started(&mut self, step: &Step) {
        self.bar.set_message(format!("{} {}", step.verb(), step.subject().name.shown()));
    }

    fn retried(&mut self, step: &Step, error: &DatabaseError) {
        let name = step.subject().name.shown();
        self.line(&format!("  wait    {} {name}: {error}; trying again", step.verb()));
    }

    fn finished(&mut self, outcome: &StepOutcome) {
        let (verb, name) = (outcome.step.verb(), outcome.step.subject().name.shown());
        let millis = outcome.took.as_millis();
        match &outcome.result {
            Ok(()) => self.line(&format!("  done    {verb} {name} ({millis} ms)")),
            Err(error) => self.line(&format!("  failed  {verb} {name}: {error}")),
        }
        self.bar.inc(1);
    }
}

impl Drop for Shown {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
