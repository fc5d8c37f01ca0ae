//! Probes, metrics and the two monitoring paths.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use jiff::Timestamp;
use kube::ResourceExt;
use serde::Serialize;
use tokio::net::TcpListener;
use tokio::sync::Mutex;
use tokio::task::spawn_blocking;

use super::leader::Leadership;
use super::metrics::Metrics;
use super::serve::serve;
use super::tables::{LastSeen, Tables, Watched};
use super::workers::{HANG_TIMEOUT, Heartbeat};
use crate::api::v1alpha1::{ConversionStatus, ParityState, ParityStatus};
use crate::observed::{ObservedPartition, PartitionState};
use crate::status::{SyncTriggers, drift, sync_triggers};

/// Time for which a rendered page is answered again, at least.
const MIN_PAGE_AGE: Duration = Duration::from_secs(1);

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

/// Pages that grow with the number of tables.
#[derive(Default)]
pub(super) struct Pages {
    metrics: Page,
    partitions: Page,
    verify: Page,
}

/// A page that one thread at a time renders. For as long as that took, and for a second at least, the
/// same text is answered: many who ask in a loop cost no more than half a core.
#[derive(Default)]
struct Page(Arc<Mutex<Option<Rendered>>>);

struct Rendered {
    text: Bytes,
    at: Instant,
    took: Duration,
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
    state.pages.metrics.answer("text/plain; version=0.0.4", &state, render_metrics).await
}

async fn partitions(State(state): State<Arc<HttpState>>) -> Response {
    state.pages.partitions.answer("application/json", &state, render_partitions).await
}

async fn verify(State(state): State<Arc<HttpState>>) -> Response {
    state.pages.verify.answer("application/json", &state, render_problems).await
}

impl Page {
    async fn answer(
        &self,
        content_type: &'static str,
        state: &Arc<HttpState>,
        render: fn(&HttpState) -> Result<String, String>,
    ) -> Response {
        let state = Arc::clone(state);
        match self.text(move || render(&state)).await {
            Ok(text) => ([(header::CONTENT_TYPE, content_type)], text).into_response(),
            Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error).into_response(),
        }
    }

    async fn text(
        &self,
        render: impl FnOnce() -> Result<String, String> + Send + 'static,
    ) -> Result<Bytes, String> {
        let mut latest = Arc::clone(&self.0).lock_owned().await;
        if let Some(fresh) = latest.as_ref().filter(|rendered| rendered.is_fresh()) {
            return Ok(fresh.text.clone());
        }
        // The thread keeps the lock: if the client goes away, the next one still waits for it.
        let rendering = spawn_blocking(move || {
            let began = Instant::now();
            let text = Bytes::from(render()?);
            *latest =
                Some(Rendered { text: text.clone(), at: Instant::now(), took: began.elapsed() });
            Ok(text)
        });
        rendering.await.unwrap_or_else(|_| Err("rendering this page panicked\n".to_owned()))
    }
}

impl Rendered {
    fn is_fresh(&self) -> bool {
        self.at.elapsed() < self.took.max(MIN_PAGE_AGE)
    }
}

fn render_metrics(state: &HttpState) -> Result<String, String> {
    state
        .metrics
        .scrape(&state.watched(), &state.tables, Timestamp::now())
        .map_err(|error| error.to_string())
}

/// A table and its partitions.
#[derive(Serialize)]
struct TableMetrics {
    namespace: String,
    name: String,
    table: String,
    partitions: Vec<PartitionMetrics>,
    /// As in the status; absent if the table is not converted.
    #[serde(skip_serializing_if = "Option::is_none")]
    conversion: Option<ConversionStatus>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parity: Option<ParityStatus>,
}

#[derive(Serialize)]
struct PartitionMetrics {
    name: String,
    bounds: String,
    state: &'static str,
    managed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    rows: Option<u64>,
    bytes: u64,
}

fn render_partitions(state: &HttpState) -> Result<String, String> {
    let mut tables = Vec::new();
    for watched in state.watched() {
        if let Some(last_seen) = state.tables.last_seen(&watched.uid().unwrap_or_default()) {
            tables.push(table_metrics(&watched, &last_seen));
        }
    }
    json(&tables)
}

