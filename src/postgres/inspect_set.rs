//! Reads the catalog about a set of tables, with one statement for many of them.
//!
//! The rows of a table are complete before those of the next one arrive, so a set needs memory for one table at a time. The
//! server ends a statement after its `statement_timeout`; the next statement continues behind the last table.

use tokio_postgres::Row;

use super::catalog_query::{Asked, DIGESTS, Parameters, ROWS};
use super::rows::column;
use super::session::Rows;
use super::{DatabaseError, InspectError, LookDigest, Session, rows};
use crate::observed::Snapshot;
use crate::partition::ManagedTable;

/// Maximum number of tables of one statement. It keeps a transaction snapshot of the server for about a second.
const MAX_TABLES: usize = 500;

/// Maximum number of tables of a set that may fail by themselves. If more fail, the cause is not a table.
const MAX_FAILURES: usize = 3;

/// Rows of one table of a set, in bytes. A larger table has to be inspected by itself.
const MAX_BYTES_IN_SET: usize = 4 * 1024 * 1024;

/// Rows of one table that is inspected by itself, in bytes. 10,000 partitions with 16 indexes each take about half of it.
const MAX_BYTES: usize = 64 * 1024 * 1024;

/// Result of an inspection: a snapshot, and the digest of the rows that it comes from.
#[derive(Debug)]
pub struct Inspected {
    /// Snapshot of the table.
    pub snapshot: Snapshot,
    /// Digest of the rows.
    pub digest: LookDigest,
}

/// Digest of the rows of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DigestRead {
    /// Digest of the rows.
    pub digest: LookDigest,
    /// Clock of the server, as text.
    pub clock: String,
}

/// Inspections of a set of tables, in the order of the set.
pub struct SetInspection<'a> {
    query: SetQuery<'a>,
    max_bytes: usize,
    /// First row of the next table.
    next_row: Option<(usize, Row)>,
}

impl<'a> SetInspection<'a> {
    /// Prepares the inspections of these tables; the first call of [`SetInspection::next`] begins.
    #[must_use]
    pub fn new(session: &'a Session, tables: &[&'a ManagedTable]) -> Self {
        let tables = tables.iter().copied().map(Asked::new).collect();
        Self::with_limit(session, tables, MAX_BYTES_IN_SET)
    }

    fn with_limit(session: &'a Session, tables: Vec<Asked<'a>>, max_bytes: usize) -> Self {
        let query = SetQuery::new(session, tables, &ROWS, RowsOfTable::Many);
        Self { query, max_bytes, next_row: None }
    }

    /// Returns the inspection of the next table with its position in the set, or `None` after the last one. A table that
    /// is too large or cannot be parsed has an error of its own, as has a table at which the statement failed.
    ///
    /// # Errors
    /// Returns an error if the session is lost, or if Postgres rejects the statement for more tables than can fail by
    /// themselves. There are no further results then.
    pub async fn next(
        &mut self,
    ) -> Result<Option<(usize, Result<Inspected, InspectError>)>, InspectError> {
        let mut found: Option<Found> = None;
        loop {
            let row = match self.next_row.take() {
                Some((at, row)) => Some(SetRow::Row(at, row)),
                None => self.query.next().await?,
            };
            match (row, &mut found) {
                (Some(SetRow::Row(at, row)), Some(found)) if found.at == at => {
                    found.add(row, self.max_bytes);
                }
                (Some(SetRow::Row(at, row)), Some(_)) => {
                    self.next_row = Some((at, row));
                    break;
                }
                (Some(SetRow::Row(at, row)), None) => {
                    found = Some(Found::new(at, row));
                }
                (Some(SetRow::Failed(at, error)), _) => return Ok(Some((at, Err(error.into())))),
                (None, _) => break,
            }
        }
        Ok(found.map(|found| {
            let at = found.at;
            (at, self.parse(found))
        }))
    }

    /// Returns the snapshot that the rows of a table mean.
    fn parse(&self, found: Found) -> Result<Inspected, InspectError> {
        let session = self.query.session;
        let asked = self.query.tables.get(found.at).ok_or(InspectError::OutOfOrder)?;
        let rows = found.rows.ok_or_else(|| too_large(self.max_bytes))?;
        let (mut snapshot, digest) = rows::snapshot(asked, &rows)?;
        if !session.shows_user() {
            snapshot.hide_login_role(session.user());
        }
        Ok(Inspected { snapshot, digest })
    }
}

fn too_large(max_bytes: usize) -> InspectError {
    let mib = max_bytes / 1024 / 1024;
    let what = "the catalog describes the table's partitions and indexes with more than";
    InspectError::TooLarge(format!("{what} {mib} MiB: remove partitions or indexes"))
}

/// Inspects a table by itself. See [`super::inspect`].
pub(super) async fn inspect_single(
    session: &Session,
    asked: Asked<'_>,
) -> Result<Inspected, InspectError> {
    let mut set = SetInspection::with_limit(session, vec![asked], MAX_BYTES);
    let (_, inspected) = set.next().await?.ok_or(InspectError::OutOfOrder)?;
    inspected
}

/// Reads the digests of a set of tables: `None` if a table does not exist, or if the statement failed at it.
///
/// # Errors
/// Returns an error if the session is lost, or if Postgres rejects the statement for more tables than can fail by themselves.
pub async fn read_digests(
    session: &Session,
    tables: &[&ManagedTable],
    each: &mut (dyn FnMut(usize, Option<DigestRead>) + Send),
) -> Result<(), InspectError> {
    let tables = tables.iter().copied().map(Asked::new).collect();
    let mut query = SetQuery::new(session, tables, &DIGESTS, RowsOfTable::One);
    while let Some(row) = query.next().await? {
        match row {
            SetRow::Row(at, row) => each(at, digest(&row)?),
            SetRow::Failed(at, _) => each(at, None),
        }
    }
    Ok(())
}

