//! Writing a chat completion: one document, or the events of a stream. Shapes: OpenAI's API description,
//! `CreateChatCompletionResponse` and `CreateChatCompletionStreamResponse`.

use flyball_core::tokens::{Counter, count};

use super::choice::{Choice, Said, ToolCall};
use super::logprobs;
use crate::json::{push_hex, push_number, push_string};
use crate::play::Events;

const FINGERPRINT: &[u8] = b"\"service_tier\":\"default\",\"system_fingerprint\":\"fp_flyball_demo\"";

/// All that an answer is written from.
#[derive(Debug)]
pub(super) struct Frame<'a> {
    pub(super) id: u64,
    pub(super) created: u64,
    pub(super) model: &'a str,
    pub(super) prompt_tokens: u64,
    /// Whether usage is reported.
    pub(super) usage: bool,
    /// How many alternatives each token shows, when log probabilities are wanted.
    pub(super) logprobs: Option<u32>,
    pub(super) choices: &'a [Choice],
}

impl Frame<'_> {
    /// The tokens of all answers.
    pub(super) fn completion_tokens(&self) -> u64 {
        self.choices.iter().map(Choice::tokens).sum()
    }
}

/// One event's share of an answer.
struct Delta {
    /// The delta and its log probabilities, as members of a choice.
    json: Vec<u8>,
    /// By how many tokens it lengthens the answer.
    tokens: u64,
}

/// The answer as one document.
pub(super) fn document(frame: &Frame<'_>) -> Vec<u8> {
    let text: usize = frame.choices.iter().map(|choice| size(&choice.said)).sum();
    let mut out = Vec::with_capacity(640 + text + text / 16);
    push_head(&mut out, frame, "chat.completion");
    out.extend_from_slice(b",\"choices\":[");
    for (at, choice) in frame.choices.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        push_choice(&mut out, frame, choice);
    }
    out.push(b']');
    if frame.usage {
        push_usage(&mut out, frame);
    }
    out.push(b',');
    out.extend_from_slice(FINGERPRINT);
    out.push(b'}');
    out
}

/// The answer as events: the role, the deltas of all choices in turn, the finish reasons, usage, `[DONE]`.
pub(super) fn events(frame: &Frame<'_>, include_usage: bool, done: bool) -> Events {
    let include_usage = include_usage && frame.usage;
    let mut head = Vec::with_capacity(256);
    head.extend_from_slice(b"data: ");
    push_head(&mut head, frame, "chat.completion.chunk");
    head.push(b',');
    head.extend_from_slice(FINGERPRINT);
    let tail: &[u8] = if include_usage { b",\"usage\":null}" } else { b"}" };

    let deltas: Vec<Vec<Delta>> = frame.choices.iter().map(|choice| deltas(frame, choice)).collect();
    let count = deltas.iter().map(|deltas| deltas.len() + 2).sum::<usize>() + 2;
    let text: usize = deltas.iter().flatten().map(|delta| delta.json.len()).sum();
    let mut events = Events::with_capacity(count, count * (head.len() + 80) + text);
    let mut push = |choice: &Choice, delta: &[u8], finish: Option<&str>, tokens: Option<u64>| {
        let out = &mut events.bytes;
        out.extend_from_slice(&head);
        out.extend_from_slice(b",\"choices\":[{\"index\":");
        push_number(out, u64::from(choice.index));
        out.extend_from_slice(b",\"delta\":");
        out.extend_from_slice(delta);
        out.extend_from_slice(b",\"finish_reason\":");
        match finish {
            Some(reason) => push_string(out, reason),
            None => out.extend_from_slice(b"null"),
        }
        out.extend_from_slice(b"}]");
        out.extend_from_slice(tail);
        events.end(tokens);
    };
    for choice in frame.choices {
        let role: &[u8] = match choice.said {
            Said::Text(_) => b"{\"role\":\"assistant\",\"content\":\"\",\"refusal\":null},\"logprobs\":null",
            Said::Calls(_) => b"{\"role\":\"assistant\",\"content\":null},\"logprobs\":null",
        };
        push(choice, role, None, None);
    }
    let longest = deltas.iter().map(Vec::len).max().unwrap_or(0);
    for at in 0..longest {
        for (choice, deltas) in frame.choices.iter().zip(&deltas) {
            if let Some(delta) = deltas.get(at) {
                push(choice, &delta.json, None, Some(delta.tokens));
            }
        }
    }
    for choice in frame.choices {
        push(choice, b"{},\"logprobs\":null", Some(choice.finish), None);
    }
    if include_usage {
        events.bytes.extend_from_slice(&head);
        events.bytes.extend_from_slice(b",\"choices\":[]");
        push_usage(&mut events.bytes, frame);
        events.bytes.push(b'}');
        events.end(None);
    }
    if done {
        events.bytes.extend_from_slice(b"data: [DONE]");
        events.end(None);
    }
    events
}

