//! Advances the work of a checked plan, page by page. It decides how much to do at once, and nothing else.
//!
//! Each page is one transaction, which also records how far it got. The process can die, or the connection can break,
//! at any point: the page is rolled back, or it is recorded, and the next run goes on there.

use std::time::{Duration, Instant};

use serde::Deserialize;

use super::authority::{Authority, Certainty, Ruling};
use super::execute::Progress;
use super::{DatabaseError, ErrorKind, Session, StepFailure, TableLock};
use crate::plan::{CheckedPlan, CompareRows, CopyRows, Work};
use crate::sql::{self, Comparison, LoginRole, Page, Script, Timeouts};

/// Rows of the first page, of the smallest, and of the largest.
const FIRST_PAGE: u32 = 1_000;
const SMALLEST_PAGE: u32 = 100;
const LARGEST_PAGE: u32 = 50_000;

/// A page that takes less time than the first of these is followed by a larger one, a page that takes more than the second
/// by a smaller one.
const PAGE_TIME: (Duration, Duration) = (Duration::from_millis(50), Duration::from_millis(100));

/// The pause while a replica lags, and the time after which it is asked again whether one does.
const LAG_PAUSE: Duration = Duration::from_secs(1);

/// The pause after a page that met a lock.
const PAUSE: Duration = Duration::from_millis(100);

/// The rows of a page that a comparison repairs at most, each of which takes statements of its own.
const REPAIRS: u32 = 1_000;

/// What became of work.
#[derive(Debug)]
pub struct WorkOutcome {
    /// The work.
    pub work: Work,
    /// Rows of the source that the pages had.
    pub rows: u64,
    /// Rows of the copy that differed.
    pub differing: u64,
    /// Rows of the copy that were repaired.
    pub repaired: u64,
    /// How long it took, pauses included.
    pub took: Duration,
    /// Whether the work is done, or why it ended before; `Ok(false)` if its time was over.
    pub result: Result<bool, StepFailure>,
}

impl WorkOutcome {
    /// Returns whether another page comes.
    fn goes_on(&self) -> bool {
        let may_repair = match &self.work {
            Work::Copy(_) => true,
            Work::Compare(rows) => self.repaired < rows.repairs_left,
        };
        matches!(self.result, Ok(false)) && may_repair
    }
}

/// A page that was committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageDone {
    /// Rows of the source that it had.
    pub rows: u64,
    /// Rows of the copy that differed.
    pub differing: u64,
    /// Rows of the copy that it repaired.
    pub repaired: u64,
    /// Whether it was the last one.
    pub done: bool,
}

/// The answer of a page that copies.
#[derive(Deserialize)]
struct Copied {
    copied: u64,
    done: bool,
}

/// The answer of a page that compares.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Compared {
    source_rows: u64,
    differing: u64,
    repaired: u64,
    done: bool,
}

/// Advances the work of a plan until it is done, the time is over, a page fails, or the authority revokes. Returns `None`
/// if the plan has no work.
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
    let mut tempo = Pace::new(&work);
    let mut outcome = WorkOutcome {
        work,
        rows: 0,
        differing: 0,
        repaired: 0,
        took: Duration::ZERO,
        result: Ok(false),
    };
    while started.elapsed() < time && outcome.goes_on() {
        let page = next_page(lock, &outcome.work, &mut tempo, timeouts, authority);
        match page.await {
            Ok(None) => {}
            Ok(Some(page)) => {
                outcome.rows = outcome.rows.saturating_add(page.rows);
                outcome.differing = outcome.differing.saturating_add(page.differing);
                outcome.repaired = outcome.repaired.saturating_add(page.repaired);
                outcome.result = Ok(page.done);
                progress.worked(&outcome, page);
                tempo.throttle(outcome.rows, started.elapsed()).await;
            }
            Err(failure) => outcome.result = Err(failure),
        }
    }
    outcome.took = started.elapsed();
    Some(outcome)
}

