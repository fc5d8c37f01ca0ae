//! Shows the progress of `apply`: a bar on a terminal, otherwise one line per step.

use std::io::IsTerminal as _;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::plan::{Plan, Step, Work};
use crate::postgres::{DatabaseError, Milestone, PageDone, Progress, StepOutcome, WorkOutcome};

pub(super) struct StepDisplay {
    bar: ProgressBar,
    /// Whether the bar counts rows. Otherwise it counts steps.
    of_rows: bool,
}

/// Templates of the bar: steps, rows, and rows of a table whose number of rows Postgres does not know.
const STEPS: &str = "{bar:30} {pos}/{len} {elapsed} {wide_msg}";
const ROWS: &str = "{bar:30} {human_pos}/~{human_len} rows, {per_sec}, {eta} left {wide_msg}";
const ROWS_OF_UNKNOWN: &str = "{spinner} {human_pos} rows, {per_sec} {wide_msg}";

impl StepDisplay {
    pub(super) fn new() -> Self {
        let display = Self { bar: ProgressBar::hidden(), of_rows: false };
        display.style(STEPS);
        display
    }

    fn style(&self, template: &str) {
        if let Ok(style) = ProgressStyle::with_template(template) {
            self.bar.set_style(style);
        }
    }

    fn show(&self) {
        if std::io::stderr().is_terminal() {
            self.bar.set_draw_target(ProgressDrawTarget::stderr());
        }
    }

    /// Makes the bar one of the rows of this work.
    fn begin_rows(&mut self, work: &Work, before: u64) {
        let estimated = work.rows().1.filter(|rows| *rows > 0);
        self.style(if estimated.is_some() { ROWS } else { ROWS_OF_UNKNOWN });
        self.bar.reset();
        self.bar.set_length(estimated.unwrap_or(0));
        self.bar.set_position(before);
        self.bar.reset_eta();
        self.bar.set_message(format!("{} {}", work.verb(), work.table().source.name.display()));
        self.of_rows = true;
        self.show();
    }

    /// A line that stays, above the bar where there is one.
    fn line(&self, text: &str) {
        if self.bar.is_hidden() {
            // If standard error is closed, the progress cannot be printed.
            drop(super::output::print_notice(text));
        } else {
            self.bar.println(text);
        }
    }
}

impl Progress for StepDisplay {
    fn planned(&mut self, plan: &Plan) {
        self.of_rows = false;
        self.style(STEPS);
        self.bar.reset();
        self.bar.set_length(plan.steps.len() as u64);
        self.bar.set_position(0);
        self.show();
    }

    fn started(&mut self, step: &Step) {
        self.bar.set_message(format!("{} {}", step.verb(), step.subject().name.display()));
    }

    fn retried(&mut self, step: &Step, error: &DatabaseError) {
        let name = step.subject().name.display();
        self.line(&format!("  wait    {} {name}: {error}; trying again", step.verb()));
    }

    fn finished(&mut self, outcome: &StepOutcome) {
        let (verb, name) = (outcome.step.verb(), outcome.step.subject().name.display());
        let millis = outcome.took.as_millis();
        match &outcome.result {
            Ok(()) => self.line(&format!("  done    {verb} {name} ({millis} ms)")),
            Err(error) => self.line(&format!("  failed  {verb} {name}: {error}")),
        }
        self.bar.inc(1);
    }

    fn page_done(&mut self, outcome: &WorkOutcome, page: PageDone) {
        let (work, rows) = (&outcome.work, outcome.rows_in_all());
        if !self.of_rows {
            self.begin_rows(work, rows.saturating_sub(page.rows));
        }
        self.bar.set_position(rows);
        let (verb, name) = (work.verb(), work.table().source.name.display());
        let of_all = work.rows().1.map_or_else(String::new, |rows| format!(" of ~{rows}"));
        match outcome.milestone(page) {
            // A bar shows it.
            Some(Milestone::Begin | Milestone::Quarters(_)) if !self.bar.is_hidden() => {}
            Some(Milestone::Begin | Milestone::Quarters(_)) => {
                self.line(&format!("  {verb:8}{name}: {rows}{of_all} rows"));
            }
            Some(Milestone::End) => {
                self.line(&format!("  done    {verb} {name}: {rows} rows"));
                self.of_rows = false;
            }
            None => {}
        }
    }
}

impl Drop for StepDisplay {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
