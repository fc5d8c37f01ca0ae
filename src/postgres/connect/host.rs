//! Addresses of servers.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::net::IpAddr;
use std::sync::Arc;

use super::keywords::{Keywords, rejected_keyword};
use super::{DEFAULT_PORT, InvalidUrl, SecretKey, Setting};

/// Address of a server. `Display` and `Debug` show nothing that came from a Secret.
#[derive(Clone)]
pub struct ServerAddress {
    /// A name, an address, or the directory of a Unix socket.
    pub host: Setting<String>,
    /// The address of the host, if it is not asked of the DNS.
    pub address: Option<IpAddr>,
    /// Port of the server.
    pub port: Setting<u16>,
}

impl ServerAddress {
    /// Returns the address of a host that the DNS is asked for.
    #[must_use]
    pub const fn new(host: Setting<String>, port: Setting<u16>) -> Self {
        Self { host, address: None, port }
    }

    /// Returns whether it is the directory of a Unix socket, on which there is no TLS.
    pub(in crate::postgres) fn is_socket(&self) -> bool {
        self.host.expose().starts_with('/')
    }

    pub(super) fn has_secrets(&self) -> bool {
        self.host.secret().is_some() || self.port.secret().is_some()
    }
}

impl fmt::Display for ServerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.host.secret(), self.port.secret()) {
            (None, None) => write!(f, "{}:{}", self.host.expose(), self.port.expose()),
            (None, Some(key)) => write!(f, "{}, at the port that {key} names", self.host.expose()),
            (Some(key), _) => write!(f, "the host that {key} names"),
        }
    }
}

impl fmt::Debug for ServerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl PartialEq for ServerAddress {
    fn eq(&self, other: &Self) -> bool {
        (&self.host, self.address, &self.port) == (&other.host, other.address, &other.port)
    }
}

impl Eq for ServerAddress {}

impl Hash for ServerAddress {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (&self.host, self.address, &self.port).hash(state);
    }
}

/// Returns whether a text is a DNS name, an IP address, or the absolute path of a socket folder.
#[must_use]
pub fn is_host(text: &str) -> bool {
    text.starts_with('/') || text.parse::<IpAddr>().is_ok() || is_dns_name(text)
}

fn is_dns_name(text: &str) -> bool {
    let name = text.strip_suffix('.').unwrap_or(text);
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    name.len() <= 253 && name.split('.').all(is_label)
}

/// Returns the servers that a connection string names: as many as it has hosts.
pub(super) fn servers(
    words: &Keywords,
    key: Option<&Arc<SecretKey>>,
) -> Result<Vec<ServerAddress>, InvalidUrl> {
    let list = |keyword| words.get(keyword).map(|text| text.split(',').map(str::trim).collect());
    let addresses: Vec<&str> = list("hostaddr").unwrap_or_default();
    let hosts: Vec<&str> = list("host").unwrap_or_else(|| addresses.clone());
    let ports: Vec<&str> = list("port").unwrap_or_default();
    if !addresses.is_empty() && addresses.len() != hosts.len() {
        return Err(rejected_keyword("hostaddr", "it has not as many entries as host"));
    }
    if ports.len() > 1 && ports.len() != hosts.len() {
        return Err(rejected_keyword("port", "it has not as many entries as host"));
    }
    let server = |(at, host): (usize, &&str)| {
        let address = match addresses.get(at).copied().filter(|address| !address.is_empty()) {
            Some(address) => {
                let address = address.parse();
                Some(address.map_err(|_| rejected_keyword("hostaddr", "it is not an IP address"))?)
            }
            None => None,
        };
        let port = ports.get(at).or(ports.first()).filter(|port| !port.is_empty());
        let named = address.map(|address: IpAddr| address.to_string()).filter(|_| host.is_empty());
        let host = named.unwrap_or_else(|| (*host).to_owned());
        if host.is_empty() {
            return Err(InvalidUrl::NoHost);
        }
        if !is_host(&host) {
            return Err(InvalidUrl::Host);
        }
        let port = match port {
            Some(port) => Setting::new(number(port)?, key),
            None => Setting::stated(DEFAULT_PORT),
        };
        Ok(ServerAddress { host: Setting::new(host, key), address, port })
    };
    hosts.iter().enumerate().map(server).collect()
}

fn number(port: &str) -> Result<u16, InvalidUrl> {
    let number = port.parse().ok().filter(|port| *port != 0);
    number.ok_or(rejected_keyword("port", "it is not a number between 1 and 65535"))
}
