//! The text of a status.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

use super::advice::advice;
use super::layout::{Color, Paint, long, paragraph, relative, short};
use super::{condition, conditions, conversion, is_ready, is_stalled, preview, reason};
use crate::api::v1alpha1::{CoverageBound, DefaultPartition, PartitionCounts, PartitionedTable};
use crate::api::{ConditionType, Reason};
use crate::cli::kubectl::display_name;
use crate::partition::{Identifier, escape_control};

/// Maximum length of a message that is repeated in full.
const SHORT: usize = 12;

/// Returns the state, the next step, deferred steps, and what to do, as of `now`.
pub(in crate::cli::kubectl) fn text(
    table: &PartitionedTable,
    now: Timestamp,
    paint: Paint,
) -> String {
    let mut text = headline(table, paint);
    for (label, fact) in facts(table, now) {
        text.push_str(&paragraph(&format!("  {label:12}"), &fact));
    }
    let sections = [rows(conditions(table), now, paint), preview::text(table), advice(table)];
    for section in sections.iter().filter(|section| !section.is_empty()) {
        text.push('\n');
        text.push_str(section);
    }
    text
}

fn headline(table: &PartitionedTable, paint: Paint) -> String {
    let ready = condition(table, ConditionType::Ready);
    let (verdict, color) = match ready {
        None => ("not reconciled yet".to_owned(), Color::Yellow),
        Some(ready) if reason(ready) == Some(Reason::Suspended) => {
            let last = if is_ready(table) { "ready" } else { "not ready" };
            (format!("suspended, {last} at the last reconcile"), Color::Yellow)
        }
        Some(ready) if reason(ready) == Some(Reason::Deleting) => {
            ("being deleted".to_owned(), Color::Yellow)
        }
        Some(_) if is_ready(table) => ("ready".to_owned(), Color::Green),
        Some(ready) => {
            let color = if is_stalled(table) { Color::Red } else { Color::Yellow };
            (format!("not ready, {}", escape_control(&ready.reason)), color)
        }
    };
    format!("{}: {}\n", display_name(table), paint.paint(&verdict, color))
}

/// Returns the state and the next step, each with its label.
fn facts(table: &PartitionedTable, now: Timestamp) -> Vec<(&'static str, String)> {
    let status = table.status.clone().unwrap_or_default();
    let mut facts = vec![("table", named(table, status.strategy.as_deref()))];
    if let Some(counts) = &status.partitions {
        facts.push(("partitions", partitions(counts)));
        facts.extend(default_rows(table, counts).map(|rows| ("default", rows)));
    }
    if let Some(covered) = coverage(table, now) {
        facts.push(("covered", covered));
    }
    facts.extend(conversion::facts(table, now));
    if let Some(at) = &status.next_action_at {
        let passed = if at.0 < now { "due, it was " } else { "" };
        facts.push(("next", format!("{}, {passed}{}", at.0, relative(at.0, now))));
    }
    facts
}

/// Returns the SQL name of the table and its partitioning.
fn named(table: &PartitionedTable, strategy: Option<&str>) -> String {
    let part = |text: &str| {
        Identifier::new(text).map_or_else(|_| escape_control(text), |name| name.display())
    };
    let name = format!("{}.{}", part(&table.spec.schema), part(&table.spec.table));
    match strategy {
        Some(strategy) => format!("{name}, {}", escape_control(strategy)),
        None => name,
    }
}

fn partitions(counts: &PartitionCounts) -> String {
    let PartitionCounts { attached, missing, unmanaged, detached, pending_detach, default_rows: _ } =
        counts;
    let counted = [
        (attached, "attached"),
        (missing, "missing"),
        (unmanaged, "unmanaged"),
        (detached, "detached"),
        (pending_detach, "pending detach"),
    ];
    let counted = counted.map(|(count, state)| match count {
        Some(count) => format!("{count} {state}"),
        None => format!("? {state}"),
    });
    counted.join(", ")
}

/// Returns the rows in the default partition, or `None` for a hash or without a default partition.
fn default_rows(table: &PartitionedTable, counts: &PartitionCounts) -> Option<String> {
    let is_kept = table.spec.default_partition() == DefaultPartition::Present;
    table.spec.partition_by.range.as_ref()?;
    match counts.default_rows {
        Some(0) if !is_kept => None,
        Some(1) => Some("1 row".to_owned()),
        Some(rows) => Some(format!("{rows} rows")),
        None => Some("number of rows unknown".to_owned()),
    }
}

fn coverage(table: &PartitionedTable, now: Timestamp) -> Option<String> {
    let status = table.status.as_ref()?;
    table.spec.partition_by.range.as_ref()?;
    status.partitions.as_ref()?;
    let Some(until) = status.covered_until else {
        return Some("not now: no partition covers the current period".to_owned());
    };
    let from = status.covered_from.map_or_else(|| "?".to_owned(), |from| from.to_string());
    let left = match until {
        CoverageBound::NegativeInfinity | CoverageBound::Infinity => String::new(),
        CoverageBound::At(until) => {
            let left = until.duration_since(now);
            if left.is_negative() {
                format!(": it ended {} ago", long(left))
            } else {
                format!(", for another {}", long(left))
            }
        }
    };
    Some(format!("{from} to {until}{left}"))
}

/// Returns the conditions as a table. The second of two equal messages is abbreviated.
fn rows(conditions: &[Condition], now: Timestamp, paint: Paint) -> String {
    if conditions.is_empty() {
        return String::new();
    }
    let width = |heading: &str, cell: fn(&Condition) -> &str| {
        let cells = conditions.iter().map(|c| escape_control(cell(c)).chars().count());
        cells.chain([heading.len()]).max().unwrap_or(0)
    };
    let (type_, reason) = (width("CONDITION", |c| &c.type_), width("REASON", |c| &c.reason));
    let heading = format!("{:type_$}  STATUS   {:reason$}  AGE   MESSAGE\n", "CONDITION", "REASON");
    let mut text = heading;
    for condition in conditions {
        let before = conditions.iter().take_while(|other| other.type_ != condition.type_);
        let same = before.into_iter().find(|other| other.message == condition.message);
        let message = match same {
            Some(other) if other.message.len() > SHORT => "same message".to_owned(),
            Some(_) | None => condition.message.clone(),
        };
        let status = format!("{:7}", escape_control(&condition.status));
        let age = short(now.duration_since(condition.last_transition_time.0));
        let before = format!("{:type_$}  ", escape_control(&condition.type_));
        let after = format!("  {:reason$}  {age:4}  ", escape_control(&condition.reason));
        let line = paragraph(&format!("{before}{status}{after}"), &escape_control(&message));
        let rest = line.get(before.len() + status.len()..).unwrap_or_default();
        text.push_str(&format!("{before}{}{rest}", paint.paint(&status, color(condition))));
    }
    text
}

/// Returns the color of a status: `True` is good, except in `Stalled` and `Reconciling`.
fn color(condition: &Condition) -> Color {
    match (ConditionType::from_name(&condition.type_), condition.status.as_str()) {
        (Some(ConditionType::Stalled), "True") | (_, "False") => Color::Red,
        (Some(ConditionType::Reconciling), _) | (_, "Unknown") => Color::Yellow,
        _ => Color::Green,
    }
}
