//! One resource, once: credentials, session, convergence, status.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::runtime::controller::Action;
use kube::{Client, Resource, ResourceExt};
use tokio::sync::{Notify, Semaphore};
use tokio_util::sync::CancellationToken;

use super::aside::{Asides, build_aside};
use super::authority::{OfRun, StillAsked};
use super::backoff::{Backoff, jittered};
use super::claims::{self, Held};
use super::events::Events;
use super::failure::{self, Trouble};
use super::leader::Leadership;
use super::login::log_in;
use super::metrics::Metrics;
use super::outcome::seen;
use super::panics::{Panic, contain};
use super::patch::{self, Target};
use super::progress::Observed;
use super::tables::{Sight, Tables, Watched};
use crate::api::v1alpha1::{PartitionedTable, PartitionedTableStatus, RECONCILE_ANNOTATION};
use crate::api::{ConditionType, Reason};
use crate::converge::{self, Convergence};
use crate::desired::{DesiredTable, Mode};
use crate::plan::{Moment, Plan};
use crate::postgres::{Borrowed, CLAIM_IS_RENEWED, Pool};
use crate::status::{self, Failure, Outcome, Subject};

/// How long a step retries what others hold before it is left for the next time.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

/// How often to look whether a detach can be brought to its end, at least.
const HELD_UP: Duration = Duration::from_secs(10);
/// How long until one that left its table to another looks whether that is still there.
const LONGEST_IN_CONFLICT: Duration = Duration::from_secs(50);

/// Time until a reconcile is tried again if reporting its panic panics too.
const AFTER_PANICS: Duration = Duration::from_mins(5);

/// How long until a run that an edit has ended is repeated, where the watch is late to tell of it.
const WATCH_IS_LATE: Duration = Duration::from_secs(1);

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
    /// Whether this replica leads: no step begins otherwise.
    pub(super) leadership: Arc<Leadership>,
    /// When no further reconcile begins.
    pub(super) stop: CancellationToken,
    /// When what is under way is to be left as it is.
    pub(super) leave: CancellationToken,
    /// A resource was deleted.
    pub(super) deleted: Notify,
    /// Builds of indexes in progress.
    pub(super) asides: Arc<Asides>,
}

/// Makes a resource true as far as possible, says so in its status, and when to look again.
pub(super) async fn reconcile(
    watched: Arc<Watched>,
    context: Arc<Context>,
) -> Result<Action, Infallible> {
    tokio::select! {
        biased;
        () = context.leadership.held() => {}
        () = context.stop.cancelled() => return Ok(Action::await_change()),
    }
    // kube-runtime would end the operator with whatever panics here.
    let again = match contain(Box::pin(attempt(&watched, &context))).await {
        Ok(again) => again,
        Err(panic) => {
            let recorded = contain(record_panic(&watched, &panic, &context)).await;
            Some(recorded.unwrap_or(AFTER_PANICS))
        }
    };
    Ok(again.map_or_else(Action::await_change, Action::requeue))
}

/// Reconciles, and returns when to do so again, or `None` if only a change asks for it.
async fn attempt(watched: &Watched, context: &Arc<Context>) -> Option<Duration> {
    let began = Instant::now();
    let told = match &watched.0 {
        Ok(table) => Box::pin(work(table, context)).await,
        Err(invalid) => refuse(watched, &invalid.error, context).await.map_err(Trouble::Cluster),
    };
    let uid = watched.uid().unwrap_or_default();
    let again = match &told {
        Ok(status) => when_again(&uid, status, context),
        Err(Trouble::Superseded) => Some(jittered(WATCH_IS_LATE)),
        Err(Trouble::Left) => None,
        Err(trouble) => {
            tracing::warn!(
                namespace = watched.namespace(),
                name = watched.name_any(),
                error = %trouble,
                "the API server could not be asked or told"
            );
            Some(context.backoff.failed(&uid, watched.meta().generation))
        }
    };
    if !matches!(told, Err(Trouble::Superseded)) {
        context.tables.tried(&uid);
    }
    context.metrics.reconciled(told.as_ref().is_ok_and(is_ready), began.elapsed());
    again
}

/// Makes a panic the trouble of its resource, and returns when to reconcile it again.
async fn record_panic(watched: &Watched, panic: &Panic, context: &Context) -> Duration {
    let target = Target::of(watched);
    tracing::error!(
        namespace = target.namespace,
        name = target.name,
        place = panic.place,
        panic = panic.message,
        "reconcile panicked"
    );
    context.tables.tried(&target.uid);
    context.tables.lost_sight(&target.uid);
    context.metrics.reconciled(false, Duration::ZERO);
    let again = context.backoff.failed(&target.uid, watched.meta().generation);
    let failure = Failure { reason: Reason::InternalError, message: panic.to_string() };
    if let Err(error) = fail(watched, failure, context).await {
        let error = error.chain();
        let (namespace, name) = (target.namespace, target.name);
        tracing::warn!(namespace, name, error, "could not report the panic");
    }
    again
}

