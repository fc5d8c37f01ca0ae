//! Admission as the API server does it, without one: a document meets the whole schema of the definition,
//! and errors have the same field paths and messages.
//!
//! The structural part is written here: validators for JSON Schema have messages, paths, and a treatment of
//! null, numbers, and defaults of their own. CEL is `kube-cel`. The cases of `tests/admission` hold both
//! against a real API server, message by message.

mod metadata;
mod structure;
mod words;

use std::fmt;

use kube_cel::{CompiledSchema, ValidationError, Validator, compile_schema};
use serde_json::Value;

use crate::api::v1alpha1::crd;

/// Message of the API server if a value that a rule depends on is invalid.
const NOT_CHECKED: &str = "Invalid value: null: some validation rules were not checked because the object \
                           was invalid; correct the existing errors to complete validation";

/// The schema of the resource, and its CEL rules.
pub struct Admission {
    schema: Value,
    rules: CompiledSchema,
}

/// One thing that is wrong with a document.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rejection {
    /// The field, as the API server names it; empty for the document as a whole.
    pub field: String,
    /// Errors, in the words of the API server.
    pub message: String,
    /// Whether no CEL rule is asked any more.
    is_blocking: bool,
}

impl Rejection {
    fn new(field: &str, message: impl Into<String>) -> Self {
        Self { field: field.to_owned(), message: message.into(), is_blocking: false }
    }

    fn blocking(field: &str, message: impl Into<String>) -> Self {
        Self { is_blocking: true, ..Self::new(field, message) }
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.field.is_empty() {
            return f.write_str(&self.message);
        }
        write!(f, "{}: {}", self.field, self.message)
    }
}

impl Admission {
    /// Admission as in a cluster.
    ///
    /// # Errors
    /// Returns an error if the definition is not plain data, which tests exclude.
    pub fn in_cluster() -> Result<Self, serde_json::Error> {
        let definition = crd();
        let schema = definition.spec.versions.first().and_then(|version| version.schema.as_ref());
        let schema = serde_json::to_value(schema.and_then(|s| s.open_api_v3_schema.as_ref()))?;
        Ok(Self { rules: compile_schema(&schema), schema })
    }

    /// Admission on the command line, where `--database-url` can take the place of `spec.database`.
    ///
    /// # Errors
    /// As [`Admission::in_cluster`].
    pub fn on_command_line() -> Result<Self, serde_json::Error> {
        let mut admission = Self::in_cluster()?;
        let required = admission.schema.pointer_mut("/properties/spec/required");
        if let Some(required) = required.and_then(Value::as_array_mut) {
            required.retain(|field| field != "database");
        }
        Ok(admission)
    }

    /// Completes a document with the defaults of the schema, as the API server stores it.
    ///
    /// # Errors
    /// Returns everything that is wrong with it, in the order of the fields; `old` is what an update
    /// replaces.
    pub fn admit(&self, document: &mut Value, old: Option<&Value>) -> Result<(), Vec<Rejection>> {
        let mut unknown = structure::unknown_fields(&self.schema, document);
        if !unknown.is_empty() {
            unknown.sort();
            let fields: Vec<_> = unknown
                .iter()
                .map(|field| format!("unknown field {}", words::quoted(field)))
                .collect();
            let message = format!("strict decoding error: {}", fields.join(", "));
            return Err(vec![Rejection::new("", message)]);
        }
        structure::complete(&self.schema, document);
        let mut rejections = metadata::check(document);
        structure::check(&self.schema, document, "", &mut rejections);
        if rejections.iter().any(|rejection| rejection.is_blocking) {
            rejections.push(Rejection::new("<nil>", NOT_CHECKED));
        } else if let Err(errors) = Validator::new().validate_compiled(&self.rules, document, old) {
            rejections.extend(errors.iter().map(|error| self.rule_rejection(error, document)));
        }
        rejections.sort();
        rejections.dedup();
        if rejections.is_empty() { Ok(()) } else { Err(rejections) }
    }

    fn rule_rejection(&self, error: &ValidationError, document: &Value) -> Rejection {
        let message = &error.message;
        let shown = structure::scalar_under_rule(&self.schema, document, error);
        let message = match (error.reason.as_deref(), shown) {
            (Some("FieldValueForbidden"), _) => format!("Forbidden: {message}"),
            (Some("FieldValueRequired"), _) => format!("Required value: {message}"),
            (_, Some(value)) => format!("Invalid value: {}: {message}", words::format_value(value)),
            (_, None) => format!("Invalid value: {message}"),
        };
        Rejection::new(&error.field_path, message)
    }
}
