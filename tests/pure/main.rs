//! Tests that need nothing but the compiler: no database, no cluster, no network.

mod admission;
mod generated;
mod properties;
mod reasons;
mod scenarios;

#[path = "../support/arbitrary/mod.rs"]
mod arbitrary;
#[path = "../support/oracle.rs"]
mod oracle;
#[path = "../support/scenario/mod.rs"]
mod scenario;
#[path = "../support/world.rs"]
mod world;
