//! Which server, which database, who logs in, and how much TLS must prove.

use std::fmt;
use std::path::Path;
use std::time::Duration;

use tokio_postgres::Config;
use tokio_postgres::config::{Host, TargetSessionAttrs};

use super::error::{DatabaseError, ErrorKind};

/// The longest that finding a server and logging in may take, for each server tried.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Where Postgres listens if nobody says otherwise.
pub const DEFAULT_PORT: u16 = 5432;

/// What `pg_stat_activity` calls us if nobody says otherwise.
pub const APPLICATION_NAME: &str = "pg-partition-operator";

/// All that is needed to log in.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct ConnectionSettings {
    /// The servers, tried in this order; the first that takes writes is used.
    pub servers: Vec<ServerAddress>,
    /// The database; none for the one that has the user's name.
    pub dbname: Option<String>,
    /// Who logs in; none for the user of this process.
    pub user: Option<String>,
    /// With what password.
    pub password: Option<String>,
    /// How much TLS must prove.
    pub ssl_mode: SslMode,
    /// The certificate authorities that vouch for the server, as PEM; none for the system's.
    pub ca: Option<Vec<u8>>,
    /// Settings of the session that the user asks for: `-c role=owner`.
    pub options: Option<String>,
    /// What the server's `pg_stat_activity` calls us.
    pub application_name: String,
}

/// Where a server listens.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ServerAddress {
    /// A name, an address, or the directory of a Unix socket.
    pub host: String,
    /// The port.
    pub port: u16,
}

impl fmt::Display for ServerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

impl ServerAddress {
    /// Whether it is the directory of a Unix socket, on which there is no TLS.
    fn is_socket(&self) -> bool {
        self.host.starts_with('/')
    }
}

/// How much TLS must prove before anything is sent.
/// <https://www.postgresql.org/docs/current/libpq-ssl.html#LIBPQ-SSL-PROTECTION>
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SslMode {
    /// No TLS.
    Disable,
    /// TLS where the server offers it, with whoever answers.
    Prefer,
    /// TLS, with whoever answers.
    Require,
    /// TLS, and a certificate of a known authority, in whatever name.
    VerifyCa,
    /// TLS, and a certificate of a known authority in the name of the host.
    VerifyFull,
}

impl SslMode {
    fn parse(text: &str) -> Option<Self> {
        match text {
            "disable" => Some(Self::Disable),
            // "allow" would send the login in clear first; what it is for, "prefer" does better.
            "allow" | "prefer" => Some(Self::Prefer),
            "require" => Some(Self::Require),
            "verify-ca" => Some(Self::VerifyCa),
            "verify-full" => Some(Self::VerifyFull),
            _ => None,
        }
    }
}

/// A connection string that cannot be used. It never repeats what the string says.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidUrl {
    /// Not a URI, not a list of keywords and values, or a keyword that is not known.
    #[error("not a Postgres connection string: {0}")]
    Syntax(String),
    /// `sslmode` has none of its values.
    #[error("sslmode is none of disable, allow, prefer, require, verify-ca and verify-full")]
    SslMode,
    /// `sslrootcert` cannot be read.
    #[error("cannot read the certificates that sslrootcert names: {0}")]
    RootCertificates(std::io::ErrorKind),
    /// `sslrootcert` names a file where none may be read.
    #[error("sslrootcert names a file, and none is read here")]
    NoFiles,
    /// No host.
    #[error("the connection string names no host")]
    NoHost,
}

impl ConnectionSettings {
    /// Reads a connection string, URI or keywords and values. TLS is as it says, and
    /// [`SslMode::Prefer`] where it is silent.
    ///
    /// # Errors
    /// When the string is none, or names a file that cannot be read.
    pub fn from_url(url: &str) -> Result<Self, InvalidUrl> {
        Self::read(url, SslMode::Prefer, |path| {
            std::fs::read(path).map_err(|error| InvalidUrl::RootCertificates(error.kind()))
        })
    }

    /// Reads a connection string that somebody else wrote, and so no file that it names. TLS is as it
    /// says, and `ssl_mode` where it is silent.
    ///
    /// # Errors
    /// When the string is none, or names a file.
    pub fn from_foreign_url(url: &str, ssl_mode: SslMode) -> Result<Self, InvalidUrl> {
        Self::read(url, ssl_mode, |_| Err(InvalidUrl::NoFiles))
    }

    fn read(
        url: &str,
        ssl_mode: SslMode,
        read_file: impl Fn(&Path) -> Result<Vec<u8>, InvalidUrl>,
    ) -> Result<Self, InvalidUrl> {
        let ConnectionString { plain, tls } = split_tls(url)?;
        let config: Config = plain
            .parse()
            .map_err(|error: tokio_postgres::Error| InvalidUrl::Syntax(syntax_problem(&error)))?;
        let servers = servers(&config)?;
        let (ssl_mode, ca) = tls.resolve(ssl_mode, read_file)?;
        Ok(Self {
            servers,
            dbname: config.get_dbname().map(str::to_owned),
            user: config.get_user().map(str::to_owned),
            password: config.get_password().map(|p| String::from_utf8_lossy(p).into_owned()),
            ssl_mode,
            ca,
            options: config.get_options().map(str::to_owned),
            application_name: config.get_application_name().unwrap_or(APPLICATION_NAME).to_owned(),
        })
    }

