//! Invariants of a simulated state, computed independently of the planner: one value after another, without windows or
//! grids.

use std::collections::BTreeSet;
use std::mem::discriminant;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, Zoned};
use pg_partition_operator::desired::{DesiredRange, DesiredTable, Partitioning, Zone};
use pg_partition_operator::observed::{
    ObservedPartition, ObservedTable, PartitionIndex, PartitionState,
};
use pg_partition_operator::partition::{
    Bounds, Edge, Identifier, Interval, KeyRange, KeyType, MarkerState,
};
use pg_partition_operator::plan::{Blocker, FinalizeDetach, Plan, Step};

use crate::arbitrary::SimulatedState;

const MICROS_OF_A_DAY: i128 = 86_400_000_000;

/// Returns the key value of a row at an instant.
fn value(key: KeyType, zone: &TimeZone, instant: Timestamp) -> i128 {
    let wall = zone.to_datetime(instant);
    let since_midnight = wall.time().duration_since(jiff::civil::Time::midnight());
    let days = wall.date().duration_since(jiff::civil::date(1970, 1, 1)).as_hours() / 24;
    let midnight = i128::from(days) * MICROS_OF_A_DAY;
    match key {
        KeyType::Date => midnight,
        KeyType::Timestamp => midnight + since_midnight.as_micros(),
        KeyType::TimestampTz => i128::from(instant.as_microsecond()),
        KeyType::UuidV7 => {
            let millis = u128::try_from(instant.as_millisecond()).unwrap_or(0);
            // The version, the variant, and the least of the bits that are random.
            let uuid = (millis << 80) | (0x7 << 76) | (0b10 << 62);
            (uuid ^ (1 << 127)).cast_signed()
        }
    }
}

/// Shorter than any period, and no part of one.
pub(crate) fn stride(interval: Interval) -> SignedDuration {
    SignedDuration::from_secs(match interval {
        Interval::Hour => 293,
        Interval::Day => 7_001,
        Interval::Week => 50_021,
        Interval::Month => 200_003,
        Interval::Quarter => 600_011,
        Interval::Year => 2_400_017,
    })
}

/// Returns instants from now on that each need a partition: within the current period and the periods ahead, by clock and
/// calendar.
fn instants_to_cover(range: &DesiredRange, zone: &TimeZone, now: Timestamp) -> Vec<Timestamp> {
    let stride = stride(range.interval);
    let (mut instants, mut at, mut begun) = (Vec::new(), now, 0);
    let mut latest = begun_label(range.interval, now, zone);
    loop {
        let shown = begun_label(range.interval, at, zone);
        if shown > latest {
            (latest, begun) = (shown, begun + 1);
        }
        if begun > range.ahead {
            return instants;
        }
        instants.push(at);
        at += stride;
    }
}

/// The label of the period that has begun last: where midnight comes twice, that is what it was at first.
fn begun_label(interval: Interval, at: Timestamp, zone: &TimeZone) -> [i64; 3] {
    let shown = at.to_zoned(zone.clone());
    let tomorrow = shown.date().tomorrow().and_then(|date| date.to_zoned(zone.clone()));
    match tomorrow {
        Ok(tomorrow) if interval != Interval::Hour && tomorrow.timestamp() <= at => {
            label(interval, &tomorrow)
        }
        Ok(_) | Err(_) => label(interval, &shown),
    }
}

/// Returns the label that distinguishes a period from those before it. If the clock is set back over midnight, a period
/// has the label of the one before; the second of a repeated hour has the smaller offset.
pub(crate) fn label(interval: Interval, at: &Zoned) -> [i64; 3] {
    let (year, day) = (i64::from(at.year()), i64::from(at.day_of_year()));
    let month = i64::from(at.month());
    match interval {
        Interval::Hour => {
            let offset = i64::from(at.offset().seconds());
            [year * 1_000 + day, i64::from(at.hour()), -offset]
        }
        Interval::Day => [year, day, 0],
        Interval::Week => {
            let week = at.date().iso_week_date();
            [i64::from(week.year()), i64::from(week.week()), 0]
        }
        Interval::Month => [year, month, 0],
        Interval::Quarter => [year, (month + 2) / 3, 0],
        Interval::Year => [year, 0, 0],
    }
}

