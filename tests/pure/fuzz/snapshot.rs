//! Snapshots: what `inspect -o json` prints, edited field by field.

use fastrand::Rng;
use serde_json::{Value, json};

/// Position of a value in a document.
pub(super) type Pointer = String;

/// Every place in a document but the whole.
pub(super) fn pointers(value: &Value) -> Vec<Pointer> {
    let mut found = Vec::new();
    collect(value, "", &mut found);
    found
}

fn collect(value: &Value, at: &str, found: &mut Vec<Pointer>) {
    let children: Vec<(String, &Value)> = match value {
        Value::Object(fields) => fields.iter().map(|(name, value)| (name.clone(), value)).collect(),
        Value::Array(items) => items.iter().enumerate().map(|(n, v)| (n.to_string(), v)).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
    };
    for (name, value) in children {
        let at = format!("{at}/{}", name.replace('~', "~0").replace('/', "~1"));
        collect(value, &at, found);
        found.push(at);
    }
}

/// A table by range on each type of key, one by hash.
pub(crate) fn good() -> Vec<Value> {
    let months = |edge: fn(&str) -> String| {
        let bounds = |from: &str, to: &str| {
            format!("FOR VALUES FROM ('{}') TO ('{}')", edge(from), edge(to))
        };
        [
            bounds("2026-08-01", "2026-09-01"),
            bounds("2026-09-01", "2026-10-01"),
            bounds("2026-10-01", "2026-11-01"),
            bounds("2026-11-01", "2026-12-01"),
            bounds("2026-12-01", "2027-01-01"),
        ]
    };
    let uuid = |day: &str| {
        let millis = format!("{day}T00:00:00Z").parse::<jiff::Timestamp>().expect("an instant");
        let hex = format!("{:012x}", millis.as_millisecond());
        format!("{}-{}-7000-8000-000000000000", &hex[..8], &hex[8..])
    };
    let hash = |remainder| format!("FOR VALUES WITH (modulus 4, remainder {remainder})");
    let mut all = vec![
        table("r", "timestamptz", &months(|day| format!("{day} 00:00:00+00"))),
        table("r", "timestamp", &months(|day| format!("{day} 00:00:00"))),
        table("r", "date", &months(str::to_owned)),
        table("r", "uuid", &months(uuid)),
    ];
    let mut of_hash = table("h", "int8", &[hash(0), hash(1), hash(2), hash(2), hash(3)]);
    let partitions = of_hash["partitions"].as_array_mut().expect("a list");
    partitions.retain(|p| p["bounds"] != "DEFAULT" && p["attached"] == json!(true));
    all.push(of_hash);
    all
}

fn table(method: &str, key: &str, bounds: &[String; 5]) -> Value {
    let mark =
        |words: &str, bounds: &str| format!("pgpartition.dev {words} public.events {bounds}");
    let [august, september, october, november, december] = bounds;
    let mut detached = partition(1, "events_2026_08", None);
    detached["attached"] = json!(false);
    detached["comment"] =
        json!(mark("detached 2026-11-02T00:00:00Z from", august) + "\nkept for audit");
    detached["boundsCheck"] = json!("notValid");
    let mut expired = partition(2, "events_2026_09", Some(september));
    expired["comment"] = json!(mark("expired from", september));
    let mut pending = partition(3, "events_2026_10", Some(october));
    pending["detachPending"] = json!(method == "r");
    pending["blockedBy"] = json!([{"pid": 4711, "role": "reporting", "application": null}]);
    let mut current = partition(4, "events_2026_11", Some(november));
    current["comment"] = json!(mark("partition of", november));
    current["publications"] = json!([{"name": "feed", "owned": true}]);
    let mut prepared = partition(5, "events_2026_12", None);
    prepared["attached"] = json!(false);
    prepared["comment"] = json!(mark("table for", december));
    let last = partition(6, "events_unmanaged", Some(december));
    let mut default = partition(7, "events_default", Some("DEFAULT"));
    default["defaultChecks"] =
        json!([{"name": "pgpartition_not_36d15326b4f3935d", "validated": true}]);
    default["triggers"] = json!([{"name": "audit", "enabled": "O"}]);
    let first = bounds[0].split('\'').nth(1).unwrap_or("2026-12-24").to_owned();
    let range = json!({"range": {"from": first, "to": "MAXVALUE"}});
    let within = if method == "r" { range } else { json!("nowhere") };
    json!({
        "schema": "public", "table": "events", "taken": ["events", "events_2026_11"],
        "partitions": [detached, expired, pending, current, prepared, last, default],
        "server": {"version": 170_010, "inRecovery": false, "role": "app", "clock": "2026-11-25T12:00:00Z"},
        "relation": relation(method, key),
        "answers": [
            {"clockSkew": {"readAt": "2026-11-25T12:00:01Z"}},
            {"defaultRows": {"within": "everywhere", "rows": null}},
            {"defaultRows": {"within": within, "rows": {"count": 17, "bins": [[first, 17]]}}},
            {"referencesTo": {"schema": "public", "partition": "events_2026_11", "by": [["public", "notes"]]}},
            {"referencesTo": {"schema": "public", "partition": "events_2026_09", "by": null, "error": "no"}},
            {"conditions": [{"condition": "status <> 'open'", "deparsed": "((status)::text <> 'open'::text)"}]},
        ],
    })
}

