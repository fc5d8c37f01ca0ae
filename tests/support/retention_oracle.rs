//! Invariants of the retention, computed independently of the planner: from the number of periods that have begun since
//! the last value of a partition, by clock and calendar.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use pg_partition_operator::desired::{DesiredRange, DesiredTable, OnExpiry, Partitioning, Zone};
use pg_partition_operator::observed::{ObservedPartition, ObservedTable};
use pg_partition_operator::partition::{Bounds, Edge, KeyType};
use pg_partition_operator::plan::{MarkAs, MarkPartitions, Plan, PlanTime, Step};

use crate::oracle::{label, stride};

/// Returns the number of periods that have begun since the last value that a partition accepts, at most the requested
/// number, or `None` if it has no upper or no lower bound.
fn periods_since(
    bounds: &Bounds,
    range: &DesiredRange,
    key: KeyType,
    now: Timestamp,
    most: u32,
) -> Option<u32> {
    let Zone::Known(zone) = &range.zone else { return None };
    let (Edge::At(_), Edge::At(to)) = (bounds.as_range()?.from(), bounds.as_range()?.to()) else {
        return None;
    };
    let last = last_before(key, to)?;
    // A calendar on the wall has no gap and no fold, like the one of UTC.
    let wall = TimeZone::UTC.to_timestamp(zone.to_datetime(now)).ok()?;
    let (zone, now) = if key.is_wall_clock() { (&TimeZone::UTC, wall) } else { (zone, now) };
    let shown = |at: Timestamp| label(range.interval, &at.to_zoned(zone.clone()));
    let (mut at, mut latest, mut begun) = (last, shown(last), 0);
    while at < now && begun < most {
        let next = now.min(at + stride(range.interval));
        for instant in before_transitions(zone, at, next).into_iter().chain([next]) {
            if shown(instant) > latest {
                (latest, begun) = (shown(instant), begun + 1);
            }
        }
        at = next;
    }
    Some(begun)
}

/// The last instants before the clock of a zone is changed. Where it is put back right after a period has begun, it shows
/// the period before for up to an hour more.
fn before_transitions(zone: &TimeZone, from: Timestamp, to: Timestamp) -> Vec<Timestamp> {
    let transitions = zone.following(from).map(|transition| transition.timestamp());
    let transitions = transitions.take_while(|transition| *transition <= to);
    let before = transitions.map(|transition| transition - SignedDuration::from_nanos(1));
    before.filter(|instant| *instant > from).collect()
}

/// The instant of the last value before an edge, or what the clock on the wall shows then, read as if it
/// were UTC.
fn last_before(key: KeyType, edge: i128) -> Option<Timestamp> {
    match key {
        KeyType::Date | KeyType::Timestamp | KeyType::TimestampTz => {
            Timestamp::from_microsecond(i64::try_from(edge - 1).ok()?).ok()
        }
        KeyType::UuidV7 => {
            let uuid = edge.cast_unsigned() ^ (1 << 127);
            let (millis, rest) = (uuid >> 80, uuid & ((1 << 80) - 1));
            // Below its version and its variant no uuid has these milliseconds.
            let none_has_them = rest <= (0x7 << 76) | (0b10 << 62);
            Timestamp::from_millisecond(i64::try_from(millis).ok()? - i64::from(none_has_them)).ok()
        }
    }
}

/// Whether a partition is past the retention of a table by at least so many periods more.
pub(crate) fn is_past(
    partition: &ObservedPartition,
    desired: &DesiredTable,
    observed: &ObservedTable,
    now: Timestamp,
    more: u32,
) -> bool {
    let Partitioning::Range(range) = &desired.partitioning else { return false };
    let (Some(retention), Some(key)) = (range.retention, observed.range_key()) else {
        return false;
    };
    let enough = retention.keep + 1 + more;
    periods_since(&partition.bounds, range, key.key_type, now, enough)
        .is_some_and(|begun| begun >= enough)
}

/// Asserts that no partition is detached before it expires, nor more in one run than the limit without approval.
pub(crate) fn nothing_is_lost_early(
    desired: &DesiredTable,
    observed: &ObservedTable,
    plan: &Plan,
    time: &PlanTime,
) -> Result<(), String> {
    let wrong = |what: &str, step: &Step| Err(format!("{what}: {step:?}\nof\n{plan}"));
    let clock_skew =
        observed.server.clock_offset.is_some_and(|by| by.abs() > SignedDuration::from_mins(1));
    let (mut marked, mut doomed) = (0, 0);
    for planned in &plan.steps {
        let step = &planned.step;
        let name = match step {
            Step::DetachPartition(detach) => &detach.partition,
            Step::DropDetached(drop) => &drop.partition,
            Step::MarkPartitions(MarkPartitions {
                partitions,
                mark_as: MarkAs::Expired { .. },
                ..
            }) => {
                marked += partitions.len();
                continue;
            }
            Step::MarkPartitions(MarkPartitions {
                partitions, mark_as: MarkAs::ForDrop, ..
            }) => {
                doomed += partitions.len();
                continue;
            }
            _ => continue,
        };
        let Some(found) = observed.partition(name) else {
            return wrong("created and detached", step);
        };
        if clock_skew {
            return wrong("the time is uncertain", step);
        }
        if !is_past(found, desired, observed, time.expire.min(time.now), 0) {
            return wrong("detached too early", step);
        }
        let is_adopted = desired.adopt.iter().any(|adopted| adopted.name == name.name);
        if !found.owned || (!found.state.is_managed() && !is_adopted) {
            return wrong("unmanaged", step);
        }
        if matches!(step, Step::DropDetached(_)) && !has_rested(found, desired, plan, time) {
            return wrong("dropped too early", step);
        }
    }
    let is_approved = desired.approved.contains(&plan.fingerprint);
    if marked.max(doomed) > desired.limits.max_expire_per_run as usize && !is_approved {
        return Err(format!(
            "{marked} would expire and {doomed} would be dropped without approval\n{plan}"
        ));
    }
    Ok(())
}

/// Whether a table was detached for as long as it must be before it is dropped.
fn has_rested(
    partition: &ObservedPartition,
    desired: &DesiredTable,
    plan: &Plan,
    time: &PlanTime,
) -> bool {
    let Partitioning::Range(range) = &desired.partitioning else { return false };
    let Some(OnExpiry::Drop { after }) = range.retention.map(|retention| retention.on_expiry)
    else {
        return false;
    };
    let is_remembered_now = plan.steps.iter().any(
        |planned| matches!(&planned.step, Step::RecordDetach(r) if r.partition == partition.name),
    );
    match partition.state.recorded_detach() {
        Some(detached) => {
            let grace = SignedDuration::try_from(after).expect("hours");
            detached.drops_since.is_some_and(|since| since + grace <= time.now)
        }
        _ => is_remembered_now && after.is_zero(),
    }
}

/// Returns the partitions that expired more than one period ago, are still attached, and have no blocker.
pub(crate) fn overdue<'a>(
    desired: &'a DesiredTable,
    observed: &'a ObservedTable,
    now: Timestamp,
) -> impl Iterator<Item = &'a ObservedPartition> {
    let is_free = |p: &ObservedPartition| {
        p.owned && p.state.is_managed() && p.state.is_attached() && p.referenced_by.is_empty()
    };
    observed.partitions.iter().filter(move |p| is_free(p) && is_past(p, desired, observed, now, 1))
}
