//! Tests of the built operator against a real Kubernetes API and a real Postgres.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "../support/admission.rs"]
mod admission;
#[path = "../support/mod.rs"]
mod support;

mod admit;
mod comes_true;
mod goes_wrong;
mod lets_go;
mod plugin;
mod seeing;
mod stage;
mod support_works;
mod two_of_us;
