//! Talks to Postgres. Nobody else does.

mod connect;
mod error;
mod execute;
mod inspect;
mod lock;
mod rows;
mod session;
mod tls;

pub use connect::{
    APPLICATION_NAME, ConnectionSettings, DEFAULT_PORT, InvalidUrl, ServerAddress, SslMode,
};
pub use error::{DatabaseError, ErrorKind};
pub use execute::{Progress, StepFailure, StepOutcome, execute};
pub use inspect::{InspectError, default_rows, inspect};
pub use lock::TableLock;
pub use session::Session;
