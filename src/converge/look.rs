//! One look at a table: the catalog, and the answers to what planning must know beyond it.

use jiff::Timestamp;

use super::background::{decide, in_background};
use crate::desired::DesiredTable;
use crate::observed::{InvalidSnapshot, ObservedTable, Question, Snapshot};
use crate::partition::{Identifier, ManagedTable};
use crate::plan::{Moment, Plan, plan, questions};
use crate::postgres::{InspectError, Session, answer, inspect};

/// Rounds of questions. Only the question for the oldest row depends on another answer, so that two rounds are enough for
/// a plan, and three for `inspect -f`.
const MAX_ROUNDS: usize = 8;

/// Looks at the relation that has the name of the table, and plans.
///
/// # Errors
/// Returns an error if the database refuses, or does not answer in time.
pub async fn look(
    session: &Session,
    desired: &DesiredTable,
    moment: &Moment,
) -> Result<(ObservedTable, Plan), InspectError> {
    look_at(session, desired, &desired.name.name().name, moment).await
}

/// Looks at a relation of the table's schema, and plans.
pub(super) async fn look_at(
    session: &Session,
    desired: &DesiredTable,
    relation: &Identifier,
    moment: &Moment,
) -> Result<(ObservedTable, Plan), InspectError> {
    let (of, at) = (desired.clone(), *moment);
    let asked = move |observed: &ObservedTable| questions(&of, observed, &at);
    let (_, observed) = look_with(session, (&desired.name, relation), asked).await?;
    Ok(decide(desired, observed, moment, plan).await)
}

/// Inspects a relation of the table's schema and answers the questions about it until none is left. Returns the
/// snapshot, and what it means.
///
/// It ends: `questions` asks nothing that the snapshot answers, and each question of a round is answered in it, if
/// only by the fact that the database did not answer.
///
/// # Errors
/// Returns an error if the database refuses, or does not answer in time.
pub async fn look_with(
    session: &Session,
    (table, relation): (&ManagedTable, &Identifier),
    questions: impl Fn(&ObservedTable) -> Vec<Question> + Send + 'static,
) -> Result<(Snapshot, ObservedTable), InspectError> {
    let (mut snapshot, mut questions) = (inspect(session, table, relation).await?, questions);
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
