//! Advice for the user about a status.

use super::layout::paragraph;
use super::{condition, conditions, is_outdated, reason, repeats_ready};
use crate::api::v1alpha1::{
    APPROVE_ANNOTATION, DefaultPartition, PartitionedTable, RECONCILE_ANNOTATION,
};
use crate::api::{ConditionType, Reason};
use crate::cli::kubectl::command;
use crate::partition::escape_control;

/// Instruction, and the commands for it.
struct Advice {
    text: String,
    commands: Vec<String>,
}

/// Returns instructions for the user; empty if all is well.
pub(super) fn advice(table: &PartitionedTable) -> String {
    let advice = all(table);
    if advice.is_empty() {
        return String::new();
    }
    let mut text = "What to do\n".to_owned();
    for Advice { text: what, commands } in advice {
        text.push_str(&paragraph("  ", &what));
        for command in commands {
            text.push_str(&format!("    {command}\n"));
        }
    }
    text
}

fn all(table: &PartitionedTable) -> Vec<Advice> {
    if condition(table, ConditionType::Ready).is_none() {
        let text = "No operator has reconciled this resource. Check that an operator is running and watches \
                    this namespace; the Lease names the leader.";
        let lease = "kubectl get leases -A --field-selector metadata.name=pg-partition-operator";
        return vec![Advice { text: text.to_owned(), commands: vec![lease.to_owned()] }];
    }
    let mut advice: Vec<_> =
        blocking_sessions_advice(table).into_iter().map(advice_without_command).collect();
    let reasons = reasons(table);
    for reason in &reasons {
        let mut text = format!("{reason}: {}", reason.describe());
        if *reason == Reason::DetachPending {
            text.push_str(" In psql, SELECT pg_terminate_backend(pid) ends a session.");
        }
        advice.push(Advice { text, commands: commands(*reason, table) });
    }
    let reported = [Reason::DefaultPartitionHoldsRows, Reason::DefaultPartitionInUse];
    if !reasons.iter().any(|reason| reported.contains(reason)) {
        advice.extend(about_default_rows(table));
    }
    advice
}

fn advice_without_command(text: String) -> Advice {
    Advice { text, commands: Vec::new() }
}

/// Returns changes that the operator has not handled yet.
fn blocking_sessions_advice(table: &PartitionedTable) -> Vec<String> {
    let status = table.status.clone().unwrap_or_default();
    let annotation = |name: &str| table.metadata.annotations.as_ref()?.get(name).cloned();
    let mut blocking_sessions_advice = Vec::new();
    if is_outdated(table) {
        blocking_sessions_advice.push(
            "The spec has changed since the last reconcile: this status is about the previous spec."
                .to_owned(),
        );
    }
    if let Some(asked) = annotation(RECONCILE_ANNOTATION)
        && status.last_handled_reconcile.as_ref() != Some(&asked)
    {
        blocking_sessions_advice
            .push("A reconcile was requested, and the operator has not handled it yet.".to_owned());
    }
    if let (Some(approved), Some(plan)) = (annotation(APPROVE_ANNOTATION), &status.plan)
        && [Reason::AwaitingApproval, Reason::ParityFailed].iter().any(|r| is_given(table, *r))
    {
        blocking_sessions_advice.push(
            if approved.split(',').any(|one| one.trim() == plan.fingerprint) {
                "The plan is approved, and the operator has not acted on it yet.".to_owned()
            } else {
                format!(
                    "The approved fingerprint belongs to another plan: {}.",
                    escape_control(&approved)
                )
            },
        );
    }
    blocking_sessions_advice
}

/// Returns the reasons of the conditions that are not true, each once.
fn reasons(table: &PartitionedTable) -> Vec<Reason> {
    let ready = condition(table, ConditionType::Ready).and_then(reason);
    if let Some(work @ (Reason::PlanOnly | Reason::Progressing)) = ready {
        // All other conditions wait for it.
        return vec![work];
    }
    let mut reasons = Vec::new();
    for condition in conditions(table).iter().filter(|condition| !repeats_ready(condition)) {
        let Some(reason) = reason(condition).filter(|reason| *reason != Reason::NotChecked) else {
            continue;
        };
        let is_well =
            condition.status == "True" && ![Reason::Suspended, Reason::Deleting].contains(&reason);
        if !is_well && !reasons.contains(&reason) {
            reasons.push(reason);
        }
    }
    reasons
}

fn is_given(table: &PartitionedTable, reason: Reason) -> bool {
    reasons(table).contains(&reason)
}

/// Returns commands that help with a reason, if any.
fn commands(reason: Reason, table: &PartitionedTable) -> Vec<String> {
    let metadata = &table.metadata;
    let name = metadata.name.clone().unwrap_or_default();
    let namespace = metadata.namespace.clone().unwrap_or_default();
    let patch = |spec: &str| {
        format!(
            "kubectl patch pgpt {name} -n {namespace} --type=merge -p '{{\"spec\": {{{spec}}}}}'"
        )
    };
    let fingerprint = table.status.as_ref().and_then(|status| status.plan.as_ref());
    let fingerprint = fingerprint.map(|plan| escape_control(&plan.fingerprint)).unwrap_or_default();
    let is = |reasons: &[Reason]| reasons.contains(&reason);
    if is(&[Reason::AwaitingApproval, Reason::ParityFailed]) {
        let approve = format!("{} {fingerprint}", command("approve", table));
        vec![command("plan", table), approve]
    } else if is(&[Reason::PlanOnly]) {
        vec![command("plan", table), patch("\"mode\": \"Enforce\"")]
    } else if is(&[Reason::Suspended]) {
        vec![patch("\"suspend\": false")]
    } else if is(&[Reason::DefaultPartitionHoldsRows, Reason::DefaultPartitionInUse])
        && table.spec.default_partition() == DefaultPartition::Absent
    {
        vec![patch("\"defaultPartition\": \"Present\"")]
    } else if is(&[Reason::SecretNotFound, Reason::SecretInvalid]) {
        let secret = table.spec.database.as_ref().map(|database| &database.secret_ref.name);
        let describe = |secret| format!("kubectl describe secret {secret} -n {namespace}");
        secret.map(describe).into_iter().collect()
    } else if is(&[Reason::StepFailed]) {
        vec![format!("kubectl events -n {namespace} --for partitionedtable/{name}")]
    } else {
        Vec::new()
    }
}

/// Returns advice about rows that stay in the default partition although nothing blocks their move.
fn about_default_rows(table: &PartitionedTable) -> Option<Advice> {
    let counts = table.status.as_ref()?.partitions.as_ref()?;
    counts.default_rows.filter(|rows| *rows > 0)?;
    if table.status.as_ref()?.conversion.is_some() {
        let text = "The rows in the default partition belong to no period that the spec provides, such as rows before \
            startAt. During the conversion, the default partition is kept regardless of spec.defaultPartition.";
        return Some(advice_without_command(text.to_owned()));
    }
    let text = match table.spec.default_partition() {
        DefaultPartition::Present => {
            "The rows in the default partition belong to no period that the spec provides: their key is NULL, \
             infinity, or far away. They stay until you correct them, raise ahead, or lower \
             startAt."
        }
        DefaultPartition::Absent => {
            "The operator does not move rows out of the default partition: set spec.defaultPartition to Present to \
             have the operator keep it and move its rows to their partitions."
        }
    };
    Some(advice_without_command(text.to_owned()))
}
