//! Text output of `plan`, which tests compare with golden files.

use std::fmt;

use super::{Deferral, Plan, PlannedStep, PlannedWork, Step, Work};
use crate::partition::LockMode;

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (steps, deferred) = (self.steps.len(), self.deferred.len());
        let plural = if steps == 1 { "" } else { "s" };
        let table = self.table.display();
        let work = self.work.as_ref().map_or("", |planned| match planned.work {
            Work::Copy(_) => ", 1 long-running copy",
            Work::Compare(_) => ", 1 long-running comparison",
        });
        let fingerprint = &self.fingerprint;
        writeln!(f, "{table}: {steps} step{plural}{work}, {deferred} deferred  [{fingerprint}]")?;
        for row in align(&self.steps.iter().map(row).collect::<Vec<_>>()) {
            writeln!(f, "  {row}")?;
        }
        if let Some(planned) = &self.work {
            writeln!(f, "  {}", planned.line())?;
        }
        let (of_plan, alone): (Vec<_>, Vec<_>) =
            self.deferred.iter().partition(|deferral| deferral.blocker.is_about_plan());
        for deferral in alone {
            writeln!(f, "  {}", deferral.line())?;
        }
        for of_one in of_plan.chunk_by(|one, next| one.blocker == next.blocker) {
            let Some(first) = of_one.first() else { continue };
            writeln!(f, "  deferred  {}: {}", first.blocker.name(), first.blocker.explain())?;
            let wanted = of_one.iter().filter_map(|deferral| deferral.step.as_ref()).map(cells);
            for row in align(&wanted.collect::<Vec<_>>()) {
                writeln!(f, "    {row}")?;
            }
        }
        for planned in &self.notes {
            writeln!(f, "  note  {}", planned.note.explain())?;
        }
        Ok(())
    }
}

impl Deferral {
    /// Returns a deferred step with its blocker, in one line.
    #[must_use]
    pub fn line(&self) -> String {
        let name = self.blocker.name();
        let why = || format!("{name}: {}", self.blocker.explain());
        match &self.step {
            Some(step) if self.blocker.is_about_plan() => {
                format!("deferred  {}  {name}", cells(step).join("  "))
            }
            Some(step) => {
                format!("deferred  {} {}: {}", step.verb(), object(step), why())
            }
            None => format!("deferred  {}", why()),
        }
    }
}

impl PlannedWork {
    /// Returns the work and its cause in one line.
    #[must_use]
    pub fn line(&self) -> String {
        format!("{}  {}", self.work.line(), self.cause.explain())
    }
}

impl PlannedStep {
    /// Returns the step, its cause, and its locks in one line.
    #[must_use]
    pub fn line(&self) -> String {
        row(self).into_iter().filter(|cell| !cell.is_empty()).collect::<Vec<_>>().join("  ")
    }
}

/// Returns the name of the relation that a step changes. The schema is included only for a detached table that a user has
/// moved to another schema.
fn object(step: &Step) -> String {
    let subject = step.subject();
    if let Step::DropDetached(drop) = step
        && drop.managed.name().schema != subject.schema
    {
        return subject.display();
    }
    subject.name.display()
}

/// Returns the verb, the relation, and the detail of a step.
fn cells(step: &Step) -> Vec<String> {
    vec![step.verb().to_owned(), object(step), step.detail()]
}

/// Returns the cells of a step, its cause, and its locks.
fn row(planned: &PlannedStep) -> Vec<String> {
    let mut row = cells(&planned.step);
    row.extend([planned.cause.explain(), locks(planned)]);
    row
}

/// Returns the locks on other relations than the subject, strongest first, at most three.
fn locks(planned: &PlannedStep) -> String {
    let subject = planned.step.subject();
    let mut locks = planned.step.locks();
    locks.retain(|(relation, _)| **relation != subject);
    locks.sort_by_key(|(_, mode)| std::cmp::Reverse(*mode));
    let mut shown: Vec<_> =
        locks.iter().take(3).map(|(on, mode)| format_lock(&on.name.display(), *mode)).collect();
    if locks.len() > 3 {
        shown.push(format!("{} more", locks.len() - 3));
    }
    shown.join(", ")
}

fn format_lock(relation: &str, mode: LockMode) -> String {
    format!("{} on {relation}", mode.as_str())
}

/// Pads cells to align columns, without trailing spaces.
fn align(rows: &[Vec<String>]) -> Vec<String> {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max()
    };
    let widths: Vec<_> = (0..columns).map(|column| width(column).unwrap_or(0)).collect();
    rows.iter()
        .map(|row| {
            let cells: Vec<_> =
                row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}")).collect();
            cells.join("  ").trim_end().to_owned()
        })
        .collect()
}
