//! Schedules: what crontab(5) says, also where the clock is set forward or back.

use std::collections::BTreeSet;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, Zoned};
use pg_partition_operator::desired::Cron;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use proptest::strategy::ValueTree as _;
use serde_json::json;

use crate::admission::support::Base;
use crate::admission::{accepts, rules};

/// A schedule, an instant as a clock on the wall shows it, and the scheduled instants before and after.
const MATCHES: [(&str, &str, &str, &str); 24] = [
    // The one of an instant is the last.
    (
        "0 2 1 * *",
        "2026-03-01T02:00+00[UTC]",
        "2026-03-01T02:00+00[UTC]",
        "2026-04-01T02:00+00[UTC]",
    ),
    (
        "0 2 1 * *",
        "2026-03-01T01:59+00[UTC]",
        "2026-02-01T02:00+00[UTC]",
        "2026-03-01T02:00+00[UTC]",
    ),
    (
        "0 3 15 * *",
        "2026-11-24T12:00+00[UTC]",
        "2026-11-15T03:00+00[UTC]",
        "2026-12-15T03:00+00[UTC]",
    ),
    (
        "*/5 * * * *",
        "2026-11-24T12:04+00[UTC]",
        "2026-11-24T12:00+00[UTC]",
        "2026-11-24T12:05+00[UTC]",
    ),
    (
        "*/7 * * * *",
        "2026-11-24T12:58+00[UTC]",
        "2026-11-24T12:56+00[UTC]",
        "2026-11-24T13:00+00[UTC]",
    ),
    // Names, and Sunday at either end of the week.
    (
        "0 6 * * MON-FRI",
        "2026-11-27T07:00+00[UTC]",
        "2026-11-27T06:00+00[UTC]",
        "2026-11-30T06:00+00[UTC]",
    ),
    (
        "0 6 * * fri-sun",
        "2026-11-29T07:00+00[UTC]",
        "2026-11-29T06:00+00[UTC]",
        "2026-12-04T06:00+00[UTC]",
    ),
    (
        "0 6 * jan,Jul 7",
        "2026-11-24T00:00+00[UTC]",
        "2026-07-26T06:00+00[UTC]",
        "2027-01-03T06:00+00[UTC]",
    ),
    (
        "0 6 1 * */7",
        "2026-11-24T00:00+00[UTC]",
        "2026-11-01T06:00+00[UTC]",
        "2027-08-01T06:00+00[UTC]",
    ),
    // Either day is enough, but where one has a star.
    (
        "0 0 13 * FRI",
        "2026-11-24T00:00+00[UTC]",
        "2026-11-20T00:00+00[UTC]",
        "2026-11-27T00:00+00[UTC]",
    ),
    (
        "0 0 13 * FRI",
        "2026-12-12T00:00+00[UTC]",
        "2026-12-11T00:00+00[UTC]",
        "2026-12-13T00:00+00[UTC]",
    ),
    (
        "0 0 */2 * FRI",
        "2026-11-24T00:00+00[UTC]",
        "2026-11-13T00:00+00[UTC]",
        "2026-11-27T00:00+00[UTC]",
    ),
    // Days that not every month and year has.
    (
        "0 0 31 * *",
        "2026-02-10T00:00+00[UTC]",
        "2026-01-31T00:00+00[UTC]",
        "2026-03-31T00:00+00[UTC]",
    ),
    (
        "0 0 29 2 *",
        "2026-11-24T00:00+00[UTC]",
        "2024-02-29T00:00+00[UTC]",
        "2028-02-29T00:00+00[UTC]",
    ),
    (
        "0 0 29 2 *",
        "2097-01-01T00:00+00[UTC]",
        "2096-02-29T00:00+00[UTC]",
        "2104-02-29T00:00+00[UTC]",
    ),
    // The clock skips 2:00 to 3:00, or shows it twice.
    (
        "30 2 * * *",
        "2026-03-29T01:59+01[Europe/Paris]",
        "2026-03-28T02:30+01[Europe/Paris]",
        "2026-03-29T03:00+02[Europe/Paris]",
    ),
    (
        "30 2 * * *",
        "2026-03-29T04:00+02[Europe/Paris]",
        "2026-03-29T03:00+02[Europe/Paris]",
        "2026-03-30T02:30+02[Europe/Paris]",
    ),
    (
        "30 2 * * *",
        "2026-10-25T02:45+01[Europe/Paris]",
        "2026-10-25T02:30+02[Europe/Paris]",
        "2026-10-26T02:30+01[Europe/Paris]",
    ),
    (
        "*/30 * * * *",
        "2026-10-25T02:45+02[Europe/Paris]",
        "2026-10-25T02:30+02[Europe/Paris]",
        "2026-10-25T02:00+01[Europe/Paris]",
    ),
    (
        "30 2 * * *",
        "2026-03-08T01:00-05[America/New_York]",
        "2026-03-07T02:30-05[America/New_York]",
        "2026-03-08T03:00-04[America/New_York]",
    ),
    (
        "30 1 1 * *",
        "2026-11-01T01:00-05[America/New_York]",
        "2026-11-01T01:30-04[America/New_York]",
        "2026-12-01T01:30-05[America/New_York]",
    ),
    // By half an hour only.
    (
        "15 2 * * *",
        "2026-10-04T01:59+10:30[Australia/Lord_Howe]",
        "2026-10-03T02:15+10:30[Australia/Lord_Howe]",
        "2026-10-04T02:30+11[Australia/Lord_Howe]",
    ),
    (
        "45 1 * * *",
        "2026-04-05T01:50+10:30[Australia/Lord_Howe]",
        "2026-04-05T01:45+11[Australia/Lord_Howe]",
        "2026-04-06T01:45+10:30[Australia/Lord_Howe]",
    ),
    // Midnight itself is skipped.
    (
        "0 0 * * *",
        "2026-09-05T23:59-04[America/Santiago]",
        "2026-09-05T00:00-04[America/Santiago]",
        "2026-09-06T01:00-03[America/Santiago]",
    ),
];

