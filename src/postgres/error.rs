//! Errors of Postgres and of connections, in the classes that callers distinguish.

use std::error::Error;
use std::fmt;

use tokio_postgres::error::DbError;

use super::connect::{ConnectionSettings, Redaction};
use super::refusal;

/// Error of Postgres, or of the connection to it.
///
/// It has only texts that can be shown: neither passwords nor rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatabaseError {
    kind: ErrorKind,
    server: Option<Box<str>>,
    message: String,
    detail: Option<String>,
    hint: Option<String>,
    sqlstate: Option<String>,
}

/// Class of an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// Another session holds a lock, or the statement was canceled: a retry can succeed.
    Busy,
    /// The statement exceeded its time limit by its own work, not by waiting: a retry fails again.
    TooSlow,
    /// An object has changed since the inspection.
    Changed,
    /// The role lacks a privilege.
    Denied,
    /// No server responds.
    Unreachable,
    /// The server rejects the login.
    AuthenticationFailed,
    /// The TLS handshake failed, or the certificate is not trusted.
    Tls,
    /// A connection pooler responds instead of the server.
    Pooled,
    /// The connection was lost or timed out. The last statement can have succeeded.
    Lost,
    /// Any other error of the server.
    Refused,
}

impl ErrorKind {
    /// Returns the class of a SQLSTATE on an open connection.
    /// <https://www.postgresql.org/docs/current/errcodes-appendix.html>
    fn from_sqlstate(code: &str) -> Self {
        match code {
            // lock_not_available, query_canceled (timeouts of the operator), and errors that a new transaction resolves.
            "55P03" | "57014" | "40001" | "40P01" | "40003" => Self::Busy,
            // An object was dropped or created, or has changed since the inspection; and read_only_sql_transaction, if the
            // server became read-only since then. The next inspection shows the new state.
            "42P01" | "42704" | "42703" | "42P07" | "42710" | "42701" | "3F000" | "55000"
            | "55006" | "XX000" | "25006" => Self::Changed,
            "42501" => Self::Denied,
            // admin_shutdown, crash_shutdown, cannot_connect_now, idle timeouts.
            "57P01" | "57P02" | "57P03" | "57P05" | "25P03" | "25P04" => Self::Lost,
            code if code.starts_with("08") => Self::Lost,
            code if code.starts_with("28") => Self::AuthenticationFailed,
            _ => Self::Refused,
        }
    }
}

