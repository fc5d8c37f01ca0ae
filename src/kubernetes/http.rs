//! Probes, metrics and the two monitoring paths.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Json, Response};
use axum::routing::get;
use axum::{Router, serve};
use jiff::Timestamp;
use kube::ResourceExt;
use serde::Serialize;
use tokio::net::TcpListener;

use super::metrics::Metrics;
use super::tables::{Sight, Tables, Watched};
use crate::observed::{Attachment, ObservedPartition, Origin};
use crate::plan::{Deferral, Waits};

/// What is told over HTTP.
pub(super) struct Told {
    pub(super) metrics: Arc<Metrics>,
    pub(super) tables: Arc<Tables>,
    /// Whether new work may come here: not while we are ending.
    pub(super) ready: AtomicBool,
}

/// Answers until the process ends.
pub(super) async fn listen(listener: TcpListener, told: Arc<Told>) -> std::io::Result<()> {
    let router = Router::new()
        .route("/livez", get(|| async { "ok\n" }))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .route("/monitoring/partitions/metrics", get(partitions))
        .route("/monitoring/verify-partitions", get(verify))
        .with_state(told);
    serve(listener, router).await
}

async fn readyz(State(told): State<Arc<Told>>) -> Response {
    if told.ready.load(Ordering::Relaxed) {
        "ok\n".into_response()
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "ending\n").into_response()
    }
}

async fn metrics(State(told): State<Arc<Told>>) -> Response {
    match told.metrics.scrape(&told.tables, Timestamp::now()) {
        Ok(text) => ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

/// A table and its partitions.
#[derive(Serialize)]
struct TableMetrics {
    namespace: String,
    name: String,
    table: String,
    partitions: Vec<PartitionMetrics>,
}

#[derive(Serialize)]
struct PartitionMetrics {
    name: String,
    bounds: String,
    state: &'static str,
    ours: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    rows: Option<u64>,
    bytes: u64,
}

async fn partitions(State(told): State<Arc<Told>>) -> Json<Vec<TableMetrics>> {
    let mut tables = Vec::new();
    for watched in told.tables.all() {
        if let Some(sight) = told.tables.sight(&watched.uid().unwrap_or_default()) {
            tables.push(table_metrics(&watched, &sight));
        }
    }
    Json(tables)
}

fn table_metrics(watched: &Watched, sight: &Sight) -> TableMetrics {
    let key = sight.observed.range_key().map(|(_, key)| key);
    let partition = |partition: &ObservedPartition| PartitionMetrics {
        name: partition.name.shown(),
        bounds: partition.bounds.shown(key),
        state: match partition.attachment {
            Attachment::Attached => "attached",
            Attachment::DetachPending => "pending_detach",
            Attachment::Prepared | Attachment::Detached => "detached",
        },
        ours: partition.origin == Origin::Ours,
        rows: partition.rows,
        bytes: partition.bytes,
    };
    TableMetrics {
        namespace: watched.namespace().unwrap_or_default(),
        name: watched.name_any(),
        table: sight.desired.name.shown(),
        partitions: sight.observed.partitions.iter().map(partition).collect(),
    }
}

/// What is wrong with a table.
#[derive(Serialize)]
struct Verdict {
    namespace: String,
    name: String,
    /// None where nobody knows.
    in_order: Option<bool>,
    /// What is left to do, and what is held back and why.
    problems: Vec<String>,
}

async fn verify(State(told): State<Arc<Told>>) -> Json<Vec<Verdict>> {
    let verdict = |watched: Arc<Watched>| {
        let sight = told.tables.sight(&watched.uid().unwrap_or_default());
        let problems = sight.as_deref().map_or_else(|| unseen(&watched), problems);
        Verdict {
            namespace: watched.namespace().unwrap_or_default(),
            name: watched.name_any(),
            in_order: sight.map(|_| problems.is_empty()),
            problems,
        }
    };
    Json(told.tables.all().into_iter().map(verdict).collect())
}

fn problems(sight: &Sight) -> Vec<String> {
    let steps = sight.remaining.steps.iter().map(|planned| format!("to do: {}", planned.line()));
    let deferred = sight.remaining.deferred.iter();
    let deferred =
        deferred.filter(|held| held.blocker.waits() != Waits::ForTime).map(Deferral::line);
    steps.chain(deferred).collect()
}

/// What the status says of a table that could not be looked at.
fn unseen(watched: &Watched) -> Vec<String> {
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
