//! Talks to Postgres. Nobody else does.

mod connect;
mod error;
mod session;
mod tls;

pub use connect::{
    APPLICATION_NAME, ConnectionSettings, DEFAULT_PORT, InvalidUrl, ServerAddress, SslMode,
};
pub use error::{DatabaseError, ErrorKind};
pub use session::Session;
