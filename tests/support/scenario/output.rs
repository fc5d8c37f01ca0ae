//! Output of a scenario.

use pg_partition_operator::observed::{
    BoundsCheck, ObservedPartition, ObservedTable, PartitionIndex, PartitionState,
};
use pg_partition_operator::partition::{Detached, MarkerState};
use pg_partition_operator::plan::Plan;

/// The plan as `plan` prints it, without its fingerprint, which no reader could check.
pub(crate) fn without_fingerprint(plan: &Plan) -> String {
    plan.to_string().replace(&format!("  [{}]", plan.fingerprint), "")
}

/// The partitions in the order of their bounds, and the indexes.
pub(crate) fn state(state: &ObservedTable) -> String {
    let mut partitions: Vec<_> = state.partitions.iter().collect();
    partitions.sort_by_key(|p| (p.bounds.as_range(), p.bounds.display()));
    let mut seen: String = partitions.into_iter().map(shown).collect();
    for index in &state.indexes {
        let state = if index.valid { "valid" } else { "invalid" };
        seen.push_str(&format!("  index {}  {state}\n", index.name.display()));
    }
    seen
}

fn shown(partition: &ObservedPartition) -> String {
    let mut words = vec![partition.name.name.display(), partition.bounds.display()];
    words.push(if partition.state.is_managed() { "managed" } else { "unmanaged" }.to_owned());
    match partition.state {
        PartitionState::Attached { .. } => {}
        PartitionState::NeverAttached => words.push("unattached".to_owned()),
        PartitionState::Detached { .. } => words.push("detached".to_owned()),
        PartitionState::PendingDetach { .. } => words.push("detach pending".to_owned()),
    }
    match partition.state.marker_state() {
        Some(MarkerState::Expired { drops: false }) => words.push("expired".to_owned()),
        Some(MarkerState::Expired { drops: true }) => words.push("expired to drop".to_owned()),
        Some(MarkerState::Detached(Detached { at, drops_since })) => {
            words.push(format!("since {at}"));
            words.extend(drops_since.map(|since| format!("drops since {since}")));
        }
        Some(MarkerState::ToBeAttached | MarkerState::Attached) | None => {}
    }
    words.extend((partition.cycle > 0).then(|| format!("cycle {}", partition.cycle)));
    words.extend(partition.state.is_restored().then(|| "restored".to_owned()));
    if partition.state.bounds_check() == BoundsCheck::Validated {
        words.push("validated".to_owned());
    }
    words.extend(
        partition.publications.iter().map(|p| format!("published by {}", p.name.display())),
    );
    words.extend(partition.storage.iter().cloned());
    words.extend(partition.default.iter().flat_map(|default| &default.checks).map(|e| {
        format!("default check {}", if e.validated { "validated" } else { "not validated" })
    }));
    words.extend(partition.indexes.iter().map(format_index));
    format!("  {}\n", words.join("  "))
}

fn format_index(index: &PartitionIndex) -> String {
    let mut text = format!("index {}", index.name.display());
    if let Some(of) = &index.of {
        text.push_str(&format!(" of {}", of.display()));
    }
    if !index.valid {
        text.push_str(" invalid");
    }
    text
}
