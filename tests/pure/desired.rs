//! Meaning of a resource: its spec and its annotations.

use std::collections::BTreeSet;
use std::num::NonZeroU32;
use std::time::Duration;

use jiff::Timestamp;
use pg_partition_operator::api::v1alpha1::PartitionedTable;
use pg_partition_operator::desired::{
    AdoptedName, AfterCutover, Backfill, ConversionMethod, CopyOptions, DefaultPartition,
    DesiredConversion, DesiredRange, DesiredTable, Loss, OnExpiry, Parity, ParityLevel,
    Partitioning, Retention,
};
use pg_partition_operator::partition::{Side, SyncLevel};
use pg_partition_operator::plan::PlanTime;
use serde_json::{Value, json};

use crate::admission::support::cases;
use crate::catalog::{desired, identifier};

/// A range of months in Paris, with more in its spec.
fn spec(more: &Value) -> Value {
    let mut spec = json!({
        "table": "orders",
        "partitionBy": {
            "range": {"column": "at", "interval": "Month", "timeZone": "Europe/Paris"},
        },
    });
    let more = more.as_object().expect("fields").clone();
    spec.as_object_mut().expect("fields").extend(more);
    spec
}

fn range(more: &Value) -> DesiredRange {
    match desired(&spec(more)).expect("a valid spec").partitioning {
        Partitioning::Range(range) => range,
        Partitioning::Hash(_) => unreachable!("it is a range"),
    }
}

#[test]
fn missing_fields_have_the_documented_defaults() {
    let table = desired(&spec(&json!({}))).expect("a valid spec");
    assert_eq!(table.limits.max_expire_per_run, 3);
    let plain = range(&json!({}));
    assert_eq!(plain.default_partition, DefaultPartition::Absent);
    assert_eq!(plain.retention, None);
    assert_eq!((plain.schedule.provision, plain.schedule.expire), (None, None));

    let detach = range(&json!({"retention": {"keep": 0}})).retention;
    assert_eq!(detach, Some(Retention { keep: 0, on_expiry: OnExpiry::Detach }));
    let week = OnExpiry::Drop { after: Duration::from_hours(168) };
    let drop = range(&json!({"retention": {"keep": 24, "onExpiry": "Drop"}})).retention;
    assert_eq!(drop, Some(Retention { keep: 24, on_expiry: week }));
}

#[test]
fn every_field_of_a_spec_is_parsed() {
    let more = json!({
        "defaultPartition": "Present",
        "retention": {"keep": 10_000, "onExpiry": "Drop", "dropAfter": "24h30m"},
        "schedule": {"expire": "0 3 15 * *"},
        "limits": {"maxExpirePerRun": 0},
    });
    let range = range(&more);
    assert_eq!(range.default_partition, DefaultPartition::Present);
    let on_expiry = OnExpiry::Drop { after: Duration::from_mins(24 * 60 + 30) };
    assert_eq!(range.retention, Some(Retention { keep: 10_000, on_expiry }));
    assert!(range.schedule.provision.is_none() && range.schedule.expire.is_some());
    assert_eq!(desired(&spec(&more)).expect("a valid spec").limits.max_expire_per_run, 0);
}

#[test]
fn all_errors_are_found_in_one_pass() {
    let more = json!({
        "ahead": 1001,
        "retention": {"keep": -1, "onExpiry": "Drop", "dropAfter": "8784h1s"},
        "schedule": {"provision": "0 2 30 2 *", "expire": "0 2 1 * 5-1"},
        "limits": {"lockTimeout": "1h", "maxExpirePerRun": 1001},
    });
    let errors = desired(&spec(&more)).expect_err("every field is invalid");
    let mut paths: Vec<_> = errors.iter().map(|error| error.path.as_str()).collect();
    paths.sort_unstable();
    assert_eq!(
        paths,
        [
            "spec.ahead",
            "spec.limits.lockTimeout",
            "spec.limits.maxExpirePerRun",
            "spec.retention.dropAfter",
            "spec.retention.keep",
            "spec.schedule.expire",
            "spec.schedule.provision",
        ]
    );
}

fn conversion(conversion: &Value) -> DesiredConversion {
    let table = desired(&spec(&json!({"conversion": conversion}))).expect("a valid spec");
    table.conversion.expect("it has a conversion")
}

