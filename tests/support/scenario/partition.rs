//! Properties of a partition in a scenario.

use pg_partition_operator::observed::{
    BlockingTransaction, BoundsCheck, DefaultFacts, DetachedBy, Fires, ObservedPartition,
    PartitionKind, PartitionState, Publication, Trigger,
};
use pg_partition_operator::partition::{Detached, MarkerState};

use super::line::Line;
use crate::catalog;

/// `managed expired pending blocked-by 4711 rows 5 …`
pub(super) fn described(mut partition: ObservedPartition, mut line: Line) -> ObservedPartition {
    while let Some(word) = line.next() {
        if !is_of_its_life(&mut partition, &word, &mut line) {
            describe(&mut partition, &word, &mut line);
        }
    }
    partition
}

/// Reads the attachment of a partition and the marker in its comment.
fn is_of_its_life(partition: &mut ObservedPartition, word: &str, line: &mut Line) -> bool {
    match word {
        "managed" => catalog::set_marker_state(partition, MarkerState::Attached),
        "expired" => catalog::set_marker_state(partition, MarkerState::Expired { drops: false }),
        "expired-to-drop" => {
            catalog::set_marker_state(partition, MarkerState::Expired { drops: true });
        }
        "unmanaged" => {
            partition.state = PartitionState::Attached { marker: None, check: BoundsCheck::Absent };
        }
        "unattached" => partition.state = PartitionState::NeverAttached,
        "detached-at" => {
            let at = line.word().parse().expect("an instant");
            let by = DetachedBy::Recorded(Detached { at, drops_since: None });
            partition.state = PartitionState::Detached { by, check: BoundsCheck::NotValid };
        }
        "drops-since" => {
            let since = line.word().parse().expect("an instant");
            let PartitionState::Detached { by: DetachedBy::Recorded(detached), .. } =
                &mut partition.state
            else {
                panic!("drops-since needs detached-at")
            };
            detached.drops_since = Some(since);
        }
        "restored" => {
            let (by, check) = (DetachedBy::Restore, BoundsCheck::Absent);
            partition.state = PartitionState::Detached { by, check };
        }
        "cycle" => partition.cycle = line.number(),
        "detached" => {
            catalog::set_detached(partition);
            assert!(partition.state.is_detached(), "only a managed partition can be detached");
        }
        "pending" => catalog::set_pending_detach(partition),
        "reattached" => {
            catalog::set_attached(partition);
            catalog::set_bounds_check(partition, BoundsCheck::Absent);
        }
        "blocked-by" => {
            let who = "reporting".to_owned();
            let PartitionState::PendingDetach { blocked_by, .. } = &mut partition.state else {
                panic!("only a pending detach can be blocked")
            };
            blocked_by.push(BlockingTransaction::Session { pid: line.number(), who });
        }
        _ => return false,
    }
    true
}

fn describe(partition: &mut ObservedPartition, word: &str, line: &mut Line) {
    match word {
        "subpartitioned" => partition.kind = PartitionKind::Partitioned,
        "foreign-table" => partition.kind = PartitionKind::ForeignTable,
        "not-owned" => partition.owned = false,
        "unfit" => partition.columns_match = false,
        "validated" => catalog::set_bounds_check(partition, BoundsCheck::Validated),
        "storage" => partition.storage.push(line.word()),
        "comment" => partition.comment = Some(line.word().trim_matches('"').to_owned()),
        "rows" => {
            let rows = line.number();
            (partition.rows, partition.bytes) = (Some(rows), rows * 100);
        }
        "bytes" => partition.bytes = line.number(),
        "referenced-by" => partition.referenced_by.push(line.name()),
        "total-bytes" => default(partition).total_bytes = line.number(),
        "lacks-identity" => default(partition).lacks_identity = true,
        "depended-on-by" => {
            partition.dependents.push(line.word().trim_matches('"').to_owned());
        }
        "rows-referenced-by" if line.is_next("none") => {
            line.word();
            partition.rows_referenced_by = Some(Vec::new());
        }
        "rows-referenced-by" => {
            partition.rows_referenced_by.get_or_insert_default().push(line.name());
        }
        "published-by" | "published-by-other-owner" => partition
            .publications
            .push(Publication { name: line.name().name, owned: word == "published-by" }),
        "trigger" => {
            let name = catalog::identifier(&line.word());
            default(partition).triggers.push(Trigger { name, fires: Fires::Origin });
        }
        unknown => panic!("a partition cannot be {unknown:?}"),
    }
}

fn default(partition: &mut ObservedPartition) -> &mut DefaultFacts {
    partition.default.as_mut().expect("only a default partition has this")
}