/// Does a page, or returns `None` if it met a lock or a replica lags behind. It fails if no page succeeded for as long as a
/// step is retried.
async fn next_page(
    lock: &TableLock<'_>,
    work: &Work,
    tempo: &mut Pace,
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
    if tempo.is_due_to_ask() && is_wal_retained(session).await? {
        tokio::time::sleep(LAG_PAUSE).await;
        return Ok(None);
    }
    let page = Page { rows: tempo.rows, statement_timeout: timeouts.lock_timeout, login };
    let began = Instant::now();
    // Interrupted: the page is all or nothing, and its cursor with it. If only the answer is lost, the next run finds it
    // recorded.
    match session.commit_page_text(&script(work, page)).await {
        Ok(text) => {
            tempo.took(began.elapsed());
            Ok(Some(done(work, text.as_deref().unwrap_or_default())?))
        }
        Err(error) if error.is_busy() && tempo.met_lock() < timeouts.patience => {
            tokio::time::sleep(PAUSE.mul_f64(0.5 + fastrand::f64())).await;
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}

/// Returns whether a replica, or another reader of the WAL, lags so far behind that its slot retains more than 1 GiB. A
/// role without privileges sees no more of a replica than that.
/// <https://www.postgresql.org/docs/current/view-pg-replication-slots.html>
async fn is_wal_retained(session: &Session) -> Result<bool, DatabaseError> {
    const RETAINED: &str = "SELECT 'yes' FROM pg_catalog.pg_replication_slots WHERE active AND \
        pg_catalog.pg_wal_lsn_diff(pg_catalog.pg_current_wal_lsn(), restart_lsn) OPERATOR(pg_catalog.>) 1073741824 \
        LIMIT 1";
    Ok(session.query_one_text(RETAINED, &[]).await?.is_some())
}

fn script(work: &Work, page: Page) -> Script {
    match work {
        Work::Copy(CopyRows { table, .. }) => sql::copy_page(table, page),
        Work::Compare(CompareRows { table, content, .. }) => {
            sql::compare_page(table, page, Comparison { content: *content, repairs: REPAIRS })
        }
    }
}

fn done(work: &Work, answer: &str) -> Result<PageDone, DatabaseError> {
    let misread = |error| {
        DatabaseError::new(
            ErrorKind::Refused,
            format!("the answer of a page is not understood: {error}"),
        )
    };
    Ok(match work {
        Work::Copy(_) => {
            let Copied { copied, done } = serde_json::from_str(answer).map_err(misread)?;
            PageDone { rows: copied, differing: 0, repaired: 0, done }
        }
        Work::Compare(_) => {
            let Compared { source_rows, differing, repaired, done } =
                serde_json::from_str(answer).map_err(misread)?;
            PageDone { rows: source_rows, differing, repaired, done }
        }
    })
}

/// How many rows the next page has, and how fast pages may follow each other.
struct Pace {
    rows: u32,
    max_rows_per_second: Option<u32>,
    /// The first of the pages in a row that met a lock.
    blocked_since: Option<Instant>,
    /// When the replicas were asked about last.
    asked_at: Option<Instant>,
}

impl Pace {
    fn new(work: &Work) -> Self {
        let max_rows_per_second = match work {
            Work::Copy(copy) => copy.max_rows_per_second,
            Work::Compare(_) => None,
        };
        let rows = max_rows_per_second.unwrap_or(FIRST_PAGE).clamp(1, FIRST_PAGE);
        Self { rows, max_rows_per_second, blocked_since: None, asked_at: None }
    }

    /// Returns whether the replicas have to be asked about again.
    fn is_due_to_ask(&mut self) -> bool {
        let is_due = self.asked_at.is_none_or(|at| at.elapsed() >= LAG_PAUSE);
        if is_due {
            self.asked_at = Some(Instant::now());
        }
        is_due
    }

    fn took(&mut self, time: Duration) {
        self.blocked_since = None;
        let (short, long) = PAGE_TIME;
        if time < short {
            self.resize(self.rows.saturating_add(self.rows / 2).saturating_add(1));
        } else if time > long {
            self.resize(self.rows / 2);
        }
    }

    /// Returns for how long no page has succeeded.
    fn met_lock(&mut self) -> Duration {
        self.resize(self.rows / 2);
        self.blocked_since.get_or_insert_with(Instant::now).elapsed()
    }

    /// A page has no more rows than a second may have.
    fn resize(&mut self, rows: u32) {
        let largest = self.max_rows_per_second.unwrap_or(LARGEST_PAGE).clamp(1, LARGEST_PAGE);
        self.rows = rows.clamp(SMALLEST_PAGE.min(largest), largest);
    }

    /// Waits until so many rows may have been copied.
    async fn throttle(&self, rows: u64, elapsed: Duration) {
        let Some(limit) = self.max_rows_per_second.filter(|limit| *limit > 0) else { return };
        let millis = rows.saturating_mul(1_000) / u64::from(limit);
        let wait = Duration::from_millis(millis).saturating_sub(elapsed);
        tokio::time::sleep(wait).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pace(max_rows_per_second: Option<u32>) -> Pace {
        Pace { rows: FIRST_PAGE, max_rows_per_second, blocked_since: None, asked_at: None }
    }

    #[test]
    fn pages_are_sized_by_time() {
        let mut pace = pace(None);
        pace.took(Duration::from_millis(10));
        assert_eq!(pace.rows, 1_501);
        pace.took(Duration::from_millis(70));
        assert_eq!(pace.rows, 1_501);
        pace.took(Duration::from_millis(200));
        assert_eq!(pace.rows, 750);
        for _ in 0..10 {
            pace.met_lock();
        }
        assert_eq!(pace.rows, SMALLEST_PAGE);
        for _ in 0..100 {
            pace.took(Duration::ZERO);
        }
        assert_eq!(pace.rows, LARGEST_PAGE);
    }

    #[test]
    fn page_has_no_more_rows_than_a_second_may_have() {
        let mut pace = pace(Some(20));
        for time in [Duration::ZERO, Duration::from_secs(1), Duration::ZERO] {
            pace.took(time);
            assert!(pace.rows <= 20, "{}", pace.rows);
        }
    }
}
