//! Versions of Anthropic's API: what the one of October 2026 no longer takes.

use super::*;

/// The statuses of a request in the old and in the new version.
fn statuses(more: Value) -> (u16, u16) {
    let request = with(message("demo", "hi"), more).to_string();
    let status = |version| sent_as(version, "POST", MESSAGES, request.as_bytes()).status.as_u16();
    (status("2023-06-01"), status("2026-10-21"))
}

#[test]
fn both_versions_answer_alike() {
    let request = message("demo", "say exactly: hi").to_string();
    let answer = |version| body(&sent_as(version, "POST", MESSAGES, request.as_bytes()));
    assert_eq!(answer("2023-06-01"), answer("2026-10-21"));
}

#[test]
fn sampling_is_gone() {
    for (field, value) in [("temperature", json!(1)), ("top_p", json!(1)), ("top_k", json!(1))] {
        let request = with(message("demo", "hi"), json!({field: value}));
        assert_eq!(statuses(json!({field: value})), (200, 400));
        let answer = sent_as("2026-10-21", "POST", MESSAGES, request.to_string().as_bytes());
        let reason = format!("{field}: Extra inputs are not permitted");
        assert_eq!(document(&answer)["error"]["message"], reason);
    }
}

#[test]
fn documents_of_the_assistant_are_gone() {
    let source = json!({"type": "text", "media_type": "text/plain", "data": "words"});
    let blocks = json!([{"type": "document", "source": source}, {"type": "text", "text": "I"}]);
    let turns = json!([{"role": "user", "content": "hi"}, {"role": "assistant", "content": blocks},
        {"role": "user", "content": "hi"}]);
    assert_eq!(statuses(json!({"messages": turns})), (200, 400));
}

#[test]
fn citations_of_the_user_are_gone() {
    let citing = |citations: Value| json!({"type": "text", "text": "hi", "citations": citations});
    let found =
        |text: Value| json!({"type": "search_result", "source": "a", "title": "b", "content": [text]});
    let statuses = |block: Value| statuses(json!({"messages": [{"role": "user", "content": [block]}]}));
    for block in [citing(json!([])), found(citing(json!([])))] {
        assert_eq!(statuses(block), (200, 200));
    }
    for block in
        [citing(json!([{"type": "char_location"}])), found(citing(json!([{"type": "char_location"}])))]
    {
        assert_eq!(statuses(block), (200, 400));
    }
}
