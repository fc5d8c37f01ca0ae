//! Claims: only the resource that holds the claim on a table manages it.

use serde::Deserialize;

use super::error::DatabaseError;
use super::{InspectError, LockKeys, Session};
use crate::partition::{ManagedTable, escape_control};
use crate::sql::{self, Claimant, HeldClaim, LoginRole};

/// Maximum number of attempts if another operator created the schema or the table, or released the claim, at the
/// same time.
const MAX_ATTEMPTS: usize = 5;

/// Holder of a claim on a table.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ClaimHolder {
    /// The UID of the resource.
    pub uid: String,
    /// Namespace of the resource.
    pub namespace: String,
    /// Name of the resource.
    pub name: String,
    /// Whether another pg-partition-operator keeps it.
    pub elsewhere: bool,
}

impl std::fmt::Display for ClaimHolder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", escape_control(&self.namespace), escape_control(&self.name))?;
        if self.elsewhere {
            let uid = escape_control(&self.uid);
            write!(
                f,
                " (uid {uid}, of another pg-partition-operator, perhaps in another cluster)"
            )?;
        }
        Ok(())
    }
}

/// Claims a table, or renews the claim. Returns the holder of a claim that prevents it, or `None` if this resource
/// has the claim.
///
/// The older of two resources has the table as long as its claim is renewed within [`sql::CLAIM_TTL`], or a
/// session holds the advisory lock on the table. This is usually one round trip, and writes nothing most of the
/// time.
///
/// # Errors
/// Returns an error if the database does not answer in time or rejects the statement. If the table of claims does
/// not exist or is not trusted, the error is 42501 (`insufficient_privilege`), with the statement for a database
/// administrator as its hint.
pub async fn claim(
    session: &Session,
    table: &ManagedTable,
    relation: u32,
    claimant: &Claimant,
) -> Result<Option<ClaimHolder>, InspectError> {
    let locks = LockKeys::new(table, relation).table_keys();
    let script = sql::claim_table(table, locks, claimant, role(session));
    for _ in 0..MAX_ATTEMPTS {
        let answer = match session.commit_script_text(&script).await {
            Err(error) if already_exists(&error) => continue,
            answer => answer?,
        };
        if let Some(text) = answer {
            let holder: ClaimHolder = serde_json::from_str(&text)?;
            return Ok(Some(holder).filter(|holder| holder.uid != claimant.uid));
        }
    }
    Err(DatabaseError::busy("other resources claim and release the table again and again").into())
}

/// Renews claims of this installation in one round trip, and returns the positions of those that their resources no
/// longer have. It acquires no claim.
///
/// # Errors
/// As of [`claim`].
pub async fn renew(
    session: &Session,
    claims: &[HeldClaim<'_>],
    installation: &str,
) -> Result<Vec<usize>, InspectError> {
    let script = sql::renew_claims(claims, installation, role(session));
    let lost = session.commit_script_text(&script).await?;
    Ok(serde_json::from_str(lost.as_deref().unwrap_or_default())?)
}

/// Releases the claim of a resource, if it has one.
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

/// Another session created the schema or the table at the same time: `unique_violation` (of the catalog),
/// `duplicate_schema`, `duplicate_table`, and `duplicate_object`, for a table's row type.
/// <https://www.postgresql.org/docs/current/errcodes-appendix.html>
fn already_exists(error: &DatabaseError) -> bool {
    matches!(error.sqlstate(), Some("23505" | "42P06" | "42P07" | "42710"))
}
