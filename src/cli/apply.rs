//! `apply`: makes the tables match the declared state.

use std::time::Duration;

use clap::Args;

use super::database::Database;
use super::exit::Exit;
use super::progress::StepDisplay;
use super::{Declared, documents, duration, output};
use crate::converge::{ConvergeError, Convergence, Options, converge};
use crate::desired::{DesiredTable, Mode};
use crate::plan::{PlanTime, Work};
use crate::postgres::{Session, WorkOutcome};

#[derive(Debug, Args)]
pub(super) struct ApplyArguments {
    #[command(flatten)]
    declared: Declared,
    #[command(flatten)]
    database: Database,
    /// Apply a plan only if it has this fingerprint (the command plan shows it); repeat the option for each document
    #[arg(long, value_name = "FINGERPRINT")]
    expect: Vec<String>,
    /// Approve the deferred steps of the plan with this fingerprint; can be repeated
    #[arg(long, value_name = "FINGERPRINT")]
    approve: Vec<String>,
    /// Time to retry while other sessions hold a lock
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = duration)]
    wait: Duration,
}

pub(super) async fn apply(arguments: ApplyArguments) -> anyhow::Result<Exit> {
    let mut tables = documents::read(&arguments.declared.file)?;
    for table in &mut tables {
        table.approved.extend_from_slice(&arguments.approve);
    }
    let mut session = arguments.database.connect().await?;
    let options = Options {
        expect: arguments.expect,
        detach_timeout: arguments.wait,
        ..Options::new(PlanTime::at(arguments.declared.now()), arguments.wait)
    };
    let mut most_severe = Exit::Done;
    for table in &tables {
        if session.is_closed() {
            session = arguments.database.connect().await?;
        }
        most_severe = most_severe.max(apply_one(&session, table, &options).await?);
    }
    Ok(most_severe)
}

async fn apply_one(
    session: &Session,
    table: &DesiredTable,
    options: &Options,
) -> anyhow::Result<Exit> {
    let mut display = StepDisplay::new();
    let result = converge(session, table, options, &mut display).await;
    drop(display);
    let name = table.name.display();
    match result {
        Ok(convergence) => report(&name, table.mode, &convergence),
        Err(error) => {
            output::print_notice(&format!("{name}: {error}"))?;
            Ok(match error {
                ConvergeError::LockedByAnotherOperator(_) | ConvergeError::Conflict(_) => {
                    Exit::Busy
                }
                ConvergeError::PlanChanged { .. } => Exit::PlanChanged,
                ConvergeError::Inspect(error) => Exit::from_error(&error.into()),
                ConvergeError::Violation(_) | ConvergeError::Revoked => Exit::Failed,
            })
        }
    }
}

/// Returns what the last work of a run came to: `, 2300 rows compared, 2 repaired`.
fn work_done(work_outcome: &WorkOutcome) -> String {
    let rows = work_outcome.rows;
    match work_outcome.work {
        Work::Copy(_) => format!(", {rows} rows copied"),
        Work::Compare(_) if work_outcome.differing == 0 => {
            format!(", {rows} rows compared, none differed")
        }
        Work::Compare(_) => format!(
            ", {rows} rows compared, {} differed, {} repaired",
            work_outcome.differing, work_outcome.repaired
        ),
    }
}

fn report(name: &str, mode: Mode, convergence: &Convergence) -> anyhow::Result<Exit> {
    let Convergence { outcomes, remaining, .. } = convergence;
    let done = outcomes.iter().filter(|outcome| outcome.result.is_ok()).count();
    let plural = if done == 1 { "" } else { "s" };
    let work_outcome = convergence.work_outcome.as_ref().map(work_done);
    let all = format!("{done} step{plural} done{}", work_outcome.clone().unwrap_or_default());
    match (done, remaining.is_done() && remaining.deferred.is_empty()) {
        (0, true) if work_outcome.is_none() => output::print(&format!("{name}: nothing to do\n"))?,
        (_, true) => output::print(&format!("{name}: {all}\n"))?,
        _ => output::print(&format!("{name}: {all}, this is left:\n{remaining}"))?,
    }
    let failures = convergence.failures().map(|(_, failure)| Exit::from_failure(failure));
    let work_outcome = convergence
        .work_outcome
        .as_ref()
        .and_then(|work_outcome| work_outcome.result.as_ref().err());
    let failures = failures.chain(work_outcome.map(Exit::from_failure));
    let failed = failures.max().unwrap_or(Exit::Done);
    let left = match (remaining.is_done(), mode) {
        (true, _) => Exit::Done,
        (false, Mode::Plan) => Exit::Pending,
        // Another session changed the table meanwhile, or holds what these steps rest on.
        (false, Mode::Enforce) => Exit::Busy,
    };
    Ok(failed.max(left).max(Exit::from_deferred(remaining)))
}
