//! `GET /metrics`.

use std::sync::Arc;

use axum::extract::State;
use http::header::CONTENT_TYPE;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Local;
use crate::gateway::Gateway;

pub(super) fn routes() -> OpenApiRouter<Arc<Gateway>> {
    OpenApiRouter::new().routes(routes!(metrics))
}

/// Counters in OpenMetrics text form.
///
/// On loopback, or with the operator's key.
#[utoipa::path(get, path = "/metrics", tag = "operations", responses(
    (status = 200, body = String, content_type = "application/openmetrics-text")
))]
async fn metrics(
    _: Local,
    State(gateway): State<Arc<Gateway>>,
) -> ([(http::HeaderName, &'static str); 1], String) {
    let number = gateway.snapshot().number;
    gateway.metrics.observe(gateway.drain.in_flight(), gateway.keys.len(), number);
    let content_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(CONTENT_TYPE, content_type)], gateway.metrics.text())
}