impl DatabaseError {
    pub(super) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        let message = message.into();
        Self { kind, server: None, message, detail: None, hint: None, sqlstate: None }
    }

    /// Returns an error of a kind, for tests.
    #[cfg(test)]
    pub(crate) fn from_kind(kind: ErrorKind) -> Self {
        Self::new(kind, "of a test")
    }

    /// Makes it the error of a statement whose own work exceeded its time limit.
    pub(super) fn too_slow(self, message: String) -> Self {
        Self { kind: ErrorKind::TooSlow, message, ..self }
    }

    /// Returns whether Postgres canceled the statement (57014): at its time limit, or for another session.
    pub(super) fn is_canceled(&self) -> bool {
        self.sqlstate.as_deref() == Some("57014")
    }

    /// Another session blocks the statement, and a retry can succeed.
    pub(crate) fn busy(message: &str) -> Self {
        Self::new(ErrorKind::Busy, message)
    }

    /// Returns an error of connecting. If the settings came from a Secret, the texts of the server and the driver are not
    /// shown, because both repeat names.
    pub(super) fn from_connect_error(
        error: &tokio_postgres::Error,
        settings: &ConnectionSettings,
    ) -> Self {
        let found = Self::from_driver(error);
        // too_many_connections: like an unreachable server, until other sessions end.
        let full = found.sqlstate() == Some("53300");
        let tls = refusal::tls_message(error);
        let kind = if names_pooler(&found.message) {
            ErrorKind::Pooled
        } else if tls.is_some() || error.to_string().starts_with("error performing TLS handshake") {
            ErrorKind::Tls
        } else if is_of_login(error) {
            ErrorKind::AuthenticationFailed
        } else if found.kind == ErrorKind::Lost || full {
            ErrorKind::Unreachable
        } else {
            found.kind
        };
        if kind == ErrorKind::Pooled {
            return Self { sqlstate: found.sqlstate, ..Self::pooled() };
        }
        let found = match tls {
            Some(message) => Self { message, ..found },
            None if settings.has_secrets() => {
                let message = refusal::describe(error, kind, found.sqlstate());
                Self { message, detail: None, hint: None, ..found }
            }
            None => found,
        };
        Self { kind, ..found }
    }

    /// Returns the error of a pooler that responds instead of the server.
    pub(super) fn pooled() -> Self {
        let message = "a connection pooler responds instead of the server: set host and port to those of the Postgres server itself, \
                       also if the pooler is in session mode";
        Self::new(ErrorKind::Pooled, message)
    }

    /// Adds the server to the error.
    pub(crate) fn with_server(self, settings: &ConnectionSettings) -> Self {
        let mut servers: Vec<_> = settings.servers.iter().map(ToString::to_string).collect();
        servers.dedup();
        Self { server: Some(servers.join(", ").into()), ..self }
    }

    /// Removes values of a Secret that the server repeats.
    pub(super) fn without_secrets(self, redaction: &Redaction) -> Self {
        Self {
            message: redaction.apply(&self.message),
            detail: self.detail.map(|detail| redaction.apply(&detail)),
            hint: self.hint.map(|hint| redaction.apply(&hint)),
            ..self
        }
    }

    /// Returns an error of an established connection.
    pub(super) fn from_driver(error: &tokio_postgres::Error) -> Self {
        match error.as_db_error() {
            Some(refusal) => Self::from_refusal(refusal),
            None => Self::new(ErrorKind::Lost, chain(error)),
        }
    }

    fn from_refusal(refusal: &DbError) -> Self {
        let sqlstate = refusal.code().code();
        // The detail of violated constraints (23) and invalid data (22) quotes rows.
        let quotes_rows = sqlstate.starts_with("22") || sqlstate.starts_with("23");
        Self {
            kind: ErrorKind::from_sqlstate(sqlstate),
            server: None,
            message: refusal.message().to_owned(),
            detail: refusal.detail().filter(|_| !quotes_rows).map(str::to_owned),
            // The hint about dependent objects (2BP01) is to use CASCADE, which would drop them too.
            hint: refusal.hint().filter(|_| sqlstate != "2BP01").map(str::to_owned),
            sqlstate: Some(sqlstate.to_owned()),
        }
    }

    /// Returns the class of the error.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// Returns the message of the server.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Returns the detail of the server.
    #[must_use]
    pub fn detail(&self) -> Option<&str> {
        self.detail.as_deref()
    }

    /// Returns the hint of the server.
    #[must_use]
    pub fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// Returns the SQLSTATE, or `None` if the error is not from the server.
    #[must_use]
    pub fn sqlstate(&self) -> Option<&str> {
        self.sqlstate.as_deref()
    }

    /// Returns whether the error is about one statement, so the session can continue.
    #[must_use]
    pub fn is_statement_error(&self) -> bool {
        match self.kind {
            ErrorKind::Busy
            | ErrorKind::TooSlow
            | ErrorKind::Changed
            | ErrorKind::Denied
            | ErrorKind::Refused => true,
            ErrorKind::Unreachable
            | ErrorKind::AuthenticationFailed
            | ErrorKind::Tls
            | ErrorKind::Pooled
            | ErrorKind::Lost => false,
        }
    }

    /// Returns whether a retry can succeed without manual action.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        self.kind == ErrorKind::Busy
    }
}

impl fmt::Display for DatabaseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(server) = &self.server {
            write!(f, "{server}: ")?;
        }
        f.write_str(&self.message)?;
        if let Some(sqlstate) = &self.sqlstate {
            write!(f, " ({sqlstate})")?;
        }
        if let Some(detail) = &self.detail {
            write!(f, "; {detail}")?;
        }
        if let Some(hint) = &self.hint {
            write!(f, "; hint: {hint}")?;
        }
        Ok(())
    }
}

impl Error for DatabaseError {}

/// Returns whether the message is that of a pooler: `PgBouncer` and RDS Proxy reject the startup parameter that pins the
/// settings of every session.
fn names_pooler(message: &str) -> bool {
    message.contains("unsupported startup parameter") || message.contains("command-line options")
}

/// Returns whether the driver itself could not log in: the password is missing, or the server did not prove that it knows it.
fn is_of_login(error: &tokio_postgres::Error) -> bool {
    let text = error.to_string();
    text.starts_with("authentication error") || text.starts_with("invalid configuration")
}

/// Returns an error of the driver with its causes, which contain addresses and protocol details, but no data.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let next = error.to_string();
        if !text.ends_with(&next) {
            text = format!("{text}: {next}");
        }
        cause = error.source();
    }
    text
}
