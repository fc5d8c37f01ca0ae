//! One resource, once: credentials, session, convergence, status.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{ConfigMap, ObjectReference, Secret};
use kube::runtime::controller::Action;
use kube::{Api, Client, Resource, ResourceExt};
use tokio::sync::Semaphore;

use super::backoff::{Backoff, jittered};
use super::credentials;
use super::events::Events;
use super::failure::{self, Trouble};
use super::metrics::Metrics;
use super::patch::{self, Target, within_deadline};
use super::pool::Pool;
use super::progress::Observed;
use super::tables::{Sight, Tables, Watched};
use crate::api::v1alpha1::{
    CaKind, CaRef, PartitionedTable, PartitionedTableStatus, RECONCILE_ANNOTATION,
};
use crate::api::{ConditionType, Reason};
use crate::converge::{self, Convergence, converge};
use crate::desired::DesiredTable;
use crate::postgres::ConnectionSettings;
use crate::status::{self, FailedStep, Failure, Outcome, Seen, Subject};

/// How long a step retries what others hold before it is left for the next time.
const PATIENCE: Duration = Duration::from_secs(30);

/// What every reconcile shares.
pub(super) struct Context {
    pub(super) client: Client,
    /// How many ask the API server at once.
    pub(super) requests: Semaphore,
    pub(super) pool: Pool,
    pub(super) tables: Arc<Tables>,
    pub(super) backoff: Backoff,
    pub(super) events: Events,
    pub(super) metrics: Arc<Metrics>,
    /// How often to look for drift where nothing else asks for a look.
    pub(super) resync: Duration,
}

/// Makes a resource true as far as possible, says so in its status, and when to look again.
pub(super) async fn reconcile(
    watched: Arc<Watched>,
    context: Arc<Context>,
) -> Result<Action, Infallible> {
    let began = Instant::now();
    let told = match &watched.0 {
        Ok(table) => work(table, &context).await,
        Err(invalid) => refuse(&watched, &invalid.error, &context).await,
    };
    let uid = watched.uid().unwrap_or_default();
    let again = match &told {
        Ok(status) => when_again(&uid, status, &context),
        Err(error) => {
            tracing::warn!(
                namespace = watched.namespace(),
                name = watched.name_any(),
                error = %error.chain(),
                "the API server could not be asked or told"
            );
            Some(context.backoff.failed(&uid, watched.meta().generation))
        }
    };
    context.metrics.reconciled(told.as_ref().is_ok_and(is_ready), began.elapsed());
    Ok(again.map_or_else(Action::await_change, Action::requeue))
}

type Told = Result<PartitionedTableStatus, super::ClusterError>;

async fn work(table: &PartitionedTable, context: &Context) -> Told {
    let now = Timestamp::now();
    let uid = table.uid().unwrap_or_default();
    let subject = Subject {
        previous: table.status.as_ref(),
        generation: table.meta().generation,
        requested: table.annotations().get(RECONCILE_ANNOTATION).map(String::as_str),
    };
    if table.spec.suspend {
        let status = status::project(&subject, &Outcome::Suspended, now);
        return tell(table, &subject, status, context).await;
    }
    let status = match converged(table, now, context).await {
        Ok((desired, convergence)) => {
            let status = status::project(&subject, &seen(&desired, &convergence), now);
            let Convergence { observed, remaining, .. } = convergence;
            let sight = Arc::new(Sight { desired, observed, remaining });
            context.tables.saw(&uid, sight, is_ready(&status).then_some(now));
            status
        }
        Err(Trouble::Of(failure)) => {
            context.tables.lost_sight(&uid);
            status::project(&subject, &Outcome::Failed(failure), now)
        }
        Err(Trouble::Cluster(error)) => {
            context.tables.lost_sight(&uid);
            return Err(error);
        }
    };
    tell(table, &subject, status, context).await
}

