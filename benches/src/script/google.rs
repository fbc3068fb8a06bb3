//! What the simulator says where it speaks Google's `generateContent`.

use super::{ANSWER, WORDS};

/// A plain answer's body.
pub(super) fn answer(model: &str) -> String {
    format!(
        r#"{{"candidates":[{{"content":{{"parts":[{{"text":"{ANSWER}"}}],"role":"model"}},"finishReason":"STOP","index":0}}],"usageMetadata":{{"promptTokenCount":40,"candidatesTokenCount":24,"totalTokenCount":64}},"modelVersion":"{model}","responseId":"bench"}}"#
    )
}

/// The events of a stream: a word each, with the tokens so far, and the last with the reason to end.
pub(super) fn events(model: &str) -> Vec<String> {
    let last = WORDS.len() - 1;
    let words = WORDS.iter().enumerate().map(|(n, word)| {
        let space = if n == 0 { "" } else { " " };
        let reason = if n == last { r#""finishReason":"STOP","# } else { "" };
        let (output, total) = (n + 1, n + 41);
        format!(
            "data: {{\"candidates\":[{{\"content\":{{\"parts\":[{{\"text\":\"{space}{word}\"}}],\"role\":\"model\"}},{reason}\"index\":0}}],\"usageMetadata\":{{\"promptTokenCount\":40,\"candidatesTokenCount\":{output},\"totalTokenCount\":{total}}},\"modelVersion\":\"{model}\",\"responseId\":\"bench\"}}\n\n"
        )
    });
    words.collect()
}
