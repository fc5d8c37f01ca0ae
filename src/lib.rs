//! pg-partition-operator: declares partitioned Postgres tables and keeps them true.

pub mod api;
#[cfg(feature = "cli")]
pub mod cli;
pub mod desired;
pub mod observed;
pub mod partition;
pub mod plan;
