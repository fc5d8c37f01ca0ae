//! Probes, metrics and the two monitoring paths.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use jiff::Timestamp;
use kube::ResourceExt;
use serde::Serialize;
use tokio::net::TcpListener;

use super::leader::Leadership;
use super::metrics::Metrics;
use super::pages::{Pages, Parts};
use super::serve::serve;
use super::tables::Tables;
use super::watched::Watched;
use super::workers::{HANG_TIMEOUT, Heartbeat};
use crate::api::v1alpha1::{ConversionStatus, ParityState, ParityStatus};
use crate::status::SyncTriggers;

/// State that HTTP answers show.
pub(super) struct HttpState {
    pub(super) metrics: Arc<Metrics>,
    pub(super) tables: Arc<Tables>,
    pub(super) leadership: Arc<Leadership>,
    /// Whether new work may come here: not while we are ending.
    pub(super) ready: AtomicBool,
    pub(super) heartbeat: Arc<Heartbeat>,
    pub(super) pages: Pages,
}

impl HttpState {
    /// Returns the resources to report: only the leader reports any.
    fn watched(&self) -> Vec<Arc<Watched>> {
        if self.leadership.is_held() { self.tables.all() } else { Vec::new() }
    }
}

/// Answers until the process ends.
pub(super) async fn listen(listener: TcpListener, state: Arc<HttpState>) -> Infallible {
    let router = Router::new()
        .route("/livez", get(livez))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .route("/monitoring/partitions/metrics", get(partitions))
        .route("/monitoring/verify-partitions", get(verify))
        .with_state(state);
    serve(listener, router).await
}

async fn livez(State(state): State<Arc<HttpState>>) -> Response {
    if state.heartbeat.is_within(HANG_TIMEOUT) {
        "ok\n".into_response()
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "reconciles are stuck\n").into_response()
    }
}

async fn readyz(State(state): State<Arc<HttpState>>) -> Response {
    if state.ready.load(Ordering::Relaxed) {
        "ok\n".into_response()
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "shutting down\n").into_response()
    }
}

async fn metrics(State(state): State<Arc<HttpState>>) -> Response {
    let page = Arc::clone(&state);
    let parts = move || -> Parts {
        Box::new(page.metrics.scrape(&page.watched(), &page.tables, Timestamp::now()))
    };
    state.pages.answer("text/plain; version=0.0.4", parts).await
}

async fn partitions(State(state): State<Arc<HttpState>>) -> Response {
    of_each_table(state, partitions_of).await
}

async fn verify(State(state): State<Arc<HttpState>>) -> Response {
    of_each_table(state, |watched, state| json(&problems_of(watched, state))).await
}

/// Answers with an array of what `show` returns for each table.
async fn of_each_table(
    state: Arc<HttpState>,
    show: fn(&Watched, &HttpState) -> Option<String>,
) -> Response {
    let page = Arc::clone(&state);
    let parts = move || -> Parts {
        let mut is_first = true;
        let elements = page.watched().into_iter().filter_map(move |watched| {
            let element = show(&watched, &page)?;
            let separator = if std::mem::replace(&mut is_first, false) { "" } else { "," };
            Some(format!("{separator}{element}"))
        });
        let begin = std::iter::once("[".to_owned());
        Box::new(begin.chain(elements).chain(std::iter::once("]".to_owned())))
    };
    state.pages.answer("application/json", parts).await
}

/// Names of a resource.
#[derive(Serialize)]
struct Names {
    namespace: String,
    name: String,
}

/// Conversion of a table, as in the status; absent if the table is not converted.
#[derive(Serialize)]
struct ConversionMetrics {
    #[serde(skip_serializing_if = "Option::is_none")]
    conversion: Option<ConversionStatus>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parity: Option<ParityStatus>,
}

/// Returns a table and its partitions, or `None` if it was not inspected.
fn partitions_of(watched: &Watched, state: &HttpState) -> Option<String> {
    let last_seen = state.tables.last_seen(&watched.uid().unwrap_or_default())?;
    let status = watched.table().ok().and_then(|table| table.status);
    let (conversion, parity) =
        status.map(|status| (status.conversion, status.parity)).unwrap_or_default();
    let objects = [
        json(&Names::new(watched))?,
        last_seen.partitions(),
        json(&ConversionMetrics { conversion, parity })?,
    ];
    let members = objects.iter().filter_map(|object| object.strip_prefix('{')?.strip_suffix('}'));
    let members: Vec<_> = members.filter(|members| !members.is_empty()).collect();
    Some(format!("{{{}}}", members.join(",")))
}

/// Returns a value as JSON, or `None` if it has none, which no value here does.
fn json(value: &impl Serialize) -> Option<String> {
    serde_json::to_string(value).ok()
}

/// Problems of a table.
#[derive(Serialize)]
struct TableProblems {
    #[serde(flatten)]
    names: Names,
    /// `None` if it is not known.
    ok: Option<bool>,
    /// Returns the planned steps, and the deferred steps with their blockers.
    problems: Vec<String>,
    /// Whether the two tables of a conversion are equal: `status.parity.state`.
    #[serde(skip_serializing_if = "Option::is_none")]
    parity: Option<ParityState>,
    /// State of the triggers that keep them equal: `enabled`, `altered`, or `missing`.
    #[serde(skip_serializing_if = "Option::is_none")]
    triggers: Option<&'static str>,
}

impl Names {
    fn new(watched: &Watched) -> Self {
        Self { namespace: watched.namespace().unwrap_or_default(), name: watched.name_any() }
    }
}

fn problems_of(watched: &Watched, state: &HttpState) -> TableProblems {
    let last_seen = state.tables.last_seen(&watched.uid().unwrap_or_default());
    let last_seen = last_seen.as_deref();
    let problems =
        last_seen.map_or_else(|| not_inspected(watched), super::last_seen::LastSeen::problems);
    let copy = last_seen.and_then(|last_seen| last_seen.copy.as_deref());
    TableProblems {
        names: Names::new(watched),
        parity: last_seen.and_then(|_| parity(watched)),
        triggers: copy.and_then(|copy| copy.triggers).map(SyncTriggers::as_str),
        ok: last_seen.map(|_| problems.is_empty()),
        problems,
    }
}

fn parity(watched: &Watched) -> Option<ParityState> {
    watched.table().ok()?.status?.parity?.state
}

/// Returns the status of a table that could not be inspected.
fn not_inspected(watched: &Watched) -> Vec<String> {
    let table = match watched.table() {
        Ok(table) => table,
        Err(error) => return vec![error],
    };
    let conditions = table.status.iter().flat_map(|status| &status.conditions);
    conditions
        .filter(|condition| condition.status == "False")
        .map(|condition| format!("{}: {}", condition.reason, condition.message))
        .collect()
}
