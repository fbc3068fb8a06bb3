//! What the simulator says where it speaks Anthropic's messages.

use super::{ANSWER, WORDS};

/// A plain answer's body.
pub(super) fn answer(model: &str) -> String {
    format!(
        r#"{{"id":"msg_bench","type":"message","role":"assistant","model":"{model}","content":[{{"type":"text","text":"{ANSWER}"}}],"stop_reason":"end_turn","stop_sequence":null,"usage":{{"input_tokens":40,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"output_tokens":24}}}}"#
    )
}

/// The events of a stream: three more than chat has, because a block begins and ends by itself.
pub(super) fn events(model: &str) -> Vec<String> {
    let event = |name: &str, members: &str| {
        format!("event: {name}\ndata: {{\"type\":\"{name}\",{members}}}\n\n").replace(",}\n", "}\n")
    };
    let begin = [
        event(
            "message_start",
            &format!(
                r#""message":{{"id":"msg_bench","type":"message","role":"assistant","model":"{model}","content":[],"stop_reason":null,"stop_sequence":null,"usage":{{"input_tokens":40,"output_tokens":1}}}}"#
            ),
        ),
        event("content_block_start", r#""index":0,"content_block":{"type":"text","text":""}"#),
    ];
    let words = WORDS.iter().enumerate().map(|(n, word)| {
        let space = if n == 0 { "" } else { " " };
        let members = format!(r#""index":0,"delta":{{"type":"text_delta","text":"{space}{word}"}}"#);
        event("content_block_delta", &members)
    });
    let end = [
        event("content_block_stop", r#""index":0"#),
        event(
            "message_delta",
            r#""delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":31}"#,
        ),
        event("message_stop", ""),
    ];
    begin.into_iter().chain(words).chain(end).collect()
}
