//! Specs: of values that are allowed, often extreme ones, and then edited.

use fastrand::Rng;
use jiff::SignedDuration;
use pg_partition_operator::desired::AdoptedName;
use pg_partition_operator::observed::ObservedPartition;
use serde_json::{Value, json};

use super::snapshot::{Pointer, pointers};
use crate::catalog::identifier;

const ZONES: [&str; 9] = [
    "UTC",
    "Pacific/Kiritimati",
    "Etc/GMT+12",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "America/St_Johns",
    "Africa/Monrovia",
    "Europe/Paris",
    "Mars/Olympus_Mons",
];

const STARTS: [&str; 9] = [
    "1000-01-01",
    "9998-12-31",
    "9999-12-31",
    "2024-02-29",
    "1970-01-01T00:00:00Z",
    "9999-12-30T22:00:00Z",
    "9998-12-31T23:59:59.999999999-23:59",
    "1000-01-01T00:00:00+23:59",
    "2026-10-25T02:30:00+02:00",
];

const CRONS: [&str; 7] = [
    "* * * * *",
    "0 2 1 * *",
    "59 23 31 12 *",
    "0 0 29 2 *",
    "0 0 31 * 0-6/2",
    "*/7 1,2,3 1-28 jan-dec MON",
    "0 2 30 2 *",
];

const LOSSES: [&str; 6] = [
    "UniqueKey:events_pkey",
    "ForeignKey:public.\"My Lines\".lines_event_fk",
    "View:public.open_events",
    "RowMover:set_org",
    "SecurityLabel:anon",
    "ManyPartitions",
];

fn pick<'a>(rng: &mut Rng, all: &[&'a str]) -> &'a str {
    rng.choice(all).expect("there are some")
}

/// Mostly a usual number, rarely an extreme one, which takes longer.
fn number(rng: &mut Rng, usual: &[i64], extreme: &[i64]) -> i64 {
    let from = if rng.u8(0..150) == 0 { extreme } else { usual };
    *rng.choice(from).expect("there are some")
}

/// A valid document for the table of a snapshot.
pub(super) fn valid(rng: &mut Rng, snapshot: &Value) -> Value {
    let key = &snapshot["relation"]["key"];
    let mut spec = json!({
        "schema": snapshot["schema"],
        "table": snapshot["table"],
        "limits": {
            "lockTimeout": pick(rng, &["10ms", "1s", "60s"]),
            "maxExpirePerRun": number(rng, &[0, 1, 3], &[1000]),
        },
    });
    if key["method"] == "h" {
        let columns: Vec<_> =
            key["columns"].as_array().expect("a key").iter().map(|c| c["name"].clone()).collect();
        let partitions = number(rng, &[1, 4, 8], &[1024]);
        spec["partitionBy"] = json!({"hash": {"columns": columns, "partitions": partitions}});
        spec["indexes"] = indexes(rng, false);
    } else {
        range(rng, &mut spec, &key["columns"][0]["name"]);
        spec["indexes"] = indexes(rng, true);
    }
    if rng.u8(0..10) == 0 {
        spec["conversion"] = conversion(rng, key["method"] != "h");
    }
    json!({
        "apiVersion": "pgpartition.dev/v1alpha1",
        "kind": "PartitionedTable",
        "metadata": {"name": "of-a-test"},
        "spec": spec,
    })
}

fn range(rng: &mut Rng, spec: &mut Value, column: &Value) {
    let interval = pick(rng, &["Hour", "Day", "Week", "Month", "Quarter", "Year"]);
    let zone = pick(rng, &ZONES);
    let mut range = json!({"column": column, "interval": interval, "timeZone": zone});
    if rng.u8(0..4) == 0 {
        range["startAt"] = json!(pick(rng, &STARTS));
    }
    spec["partitionBy"] = json!({"range": range});
    spec["ahead"] = json!(number(rng, &[0, 1, 2, 3], &[40, 1000]));
    spec["defaultPartition"] = json!(pick(rng, &["Absent", "Present"]));
    if rng.bool() {
        spec["retention"] = json!({"keep": number(rng, &[0, 1, 2, 24], &[10_000])});
        if rng.bool() {
            spec["retention"]["onExpiry"] = json!("Drop");
            spec["retention"]["dropAfter"] = json!(pick(rng, &["0s", "1s", "168h", "8784h"]));
        }
        if rng.u8(0..3) == 0 {
            let cron = |rng: &mut Rng| pick(rng, &CRONS[..6]).to_owned();
            spec["schedule"] = json!({"provision": cron(rng), "expire": cron(rng)});
        }
    }
}