fn digest(row: &Row) -> Result<Option<DigestRead>, DatabaseError> {
    if column::<Option<u32>>(row, "oid")?.is_none() {
        return Ok(None);
    }
    let Some(sum) = low_bits(column(row, "hash")?) else { return Ok(None) };
    let mut digest = LookDigest::default();
    digest.add(sum);
    Ok(Some(DigestRead { digest, clock: column(row, "clock")? }))
}

/// Returns the sum of hashes, which is a number of any size, modulo 2^64.
fn low_bits(sum: &str) -> Option<u64> {
    u64::try_from(sum.parse::<i128>().ok()?.rem_euclid(1 << 64)).ok()
}

/// Rows of one table.
struct Found {
    at: usize,
    bytes: usize,
    /// `None` if there are too many.
    rows: Option<Vec<Row>>,
}

impl Found {
    fn new(at: usize, row: Row) -> Self {
        Self { at, bytes: row.raw_size_bytes(), rows: Some(vec![row]) }
    }

    fn add(&mut self, row: Row, max_bytes: usize) {
        self.bytes += row.raw_size_bytes();
        match &mut self.rows {
            Some(rows) if self.bytes <= max_bytes => rows.push(row),
            rows => *rows = None,
        }
    }
}

/// Number of rows that a statement returns for each table.
#[derive(Clone, Copy, PartialEq, Eq)]
enum RowsOfTable {
    One,
    /// At least one; a table is complete when the next one begins.
    Many,
}

/// Rows of a statement about a set of tables, with the positions of their tables.
struct SetQuery<'a> {
    session: &'a Session,
    tables: Vec<Asked<'a>>,
    sql: &'static str,
    rows_of_table: RowsOfTable,
    running: Option<Running<'a>>,
    /// Position of the first table that is not complete.
    incomplete: usize,
    failures: usize,
}

/// A statement that is running.
struct Running<'a> {
    rows: Rows<'a>,
    /// Positions of its tables.
    first: usize,
    end: usize,
}

/// A row, or why a table has none.
enum SetRow {
    Row(usize, Row),
    /// The statement failed at the table; the next one continues behind it.
    Failed(usize, DatabaseError),
}

impl<'a> SetQuery<'a> {
    fn new(
        session: &'a Session,
        tables: Vec<Asked<'a>>,
        sql: &'static str,
        rows_of_table: RowsOfTable,
    ) -> Self {
        Self { session, tables, sql, rows_of_table, running: None, incomplete: 0, failures: 0 }
    }

    /// Returns the next row, or `None` after the last row of the last table.
    async fn next(&mut self) -> Result<Option<SetRow>, InspectError> {
        loop {
            let Some(running) = &mut self.running else {
                if self.incomplete >= self.tables.len() {
                    return Ok(None);
                }
                self.running = Some(self.start().await?);
                continue;
            };
            let (first, end) = (running.first, running.end);
            match running.rows.next().await {
                Ok(Some(row)) => {
                    let at = self.position(&row, first, end)?;
                    return Ok(Some(SetRow::Row(at, row)));
                }
                Ok(None) => (self.running, self.incomplete) = (None, end),
                Err(error) => return self.fail(error, first).map(Some),
            }
        }
    }

    /// Starts the statement about the next tables.
    async fn start(&self) -> Result<Running<'a>, InspectError> {
        let first = self.incomplete;
        let end = self.tables.len().min(first + MAX_TABLES);
        let parameters = Parameters::new(self.tables.get(first..end).unwrap_or_default());
        let rows = self.session.stream(self.sql, &parameters.values()).await?;
        Ok(Running { rows, first, end })
    }

    /// Returns the position of the table of a row, and completes the tables before it.
    fn position(&mut self, row: &Row, first: usize, end: usize) -> Result<usize, InspectError> {
        let ordinal = usize::try_from(column::<i64>(row, "ordinal")?).unwrap_or_default();
        let at = (first + ordinal).checked_sub(1).filter(|at| (self.incomplete..end).contains(at));
        let at = at.ok_or(InspectError::OutOfOrder)?;
        self.incomplete = match self.rows_of_table {
            RowsOfTable::One => at + 1,
            RowsOfTable::Many => at,
        };
        Ok(at)
    }

    /// Leaves out the table at which the statement failed.
    fn fail(&mut self, error: DatabaseError, first: usize) -> Result<SetRow, InspectError> {
        self.running = None;
        let at = self.incomplete;
        // A statement that reached its time limit behind other tables says nothing about this one.
        self.failures += usize::from(!(error.is_canceled() && at > first));
        if !error.is_statement_error() || self.failures > MAX_FAILURES {
            return Err(error.into());
        }
        self.incomplete += 1;
        Ok(SetRow::Failed(at, error))
    }
}

#[cfg(test)]
mod tests {
    use super::{LookDigest, low_bits};

    #[test]
    fn sum_of_the_server_is_the_sum_of_the_rows() {
        let hashes = [i64::MIN, -1, 7, i64::MAX, i64::MIN];
        let mut rows = LookDigest::default();
        for hash in hashes {
            rows.add(hash.cast_unsigned());
        }
        let sum: i128 = hashes.into_iter().map(i128::from).sum();
        let sum = low_bits(&sum.to_string()).expect("a sum");
        let mut server = LookDigest::default();
        server.add(sum);
        assert_eq!(rows, server);
        assert_eq!(low_bits(""), None);
    }
}
