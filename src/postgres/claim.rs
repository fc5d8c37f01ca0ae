//! The claim by which one resource has a table, and all others leave it alone.

use serde::Deserialize;

use super::error::DatabaseError;
use super::{InspectError, LockKeys, Session};
use crate::partition::{ManagedTable, shown_text};
use crate::sql::{self, Claimant, LoginRole};

/// How often to look again where two of us made the schema or the table at once, or one let go of the
/// claim as we looked.
const TRIES: usize = 5;

/// Who has a table.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ClaimHolder {
    /// The UID of the resource.
    pub uid: String,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Whether another pg-partition-operator keeps it.
    pub elsewhere: bool,
}

impl std::fmt::Display for ClaimHolder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", shown_text(&self.namespace), shown_text(&self.name))?;
        if self.elsewhere {
            let uid = shown_text(&self.uid);
            write!(
                f,
                " (uid {uid}, of another pg-partition-operator, perhaps in another cluster)"
            )?;
        }
        Ok(())
    }
}

/// Claims a table, or renews the claim. Returns whose stands in the way; none where it is ours.
///
/// Of two that claim a table the older has it, for as long as its claim is renewed:
/// [`sql::CLAIM_LASTS`], or while somebody is at work on the table. On a session that has the
/// database to itself this is one round trip, and writes nothing most of the time.
///
/// # Errors
/// When the database does not answer in time, or refuses: with 42501 (`insufficient_privilege`) and a
/// hint that is what a database administrator has to run, where the memory of claims is not there, or
/// not to be trusted.
pub async fn claim(
    session: &Session,
    table: &ManagedTable,
    relation: u32,
    claimant: &Claimant,
) -> Result<Option<ClaimHolder>, InspectError> {
    let locks = LockKeys::new(table, relation).of_table();
    let script = sql::take_claim(table, locks, claimant, role(session));
    for _ in 0..TRIES {
        let answer = match session.commit_script_text(&script).await {
            Err(error) if is_there_already(&error) => continue,
            answer => answer?,
        };
        if let Some(text) = answer {
            let holder: ClaimHolder = serde_json::from_str(&text)?;
            return Ok(Some(holder).filter(|holder| holder.uid != claimant.uid));
        }
    }
    Err(DatabaseError::busy("others claim the table and let go of it all the time").into())
}

/// Lets go of the claim of a resource, if it has it.
///
/// # Errors
/// As of [`claim`].
pub async fn release(
    session: &Session,
    table: &ManagedTable,
    uid: &str,
) -> Result<(), DatabaseError> {
    let script = sql::release_claim(table, uid, role(session));
    session.commit_script_text(&script).await.map(drop)
}

fn role(session: &Session) -> LoginRole {
    if session.shows_user() { LoginRole::Shown } else { LoginRole::Hidden }
}

/// Somebody else made the schema or the table at the same moment: `unique_violation` (of the catalog),
/// `duplicate_schema`, `duplicate_table`, and `duplicate_object`, for a table's row type.
/// <https://www.postgresql.org/docs/current/errcodes-appendix.html>
fn is_there_already(error: &DatabaseError) -> bool {
    matches!(error.sqlstate(), Some("23505" | "42P06" | "42P07" | "42710"))
}
