//! The part of `verify` about rows: compares those of both tables of a conversion, and changes nothing.
//!
//! It needs no lock on the table: what it reads of a page is one snapshot, and the triggers write in the transaction of
//! the application. Interrupted: the server ends the page, and what the session created is temporary.

use std::time::Instant;

use serde::Deserialize;

use super::execute::Progress;
use super::pace::Pace;
use super::work::{LOCK_RETRY_INTERVAL, PageDone, WorkOutcome, invalid_answer};
use super::{DatabaseError, Session};
use crate::plan::{CompareRows, Work};
use crate::sql::{self, LoginRole, Page, Timeouts};

/// Result of a comparison.
#[derive(Debug, Default)]
pub struct Verified {
    /// Rows of the plain table.
    pub rows_source: u64,
    /// Rows of the partitioned table.
    pub rows_partitioned: u64,
    /// Rows that one table lacks, or that have other content.
    pub difference_rows: u64,
    /// Number of pages.
    pub pages: u64,
    /// Pages with rows that differ.
    pub mismatched_pages: u64,
    /// The first rows that differ, as many as were asked for.
    pub rows: Vec<DifferingRow>,
}

/// A row that differs. It is data of the user.
#[derive(Debug)]
pub struct DifferingRow {
    /// `missing` or `extra` in the partitioned table, whichever of the two tables serves, or `different`.
    pub difference: String,
    /// Values of the key of the copy, as text, in its order.
    pub key: Vec<String>,
}

/// The answer of a page.
#[derive(Deserialize)]
struct Answer {
    source_rows: u64,
    copy_rows: u64,
    differing: u64,
    keys: Option<Vec<Vec<String>>>,
    done: bool,
}

/// Compares all rows, page by page. It lists up to `max_listed` rows that differ.
///
/// # Errors
/// Returns an error if the database refuses, or if pages met a lock for as long as a step is retried.
pub async fn verify_rows(
    session: &Session,
    rows: &CompareRows,
    max_listed: u32,
    timeouts: Timeouts,
    progress: &mut dyn Progress,
) -> Result<Verified, DatabaseError> {
    let mut outcome = WorkOutcome::new(Work::Compare(rows.clone()));
    let mut pacing = Pace::new(&outcome.work, timeouts.lock_timeout);
    let mut verified = Verified::default();
    session.reset().await?;
    session
        .commit_page_text(&sql::begin_verify(&rows.table, page(session, &pacing, timeouts)))
        .await?;
    loop {
        let listed = u32::try_from(verified.rows.len()).unwrap_or(max_listed);
        let page = page(session, &pacing, timeouts);
        let script = sql::verify_page(&rows.table, page, max_listed.saturating_sub(listed));
        let began = Instant::now();
        match session.read_page_text(&script).await {
            Ok(text) => {
                // It locks no row, so that no write waits for it.
                pacing.record_page(began.elapsed(), false);
                let answer: Answer = serde_json::from_str(text.as_deref().unwrap_or_default())
                    .map_err(invalid_answer)?;
                let done = verified.add(answer);
                outcome.rows = verified.rows_source;
                progress.page_done(&outcome, done);
                if done.done {
                    return Ok(verified);
                }
            }
            Err(error)
                if error.is_busy() && pacing.record_lock_timeout() < timeouts.retry_timeout =>
            {
                tokio::time::sleep(LOCK_RETRY_INTERVAL.mul_f64(0.5 + fastrand::f64())).await;
            }
            Err(error) => return Err(error),
        }
    }
}

fn page(session: &Session, pacing: &Pace, timeouts: Timeouts) -> Page {
    let login = if session.shows_user() { LoginRole::Shown } else { LoginRole::Hidden };
    Page { rows: pacing.rows, statement_timeout: timeouts.lock_timeout, login }
}

impl Verified {
    fn add(&mut self, answer: Answer) -> PageDone {
        let Answer { source_rows, copy_rows, differing, keys, done } = answer;
        self.rows_source = self.rows_source.saturating_add(source_rows);
        self.rows_partitioned = self.rows_partitioned.saturating_add(copy_rows);
        self.difference_rows = self.difference_rows.saturating_add(differing);
        self.pages = self.pages.saturating_add(1);
        self.mismatched_pages = self.mismatched_pages.saturating_add(u64::from(differing > 0));
        let rows = keys.into_iter().flatten().filter_map(|row| {
            let mut row = row.into_iter();
            Some(DifferingRow { difference: row.next()?, key: row.collect() })
        });
        self.rows.extend(rows);
        PageDone { rows: source_rows, differing, repaired: 0, done }
    }
}
