//! Tests of the built operator against a real Kubernetes API and a real Postgres.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "../support/admission.rs"]
mod admission;
#[path = "../support/golden.rs"]
mod golden;
#[path = "../support/mod.rs"]
mod support;

mod admit;
mod brake;
mod builds;
mod canary;
mod chart;
mod chart_values;
mod comes_true;
mod converts;
mod cutover;
mod examples;
mod finance;
mod goes_wrong;
mod lets_go;
mod logs;
mod monitors;
mod pages;
mod pages_of_conversion;
mod plugin;
mod reader;
mod resilience;
mod rights;
mod seeing;
mod stage;
mod support_works;
mod swap_interrupted;
mod two_of_us;