    /// What the driver is told. `options` are those of every session, after the user's own.
    pub(super) fn to_driver(&self, options: &str) -> Config {
        let mut config = Config::new();
        for server in &self.servers {
            config.host(&server.host).port(server.port);
        }
        if let Some(dbname) = &self.dbname {
            config.dbname(dbname);
        }
        if let Some(user) = &self.user {
            config.user(user);
        }
        if let Some(password) = &self.password {
            config.password(password);
        }
        if self.servers.len() > 1 {
            config.target_session_attrs(TargetSessionAttrs::ReadWrite);
        }
        let own = self.options.as_deref().unwrap_or_default();
        config
            .ssl_mode(self.driver_ssl_mode())
            .options(format!("{own} {options}").trim())
            .application_name(&self.application_name)
            .connect_timeout(CONNECT_TIMEOUT)
            .tcp_user_timeout(Duration::from_secs(15))
            .keepalives_idle(Duration::from_secs(15))
            .keepalives_interval(Duration::from_secs(5))
            .keepalives_retries(3);
        config
    }

    fn driver_ssl_mode(&self) -> tokio_postgres::config::SslMode {
        use tokio_postgres::config::SslMode as Driver;
        if self.servers.iter().all(ServerAddress::is_socket) {
            return Driver::Disable;
        }
        match self.ssl_mode {
            SslMode::Disable => Driver::Disable,
            SslMode::Prefer => Driver::Prefer,
            SslMode::Require | SslMode::VerifyCa | SslMode::VerifyFull => Driver::Require,
        }
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

impl From<InvalidUrl> for DatabaseError {
    fn from(error: InvalidUrl) -> Self {
        Self::new(ErrorKind::Refused, error.to_string())
    }
}

fn servers(config: &Config) -> Result<Vec<ServerAddress>, InvalidUrl> {
    let ports = config.get_ports();
    let port_of = |at: usize| ports.get(at).or(ports.first()).copied().unwrap_or(DEFAULT_PORT);
    let hosts = config.get_hosts().iter().map(|host| match host {
        Host::Tcp(name) => name.clone(),
        Host::Unix(directory) => directory.to_string_lossy().into_owned(),
    });
    let servers: Vec<_> =
        hosts.enumerate().map(|(at, host)| ServerAddress { host, port: port_of(at) }).collect();
    if servers.is_empty() { Err(InvalidUrl::NoHost) } else { Ok(servers) }
}

/// What the driver cannot read; it names keywords, not their values.
fn syntax_problem(error: &tokio_postgres::Error) -> String {
    std::error::Error::source(error).map_or_else(|| error.to_string(), ToString::to_string)
}

/// A connection string without what is said about TLS, which the driver knows only half of.
struct ConnectionString {
    plain: String,
    tls: TlsWords,
}

#[derive(Default)]
struct TlsWords {
    mode: Option<String>,
    root_certificates: Option<String>,
}

impl TlsWords {
    /// Keeps the value if the keyword is about TLS.
    fn take(&mut self, keyword: &str, value: &str) -> bool {
        match keyword {
            "sslmode" => self.mode = Some(value.to_owned()),
            "sslrootcert" => self.root_certificates = Some(value.to_owned()),
            _ => return false,
        }
        true
    }

    fn resolve(
        self,
        default: SslMode,
        read_file: impl Fn(&Path) -> Result<Vec<u8>, InvalidUrl>,
    ) -> Result<(SslMode, Option<Vec<u8>>), InvalidUrl> {
        let mode = match self.mode.as_deref() {
            Some(text) => SslMode::parse(text).ok_or(InvalidUrl::SslMode)?,
            None => default,
        };
        match self.root_certificates.as_deref() {
            None => Ok((mode, None)),
            Some("system") => Ok((SslMode::VerifyFull, None)),
            Some(path) => {
                let pem = read_file(Path::new(path))?;
                // As libpq does: who names an authority wants it to be asked.
                let mode = if mode == SslMode::Require { SslMode::VerifyCa } else { mode };
                Ok((mode, Some(pem)))
            }
        }
    }
}

fn split_tls(url: &str) -> Result<ConnectionString, InvalidUrl> {
    if url.starts_with("postgres://") || url.starts_with("postgresql://") {
        Ok(split_uri(url))
    } else {
        split_keywords(url)
    }
}

fn split_uri(url: &str) -> ConnectionString {
    let mut tls = TlsWords::default();
    let Some((address, query)) = url.split_once('?') else {
        return ConnectionString { plain: url.to_owned(), tls };
    };
    let kept: Vec<&str> = query
        .split('&')
        .filter(|pair| {
            let (keyword, value) = pair.split_once('=').unwrap_or((pair, ""));
            !tls.take(keyword, &percent_decoded(value))
        })
        .collect();
    let plain =
        if kept.is_empty() { address.to_owned() } else { format!("{address}?{}", kept.join("&")) };
    ConnectionString { plain, tls }
}

fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let hex = after.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        match hex.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) if first == b'%' => {
                bytes.push(byte);
                rest = &after[2..];
            }
            _ => {
                bytes.push(first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// `keyword = value` or `keyword='it''s quoted with \\'`, with white space between.
fn split_keywords(text: &str) -> Result<ConnectionString, InvalidUrl> {
    let mut tls = TlsWords::default();
    let mut plain = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let (keyword, after) = rest
            .split_once('=')
            .ok_or_else(|| InvalidUrl::Syntax("a keyword without a value".to_owned()))?;
        let after = after.trim_start();
        let end = value_end(after);
        let value = after[..end].trim_matches('\'');
        if !tls.take(keyword.trim(), value) {
            plain.push(format!("{}={}", keyword.trim(), &after[..end]));
        }
        rest = after[end..].trim_start();
    }
    Ok(ConnectionString { plain: plain.join(" "), tls })
}

/// How many bytes the value at the start of `text` has, quotes included.
fn value_end(text: &str) -> usize {
    let quoted = text.starts_with('\'');
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(usize::from(quoted)) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '\'' if quoted => return at + 1,
            c if !quoted && c.is_whitespace() => return at,
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests;
