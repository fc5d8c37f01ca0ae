//! Which server, which database, who logs in, and how much TLS must prove.

mod grammar;
mod host;
mod invalid_url;
mod keywords;
mod origin;
mod redact;
mod transport;

use std::fmt;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio_postgres::Config;

use self::keywords::{Keywords, rejected_keyword};
pub(super) use self::redact::Redaction;
pub(super) use self::transport::ServerState;

pub use self::host::{ServerAddress, is_host};
pub use self::invalid_url::InvalidUrl;
pub use self::origin::{Hidden, SecretKey, Setting};
pub use self::transport::{ChannelBinding, TargetSession, TlsVersions, Transport};

/// The longest that finding a server and logging in may take, for each server tried.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Default port of Postgres.
pub const DEFAULT_PORT: u16 = 5432;

/// Default application name in `pg_stat_activity`.
pub const APPLICATION_NAME: &str = "pg-partition-operator";

/// All that is needed to log in. What came from a Secret is not shown by `Debug`, nor is a password,
/// a private key or an option, wherever it came from.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct ConnectionSettings {
    /// The servers, tried in this order.
    pub servers: Vec<ServerAddress>,
    /// Which of the servers is taken; `None` for the only one, or one of several that takes writes.
    pub target: Option<TargetSession>,
    /// Database; `None` for the one with the name of the user.
    pub dbname: Option<Setting<String>>,
    /// Login role; `None` for the user of this process.
    pub user: Option<Setting<String>>,
    /// With what password.
    pub password: Option<Hidden<String>>,
    /// TLS mode.
    pub ssl_mode: SslMode,
    /// Certificate authorities of the server, as PEM; `None` for those of the system.
    pub ca: Option<Vec<u8>>,
    /// The certificate that proves to the server who logs in.
    pub client_certificate: Option<ClientCertificate>,
    /// Settings of the session that the user asks for: `-c role=owner`.
    pub options: Option<Setting<String>>,
    /// Application name in `pg_stat_activity`.
    pub application_name: String,
    /// Transport of the connection.
    pub transport: Transport,
}

/// A certificate that logs in, and its private key, as PEM.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ClientCertificate {
    /// The certificate, and those between it and an authority that the server knows.
    pub chain: Hidden<Vec<u8>>,
    /// The private key.
    pub key: Hidden<Vec<u8>>,
}

/// TLS mode of a connection. <https://www.postgresql.org/docs/current/libpq-ssl.html#LIBPQ-SSL-PROTECTION>
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SslMode {
    /// No TLS.
    Disable,
    /// TLS if the server offers it, with any certificate.
    Prefer,
    /// TLS with any certificate.
    Require,
    /// TLS, and a certificate of a known authority, in whatever name.
    VerifyCa,
    /// TLS, and a certificate of a known authority in the name of the host.
    VerifyFull,
}

