//! One look at a table: the catalog, and the answers to what planning must know beyond it.

use jiff::Timestamp;

use super::background::{decide, in_background};
use crate::desired::DesiredTable;
use crate::observed::{InvalidSnapshot, ObservedTable, Question, Snapshot};
use crate::partition::{ManagedTable, copy_name};
use crate::plan::{Moment, Plan, plan, questions};
use crate::postgres::{InspectError, Session, answer, inspect};

/// Rounds of questions. Only the question for the oldest row depends on another answer, so that two rounds are enough for
/// a plan, and three for `inspect -f`.
const MAX_ROUNDS: usize = 8;

/// Looks at the table, or at its copy as long as that does not have its name, and plans.
///
/// # Errors
/// Returns an error if the database refuses, or does not answer in time.
pub async fn look(
    session: &Session,
    desired: &DesiredTable,
    moment: &Moment,
) -> Result<(ObservedTable, Plan), InspectError> {
    let (of, at) = (desired.clone(), *moment);
    let asked = move |observed: &ObservedTable| questions(&of, observed, &at);
    let (_, observed) = look_with(session, &desired.name, asked).await?;
    Ok(decide(desired, observed, moment, plan).await)
}

/// Inspects the partitioned relation of the table, or the plain one: the copy of a plain table, if it has one.
async fn inspect_partitioned(
    session: &Session,
    table: &ManagedTable,
) -> Result<Snapshot, InspectError> {
    let found = inspect(session, table, &table.name().name).await?;
    if !found.is_plain_table() {
        return Ok(found);
    }
    let copy = inspect(session, table, &copy_name(table)).await?;
    Ok(if copy.is_copy() { copy } else { found })
}

/// Inspects a table, or its copy, and answers the questions about it until none is left. Returns the
/// snapshot, and what it means.
///
/// It ends: `questions` asks nothing that the snapshot answers, and each question of a round is answered in it, if
/// only by the fact that the database did not answer.
///
/// # Errors
/// Returns an error if the database refuses, or does not answer in time.
pub async fn look_with(
    session: &Session,
    table: &ManagedTable,
    questions: impl Fn(&ObservedTable) -> Vec<Question> + Send + 'static,
) -> Result<(Snapshot, ObservedTable), InspectError> {
    let (mut snapshot, mut questions) = (inspect_partitioned(session, table).await?, questions);
    let read_at = Timestamp::now();
    for _ in 0..MAX_ROUNDS {
        let round = in_background(move || {
            let observed = ObservedTable::try_from(snapshot.clone())?;
            let asked = questions(&observed);
            Ok::<_, InvalidSnapshot>((snapshot, questions, observed, asked))
        });
        let (observed, asked);
        (snapshot, questions, observed, asked) = round.await?;
        if asked.is_empty() {
            return Ok((snapshot, observed));
        }
        for question in &asked {
            snapshot.answers.push(answer(session, &observed, question, read_at).await?);
        }
    }
    Err(InspectError::AskedAgain)
}
