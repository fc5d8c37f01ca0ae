//! `inspect`: prints the saved snapshot of a table, without row data.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::Args;
use jiff::Timestamp;

use super::database::Database;
use super::exit::Exit;
use super::output::Format;
use super::{documents, output};
use crate::converge::observe;
use crate::desired::DesiredTable;
use crate::observed::{DetachedBy, ObservedPartition, ObservedTable, PartitionState, RelationKind};
use crate::partition::{
    Detached, Identifier, ManagedTable, MarkerState, QualifiedName, escape_control,
};
use crate::plan::{PlanTime, questions, questions_without_spec};

#[derive(Debug, Args)]
pub(super) struct InspectArguments {
    /// Table, quoted as in SQL: public.revenues, "My Schema"."My Table"
    #[arg(value_name = "SCHEMA.TABLE", value_parser = QualifiedName::parse_sql)]
    table: QualifiedName,
    /// File with PartitionedTable documents; - is standard input. The snapshot then also contains the index
    /// conditions of the spec, in the form in which Postgres prints them. plan --observed needs them if an index of the spec
    /// has a condition
    #[arg(short, long = "filename", value_name = "FILE")]
    file: Option<PathBuf>,
    #[command(flatten)]
    database: Database,
    /// Format of the snapshot; plan --observed reads json
    #[arg(short, long, value_enum, default_value_t = Format::Text)]
    output: Format,
}

pub(super) async fn inspect(arguments: InspectArguments) -> anyhow::Result<Exit> {
    let table = ManagedTable::new(arguments.table);
    let desired = arguments.file.as_deref().map(|file| declared(file, &table)).transpose()?;
    let now = PlanTime::at(Timestamp::now());
    let asked = move |observed: &ObservedTable| {
        let asked = questions_without_spec(observed);
        match &desired {
            Some(desired) if asked.is_empty() => questions(desired, observed, &now),
            Some(_) | None => asked,
        }
    };
    let session = arguments.database.connect().await?;
    let (snapshot, observed) = observe(&session, &table, asked).await?;
    if observed.relation.is_none() {
        bail!("table {} does not exist", table.display());
    }
    match arguments.output {
        Format::Json => output::print_json(&snapshot)?,
        Format::Text => output::print(&text(&observed))?,
    }
    Ok(Exit::Done)
}

/// Returns what a document in the file declares about the table.
fn declared(file: &Path, table: &ManagedTable) -> anyhow::Result<DesiredTable> {
    let declared = documents::read(file)?.into_iter().find(|declared| declared.name == *table);
    declared.with_context(|| format!("{}: no document for {}", file.display(), table.display()))
}

fn text(observed: &ObservedTable) -> String {
    let Some(relation) = &observed.relation else { return String::new() };
    let kind = match &relation.kind {
        RelationKind::Partitioned(key) => format!("partitioned by {}", key.display()),
        RelationKind::Other(kind) => (*kind).to_owned(),
    };
    let server = &observed.server;
    let mut text = format!(
        "{}: {kind}, owned by {}\n  Postgres {}, as {}\n",
        observed.name.display(),
        relation.owner.display(),
        server.version,
        server.role.as_ref().map_or("the login role".to_owned(), Identifier::display)
    );
    for partition in &observed.partitions {
        text.push_str(&format!("  {}\n", line(partition)));
    }
    for index in &observed.indexes {
        let valid = if index.valid { "" } else { ", not valid yet" };
        text.push_str(&format!(
            "  index {}: {}{valid}\n",
            index.name.display(),
            escape_control(&index.definition)
        ));
    }
    text
}

fn line(partition: &ObservedPartition) -> String {
    let state = match &partition.state {
        PartitionState::Attached { marker: Some(MarkerState::Expired { .. }), .. } => {
            "attached, expired".to_owned()
        }
        PartitionState::Attached { .. } => "attached".to_owned(),
        PartitionState::PendingDetach { .. } => "detach pending".to_owned(),
        PartitionState::NeverAttached => "not attached yet".to_owned(),
        PartitionState::Detached { by, .. } => match by {
            DetachedBy::Recorded(Detached { at, drops_since: None }) => {
                format!("detached since {at}")
            }
            DetachedBy::Recorded(Detached { at, drops_since: Some(since) }) => {
                format!("detached since {at}, to be dropped since {since}")
            }
            DetachedBy::Restore => "detached, restored".to_owned(),
            DetachedBy::User | DetachedBy::Unrecorded { .. } => "detached".to_owned(),
        },
    };
    let origin = if partition.state.is_managed() { "managed" } else { "unmanaged" };
    let rows = partition.rows.map_or_else(|| "rows unknown".to_owned(), |n| format!("~{n} rows"));
    format!(
        "{:32} {}  {state}, {origin}, {rows}",
        partition.name.name.display(),
        partition.bounds.display()
    )
}