fn conversion(rng: &mut Rng, by_range: bool) -> Value {
    let serve_from = pick(rng, &["Source", "Partitioned"]);
    let losses = rng.choose_multiple(LOSSES, 3);
    if by_range && rng.bool() {
        return json!({"method": "Attach", "serveFrom": serve_from, "acknowledge": losses});
    }
    json!({
        "method": "Copy",
        "serveFrom": serve_from,
        "sync": {"level": pick(rng, &["Row", "Statement"])},
        "backfill": {"maxRowsPerSecond": number(rng, &[0, 5000], &[1_000_000_000])},
        "parity": {
            "check": pick(rng, &["Count", "Content"]),
            "every": pick(rng, &["1s", "1h", "8784h"]),
        },
        "routing": {"roles": ["reporting", "Read Only"]},
        "source": {
            "afterCutover": pick(rng, &["Keep", "Drop"]),
            "dropAfter": pick(rng, &["0s", "168h", "8784h"]),
        },
        "acknowledge": losses,
    })
}

fn indexes(rng: &mut Rng, by_range: bool) -> Value {
    let mut indexes = Vec::new();
    for name in ["events_id", "events_open", "events_hot"].into_iter().take(rng.usize(0..4)) {
        let mut index =
            json!({"name": name, "columns": [{"column": pick(rng, &["id", "status"])}]});
        if name == "events_open" {
            index["where"] =
                json!(pick(rng, &["status = 'open'", "id > 5 AND NOT status IS NULL"]));
        }
        if name == "events_hot" && by_range {
            index["partitions"] = json!("Newest");
            index["newest"] = json!(number(rng, &[1, 2, 100], &[10_000]));
        }
        indexes.push(index);
    }
    Value::from(indexes)
}

/// A document of values that are allowed, with up to three that need not be.
pub(super) fn any(rng: &mut Rng) -> Value {
    let snapshots = super::snapshot::good();
    let mut document = valid(rng, rng.clone().choice(&snapshots).expect("there are some"));
    for _ in 0..rng.u8(0..3) {
        let pointers = pointers(&document["spec"]);
        let pointer = rng.choice(&pointers).expect("a spec has fields").clone();
        edit(&mut document["spec"], &pointer, rng);
    }
    document
}

fn edit(spec: &mut Value, pointer: &Pointer, rng: &mut Rng) {
    let Some(value) = spec.pointer_mut(pointer) else { return };
    *value = match value {
        Value::Number(_) => {
            json!(rng.choice([i64::MIN, -1, 0, 1, 1025, i64::from(i32::MAX), i64::MAX]))
        }
        Value::String(_) => json!(text(rng)),
        Value::Array(items) if !items.is_empty() => {
            let item = rng.choice(items.iter()).cloned().unwrap_or_default();
            items.push(item);
            return;
        }
        Value::Object(fields) if rng.bool() => {
            let names: Vec<_> = fields.keys().cloned().collect();
            if let Some(name) = rng.choice(&names) {
                fields.remove(name);
            }
            return;
        }
        _ => rng
            .choice([json!(null), json!([]), json!({}), json!(true), json!(1.5)])
            .unwrap_or_default(),
    };
}

fn text(rng: &mut Rng) -> String {
    match rng.u8(0..6) {
        0 => pick(rng, &STARTS).to_owned(),
        1 => pick(rng, &CRONS).to_owned(),
        2 => "x".repeat(rng.usize(0..70)),
        3 => pick(rng, &["99999h99999h", "0ms", "", "10ms10ms", "1s\n", "５s", "-1s"]).to_owned(),
        4 => pick(rng, &["a = 'b", "((a))", "a IN (1,2) OR b LIKE '%'", "f(x)", "a = 1;", "'"])
            .to_owned(),
        _ => (0..rng.usize(0..40)).map(|_| rng.char(..)).collect(),
    }
}

pub(super) fn adoptions(rng: &mut Rng) -> Vec<AdoptedName> {
    let name = pick(rng, &["events_2026_10", "events_default", "nothing"]);
    vec![AdoptedName { schema: None, name: identifier(name) }]
}

pub(super) fn adoption(partition: &ObservedPartition) -> AdoptedName {
    let name = partition.name.clone();
    AdoptedName { schema: Some(name.schema), name: name.name }
}

/// Returns a difference between the clocks of the database and of the operator.
pub(super) fn clock_skew(rng: &mut Rng) -> SignedDuration {
    let skews = [
        SignedDuration::ZERO,
        SignedDuration::from_secs(i64::MAX),
        SignedDuration::from_secs(-i64::MAX),
    ];
    *rng.choice(&skews).expect("there are some")
}