type Told = Result<PartitionedTableStatus, super::ClusterError>;

/// Makes the resource true and writes its status. Whatever the status cannot tell is an error.
async fn work(
    table: &PartitionedTable,
    context: &Arc<Context>,
) -> Result<PartitionedTableStatus, Trouble> {
    let uid = table.uid().unwrap_or_default();
    let subject = Subject {
        previous: table.status.as_ref(),
        generation: table.meta().generation,
        requested: table.annotations().get(RECONCILE_ANNOTATION).map(String::as_str),
    };
    if let Some(outcome) = at_rest(table) {
        context.asides.cancel(&uid);
        claims::hold(&uid, None, context);
        let status = status::project(&subject, &outcome, Timestamp::now());
        return Ok(tell(table, &subject, status, context).await?);
    }
    let asked = Arc::new(StillAsked::new(table, context));
    let mut result = Box::pin(converged(table, &asked, context)).await;
    if let Ok((desired, convergence)) = &result
        && build_aside(table, (desired, convergence), &asked, context).await
    {
        result = Box::pin(converged(table, &asked, context)).await;
    }
    // What the status would tell is about a spec that is not there any more.
    if !matches!(result, Err(Trouble::Left)) && !asked.stands() {
        context.tables.lost_sight(&uid);
        return Err(Trouble::Superseded);
    }
    let status = match result {
        Ok((desired, convergence)) => {
            let now = convergence.moment.now;
            let aside = context.asides.failures(&uid, &convergence.remaining);
            let outcome = seen(&desired, &convergence, &aside);
            let status = status::project(&subject, &outcome, now);
            let Convergence { observed, remaining, .. } = convergence;
            let before = context.tables.sight(&uid);
            // After a restart of the operator, what the status tells already is no news.
            if before.is_some() || !is_told(&remaining, &subject) {
                let before = before.as_deref().map(|sight| &sight.remaining);
                context.events.deferrals(&table.object_ref(&()), before, &remaining);
            }
            let sight = Arc::new(Sight { desired, observed, remaining });
            context.tables.saw(&uid, sight, is_ready(&status).then_some(now));
            status
        }
        Err(trouble) => {
            if !matches!(trouble, Trouble::Left) {
                context.tables.lost_sight(&uid);
            }
            status::project(&subject, &outcome_of(trouble)?, Timestamp::now())
        }
    };
    Ok(tell(table, &subject, status, context).await?)
}

/// What there is to say of a resource whose table is left alone.
fn at_rest(table: &PartitionedTable) -> Option<Outcome<'static>> {
    if table.meta().deletion_timestamp.is_some() {
        return Some(Outcome::Deleting);
    }
    table.spec.suspend.then_some(Outcome::Suspended)
}

/// What a status says of a trouble, where it says anything.
fn outcome_of(trouble: Trouble) -> Result<Outcome<'static>, Trouble> {
    match trouble {
        Trouble::Of(failure) => Ok(Outcome::Failed(failure)),
        Trouble::NoSession(message) => Ok(Outcome::WaitingForSession(message)),
        Trouble::Cluster(_) | Trouble::Left | Trouble::Superseded => Err(trouble),
    }
}

/// Converges, with a session and the clock as they are when it is the resource's turn.
async fn converged(
    table: &PartitionedTable,
    asked: &Arc<StillAsked>,
    context: &Arc<Context>,
) -> Result<(DesiredTable, Convergence), Trouble> {
    let desired = DesiredTable::of(table).map_err(|errors| failure::of_spec(&errors))?;
    let borrowed = tokio::select! {
        borrowed = turn(table, &desired, context) => borrowed?,
        () = asked.superseded() => return Err(Trouble::Superseded),
        () = context.leave.cancelled() => return Err(Trouble::Left),
    };
    let authority = Arc::new(OfRun::new(asked, borrowed.long_run()));
    let options = converge::Options {
        claimant: Some(claims::claimant(table, context)),
        authority,
        slow: context.backoff.slow_steps(table),
        leave_aside: true,
        // The wait for the session may have been long.
        ..converge::Options::new(Moment::scheduled(&desired, Timestamp::now()), PATIENCE)
    };
    let mut progress = Observed::new(table.object_ref(&()), &context.events, &context.metrics);
    let convergence = tokio::select! {
        ended = claims::converge_claimed(
            &borrowed.session, (table, &desired), &options, &mut progress, context,
        ) => ended?,
        () = context.leave.cancelled() => {
            // Else the server would go on, an index build for hours, with nobody to see it end.
            borrowed.session.cancel().await;
            return Err(Trouble::Left);
        }
    };
    // A list of hosts or a name may lead to the new primary now.
    if !convergence.observed.server.in_recovery {
        borrowed.give_back().await;
    }
    Ok((desired, convergence))
}

