//! `verify`: whether the tables are what is declared.

use anyhow::Context as _;
use clap::Args;
use serde_json::json;

use super::database::Database;
use super::exit::Exit;
use super::output::Format;
use super::{Declared, documents, output};
use crate::converge::look;
use crate::plan::{Moment, Note, Plan};
use crate::status::drift;

#[derive(Debug, Args)]
pub(super) struct VerifyArguments {
    #[command(flatten)]
    declared: Declared,
    #[command(flatten)]
    database: Database,
    /// How the result is written
    #[arg(short, long, value_enum, default_value_t = Format::Text)]
    output: Format,
}

pub(super) async fn verify(arguments: VerifyArguments) -> anyhow::Result<Exit> {
    let tables = documents::read(&arguments.declared.file)?;
    let session = arguments.database.connect().await?;
    let moment = Moment::at(arguments.declared.now());
    let mut plans = Vec::new();
    for table in &tables {
        let (_, plan) = look(&session, table, &moment).await.with_context(|| table.name.shown())?;
        plans.push(plan);
    }
    show(&plans, arguments.output)
}

/// Prints what is wrong with each table, and says what it asks for.
pub(super) fn show(plans: &[Plan], format: Format) -> anyhow::Result<Exit> {
    match format {
        Format::Text => output::print(&plans.iter().map(text).collect::<String>())?,
        Format::Json => output::print_json(&plans.iter().map(document).collect::<Vec<_>>())?,
    }
    Ok(plans.iter().map(exit).max().unwrap_or(Exit::Done))
}

fn text(plan: &Plan) -> String {
    let drift = drift(plan);
    let verdict = if drift.is_empty() { "as declared" } else { "not as declared" };
    let mut text = format!("{}: {verdict}\n", plan.table.shown());
    for line in drift {
        text.push_str(&format!("  {line}\n"));
    }
    for note in &plan.notes {
        text.push_str(&format!("  note  {}\n", note.explain()));
    }
    text
}

fn document(plan: &Plan) -> serde_json::Value {
    let drift = drift(plan);
    json!({
        "table": plan.table.shown(),
        "asDeclared": drift.is_empty(),
        "drift": drift,
        "notes": plan.notes.iter().map(Note::explain).collect::<Vec<_>>(),
    })
}

fn exit(plan: &Plan) -> Exit {
    let steps = if plan.is_done() { Exit::Done } else { Exit::Steps };
    steps.max(Exit::of_deferred(plan))
}
