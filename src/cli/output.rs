//! Results go to standard output, everything else to standard error. No other module prints.

use std::io::{ErrorKind, Write as _};

use clap::ValueEnum;
use serde_json::{Value, json};

use crate::plan::PlannedNote;

/// Format of a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// Text for users
    Text,
    /// JSON for programs
    Json,
}

/// Prints a result. A closed pipe, as of `| head`, is not an error.
pub(super) fn print(text: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error.into()),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Prints a result for programs.
pub(super) fn print_json(value: &impl serde::Serialize) -> anyhow::Result<()> {
    print(&(serde_json::to_string_pretty(value)? + "\n"))
}

/// Returns a note of a plan, as the results for programs have it.
pub(super) fn note_for_programs(planned: &PlannedNote) -> Value {
    let PlannedNote { rule, note } = planned;
    json!({ "note": note.name(), "rule": rule.name(), "message": note.explain() })
}

/// Prints a message that is not a result.
pub(super) fn print_notice(text: &str) -> anyhow::Result<()> {
    Ok(writeln!(std::io::stderr(), "{text}")?)
}
