//! `status`: a resource as a person wants to know of it, from what it says itself.

mod advice;
mod layout;
mod preview;
mod text;

use clap::Args;
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use serde_json::json;

use super::Resource;
use crate::api::v1alpha1::PartitionedTable;
use crate::api::{ConditionType, Reason};
use crate::cli::exit::Exit;
use crate::cli::output::{self, Format};
use crate::kubernetes::Cluster;
use crate::plan::Waits;
use crate::status::cure;

pub(super) use layout::Paint;
pub(super) use preview::text as plan_text;
pub(super) use text::text;

#[derive(Debug, Args)]
pub(super) struct StatusArguments {
    #[command(flatten)]
    resource: Resource,
    /// How the status is written
    #[arg(short, long, value_enum, default_value_t = Format::Text)]
    output: Format,
}

pub(super) async fn status(cluster: &Cluster, arguments: StatusArguments) -> anyhow::Result<Exit> {
    let table = cluster.get(&arguments.resource.name).await?;
    show(&table, arguments.output)
}

/// Prints the status, and says what it asks for.
pub(super) fn show(table: &PartitionedTable, format: Format) -> anyhow::Result<Exit> {
    match format {
        Format::Text => {
            output::print(&text(table, Timestamp::now(), Paint::for_standard_output()))?;
        }
        Format::Json => output::print_json(&json!({
            "namespace": table.metadata.namespace,
            "name": table.metadata.name,
            "generation": table.metadata.generation,
            "awaitsApproval": awaits_approval(table),
            "status": table.status,
        }))?,
    }
    Ok(exit(table))
}

/// What the status asks for.
pub(super) fn exit(table: &PartitionedTable) -> Exit {
    let Some(ready) = condition(table, ConditionType::Ready).filter(|_| !is_outdated(table)) else {
        return Exit::Steps;
    };
    if ready.status == "True" {
        return Exit::Done;
    }
    match reason(ready) {
        Some(Reason::PlanOnly) => Exit::Steps,
        Some(reason) => match cure(reason) {
            Waits::ForPerson => Exit::Person,
            Waits::ForOthers => Exit::Busy,
            Waits::ForTime => Exit::Steps,
        },
        None if is_stalled(table) => Exit::Person,
        None => Exit::Steps,
    }
}

/// Whether the plan that the status tells of holds back what somebody has to approve of. Where it
/// shows only the beginning of what is held back, that may be among the rest.
pub(super) fn awaits_approval(table: &PartitionedTable) -> bool {
    let Some(plan) = table.status.as_ref().and_then(|status| status.plan.as_ref()) else {
        return false;
    };
    let conditions = conditions(table);
    let told = conditions.iter().any(|c| reason(c) == Some(Reason::AwaitingApproval))
        || plan.preview.iter().any(|line| preview::needs_approval(line));
    let shown = i32::try_from(plan.preview.len()).unwrap_or(i32::MAX);
    told || plan.deferred > 0 && plan.steps.saturating_add(plan.deferred) > shown
}

/// Whether the spec has changed since the operator looked.
pub(super) fn is_outdated(table: &PartitionedTable) -> bool {
    let of = table.status.as_ref().and_then(|status| status.observed_generation);
    table.metadata.generation.is_some() && of != table.metadata.generation
}

pub(super) fn is_ready(table: &PartitionedTable) -> bool {
    condition(table, ConditionType::Ready).is_some_and(|ready| ready.status == "True")
}

pub(super) fn is_stalled(table: &PartitionedTable) -> bool {
    condition(table, ConditionType::Stalled).is_some_and(|stalled| stalled.status == "True")
}

pub(super) fn conditions(table: &PartitionedTable) -> &[Condition] {
    table.status.as_ref().map_or(&[], |status| &status.conditions)
}

fn condition(table: &PartitionedTable, type_: ConditionType) -> Option<&Condition> {
    conditions(table).iter().find(|condition| condition.type_ == type_.as_str())
}

/// The reason of a condition; none where another version of the operator has given it.
fn reason(condition: &Condition) -> Option<Reason> {
    Reason::ALL.iter().copied().find(|reason| reason.as_str() == condition.reason)
}