/// Waits until it is the resource's turn, and returns its session.
async fn turn(
    table: &PartitionedTable,
    desired: &DesiredTable,
    context: &Arc<Context>,
) -> Result<Borrowed, Trouble> {
    let settings = log_in(table, context).await?;
    let held = Held { settings: settings.clone(), table: desired.name.clone() };
    let held = Some(held).filter(|_| desired.mode == Mode::Enforce);
    claims::hold(&table.uid().unwrap_or_default(), held, context);
    claims::let_elders_go_first(table, settings.database(), context).await;
    context.pool.borrow(&settings).await.map_err(|error| failure::of_borrowing(&error))
}

/// Whether the status tells of this plan.
fn is_told(plan: &Plan, subject: &Subject<'_>) -> bool {
    let told = subject.previous.and_then(|status| status.plan.as_ref());
    told.is_some_and(|told| told.fingerprint == plan.fingerprint)
}

/// Writes the status, if it says anything new.
async fn tell(
    table: &PartitionedTable,
    subject: &Subject<'_>,
    status: PartitionedTableStatus,
    context: &Context,
) -> Told {
    let target = Target::of(table);
    write(&target, table.object_ref(&()), subject, status, context).await
}

/// Says of a resource that nobody can read that nobody can read it.
async fn refuse(watched: &Watched, error: &str, context: &Context) -> Told {
    let message = format!("this version of the operator cannot read the resource: {error}");
    context.tables.lost_sight(&watched.uid().unwrap_or_default());
    fail(watched, Failure { reason: Reason::InvalidSpec, message }, context).await
}

/// Reports a failure of a resource without reading its spec.
async fn fail(watched: &Watched, failure: Failure, context: &Context) -> Told {
    let target = Target::of(watched);
    let previous = patch::read_status(&context.client, &target).await?;
    let subject = Subject {
        previous: previous.as_ref(),
        generation: watched.meta().generation,
        requested: watched.annotations().get(RECONCILE_ANNOTATION).map(String::as_str),
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
    if subject.previous.is_some_and(|previous| patch::has_status(previous, &status)) {
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

/// When to look again; none where only a change of the resource asks for it.
fn when_again(uid: &str, status: &PartitionedTableStatus, context: &Context) -> Option<Duration> {
    let ready = ready(status)?;
    if [Reason::Suspended, Reason::Deleting].iter().any(|rest| ready.reason == rest.as_str()) {
        return None;
    }
    let longest = if ready.status == "True" {
        context.backoff.succeeded(uid);
        jittered(context.resync.min(CLAIM_IS_RENEWED))
    } else {
        pause(uid, ready, status, context)
    };
    // What waits for a person holds up nothing that is due.
    let due = status.next_action_at.as_ref().map_or(longest, |due| {
        let wait = due.0.duration_since(Timestamp::now());
        // A moment late rather than early, and not all tables at the same.
        let moment = Duration::from_millis(fastrand::u64(100..2_000));
        Duration::try_from(wait).unwrap_or_default() + moment
    });
    Some(due.min(longest))
}

/// How long until something is tried again that is not as it should be.
fn pause(
    uid: &str,
    ready: &Condition,
    status: &PartitionedTableStatus,
    context: &Context,
) -> Duration {
    let pause = context.backoff.failed(uid, status.observed_generation);
    match ready.reason.as_str() {
        // Whoever stands in the way of a detach may be gone any moment, and rows are not seen meanwhile.
        reason if reason == Reason::DetachPending.as_str() => pause.min(HELD_UP),
        reason if reason == Reason::WaitingForSession.as_str() => pause.min(HELD_UP),
        reason if reason == Reason::Conflict.as_str() => pause.min(jittered(LONGEST_IN_CONFLICT)),
        _ => pause,
    }
}

fn is_ready(status: &PartitionedTableStatus) -> bool {
    ready(status).is_some_and(|ready| ready.status == "True")
}

fn ready(status: &PartitionedTableStatus) -> Option<&Condition> {
    let type_ = ConditionType::Ready.as_str();
    status.conditions.iter().find(|condition| condition.type_ == type_)
}