impl SslMode {
    const WORDS: [(&'static str, Self); 6] = [
        ("disable", Self::Disable),
        // "allow" would send the login in clear first; what it is for, "prefer" does better.
        ("allow", Self::Prefer),
        ("prefer", Self::Prefer),
        ("require", Self::Require),
        ("verify-ca", Self::VerifyCa),
        ("verify-full", Self::VerifyFull),
    ];
}

type ReadFile = fn(&'static str, &Path) -> Result<Vec<u8>, InvalidUrl>;

impl ConnectionSettings {
    /// Returns settings of which nothing is known yet.
    #[must_use]
    pub fn new(ssl_mode: SslMode) -> Self {
        Self {
            servers: Vec::new(),
            target: None,
            dbname: None,
            user: None,
            password: None,
            ssl_mode,
            ca: None,
            client_certificate: None,
            options: None,
            application_name: APPLICATION_NAME.to_owned(),
            transport: Transport::default(),
        }
    }

    /// Parses a connection string, a URI or keywords and values. The default TLS mode is [`SslMode::Prefer`].
    ///
    /// # Errors
    /// Returns an error if the string is invalid, or names a file that cannot be read.
    pub fn from_url(url: &str) -> Result<Self, InvalidUrl> {
        let settings = Self::read(url, SslMode::Prefer, None, |keyword, path| {
            std::fs::read(path).map_err(|error| InvalidUrl::File { keyword, error: error.kind() })
        })?;
        if settings.servers.is_empty() { Err(InvalidUrl::NoHost) } else { Ok(settings) }
    }

    /// Parses a connection string of a Secret, and reads no file that it names. The default TLS mode is
    /// [`SslMode::Require`]. A host is not required. The operator keeps its own application name, which other
    /// sessions see.
    ///
    /// # Errors
    /// Returns an error if the string is invalid, or names a file.
    pub fn from_secret_url(url: &str, key: &Arc<SecretKey>) -> Result<Self, InvalidUrl> {
        let read = Self::read(url, SslMode::Require, Some(key), |keyword, _| {
            Err(InvalidUrl::NoFiles(keyword))
        })?;
        Ok(Self { application_name: APPLICATION_NAME.to_owned(), ..read })
    }

    fn read(
        url: &str,
        default: SslMode,
        key: Option<&Arc<SecretKey>>,
        read_file: ReadFile,
    ) -> Result<Self, InvalidUrl> {
        let words = Keywords::new(grammar::pairs(url)?, key.is_none())?;
        let text = |keyword| words.get(keyword).map(str::to_owned);
        let (ssl_mode, ca) = tls(&words, default, read_file)?;
        let transport = words.transport()?;
        if transport.direct_tls && matches!(ssl_mode, SslMode::Disable | SslMode::Prefer) {
            return Err(rejected_keyword(
                "sslnegotiation",
                "direct needs sslmode=require or stronger",
            ));
        }
        let name = text("application_name").or_else(|| text("fallback_application_name"));
        Ok(Self {
            servers: host::servers(&words, key)?,
            target: words.target()?,
            dbname: text("dbname").map(|text| Setting::new(text, key)),
            user: text("user").map(|text| Setting::new(text, key)),
            password: text("password").map(Hidden::new),
            ssl_mode,
            ca,
            client_certificate: client_certificate(&words, read_file)?,
            options: text("options").map(|text| Setting::new(text, key)),
            application_name: name.unwrap_or_else(|| APPLICATION_NAME.to_owned()),
            transport,
        })
    }

    /// Returns what the driver is told to log in to one server, found at `address`. `options` are those
    /// of every session, after the user's own.
    pub(super) fn to_driver(
        &self,
        server: &ServerAddress,
        address: Option<IpAddr>,
        options: &str,
    ) -> Config {
        let mut config = Config::new();
        config.host(server.host.expose()).port(*server.port.expose());
        if let Some(address) = address {
            config.hostaddr(address);
        }
        if let Some(dbname) = &self.dbname {
            config.dbname(dbname.expose());
        }
        if let Some(user) = &self.user {
            config.user(user.expose());
        }
        if let Some(password) = &self.password {
            config.password(password.expose());
        }
        let own = self.options.as_ref().map(|own| own.expose().as_str()).unwrap_or_default();
        let transport = &self.transport;
        config
            .ssl_mode(self.driver_ssl_mode(server))
            .channel_binding(transport.channel_binding.for_driver())
            .options(format!("{own} {options}").trim())
            .application_name(&self.application_name)
            .connect_timeout(transport.connect_timeout)
            .tcp_user_timeout(transport.tcp_user_timeout)
            .keepalives(transport.keepalives)
            .keepalives_idle(transport.keepalives_idle)
            .keepalives_interval(transport.keepalives_interval)
            .keepalives_retries(transport.keepalives_count);
        if transport.direct_tls {
            config.ssl_negotiation(tokio_postgres::config::SslNegotiation::Direct);
        }
        config
    }

    fn driver_ssl_mode(&self, server: &ServerAddress) -> tokio_postgres::config::SslMode {
        use tokio_postgres::config::SslMode as Driver;
        match self.ssl_mode {
            _ if server.is_socket() => Driver::Disable,
            SslMode::Disable => Driver::Disable,
            SslMode::Prefer => Driver::Prefer,
            SslMode::Require | SslMode::VerifyCa | SslMode::VerifyFull => Driver::Require,
        }
    }

    /// Returns the name of the database: that of the user if none is given. Not to be shown.
    #[cfg(feature = "operator")]
    pub(crate) fn database(&self) -> &str {
        let name = self.dbname.as_ref().or(self.user.as_ref());
        name.map_or("", |name| name.expose().as_str())
    }

    /// Returns whether anything that a server could repeat came from a Secret.
    #[must_use]
    pub fn has_secrets(&self) -> bool {
        let words = [&self.user, &self.dbname, &self.options];
        self.servers.iter().any(ServerAddress::has_secrets)
            || words.into_iter().flatten().any(|word| word.secret().is_some())
    }

    /// Returns the name of the user. Not to be shown unless [`Self::shows_user`].
    pub(crate) fn user(&self) -> Option<&str> {
        self.user.as_ref().map(|user| user.expose().as_str())
    }

    /// Returns whether the name of the login role may be shown: neither the user came from a Secret, nor options,
    /// which can set another role.
    #[must_use]
    pub fn shows_user(&self) -> bool {
        [&self.user, &self.options].into_iter().flatten().all(|word| word.secret().is_none())
    }
}

impl fmt::Debug for ConnectionSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectionSettings")
            .field("servers", &self.servers)
            .field("dbname", &self.dbname)
            .field("user", &self.user)
            .field("ssl_mode", &self.ssl_mode)
            .finish_non_exhaustive()
    }
}

fn tls(
    words: &Keywords,
    default: SslMode,
    read_file: ReadFile,
) -> Result<(SslMode, Option<Vec<u8>>), InvalidUrl> {
    let mode = words.ssl_mode()?.unwrap_or(default);
    match words.get("sslrootcert") {
        None => Ok((mode, None)),
        Some("system") => Ok((SslMode::VerifyFull, None)),
        Some(path) => {
            let pem = read_file("sslrootcert", Path::new(path))?;
            // As libpq does: who names an authority wants it to be asked.
            let mode = if mode == SslMode::Require { SslMode::VerifyCa } else { mode };
            Ok((mode, Some(pem)))
        }
    }
}

fn client_certificate(
    words: &Keywords,
    read_file: ReadFile,
) -> Result<Option<ClientCertificate>, InvalidUrl> {
    let read = |keyword| words.get(keyword).map(|path| read_file(keyword, Path::new(path)));
    let (chain, key) = (read("sslcert").transpose()?, read("sslkey").transpose()?);
    match (chain, key) {
        _ if !words.may_send_certificate()? => Ok(None),
        (None, None) => Ok(None),
        (Some(chain), Some(key)) => {
            Ok(Some(ClientCertificate { chain: Hidden::new(chain), key: Hidden::new(key) }))
        }
        (Some(_), None) => Err(rejected_keyword("sslcert", "it needs sslkey, too")),
        (None, Some(_)) => Err(rejected_keyword("sslkey", "it needs sslcert, too")),
    }
}

#[cfg(test)]
mod tests;
