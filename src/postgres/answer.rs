//! Answers what a plan must know beyond the catalog.
//!
//! Each answer for which the database is asked is one transaction that changes nothing: it runs as the table's owner, and
//! so can run code of the owner. It waits for ACCESS SHARE only, for at most a second. That the database does not let the
//! owner look, or takes too long, is an answer as well; an error is one of the session. A plain table is read from the
//! catalog alone, by the login role; only its oldest row is searched for, in a function that keeps the owner's code in its
//! role, for at most ten seconds.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::copy_facts::copy_facts;
use super::inspect_attach::inspect_attach;
use super::inspect_copy::inspect_copy;
use super::inspect_plain::inspect_plain;
use super::inspect_routing::inspect_routing;
use super::{ErrorKind, InspectError, Session};
use crate::observed::{
    Answer, CopyDifferences, CountedRows, DeparsedCondition, ObservedTable, Question, RawOldestRow,
    RawWithin, Relation, SyncState, Within,
};
use crate::partition::{CopiedTable, Identifier, QualifiedName, RangeKey, Side, SyncLevel};
use crate::sql::{self, Script};

/// Answers a question about a table, of which the operator received the catalog at `read_at`.
///
/// # Errors
/// Returns an error if the session is lost.
pub async fn answer(
    session: &Session,
    observed: &ObservedTable,
    question: &Question,
    read_at: Timestamp,
) -> Result<Answer, InspectError> {
    match question {
        Question::ClockSkew => Ok(Answer::ClockSkew { read_at: read_at.to_string() }),
        Question::DefaultRows(within) => count_default_rows(session, observed, *within).await,
        Question::ReferencesTo(partition) => find_references(session, observed, partition).await,
        Question::Conditions(conditions) => deparse(session, observed, conditions).await,
        Question::PlainTable => {
            let relation = observed.relation.as_ref().map(|relation| relation.oid);
            let plain = inspect_plain(session, &observed.managed, relation).await?;
            Ok(Answer::PlainTable(plain.map(Box::new)))
        }
        Question::OldestRow(column) => {
            let oldest = Box::pin(find_oldest_row(session, observed, column)).await?;
            Ok(Answer::OldestRow { column: column.clone(), oldest })
        }
        Question::Copy => Ok(Answer::Copy(copy_facts(session, observed).await?.map(Box::new))),
        Question::Sync(table, level) => judge_sync(session, observed, table, *level).await,
        Question::Routing(roles) => {
            let facts = match (&observed.copy, &observed.relation) {
                (Some(copy), Some(relation)) => {
                    inspect_routing(session, observed, (copy, relation.oid), roles).await?
                }
                (_, None) | (None, _) => None,
            };
            Ok(Answer::Routing { roles: roles.clone(), facts: facts.map(Box::new) })
        }
        Question::Attachment(table) => {
            let found = Box::pin(inspect_attach(session, observed, table)).await?;
            Ok(Answer::Attachment(Box::new(found)))
        }
    }
}

/// Compares the triggers and functions of a conversion with what an installation would create, and the copy with its
/// source.
async fn judge_sync(
    session: &Session,
    observed: &ObservedTable,
    table: &CopiedTable,
    level: SyncLevel,
) -> Result<Answer, InspectError> {
    let of = table.sync_digest(level);
    let (Some(copy), Some(relation)) = (&observed.copy, &observed.relation) else {
        let differences = CopyDifferences::default();
        return Ok(Answer::Sync { of, state: SyncState::Missing, differences });
    };
    let state = copy.state.sync(&sql::expected_sync(table, level));
    let (oids, known, key) = match copy.serving {
        Side::Source => ((copy.source, relation.oid), copy.synced_columns(), table.key.clone()),
        // A user changes the columns of the source.
        Side::Partitioned => {
            ((relation.oid, copy.source), Vec::new(), table.full_key().cloned().collect())
        }
    };
    let differences = inspect_copy(session, &table.managed, oids, &known, &key).await?;
    Ok(Answer::Sync { of, state, differences: differences.unwrap_or_default() })
}

/// The relation, if the login role may act as its owner.
fn owned(observed: &ObservedTable) -> Option<&Relation> {
    observed.relation.as_ref().filter(|relation| relation.owned)
}

