//! Tests that need nothing but the compiler: no database, no cluster, no network.

mod admission;
mod generated;
mod reasons;
