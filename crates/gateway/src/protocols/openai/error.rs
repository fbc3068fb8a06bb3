//! Errors in OpenAI's shape.

use serde_json::json;

use crate::refusal::Refusal;

/// The body of an error answer, and the data of an error event: `{"error": {message, type, param, code, ...}}`.
/// Beside OpenAI's four members it carries our stable `flyball_code`, the remedy, and the rules that fired.
pub fn body(refusal: &Refusal, request_id: &str) -> String {
    let row = refusal.row();
    // Callers look at one code for both sides of the policy.
    let code = match refusal.kind {
        crate::refusal::Kind::PolicyBlockedOutput => "policy_blocked",
        _ => row.name,
    };
    let mut error = json!({
        "message": refusal.message,
        "type": row.openai_type,
        "param": refusal.field,
        "code": code,
        "flyball_code": row.code,
        "remedy": row.remedy,
        "request_id": request_id,
    });
    if !refusal.rules.is_empty()
        && let Some(error) = error.as_object_mut()
    {
        error.insert("rules".to_owned(), json!(refusal.rules));
    }
    json!({ "error": error }).to_string()
}
