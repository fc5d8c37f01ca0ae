//! Tests that need nothing but the compiler: no database, no cluster, no network.

#![allow(clippy::wildcard_enum_match_arm, reason = "a test is about the case it names")]

mod admission;
mod architecture;
mod aside;
mod bounds;
mod calendar;
mod chart;
mod conditions;
mod conversion;
mod cron;
mod desired;
mod docs;
mod encodings;
mod fuzz;
mod generated;
mod identity;
mod language;
mod limits;
mod manual;
mod mutants;
mod plugin;
mod predicates;
mod preflight;
mod properties;
mod questions;
mod reasons;
mod reference;
mod safety_rules;
mod scenarios;
mod sql;
mod time;
mod versions;

#[path = "../support/arbitrary/mod.rs"]
mod arbitrary;
#[path = "../support/golden.rs"]
mod golden;
#[path = "../support/oracle.rs"]
mod oracle;
#[path = "../support/past.rs"]
mod past;
#[path = "../support/samples.rs"]
mod samples;
#[path = "../support/scenario/mod.rs"]
mod scenario;
mod source;
#[path = "../support/world.rs"]
mod world;
