//! Errors of a spec.

/// One thing that is wrong with a spec, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {problem}")]
pub struct SpecError {
    /// The field, as `kubectl` writes it: `spec.indexes[0].where`.
    pub path: String,
    /// Error and remedy.
    pub problem: String,
}
