//! Tests of the built operator against a real Kubernetes API and a real Postgres.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "../support/admission_cases.rs"]
mod admission_cases;
#[path = "../support/golden.rs"]
mod golden;
#[path = "../support/mod.rs"]
mod support;

mod admission;
mod chart;
mod chart_values;
mod conflicts;
mod conversion;
mod cutover;
mod docs;
mod docs_conversion;
mod docs_reader;
mod examples;
mod failures;
mod finance;
mod fixture;
mod index_builds;
mod logs;
mod observability;
mod plugin;
mod prometheus;
mod rbac;
mod reconcile;
mod resilience;
mod retention;
mod rounds;
mod secrets;
mod sets;
mod shards;
mod suspension;
mod swap_interruption;
mod testbed;
