//! The list of models in Anthropic's shape.

use serde_json::{Value, json};

use super::refused::Refused;
use crate::models;

/// When the demo models came out: RFC 3339.
const RELEASED: &str = "2026-01-01T00:00:00Z";
/// The models that speak this dialect.
const LISTED: [&str; 2] = ["demo", "sim"];

/// All models, on one page.
pub(super) fn list() -> Value {
    let data: Vec<Value> = LISTED.iter().copied().map(model).collect();
    json!({"data": data, "has_more": false, "first_id": LISTED.first(), "last_id": LISTED.last()})
}

/// One model.
pub(super) fn describe(id: &str) -> Result<Value, Refused> {
    if models::exists(id) { Ok(model(id)) } else { Err(Refused::not_found(format!("model: {id}"))) }
}

fn model(id: &str) -> Value {
    let name = format!("Flyball {id}");
    json!({"type": "model", "id": id, "display_name": name, "created_at": RELEASED, "lifecycle": "active"})
}
