//! `POST /filter/prompt`, `/filter/output` and `/process`: the policy and its detectors without a model.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use bytes::Bytes;
use flyball_core::json::Document;
use tokio::time::Instant;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::TenantCaller;
use crate::gateway::Gateway;
use crate::pipeline::filter;
use crate::protocols::governed_speed::{FilterAnswer, FilterRequest, decode_filter, encode_process};
use crate::refusal::{Kind, Refusal};

pub(super) fn routes() -> OpenApiRouter<Arc<Gateway>> {
    OpenApiRouter::new().routes(routes!(prompt)).routes(routes!(output)).routes(routes!(process))
}

fn decode(gateway: &Gateway, body: Bytes, field: &str) -> Result<FilterRequest, Refusal> {
    let document = Document::parse(body, gateway.snapshot().config.limits.json()).map_err(|error| {
        Refusal::new(Kind::MalformedJson, format!("The body is not acceptable JSON: {error}.")).at("body")
    })?;
    decode_filter(&document, field)
}

/// What the policy says of a prompt.
///
/// Body: `{"prompt": text, "context": {"contains_pii": bool, "jailbreak_score":
/// number}}`; the context can only make the decision stricter.
#[utoipa::path(post, path = "/filter/prompt", tag = "filter", security(("key" = [])),
    request_body(content = serde_json::Value, content_type = "application/json"),
    responses((status = 200, body = serde_json::Value)))]
async fn prompt(
    TenantCaller(principal, _): TenantCaller,
    State(gateway): State<Arc<Gateway>>,
    body: Bytes,
) -> Result<Json<FilterAnswer>, Refusal> {
    let request = decode(&gateway, body, "prompt")?;
    Ok(Json(filter::prompt(&gateway, &principal, &request)))
}

/// What the policy says of an answer.
///
/// Body: `{"output": text, "context": {"verbatim_ratio": number, "sources":
/// [text]}}`; sources are what the answer may have copied from.
#[utoipa::path(post, path = "/filter/output", tag = "filter", security(("key" = [])),
    request_body(content = serde_json::Value, content_type = "application/json"),
    responses((status = 200, body = serde_json::Value)))]
async fn output(
    TenantCaller(principal, _): TenantCaller,
    State(gateway): State<Arc<Gateway>>,
    body: Bytes,
) -> Result<Json<FilterAnswer>, Refusal> {
    let request = decode(&gateway, body, "output")?;
    Ok(Json(filter::output(&gateway, &principal, &request)))
}

/// What the policy says of a prompt, in another shape.
///
/// As `/filter/prompt`, answered with `{status, sanitized_prompt, reason, processing_time_ms}`.
#[utoipa::path(post, path = "/process", tag = "filter", security(("key" = [])),
    request_body(content = serde_json::Value, content_type = "application/json"),
    responses((status = 200, body = serde_json::Value)))]
async fn process(
    TenantCaller(principal, _): TenantCaller,
    State(gateway): State<Arc<Gateway>>,
    body: Bytes,
) -> Result<Json<serde_json::Value>, Refusal> {
    let started = Instant::now();
    let request = decode(&gateway, body, "prompt")?;
    let answer = filter::prompt(&gateway, &principal, &request);
    Ok(Json(encode_process(&answer, started.elapsed().as_secs_f64() * 1e3)))
}
