//! Postgres servers, one for each supported major, and a database for each test.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use tokio_postgres::{Client, NoTls};

use super::served::Served;

const SUPPORTED: std::ops::RangeInclusive<u16> = 14..=18;

/// The majors to test: all that are supported, or those in `PGPARTITION_TEST_MAJORS`.
pub fn majors() -> Vec<u16> {
    match std::env::var("PGPARTITION_TEST_MAJORS") {
        Ok(list) => list.split([' ', ',']).map(|major| major.parse().unwrap()).collect(),
        Err(_) => SUPPORTED.collect(),
    }
}

/// A server that trusts everybody who comes over loopback.
pub struct Server {
    served: Served,
    databases: AtomicU32,
}

impl Server {
    /// The server of this major that all tests of this process share.
    pub fn shared(major: u16) -> &'static Self {
        static SERVERS: [OnceLock<Server>; 5] = [const { OnceLock::new() }; 5];
        let index = usize::from(major - SUPPORTED.start());
        SERVERS[index].get_or_init(|| Self::start(major, &[]))
    }

    /// A server of one's own, to be killed or to have other options (`-c`, `name=value`, ...).
    pub fn start(major: u16, options: &[&str]) -> Self {
        let variable = "PGPARTITION_POSTGRES";
        let binaries = super::tool("postgres", variable);
        let served = Served::start(
            "serve-postgres",
            (variable, binaries.as_os_str()),
            &[&major.to_string()],
            options,
        );
        Self { served, databases: AtomicU32::new(0) }
    }

    pub fn port(&self) -> u16 {
        let (_, after) = self.served.address().rsplit_once(':').unwrap();
        after.split_once('/').unwrap().0.parse().unwrap()
    }

    /// The process id of the postmaster.
    pub fn pid(&self) -> u32 {
        self.served.pid("postmaster.pid")
    }

    /// The folder of its data.
    pub fn dir(&self) -> &std::path::Path {
        self.served.dir()
    }

    /// Kills the server and starts it again, on the same port and with the same data.
    pub fn restart(&mut self) {
        self.served.restart();
    }

    /// Creates an empty database.
    pub async fn database(&self) -> Database {
        let name = format!("test_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        let client = connect(self.served.address()).await;
        client.batch_execute(&format!("CREATE DATABASE {name}")).await.unwrap();
        Database { port: self.port(), name }
    }
}

/// A database that belongs to one test.
pub struct Database {
    port: u16,
    name: String,
}

impl Database {
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The address for the superuser.
    pub fn url(&self) -> String {
        self.url_as("postgres")
    }

    pub fn url_as(&self, user: &str) -> String {
        self.url_through(self.port, user)
    }

    /// The address by way of another port, such as that of a proxy.
    pub fn url_through(&self, port: u16, user: &str) -> String {
        format!("postgres://{user}@127.0.0.1:{port}/{}", self.name)
    }

    /// A connection as superuser.
    pub async fn client(&self) -> Client {
        connect(&self.url()).await
    }

    pub async fn client_as(&self, user: &str) -> Client {
        connect(&self.url_as(user)).await
    }
}

async fn connect(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}
