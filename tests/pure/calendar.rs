//! Both ends of the calendar, in every zone, and what a server can write that no calendar has: the
//! arithmetic is total.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use pg_partition_operator::partition::{
    Axis, Bounds, Edge, Grid, Identifier, IndexColumn, IndexShape, Interval, KeyType, ManagedTable,
    QualifiedName, RangeKey, range_name,
};
use proptest::prelude::*;
use proptest::sample::select;

use crate::properties::cases;

const KEYS: [KeyType; 4] =
    [KeyType::Date, KeyType::Timestamp, KeyType::TimestampTz, KeyType::UuidV7];

const INTERVALS: [Interval; 6] = [
    Interval::Hour,
    Interval::Day,
    Interval::Week,
    Interval::Month,
    Interval::Quarter,
    Interval::Year,
];

/// Every zone that there is.
fn zone() -> impl Strategy<Value = TimeZone> {
    let names: Vec<String> = jiff::tz::db().available().map(|name| name.to_string()).collect();
    select(names).prop_map(|name| TimeZone::get(&name).expect("the database has it"))
}

fn grid() -> impl Strategy<Value = Grid> {
    (select(&KEYS[..]), select(&INTERVALS[..]), zone())
        .prop_map(|(key, interval, zone)| Grid { interval, axis: Axis { key, zone } })
}

/// Instants near the ends of the calendar, and anywhere between them.
fn instant() -> impl Strategy<Value = Timestamp> {
    let near = 0..70_000_000_i64;
    let after = |start: Timestamp, seconds| {
        start.saturating_add(SignedDuration::from_secs(seconds)).expect("not a calendar span")
    };
    prop_oneof![
        near.clone().prop_map(move |seconds| after(Timestamp::MIN, seconds)),
        near.prop_map(move |seconds| after(Timestamp::MAX, -seconds)),
        Just(Timestamp::MIN),
        Just(Timestamp::MAX),
        (-62_135_596_800..253_402_207_200_i64).prop_map(move |at| after(Timestamp::UNIX_EPOCH, at)),
    ]
}

/// Days since 1970 of what Postgres has and the calendar library does not, and of its first and last day.
fn place() -> impl Strategy<Value = i128> {
    const DAY: i128 = 86_400_000_000;
    let ends = vec![-4_371_587_i128, -4_371_588, 2_932_896, 2_932_897, -2_440_588, 106_751_991];
    prop_oneof![
        (select(ends), -2 * DAY..2 * DAY).prop_map(|(day, micros)| day * DAY + micros),
        any::<i128>(),
        select(vec![i128::MIN, i128::MAX, i128::MIN + 1, i128::MAX - 1, 0]),
    ]
}

/// Asserts the properties of every position on an axis.
fn ask(grid: &Grid, at: i128) -> Result<(), TestCaseError> {
    let axis = &grid.axis;
    let (floor, next) = (grid.floor(at), grid.next(at));
    let snapped = axis.snap(at);
    prop_assert!(floor.is_none_or(|floor| floor <= snapped), "{floor:?} is after {snapped}");
    prop_assert!(next.is_none_or(|next| next > snapped), "{next:?} is not after {snapped}");
    let _previous = grid.previous(at);
    let _instant = (axis.instant(at), axis.zoned(at), axis.wall(at));
    let _after = axis.instant_after(at, Timestamp::MAX);
    let orders = QualifiedName::parse_sql("orders").expect("a name");
    if let Some(range) = grid.period(at) {
        prop_assert!(range.contains(Edge::At(snapped)));
        let named = range_name(&ManagedTable::new(orders), grid, range);
        prop_assert!(named.as_str().starts_with("orders_"));
        let _is_period = grid.is_period(range);
        let text = (axis.key.display(range.from()), axis.key.literal(range.to()));
        prop_assert!(!text.0.is_empty() && !text.1.is_empty());
    }
    Ok(())
}

proptest! {
    #![proptest_config(cases(400))]

    #[test]
    fn every_instant_has_its_place(grid in grid(), instant in instant()) {
        ask(&grid, grid.axis.at(instant))?;
        let _period = grid.period_of(instant);
    }

    #[test]
    fn every_place_can_be_asked(grid in grid(), at in place()) {
        ask(&grid, at)?;
    }

    #[test]
    fn wall_clock_survives_a_round_trip(grid in grid(), wall in select(WALLS.to_vec())) {
        let Some(at) = grid.axis.at_wall(wall) else { return Ok(()) };
        let micros = wall.round(jiff::Unit::Microsecond).unwrap_or(wall);
        if grid.axis.key.is_wall_clock() && wall != DateTime::MAX {
            prop_assert_eq!(grid.axis.wall(at), Some(micros));
        }
        ask(&grid, at)?;
    }

    #[test]
    fn any_text_can_stand_where_a_server_writes_a_value(
        text in "[-+:. 0-9BCinfty]{0,40}|.{0,20}|[0-9]{1,45}-[0-9]{1,45}-[0-9]{1,45}( [0-9:]{0,50})?",
        key in select(&KEYS[..]),
    ) {
        let _value = key.parse(&text);
        for bounds in [
            format!("FOR VALUES FROM ('{text}') TO (MAXVALUE)"),
            format!("FOR VALUES FROM (MINVALUE) TO ('{text}')"),
            format!("FOR VALUES WITH (modulus {text}, remainder {text})"),
            text,
        ] {
            let column = Identifier::new("at").expect("a name");
            let parsed = Bounds::parse(&bounds, Some(&RangeKey { column, key_type: key }));
            let _shown = parsed.display();
        }
    }

    #[test]
    fn any_text_can_stand_where_a_server_writes_a_predicate(
        written in "[a-c =<>!:()'\"0-9.]{0,30}",
        deparsed in "([a-c =<>!:()'\"0-9.\\[\\]]|::|character varying|ä){0,30}",
    ) {
        let _same = shape(&written).is_met_by(&shape(&deparsed));
    }
}

const WALLS: [DateTime; 5] = [
    DateTime::MIN,
    DateTime::MAX,
    DateTime::ZERO,
    DateTime::constant(9999, 12, 31, 0, 0, 0, 0),
    DateTime::constant(9999, 12, 30, 22, 0, 0, 0),
];

fn shape(predicate: &str) -> IndexShape {
    let column = Identifier::new("id").expect("a name");
    IndexShape {
        method: "btree".to_owned(),
        unique: false,
        columns: vec![IndexColumn { column, descending: false, nulls_first: false }],
        include: Vec::new(),
        predicate: Some(predicate.to_owned()),
    }
}

#[test]
fn cast_without_a_type_is_not_a_supported_predicate() {
    assert!(!shape("a = 1").is_met_by(&shape("a::")));
}

#[test]
fn hash_bounds_of_no_server_are_not_managed() {
    for text in ["modulus 0, remainder 0", "modulus 4, remainder 4", "modulus -1, remainder 0"] {
        let text = format!("FOR VALUES WITH ({text})");
        assert_eq!(Bounds::parse(&text, None), Bounds::Other(text));
    }
}
