//! Last observed state of a table: what metrics, events, and the monitoring paths show, in a form that needs little
//! memory.

use jiff::Timestamp;
use serde::Serialize;

use super::packed::Packed;
use crate::desired::{AfterCutover, ConversionMethod, DesiredConversion, DesiredTable};
use crate::observed::{CopyFacts, ObservedPartition, ObservedTable, PartitionState};
use crate::partition::{QualifiedName, Side};
use crate::plan::{Deferral, Plan};
use crate::status::{SyncTriggers, drift, sync_triggers};

/// Last observed state of a table.
#[derive(Debug)]
pub(super) struct LastSeen {
    /// Number of steps that are left.
    pub(super) steps: usize,
    /// Deferred steps.
    pub(super) deferred: Box<[DeferredStep]>,
    /// State of a conversion, or `None` if the table has no copy.
    pub(super) copy: Option<Box<CopyState>>,
    /// Array of the problems as JSON, or `None` if there are none.
    problems: Option<Packed>,
    /// Table and partitions as JSON.
    partitions: Packed,
}

/// Identity of a deferral. The number of blocking rows is not part of it.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct DeferredStep {
    /// Name of the blocker.
    pub(super) blocker: &'static str,
    /// Whether the blocker is about the plan as a whole.
    pub(super) is_about_plan: bool,
    /// Verb and subject of the step, or `None` if the blocker is about the table as a whole.
    step: Option<(&'static str, QualifiedName)>,
}

/// State of the two tables of a conversion.
#[derive(Debug)]
pub(super) struct CopyState {
    /// State of the triggers that keep both equal, or `None` before their first installation.
    pub(super) triggers: Option<SyncTriggers>,
    /// Time at which the drop of the source is due, whether or not something prevents it, or `None` if the spec keeps
    /// the source.
    pub(super) source_drop: Option<Timestamp>,
}

/// A table and its partitions, as the monitoring path shows them.
#[derive(Serialize)]
struct TableMetrics {
    table: String,
    partitions: Vec<PartitionMetrics>,
}

#[derive(Serialize)]
struct PartitionMetrics {
    name: String,
    bounds: String,
    state: &'static str,
    managed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    rows: Option<u64>,
    bytes: u64,
}

impl LastSeen {
    pub(super) fn new(desired: &DesiredTable, observed: &ObservedTable, remaining: &Plan) -> Self {
        let problems = drift(remaining);
        let copy = observed.copy.as_deref();
        Self {
            steps: remaining.steps.len(),
            deferred: remaining.deferred.iter().map(DeferredStep::new).collect(),
            copy: copy.map(|facts| Box::new(CopyState::new(desired.conversion.as_ref(), facts))),
            problems: (!problems.is_empty()).then(|| pack(&problems)),
            partitions: pack(&TableMetrics {
                table: desired.name.display(),
                partitions: observed.partitions.iter().map(PartitionMetrics::new).collect(),
            }),
        }
    }

    /// Returns the table and its partitions as a JSON object.
    pub(super) fn partitions(&self) -> String {
        self.partitions.text()
    }

    /// Returns the planned steps, and the deferred steps with their blockers.
    pub(super) fn problems(&self) -> Vec<String> {
        let text = self.problems.as_ref().map(Packed::text);
        text.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default()
    }
}

impl DeferredStep {
    pub(super) fn new(deferral: &Deferral) -> Self {
        Self {
            blocker: deferral.blocker.name(),
            is_about_plan: deferral.blocker.is_about_plan(),
            step: deferral.step.as_ref().map(|step| (step.verb(), step.subject().clone())),
        }
    }
}

impl CopyState {
    pub(super) fn new(wanted: Option<&DesiredConversion>, facts: &CopyFacts) -> Self {
        Self {
            triggers: sync_triggers(facts),
            source_drop: wanted.and_then(|wanted| source_drop(wanted, facts)),
        }
    }
}

impl PartitionMetrics {
    fn new(partition: &ObservedPartition) -> Self {
        Self {
            name: partition.name.display(),
            bounds: partition.bounds.display(),
            state: match partition.state {
                PartitionState::Attached { .. } => "attached",
                PartitionState::PendingDetach { .. } => "pending_detach",
                PartitionState::NeverAttached | PartitionState::Detached { .. } => "detached",
            },
            managed: partition.state.is_managed(),
            rows: partition.rows,
            bytes: partition.bytes,
        }
    }
}

/// Returns when the source is due to be dropped.
fn source_drop(wanted: &DesiredConversion, facts: &CopyFacts) -> Option<Timestamp> {
    let ConversionMethod::Copy(options) = &wanted.method else { return None };
    let AfterCutover::Drop { after } = options.source else { return None };
    let is_served = [facts.serving, wanted.serve_from] == [Side::Partitioned; 2];
    facts.serving_since().filter(|_| is_served)?.checked_add(after).ok()
}

/// Returns a value as compressed JSON; empty if it has none, which no value here does.
fn pack(value: &impl Serialize) -> Packed {
    Packed::new(&serde_json::to_string(value).unwrap_or_default())
}
