//! Costs of a conversion, each figure beside another way to do the same in the same run.
//!
//! `cargo bench --bench conversion` runs all on Postgres 15 and the newest, in a few minutes. `-- writes parity` runs these rows
//! only, `-- short` takes a tenth of the rounds, `PGPARTITION_TEST_MAJORS=15` runs on this major.
//!
//! The two ways alternate, and each ratio is the median of the ratios of the rounds, so that other load on the machine
//! affects both. Processor time is that of the server process of the session, from `/proc/PID/schedstat`. Writes are
//! durable: `fsync` is on.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark prints and may panic")]

mod backend;
mod backfill;
mod latency;
mod load;
mod memory;
mod parity;
#[path = "../../tests/support/mod.rs"]
mod support;
mod table;
mod writes;

use support::postgres::{Database, NEWEST_MAJOR, Server, majors};

/// Server and settings of a measurement.
pub(crate) struct Bench {
    pub(crate) database: Database,
    pub(crate) short: bool,
}

impl Bench {
    /// Returns how often something is done.
    pub(crate) fn times(&self, usual: u32) -> u32 {
        if self.short { usual.div_ceil(10) } else { usual }
    }
}

/// Prints a row of the table.
pub(crate) fn print(what: &str, [operator, beside]: [String; 2], ratio: f64, limit: &str) {
    println!("{what:62} {operator:>14} {beside:>14} {ratio:>6.2}  {limit}");
}

#[tokio::main]
async fn main() {
    // Cargo adds `--bench`.
    let words: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with("--")).collect();
    let short = words.iter().any(|word| word == "short");
    let chosen: Vec<_> = words.iter().filter(|word| *word != "short").collect();
    let runs = |row: &str| chosen.is_empty() || chosen.iter().any(|word| *word == row);
    let majors = match std::env::var("PGPARTITION_TEST_MAJORS") {
        Ok(_) => majors(),
        Err(_) => vec![15, NEWEST_MAJOR],
    };
    for major in majors {
        let server = Server::start(major, &table::OPTIONS);
        let database = server.database().await;
        database.client().await.batch_execute("CREATE SCHEMA pgpartition").await.unwrap();
        let bench = Bench { database, short };
        println!("\nPostgres {major:50}{:>14} {:>14} {:>6}  limit", "operator", "beside", "ratio");
        if runs("writes") {
            Box::pin(writes::rows(&bench)).await;
        }
        if runs("backfill") {
            Box::pin(backfill::row(&bench)).await;
        }
        if runs("latency") {
            Box::pin(latency::row(&bench)).await;
        }
        if runs("parity") {
            Box::pin(parity::row(&bench)).await;
        }
        if runs("memory") {
            Box::pin(memory::row(&bench)).await;
        }
        if runs("load") {
            Box::pin(load::row(&bench)).await;
        }
    }
}
