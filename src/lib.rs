//! pg-partition-operator: declares partitioned Postgres tables and keeps them true.

// Nothing but a test may panic: a fault in one table must not stop the work on the others.
#![cfg_attr(
    not(test),
    deny(
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic,
        clippy::string_slice,
        clippy::todo,
        clippy::unimplemented,
        clippy::unreachable,
        clippy::unwrap_used,
    )
)]

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
