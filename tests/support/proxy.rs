//! A TCP proxy that breaks connections on demand.

use std::net::Ipv4Addr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Treatment of connections, including open ones.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Mode {
    Pass,
    /// Accept and buffer everything; the buffer passes in a later mode.
    Hang,
    /// Refuse new connections and close the open ones.
    Refuse,
    /// Close a connection after this many more bytes from the client.
    CutRequest(usize),
    /// Close a connection after this many more bytes to the client.
    CutAnswer(usize),
    /// End connections with a reset.
    Reset,
}

/// A proxy, which ends with this value, and its connections with it.
pub struct Proxy {
    port: u16,
    target: watch::Sender<u16>,
    mode: watch::Sender<Mode>,
    /// Empty while connections are refused.
    accepting: JoinSet<()>,
}

impl Proxy {
    /// A proxy that passes everything to a port of this machine.
    pub async fn start(target: u16) -> Self {
        let listener = listen(0).await;
        let port = listener.local_addr().unwrap().port();
        let mut proxy = Self {
            port,
            target: watch::Sender::new(target),
            mode: watch::Sender::new(Mode::Pass),
            accepting: JoinSet::new(),
        };
        proxy.accept(listener);
        proxy
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// Leads new connections to another port, as a DNS name or a Service does. Open ones stay.
    pub fn lead_to(&mut self, target: u16) {
        self.target.send_replace(target);
    }

    /// Changes the mode. New connections find it in force on return, open ones very soon.
    pub async fn set(&mut self, mode: Mode) {
        self.mode.send_replace(mode);
        if mode == Mode::Refuse {
            self.accepting.shutdown().await;
        } else if self.accepting.is_empty() {
            self.accept(listen(self.port).await);
        }
    }

    fn accept(&mut self, listener: TcpListener) {
        let (target, mode) = (self.target.subscribe(), self.mode.subscribe());
        self.accepting.spawn(async move {
            loop {
                let (client, _) = listener.accept().await.unwrap();
                let target = *target.borrow();
                tokio::spawn(serve(client, target, mode.clone()));
            }
        });
    }
}

async fn listen(port: u16) -> TcpListener {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.unwrap()
}

async fn serve(mut client: TcpStream, target: u16, mut mode: watch::Receiver<Mode>) {
    if mode.wait_for(|mode| *mode != Mode::Hang).await.is_ok()
        && let Ok(mut server) = TcpStream::connect((Ipv4Addr::LOCALHOST, target)).await
    {
        let (requests, to_client) = client.split();
        let (answers, to_server) = server.split();
        // Whichever way ends first, and why, both connections end.
        tokio::select! {
            _ = relay(requests, to_server, mode.clone(), request_limit) => {}
            _ = relay(answers, to_client, mode.clone(), answer_limit) => {}
        }
    }
    if *mode.borrow() == Mode::Reset {
        client.set_zero_linger().unwrap();
    }
}

fn request_limit(mode: Mode) -> usize {
    if let Mode::CutRequest(bytes) = mode { bytes } else { usize::MAX }
}

fn answer_limit(mode: Mode) -> usize {
    if let Mode::CutAnswer(bytes) = mode { bytes } else { usize::MAX }
}

async fn relay(
    mut from: ReadHalf<'_>,
    mut to: WriteHalf<'_>,
    mut mode: watch::Receiver<Mode>,
    limit: fn(Mode) -> usize,
) -> anyhow::Result<()> {
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let now = *mode.wait_for(|mode| *mode != Mode::Hang).await?;
        if matches!(now, Mode::Refuse | Mode::Reset) {
            return Ok(());
        }
        let mut left = limit(now);
        loop {
            tokio::select! {
                biased;
                changed = mode.changed() => { changed?; break }
                read = from.read(&mut buffer) => {
                    let passed = read?.min(left);
                    to.write_all(&buffer[..passed]).await?;
                    left -= passed;
                    if passed == 0 || left == 0 {
                        return Ok(());
                    }
                }
            }
        }
    }
}