#[test]
fn conversion_has_the_documented_defaults() {
    assert_eq!(desired(&spec(&json!({}))).expect("a valid spec").conversion, None);
    let copy = ConversionMethod::Copy(CopyOptions {
        sync: SyncLevel::Row,
        backfill: Backfill { max_rows_per_second: None },
        parity: Parity { check: ParityLevel::Content, every: Duration::from_hours(1) },
        routing: BTreeSet::new(),
        source: AfterCutover::Keep,
    });
    let with_defaults =
        DesiredConversion { method: copy, serve_from: Side::Source, acknowledged: BTreeSet::new() };
    assert_eq!(conversion(&json!({"method": "Copy"})), with_defaults);
    let empty = json!({
        "method": "Copy", "sync": {}, "backfill": {}, "parity": {}, "routing": {}, "source": {},
    });
    assert_eq!(conversion(&empty), with_defaults);

    let attach = DesiredConversion { method: ConversionMethod::Attach, ..with_defaults };
    assert_eq!(conversion(&json!({"method": "Attach"})), attach);
    let week = json!({"method": "Copy", "source": {"afterCutover": "Drop"}});
    let ConversionMethod::Copy(copy) = conversion(&week).method else {
        unreachable!("the method is Copy")
    };
    assert_eq!(copy.source, AfterCutover::Drop { after: Duration::from_hours(168) });
}

#[test]
fn every_field_of_a_conversion_is_read() {
    let read = conversion(&json!({
        "method": "Copy",
        "serveFrom": "Partitioned",
        "sync": {"level": "Statement"},
        "backfill": {"maxRowsPerSecond": 5000},
        "parity": {"check": "Count", "every": "1h30m"},
        "routing": {"roles": ["reporting", "Audit"]},
        "source": {"afterCutover": "Drop", "dropAfter": "0s"},
        "acknowledge": ["UniqueKey:Orders_PKey", "ManyPartitions"],
    }));
    let copy = CopyOptions {
        sync: SyncLevel::Statement,
        backfill: Backfill { max_rows_per_second: NonZeroU32::new(5000) },
        parity: Parity { check: ParityLevel::Count, every: Duration::from_mins(90) },
        routing: BTreeSet::from([identifier("Audit"), identifier("reporting")]),
        source: AfterCutover::Drop { after: Duration::ZERO },
    };
    let acknowledged =
        BTreeSet::from([Loss::UniqueKey(identifier("orders_pkey")), Loss::ManyPartitions]);
    assert_eq!(
        read,
        DesiredConversion {
            method: ConversionMethod::Copy(copy),
            serve_from: Side::Partitioned,
            acknowledged
        }
    );
}

#[test]
fn every_wrong_field_of_a_conversion_is_found() {
    let wrong = json!({
        "method": "Copy",
        "backfill": {"maxRowsPerSecond": -1},
        "parity": {"every": "0s"},
        "routing": {"roles": ["reporting", ""]},
        "source": {"dropAfter": "7d"},
        "acknowledge": ["UniqueKey:a", "PrimaryKey:a", "View:a"],
    });
    let errors = desired(&spec(&json!({"conversion": wrong}))).expect_err("every field is invalid");
    let mut paths: Vec<_> = errors.iter().map(|error| error.path.as_str()).collect();
    paths.sort_unstable();
    assert_eq!(
        paths,
        [
            "spec.conversion.acknowledge[1]",
            "spec.conversion.acknowledge[2]",
            "spec.conversion.backfill.maxRowsPerSecond",
            "spec.conversion.parity.every",
            "spec.conversion.routing.roles[1]",
            "spec.conversion.source.dropAfter",
        ]
    );
}

/// The schema has the grammar of a loss once more, in CEL.
#[test]
fn loss_that_the_schema_accepts_is_read_and_no_other() {
    let mut kinds = BTreeSet::new();
    for (_, case) in cases() {
        let created = case.created();
        let losses = created.pointer("/spec/conversion/acknowledge").and_then(Value::as_array);
        for (at, loss) in losses.into_iter().flatten().enumerate() {
            let path = format!("spec.conversion.acknowledge[{at}]");
            let is_refused = case.refused.as_ref().is_some_and(|refused| refused.at == path);
            let text = loss.as_str().expect("a loss is text");
            let read: Result<Loss, _> = text.parse();
            assert_eq!(read.is_err(), is_refused, "{}: {text:?} is {read:?}", case.title);
            kinds.extend(read.ok().map(|loss| loss.word()));
        }
    }
    assert_eq!(kinds.len(), 9, "each kind has a case: {kinds:?}");
}