/// Counts the rows of the default partition, unless the key has no bins of 15 minutes.
async fn count_default_rows(
    session: &Session,
    observed: &ObservedTable,
    within: Within,
) -> Result<Answer, InspectError> {
    let Some(key) = observed.range_key() else {
        return Ok(Answer::DefaultRows { within: RawWithin::Everywhere, rows: None });
    };
    let answer = |rows| Answer::DefaultRows { within: within.to_raw(key.key_type), rows };
    let (Some(relation), Some((default, _))) = (owned(observed), observed.default_partition())
    else {
        return Ok(answer(None));
    };
    let script = sql::count_default_rows(&relation.owner, &default.name, &key, within);
    let text = match session.query_script_text(&script).await {
        Err(error) if error.is_statement_error() => return Ok(answer(None)),
        text => text?,
    };
    let mut rows: CountedRows = serde_json::from_str(text.as_deref().unwrap_or_default())?;
    if rows.count > sql::MAX_COUNTED {
        rows.count = rows.count.max(default.rows.unwrap_or_default());
    }
    Ok(answer(Some(rows)))
}

/// Finds the tables that have rows whose foreign keys reference rows of a partition.
async fn find_references(
    session: &Session,
    observed: &ObservedTable,
    partition: &QualifiedName,
) -> Result<Answer, InspectError> {
    let answer = |by: Option<Vec<&QualifiedName>>, error| {
        let words =
            |name: &QualifiedName| (name.schema.as_str().to_owned(), name.name.as_str().to_owned());
        let by = by.map(|tables| tables.into_iter().map(words).collect());
        let (schema, partition) = words(partition);
        Answer::ReferencesTo { schema, partition, by, error }
    };
    let Some(relation) = owned(observed) else { return Ok(answer(None, None)) };
    let keys = &relation.referenced_by;
    let script = sql::rows_referenced_by(&relation.owner, partition, keys);
    let text = match session.query_script_text(&script).await {
        Err(error) if error.is_busy() || error.kind() == ErrorKind::Denied => {
            return Ok(answer(None, None));
        }
        Err(error) if error.is_statement_error() => {
            return Ok(answer(None, Some(error.to_string())));
        }
        text => text?,
    };
    let numbers: Vec<usize> = serde_json::from_str(text.as_deref().unwrap_or("[]"))?;
    let mut by: Vec<_> =
        numbers.into_iter().filter_map(|number| Some(&keys.get(number)?.from)).collect();
    by.sort();
    by.dedup();
    Ok(answer(Some(by), None))
}

/// Finds the least value in a column of a plain table. If another session holds the table exclusively, the whole look is
/// tried again later; anything else that prevents the search is an answer.
async fn find_oldest_row(
    session: &Session,
    observed: &ObservedTable,
    column: &Identifier,
) -> Result<RawOldestRow, InspectError> {
    let key_type = observed.plain_table().and_then(|plain| plain.key_type(column));
    let (Some(relation), Some(key_type)) = (owned(observed), key_type) else {
        return Ok(RawOldestRow::Failed("the operator cannot act as the table owner".to_owned()));
    };
    let key = RangeKey { column: column.clone(), key_type };
    search(session, &sql::find_oldest_row(&relation.owner, observed.managed.name(), &key)).await
}

/// Asks for one value, in a transaction that is rolled back.
pub(super) async fn search(
    session: &Session,
    script: &Script,
) -> Result<RawOldestRow, InspectError> {
    match session.rolled_back_script_text(script).await {
        Ok(value) => Ok(value.map_or(RawOldestRow::Absent, RawOldestRow::Value)),
        Err(error) if error.is_canceled() => Ok(RawOldestRow::TooSlow),
        Err(error) if error.is_statement_error() && !error.is_busy() => {
            Ok(RawOldestRow::Failed(error.to_string()))
        }
        Err(error) => Err(error.into()),
    }
}

/// Has Postgres deparse conditions of partial indexes.
async fn deparse(
    session: &Session,
    observed: &ObservedTable,
    conditions: &[String],
) -> Result<Answer, InspectError> {
    let mut deparsed = match owned(observed) {
        None => BTreeMap::new(),
        Some(relation) => try_deparse(session, observed, relation, conditions).await?,
    };
    let answer = conditions.iter().enumerate().map(|(number, condition)| DeparsedCondition {
        condition: condition.clone(),
        deparsed: deparsed.remove(&number),
    });
    Ok(Answer::Conditions(answer.collect()))
}

/// Returns how Postgres deparses conditions, by their number; nothing if the database does not let the owner try.
async fn try_deparse(
    session: &Session,
    observed: &ObservedTable,
    relation: &Relation,
    conditions: &[String],
) -> Result<BTreeMap<usize, String>, InspectError> {
    let (owner, operators) = (&relation.owner, &relation.column_operators);
    let script = sql::deparse_conditions(owner, &observed.name, conditions, operators);
    match session.rolled_back_script_text(&script).await {
        Err(error) if error.is_statement_error() => Ok(BTreeMap::new()),
        text => Ok(serde_json::from_str(text?.as_deref().unwrap_or("{}"))?),
    }
}
