//! Generated files that are checked in equal the output of the code.
//!
//! `PGPARTITION_UPDATE=1 cargo test --test pure generated` writes them again.

use pg_partition_operator::cli;

pub(crate) use crate::golden::expect_file;

/// More than the API server takes in an annotation of `kubectl apply`.
const TOO_LARGE_TO_APPLY: usize = 256 * 1024;

#[test]
fn crd_file_equals_the_output_of_crd() {
    let text = cli::crd::text().expect("a definition can be written");
    assert!(text.len() < TOO_LARGE_TO_APPLY, "kubectl apply takes no {} bytes", text.len());
    expect_file("crds/partitionedtables.yaml", &text);
}
