//! Errors of connection strings.

use crate::postgres::error::{DatabaseError, ErrorKind};

/// A connection string that cannot be used. It never repeats a value of the string.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidUrl {
    /// Not a URI, and not a list of keywords and values.
    #[error("not a Postgres connection string: {0}")]
    Syntax(&'static str),
    /// A keyword that libpq does not know; repeated if the string is not from a Secret.
    #[error("not a Postgres connection string: unknown keyword{}", .0.as_ref().map(|k| format!(" {k}")).unwrap_or_default())]
    UnknownKeyword(Option<String>),
    /// A keyword that asks for what this client does not do.
    #[error("{keyword}: {problem}")]
    Keyword {
        /// Name of the keyword.
        keyword: &'static str,
        /// Problem of the value.
        problem: &'static str,
    },
    /// A keyword has none of its values.
    #[error("{keyword} is not one of {values}")]
    Value {
        /// Name of the keyword.
        keyword: &'static str,
        /// The values it may have.
        values: String,
    },
    /// A file that the string names cannot be read.
    #[error("cannot read the file that {keyword} names: {error}")]
    File {
        /// Name of the keyword.
        keyword: &'static str,
        /// Error of the file.
        error: std::io::ErrorKind,
    },
    /// A keyword names a file where none may be read.
    #[error("{0} names a file, and the operator reads no files")]
    NoFiles(&'static str),
    /// No host.
    #[error("the connection string has no host")]
    NoHost,
    /// A host that is none.
    #[error(
        "a host is not a DNS name, an IP address, or an absolute path of a socket folder: correct host"
    )]
    Host,
}

impl From<InvalidUrl> for DatabaseError {
    fn from(error: InvalidUrl) -> Self {
        Self::new(ErrorKind::Refused, error.to_string())
    }
}