fn relation(method: &str, key: &str) -> Value {
    json!({
        "oid": 1, "kind": "p", "owner": "app", "owned": true, "mayCreate": true,
        "key": {"method": method, "columns": [{"name": "at", "type": key}]},
        "columns": ["id", "at", "status"], "generated": ["status"],
        "rowSecurity": true, "forceRowSecurity": false,
        "replicaIdentity": "i", "replicaIdentityIndex": "events_id", "statistics": [["id", 500]],
        "tablespace": "fast", "accessMethod": "heap",
        "indexes": [index("events_id", None), index("events_pkey", Some("PRIMARY KEY (id, at)"))],
        "references": [["public", "users"]],
        "referencedBy": [{"schema": "public", "table": "notes", "columns": [["event", "id"]]}],
    })
}

fn index(name: &str, constraint: Option<&str>) -> Value {
    json!({
        "name": name, "of": null, "valid": true, "building": false, "unique": constraint.is_some(),
        "constraint": constraint, "comment": null,
        "shape": {"method": "btree", "unique": false, "include": [], "predicate": null,
                  "columns": [{"column": "id", "descending": false, "nullsFirst": false}]},
        "definition": format!("CREATE INDEX {name} ON ONLY public.events USING btree (id)"),
    })
}

fn partition(oid: u32, name: &str, bounds: Option<&str>) -> Value {
    let mut open = index(&format!("{name}_open"), None);
    open["comment"] = json!("pgpartition.dev index 0123456789ab events_open");
    open["shape"]["predicate"] = json!("((status)::text = 'open'::text)");
    let mut of_table = index(&format!("{name}_id"), None);
    of_table["of"] = json!("events_id");
    json!({
        "oid": oid, "schema": "public", "name": name, "kind": "r", "bounds": bounds,
        "attached": true, "detachPending": false, "comment": null, "owned": true, "rows": 5,
        "bytes": 8192, "storage": ["fillfactor=90"], "indexes": [open, of_table],
        "defaultChecks": [], "fits": true,
    })
}

const TEXTS: [&str; 33] = [
    "",
    "a::",
    "a::text",
    "((a)::character varying(",
    "'",
    "\"",
    "p",
    "r",
    "f",
    "v",
    "O",
    "h",
    "public",
    "events",
    "events_2026_11",
    "events_default",
    "DEFAULT",
    "FOR VALUES IN (1)",
    "FOR VALUES WITH (modulus 0, remainder 0)",
    "FOR VALUES WITH (modulus 4294967295, remainder 7)",
    "FOR VALUES WITH (modulus 3, remainder 1)",
    "FOR VALUES FROM (MINVALUE) TO (MAXVALUE)",
    "FOR VALUES FROM ('-infinity') TO ('infinity')",
    "FOR VALUES FROM ('4713-01-01 00:00:00+00 BC') TO ('294276-12-31 23:59:59.999999+00')",
    "FOR VALUES FROM ('4713-01-01 BC') TO ('5874897-12-31')",
    "FOR VALUES FROM ('99999999999999999999999999999999999999999-01-01') TO ('1-99-99')",
    "FOR VALUES FROM ('2026-11-01 00:00:00+00') TO ('2026-11-15 12:00:00+00')",
    "00000000-0000-0000-0000-000000000000",
    "9999-12-30T22:00:00Z",
    "pgpartition.dev detached 9999-12-30T22:00:00Z from public.events FOR VALUES WITH (modulus 0, remainder 0)",
    "pgpartition.dev expired from public.events DEFAULT",
    "pgpartition.dev index  ",
    "CREATE INDEX \"a USING b\" ON x USING ",
];

/// Changes one field.
pub(super) fn edit(snapshot: &mut Value, rng: &mut Rng) {
    let pointers = pointers(snapshot);
    let pointer = rng.choice(&pointers).expect("a snapshot has fields").clone();
    let another = rng.choice(&pointers).and_then(|pointer| snapshot.pointer(pointer)).cloned();
    let Some(value) = snapshot.pointer_mut(&pointer) else { return };
    match value {
        Value::Null => *value = another.unwrap_or_default(),
        Value::Bool(is) => *is = !*is,
        Value::Number(_) => {
            let numbers = [0, 1, u64::from(u32::MAX), i64::MAX.unsigned_abs(), u64::MAX, 130_000];
            *value = json!(rng.choice(numbers));
        }
        Value::String(text) => *text = text_for(text, rng),
        Value::Array(items) => edit_list(items, rng),
        Value::Object(fields) => {
            let names: Vec<_> = fields.keys().cloned().collect();
            let Some(name) = rng.choice(&names) else { return };
            if rng.bool() {
                fields.insert(name.clone(), another.unwrap_or_default());
            } else {
                fields.remove(name);
            }
        }
    }
}

fn text_for(text: &str, rng: &mut Rng) -> String {
    match rng.u8(0..5) {
        0 => text.chars().filter(|_| rng.u8(0..8) > 0).collect(),
        1 => text.replace("2026", rng.choice(["9999", "0001", "-9999", "294276"]).unwrap_or("1")),
        2 => format!("{text}{}", "é😀\"'\\\u{7f}\n".repeat(rng.usize(0..5))),
        _ => (*rng.choice(&TEXTS).unwrap_or(&"")).to_owned(),
    }
}

fn edit_list(items: &mut Vec<Value>, rng: &mut Rng) {
    let Some(item) = rng.choice(items.iter()).cloned() else { return };
    match rng.u8(0..4) {
        0 => items.clear(),
        1 => items.push(item),
        2 => items.extend(std::iter::repeat_n(item, 20)),
        _ => {
            let at = rng.usize(0..items.len());
            items.remove(at);
        }
    }
}
