//! Executes the long-running work of a checked plan, page by page. It decides only the size and the pacing of the pages.
//!
//! Each page is one transaction that also records the progress. If the process or the connection fails, the page is either
//! rolled back or recorded, and the next run continues from the recorded progress. `tests/postgres/conversion_interruption.rs`
//! tests both.

use std::time::{Duration, Instant};

use serde::Deserialize;

use super::authority::{Authority, Certainty, Ruling};
use super::execute::Progress;
use super::pace::{LAG_CHECK_INTERVAL, Pace};
use super::{DatabaseError, ErrorKind, Session, StepFailure, TableLock};
use crate::plan::{CheckedPlan, CompareRows, CopyRows, Work};
use crate::sql::{self, Comparison, LoginRole, Page, Script, Timeouts};

/// Pause after a page that met a lock.
pub(super) const LOCK_RETRY_INTERVAL: Duration = Duration::from_millis(100);

/// Maximum number of rows of a page that a comparison repairs; each takes several statements.
const REPAIRS: u32 = 1_000;

/// Outcome of work.
#[derive(Debug)]
pub struct WorkOutcome {
    /// Executed work.
    pub work: Work,
    /// Number of rows of the source in the pages.
    pub rows: u64,
    /// Number of rows of the copy that differed.
    pub differing: u64,
    /// Number of rows of the copy that were repaired.
    pub repaired: u64,
    /// Duration, including pauses.
    pub took: Duration,
    /// `Ok(true)` if the work is done, `Ok(false)` if its time was over, or why it failed.
    pub result: Result<bool, StepFailure>,
}

impl WorkOutcome {
    /// Returns the outcome before the first page.
    pub(super) fn new(work: Work) -> Self {
        let took = Duration::ZERO;
        Self { work, rows: 0, differing: 0, repaired: 0, took, result: Ok(false) }
    }

    /// Returns whether another page follows.
    fn can_continue(&self) -> bool {
        let may_repair = match &self.work {
            Work::Copy(_) => true,
            Work::Compare(rows) => self.repaired < rows.repairs_left,
        };
        matches!(self.result, Ok(false)) && may_repair
    }
}

/// A committed page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageDone {
    /// Number of rows of the source in the page.
    pub rows: u64,
    /// Number of rows of the copy that differed.
    pub differing: u64,
    /// Number of rows of the copy that the page repaired.
    pub repaired: u64,
    /// Whether this was the last page.
    pub done: bool,
}

/// Result of a page that copies.
#[derive(Deserialize)]
struct Copied {
    #[serde(rename = "copied")]
    rows: u64,
    done: bool,
    blocks: bool,
}

/// Result of a page that compares.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Compared {
    source_rows: u64,
    differing: u64,
    repaired: u64,
    done: bool,
    blocks: bool,
}

/// Executes the work of a plan until it is done, its time is over, a page fails, or the authority revokes the run. Returns
/// `None` if the plan has no work.
pub async fn advance(
    lock: &TableLock<'_>,
    checked: &CheckedPlan,
    timeouts: Timeouts,
    time: Duration,
    authority: &dyn Authority,
    progress: &mut dyn Progress,
) -> Option<WorkOutcome> {
    let work = checked.plan().work.as_ref()?.work.clone();
    let started = Instant::now();
    let mut pacing = Pace::new(&work, timeouts.lock_timeout);
    let mut outcome = WorkOutcome::new(work);
    while started.elapsed() < time && outcome.can_continue() {
        let page = next_page(lock, &outcome.work, &mut pacing, timeouts, authority);
        match page.await {
            Ok(None) => {}
            Ok(Some(page)) => {
                outcome.rows = outcome.rows.saturating_add(page.rows);
                outcome.differing = outcome.differing.saturating_add(page.differing);
                outcome.repaired = outcome.repaired.saturating_add(page.repaired);
                outcome.result = Ok(page.done);
                progress.page_done(&outcome, page);
                tokio::time::sleep(pacing.pause(outcome.rows, started.elapsed())).await;
            }
            Err(failure) => outcome.result = Err(failure),
        }
    }
    outcome.took = started.elapsed();
    Some(outcome)
}

