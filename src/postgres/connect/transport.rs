//! Transport of a connection: the choice among several servers, and the checks of the network connection.

use std::time::Duration;

/// Which server is taken.
/// <https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNECT-TARGET-SESSION-ATTRS>
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TargetSession {
    /// Any server.
    Any,
    /// A server that takes writes.
    ReadWrite,
    /// A server that takes none.
    ReadOnly,
    /// A server that is not a standby.
    Primary,
    /// A standby.
    Standby,
    /// A standby, or any server if no standby answers.
    PreferStandby,
    /// A server that takes writes, or any if none does: what is meant by several servers without a word.
    PreferReadWrite,
}

/// State of a server that decides whether its session is the one that is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::postgres) struct ServerState {
    pub(in crate::postgres) is_standby: bool,
    pub(in crate::postgres) is_read_only: bool,
}

impl TargetSession {
    pub(super) const WORDS: [(&'static str, Self); 6] = [
        ("any", Self::Any),
        ("read-write", Self::ReadWrite),
        ("read-only", Self::ReadOnly),
        ("primary", Self::Primary),
        ("standby", Self::Standby),
        ("prefer-standby", Self::PreferStandby),
    ];

    /// Returns whether a server in this state is the one that is wanted.
    pub(in crate::postgres) const fn is_met_by(self, server: ServerState) -> bool {
        match self {
            Self::Any => true,
            Self::ReadWrite | Self::PreferReadWrite => !server.is_standby && !server.is_read_only,
            Self::ReadOnly => server.is_standby || server.is_read_only,
            Self::Primary => !server.is_standby,
            Self::Standby | Self::PreferStandby => server.is_standby,
        }
    }

    /// Returns whether any server is taken if none is as wanted.
    pub(in crate::postgres) const fn is_preference(self) -> bool {
        matches!(self, Self::PreferStandby | Self::PreferReadWrite)
    }

    /// Returns the word for it in a connection string.
    pub(in crate::postgres) fn word(self) -> &'static str {
        Self::WORDS.iter().find(|(_, target)| *target == self).map_or("any", |(word, _)| word)
    }
}

/// Whether the login is bound to the TLS connection, so that it is proof of the server, too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ChannelBinding {
    /// Never.
    Disable,
    /// If the server offers it.
    Prefer,
    /// Always; a login without it is refused.
    Require,
}

impl ChannelBinding {
    pub(super) const WORDS: [(&'static str, Self); 3] =
        [("disable", Self::Disable), ("prefer", Self::Prefer), ("require", Self::Require)];

    pub(super) const fn for_driver(self) -> tokio_postgres::config::ChannelBinding {
        use tokio_postgres::config::ChannelBinding as Driver;
        match self {
            Self::Disable => Driver::Disable,
            Self::Prefer => Driver::Prefer,
            Self::Require => Driver::Require,
        }
    }
}

/// The versions of TLS that are offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TlsVersions {
    /// 1.2 and 1.3.
    Both,
    /// 1.2 only.
    Only12,
    /// 1.3 only.
    Only13,
}

/// Transport of a connection.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[allow(clippy::struct_excessive_bools, reason = "each is a keyword of a connection string")]
pub struct Transport {
    /// Whether the login is bound to the TLS connection.
    pub channel_binding: ChannelBinding,
    /// Whether TLS begins without asking the server first; Postgres 17 and later.
    pub direct_tls: bool,
    /// Whether TLS names the server that is wanted.
    pub names_server: bool,
    /// The versions of TLS that are offered.
    pub tls_versions: TlsVersions,
    /// Whether servers are tried in random order.
    pub random_order: bool,
    /// The longest that finding a server and logging in may take, for each address tried.
    pub connect_timeout: Duration,
    /// Whether TCP keepalives are sent.
    pub keepalives: bool,
    /// Time without traffic after which the first is sent.
    pub keepalives_idle: Duration,
    /// Time between two of them.
    pub keepalives_interval: Duration,
    /// Number of unanswered probes after which the connection is closed.
    pub keepalives_count: u32,
    /// Time that sent data may go unacknowledged before the connection is closed.
    pub tcp_user_timeout: Duration,
}

impl Default for Transport {
    fn default() -> Self {
        Self {
            channel_binding: ChannelBinding::Prefer,
            direct_tls: false,
            names_server: true,
            tls_versions: TlsVersions::Both,
            random_order: false,
            connect_timeout: super::CONNECT_TIMEOUT,
            keepalives: true,
            keepalives_idle: Duration::from_secs(15),
            keepalives_interval: Duration::from_secs(5),
            keepalives_count: 3,
            tcp_user_timeout: Duration::from_secs(15),
        }
    }
}
