//! Whether every row is where it should be.

use jiff::ToSpan as _;
use jiff::civil::Date;
use tokio_postgres::Client;

use crate::KEEP;

/// Findings at the end of each day: the worst, and those of the last day.
#[derive(Default)]
pub(crate) struct Audit {
    /// Rows that should be in the table, or in what was detached from it, and were not.
    pub(crate) lost: i64,
    /// Rows that should have been removed, and were not.
    pub(crate) kept: i64,
    /// The partitions, the default one aside.
    pub(crate) attached: i64,
    /// Tables that were detached and are still there.
    pub(crate) detached: usize,
}

impl Audit {
    /// Looks at all there is, at the end of a day.
    pub(crate) async fn observe_and_plan(&mut self, client: &Client, day: Date) {
        let mut lost = number(client, &lost(day)).await;
        let detached = detached(client).await;
        for table in &detached {
            lost += number(client, &lost_of(table)).await;
        }
        self.lost = self.lost.max(lost);
        self.kept = self.kept.max(number(client, &kept(day)).await);
        self.detached = detached.len();
        self.attached = number(client, ATTACHED).await;
    }
}

pub(crate) fn month_of(day: Date) -> Date {
    day.first_of_month()
}

/// Returns the first day of the oldest month that is kept.
fn kept_from(day: Date) -> Date {
    month_of(day).saturating_sub(KEEP.months())
}

/// Returns a query for the number of rows that the table lacks on a day.
pub(crate) fn lost(day: Date) -> String {
    format!(
        "SELECT count(*) FROM written WHERE occurred_at >= '{} 00:00Z' AND NOT EXISTS (SELECT \
         FROM payments WHERE payments.id = written.id AND payments.occurred_at = written.occurred_at)",
        kept_from(day)
    )
}

fn kept(day: Date) -> String {
    format!(
        "SELECT count(*) FROM written JOIN payments USING (id, occurred_at) \
         WHERE occurred_at < '{} 00:00Z'",
        kept_from(day)
    )
}

/// Returns a query for the number of rows that a detached table lacks.
fn lost_of(table: &str) -> String {
    format!(
        "SELECT count(*) FROM written WHERE date_trunc('month', occurred_at) = \
         (SELECT date_trunc('month', min(occurred_at)) FROM {table}) \
         AND NOT EXISTS (SELECT FROM {table} WHERE {table}.id = written.id)"
    )
}

const ATTACHED: &str = "SELECT count(*) FROM pg_inherits JOIN pg_class ON oid = inhrelid \
    WHERE inhparent = 'payments'::regclass AND pg_get_expr(relpartbound, oid) <> 'DEFAULT'";

async fn detached(client: &Client) -> Vec<String> {
    let tables = "SELECT relname::text FROM pg_class WHERE relnamespace = 'public'::regnamespace \
                  AND relkind = 'r' AND NOT relispartition AND relname LIKE 'payments%'";
    client.query(tables, &[]).await.unwrap().iter().map(|row| row.get(0)).collect()
}

async fn number(client: &Client, statement: &str) -> i64 {
    client.query_one(statement, &[]).await.unwrap().get(0)
}