async fn converged(
    table: &PartitionedTable,
    now: Timestamp,
    context: &Context,
) -> Result<(DesiredTable, Convergence), Trouble> {
    let desired = DesiredTable::parse(&table.spec).map_err(|errors| failure::of_spec(&errors))?;
    let settings = log_in(table, context).await?;
    stand_back(table, &settings, context).await?;
    let borrowed =
        context.pool.borrow(&settings).await.map_err(|error| failure::of_connecting(&error))?;
    let options = converge::Options { now, patience: PATIENCE, expect: Vec::new() };
    let mut progress = Observed::new(table.object_ref(&()), &context.events, &context.metrics);
    let convergence = converge(&borrowed.session, &desired, &options, &mut progress)
        .await
        .map_err(|error| failure::of_converging(&error))?;
    borrowed.give_back();
    Ok((desired, convergence))
}

fn seen<'a>(desired: &'a DesiredTable, convergence: &'a Convergence) -> Outcome<'a> {
    let failed = convergence.outcomes.iter().filter_map(|outcome| {
        let failure = failure::of_step(outcome.result.as_ref().err()?)?;
        Some(FailedStep { step: &outcome.step, failure })
    });
    Outcome::Seen(Seen {
        desired,
        observed: &convergence.observed,
        remaining: &convergence.remaining,
        failed: failed.collect(),
    })
}

/// How to log in to the database of a resource, as the Secret says now.
async fn log_in(
    table: &PartitionedTable,
    context: &Context,
) -> Result<ConnectionSettings, Trouble> {
    let settings = read_settings(table, context).await?;
    let uid = table.uid().unwrap_or_default();
    if let Some(former) = context.tables.set_settings(&uid, settings.clone())
        && former != settings
    {
        context.pool.forget(&former);
    }
    Ok(settings)
}

async fn read_settings(
    table: &PartitionedTable,
    context: &Context,
) -> Result<ConnectionSettings, Trouble> {
    let namespace = table.namespace().unwrap_or_default();
    let Some(database) = &table.spec.database else {
        return Err(Trouble::Of(Failure {
            reason: Reason::InvalidSpec,
            message: "spec.database: is required in a cluster".to_owned(),
        }));
    };
    let _asking = context.requests.acquire().await.expect("nobody closes the semaphore");
    let secrets: Api<Secret> = Api::namespaced(context.client.clone(), &namespace);
    let name = &database.secret_ref.name;
    let secret = within_deadline(secrets.get_opt(name)).await?;
    let data = secret.ok_or_else(|| missing("Secret", name))?.data.unwrap_or_default();
    let ca = match &database.ca_ref {
        Some(reference) => Some(read_ca(reference, &namespace, &context.client).await?),
        None => None,
    };
    Ok(credentials::settings(database, &namespace, &data, ca)?)
}

async fn read_ca(reference: &CaRef, namespace: &str, client: &Client) -> Result<Vec<u8>, Trouble> {
    let CaRef { kind, name, key } = reference;
    let found = match kind {
        CaKind::Secret => {
            let secrets: Api<Secret> = Api::namespaced(client.clone(), namespace);
            let secret = within_deadline(secrets.get_opt(name)).await?;
            let data = secret.ok_or_else(|| missing("Secret", name))?.data;
            data.unwrap_or_default().remove(key).map(|value| value.0)
        }
        CaKind::ConfigMap => {
            let maps: Api<ConfigMap> = Api::namespaced(client.clone(), namespace);
            let map = within_deadline(maps.get_opt(name)).await?;
            let data = map.ok_or_else(|| missing("ConfigMap", name))?.data;
            data.unwrap_or_default().remove(key).map(String::into_bytes)
        }
    };
    found.ok_or_else(|| {
        Trouble::Of(Failure {
            reason: Reason::SecretInvalid,
            message: format!("{kind:?} {name:?} has no key {key:?}"),
        })
    })
}

fn missing(kind: &str, name: &str) -> Failure {
    let message = format!("there is no {kind} {name:?} in the namespace of this resource");
    Failure { reason: Reason::SecretNotFound, message }
}

