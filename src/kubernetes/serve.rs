//! HTTP connections, limited in number and time. The paths are in `http.rs`.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::pin;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::AbortHandle;
use tokio::time::{sleep, timeout};

/// Time for the whole head of a request, and for which a connection may be idle.
const HEADER_TIMEOUT: Duration = Duration::from_secs(5);

/// Time after which a connection takes no further request.
const MAX_CONNECTION_AGE: Duration = Duration::from_mins(5);

/// Time for the last answer of a connection.
const LAST_ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

/// Connections at the same time. A further one closes the oldest, so that a flood of them does not
/// keep out the probes of the kubelet.
const MAX_CONNECTIONS: usize = 256;

/// Linux' number for an address family that is not supported, which the standard library does not name.
const EAFNOSUPPORT: i32 = 97;

/// Time until the next try if no connection can be accepted.
const ACCEPT_RETRY_INTERVAL: Duration = Duration::from_millis(100);

/// Listens on an address. If that is every address and the kernel has no IPv6, every one of IPv4.
pub(super) async fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    match TcpListener::bind(address).await {
        Err(error) if address.ip() == Ipv6Addr::UNSPECIFIED && has_no_ipv6(&error) => {
            TcpListener::bind((Ipv4Addr::UNSPECIFIED, address.port())).await
        }
        bound => bound,
    }
}

/// Returns whether an error means that there is no IPv6: not in the kernel, or without an address.
fn has_no_ipv6(error: &io::Error) -> bool {
    error.raw_os_error() == Some(EAFNOSUPPORT) || error.kind() == io::ErrorKind::AddrNotAvailable
}

/// Answers until the process ends.
pub(super) async fn serve(listener: TcpListener, router: Router) -> Infallible {
    let mut connections = VecDeque::<AbortHandle>::new();
    loop {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            // Too many open files, or the client is gone already.
            Err(error) => {
                tracing::debug!(%error, "could not accept a connection");
                sleep(ACCEPT_RETRY_INTERVAL).await;
                continue;
            }
        };
        connections.retain(|connection| !connection.is_finished());
        if connections.len() >= MAX_CONNECTIONS
            && let Some(oldest) = connections.pop_front()
        {
            oldest.abort();
        }
        let answered = tokio::spawn(answer(stream, router.clone()));
        connections.push_back(answered.abort_handle());
    }
}

/// Answers the requests of one connection.
async fn answer(stream: TcpStream, router: Router) {
    let mut server = http1::Builder::new();
    server.timer(TokioTimer::new()).header_read_timeout(HEADER_TIMEOUT);
    let service = TowerToHyperService::new(router);
    let mut connection = pin!(server.serve_connection(TokioIo::new(stream), service));
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = sleep(MAX_CONNECTION_AGE) => {
            connection.as_mut().graceful_shutdown();
            timeout(LAST_ANSWER_TIMEOUT, connection).await.unwrap_or(Ok(()))
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended");
    }
}
