//! Errors in Anthropic's shape.

use serde_json::json;

use crate::refusal::{Kind, Refusal};

/// The body of an error answer, and the data of an error event: `{"type": "error", "error": {type, message, ...},
/// "request_id"}`. Beside Anthropic's members the error carries what ours have in every protocol: the field at
/// fault, our codes, the remedy, and the rules that fired.
pub fn body(refusal: &Refusal, request_id: &str) -> String {
    let row = refusal.row();
    // Callers look at one code for both sides of the policy.
    let code = match refusal.kind {
        Kind::PolicyBlockedOutput => Kind::PolicyBlockedPrompt.row().name,
        _ => row.name,
    };
    let mut error = json!({
        "type": row.anthropic_type,
        "message": refusal.message,
        "param": refusal.field,
        "code": code,
        "flyball_code": row.code,
        "remedy": row.remedy,
    });
    if !refusal.rules.is_empty()
        && let Some(error) = error.as_object_mut()
    {
        error.insert("rules".to_owned(), json!(refusal.rules));
    }
    json!({ "type": "error", "error": error, "request_id": request_id }).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_has_anthropics_members_and_ours() {
        let mut refusal = Refusal::new(Kind::PolicyBlockedOutput, "No.").at("messages[0]");
        refusal.rules = ["a".into()].into();
        let body: serde_json::Value = serde_json::from_str(&body(&refusal, "req_1")).unwrap();
        assert_eq!((&body["type"], &body["request_id"]), (&json!("error"), &json!("req_1")));
        let error = &body["error"];
        assert_eq!(
            (&error["type"], &error["message"], &error["code"]),
            (&json!("permission_error"), &json!("No."), &json!("policy_blocked"))
        );
        assert_eq!((&error["flyball_code"], &error["param"]), (&json!("E305"), &json!("messages[0]")));
        assert_eq!((&error["rules"], error["remedy"].is_string()), (&json!(["a"]), true));
    }

    #[test]
    fn no_rules_are_no_member() {
        let refusal = Refusal::new(Kind::UnknownModel, "No.");
        let body: serde_json::Value = serde_json::from_str(&body(&refusal, "r")).unwrap();
        assert_eq!((&body["error"]["type"], body["error"].get("rules")), (&json!("not_found_error"), None));
    }
}
