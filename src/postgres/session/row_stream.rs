//! Rows of a query that the caller reads one at a time.

use std::pin::Pin;
use std::time::{Duration, Instant};

use futures::TryStreamExt as _;
use tokio::time::timeout;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Row, RowStream};

use super::{QUERY_DEADLINE, Session};
use crate::postgres::error::DatabaseError;

/// Rows of a running query. The server continues the query while the caller uses a row, until the connection has no room for
/// further rows.
///
/// If the caller drops it, the session reads the remaining rows before the answer to its next request.
pub(in crate::postgres) struct Rows<'a> {
    session: &'a Session,
    stream: Pin<Box<RowStream>>,
    /// Remaining time to wait for the server. The time that the caller takes for a row does not count.
    wait: Duration,
}

impl Session {
    /// Starts a query. The first use of a text prepares it; each later use is a single round trip.
    ///
    /// # Errors
    /// Returns an error if the server rejects the statement, or does not respond in time.
    pub(in crate::postgres) async fn stream(
        &self,
        sql: &'static str,
        parameters: &[&(dyn ToSql + Sync)],
    ) -> Result<Rows<'_>, DatabaseError> {
        let statement = self.prepared(sql).await?;
        let parameters = parameters.iter().copied();
        let begun = self.client.query_raw(&statement, parameters);
        let stream = Box::pin(self.within(QUERY_DEADLINE, begun).await?);
        Ok(Rows { session: self, stream, wait: QUERY_DEADLINE })
    }
}

impl Rows<'_> {
    /// Returns the next row, or `None` after the last one.
    ///
    /// # Errors
    /// Returns an error if the statement failed, or if the waits for the server took too long; then the session is lost.
    pub(in crate::postgres) async fn next(&mut self) -> Result<Option<Row>, DatabaseError> {
        let started = Instant::now();
        let row = timeout(self.wait, self.stream.try_next()).await;
        self.wait = self.wait.saturating_sub(started.elapsed());
        match row {
            Ok(row) => row.map_err(|error| self.session.explain(&error)),
            Err(_) => Err(self.session.abandon(QUERY_DEADLINE).await),
        }
    }
}
