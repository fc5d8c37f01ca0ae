//! Queries and scripts whose answer is read.

use std::pin::pin;
use std::sync::PoisonError;
use std::sync::atomic::Ordering;

use futures::TryStreamExt;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Row, SimpleQueryMessage, Statement};

use super::{QUERY_DEADLINE, Session};
use crate::postgres::error::DatabaseError;
use crate::sql::{Script, Sql};

impl Session {
    /// Returns the rows of a query. The first use of a text prepares it; each later use is a single round trip.
    ///
    /// # Errors
    /// Returns an error if the server rejects the statement, or does not answer in time.
    pub(in crate::postgres) async fn query(
        &self,
        sql: &'static str,
        parameters: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Row>, DatabaseError> {
        let statement = self.prepared(sql).await?;
        self.within(QUERY_DEADLINE, self.client.query(&statement, parameters)).await
    }

    /// Returns the rows of a query, or `None` if they are larger than this many bytes.
    ///
    /// # Errors
    /// Returns an error if the server refuses, or does not answer in time.
    pub(in crate::postgres) async fn query_up_to(
        &self,
        max_bytes: usize,
        sql: &'static str,
        parameters: &[&(dyn ToSql + Sync)],
    ) -> Result<Option<Vec<Row>>, DatabaseError> {
        let statement = self.prepared(sql).await?;
        let read = async {
            let parameters = parameters.iter().copied();
            let mut stream = pin!(self.client.query_raw(&statement, parameters).await?);
            let (mut rows, mut bytes) = (Vec::new(), 0);
            while let Some(row) = stream.try_next().await? {
                bytes += row.raw_size_bytes();
                if bytes > max_bytes {
                    return Ok(None);
                }
                rows.push(row);
            }
            Ok(Some(rows))
        };
        self.within(QUERY_DEADLINE, read).await
    }

    /// Returns the text in the first column of the only row of a query, or `None` if there is no row or it is
    /// NULL.
    ///
    /// # Errors
    /// Returns an error if the server rejects the statement, or does not answer in time.
    pub async fn query_one_text(
        &self,
        sql: &'static str,
        parameters: &[&(dyn ToSql + Sync)],
    ) -> Result<Option<String>, DatabaseError> {
        let rows = self.query(sql, parameters).await?;
        let text = rows.first().map_or(Ok(None), |row| row.try_get(0));
        text.map_err(|error| self.explain(&error))
    }

    /// Returns the first text of a script of several statements, in one read-only transaction.
    ///
    /// # Errors
    /// Returns an error if the server rejects the statement, or does not answer in time.
    pub async fn query_script_text(
        &self,
        script: &Script,
    ) -> Result<Option<String>, DatabaseError> {
        self.ran_code.store(true, Ordering::Relaxed);
        self.script_text("BEGIN READ ONLY", script, "COMMIT").await
    }

    /// Returns the first text of a script of several statements, in one transaction that is rolled back if one of
    /// them fails.
    ///
    /// # Errors
    /// Returns an error if the server rejects a statement, or does not answer in time; then it is not known
    /// whether the statements were executed.
    pub async fn commit_script_text(
        &self,
        script: &Script,
    ) -> Result<Option<String>, DatabaseError> {
        self.reset().await?;
        self.ran_code.fetch_or(script.runs_as_owner(), Ordering::Relaxed);
        self.script_text("BEGIN", script, "COMMIT").await
    }

    /// Commits a page of a conversion like [`Session::commit_script_text`], but keeps the temporary schema. The next
    /// page uses the procedure there.
    ///
    /// # Errors
    /// Returns an error if the server refuses, or does not answer in time: whether the page was committed is not known
    /// then.
    pub async fn commit_page_text(&self, page: &Script) -> Result<Option<String>, DatabaseError> {
        self.reset_settings().await?;
        self.ran_code.store(true, Ordering::Relaxed);
        self.script_text("BEGIN", page, "COMMIT").await
    }

    /// Sends a page like [`Session::commit_page_text`], as one transaction that changes nothing but temporary tables of
    /// the session.
    ///
    /// # Errors
    /// Returns an error if the server refuses, or does not answer in time.
    pub async fn read_page_text(&self, page: &Script) -> Result<Option<String>, DatabaseError> {
        self.reset_settings().await?;
        self.ran_code.store(true, Ordering::Relaxed);
        self.script_text("BEGIN READ ONLY", page, "COMMIT").await
    }

    /// Returns the first text that a script of several statements returns, as one transaction that is always rolled
    /// back: what it creates, no other session sees.
    ///
    /// # Errors
    /// Returns an error if the server refuses, or does not answer in time.
    pub async fn rolled_back_script_text(
        &self,
        script: &Script,
    ) -> Result<Option<String>, DatabaseError> {
        self.reset().await?;
        self.ran_code.store(true, Ordering::Relaxed);
        self.script_text("BEGIN", script, "ROLLBACK").await
    }

    async fn script_text(
        &self,
        begin: &str,
        script: &Script,
        end: &str,
    ) -> Result<Option<String>, DatabaseError> {
        let statements = script.to_sql();
        let texts: Vec<_> = statements.iter().map(Sql::as_str).collect();
        let text = format!("{begin}; {}; {end}", texts.join("; "));
        let answer = self.within(QUERY_DEADLINE, self.client.simple_query(&text)).await;
        if answer.is_err() {
            self.within(QUERY_DEADLINE, self.client.batch_execute("ROLLBACK")).await?;
        }
        Ok(first_text(&answer?))
    }

    /// Returns the first text that statements of the operator return. They are part of the transaction that is open.
    ///
    /// # Errors
    /// Returns an error if the server refuses, or does not answer in time. The transaction stays open.
    pub(in crate::postgres) async fn text_in_transaction(
        &self,
        sql: &Sql,
    ) -> Result<Option<String>, DatabaseError> {
        let answer = self.within(QUERY_DEADLINE, self.client.simple_query(sql.as_str())).await?;
        Ok(first_text(&answer))
    }

    /// Executes a text that must be one statement: Postgres rejects several in a message of this kind (42601). So text of
    /// another user in it cannot become a statement of its own.
    ///
    /// # Errors
    /// Returns an error if the server refuses, or does not answer in time.
    pub async fn execute_single(&self, sql: &str) -> Result<(), DatabaseError> {
        self.ran_code.store(true, Ordering::Relaxed);
        self.within(QUERY_DEADLINE, self.client.execute(sql, &[])).await.map(drop)
    }

    pub(super) async fn prepared(&self, sql: &'static str) -> Result<Statement, DatabaseError> {
        self.reset().await?;
        let known = self.prepared.lock().unwrap_or_else(PoisonError::into_inner).get(sql).cloned();
        if let Some(statement) = known {
            return Ok(statement);
        }
        let statement = self.within(QUERY_DEADLINE, self.client.prepare(sql)).await?;
        let mut prepared = self.prepared.lock().unwrap_or_else(PoisonError::into_inner);
        prepared.insert(sql, statement.clone());
        Ok(statement)
    }
}

fn first_text(answer: &[SimpleQueryMessage]) -> Option<String> {
    answer.iter().find_map(|message| {
        let SimpleQueryMessage::Row(row) = message else { return None };
        row.get(0).map(str::to_owned)
    })
}
