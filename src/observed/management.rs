//! Facts that the marker in a comment proves about its table.

use super::snapshot::RawPartition;
use super::{BlockingTransaction, BoundsCheck, DetachedBy, PartitionState};
use crate::partition::{Detached, ManagedTable, Marked, MarkerState, marker_in};

/// Whether a table was detached from this one, and its comment does not say so any more. The plain table of a conversion has
/// the name of the partitioned one: an interrupted run left the check on it.
pub(super) fn is_unmarked(raw: &RawPartition, table: &ManagedTable) -> bool {
    let comment = raw.comment.as_deref().unwrap_or_default();
    let own = table.name();
    let is_itself = raw.schema == own.schema.as_str() && raw.name == own.name.as_str();
    !raw.attached
        && !is_itself
        && raw.bounds_check != BoundsCheck::Absent
        && marker_in(comment, table).is_none()
}

/// Whether a marker is for a partition of this table.
///
/// If the marker names the very table it is on, this is the database it was written in, and the object
/// identifier of the partitioned table decides: names change. Otherwise it came with a dump, and what it
/// says counts by name.
pub(super) fn is_marker_of(marked: &Marked<'_>, raw: &RawPartition, table: Option<u32>) -> bool {
    let Marked { marker, names_table, .. } = marked;
    let is_of_table = marker.parent.is_some() && marker.parent == table;
    if marker.oid == Some(raw.oid) && marker.parent.is_some() {
        return is_of_table;
    }
    *names_table || is_of_table
}

/// Returns what a partition is; `None` for a table that is not attached and whose marker proves nothing.
pub(super) fn state(
    marked: Option<&Marked<'_>>,
    raw: &RawPartition,
    table: Option<u32>,
    blocked_by: Vec<BlockingTransaction>,
) -> Option<PartitionState> {
    let check = raw.bounds_check;
    if raw.attached {
        let proven =
            marked.map(|marked| proven_state(marked, raw, table).unwrap_or(MarkerState::Attached));
        return Some(if raw.detach_pending {
            PartitionState::PendingDetach { marker: proven, check, blocked_by }
        } else {
            PartitionState::Attached { marker: proven, check }
        });
    }
    let by = match proven_state(marked?, raw, table) {
        Some(MarkerState::ToBeAttached) => return Some(PartitionState::NeverAttached),
        Some(proven) => DetachedBy::from_marker_state(proven),
        None => DetachedBy::Restore,
    };
    Some(PartitionState::Detached { by, check })
}

/// Returns the facts that a marker for this table proves; `None` if it only proves that the table is or was a
/// managed partition.
///
/// A record of a detach, or of the decision to detach, counts only for the table that the marker was written for.
/// In another table, restored from a dump or created by a user, the same words mean nothing: it counts as a
/// partition that is not marked as expired, or that a user has detached.
fn proven_state(
    marked: &Marked<'_>,
    raw: &RawPartition,
    table: Option<u32>,
) -> Option<MarkerState> {
    let Marked { marker, .. } = marked;
    let is_bound = marker.oid == Some(raw.oid) && marker.parent == table;
    match marker.state {
        MarkerState::Expired { .. } | MarkerState::Detached(_) if !is_bound => None,
        MarkerState::Detached(detached) if raw.moved_since_marked => {
            Some(MarkerState::Detached(Detached { drops_since: None, ..detached }))
        }
        MarkerState::ToBeAttached
        | MarkerState::Attached
        | MarkerState::Expired { .. }
        | MarkerState::Detached(_) => Some(marker.state),
    }
}

/// Returns how often an expiry of the partition has been taken back.
///
/// A user who attached a detached table to a table, and detached it again, took its expiry back: a drop needs a new
/// decision and a new grace period. On a table that is only marked as expired, the operator's own detach looks the same.
pub(super) fn cycle(marked: &Marked<'_>, raw: &RawPartition) -> u32 {
    let was_detached = matches!(marked.marker.state, MarkerState::Detached(_));
    marked.marker.cycle.saturating_add(u32::from(was_detached && raw.moved_since_marked))
}
