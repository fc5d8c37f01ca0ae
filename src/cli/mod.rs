//! Commands: arguments, files, output, and exit statuses.

#![allow(clippy::doc_markdown, reason = "the doc comments of arguments are what --help shows")]

pub mod admission;
mod apply;
mod check;
pub mod crd;
mod database;
mod documents;
mod exit;
mod inspect;
pub mod kubectl;
mod output;
mod plan;
mod progress;
mod run;
mod scope;
mod statements;
mod verify;

use std::ffi::OsString;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::LazyLock;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use jiff::Timestamp;

use crate::desired::parse_duration;
use exit::Exit;

/// Version and, if the build set it, revision of the source.
static VERSION: LazyLock<String> = LazyLock::new(|| {
    let revision = option_env!("PGPARTITION_REVISION").filter(|revision| !revision.is_empty());
    let revision = revision.map(|revision| format!(" ({revision})")).unwrap_or_default();
    format!("{}{revision}", env!("CARGO_PKG_VERSION"))
});

/// Manages partitioned Postgres tables that PartitionedTable resources declare.
#[derive(Debug, Parser)]
#[command(name = "pg-partition-operator", version = VERSION.as_str(), max_term_width = 100, after_help = EXIT_STATUSES)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

const EXIT_STATUSES: &str = "Exit status:
  0  nothing to do, or done
  1  usage, unreadable file, invalid spec, no connection, anything else
  2  there are steps (plan), drift (verify), or steps that are left (apply)
  3  the plan is no longer the expected one
  4  manual action needed
  5  another pg-partition-operator holds the table, or a lock was not acquired in time
If there are several outcomes, the most severe one counts: 1, 3, 4, 5, 2, 0.";

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the operator in a cluster
    Run(run::RunArguments),
    /// Check that the cluster has the CustomResourceDefinition, and that you have the permissions that the operator needs
    Check(check::CheckArguments),
    /// Print the CustomResourceDefinition
    Crd,
    /// Show planned steps with their reasons and locks, and deferred steps with their blockers; change nothing
    Plan(plan::PlanArguments),
    /// Apply the declared state; ignore spec.schedule
    Apply(apply::ApplyArguments),
    /// Check coverage, drift, and triggers, and compare all rows of a conversion; with --statements, check instead which
    /// statements of an application will fail; change nothing
    Verify(verify::VerifyArguments),
    /// Print the snapshot of a table and its partitions, without row data
    Inspect(inspect::InspectArguments),
}

/// Resources, and the time to plan for.
#[derive(Debug, Args)]
struct Declared {
    /// File with PartitionedTable documents; - is standard input
    #[arg(short, long = "filename", value_name = "FILE")]
    file: PathBuf,
    /// Time that replaces the clock, such as 2027-01-01T00:00:00Z
    #[arg(long, value_name = "TIME")]
    at: Option<Timestamp>,
}

impl Declared {
    /// Returns the time that counts as now.
    fn now(&self) -> Timestamp {
        self.at.unwrap_or_else(Timestamp::now)
    }
}

fn duration(text: &str) -> Result<Duration, String> {
    parse_duration(text).ok_or_else(|| "not a duration such as 30s or 2m".to_owned())
}

/// Runs the command of the arguments and returns its exit status.
///
/// The program is also kubectl's plugin, if it is called as `kubectl-pgpartition`, for example by a symbolic link.
#[must_use]
pub fn main() -> ExitCode {
    let called: Vec<OsString> = std::env::args_os().collect();
    let arguments = match Invocation::read(&called) {
        Ok(arguments) => arguments,
        Err(usage_error) => return misused(&usage_error),
    };
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&error.into()),
    };
    let result = runtime.block_on(arguments.run());
    // A task that does not end must not keep the process.
    runtime.shutdown_background();
    match result {
        Ok(exit) => exit.into(),
        Err(error) => fail(&error),
    }
}

/// Name by which the program is called, and its command.
#[derive(Debug)]
enum Invocation {
    Itself(Command),
    Plugin(kubectl::Arguments),
}

impl Invocation {
    fn read(called: &[OsString]) -> Result<Self, clap::Error> {
        if kubectl::is_called(called.first().map(OsString::as_os_str)) {
            kubectl::Arguments::try_parse_from(called).map(Self::Plugin)
        } else {
            Arguments::try_parse_from(called).map(|arguments| Self::Itself(arguments.command))
        }
    }

    async fn run(self) -> anyhow::Result<Exit> {
        let command = match self {
            Self::Itself(command) => command,
            Self::Plugin(arguments) => return kubectl::run(arguments).await,
        };
        match command {
            Command::Run(arguments) => run::run(arguments).await,
            Command::Check(arguments) => check::check(arguments).await,
            Command::Crd => crd::print(),
            Command::Plan(arguments) => plan::plan(arguments).await,
            Command::Apply(arguments) => apply::apply(arguments).await,
            Command::Verify(arguments) => verify::verify(arguments).await,
            Command::Inspect(arguments) => inspect::inspect(arguments).await,
        }
    }
}

/// Prints help if it was requested, and otherwise a usage error. clap would exit with 2, which here means that
/// there are steps.
fn misused(usage_error: &clap::Error) -> ExitCode {
    // If the output is closed, the error cannot be printed.
    drop(usage_error.print());
    if usage_error.use_stderr() { Exit::Failed } else { Exit::Done }.into()
}

fn fail(error: &anyhow::Error) -> ExitCode {
    // If standard error is closed, the error cannot be printed.
    drop(writeln!(std::io::stderr(), "error: {error:#}"));
    Exit::from_error(error).into()
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::{Arguments, Command};

    fn read(arguments: &str) -> Result<Command, clap::Error> {
        let words = ["pg-partition-operator"].into_iter().chain(arguments.split(' '));
        Arguments::try_parse_from(words).map(|arguments| arguments.command)
    }

    #[test]
    fn apply_accepts_several_approvals_and_plan_accepts_no_approval() {
        let with = "--approve 7c1e --approve 0a";
        let apply = read(&format!("apply -f - --database-url x {with}"));
        assert!(format!("{apply:?}").contains(r#"approve: ["7c1e", "0a"]"#), "{apply:?}");
        assert!(read(&format!("plan -f - --database-url x {with}")).is_err());
    }

    #[test]
    fn scope_is_names_of_namespaces_and_never_fails_open() {
        for command in ["run", "check"] {
            for wrong in ["d1,", ",d1", ",", " ", "", "D1", "a.b", "-a", "a-", "*"] {
                let words = ["pg-partition-operator", command, "--namespaces", wrong];
                assert!(Arguments::try_parse_from(words).is_err(), "{command} {wrong:?}");
                let words = ["pg-partition-operator", command, "--lease-namespace", wrong];
                assert!(Arguments::try_parse_from(words).is_err(), "{command} {wrong:?}");
            }
            let words = ["pg-partition-operator", command, "--namespaces", " d1, a-2 "];
            let read = Arguments::try_parse_from(words).map(|read| format!("{:?}", read.command));
            let namespaces = r#"namespaces: ["d1", "a-2"]"#;
            assert!(read.as_ref().is_ok_and(|read| read.contains(namespaces)), "{read:?}");
        }
    }

    #[test]
    fn only_a_plan_is_scheduled() {
        for (at, scheduled) in [("", false), (" --scheduled --at 2027-01-01T00:00:00Z", true)] {
            let plan = read(&format!("plan -f - --database-url x{at}"));
            assert!(format!("{plan:?}").contains(&format!("scheduled: {scheduled}")), "{plan:?}");
        }
        assert!(read("apply -f - --database-url x --scheduled").is_err());
    }
}
