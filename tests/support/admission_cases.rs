//! The cases of `tests/admission`: what is asked of the API server, and what it has to answer.
//!
//! They are judged twice, by the command line and by a real API server, which must agree word by word.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::{Map, Value};

/// One question: a good resource, changed in one way.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Case {
    /// Description of the case.
    #[serde(rename = "case")]
    pub(crate) title: String,
    /// The good resource.
    #[serde(default)]
    pub(crate) on: Base,
    /// Changes to its metadata, as a merge patch.
    #[serde(default)]
    metadata: Value,
    /// Changes to its spec, as a merge patch.
    #[serde(default)]
    spec: Value,
    /// Changes of a later update, as a merge patch.
    then: Option<Value>,
    /// The answer; accepted where absent.
    pub(crate) refused: Option<Refusal>,
}

/// A good resource to start from.
#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Base {
    /// `tests/admission/range.yaml`
    #[default]
    Range,
    /// `tests/admission/hash.yaml`
    Hash,
}

/// Why a resource is refused.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Refusal {
    /// The field that is to blame.
    pub(crate) at: String,
    /// Part of what the user reads.
    pub(crate) saying: String,
}

impl Case {
    /// The resource as it is created.
    pub(crate) fn created(&self) -> Value {
        let mut object = self.on.object();
        merge(&mut object["metadata"], &self.metadata);
        merge(&mut object["spec"], &self.spec);
        object
    }

    /// The resource as it is after the update, where there is one.
    pub(crate) fn updated(&self) -> Option<Value> {
        let change = self.then.as_ref()?;
        let mut object = self.created();
        merge(&mut object["spec"], change);
        Some(object)
    }
}

impl Base {
    /// The resource itself.
    pub(crate) fn object(self) -> Value {
        let file = match self {
            Self::Range => "range.yaml",
            Self::Hash => "hash.yaml",
        };
        read(&folder().join(file))
    }
}

/// Every case there is, each with the name of its file.
pub(crate) fn cases() -> Vec<(String, Case)> {
    let entries = fs::read_dir(folder().join("cases")).expect("the cases are there");
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.expect("a file").path()).collect();
    files.sort();
    files.iter().flat_map(|file| cases_of(file)).collect()
}

fn cases_of(file: &Path) -> Vec<(String, Case)> {
    let name = file.file_stem().expect("a file has a name").to_string_lossy().into_owned();
    read::<Vec<Case>>(file).into_iter().map(|case| (name.clone(), case)).collect()
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/admission")
}

fn read<T: serde::de::DeserializeOwned>(file: &Path) -> T {
    let text = fs::read_to_string(file).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
    serde_yaml::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", file.display()))
}

/// Applies a merge patch (RFC 7386): null removes a field, an object is merged, any other value replaces the field.
fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(changes) = patch else {
        if !patch.is_null() {
            *target = patch.clone();
        }
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let fields = target.as_object_mut().expect("an object");
    for (name, change) in changes {
        if change.is_null() {
            fields.remove(name);
        } else {
            merge(fields.entry(name.clone()).or_insert(Value::Null), change);
        }
    }
}

/// A good resource with one constraint of the schema broken.
pub(crate) struct Broken {
    /// The field, and what is wrong with it.
    pub(crate) title: String,
    /// Resource of the case.
    pub(crate) object: Value,
}

/// Every constraint of a schema, broken on the good resource that has its field.
pub(crate) fn broken(schema: &Value) -> Vec<Broken> {
    let mut found = Vec::new();
    let spec = &schema["properties"]["spec"];
    each_constraint(spec, "/spec", &mut |pointer, what, break_it| {
        // The first index of the good resource is whole, the second partial.
        let pointers = [pointer.to_owned(), pointer.replace("/indexes/0/", "/indexes/1/")];
        let mut object = [Base::Range, Base::Hash]
            .map(Base::object)
            .into_iter()
            .find(|base| pointers.iter().any(|pointer| base.pointer(pointer).is_some()))
            .unwrap_or_else(|| panic!("no good resource has {pointer}"));
        let there = pointers.iter().find(|pointer| object.pointer(pointer).is_some());
        break_it(object.pointer_mut(there.expect("it was found")).expect("it was found"));
        found.push(Broken { title: format!("{pointer}: {what}"), object });
    });
    found
}

/// Receives each constraint: its path, its kind, and a function that breaks it.
type Visit<'a> = &'a mut dyn FnMut(&str, &str, &dyn Fn(&mut Value));

fn each_constraint(schema: &Value, pointer: &str, visit: Visit<'_>) {
    wrong_types(schema, pointer, visit);
    let number = |keyword: &str| schema.get(keyword).and_then(Value::as_i64);
    for (keyword, length) in [("minLength", -1), ("maxLength", 1)] {
        if let Some(bound) = number(keyword) {
            let length = usize::try_from(bound + length).expect("a length");
            visit(pointer, keyword, &|value| *value = Value::from("x".repeat(length)));
        }
    }
    for (keyword, more) in [("minimum", -1), ("maximum", 1)] {
        if let Some(bound) = number(keyword) {
            visit(pointer, keyword, &|value| *value = Value::from(bound + more));
        }
    }
    if schema.get("enum").is_some() {
        visit(pointer, "enum", &|value| *value = Value::from("Neither"));
    }
    if number("minItems").is_some() {
        visit(pointer, "minItems", &|value| *value = Value::Array(Vec::new()));
    }
    if let Some(most) = number("maxItems") {
        let most = usize::try_from(most).expect("a number of items");
        visit(pointer, "maxItems", &|value| {
            let items = value.as_array_mut().expect("a list");
            items.resize(most + 1, items[0].clone());
        });
    }
    if schema.get("x-kubernetes-list-map-keys").is_some() {
        visit(pointer, "x-kubernetes-list-map-keys", &|value| {
            let items = value.as_array_mut().expect("a list");
            items.extend([items[0].clone(), items[0].clone()]);
        });
    }
    for field in schema["required"].as_array().into_iter().flatten() {
        let field = field.as_str().expect("a name");
        visit(pointer, &format!("required {field}"), &|value| {
            value.as_object_mut().expect("an object").remove(field);
        });
    }
    each_part(schema, pointer, visit);
}

fn each_part(schema: &Value, pointer: &str, visit: Visit<'_>) {
    if let Some(properties) = schema["properties"].as_object() {
        visit(pointer, "an unknown field", &|value| value["unheardOf"] = Value::from(1));
        for (name, schema) in properties {
            each_constraint(schema, &format!("{pointer}/{name}"), visit);
        }
    }
    if let Some(items) = schema.get("items") {
        each_constraint(items, &format!("{pointer}/0"), visit);
    }
}

/// Values of every other type.
fn wrong_types(schema: &Value, pointer: &str, visit: Visit<'_>) {
    for (kind, wrong) in [
        ("boolean", serde_json::json!(true)),
        ("integer", serde_json::json!(5)),
        ("number", serde_json::json!(1.5)),
        ("number", serde_json::json!(1e30)),
        ("string", serde_json::json!("5\n\"\u{1}é\u{85}")),
        ("array", serde_json::json!([])),
        ("object", serde_json::json!({})),
    ] {
        if schema["type"] != kind {
            visit(pointer, &format!("is {wrong}"), &|value| *value = wrong.clone());
        }
    }
    if pointer.ends_with("/0") {
        visit(pointer, "is null", &|value| *value = Value::Null);
    }
}
