//! `status`: prints the state of a resource from its status.

mod advice;
mod conversion;
mod layout;
mod preview;
mod text;

use clap::Args;
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use serde_json::json;

use super::Resource;
use crate::api::v1alpha1::PartitionedTable;
use crate::api::{ConditionType, Reason, ResolvedBy};
use crate::cli::exit::Exit;
use crate::cli::output::{self, Format};
use crate::kubernetes::Cluster;

pub(super) use layout::Paint;
pub(super) use preview::text as plan_text;
pub(super) use text::text;

#[derive(Debug, Args)]
pub(super) struct StatusArguments {
    #[command(flatten)]
    resource: Resource,
    /// Format of the status
    #[arg(short, long, value_enum, default_value_t = Format::Text)]
    output: Format,
}

pub(super) async fn status(cluster: &Cluster, arguments: StatusArguments) -> anyhow::Result<Exit> {
    let table = cluster.get(&arguments.resource.name).await?;
    show(&table, arguments.output)
}

/// Prints the status, and returns its exit status.
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

/// Returns the exit status of a status.
pub(super) fn exit(table: &PartitionedTable) -> Exit {
    let Some(ready) = condition(table, ConditionType::Ready).filter(|_| !is_outdated(table)) else {
        return Exit::Pending;
    };
    if ready.status == "True" {
        return Exit::Done;
    }
    match reason(ready) {
        Some(Reason::PlanOnly) => Exit::Pending,
        Some(reason) => match reason.resolved_by() {
            ResolvedBy::User => Exit::ActionRequired,
            ResolvedBy::OtherSessions => Exit::Busy,
            ResolvedBy::Time => Exit::Pending,
        },
        None => {
            if is_stalled(table) {
                Exit::ActionRequired
            } else {
                Exit::Pending
            }
        }
    }
}

/// Returns whether the plan of the status awaits an approval, according to `Retained`. While the operator cannot inspect
/// the table, the last plan can still await one.
pub(super) fn awaits_approval(table: &PartitionedTable) -> bool {
    let reason_of = |type_| condition(table, type_).and_then(reason);
    let plan = table.status.as_ref().and_then(|status| status.plan.as_ref());
    if is_converting(table) {
        let asks = |type_| {
            matches!(reason_of(type_), Some(Reason::AwaitingApproval | Reason::ParityFailed))
        };
        return plan.is_some_and(|plan| plan.deferred > 0)
            && (asks(ConditionType::Ready) || asks(ConditionType::InSync));
    }
    let (Some(retained), Some(ready)) =
        (reason_of(ConditionType::Retained), reason_of(ConditionType::Ready))
    else {
        return false;
    };
    let is_last_seen =
        retained == Reason::NotChecked && ready.resolved_by() == ResolvedBy::OtherSessions;
    plan.is_some_and(|plan| plan.deferred > 0)
        && table.spec.retention.is_some()
        && (retained == Reason::AwaitingApproval || is_last_seen)
}

/// Returns whether the table has a copy or a source. Then retention is paused, and `Retained` does not report approvals.
fn is_converting(table: &PartitionedTable) -> bool {
    table.status.as_ref().is_some_and(|status| status.conversion.is_some())
}

/// Returns whether the spec has changed since the last reconcile.
pub(super) fn is_outdated(table: &PartitionedTable) -> bool {
    let of = table.status.as_ref().and_then(|status| status.observed_generation);
    table.metadata.generation.is_some() && of != table.metadata.generation
}

pub(super) fn is_ready(table: &PartitionedTable) -> bool {
    table.status.as_ref().is_some_and(|status| status.is_true(ConditionType::Ready))
}

pub(super) fn is_stalled(table: &PartitionedTable) -> bool {
    table.status.as_ref().is_some_and(|status| status.is_true(ConditionType::Stalled))
}

pub(super) fn conditions(table: &PartitionedTable) -> &[Condition] {
    table.status.as_ref().map_or(&[], |status| &status.conditions)
}

fn condition(table: &PartitionedTable, type_: ConditionType) -> Option<&Condition> {
    table.status.as_ref()?.condition(type_)
}

/// Returns the reason of a condition, or `None` if another version of the operator gave it.
fn reason(condition: &Condition) -> Option<Reason> {
    Reason::from_name(&condition.reason)
}

/// Returns whether a condition only repeats why `Ready` is not true.
pub(super) fn repeats_ready(condition: &Condition) -> bool {
    ConditionType::from_name(&condition.type_).is_some_and(ConditionType::repeats_ready)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::awaits_approval;

    #[test]
    fn conversion_awaits_approval_though_nothing_expires() {
        let awaits = |stage: &str, ready: &str| {
            let table = json!({
                "apiVersion": "pgpartition.dev/v1alpha1", "kind": "PartitionedTable",
                "metadata": {"name": "orders"},
                "spec": {
                    "table": "orders",
                    "partitionBy": {"hash": {"columns": ["org"], "partitions": 2}},
                },
                "status": {
                    "conditions": [
                        {"type": "Ready", "status": "False", "reason": ready, "message": "",
                         "lastTransitionTime": "2026-11-25T12:00:00Z"},
                    ],
                    "conversion": {"stage": stage, "serving": "Source"},
                    "plan": {"fingerprint": "7c1e", "steps": 0, "deferred": 1, "preview": []},
                },
            });
            awaits_approval(&serde_json::from_value(table).expect("a resource"))
        };
        assert!(awaits("Ending", "AwaitingApproval"));
        assert!(!awaits("Ending", "TableLocked"));
        assert!(awaits("Serving", "AwaitingApproval"));
        assert!(awaits("Comparing", "ParityFailed"));
        assert!(!awaits("Copying", "Converting"));
    }

    /// Returns a resource with retention whose plan defers 22 steps, of which the status shows none.
    fn awaits(ready: &str, retained: &str) -> bool {
        let condition = |type_: &str, reason: &str| -> Value {
            json!({"type": type_, "status": "False", "reason": reason, "message": "",
                   "lastTransitionTime": "2026-11-25T12:00:00Z"})
        };
        let table = json!({
            "apiVersion": "pgpartition.dev/v1alpha1", "kind": "PartitionedTable",
            "metadata": {"name": "orders"},
            "spec": {
                "table": "orders", "retention": {"keep": 2},
                "partitionBy": {"range": {"column": "at", "interval": "Month"}},
            },
            "status": {
                "conditions": [condition("Ready", ready), condition("Retained", retained)],
                "plan": {"fingerprint": "7c1e", "steps": 0, "deferred": 22, "preview": []},
            },
        });
        awaits_approval(&serde_json::from_value(table).expect("a resource"))
    }

    #[test]
    fn approval_is_awaited_if_retained_has_that_reason() {
        assert!(awaits("AwaitingApproval", "AwaitingApproval"));
        assert!(awaits("InsufficientPrivilege", "AwaitingApproval"));
        assert!(!awaits("PartitionReferenced", "PartitionReferenced"));
        assert!(!awaits("DefaultPartitionHoldsRows", "NothingExpired"));
    }

    #[test]
    fn approval_can_be_given_while_the_table_cannot_be_inspected() {
        assert!(awaits("TableLocked", "NotChecked"));
        assert!(!awaits("TableNotFound", "NotChecked"));
    }
}
