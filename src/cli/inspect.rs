//! `inspect`: what is in the database, without any row.

use anyhow::bail;
use clap::Args;

use super::database::Database;
use super::exit::Exit;
use super::output;
use super::output::Format;
use crate::observed::{Attachment, ObservedPartition, ObservedTable, Origin, RelationKind, Within};
use crate::partition::{Identifier, KeyType, ManagedTable, Mark, QualifiedName, shown_text};
use crate::postgres::{self, default_rows, rows_referenced_by};

#[derive(Debug, Args)]
pub(super) struct InspectArguments {
    /// The table, quoted as in SQL: public.revenues, "My Schema"."My Table"
    #[arg(value_name = "SCHEMA.TABLE", value_parser = QualifiedName::parse_sql)]
    table: QualifiedName,
    #[command(flatten)]
    database: Database,
    /// How the snapshot is written; plan --observed reads json
    #[arg(short, long, value_enum, default_value_t = Format::Text)]
    output: Format,
}

pub(super) async fn inspect(arguments: InspectArguments) -> anyhow::Result<Exit> {
    let session = arguments.database.connect().await?;
    let table = ManagedTable::new(arguments.table.clone());
    let mut snapshot = postgres::inspect(&session, &table, &arguments.table.name).await?;
    let mut observed = ObservedTable::try_from(snapshot.clone())?;
    if observed.relation.is_none() {
        bail!("there is no table {}", arguments.table.shown());
    }
    snapshot.default_rows = default_rows(&session, &observed, Within::Everywhere).await?;
    let is_referenced = observed.relation.as_ref().is_some_and(|r| !r.referenced_by.is_empty());
    for partition in observed.attached().filter(|p| is_referenced && p.origin == Origin::Ours) {
        let by = rows_referenced_by(&session, &observed, &partition.name).await?;
        snapshot.set_rows_referenced_by(&partition.name, by);
    }
    match arguments.output {
        Format::Json => output::print_json(&snapshot)?,
        Format::Text => {
            observed = ObservedTable::try_from(snapshot)?;
            output::print(&text(&observed))?;
        }
    }
    Ok(Exit::Done)
}

fn text(observed: &ObservedTable) -> String {
    let Some(relation) = &observed.relation else { return String::new() };
    let kind = match &relation.kind {
        RelationKind::Partitioned(key) => format!("partitioned by {}", key.shown()),
        RelationKind::Other(kind) => (*kind).to_owned(),
    };
    let server = &observed.server;
    let mut text = format!(
        "{}: {kind}, owned by {}\n  Postgres {}, as {}\n",
        observed.name.shown(),
        relation.owner.shown(),
        server.version,
        server.role.as_ref().map_or("the login role".to_owned(), Identifier::shown)
    );
    let key = observed.range_key().map(|(_, key)| key);
    for partition in &observed.partitions {
        text.push_str(&format!("  {}\n", line(partition, key)));
    }
    for index in &observed.indexes {
        let valid = if index.valid { "" } else { ", not valid yet" };
        text.push_str(&format!(
            "  index {}: {}{valid}\n",
            index.name.shown(),
            shown_text(&index.definition)
        ));
    }
    text
}

fn line(partition: &ObservedPartition, key: Option<KeyType>) -> String {
    let state = match (partition.attachment, partition.mark) {
        (Attachment::Attached, Some(Mark::Expired { .. })) => "attached, let go".to_owned(),
        (Attachment::Attached, _) => "attached".to_owned(),
        (Attachment::DetachPending, _) => "detach pending".to_owned(),
        (Attachment::Prepared, _) => "not attached yet".to_owned(),
        (Attachment::Detached, Some(Mark::Detached(detached))) => match detached.drops_since {
            None => format!("detached since {}", detached.at),
            Some(since) => format!("detached since {}, to be dropped since {since}", detached.at),
        },
        (Attachment::Detached, _) if partition.is_restored => "detached, restored".to_owned(),
        (Attachment::Detached, _) => "detached".to_owned(),
    };
    let origin = match partition.origin {
        Origin::Ours => "ours",
        Origin::Foreign => "made by others",
    };
    let rows = partition.rows.map_or_else(|| "rows unknown".to_owned(), |n| format!("~{n} rows"));
    format!(
        "{:32} {}  {state}, {origin}, {rows}",
        partition.name.name.shown(),
        partition.bounds.shown(key)
    )
}
