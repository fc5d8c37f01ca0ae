//! Errors of requests to the API server.

use std::time::Duration;

/// A request to the API server failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ClusterError {
    #[error("the API server rejected the request")]
    Refused(#[source] Box<kube::Error>),
    #[error("the API server did not respond within {} s", .0.as_secs())]
    Silent(Duration),
    /// A request on behalf of several reconciles failed; this is the text of its error.
    #[error("{0}")]
    Shared(String),
}

impl ClusterError {
    /// Returns the error and its cause as one text.
    pub(super) fn chain(&self) -> String {
        match self {
            Self::Refused(cause) => format!("{self}: {cause}"),
            Self::Silent(_) | Self::Shared(_) => self.to_string(),
        }
    }
}
