//! Tables partitioned by range.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use pg_partition_operator::observed::{DefaultRows, ObservedTable};
use pg_partition_operator::partition::{
    Axis, Bounds, Edge, Grid, Interval, KeyType, MarkerState, Method, QualifiedName, RangeBounds,
    range_name,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

use super::lifecycle::{self, Life};
use super::{AfterExpiry, Fate, SimulatedState, TABLES, fate, index, interrupted_run, let_go};
use crate::catalog;

const INTERVALS: [Interval; 6] = [
    Interval::Hour,
    Interval::Day,
    Interval::Week,
    Interval::Month,
    Interval::Quarter,
    Interval::Year,
];

/// Zones, each with an instant near which its clock does something odd.
const ZONES: [(&str, &str); 10] = [
    ("UTC", "2024-02-29T12:00:00Z"),
    ("Europe/Paris", "2026-10-25T00:59:00Z"),
    ("America/New_York", "2026-03-08T06:59:00Z"),
    ("Australia/Lord_Howe", "2026-04-04T14:59:00Z"),
    ("Asia/Kathmandu", "1985-12-31T18:29:00Z"),
    ("Pacific/Apia", "2011-12-30T09:59:00Z"),
    ("America/St_Johns", "2010-11-07T02:29:00Z"),
    ("America/Sao_Paulo", "2018-11-04T02:59:00Z"),
    ("Africa/Monrovia", "1972-01-07T00:44:00Z"),
    ("America/Havana", "2026-11-01T04:59:00Z"),
];

const KEYS: [KeyType; 4] =
    [KeyType::Date, KeyType::Timestamp, KeyType::TimestampTz, KeyType::UuidV7];

/// Desired state, before it is written as a spec.
#[derive(Debug, Clone)]
struct Wish {
    table: &'static str,
    interval: Interval,
    key: KeyType,
    zone: &'static str,
    now: Timestamp,
    ahead: i64,
    start_at: Option<i64>,
    indexes: Vec<Value>,
    life: Life,
}

/// A stretch between two cuts; a cut is so many periods from now, and perhaps off the grid.
#[derive(Debug, Clone)]
struct Stretch {
    width: i64,
    off_grid: Option<i64>,
    fate: Option<Fate>,
    /// Another partition that covered the range once, and expired.
    before: Option<AfterExpiry>,
    has_usual_name: bool,
    indexes: Vec<index::Found>,
}

pub(crate) fn range_state() -> impl Strategy<Value = SimulatedState> {
    let found = (stretches(), default_partition(), any::<[bool; 3]>(), lifecycle::references());
    (wish(), found, earlier_run()).prop_map(
        |(wish, (stretches, default, [min, max, unmanaged], references), earlier)| {
            let mut state = wish.state();
            let grid = wish.grid();
            add_partitions(&mut state.observed, &grid, &stretches, [min, max], wish.now);
            add_default(&mut state.observed, &grid, default.as_ref(), wish.now);
            if unmanaged && let Some(current) = grid.period_of(wish.now) {
                let taken = range_name(&state.observed.managed, &grid, current);
                state.observed.taken.insert(taken);
            }
            if let Some((was_longer, periods_ago, ahead, (indexes, life), steps)) = earlier {
                let interval = if was_longer { longer(wish.interval) } else { wish.interval };
                let ago = SignedDuration::from_secs(periods_ago * rough_seconds(wish.interval));
                let at = wish.now - ago;
                let before = Wish { interval, ahead, indexes, life, ..wish }.state().desired;
                interrupted_run(&mut state, &before, at, steps);
            }
            lifecycle::refer(&mut state.observed, references.as_ref());
            state
        },
    )
}

fn wish() -> impl Strategy<Value = Wish> {
    let now = prop_oneof![
        3 => (select(&ZONES[..]), -172_800..172_800_i64).prop_map(|((zone, odd), seconds)| {
            let odd: Timestamp = odd.parse().expect("an instant");
            (zone, odd + SignedDuration::from_secs(seconds))
        }),
        2 => (select(&ZONES[..]), 1_000_000_000..4_000_000_000_i64).prop_map(|((zone, _), seconds)| {
            (zone, Timestamp::from_second(seconds).expect("within the calendar"))
        }),
    ];
    let what = (select(&TABLES[..]), select(&INTERVALS[..]), select(&KEYS[..]));
    let start_at = option::weighted(0.3, -3..20_i64);
    (what, now, 0..5_i64, start_at, (index::wanted(true), lifecycle::life())).prop_map(
        |((table, interval, key), (zone, now), ahead, start_at, (indexes, life))| {
            let too_fine = key == KeyType::Date && interval == Interval::Hour;
            let interval = if too_fine { Interval::Day } else { interval };
            Wish { table, interval, key, zone, now, ahead, start_at, indexes, life }
        },
    )
}

fn stretches() -> impl Strategy<Value = Vec<Stretch>> {
    let off_grid = option::weighted(0.2, 1..3_000_000_000_i64);
    let before = option::weighted(0.15, let_go());
    let found = (option::weighted(0.7, fate()), before, any::<bool>(), index::found());
    let stretch = (1..3_i64, off_grid, found).prop_map(
        |(width, off_grid, (fate, before, has_usual_name, indexes))| Stretch {
            width,
            off_grid,
            fate,
            before,
            has_usual_name,
            indexes,
        },
    );
    vec(stretch, 0..8)
}

/// Whether the default partition is empty, managed, and counted, and the periods of its rows, relative to the current one.
type FoundDefault = ([bool; 3], Vec<i64>);

/// Whether there is one.
fn default_partition() -> impl Strategy<Value = Option<FoundDefault>> {
    option::weighted(0.4, (any::<[bool; 3]>(), vec(-3..5_i64, 0..3)))
}

/// Whether periods were longer, the number of periods since then, the number of periods ahead, the other fields of the
/// spec, and the number of steps after which the run was interrupted.
type Earlier = (bool, i64, i64, (Vec<Value>, Life), usize);

/// Returns the spec of an earlier run, and the number of steps after which it was interrupted.
fn earlier_run() -> impl Strategy<Value = Option<Earlier>> {
    let was_longer = proptest::bool::weighted(0.3);
    let wanted = (index::wanted(true), lifecycle::life());
    option::weighted(0.5, (was_longer, 0..3_i64, 0..5_i64, wanted, 1..40_usize))
}

fn longer(interval: Interval) -> Interval {
    match interval {
        Interval::Hour => Interval::Day,
        Interval::Day => Interval::Week,
        Interval::Week => Interval::Month,
        Interval::Month => Interval::Quarter,
        Interval::Quarter | Interval::Year => Interval::Year,
    }
}

impl Wish {
    fn grid(&self) -> Grid {
        let zone = TimeZone::get(self.zone).expect("the bundle has it");
        Grid { interval: self.interval, axis: Axis { key: self.key, zone } }
    }

    fn state(&self) -> SimulatedState {
        let seconds = self.start_at.map(|periods| periods * rough_seconds(self.interval));
        let start_at = seconds.map(|back| (self.now - SignedDuration::from_secs(back)).to_string());
        let mut spec = json!({
            "schema": "shop",
            "table": self.table,
            "partitionBy": {"range": {
                "column": "at",
                "interval": self.interval.as_str(),
                "timeZone": self.zone,
                "startAt": start_at,
            }},
            "ahead": self.ahead,
            "indexes": self.indexes,
        });
        self.life.write(&mut spec);
        let desired = catalog::desired(&spec).expect("a wish means something");
        let mut observed =
            catalog::table(desired.name.name(), Method::Range, &[("at", self.key.type_name())]);
        index::add_columns(&mut observed);
        SimulatedState { desired, observed, now: self.now }
    }
}

fn rough_seconds(interval: Interval) -> i64 {
    match interval {
        Interval::Hour => 3_600,
        Interval::Day => 86_400,
        Interval::Week => 604_800,
        Interval::Month => 2_600_000,
        Interval::Quarter => 7_800_000,
        Interval::Year => 31_600_000,
    }
}

fn add_partitions(
    observed: &mut ObservedTable,
    grid: &Grid,
    stretches: &[Stretch],
    [min, max]: [bool; 2],
    now: Timestamp,
) {
    let mut at = grid.floor(grid.axis.at(now)).expect("within the calendar");
    for _ in 0..4 {
        at = grid.previous(at).unwrap_or(at);
    }
    let mut from = if min { Edge::MinValue } else { Edge::At(at) };
    for (number, stretch) in stretches.iter().enumerate() {
        for _ in 0..stretch.width {
            at = grid.next(at).expect("within the calendar");
        }
        let is_last = number + 1 == stretches.len();
        let to = if max && is_last { Edge::MaxValue } else { Edge::At(cut(grid, at, stretch)) };
        if let (Some(fate), Some(range)) = (stretch.fate, RangeBounds::new(from, to)) {
            let name = name(observed, grid, range, number, stretch.has_usual_name);
            let mut partition = catalog::partition(name, catalog::bounds(observed, range));
            fate.befall(&mut partition, now);
            index::give(&mut partition, &stretch.indexes);
            catalog::add(observed, partition);
        }
        if let (Some(before), Some(range)) = (stretch.before, RangeBounds::new(from, to)) {
            let name = catalog::identifier(&format!("once {number}"));
            let mut partition =
                catalog::partition(observed.name.sibling(name), catalog::bounds(observed, range));
            Fate::AfterExpiry(before).befall(&mut partition, now);
            if !partition.state.is_partition() {
                catalog::add(observed, partition);
            }
        }
        from = from.max(to);
    }
}

/// An edge a little after `at`, where the stretch says so; a `date` cannot be cut within a day.
fn cut(grid: &Grid, at: i128, stretch: &Stretch) -> i128 {
    let off = i128::from(stretch.off_grid.unwrap_or(0));
    match grid.axis.key {
        KeyType::Date => at + off % 3 * 86_400_000_000,
        KeyType::Timestamp | KeyType::TimestampTz => at + off,
        KeyType::UuidV7 => at + off * 7_777_777_777_777,
    }
}

fn name(
    observed: &ObservedTable,
    grid: &Grid,
    range: RangeBounds,
    number: usize,
    usual: bool,
) -> QualifiedName {
    let wanted = range_name(&observed.managed, grid, range);
    if usual && !observed.taken.contains(&wanted) {
        return observed.name.sibling(wanted);
    }
    observed.name.sibling(catalog::identifier(&format!("Old\n\"{number}\"")))
}

fn add_default(
    observed: &mut ObservedTable,
    grid: &Grid,
    default: Option<&FoundDefault>,
    now: Timestamp,
) {
    let Some(([is_empty, is_ours, is_counted], rows_at)) = default else { return };
    let name = observed.name.sibling(catalog::identifier("the default"));
    let mut partition = catalog::partition(name, Bounds::Default);
    partition.bytes = if *is_empty { 0 } else { 8_192 };
    if *is_ours {
        catalog::set_marker_state(&mut partition, MarkerState::Attached);
    }
    catalog::add(observed, partition);
    let rows = rows_at.iter().filter(|_| !is_empty).filter_map(|periods| {
        let mut at = grid.axis.at(now);
        for _ in 0..periods.unsigned_abs() {
            at = if *periods < 0 { grid.previous(grid.floor(at)?)? } else { grid.next(at)? };
        }
        let after = at + grid.axis.resolution().max(900_000_000);
        let range = RangeBounds::new(Edge::At(at), Edge::At(after))?;
        let is_free =
            observed.attached().filter_map(|p| p.bounds.as_range()).all(|r| !r.overlaps(&range));
        is_free.then_some(DefaultRows { range, rows: 7 })
    });
    let rows: Vec<_> = rows.collect();
    observed.default_count = is_counted.then(|| rows.iter().map(|stretch| stretch.rows).sum());
    observed.default_rows = Some(rows);
}