/// The deltas of one choice, each with its log probabilities.
fn deltas(frame: &Frame<'_>, choice: &Choice) -> Vec<Delta> {
    // The tokens of a text that are new with each of its pieces.
    let counting = || {
        let mut counter = Counter::default();
        move |piece: &str| {
            let before = counter.total();
            counter.push(piece);
            counter.total() - before
        }
    };
    match &choice.said {
        Said::Text(text) => {
            let mut new = counting();
            let delta = |piece| Delta { json: text_delta(frame, piece), tokens: new(piece) };
            choice.pieces(text).into_iter().map(delta).collect()
        }
        Said::Calls(calls) => calls
            .iter()
            .enumerate()
            .flat_map(|(at, call)| {
                let mut new = counting();
                let name = Delta { json: call_delta(at, call), tokens: count(&call.name) };
                let arguments = choice.pieces(&call.arguments).into_iter();
                let delta = move |piece| Delta { json: arguments_delta(at, piece), tokens: new(piece) };
                std::iter::once(name).chain(arguments.map(delta))
            })
            .collect(),
    }
}

fn text_delta(frame: &Frame<'_>, piece: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(40 + piece.len());
    out.extend_from_slice(b"{\"content\":");
    push_string(&mut out, piece);
    out.extend_from_slice(b"},\"logprobs\":");
    match frame.logprobs {
        Some(alternatives) => logprobs::push(&mut out, &[piece], alternatives),
        None => out.extend_from_slice(b"null"),
    }
    out
}

fn call_delta(at: usize, call: &ToolCall) -> Vec<u8> {
    let mut out = Vec::with_capacity(128);
    out.extend_from_slice(b"{\"tool_calls\":[{\"index\":");
    push_number(&mut out, u64::try_from(at).unwrap_or(0));
    out.extend_from_slice(b",\"id\":");
    push_string(&mut out, &call.id);
    out.extend_from_slice(b",\"type\":\"function\",\"function\":{\"name\":");
    push_string(&mut out, &call.name);
    out.extend_from_slice(b",\"arguments\":\"\"}}]},\"logprobs\":null");
    out
}

fn arguments_delta(at: usize, piece: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(96);
    out.extend_from_slice(b"{\"tool_calls\":[{\"index\":");
    push_number(&mut out, u64::try_from(at).unwrap_or(0));
    out.extend_from_slice(b",\"function\":{\"arguments\":");
    push_string(&mut out, piece);
    out.extend_from_slice(b"}}]},\"logprobs\":null");
    out
}

/// Appends the fields that every document and every event opens with, without the closing brace.
fn push_head(out: &mut Vec<u8>, frame: &Frame<'_>, object: &str) {
    out.extend_from_slice(b"{\"id\":\"chatcmpl-");
    push_hex(out, frame.id);
    out.extend_from_slice(b"\",\"object\":\"");
    out.extend_from_slice(object.as_bytes());
    out.extend_from_slice(b"\",\"created\":");
    push_number(out, frame.created);
    out.extend_from_slice(b",\"model\":");
    push_string(out, frame.model);
}

fn push_choice(out: &mut Vec<u8>, frame: &Frame<'_>, choice: &Choice) {
    out.extend_from_slice(b"{\"index\":");
    push_number(out, u64::from(choice.index));
    out.extend_from_slice(b",\"message\":{\"role\":\"assistant\",\"content\":");
    match &choice.said {
        Said::Text(text) => push_string(out, text),
        Said::Calls(calls) => {
            out.extend_from_slice(b"null,\"tool_calls\":[");
            for (at, call) in calls.iter().enumerate() {
                if at > 0 {
                    out.push(b',');
                }
                out.extend_from_slice(b"{\"id\":");
                push_string(out, &call.id);
                out.extend_from_slice(b",\"type\":\"function\",\"function\":{\"name\":");
                push_string(out, &call.name);
                out.extend_from_slice(b",\"arguments\":");
                push_string(out, &call.arguments);
                out.extend_from_slice(b"}}");
            }
            out.push(b']');
        }
    }
    out.extend_from_slice(b",\"refusal\":null,\"annotations\":[]},\"logprobs\":");
    match (frame.logprobs, &choice.said) {
        (Some(alternatives), Said::Text(text)) => logprobs::push(out, &choice.pieces(text), alternatives),
        _ => out.extend_from_slice(b"null"),
    }
    out.extend_from_slice(b",\"finish_reason\":");
    push_string(out, choice.finish);
    out.push(b'}');
}

fn push_usage(out: &mut Vec<u8>, frame: &Frame<'_>) {
    let completion = frame.completion_tokens();
    out.extend_from_slice(b",\"usage\":{\"prompt_tokens\":");
    push_number(out, frame.prompt_tokens);
    out.extend_from_slice(b",\"completion_tokens\":");
    push_number(out, completion);
    out.extend_from_slice(b",\"total_tokens\":");
    push_number(out, frame.prompt_tokens.saturating_add(completion));
    out.extend_from_slice(b",\"prompt_tokens_details\":{\"cached_tokens\":0,\"audio_tokens\":0}");
    out.extend_from_slice(b",\"completion_tokens_details\":{\"reasoning_tokens\":0,\"audio_tokens\":0,");
    out.extend_from_slice(b"\"accepted_prediction_tokens\":0,\"rejected_prediction_tokens\":0}}");
}

fn size(said: &Said) -> usize {
    match said {
        Said::Text(text) => text.len(),
        Said::Calls(calls) => calls.iter().map(|call| call.arguments.len() + 128).sum(),
    }
}
