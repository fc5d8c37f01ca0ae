//! Inspection of a table: the catalog, and answers to further questions of the planner.

use std::sync::Arc;

use jiff::Timestamp;

use super::background::{decide, in_background};
use crate::desired::DesiredTable;
use crate::observed::{Answer, InvalidSnapshot, ObservedTable, Question, Snapshot};
use crate::partition::{ManagedTable, copy_name};
use crate::plan::{Plan, PlanTime, plan, questions};
use crate::postgres::{
    DatabaseError, InspectError, Inspected, LookDigest, Session, TableNames, answer, inspect,
    inspect_with_digest,
};

/// Maximum number of rounds of questions. Only the question about the oldest row depends on another answer, so a plan needs
/// two rounds and `inspect -f` three.
const MAX_ROUNDS: usize = 8;

/// Maximum number of attempts to inspect a table of a conversion without a concurrent swap. A swap follows an inspection of
/// its own, so a second attempt nearly always succeeds.
const MAX_ATTEMPTS: usize = 4;

/// A swap is not the only cause: `ALTER TABLE` and `TRUNCATE` change the catalog, too.
const CHANGED_AGAIN: &str = "another session swapped, altered, or truncated the tables of the conversion during each inspection: try again";

/// Inspects the table, or its copy before the cutover, and plans.
///
/// # Errors
/// Returns an error if Postgres returns an error or does not respond in time.
pub async fn observe_and_plan(
    session: &Session,
    desired: &DesiredTable,
    time: &PlanTime,
) -> Result<(ObservedTable, Plan), InspectError> {
    let (observed, plan, _) = look(session, desired, time).await?;
    Ok((observed, plan))
}

/// Inspects and plans like [`observe_and_plan`]. Returns also the digest of the inspection, or `None` if the plan depends on
/// more than the rows of the catalog query and the clocks.
pub(super) async fn look(
    session: &Session,
    desired: &DesiredTable,
    time: &PlanTime,
) -> Result<(ObservedTable, Plan, Option<LookDigest>), InspectError> {
    let (of, at) = (desired.clone(), *time);
    let asked = move |observed: &ObservedTable| questions(&of, observed, &at);
    let observation = observe_with_digest(session, &desired.name, asked).await?;
    let digest = observation.digest;
    let (observed, plan) = decide(desired, observation.observed, time, plan).await;
    Ok((observed, plan, digest))
}

/// Result of an inspection with all its answers.
struct Observation {
    snapshot: Snapshot,
    observed: ObservedTable,
    /// `None` if an answer comes from more than the rows of the catalog query and the clocks, or if the table is in a conversion.
    digest: Option<LookDigest>,
}

/// Inspects a table, or its copy, and answers all questions about it. Returns the saved snapshot and the observed state.
///
/// The inspection of a conversion takes several statements, each with its own transaction snapshot. If another
/// pg-partition-operator swaps the tables between two of them, the table is inspected again.
///
/// # Errors
/// Returns an error if Postgres returns an error or does not respond in time, or if the tables changed during each attempt.
pub async fn observe(
    session: &Session,
    table: &ManagedTable,
    questions: impl Fn(&ObservedTable) -> Vec<Question> + Send + Sync + 'static,
) -> Result<(Snapshot, ObservedTable), InspectError> {
    let observation = observe_with_digest(session, table, questions).await?;
    Ok((observation.snapshot, observation.observed))
}

async fn observe_with_digest(
    session: &Session,
    table: &ManagedTable,
    questions: impl Fn(&ObservedTable) -> Vec<Question> + Send + Sync + 'static,
) -> Result<Observation, InspectError> {
    let questions = Arc::new(questions);
    for _ in 0..MAX_ATTEMPTS {
        let Inspected { snapshot: found, digest } =
            inspect_with_digest(session, table, &table.name().name).await?;
        let Some(oid) = found.oid_in_conversion(table) else {
            return Box::pin(answer_all(session, found, Some(digest), &questions)).await;
        };
        let before = TableNames::read(session, table).await?;
        if !before.is_serving(oid) {
            continue;
        }
        let result = match copy_or_table(session, table, found).await {
            Ok(found) => Box::pin(answer_all(session, found, None, &questions)).await,
            Err(error) => Err(error),
        };
        // If the session was lost, its error has the cause.
        if !TableNames::read(session, table).await.is_ok_and(|after| after != before) {
            return result;
        }
    }
    Err(DatabaseError::busy(CHANGED_AGAIN).into())
}

/// Inspects the copy of a plain table, if the table has one.
async fn copy_or_table(
    session: &Session,
    table: &ManagedTable,
    found: Snapshot,
) -> Result<Snapshot, InspectError> {
    if !found.is_plain_table() {
        return Ok(found);
    }
    let copy = inspect(session, table, &copy_name(table)).await?;
    Ok(if copy.is_copy() { copy } else { found })
}

/// Returns the time of the operator's clock, to compare the clock of the database with it.
pub(super) fn operator_clock() -> Timestamp {
    Timestamp::now()
}

/// Answers all questions about a saved snapshot.
///
/// This terminates: `questions` returns only open questions, and each round records an answer for each of its questions, even
/// if Postgres did not answer.
async fn answer_all(
    session: &Session,
    mut snapshot: Snapshot,
    digest: Option<LookDigest>,
    questions: &Arc<impl Fn(&ObservedTable) -> Vec<Question> + Send + Sync + 'static>,
) -> Result<Observation, InspectError> {
    let read_at = operator_clock();
    for _ in 0..MAX_ROUNDS {
        let questions = Arc::clone(questions);
        let round = in_background(move || {
            let observed = ObservedTable::try_from(snapshot.clone())?;
            let asked = questions(&observed);
            Ok::<_, InvalidSnapshot>((snapshot, observed, asked))
        });
        let (observed, asked);
        (snapshot, observed, asked) = round.await?;
        if asked.is_empty() {
            let is_local = |answer: &Answer| matches!(answer, Answer::ClockSkew { .. });
            let is_comparable = snapshot.answers.iter().all(is_local);
            let digest = digest.filter(|_| is_comparable);
            let digest = digest.map(|digest| digest.with_clocks(observed.server.clock, read_at));
            return Ok(Observation { snapshot, observed, digest });
        }
        for question in &asked {
            snapshot.answers.push(answer(session, &observed, question, read_at).await?);
        }
    }
    Err(InspectError::AskedAgain)
}
