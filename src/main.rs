//! pg-partition-operator.

use std::process::ExitCode;

fn main() -> ExitCode {
    pg_partition_operator::cli::main()
}