fn json(value: &impl Serialize) -> Result<String, String> {
    serde_json::to_string(value).map_err(|error| error.to_string())
}

fn table_metrics(watched: &Watched, last_seen: &LastSeen) -> TableMetrics {
    let partition = |partition: &ObservedPartition| PartitionMetrics {
        name: partition.name.display(),
        bounds: partition.bounds.display(),
        state: match partition.state {
            PartitionState::Attached { .. } => "attached",
            PartitionState::PendingDetach { .. } => "pending_detach",
            PartitionState::NeverAttached | PartitionState::Detached { .. } => "detached",
        },
        managed: partition.state.is_managed(),
        rows: partition.rows,
        bytes: partition.bytes,
    };
    let status = watched.0.as_ref().ok().and_then(|table| table.status.as_ref());
    TableMetrics {
        namespace: watched.namespace().unwrap_or_default(),
        name: watched.name_any(),
        table: last_seen.desired.name.display(),
        partitions: last_seen.observed.partitions.iter().map(partition).collect(),
        conversion: status.and_then(|status| status.conversion.clone()),
        parity: status.and_then(|status| status.parity.clone()),
    }
}

/// Problems of a table.
#[derive(Serialize)]
struct TableProblems {
    namespace: String,
    name: String,
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

fn render_problems(state: &HttpState) -> Result<String, String> {
    let of_table = |watched: Arc<Watched>| {
        let last_seen = state.tables.last_seen(&watched.uid().unwrap_or_default());
        let problems = last_seen
            .as_deref()
            .map_or_else(|| not_inspected(&watched), |last_seen| drift(&last_seen.remaining));
        let copy = last_seen.as_deref().and_then(|last_seen| last_seen.observed.copy.as_deref());
        let triggers = copy.and_then(sync_triggers).map(SyncTriggers::as_str);
        TableProblems {
            namespace: watched.namespace().unwrap_or_default(),
            name: watched.name_any(),
            parity: parity(&watched).filter(|_| last_seen.is_some()),
            triggers,
            ok: last_seen.map(|_| problems.is_empty()),
            problems,
        }
    };
    json(&state.watched().into_iter().map(of_table).collect::<Vec<_>>())
}

fn parity(watched: &Watched) -> Option<ParityState> {
    let status = watched.0.as_ref().ok()?.status.as_ref()?;
    status.parity.as_ref()?.state
}

/// Returns the status of a table that could not be inspected.
fn not_inspected(watched: &Watched) -> Vec<String> {
    let table = match &watched.0 {
        Ok(table) => table,
        Err(invalid) => return vec![invalid.error.clone()],
    };
    let conditions = table.status.iter().flat_map(|status| &status.conditions);
    conditions
        .filter(|condition| condition.status == "False")
        .map(|condition| format!("{}: {}", condition.reason, condition.message))
        .collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures::future::join_all;

    use super::Page;

    #[tokio::test]
    async fn page_is_rendered_by_one_thread_at_a_time() {
        let (page, rendering) = (Page::default(), Arc::new(AtomicUsize::new(0)));
        let answers = join_all((0..20).map(|_| {
            let rendering = Arc::clone(&rendering);
            page.text(move || {
                let before = rendering.fetch_add(1, Ordering::SeqCst);
                std::thread::yield_now();
                rendering.fetch_sub(1, Ordering::SeqCst);
                if before == 0 { Ok("text".to_owned()) } else { Err("two render".to_owned()) }
            })
        }));
        for answer in answers.await {
            assert_eq!(answer.as_deref(), Ok(&b"text"[..]));
        }
    }

    #[tokio::test]
    async fn page_that_panics_is_rendered_again() {
        let page = Page::default();
        let answer = page.text(|| panic!("a bug")).await;
        assert_eq!(
            answer.as_deref().map_err(String::as_str),
            Err("rendering this page panicked\n")
        );
        assert_eq!(page.text(|| Ok("text".to_owned())).await.as_deref(), Ok(&b"text"[..]));
    }
}