/// Leaves the table to an older resource that claims it as well.
async fn stand_back(
    table: &PartitionedTable,
    settings: &ConnectionSettings,
    context: &Context,
) -> Result<(), Failure> {
    for older in context.tables.older_namesakes(table) {
        let uid = older.uid().unwrap_or_default();
        let others = match context.tables.settings(&uid) {
            Some(others) => Some(others),
            // Nobody has looked at it yet. Where its database cannot be told, it claims none.
            None => log_in(&older, context).await.ok(),
        };
        let same_database = others.is_some_and(|others| {
            others.dbname == settings.dbname
                && others.servers.iter().any(|server| settings.servers.contains(server))
        });
        if same_database {
            let (namespace, name) = (older.namespace().unwrap_or_default(), older.name_any());
            return Err(Failure {
                reason: Reason::Conflict,
                message: format!("{namespace}/{name} is older and has the same table"),
            });
        }
    }
    Ok(())
}

/// Writes the status, if it says anything new.
async fn tell(
    table: &PartitionedTable,
    subject: &Subject<'_>,
    status: PartitionedTableStatus,
    context: &Context,
) -> Told {
    let target = target(table);
    write(&target, table.object_ref(&()), subject, status, context).await
}

/// Says of a resource that nobody can read that nobody can read it.
async fn refuse(watched: &Watched, error: &str, context: &Context) -> Told {
    let target = target(watched);
    context.tables.lost_sight(&target.uid);
    let previous = patch::read_status(&context.client, &target).await?;
    let subject = Subject {
        previous: previous.as_ref(),
        generation: watched.meta().generation,
        requested: None,
    };
    let failure = Failure {
        reason: Reason::InvalidSpec,
        message: format!("this version of the operator cannot read the resource: {error}"),
    };
    let status = status::project(&subject, &Outcome::Failed(failure), Timestamp::now());
    write(&target, watched.object_ref(&()), &subject, status, context).await
}

async fn write(
    target: &Target,
    about: ObjectReference,
    subject: &Subject<'_>,
    status: PartitionedTableStatus,
    context: &Context,
) -> Told {
    if subject.previous == Some(&status) {
        return Ok(status);
    }
    {
        let _asking = context.requests.acquire().await.expect("nobody closes the semaphore");
        patch::status(&context.client, target, &status).await?;
    }
    let before = subject.previous.map_or(&[][..], |previous| &previous.conditions);
    context.events.transitions(&about, before, &status.conditions);
    Ok(status)
}

fn target(object: &impl ResourceExt) -> Target {
    Target {
        namespace: object.namespace().unwrap_or_default(),
        name: object.name_any(),
        uid: object.uid().unwrap_or_default(),
    }
}

/// When to look again; none where only a change of the resource asks for it.
fn when_again(uid: &str, status: &PartitionedTableStatus, context: &Context) -> Option<Duration> {
    let ready = ready(status)?;
    if ready.reason == Reason::Suspended.as_str() {
        return None;
    }
    if ready.status != "True" {
        return Some(context.backoff.failed(uid, status.observed_generation));
    }
    context.backoff.succeeded(uid);
    let resync = jittered(context.resync);
    let due = status.next_action_at.as_ref().map_or(resync, |due| {
        let wait = due.0.duration_since(Timestamp::now());
        // A moment late rather than early, and not all tables at the same.
        let moment = Duration::from_millis(fastrand::u64(100..2_000));
        Duration::try_from(wait).unwrap_or_default() + moment
    });
    Some(due.min(resync))
}

fn is_ready(status: &PartitionedTableStatus) -> bool {
    ready(status).is_some_and(|ready| ready.status == "True")
}

fn ready(
    status: &PartitionedTableStatus,
) -> Option<&k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition> {
    let type_ = ConditionType::Ready.as_str();
    status.conditions.iter().find(|condition| condition.type_ == type_)
}
