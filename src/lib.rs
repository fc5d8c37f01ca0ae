//! pg-partition-operator: declares partitioned Postgres tables and keeps them true.

pub mod api;
#[cfg(feature = "cli")]
pub mod cli;
#[cfg(feature = "postgres")]
pub mod converge;
pub mod desired;
#[cfg(feature = "operator")]
pub mod kubernetes;
pub mod observed;
pub mod partition;
pub mod plan;
#[cfg(feature = "postgres")]
pub mod postgres;
pub mod sql;
pub mod status;
