//! Talks to a terminal.

pub mod crd;
