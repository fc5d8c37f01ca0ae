//! The cases of `tests/admission`: what is asked of the API server, and what it has to answer.
//!
//! They are judged twice: by CEL alone without a server, and by a real one.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::{Map, Value};

/// One question: a good resource, changed in one way.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Case {
    /// What is asked, in words.
    #[serde(rename = "case")]
    pub(crate) title: String,
    /// The good resource.
    #[serde(default)]
    pub(crate) on: Base,
    /// What is different in its spec, as a merge patch.
    #[serde(default)]
    spec: Value,
    /// What an update then changes, as a merge patch.
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
    /// Who refuses it.
    #[serde(default)]
    #[allow(dead_code, reason = "an API server is asked as a whole")]
    pub(crate) by: Judge,
}

/// Who refuses a resource.
#[derive(Clone, Copy, Default, PartialEq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Judge {
    /// A CEL rule.
    #[default]
    Rule,
    /// The structure of the schema: types, bounds, enumerations, keys of lists.
    Schema,
}

impl Case {
    /// The resource as it is created.
    pub(crate) fn created(&self) -> Value {
        let mut object = self.on.object();
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

/// RFC 7386: what is null goes, an object is merged, anything else replaces what was there.
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
    let fields = target.as_object_mut().expect("it was made one");
    for (name, change) in changes {
        if change.is_null() {
            fields.remove(name);
        } else {
            merge(fields.entry(name.clone()).or_insert(Value::Null), change);
        }
    }
}
