//! Inspections of many tables of a database at the same time.
//!
//! [`look_at_all`] inspects a set of tables with one statement for many of them, and plans each. It hands over the plan of a
//! table as soon as its rows are there, so it needs memory for one table at a time. A plan that depends on more than the rows
//! of the catalog query is left to an inspection of the table by itself ([`super::observe_and_plan`]). Each plan comes with
//! the [`LookDigest`] of its rows. [`digests`] reads only the digests: if the digest of a table is the same, an inspection
//! finds the same, and for the same time the plan is the same, too.
//!
//! Both execute a statement for at most the `statement_timeout` of the session (10 s), and continue with the next tables in
//! the next statement.

use jiff::Timestamp;

use super::background::in_background;
use super::observe::operator_clock;
use crate::desired::DesiredTable;
use crate::observed::{Answer, InvalidSnapshot, ObservedTable, Snapshot};
use crate::partition::ManagedTable;
use crate::plan::{Plan, PlanTime, depends_on_clocks, plan, questions};
use crate::postgres::{
    DigestRead, InspectError, Inspected, LookDigest, Session, SetInspection, read_digests,
};

/// Result of the inspection of one table of a set.
#[derive(Debug)]
pub enum Look {
    /// The rows of the catalog query are all that the plan depends on.
    Planned(Box<PlannedLook>),
    /// The table needs an inspection by itself: it does not exist, is in a conversion or can be, its plan has open questions,
    /// it is too large for a set, or the statement failed at it.
    NeedsItsOwn,
}

/// Plan from the inspection of a set.
#[derive(Debug)]
pub struct PlannedLook {
    /// Observed state.
    pub observed: ObservedTable,
    /// Plan for the time that was given for the table.
    pub plan: Plan,
    /// Digest of the rows and the clocks.
    pub digest: LookDigest,
}

/// Inspects and plans many tables of one database. Calls `each` with the position of each table, in their order, and its
/// result.
///
/// # Errors
/// Returns an error if the session is lost, or if Postgres rejects the statement for a cause that is not one table. The tables
/// for which `each` was not called have no result then.
pub async fn look_at_all(
    session: &Session,
    tables: &[(DesiredTable, PlanTime)],
    each: &mut (dyn FnMut(usize, Look) + Send),
) -> Result<(), InspectError> {
    let names: Vec<&ManagedTable> = tables.iter().map(|(desired, _)| &desired.name).collect();
    let mut set = SetInspection::new(session, &names);
    while let Some((at, inspected)) = set.next().await? {
        let read_at = operator_clock();
        let look = match (inspected, tables.get(at)) {
            (Ok(Inspected { snapshot, digest }), Some((desired, time))) => {
                let (desired, time) = (desired.clone(), *time);
                let planned = move || plan_alone(snapshot, &desired, &time, read_at);
                let planned = in_background(planned).await.ok().flatten();
                planned.map_or(Look::NeedsItsOwn, |(observed, plan)| {
                    let digest = digest.with_clocks(observed.server.clock, read_at);
                    Look::Planned(Box::new(PlannedLook { observed, plan, digest }))
                })
            }
            (Err(_), _) | (_, None) => Look::NeedsItsOwn,
        };
        each(at, look);
    }
    Ok(())
}

/// Plans from a snapshot of the catalog, if the plan depends on nothing else but the clocks.
fn plan_alone(
    mut snapshot: Snapshot,
    desired: &DesiredTable,
    time: &PlanTime,
    read_at: Timestamp,
) -> Result<Option<(ObservedTable, Plan)>, InvalidSnapshot> {
    if !snapshot.has_relation() || snapshot.oid_in_conversion(&desired.name).is_some() {
        return Ok(None);
    }
    if depends_on_clocks(desired) {
        snapshot.answers.push(Answer::ClockSkew { read_at: read_at.to_string() });
    }
    let observed = ObservedTable::try_from(snapshot)?;
    if !questions(desired, &observed, time).is_empty() {
        return Ok(None);
    }
    let plan = plan(desired, &observed, time);
    Ok(Some((observed, plan)))
}

/// Reads the digests of many tables of one database, in their order: `None` if a table does not exist, or if the statement
/// failed at it. A digest is equal to one of [`look_at_all`] and to that of a run if an inspection finds the same.
///
/// # Errors
/// Returns an error if the session is lost, or if Postgres rejects the statement for a cause that is not one table.
pub async fn digests(
    session: &Session,
    tables: &[&ManagedTable],
) -> Result<Vec<Option<LookDigest>>, InspectError> {
    let mut digests = vec![None; tables.len()];
    let mut record = |at: usize, read: Option<DigestRead>| {
        if let Some(digest) = digests.get_mut(at) {
            *digest = read.and_then(|read| {
                let clock = read.clock.parse().ok()?;
                Some(read.digest.with_clocks(clock, operator_clock()))
            });
        }
    };
    read_digests(session, tables, &mut record).await?;
    Ok(digests)
}
