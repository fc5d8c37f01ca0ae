//! Metadata of a Kubernetes object: name, labels, and annotations.

use serde_json::{Map, Value};

use super::Rejection;
use super::words::quoted;

/// The most that all annotations of an object have together, in bytes.
const MAX_ANNOTATIONS: usize = 256 * 1024;

/// The fields of `metadata`.
const FIELDS: [&str; 15] = [
    "annotations",
    "creationTimestamp",
    "deletionGracePeriodSeconds",
    "deletionTimestamp",
    "finalizers",
    "generateName",
    "generation",
    "labels",
    "managedFields",
    "name",
    "namespace",
    "ownerReferences",
    "resourceVersion",
    "selfLink",
    "uid",
];

/// The fields of `metadata` that no object has.
pub(super) fn unknown_fields(document: &Value) -> Vec<String> {
    let names = metadata(document).into_iter().flat_map(Map::keys);
    let unknown = names.filter(|name| !FIELDS.contains(&name.as_str()));
    unknown.map(|name| format!("metadata.{name}")).collect()
}

fn metadata(document: &Value) -> Option<&Map<String, Value>> {
    document.get("metadata")?.as_object()
}

/// Checks what is there: on the command line a document needs neither a name nor a namespace.
pub(super) fn check(document: &Value) -> Vec<Rejection> {
    let mut found = Vec::new();
    let Some(metadata) = metadata(document) else { return found };
    let mut each = |field: &str, text: &str, problems: Vec<String>| {
        let problems = problems.into_iter();
        found.extend(problems.map(|problem| {
            Rejection::new(field, format!("Invalid value: {}: {problem}", quoted(text)))
        }));
    };
    if let Some(name) = metadata.get("name").and_then(Value::as_str) {
        each("metadata.name", name, subdomain(name, "characters"));
    }
    if let Some(namespace) = metadata.get("namespace").and_then(Value::as_str) {
        each("metadata.namespace", namespace, label(namespace));
    }
    for (key, value) in texts(metadata, "labels") {
        each("metadata.labels", key, qualified_name(key));
        each("metadata.labels", value, label_value(value));
    }
    let mut size = 0;
    for (key, value) in texts(metadata, "annotations") {
        size += key.len() + value.len();
        each("metadata.annotations", key, qualified_name(&key.to_lowercase()));
    }
    if size > MAX_ANNOTATIONS {
        let message = format!("Too long: may not be more than {MAX_ANNOTATIONS} bytes");
        found.push(Rejection::blocking("metadata.annotations", message));
    }
    found
}

fn texts<'a>(
    metadata: &'a Map<String, Value>,
    field: &str,
) -> impl Iterator<Item = (&'a str, &'a str)> {
    let fields = metadata.get(field).and_then(Value::as_object).into_iter().flatten();
    fields.filter_map(|(key, value)| Some((key.as_str(), value.as_str()?)))
}

const LABEL: &str = "[a-z0-9]([-a-z0-9]*[a-z0-9])?";

/// Names of objects are counted in "characters", keys and values of labels in "bytes".
fn too_long(text: &str, max: usize, unit: &str) -> Option<String> {
    (text.len() > max).then(|| format!("must be no more than {max} {unit}"))
}

fn is_alphanumeric(c: char) -> bool {
    c.is_ascii_lowercase() || c.is_ascii_digit()
}

fn is_label(text: &str) -> bool {
    text.starts_with(is_alphanumeric)
        && text.ends_with(is_alphanumeric)
        && text.chars().all(|c| is_alphanumeric(c) || c == '-')
}

fn subdomain(text: &str, unit: &str) -> Vec<String> {
    let grammar = (!text.split('.').all(is_label)).then(|| {
        format!(
            "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or \
             '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used \
             for validation is '{LABEL}(\\.{LABEL})*')"
        )
    });
    too_long(text, 253, unit).into_iter().chain(grammar).collect()
}

fn label(text: &str) -> Vec<String> {
    let grammar = (!is_label(text)).then(|| {
        if text.split('.').all(is_label) {
            return "must not contain dots".to_owned();
        }
        format!(
            "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and \
             must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used \
             for validation is '{LABEL}')"
        )
    });
    too_long(text, 63, "characters").into_iter().chain(grammar).collect()
}

const QUALIFIED: &str = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]";

fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.ends_with(|c: char| c.is_ascii_alphanumeric())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
}

fn qualified_name(key: &str) -> Vec<String> {
    let grammar = format!(
        "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an \
         alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation \
         is '{QUALIFIED}')"
    );
    let parts: Vec<_> = key.split('/').collect();
    let (prefix, name) = match parts.as_slice() {
        [name] => (None, *name),
        [prefix, name] => (Some(*prefix), *name),
        _ => {
            return vec![format!(
                "a valid label key {grammar} with an optional DNS subdomain prefix and '/' (e.g. \
                 'example.com/MyName')"
            )];
        }
    };
    let mut found = match prefix {
        None => Vec::new(),
        Some("") => vec!["prefix part must be non-empty".to_owned()],
        Some(prefix) => {
            subdomain(prefix, "bytes").iter().map(|found| format!("prefix part {found}")).collect()
        }
    };
    if name.is_empty() {
        found.push("name part must be non-empty".to_owned());
    }
    found.extend(too_long(name, 63, "bytes").map(|problem| format!("name part {problem}")));
    if !is_name(name) {
        found.push(format!("name part {grammar}"));
    }
    found
}

fn label_value(value: &str) -> Vec<String> {
    let grammar = (!value.is_empty() && !is_name(value)).then(|| {
        format!(
            "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or \
             '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  \
             or '12345', regex used for validation is '({QUALIFIED})?')"
        )
    });
    too_long(value, 63, "bytes").into_iter().chain(grammar).collect()
}
