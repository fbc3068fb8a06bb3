//! `GET /rules`: the policy in force.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Caller;
use crate::gateway::Gateway;

pub(super) fn routes() -> OpenApiRouter<Arc<Gateway>> {
    OpenApiRouter::new().routes(routes!(rules))
}

/// The policy in force.
///
/// Its hash, the document as loaded, and for each rule the stage and signals that follow from
/// its condition. With any key.
#[utoipa::path(get, path = "/rules", tag = "policy", security(("key" = [])), responses(
    (status = 200, body = serde_json::Value)
))]
async fn rules(_: Caller, State(gateway): State<Arc<Gateway>>) -> Json<Value> {
    let snapshot = gateway.snapshot();
    let policy = &snapshot.policy;
    let rules: Vec<Value> = policy
        .rules()
        .iter()
        .map(|rule| {
            let signals: Vec<&str> = rule.reads().map(flyball_policy::Signal::name).collect();
            let kinds: Vec<&str> = rule.kinds().iter().map(|kind| kind.0).collect();
            json!({
                "id": rule.id(),
                "description": rule.description(),
                "when": rule.when(),
                "action": rule.action().name(),
                "owner": rule.owner(),
                "stage": rule.stage().name(),
                "kinds": kinds,
                "signals": signals,
                "whole_answer": rule.is_whole_answer(),
            })
        })
        .collect();
    Json(json!({
        "policy_hash": policy.hash(),
        "snapshot": snapshot.number,
        "rules": rules,
        "document": policy.document(),
    }))
}
