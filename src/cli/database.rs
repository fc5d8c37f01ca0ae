//! The database that a command is about.

use anyhow::Context as _;
use clap::Args;

use crate::postgres::{ConnectionSettings, Session};

/// Address of the database.
#[derive(Debug, Args)]
pub(super) struct Database {
    #[arg(help = "The database, such as postgres://user@host/dbname?sslmode=verify-full")]
    #[arg(long, value_name = "URL", env = "DATABASE_URL", hide_env_values = true)]
    database_url: Option<String>,
}

impl Database {
    pub(super) async fn connect(&self) -> anyhow::Result<Session> {
        let url = self.database_url.as_deref();
        let url = url.context("no database: give --database-url or set DATABASE_URL")?;
        let settings = ConnectionSettings::from_url(url)?;
        Session::connect(&settings).await.context("cannot connect to the database")
    }
}