/// Every value that should have a partition has exactly one, or the plan says why it has none.
pub(crate) fn is_covered(
    state: &SimulatedState,
    observed: &ObservedTable,
    plan: &Plan,
) -> Result<(), String> {
    match &state.desired.partitioning {
        Partitioning::Range(range) => periods_are_covered(range, state.now, observed, plan),
        Partitioning::Hash(_) => remainders_are_covered(observed, plan),
    }
}

fn periods_are_covered(
    range: &DesiredRange,
    now: Timestamp,
    observed: &ObservedTable,
    plan: &Plan,
) -> Result<(), String> {
    let Zone::Known(zone) = &range.zone else { return Ok(()) };
    let key = observed.key().and_then(|key| KeyType::from_type_name(&key.columns[0].type_name));
    let key = key.ok_or("the key type has no periods")?;
    // A calendar on the wall has no gap and no fold, like the one of UTC.
    let wall = TimeZone::UTC.to_timestamp(zone.to_datetime(now)).expect("within the calendar");
    let (zone, now) = if key.is_wall_clock() { (&TimeZone::UTC, wall) } else { (zone, now) };
    for instant in instants_to_cover(range, zone, now) {
        let at = Edge::At(value(key, zone, instant));
        let takes = |p: &&ObservedPartition| p.bounds.as_range().is_some_and(|r| r.contains(at));
        let found = observed.attached().filter(takes).count();
        let is_excused = plan.deferred.iter().any(|held| match (&held.blocker, &held.step) {
            (Blocker::TooManyPeriods { range }, _) => range.range.contains(at),
            (_, Some(Step::AttachPartition(attach))) => {
                attach.bounds.as_range().is_some_and(|r| r.contains(at))
            }
            (_, Some(Step::FinalizeDetach(FinalizeDetach { partition, .. }))) => {
                observed.partition(partition).is_some_and(|p| takes(&p))
            }
            _ => false,
        });
        if found != 1 && !(found == 0 && is_excused) {
            return Err(format!("{found} partitions take the row of {instant}\n{plan}"));
        }
    }
    Ok(())
}

fn remainders_are_covered(observed: &ObservedTable, plan: &Plan) -> Result<(), String> {
    if plan.deferred.iter().any(|d| matches!(d.blocker, Blocker::HashPartitionsMismatch { .. })) {
        return Ok(());
    }
    for row in 0..3_360_u32 {
        let found = observed
            .partitions
            .iter()
            .filter(|p| p.state.is_partition())
            .filter(|p| takes_hash(&p.bounds, row))
            .count();
        if found != 1 {
            return Err(format!("{found} partitions take the row of hash {row}\n{plan}"));
        }
    }
    Ok(())
}

fn takes_hash(bounds: &Bounds, row: u32) -> bool {
    matches!(bounds, Bounds::Hash { modulus, remainder } if row % modulus == *remainder)
}

/// Asserts that no two partitions accept the same row, including those that Postgres still counts.
pub(crate) fn nothing_overlaps(observed: &ObservedTable) -> Result<(), String> {
    let partitions: Vec<_> =
        observed.partitions.iter().filter(|p| p.state.is_partition()).collect();
    for (at, one) in partitions.iter().enumerate() {
        for other in &partitions[at + 1..] {
            let overlap = match (&one.bounds, &other.bounds) {
                (
                    Bounds::Range(KeyRange { range: a, .. }),
                    Bounds::Range(KeyRange { range: b, .. }),
                ) => a.from() < b.to() && b.from() < a.to(),
                (Bounds::Default, Bounds::Default) => true,
                (a @ Bounds::Hash { .. }, b) => {
                    (0..3_360).any(|row| takes_hash(a, row) && takes_hash(b, row))
                }
                _ => false,
            };
            if overlap {
                return Err(format!("{:?} and {:?} overlap", one.name, other.name));
            }
        }
    }
    Ok(())
}

