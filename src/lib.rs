//! x

pub mod api;
#[cfg(feature = "cli")]
pub mod cli;