#[test]
fn schedule_matches_crontab() {
    for (text, at, last, next) in MATCHES {
        let [at, last, next] = [at, last, next].map(|t| t.parse::<Zoned>().expect("an instant"));
        let cron = Cron::parse(text).expect("a schedule");
        let shown = |found: Option<Timestamp>| found.map(|t| t.to_zoned(at.time_zone().clone()));
        let found = shown(cron.last(at.time_zone(), at.timestamp()));
        assert_eq!(found, Some(last), "the last of {text} at {at}");
        let found = shown(cron.next(at.time_zone(), at.timestamp()));
        assert_eq!(found, Some(next), "the next of {text} at {at}");
    }
}

#[test]
fn invalid_schedule_is_rejected_with_a_remedy() {
    for (text, saying) in [
        ("", "'0 2 1 * *' is at 2:00"),
        ("0 2 1 *", "'0 2 1 * *' is at 2:00"),
        ("0 0 2 1 * *", "'0 2 1 * *' is at 2:00"),
        ("0 2 1 * * 2027", "'0 2 1 * *' is at 2:00"),
        ("0 5-2 * * *", "ends before it begins"),
        ("0 2 * * FRI-MON", "ends before it begins"),
        ("0 2 * Nov-feb *", "ends before it begins"),
        ("0 2 30 2 *", "never comes"),
        ("0 2 31 4,6,9,nov *", "never comes"),
    ] {
        let problem = Cron::parse(text).expect_err(text);
        assert!(problem.contains(saying), "{text}: {problem}");
    }
}

/// One value, a range, steps or a list of a field, with names among them.
fn field(values: &'static [&'static str]) -> BoxedStrategy<String> {
    let value = select(values);
    let step = 1..values.len();
    let item = prop_oneof![
        value.clone().prop_map(str::to_owned),
        (value.clone(), value.clone()).prop_map(|(from, to)| format!("{from}-{to}")),
        (value.clone(), value, step.clone()).prop_map(|(from, to, by)| format!("{from}-{to}/{by}")),
        step.prop_map(|by| format!("*/{by}")),
    ];
    let list = prop::collection::vec(item, 1..3).prop_map(|items| items.join(","));
    prop_oneof![Just("*".to_owned()), list].boxed()
}

fn schedule() -> impl Strategy<Value = String> {
    let fields = [
        field(&["0", "05", "30", "59"]),
        field(&["0", "01", "2", "3", "23"]),
        field(&["1", "02", "15", "28", "29", "31"]),
        field(&["1", "02", "FEB", "apr", "10", "12", "Dec"]),
        field(&["0", "1", "SUN", "mon", "Fri", "6", "7"]),
    ];
    fields.prop_map(|fields| fields.join(" "))
}

fn zone() -> impl Strategy<Value = TimeZone> {
    select(&ZONES[..]).prop_map(|name| TimeZone::get(name).expect("a zone"))
}