/// Asserts that unmanaged objects are unchanged: partitions, except for a detach that a user began, and every valid index
/// outside of the spec. Managed tables disappear only if they were never attached, were detached, or are an empty
/// default partition.
pub(crate) fn unmanaged_objects_are_unchanged(
    desired: &DesiredTable,
    before: &ObservedTable,
    after: &ObservedTable,
) -> Result<(), String> {
    for old in &before.partitions {
        let Some(new) = after.partition(&old.name).filter(|new| new.bounds == old.bounds) else {
            if may_be_gone(old) {
                continue;
            }
            return Err(format!("{:?} is missing or changed", old.name));
        };
        let is_named = desired.adopt.iter().any(|adopted| adopted.name == old.name.name);
        let is_as_before = (new.state.marker_state(), discriminant(&new.state), &new.comment)
            == (old.state.marker_state(), discriminant(&old.state), &old.comment);
        if !old.state.is_managed() && !is_as_before && !is_named {
            return Err(format!("{:?} is another's, and is changed", old.name));
        }
        let names: BTreeSet<_> = new.indexes.iter().map(|index| &index.name).collect();
        let theirs = |i: &&PartitionIndex| i.valid && i.marker.is_none() && i.of.is_none();
        let lost = old.indexes.iter().filter(theirs).find(|i| !names.contains(&i.name));
        if let Some(lost) = lost.filter(|_| old.state.is_partition()) {
            return Err(format!("the index {:?} is missing", lost.name));
        }
    }
    Ok(())
}

fn may_be_gone(old: &ObservedPartition) -> bool {
    match old.state {
        PartitionState::NeverAttached => true,
        PartitionState::Detached { .. } => old.state.is_detached_by_operator(),
        // A table that a user detached is unmanaged, and no longer a partition.
        PartitionState::PendingDetach { marker, .. } => {
            matches!(marker, None | Some(MarkerState::Expired { .. }))
        }
        PartitionState::Attached { .. } => {
            let is_past = old.bounds.as_range().is_some();
            old.state.is_managed() && (is_past || old.bounds == Bounds::Default)
        }
    }
}

/// Asserts that every new name is valid, is not in use, and is given once.
pub(crate) fn names_are_valid(before: &ObservedTable, after: &ObservedTable) -> Result<(), String> {
    let old: BTreeSet<&Identifier> = before.partitions.iter().map(|p| &p.name.name).collect();
    let mut seen = BTreeSet::new();
    for partition in &after.partitions {
        let name = &partition.name.name;
        let is_new = !old.contains(name);
        let cleared = before
            .partitions
            .iter()
            .any(|p| p.name == partition.name && p.state == PartitionState::NeverAttached);
        if is_new && !cleared && before.taken.contains(name) {
            return Err(format!("{name:?} is in use"));
        }
        let all = partition.indexes.iter().map(|index| &index.name).chain([name]);
        for name in all {
            if name.as_str().is_empty() || name.as_str().len() > 63 || !seen.insert(name.clone()) {
                return Err(format!("{name:?} is too long, or given twice"));
            }
        }
    }
    Ok(())
}

/// Returns the state without its names, which can differ between two ways to the same result.
pub(crate) fn nameless(observed: &ObservedTable) -> Vec<String> {
    let mut all: Vec<String> = observed.partitions.iter().map(nameless_partition).collect();
    for index in &observed.indexes {
        all.push(format!("{:?} {} {:?}", index.name, index.valid, index.shape));
    }
    all.sort();
    all
}

fn nameless_partition(partition: &ObservedPartition) -> String {
    let mut indexes: Vec<_> = partition
        .indexes
        .iter()
        .map(|i| format!("{:?} {} {:?} {:?}", i.of, i.valid, i.shape, i.marker))
        .collect();
    indexes.sort();
    let ObservedPartition { bounds, state, default, .. } = partition;
    format!("{bounds:?} {state:?} {default:?} {indexes:?}")
}
