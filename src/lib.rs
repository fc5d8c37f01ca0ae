//! pg-partition-operator.
pub mod partition;
