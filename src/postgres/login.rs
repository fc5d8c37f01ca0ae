//! Which of several servers a session is opened to.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use tokio::net::lookup_host;
use tokio::time::timeout;

use super::connect::{ConnectionSettings, ServerAddress, TargetSession};
use super::error::{DatabaseError, ErrorKind};
use super::session::Session;
use super::{refusal, tls};

/// The longest that all servers together may take to answer.
const LOGIN_TIMEOUT: Duration = Duration::from_secs(30);

/// Facts found so far.
#[derive(Default)]
struct Search {
    /// A session that is taken if there is no better one.
    second_choice: Option<Session>,
    /// Why the first server was not taken.
    failure: Option<DatabaseError>,
}

/// Opens a session to the first server that answers and is as `target_session_attrs` asks.
pub(super) async fn open(settings: &ConnectionSettings) -> Result<Session, DatabaseError> {
    let tls = tls::connector(settings)?;
    let until = Instant::now() + LOGIN_TIMEOUT;
    let left = || {
        let left = until.saturating_duration_since(Instant::now());
        settings.transport.connect_timeout.min(left)
    };
    let target = target(settings);
    let mut search = Search::default();
    for server in in_order(&settings.servers, settings.transport.random_order) {
        let addresses = match addresses(server, settings, left()).await {
            Ok(addresses) => addresses,
            Err(error) => {
                search.failure.get_or_insert(error);
                continue;
            }
        };
        for address in in_order(&addresses, settings.transport.random_order) {
            let opening = Session::open(settings, server, *address, &tls);
            let limit = left();
            let opened = timeout(limit, opening).await.unwrap_or_else(|_| Err(silent(limit)));
            match opened {
                Ok((session, state)) if target.is_met_by(state) => return Ok(session),
                Ok((session, _)) if target.is_preference() => {
                    search.second_choice.get_or_insert(session);
                }
                Ok(_) => {
                    search.failure.get_or_insert_with(|| not_as_asked(target));
                }
                // A server that answers and refuses is the one that is meant, as in libpq.
                Err(error) if is_reachable(&error) => return Err(error),
                Err(error) => {
                    search.failure.get_or_insert(error);
                }
            }
        }
    }
    let Search { second_choice, failure } = search;
    second_choice.ok_or_else(|| failure.unwrap_or_else(|| silent(LOGIN_TIMEOUT)))
}

/// If several servers are named without a word, the one that takes writes is wanted.
fn target(settings: &ConnectionSettings) -> TargetSession {
    let usual = match settings.servers.len() {
        0 | 1 => TargetSession::Any,
        _ => TargetSession::PreferReadWrite,
    };
    settings.target.unwrap_or(usual)
}

fn in_order<T>(all: &[T], random: bool) -> Vec<&T> {
    let mut all: Vec<_> = all.iter().collect();
    if random {
        fastrand::shuffle(&mut all);
    }
    all
}

/// Returns the addresses of a host; `None` for a socket.
async fn addresses(
    server: &ServerAddress,
    settings: &ConnectionSettings,
    limit: Duration,
) -> Result<Vec<Option<IpAddr>>, DatabaseError> {
    let host = server.host.expose().as_str();
    if server.is_socket() {
        return Ok(vec![None]);
    }
    if let Some(address) = server.address.or_else(|| host.parse().ok()) {
        return Ok(vec![Some(address)]);
    }
    let unreachable = |message| DatabaseError::new(ErrorKind::Unreachable, message);
    match timeout(limit, lookup_host((host, *server.port.expose()))).await {
        Ok(Ok(found)) => Ok(found.map(|address| Some(address.ip())).collect()),
        Ok(Err(error)) if settings.has_secrets() => Err(unreachable(refusal::io_message(&error))),
        Ok(Err(error)) => Err(unreachable(error.to_string())),
        Err(_) => Err(silent(limit)),
    }
}

fn silent(limit: Duration) -> DatabaseError {
    let message = format!("no answer within {} s", limit.as_secs_f32().ceil());
    DatabaseError::new(ErrorKind::Unreachable, message)
}

fn not_as_asked(target: TargetSession) -> DatabaseError {
    let message = format!("no server is as target_session_attrs={} asks", target.word());
    DatabaseError::new(ErrorKind::Refused, message)
}

fn is_reachable(error: &DatabaseError) -> bool {
    match error.kind() {
        ErrorKind::AuthenticationFailed
        | ErrorKind::Denied
        | ErrorKind::Refused
        | ErrorKind::Changed
        | ErrorKind::Busy
        | ErrorKind::TooSlow
        | ErrorKind::Pooled
        | ErrorKind::Tls => true,
        ErrorKind::Unreachable | ErrorKind::Lost => false,
    }
}
