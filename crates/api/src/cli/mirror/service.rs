//! What a monitoring system asks of a copy that follows: its metrics, and whether it gets on.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context as _;
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use foodflow_log::mirror::Mirror;
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::metric_definitions;
use crate::cli::{meters, say};

/// A listener that ends with the copy.
pub(super) struct Service(JoinHandle<std::io::Result<()>>);

#[derive(Clone)]
struct Shown {
    mirror: Arc<Mirror>,
    metrics: PrometheusHandle,
}

impl Service {
    /// Listens on `address` until `stop`.
    pub(super) async fn start(
        address: SocketAddr,
        mirror: Arc<Mirror>,
        stop: CancellationToken,
    ) -> anyhow::Result<Self> {
        let metrics = meters::start()?;
        metric_definitions::describe();
        let listener = TcpListener::bind(address)
            .await
            .with_context(|| format!("cannot listen on {address}; choose another address with --listen"))?;
        say(&format!("metrics: http://{}/metrics", listener.local_addr()?));
        let router = Router::new()
            .route("/healthz", get(async || "ok\n"))
            .route("/readyz", get(readyz))
            .route("/metrics", get(show_metrics))
            .with_state(Shown { mirror, metrics });
        let serving = axum::serve(listener, router).with_graceful_shutdown(stop.cancelled_owned());
        Ok(Self(tokio::spawn(serving.into_future())))
    }

    /// Waits until it has ended.
    pub(super) async fn ended(self) {
        match self.0.await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "the metrics were no longer served"),
            Err(error) => tracing::warn!(%error, "the metrics were no longer served"),
        }
    }
}

/// Whether the copy gets on.
async fn readyz(State(shown): State<Shown>) -> Response {
    let mut troubles: Vec<String> = (shown.mirror.standings().into_iter())
        .filter_map(|one| Some(format!("partition {}: {}\n", one.partition.0, one.trouble?)))
        .collect();
    troubles.extend(shown.mirror.records_standing().trouble.map(|one| format!("audit records: {one}\n")));
    if troubles.is_empty() {
        return "ready\n".into_response();
    }
    (StatusCode::SERVICE_UNAVAILABLE, troubles.concat()).into_response()
}

async fn show_metrics(State(shown): State<Shown>) -> String {
    shown.mirror.standings().iter().for_each(metric_definitions::record);
    metric_definitions::record_records(&shown.mirror.records_standing());
    shown.metrics.render()
}
