//! Names for partitions and their indexes. Names are only names: nothing is decided by them.

use super::identifier::MAX_BYTES;
use super::{Axis, Edge, Grid, Identifier, Interval, ManagedTable, RangeBounds, digest};

/// Hexadecimal digits that stand for what a shortened name lost.
const DIGEST: usize = 8;

/// Number of leading bytes of a table's name that all names of its partitions keep when they are shortened.
const KEPT_BYTES: usize = 20;

/// Returns the name of a range partition: `revenues_2026_03` for a whole period, `revenues_20260310_20260401` for
/// part of one.
#[must_use]
pub fn range_name(table: &ManagedTable, grid: &Grid, range: RangeBounds) -> Identifier {
    let suffix = grid.is_period(range).then(|| period_suffix(grid, range.from())).flatten();
    let suffix = suffix.unwrap_or_else(|| {
        format!("{}_{}", edge_suffix(&grid.axis, range.from()), edge_suffix(&grid.axis, range.to()))
    });
    fit_table(table, &format!("_{suffix}"))
}

/// The name of a hash partition: `daily_cash_balances_0`.
#[must_use]
pub fn hash_name(table: &ManagedTable, remainder: u32) -> Identifier {
    fit_table(table, &format!("_{remainder}"))
}

/// Returns the name of the default partition: `revenues_default`.
#[must_use]
pub fn default_name(table: &ManagedTable) -> Identifier {
    fit_table(table, "_default")
}

/// Returns the name that an index of the table has on one of its partitions: `revenues_2026_03_org_id` for
/// `revenues_org_id`. An index is named after the relation that it is on, or after the table.
#[must_use]
pub fn index_name(
    (table, relation): (&ManagedTable, &Identifier),
    index: &Identifier,
    partition: &Identifier,
) -> Identifier {
    let without = |stem: &Identifier| {
        let rest = index.as_str().strip_prefix(stem.as_str())?.strip_prefix('_')?;
        Some(rest).filter(|rest| !rest.is_empty())
    };
    let own = without(relation).or_else(|| without(&table.name().name)).unwrap_or(index.as_str());
    if partition.as_str().len() + 1 + own.len() <= MAX_BYTES {
        return fit(partition.as_str(), &format!("_{own}"));
    }
    // Either name can be the long one; both stay recognizable.
    let whole = format!("{}_{own}", partition.as_str());
    let room = MAX_BYTES - DIGEST - 2;
    let tail = cut(own, room / 3);
    let head = cut(partition.as_str(), room - tail.len());
    Identifier::composed(format!("{head}_{tail}_{}", digest(&whole, DIGEST)))
}

/// The first of `name`, `name_2`, `name_3` … that is not taken.
#[must_use]
pub fn unused(name: &Identifier, taken: impl Fn(&Identifier) -> bool) -> Identifier {
    let mut candidate = name.clone();
    let mut number = 2_u32;
    while taken(&candidate) {
        candidate = fit(name.as_str(), &format!("_{number}"));
        number += 1;
    }
    candidate
}

fn fit_table(table: &ManagedTable, suffix: &str) -> Identifier {
    fit(table.name().name.as_str(), suffix)
}

/// `stem` and `suffix` as one name. Where that passes 63 bytes the stem is cut, never within a
/// character, and a digest of the whole stem takes the place of what was cut, so that two stems stay
/// two names.
#[must_use]
pub fn fit(stem: &str, suffix: &str) -> Identifier {
    let name = if stem.len() + suffix.len() <= MAX_BYTES {
        format!("{stem}{suffix}")
    } else {
        let room = MAX_BYTES - suffix.len() - DIGEST - 1;
        format!("{}_{}{suffix}", cut(stem, room), digest(stem, DIGEST))
    };
    Identifier::composed(name)
}

/// Returns how the name of every partition of the table begins, and of every index of one, however much it
/// had to be shortened.
#[must_use]
pub fn partition_prefix(table: &ManagedTable) -> String {
    let table = table.name().name.as_str();
    if table.len() <= KEPT_BYTES { format!("{table}_") } else { cut(table, KEPT_BYTES).to_owned() }
}

/// Returns a name that no name with this prefix reaches in the catalog's order, which is that of bytes, or
/// `None` if there is none that every server encoding can express.
///
/// Only ASCII sorts the same in every encoding, so only the ASCII characters at the beginning count: what
/// lies below this name still has to be compared with the prefix.
#[must_use]
pub fn end_of_prefix(prefix: &str) -> Option<String> {
    let ascii = prefix.find(|c: char| !c.is_ascii()).unwrap_or(prefix.len());
    let mut end = prefix.get(..ascii)?.trim_end_matches('\x7f').to_owned();
    let last = u8::try_from(end.pop()?).ok()?;
    end.push(char::from(last + 1));
    Some(end)
}

/// As many whole characters of `text` as fit into `bytes`.
fn cut(text: &str, bytes: usize) -> &str {
    text.split_at(text.floor_char_boundary(bytes)).0
}

fn period_suffix(grid: &Grid, from: Edge) -> Option<String> {
    let Edge::At(from) = from else { return None };
    let wall = grid.axis.wall(from)?;
    let (year, month, day) = (wall.year(), wall.month(), wall.day());
    Some(match grid.interval {
        Interval::Year => format!("{year:04}"),
        Interval::Quarter => format!("{year:04}_q{}", (month - 1) / 3 + 1),
        Interval::Month => format!("{year:04}_{month:02}"),
        Interval::Week => {
            let week = wall.date().iso_week_date();
            format!("{:04}_w{:02}", week.year(), week.week())
        }
        Interval::Day => format!("{year:04}_{month:02}_{day:02}"),
        Interval::Hour => {
            let fold = second_of_fold(&grid.axis, from).unwrap_or_default();
            format!("{year:04}_{month:02}_{day:02}_{:02}{fold}", wall.hour())
        }
    })
}

/// Returns the suffix that distinguishes a repeated hour: its offset from UTC, `_p0100` or `_m0500`; `None` for
/// other hours.
fn second_of_fold(axis: &Axis, at: i128) -> Option<String> {
    if axis.key.is_wall_clock() {
        return None;
    }
    let zoned = axis.zoned(at)?;
    let first = axis.zone.to_ambiguous_timestamp(zoned.datetime()).compatible().ok()?;
    if first == zoned.timestamp() {
        return None;
    }
    let seconds = zoned.offset().seconds();
    let sign = if seconds < 0 { 'm' } else { 'p' };
    let minutes = seconds.unsigned_abs() / 60;
    Some(format!("_{sign}{:02}{:02}", minutes / 60, minutes % 60))
}

/// Returns a bound of a partial-period partition: `20260310`, and the time of day if it is not midnight.
fn edge_suffix(axis: &Axis, edge: Edge) -> String {
    let Edge::At(at) = edge else {
        return match edge {
            Edge::MinValue | Edge::NegativeInfinity => "min".to_owned(),
            Edge::Infinity | Edge::MaxValue | Edge::At(_) => "max".to_owned(),
        };
    };
    let Some(wall) = axis.wall(at) else { return "far".to_owned() };
    let date = format!("{:04}{:02}{:02}", wall.year(), wall.month(), wall.day());
    match (wall.hour(), wall.minute(), wall.second()) {
        (0, 0, 0) => date,
        (hour, minute, 0) => format!("{date}t{hour:02}{minute:02}"),
        (hour, minute, second) => format!("{date}t{hour:02}{minute:02}{second:02}"),
    }
}
