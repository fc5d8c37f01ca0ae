//! Postgres servers, one for each supported major, and a database for each test.

use std::io::{ErrorKind, Write as _};
use std::path::Path;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use tokio_postgres::{Client, NoTls};

use super::server_process::Served;

const SUPPORTED: std::ops::RangeInclusive<u16> = 14..=18;
pub const OLDEST_MAJOR: u16 = *SUPPORTED.start();
pub const NEWEST_MAJOR: u16 = *SUPPORTED.end();

/// The majors to test: all that are supported, or those in `PGPARTITION_TEST_MAJORS`.
pub fn majors() -> Vec<u16> {
    match std::env::var("PGPARTITION_TEST_MAJORS") {
        Ok(list) => list.split([' ', ',']).map(|major| major.parse().unwrap()).collect(),
        Err(_) => SUPPORTED.collect(),
    }
}

/// The oldest and the newest supported major, as far as they are tested.
pub fn oldest_and_newest() -> impl Iterator<Item = u16> {
    majors().into_iter().filter(|major| is_oldest_or_newest(*major))
}

/// Returns whether `major` is the oldest or the newest supported one, whichever are tested.
pub fn is_oldest_or_newest(major: u16) -> bool {
    [OLDEST_MAJOR, NEWEST_MAJOR].contains(&major)
}

/// A server that trusts every connection over loopback.
pub struct Server {
    served: Served,
    databases: AtomicU32,
}

impl Server {
    /// The major of a test that needs one server, of any major.
    pub const DEFAULT_MAJOR: u16 = 17;

    /// The shared server for such a test.
    pub fn of_default_major() -> &'static Self {
        Self::shared(Self::DEFAULT_MAJOR)
    }

    /// The server of this major that all tests of this process share.
    pub fn shared(major: u16) -> &'static Self {
        const COUNT: usize = (NEWEST_MAJOR - OLDEST_MAJOR + 1) as usize;
        static SERVERS: [OnceLock<Server>; COUNT] = [const { OnceLock::new() }; COUNT];
        let index = usize::from(major - OLDEST_MAJOR);
        SERVERS[index].get_or_init(|| Self::start(major, &[]))
    }

    /// Starts a standby of this server, which streams from it.
    pub async fn standby(&self, major: u16) -> Self {
        let client = connect(self.served.address()).await;
        let [start, stop] = if major < 15 {
            ["pg_start_backup('standby', true, false)", "pg_stop_backup(false)"]
        } else {
            ["pg_backup_start('standby', true)", "pg_backup_stop()"]
        };
        client.batch_execute(&format!("SELECT {start}")).await.unwrap();
        let backup = tempfile::tempdir().unwrap();
        copy(self.dir(), backup.path()).unwrap();
        let label = format!("SELECT labelfile FROM {stop}");
        let label: String = client.query_one(&label, &[]).await.unwrap().get(0);
        let primary =
            format!("\nprimary_conninfo = 'host=127.0.0.1 port={} user=postgres'\n", self.port());
        std::fs::write(backup.path().join("backup_label"), label).unwrap();
        std::fs::write(backup.path().join("standby.signal"), "").unwrap();
        let settings = backup.path().join("postgresql.auto.conf");
        let settings = std::fs::OpenOptions::new().append(true).open(settings);
        settings.unwrap().write_all(primary.as_bytes()).unwrap();
        Self::start(major, &["--of", backup.path().to_str().unwrap()])
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
    pub fn dir(&self) -> &Path {
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

    /// Creates a copy of a database without sessions, by copying its files.
    pub async fn copy(&self, template: &Database) -> Database {
        let name = format!("test_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        let client = connect(self.served.address()).await;
        let sql = format!("CREATE DATABASE {name} TEMPLATE {} STRATEGY FILE_COPY", template.name);
        client.batch_execute(&sql).await.unwrap();
        Database { port: self.port(), name }
    }
}

/// A database that belongs to one test.
pub struct Database {
    port: u16,
    name: String,
}

impl Database {
    /// The database of this name on another server, such as a standby.
    pub fn on(&self, server: &Server) -> Self {
        Self { port: server.port(), name: self.name.clone() }
    }

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

/// Copies the data of a server that runs. Files that it removes meanwhile are not part of a backup.
fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if entry.file_name() == "postmaster.pid" {
            continue;
        }
        if entry.file_type()?.is_dir() {
            std::fs::create_dir(&to)?;
            copy(&from, &to)?;
            continue;
        }
        match std::fs::copy(&from, &to) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            Ok(_) | Err(_) => {}
        }
    }
    Ok(())
}
