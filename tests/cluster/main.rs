//! Tests that need a real Kubernetes API server: run `eval "$(tools/setup kube)"` before.

#[path = "../support/admission.rs"]
mod admission;
#[path = "../support/kubernetes.rs"]
mod kubernetes;

mod admit;
