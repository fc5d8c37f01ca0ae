//! The log: filter, destination, and format.

use std::io::{IsTerminal, stderr};

use tracing::{Level, Metadata};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::fmt;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};

use super::panics::log_panics;

/// The form of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogFormat {
    /// For people where standard error is a terminal, for programs elsewhere.
    #[default]
    Auto,
    /// One line of text for each event.
    Text,
    /// One line of JSON for each event.
    Json,
}

/// Logs to standard error from now on, panics too. `filter` is as in `RUST_LOG`: `info,kube=debug`.
///
/// # Errors
/// Returns an error if a logger is installed already.
pub fn start_logging(format: LogFormat, filter: &str) -> Result<(), TryInitError> {
    let filter = EnvFilter::builder().parse_lossy(filter);
    let is_text = match format {
        LogFormat::Auto => stderr().is_terminal(),
        LogFormat::Text => true,
        LogFormat::Json => false,
    };
    let registry = tracing_subscriber::registry().with(filter).with(filter_fn(repeats_no_setting));
    if is_text {
        let layer = fmt::layer().with_writer(stderr).with_ansi(stderr().is_terminal());
        registry.with(layer.with_target(false)).try_init()?;
    } else {
        let layer = fmt::layer().with_writer(stderr).json().flatten_event(true);
        registry.with(layer).try_init()?;
    }
    log_panics();
    Ok(())
}

/// Libraries that log hosts, and texts of servers, at lower levels than this; what came from a Secret is
/// not logged at any.
fn repeats_no_setting(event: &Metadata<'_>) -> bool {
    let repeats = ["rustls", "tokio_postgres", "postgres_protocol"];
    let of_library = repeats.iter().any(|library| event.target().starts_with(library));
    !of_library || *event.level() == Level::ERROR
}
