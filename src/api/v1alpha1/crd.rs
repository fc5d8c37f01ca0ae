//! The `CustomResourceDefinition`: what the derive makes of the types, and what it cannot express.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "the definition depends on nothing but the types, and tests read it"
)]

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::CustomResourceExt;
use serde_json::{Value, json};

use super::PartitionedTable;

/// The definition of the resource, as it is installed in a cluster.
///
/// # Panics
///
/// Never: the definition depends on nothing but the types, and tests read it.
#[must_use]
pub fn crd() -> CustomResourceDefinition {
    let derived = serde_json::to_value(PartitionedTable::crd());
    let mut definition = derived.expect("a definition is plain data");
    let schema = &mut definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
    reject_null(schema);
    unwrap_descriptions(schema);
    require_database(&mut schema["properties"]["spec"]);
    // Without this default, a resource that was never reconciled would count as current (kstatus).
    schema["properties"]["status"]["default"] = json!({"observedGeneration": -1});
    serde_json::from_value(definition).expect("a definition with other values is still one")
}

/// Removes `nullable`: an optional field can be absent, but not null.
fn reject_null(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            fields.remove("nullable");
            fields.values_mut().for_each(reject_null);
        }
        Value::Array(items) => items.iter_mut().for_each(reject_null),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Joins the lines of a description: `kubectl explain` breaks them itself.
fn unwrap_descriptions(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            if let Some(Value::String(text)) = fields.get_mut("description") {
                let paragraphs = text.split("\n\n").map(|paragraph| paragraph.replace('\n', " "));
                *text = paragraphs.collect::<Vec<_>>().join("\n\n");
            }
            fields.values_mut().for_each(unwrap_descriptions);
        }
        Value::Array(items) => items.iter_mut().for_each(unwrap_descriptions),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Requires `spec.database`: only the command line has another way to name the database.
fn require_database(spec: &mut Value) {
    let required = spec["required"].as_array_mut().expect("a spec requires its table");
    required.insert(0, json!("database"));
}