fn annotated(annotations: &Value) -> DesiredTable {
    let resource = json!({
        "apiVersion": "pgpartition.dev/v1alpha1", "kind": "PartitionedTable",
        "metadata": {"name": "orders", "annotations": annotations}, "spec": spec(&json!({})),
    });
    let resource: PartitionedTable = serde_json::from_value(resource).expect("a resource");
    DesiredTable::from_resource(&resource).expect("a valid spec")
}

#[test]
fn annotations_adopt_and_approve() {
    let table = annotated(&json!({
        "pgpartition.dev/adopt": "\"My Part\", archive.rev_2024, what is this?",
        "pgpartition.dev/approve": "7c1e0a, 0123456789abcdef",
        "pgpartition.dev/reconcile": "now",
        "example.com/adopt": "other",
    }));
    let archived =
        AdoptedName { schema: Some(identifier("archive")), name: identifier("rev_2024") };
    let mine = AdoptedName { schema: None, name: identifier("My Part") };
    assert_eq!(table.adopt, [mine, archived]);
    assert_eq!(table.invalid_adoptions, ["what is this?"]);
    assert_eq!(table.approved, ["7c1e0a", "0123456789abcdef"]);
}

#[test]
fn resource_without_annotations_means_its_spec() {
    let plain = desired(&spec(&json!({}))).expect("a valid spec");
    assert_eq!(annotated(&json!(null)), plain);
    assert_eq!(
        annotated(&json!({"pgpartition.dev/adopt": " ,", "pgpartition.dev/approve": ""})),
        plain
    );
}

/// Returns the times as of which partitions are created and expire, with more fields in a spec.
fn time(more: &Value, now: &str) -> [String; 2] {
    let now: Timestamp = now.parse().expect("an instant");
    let time = PlanTime::scheduled(&desired(&spec(more)).expect("a valid spec"), now);
    assert_eq!(time.now, now);
    [time.provision, time.expire].map(|at| at.to_string())
}

#[test]
fn table_without_a_schedule_is_due_now() {
    let now = "2026-11-24T12:00:00.5Z";
    for more in [json!({}), json!({"schedule": {}})] {
        assert_eq!(time(&more, now), [now, now]);
    }
    let hash = json!({"table": "t", "partitionBy": {"hash": {"columns": ["a"], "partitions": 4}}});
    let (hash, now) = (desired(&hash).expect("a valid spec"), now.parse().expect("an instant"));
    assert_eq!(PlanTime::scheduled(&hash, now), PlanTime::at(now));
}

#[test]
fn due_steps_are_those_of_the_last_scheduled_time() {
    let schedule = json!({
        "retention": {"keep": 1},
        "schedule": {"provision": "0 2 1 * *", "expire": "0 3 15 * *"},
    });
    for (now, provision, expire) in [
        // Just before, at, and after: Paris is an hour ahead of UTC in winter, two in summer.
        ("2026-12-01T00:59:59.999Z", "2026-11-01T01:00:00Z", "2026-11-15T02:00:00Z"),
        ("2026-12-01T01:00:00Z", "2026-12-01T01:00:00Z", "2026-11-15T02:00:00Z"),
        ("2026-12-01T01:00:00.001Z", "2026-12-01T01:00:00Z", "2026-11-15T02:00:00Z"),
        ("2026-07-20T00:00:00Z", "2026-07-01T00:00:00Z", "2026-07-15T01:00:00Z"),
        // All missed scheduled times count as one, however many they are.
        ("2027-06-14T23:00:00Z", "2027-06-01T00:00:00Z", "2027-05-15T01:00:00Z"),
    ] {
        assert_eq!(time(&schedule, now), [provision, expire], "{now}");
    }
}

#[test]
fn schedules_do_not_block_each_other() {
    let now = "2026-11-24T12:00:00Z";
    let provision = json!({"schedule": {"provision": "0 2 1 * *"}});
    assert_eq!(time(&provision, now), ["2026-11-01T01:00:00Z", now]);
    let expire = json!({"retention": {"keep": 1}, "schedule": {"expire": "0 2 1 * *"}});
    assert_eq!(time(&expire, now), [now, "2026-11-01T01:00:00Z"]);
}

#[test]
fn schedule_applies_to_any_earlier_time() {
    // A table declared today is provided as of the last instant before it was: it waits for no night.
    let leap = json!({"schedule": {"provision": "0 0 29 2 *"}});
    let [provision, _] = time(&leap, "1970-01-01T00:00:00Z");
    assert_eq!(provision, "1968-02-28T23:00:00Z");
}