/// With half an hour, midnight and a whole day skipped among them.
const ZONES: [&str; 8] = [
    "UTC",
    "Europe/Paris",
    "America/New_York",
    "Australia/Lord_Howe",
    "America/Santiago",
    "America/St_Johns",
    "Antarctica/Troll",
    "Pacific/Apia",
];

/// A zone, and an instant: more often than not one around which the clock is set.
fn instant() -> impl Strategy<Value = (TimeZone, Timestamp)> {
    let spread = 0..(2 * 24 * 3600 * 1000_i64);
    let second = 0..4_102_444_800_i64;
    (zone(), second, spread, any::<bool>()).prop_map(|(zone, second, spread, whole)| {
        let at = Timestamp::from_second(second).expect("before 2100");
        let shift = zone.following(at).next().map_or(at, |shift| shift.timestamp());
        let at = shift + SignedDuration::from_millis(spread) - SignedDuration::from_hours(24);
        let minute = Timestamp::from_second(at.as_second() / 60 * 60).expect("it was one");
        (zone, if whole { minute } else { at })
    })
}

fn just_before(at: Timestamp) -> Timestamp {
    at - SignedDuration::from_nanos(1)
}

proptest! {
    #[test]
    fn no_time_lies_between_the_previous_and_the_next(text in schedule(), at in instant()) {
        let (zone, at) = at;
        let Ok(cron) = Cron::parse(&text) else { return Ok(()) };
        let last = cron.last(&zone, at).expect("an earlier time");
        let next = cron.next(&zone, at).expect("it will come again");
        prop_assert!(last <= at && at < next, "{last} <= {at} < {next}");
        prop_assert_eq!(cron.next(&zone, last), Some(next));
        prop_assert_eq!(cron.next(&zone, just_before(last)), Some(last));
        prop_assert_eq!(cron.last(&zone, last), Some(last));
        prop_assert_eq!(cron.last(&zone, just_before(next)), Some(last));
        prop_assert_eq!(cron.last(&zone, next), Some(next));
    }

    #[test]
    fn schedule_matches_exactly_the_minutes_of_the_clock(
        minutes in subsequence(vec![0, 7, 15, 30, 45, 59], 2..6),
        hours in subsequence((0..24).collect::<Vec<i8>>(), 2..24),
        at in instant(),
    ) {
        let (zone, at) = at;
        let list = |values: &[i8]| {
            values.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
        };
        let cron = Cron::parse(&format!("{} {} * * *", list(&minutes), list(&hours)));
        let cron = cron.expect("a schedule");
        let first = Timestamp::from_second(at.as_second() / 60 * 60).expect("a minute");
        let shown: BTreeSet<Timestamp> = (1..=48 * 60)
            .map(|minute| first + SignedDuration::from_mins(minute))
            .filter(|minute| {
                let wall = zone.to_datetime(*minute);
                minutes.contains(&wall.minute()) && hours.contains(&wall.hour())
            })
            .collect();
        let until = first + SignedDuration::from_hours(48);
        let met = std::iter::successors(cron.next(&zone, first), |at| cron.next(&zone, *at));
        let met: BTreeSet<Timestamp> = met.take_while(|at| *at <= until).collect();
        prop_assert_eq!(shown, met);
    }

    #[test]
    fn daily_schedule_matches_once_each_day(minute in 0..60_i8, hour in 0..24_i8, at in instant()) {
        let (zone, at) = at;
        // A day that the zone skips from end to end has none.
        prop_assume!(zone.iana_name() != Some("Pacific/Apia"));
        let cron = Cron::parse(&format!("{minute} {hour} * * *")).expect("a schedule");
        let first = cron.next(&zone, at).expect("a later time");
        let days: Vec<_> = std::iter::successors(Some(first), |at| cron.next(&zone, *at))
            .map(|at| zone.to_datetime(at).date())
            .take(4)
            .collect();
        for pair in days.windows(2) {
            prop_assert_eq!(pair[0].tomorrow().expect("a day"), pair[1]);
        }
    }
}

#[test]
fn schedule_that_the_schema_accepts_is_parsed() {
    let rules = rules();
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut object = Base::Range.object();
    for _ in 0..200 {
        let text = schedule().new_tree(&mut runner).expect("a schedule").current();
        object["spec"]["schedule"] = json!({"provision": text});
        accepts(&rules, &object).unwrap_or_else(|errors| panic!("{text}: {errors}"));
        if let Err(problem) = Cron::parse(&text) {
            let known = problem.contains("ends before") || problem.contains("never comes");
            assert!(known, "{text}: {problem}");
        }
    }
}
