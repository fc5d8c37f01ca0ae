//! Tests that need nothing but the compiler: no database, no cluster, no network.

mod admission;
mod generated;
mod reasons;
mod scenarios;

#[path = "../support/scenario/mod.rs"]
mod scenario;
#[path = "../support/world.rs"]
mod world;
