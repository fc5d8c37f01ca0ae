//! Address of a server, independent of its spelling.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::net::lookup_host;
use tokio::time::timeout;

use super::lock;
use crate::postgres::ServerAddress;

/// Time for which a name leads where it led.
const LOOKUP_TTL: Duration = Duration::from_secs(5);

/// Longest wait for a name server. A name without an answer counts as spelled.
const LOOKUP_TIMEOUT: Duration = Duration::from_secs(2);

/// One place where a server listens.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum ResolvedAddress {
    Address(SocketAddr),
    /// The folder of a Unix socket, or a name that leads nowhere now.
    Name(String, u16),
}

/// Looks up names, each once in a few seconds.
#[derive(Default)]
pub(super) struct Resolver {
    names: Mutex<HashMap<ServerAddress, Arc<Lookup>>>,
}

/// The last answer and when it came. Locked while the name is looked up: others wait for the answer.
type Lookup = tokio::sync::Mutex<Option<(Vec<ResolvedAddress>, Instant)>>;

impl Resolver {
    /// Returns the places of all these addresses, in an order that does not depend on theirs.
    pub(super) async fn places(&self, servers: &[ServerAddress]) -> Vec<ResolvedAddress> {
        let mut places = Vec::new();
        for server in servers {
            places.extend(self.places_of(server).await);
        }
        places.sort();
        places.dedup();
        places
    }

    async fn places_of(&self, server: &ServerAddress) -> Vec<ResolvedAddress> {
        if server.is_socket() {
            return vec![spelled(server)];
        }
        let (host, port) = (server.host.expose().as_str(), *server.port.expose());
        if let Some(address) = server.address.or_else(|| host.parse().ok()) {
            return vec![resolved_address(SocketAddr::new(address, port))];
        }
        let known = Arc::clone(lock(&self.names).entry(server.clone()).or_default());
        let mut known = known.lock().await;
        if let Some((places, since)) = &*known
            && since.elapsed() < LOOKUP_TTL
        {
            return places.clone();
        }
        let looked_up = timeout(LOOKUP_TIMEOUT, lookup_host((host, port))).await;
        let mut places: Vec<ResolvedAddress> = match looked_up {
            Ok(Ok(found)) => found.map(resolved_address).collect(),
            Ok(Err(_)) | Err(_) => Vec::new(),
        };
        if places.is_empty() {
            places.push(spelled(server));
        }
        *known = Some((places.clone(), Instant::now()));
        places
    }

    /// Forgets names that were not looked up lately.
    pub(super) fn clean_up(&self) {
        lock(&self.names).retain(|_, known| {
            let is_fresh = |known: &Option<(Vec<ResolvedAddress>, Instant)>| {
                known.as_ref().is_some_and(|(_, since)| since.elapsed() < LOOKUP_TTL)
            };
            known.try_lock().map_or(true, |known| is_fresh(&known))
        });
    }
}

fn spelled(server: &ServerAddress) -> ResolvedAddress {
    let host = server.host.expose().trim_end_matches('.').to_ascii_lowercase();
    ResolvedAddress::Name(host, *server.port.expose())
}

/// The two loopback addresses are one machine.
fn resolved_address(address: SocketAddr) -> ResolvedAddress {
    let ip = address.ip().to_canonical();
    let ip = if ip.is_loopback() { IpAddr::V4(Ipv4Addr::LOCALHOST) } else { ip };
    ResolvedAddress::Address(SocketAddr::new(ip, address.port()))
}
