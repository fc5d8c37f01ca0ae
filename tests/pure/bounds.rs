//! Bounds are read as they are written, however far away they lie.

use pg_partition_operator::partition::{
    Bounds, Edge, Identifier, KeyRange, KeyType, RangeBounds, RangeKey,
};
use proptest::prelude::*;

const DAY: i128 = 86_400_000_000;

/// Days since 1970 of the first and the last day that Postgres has: 24 November 4714 BC, and in 5874897.
const DAYS: std::ops::RangeInclusive<i128> = -2_440_588..=2_145_031_948;

/// Microseconds since 1970 of the first and last instant of a timestamp: 4713 BC and 294276.
const MICROS: std::ops::RangeInclusive<i128> = -210_863_520_000_000_000..=9_224_318_015_999_999_999;

fn edge() -> impl Strategy<Value = (KeyType, Edge)> {
    let near = -3_000_000_000_000_000_i128..5_000_000_000_000_000;
    prop_oneof![
        DAYS.prop_map(|days| (KeyType::Date, Edge::At(days * DAY))),
        MICROS.prop_map(|micros| (KeyType::Timestamp, Edge::At(micros))),
        near.prop_map(|micros| (KeyType::TimestampTz, Edge::At(micros))),
        any::<i128>().prop_map(|uuid| (KeyType::UuidV7, Edge::At(uuid))),
        Just((KeyType::Date, Edge::Infinity)),
        Just((KeyType::TimestampTz, Edge::NegativeInfinity)),
    ]
}

/// Bounds as Postgres writes them.
fn of_type(key_type: KeyType) -> RangeKey {
    RangeKey { column: Identifier::new("at").expect("a name"), key_type }
}

fn written(key: KeyType, range: RangeBounds) -> String {
    let edge = |edge| match edge {
        Edge::MinValue => "MINVALUE".to_owned(),
        Edge::MaxValue => "MAXVALUE".to_owned(),
        value => format!("'{}'", key.literal(value)),
    };
    format!("FOR VALUES FROM ({}) TO ({})", edge(range.from()), edge(range.to()))
}

proptest! {
    #[test]
    fn value_is_read_as_written((key, edge) in edge()) {
        prop_assert_eq!(key.parse(&key.literal(edge)), Some(edge));
    }

    #[test]
    fn range_is_read_as_written((key, edge) in edge(), open in any::<bool>()) {
        let range = if open {
            RangeBounds::new(Edge::MinValue, edge)
        } else {
            RangeBounds::new(edge, Edge::MaxValue)
        };
        let range = range.expect("every value lies between the two");
        let text = written(key, range);
        let key = of_type(key);
        prop_assert_eq!(Bounds::parse(&text, Some(&key)), Bounds::Range(KeyRange { key, range }));
    }

    #[test]
    fn days_are_those_of_the_calendar(days in -719_162..2_932_896_i64) {
        let epoch = jiff::civil::date(1970, 1, 1);
        let day = epoch.checked_add(jiff::Span::new().days(days)).expect("within the calendar");
        let edge = Edge::At(i128::from(days) * DAY);
        prop_assert_eq!(KeyType::Date.literal(edge), day.to_string());
    }
}

#[test]
fn values_are_read_as_postgres_writes_them() {
    for (key, text, micros) in [
        (KeyType::Date, "4714-11-24 BC", -2_440_588 * DAY),
        (KeyType::Date, "0001-12-31 BC", -719_163 * DAY),
        (KeyType::Date, "10000-01-01", 2_932_897 * DAY),
        (KeyType::Timestamp, "1969-12-31 23:59:59.999999", -1),
        (KeyType::TimestampTz, "2026-03-29 01:00:00.5+00", 1_774_746_000_500_000),
    ] {
        assert_eq!(key.parse(text), Some(Edge::At(micros)), "{text}");
        assert_eq!(key.literal(Edge::At(micros)), text);
    }
    assert_eq!(KeyType::TimestampTz.parse("2026-03-29 01:00:00+02"), None, "sessions are in UTC");
    assert_eq!(Bounds::parse("FOR VALUES IN (1)", None), Bounds::Other("FOR VALUES IN (1)".into()));
    assert_eq!(
        Bounds::parse("FOR VALUES WITH (modulus 8, remainder 3)", None),
        Bounds::Hash { modulus: 8, remainder: 3 }
    );
}
