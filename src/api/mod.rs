//! The `PartitionedTable` resource, its schema, and the words of its status.
//!
//! Types and rules only, no behavior: `desired` decides what a spec *means*. The doc comments
//! below are the reference that `kubectl explain pgpt` prints.

#![allow(clippy::doc_markdown, reason = "kubectl prints these comments as they stand")]

mod conditions;
mod resolved_by;
pub mod v1alpha1;

pub use conditions::{ConditionType, Reason};
pub use resolved_by::ResolvedBy;
