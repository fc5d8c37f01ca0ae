//! Size of pages and time between them.

use std::time::{Duration, Instant};

use crate::plan::Work;

/// Number of rows of the first, the smallest, and the largest page.
const INITIAL_PAGE_ROWS: u32 = 1_000;
const MIN_PAGE_ROWS: u32 = 1;
const MAX_PAGE_ROWS: u32 = 50_000;

/// Target duration of a page: a slower page is followed by a smaller one, and a page that takes less than half of it by a
/// larger one. A page that copies locks its rows. A page that compares locks none and can take longer, which saves the fixed
/// cost of each page.
const MAX_COPY_PAGE_TIME: Duration = Duration::from_millis(60);
const MAX_COMPARE_PAGE_TIME: Duration = Duration::from_millis(200);

/// Target duration of a page that blocks other sessions.
const MAX_BLOCKING_PAGE_TIME: Duration = Duration::from_millis(10);

/// Pause while a replica lags, and interval between two checks of the lag.
pub(super) const LAG_CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// Size of the next page, and pace of the pages.
pub(super) struct Pace {
    /// Number of rows of the next page.
    pub(super) rows: u32,
    /// Target duration of a page.
    page_time: Duration,
    max_rows_per_second: Option<u32>,
    /// Pause for other sessions after a page that blocked one.
    pause_for_others: Duration,
    /// Time of the first of consecutive pages that met a lock.
    blocked_since: Option<Instant>,
    /// Time of the last check of the replicas, or `None` before the first one.
    asked_at: Option<Instant>,
}

impl Pace {
    /// Returns the pace of work whose pages the server cancels after `timeout`.
    pub(super) fn new(work: &Work, timeout: Duration) -> Self {
        let (max_rows_per_second, page_time) = match work {
            Work::Copy(copy) => (copy.max_rows_per_second, MAX_COPY_PAGE_TIME),
            Work::Compare(_) => (None, MAX_COMPARE_PAGE_TIME),
        };
        let rows = max_rows_per_second.unwrap_or(INITIAL_PAGE_ROWS).clamp(1, INITIAL_PAGE_ROWS);
        Self {
            rows,
            page_time: page_time.min(timeout / 2),
            max_rows_per_second,
            pause_for_others: Duration::ZERO,
            blocked_since: None,
            asked_at: None,
        }
    }

    /// Returns whether the lag of the replicas must be checked again.
    pub(super) fn must_check_lag(&mut self) -> bool {
        let is_due = self.asked_at.is_none_or(|at| at.elapsed() >= LAG_CHECK_INTERVAL);
        if is_due {
            self.asked_at = Some(Instant::now());
        }
        is_due
    }

    /// Records the duration of a page and whether another session waited for it. If so, the next page waits as long as this
    /// one took.
    pub(super) fn record_page(&mut self, time: Duration, blocks: bool) {
        self.blocked_since = None;
        self.pause_for_others = if blocks { time } else { Duration::ZERO };
        let longest = if blocks { MAX_BLOCKING_PAGE_TIME } else { self.page_time };
        if time > longest {
            self.resize(self.rows / 2);
        } else if time < self.page_time / 8 && !blocks {
            self.resize(self.rows.saturating_mul(4));
        } else if time < self.page_time / 2 && !blocks {
            self.resize(self.rows.saturating_add(self.rows / 2).saturating_add(1));
        }
    }

    /// Returns the time since the first of the consecutive pages that met a lock.
    pub(super) fn record_lock_timeout(&mut self) -> Duration {
        self.resize(self.rows / 2);
        self.blocked_since.get_or_insert_with(Instant::now).elapsed()
    }

    /// Limits a page to the number of rows allowed per second.
    fn resize(&mut self, rows: u32) {
        let largest = self.max_rows_per_second.unwrap_or(MAX_PAGE_ROWS).clamp(1, MAX_PAGE_ROWS);
        self.rows = rows.clamp(MIN_PAGE_ROWS.min(largest), largest);
    }

    /// Returns the time until the next page, from the row limit per second and the pause for other sessions.
    pub(super) fn pause(&self, rows: u64, elapsed: Duration) -> Duration {
        let limit = self.max_rows_per_second.filter(|limit| *limit > 0);
        let millis = limit.map_or(0, |limit| rows.saturating_mul(1_000) / u64::from(limit));
        Duration::from_millis(millis).saturating_sub(elapsed).max(self.pause_for_others)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pace(max_rows_per_second: Option<u32>) -> Pace {
        Pace {
            rows: INITIAL_PAGE_ROWS,
            page_time: MAX_COPY_PAGE_TIME,
            max_rows_per_second,
            pause_for_others: Duration::ZERO,
            blocked_since: None,
            asked_at: None,
        }
    }

    #[test]
    fn pages_are_sized_by_time() {
        let mut pace = pace(None);
        pace.record_page(Duration::from_millis(20), false);
        assert_eq!(pace.rows, 1_501);
        pace.record_page(Duration::from_millis(40), false);
        assert_eq!(pace.rows, 1_501);
        pace.record_page(Duration::from_millis(200), false);
        assert_eq!(pace.rows, 750);
        pace.record_page(Duration::from_millis(5), false);
        assert_eq!(pace.rows, 3_000);
        for _ in 0..20 {
            pace.record_lock_timeout();
        }
        assert_eq!(pace.rows, MIN_PAGE_ROWS);
        for _ in 0..100 {
            pace.record_page(Duration::ZERO, false);
        }
        assert_eq!(pace.rows, MAX_PAGE_ROWS);
    }

    #[test]
    fn page_that_blocks_a_session_is_followed_by_a_pause_and_a_smaller_page() {
        let mut pace = pace(None);
        let time = Duration::from_millis(70);
        pace.record_page(time, true);
        assert_eq!(pace.rows, INITIAL_PAGE_ROWS / 2);
        assert_eq!(pace.pause(1_000, time), time);
        // A short page does not block other sessions for long.
        pace.record_page(Duration::from_millis(5), true);
        assert_eq!(pace.rows, INITIAL_PAGE_ROWS / 2);
        pace.record_page(Duration::from_millis(20), false);
        assert_eq!(pace.rows, 751);
        assert_eq!(pace.pause(1_000, time), Duration::ZERO);
    }

    #[test]
    fn page_has_no_more_rows_than_a_second_may_have() {
        let mut pace = pace(Some(20));
        for time in [Duration::ZERO, Duration::from_secs(1), Duration::ZERO] {
            pace.record_page(time, false);
            assert!(pace.rows <= 20, "{}", pace.rows);
        }
    }
}