/// Executes a page. Returns `None` if it met a lock or a replica lags. Returns an error if no page succeeded within the retry
/// timeout of a step.
async fn next_page(
    lock: &TableLock<'_>,
    work: &Work,
    pacing: &mut Pace,
    timeouts: Timeouts,
    authority: &dyn Authority,
) -> Result<Option<PageDone>, StepFailure> {
    match authority.ask(Certainty::Known).await {
        Ruling::Granted => {}
        Ruling::Unconfirmed(why) => return Err(StepFailure::Unconfirmed(why)),
        Ruling::Revoked => return Err(StepFailure::Revoked),
    }
    let session = lock.session();
    let login = if session.shows_user() { LoginRole::Shown } else { LoginRole::Hidden };
    if pacing.must_check_lag() && is_replica_lagging(session).await? {
        tokio::time::sleep(LAG_CHECK_INTERVAL).await;
        return Ok(None);
    }
    let page = Page { rows: pacing.rows, statement_timeout: timeouts.lock_timeout, login };
    let began = Instant::now();
    // Interrupted: the page and its cursor are committed or rolled back together. If only the result is lost, the next run
    // reads the recorded progress.
    match session.commit_page_text(&script(work, page)).await {
        Ok(text) => {
            let time = began.elapsed();
            let (page, blocks) = done(work, text.as_deref().unwrap_or_default())?;
            pacing.record_page(time, blocks);
            Ok(Some(page))
        }
        Err(error) if error.is_busy() && pacing.record_lock_timeout() < timeouts.retry_timeout => {
            tokio::time::sleep(LOCK_RETRY_INTERVAL.mul_f64(0.5 + fastrand::f64())).await;
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}

/// Returns whether a replica or another reader of the WAL lags by more than 1 GiB, by the WAL that its slot retains or that it
/// has not flushed. Every role can read the slots. `flush_lsn` is NULL for roles without `pg_read_all_stats`.
/// <https://www.postgresql.org/docs/current/view-pg-replication-slots.html>
/// <https://www.postgresql.org/docs/current/monitoring-stats.html#MONITORING-PG-STAT-REPLICATION-VIEW>
async fn is_replica_lagging(session: &Session) -> Result<bool, DatabaseError> {
    const BEHIND: &str = "SELECT 'yes' FROM (SELECT restart_lsn AS lsn FROM pg_catalog.pg_replication_slots WHERE \
        active UNION ALL SELECT flush_lsn FROM pg_catalog.pg_stat_replication) AS reader WHERE \
        pg_catalog.pg_wal_lsn_diff(pg_catalog.pg_current_wal_lsn(), lsn) OPERATOR(pg_catalog.>) 1073741824 LIMIT 1";
    Ok(session.query_one_text(BEHIND, &[]).await?.is_some())
}

fn script(work: &Work, page: Page) -> Script {
    match work {
        Work::Copy(CopyRows { table, .. }) => sql::copy_page(table, page),
        Work::Compare(CompareRows { table, content, after, .. }) => {
            let comparison = Comparison { content: *content, repairs: REPAIRS, after: *after };
            sql::compare_page(table, page, comparison)
        }
    }
}

#[allow(clippy::needless_pass_by_value, reason = "what map_err passes")]
pub(super) fn invalid_answer(error: serde_json::Error) -> DatabaseError {
    let what = format!("cannot parse the result of a page: {error}");
    DatabaseError::new(ErrorKind::Refused, what)
}

/// Reads the result of a page, and whether the page blocked another session.
fn done(work: &Work, answer: &str) -> Result<(PageDone, bool), DatabaseError> {
    Ok(match work {
        Work::Copy(_) => {
            let Copied { rows, done, blocks } =
                serde_json::from_str(answer).map_err(invalid_answer)?;
            (PageDone { rows, differing: 0, repaired: 0, done }, blocks)
        }
        Work::Compare(_) => {
            let Compared { source_rows, differing, repaired, done, blocks } =
                serde_json::from_str(answer).map_err(invalid_answer)?;
            (PageDone { rows: source_rows, differing, repaired, done }, blocks)
        }
    })
}
