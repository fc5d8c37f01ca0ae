//! Tests that need nothing but the compiler: no database, no cluster, no network.

#![allow(clippy::wildcard_enum_match_arm, reason = "a test is about the case it names")]

mod admission;
mod architecture;
mod bounds;
mod calendar;
mod chart;
mod conditions;
mod conversion;
mod cron;
mod desired;
mod docs;
mod encodings;
mod examples;
mod fuzz;
mod generated;
mod identity;
mod index_builds;
mod language;
mod lifecycle;
mod limits;
mod majors;
mod mutants;
mod plan_page;
mod plugin;
mod predicates;
mod preflight;
mod properties;
mod queries;
mod reasons;
mod reference;
mod reference_steps;
mod reference_tables;
mod safety_rules;
mod scenarios;
mod sql;
mod versions;

#[path = "../support/arbitrary/mod.rs"]
mod arbitrary;
#[path = "../support/catalog.rs"]
mod catalog;
#[path = "../support/golden.rs"]
mod golden;
#[path = "../support/oracle.rs"]
mod oracle;
#[path = "../support/retention_oracle.rs"]
mod retention_oracle;
#[path = "../support/samples.rs"]
mod samples;
#[path = "../support/scenario/mod.rs"]
mod scenario;
mod source;
