//! The structural part of a schema: types, bounds, lengths, enumerations, required fields, keys of lists.

use kube_cel::ValidationError;
use serde_json::{Map, Value};

use super::Rejection;
use super::words::{format_float, format_value, quoted};

/// Fields of every object, beside those of the schema.
const OF_OBJECTS: [&str; 3] = ["apiVersion", "kind", "metadata"];

/// Integers up to here are exact in a floating-point number.
const MAX_EXACT: f64 = 9_007_199_254_740_991.0;

fn properties(schema: &Value) -> Option<&Map<String, Value>> {
    schema.get("properties")?.as_object()
}

fn word<'a>(schema: &'a Value, keyword: &str) -> &'a str {
    schema.get(keyword).and_then(Value::as_str).unwrap_or_default()
}

fn count(schema: &Value, keyword: &str) -> Option<usize> {
    usize::try_from(schema.get(keyword)?.as_u64()?).ok()
}

fn child(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

/// The fields of a document that the schema does not have.
pub(super) fn unknown_fields(schema: &Value, document: &Value) -> Vec<String> {
    let mut unknown = super::metadata::unknown_fields(document);
    let fields = document.as_object().into_iter().flatten();
    for (name, value) in fields.filter(|(name, _)| !OF_OBJECTS.contains(&name.as_str())) {
        match properties(schema).and_then(|properties| properties.get(name)) {
            Some(schema) => find_unknown(schema, value, name, &mut unknown),
            None => unknown.push(name.clone()),
        }
    }
    unknown
}

fn find_unknown(schema: &Value, value: &Value, path: &str, unknown: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let path = child(path, name);
                match properties(schema).and_then(|properties| properties.get(name)) {
                    Some(schema) => find_unknown(schema, value, &path, unknown),
                    None => unknown.push(path),
                }
            }
        }
        Value::Array(items) => {
            let Some(schema) = schema.get("items") else { return };
            for (at, item) in items.iter().enumerate() {
                find_unknown(schema, item, &format!("{path}[{at}]"), unknown);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Sets defaults, takes out nulls, and makes whole numbers integers, as the API server does before it looks
/// at a document. What a status says is not taken from a document.
pub(super) fn complete(schema: &Value, document: &mut Value) {
    if let Some(fields) = document.as_object_mut() {
        fields.remove("status");
    }
    let spec = properties(schema).and_then(|properties| properties.get("spec"));
    if let (Some(schema), Some(spec)) = (spec, document.get_mut("spec")) {
        complete_value(schema, spec);
    }
}

fn complete_value(schema: &Value, value: &mut Value) {
    match value {
        Value::Object(fields) => {
            let Some(properties) = properties(schema) else { return };
            fields.retain(|name, value| !(value.is_null() && properties.contains_key(name)));
            for (name, schema) in properties {
                if let Some(default) = schema.get("default") {
                    fields.entry(name.clone()).or_insert_with(|| default.clone());
                }
                if let Some(value) = fields.get_mut(name) {
                    complete_value(schema, value);
                }
            }
        }
        Value::Array(items) => {
            let Some(schema) = schema.get("items") else { return };
            for item in items {
                complete_value(schema, item);
            }
        }
        Value::Number(number) => {
            let whole =
                number.as_f64().filter(|_| number.is_f64()).filter(|float| is_whole(*float));
            if let Some(whole) = whole.filter(|_| word(schema, "type") == "integer") {
                let text = format!("{whole:.0}");
                *value = text.parse::<i64>().map_or(Value::Null, Value::from);
            }
        }
        Value::Null | Value::Bool(_) | Value::String(_) => {}
    }
}

fn is_whole(float: f64) -> bool {
    float.abs() <= MAX_EXACT && float.fract() == 0.0
}

/// Checks a value against a schema.
pub(super) fn check(schema: &Value, value: &Value, path: &str, found: &mut Vec<Rejection>) {
    check_type(schema, value, path, found);
    check_enum(schema, value, path, found);
    match value {
        Value::String(text) => check_length(schema, text, path, found),
        Value::Number(_) => check_bounds(schema, value, path, found),
        Value::Array(items) => check_items(schema, items, path, found),
        Value::Object(fields) => check_fields(schema, fields, path, found),
        Value::Null | Value::Bool(_) => {}
    }
}

/// The type of a value, and its format.
fn type_of(value: &Value) -> (&'static str, &'static str) {
    match value {
        Value::Null => ("null", ""),
        Value::Bool(_) => ("boolean", ""),
        Value::String(_) => ("string", ""),
        Value::Array(_) => ("array", ""),
        Value::Object(_) => ("object", ""),
        Value::Number(number) if number.is_i64() => ("integer", "int64"),
        Value::Number(_) => ("number", "float64"),
    }
}

fn check_type(schema: &Value, value: &Value, path: &str, found: &mut Vec<Rejection>) {
    let (wanted, format) = (word(schema, "type"), word(schema, "format"));
    let (is, is_format) = type_of(value);
    if wanted.is_empty() || wanted == is || (wanted == "number" && is == "integer") {
        return;
    }
    // Of numbers it tells the format, where the schema has one.
    let by_format = !format.is_empty() && !matches!(is, "string" | "array" | "null");
    let (wanted, is) = if by_format { (format, is_format) } else { (wanted, is) };
    let is = quoted(is);
    let message = format!("Invalid value: {is}: {path} in body must be of type {wanted}: {is}");
    found.push(Rejection::blocking(path, message));
}

fn check_enum(schema: &Value, value: &Value, path: &str, found: &mut Vec<Rejection>) {
    let Some(values) = schema.get("enum").and_then(Value::as_array) else { return };
    if !values.contains(value) {
        let values: Vec<_> = values.iter().map(format_value).collect();
        let values = values.join(", ");
        let message =
            format!("Unsupported value: {}: supported values: {values}", format_value(value));
        found.push(Rejection::blocking(path, message));
    }
}

fn check_length(schema: &Value, text: &str, path: &str, found: &mut Vec<Rejection>) {
    let length = text.chars().count();
    if let Some(max) = count(schema, "maxLength").filter(|max| length > *max) {
        let bytes = if max == 1 { "byte" } else { "bytes" };
        let message = format!("Too long: may not be more than {max} {bytes}");
        found.push(Rejection::blocking(path, message));
    } else if let Some(least) = count(schema, "minLength").filter(|least| length < *least) {
        let message = format!(
            "Invalid value: {}: {path} in body should be at least {least} chars long",
            quoted(text)
        );
        found.push(Rejection::new(path, message));
    }
}

fn check_bounds(schema: &Value, value: &Value, path: &str, found: &mut Vec<Rejection>) {
    let (kind, format) = (word(schema, "type"), word(schema, "format"));
    let fits = value.as_i64().is_some_and(|number| i32::try_from(number).is_ok());
    if kind == "integer" && format == "int32" && !fits {
        let message = format!(
            "Invalid value: \"\": Checked value must be of type integer with format int32 in {path}"
        );
        found.push(Rejection::new("<nil>", message));
    }
    let Some(number) = value.as_f64() else { return };
    let bound = |keyword: &str| schema.get(keyword).and_then(Value::as_f64);
    let mut say = |than: &str, bound: f64| {
        // A bound is written like the value: 1000000000 beside an integer, 1e+09 beside a float.
        let bound = if value.is_i64() { format!("{bound:.0}") } else { format_float(bound) };
        let message = format!(
            "Invalid value: {}: {path} in body should be {than} than or equal to {}",
            format_value(value),
            bound
        );
        found.push(Rejection::new(path, message));
    };
    if let Some(least) = bound("minimum").filter(|least| number < *least) {
        say("greater", least);
    }
    if let Some(max) = bound("maximum").filter(|max| number > *max) {
        say("less", max);
    }
}

fn check_items(schema: &Value, items: &[Value], path: &str, found: &mut Vec<Rejection>) {
    let number = items.len();
    if let Some(least) = count(schema, "minItems").filter(|least| number < *least) {
        let message =
            format!("Invalid value: {number}: {path} in body should have at least {least} items");
        found.push(Rejection::new(path, message));
    }
    if let Some(max) = count(schema, "maxItems").filter(|max| number > *max) {
        let items = if max == 1 { "item" } else { "items" };
        let message = format!("Too many: {number}: must have at most {max} {items}");
        found.push(Rejection::blocking(path, message));
    }
    check_keys(schema, items, path, found);
    let Some(schema) = schema.get("items") else { return };
    for (at, item) in items.iter().enumerate() {
        check(schema, item, &format!("{path}[{at}]"), found);
    }
}

/// In a list that is a map no key is there twice: the second of each is told.
fn check_keys(schema: &Value, items: &[Value], path: &str, found: &mut Vec<Rejection>) {
    let names = schema.get("x-kubernetes-list-map-keys").and_then(Value::as_array);
    let (Some(names), "map") = (names, word(schema, "x-kubernetes-list-type")) else { return };
    if let Some(at) = items.iter().position(|item| !item.is_object() && !item.is_null()) {
        let item = items.get(at).map(format_value).unwrap_or_default();
        let message =
            format!("Invalid value: {item}: must be an object for an array of list-type map");
        return found.push(Rejection::new(&format!("{path}[{at}]"), message));
    }
    let key = |item: &Value| -> Map<String, Value> {
        let names = names.iter().filter_map(Value::as_str);
        names.filter_map(|name| Some((name.to_owned(), item.get(name)?.clone()))).collect()
    };
    let keys: Vec<_> = items.iter().map(key).collect();
    for (at, key) in keys.iter().enumerate() {
        if keys.iter().take(at).filter(|earlier| *earlier == key).count() == 1 {
            let message = format!("Duplicate value: {}", Value::from(key.clone()));
            found.push(Rejection::new(&format!("{path}[{at}]"), message));
        }
    }
}

fn check_fields(
    schema: &Value,
    fields: &Map<String, Value>,
    path: &str,
    found: &mut Vec<Rejection>,
) {
    for (name, schema) in properties(schema).into_iter().flatten() {
        if let Some(value) = fields.get(name) {
            check(schema, value, &child(path, name), found);
        }
    }
    let required = schema.get("required").and_then(Value::as_array).into_iter().flatten();
    for name in required.filter_map(Value::as_str).filter(|name| !fields.contains_key(*name)) {
        found.push(Rejection::blocking(&child(path, name), "Required value"));
    }
}

/// The value that a broken rule is about, where it is shown: a scalar whose own schema has the rule.
pub(super) fn scalar_under_rule<'a>(
    schema: &Value,
    document: &'a Value,
    error: &ValidationError,
) -> Option<&'a Value> {
    let (mut schema, mut value) = (schema, document);
    for part in error.field_path.split(['.', '[']) {
        if let Some(index) = part.strip_suffix(']') {
            (schema, value) = (schema.get("items")?, value.get(index.parse::<usize>().ok()?)?);
        } else {
            (schema, value) = (properties(schema)?.get(part)?, value.get(part)?);
        }
    }
    let rules = schema.get("x-kubernetes-validations")?.as_array()?;
    let has_rule = rules.iter().any(|rule| word(rule, "rule") == error.rule);
    Some(value).filter(|value| has_rule && !value.is_object() && !value.is_array())
}
