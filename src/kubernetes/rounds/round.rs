//! One round: compares what an inspection of each quiet table would find with what the last one found, and renews the
//! claims.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use kube::ResourceExt;
use tokio::time::timeout;

use super::super::context::Context;
use super::super::failure::ReconcileError;
use super::super::logins::Login;
use super::Candidate;
use crate::converge::digests;
use crate::postgres::{ConnectionSettings, HeldClaim, InspectError, Session, Urgency, renew};

/// Number of tables in one statement, and for one use of a session: other runs can have the session after that.
pub(super) const SET_SIZE: usize = 200;

/// Time for the statements about one set. Each statement has a timeout of its own.
const SET_TIMEOUT: Duration = Duration::from_mins(1);

/// Inspects the quiet tables among these resources of a login, and reconciles those that may have changed. Returns
/// `false` if the API server did not answer, so that no table was inspected.
pub(super) async fn round(login: &Login, uids: &[Arc<str>], context: &Context) -> bool {
    let read = context.logins.settings(login, &context.client, &context.requests).await;
    let settings = match read {
        Ok(settings) => Some(settings),
        Err(ReconcileError::Cluster(error)) => {
            let (namespace, error) = (&login.namespace, error.chain());
            tracing::warn!(namespace, error, "could not read the login of a round");
            return false;
        }
        // Each reconcile reports what is wrong with the Secret.
        Err(_) => None,
    };
    let mut round = Round { login, context, began: Instant::now(), unchanged: 0, changed: 0 };
    let mut sets = uids.chunks(SET_SIZE);
    while let (Some(settings), Some(uids)) = (&settings, sets.next()) {
        // Another leader may change the tables.
        if !context.leadership.is_held() {
            return true;
        }
        let asked = round.sort_out(uids, settings).await;
        if let Err(error) = round.inspect(&asked, settings).await {
            tracing::debug!(login.namespace, error, "could not inspect the tables of a round");
            round.reconcile_all(&asked).await;
            break;
        }
    }
    for uids in sets {
        round.reconcile_all(&context.rounds.candidates(uids)).await;
    }
    context.metrics.round_ended(round.unchanged, round.changed, round.began.elapsed());
    true
}

/// Reconciles all quiet tables among these resources.
pub(super) async fn reconcile_all(login: &Login, uids: &[Arc<str>], context: &Context) {
    let mut round = Round { login, context, began: Instant::now(), unchanged: 0, changed: 0 };
    round.reconcile_all(&context.rounds.candidates(uids)).await;
}

/// A round in progress.
struct Round<'a> {
    login: &'a Login,
    context: &'a Context,
    began: Instant,
    /// Number of tables that are as their last inspection found them.
    unchanged: u64,
    /// Number of tables that are reconciled.
    changed: u64,
}

impl Round<'_> {
    /// Returns the tables to inspect. Reconciles those whose resource or login has changed, and leaves those that the
    /// controller reconciles anyway because a step is due.
    async fn sort_out(
        &mut self,
        uids: &[Arc<str>],
        settings: &Arc<ConnectionSettings>,
    ) -> Vec<Candidate> {
        let (mut asked, now) = (Vec::new(), Timestamp::now());
        for candidate in self.context.rounds.candidates(uids) {
            let quiet = &candidate.quiet;
            let current = self.context.tables.current(&self.login.namespace, &quiet.name);
            let current =
                current.filter(|watched| watched.uid().as_deref() == Some(&candidate.uid));
            let Some(current) = current else {
                self.context.rounds.remove(&candidate.uid);
                continue;
            };
            let is_current = current.resource_version().as_deref() == quiet.version.as_deref();
            if !is_current || quiet.settings != *settings {
                self.reconcile(&candidate).await;
            } else if quiet.due.is_none_or(|due| due > now) {
                asked.push(candidate);
            }
        }
        asked
    }

    /// Compares the tables with their last inspection, and reconciles those that have changed.
    async fn inspect(
        &mut self,
        asked: &[Candidate],
        settings: &ConnectionSettings,
    ) -> Result<(), String> {
        if asked.is_empty() {
            return Ok(());
        }
        let at = Timestamp::now();
        let borrowed = self.context.pool.borrow(settings, Urgency::Later).await;
        let borrowed = borrowed.map_err(|error| error.to_string())?;
        let installation = self.context.leadership.installation();
        let compared = compare(&borrowed.session, asked, &installation);
        let Ok(compared) = timeout(SET_TIMEOUT, compared).await else {
            borrowed.session.cancel().await;
            return Err(format!("not done within {} s", SET_TIMEOUT.as_secs()));
        };
        let is_same = compared.map_err(|error| error.to_string())?;
        // If all have changed, the server may be a standby by now, and a new session finds the primary.
        if is_same.contains(&true) {
            borrowed.return_to_pool().await;
        }
        for (candidate, is_same) in asked.iter().zip(is_same) {
            if !is_same {
                self.reconcile(candidate).await;
            } else if self.context.rounds.is_quiet(candidate) {
                self.context.tables.mark_success(&candidate.uid, at);
                self.unchanged += 1;
            }
        }
        Ok(())
    }

    async fn reconcile_all(&mut self, candidates: &[Candidate]) {
        for candidate in candidates {
            self.reconcile(candidate).await;
        }
    }

    /// Reconciles a table, unless a reconcile has begun since the round did.
    async fn reconcile(&mut self, candidate: &Candidate) {
        if self.context.rounds.remove_candidate(candidate) {
            let (namespace, name) = (&self.login.namespace, &candidate.quiet.name);
            self.context.tables.request_reconcile(namespace, name).await;
            self.changed += 1;
        }
    }
}

/// Renews the claims, and returns for each table whether its claim is renewed and an inspection finds the same.
async fn compare(
    session: &Session,
    asked: &[Candidate],
    installation: &str,
) -> Result<Vec<bool>, InspectError> {
    let tables: Vec<_> = asked.iter().map(|candidate| &candidate.quiet.table).collect();
    let found = digests(session, &tables).await?;
    let before = asked.iter().map(|candidate| Some(candidate.quiet.digest));
    let mut is_same: Vec<_> =
        found.into_iter().zip(before).map(|(now, then)| now == then).collect();
    let claiming = asked.iter().enumerate().filter(|(_, candidate)| candidate.quiet.claims);
    let (places, claims): (Vec<_>, Vec<_>) = claiming
        .map(|(place, Candidate { uid, quiet, .. })| {
            (place, HeldClaim { table: &quiet.table, uid })
        })
        .unzip();
    if claims.is_empty() {
        return Ok(is_same);
    }
    for lost in renew(session, &claims, installation).await? {
        if let Some(is_same) = places.get(lost).and_then(|place| is_same.get_mut(*place)) {
            *is_same = false;
        }
    }
    Ok(is_same)
}
