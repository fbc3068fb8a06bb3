//! A whole answer of Converse; with the words and counts that its stream has too.

use std::borrow::Cow;

use flyball_core::Document;
use flyball_core::json::Value;

use crate::conversation::ToolCall;
use crate::reply::{Answer, Choice, Part, Stop, Usage};

/// Bedrock's words for why an answer ended. What broke off without being complete counts as refused: callers must
/// not take it for an answer.
pub(crate) const STOP_REASONS: &[(&str, Stop)] = &[
    ("end_turn", Stop::End),
    ("tool_use", Stop::ToolUse),
    ("max_tokens", Stop::Length),
    ("model_context_window_exceeded", Stop::Length),
    ("stop_sequence", Stop::StopSequence),
    ("guardrail_intervened", Stop::Refusal),
    ("content_filtered", Stop::Refusal),
    ("refusal", Stop::Refusal),
    ("malformed_model_output", Stop::Refusal),
    ("malformed_tool_use", Stop::Refusal),
    ("pause_turn", Stop::Pause),
];

/// Reads an answer; none when it is not one.
pub(crate) fn read_answer(document: &Document) -> Option<Answer<'_>> {
    let root = document.root();
    let content = root.get("output")?.get("message")?.get("content")?;
    let parts = content.items().filter_map(read_block).collect();
    let choice = Choice { parts, stop: stop(root), stop_sequence: stop_sequence(root) };
    Some(Answer { choices: vec![choice], usage: usage(root), ..Answer::default() })
}

fn read_block(block: Value<'_>) -> Option<Part<'_>> {
    if let Some(call) = block.get("toolUse") {
        return Some(Part::ToolCall(ToolCall {
            id: call.get("toolUseId")?.text()?,
            name: call.get("name")?.text()?,
            arguments: Cow::Borrowed(call.get("input").map_or("{}", Value::raw)),
        }));
    }
    if let Some(text) = block.get("text").and_then(Value::text) {
        return Some(Part::Text(text));
    }
    if let Some(reasoning) = block.get("reasoningContent") {
        return reasoning.get("reasoningText")?.get("text")?.text().map(Part::Reasoning);
    }
    // A text with the sources it cites: the text stays.
    let cited = block.get("citationsContent")?.get("content")?;
    let mut texts = cited.items().filter_map(|text| text.get("text")?.text());
    let mut whole = texts.next()?;
    texts.for_each(|text| whole.to_mut().push_str(&text));
    Some(Part::Text(whole))
}

/// Why the answer ended. Words that this does not know end it as complete.
pub(crate) fn stop(holder: Value<'_>) -> Stop {
    let word = holder.get("stopReason").and_then(Value::text).unwrap_or_default();
    STOP_REASONS.iter().find(|(name, _)| *name == word).map_or(Stop::End, |(_, stop)| *stop)
}

/// The stop sequence, where the model was asked for it.
pub(crate) fn stop_sequence(holder: Value<'_>) -> Option<Cow<'_, str>> {
    holder.get("additionalModelResponseFields")?.get("stop_sequence")?.text()
}

/// The counts of tokens. Bedrock counts what the cache gave and took apart from the input.
pub(crate) fn usage(holder: Value<'_>) -> Option<Usage> {
    let told = holder.get("usage")?;
    let count = |name: &str| told.get(name).and_then(Value::unsigned);
    let cached = count("cacheReadInputTokens");
    let cache_write = count("cacheWriteInputTokens");
    let beside = cached.unwrap_or(0).saturating_add(cache_write.unwrap_or(0));
    Some(Usage {
        input: count("inputTokens").map(|input| input.saturating_add(beside)),
        cached,
        cache_write,
        output: count("outputTokens"),
        reasoning: None,
    })
}
