//! An answer, written as messages.

use bytes::Bytes;
use flyball_core::Document;
use flyball_core::json::{Limits, NodeKind};

use super::{stop, usage};
use crate::Envelope;
use crate::conversation::ToolCall;
use crate::reply::{Answer, Choice, Part, Stop};
use crate::write::Json;

/// Bounds on the arguments of one call.
const LIMITS: Limits = Limits { depth: 60, nodes: 1_000_000 };

/// Writes an answer. There is one: of several, the first.
pub(crate) fn write_answer(answer: &Answer<'_>, envelope: &Envelope) -> Vec<u8> {
    let nothing = Choice::default();
    let choice = answer.choices.first().unwrap_or(&nothing);
    let refused = choice.parts.iter().any(|part| matches!(part, Part::Refusal(_)));
    let mut json = Json::with_capacity(1024);
    json.object(|json| {
        json.key("id").text(answer.id.as_deref().unwrap_or(&envelope.id));
        json.key("type").text("message");
        json.key("role").text("assistant");
        json.key("model").text(answer.model.as_deref().unwrap_or(&envelope.model));
        json.key("content").array(|json| choice.parts.iter().for_each(|part| write_part(part, json)));
        write_stop(choice.stop, refused, choice.stop_sequence.as_deref(), json);
        json.key("usage");
        usage::write(answer.usage.unwrap_or_default(), json);
    });
    json.finish()
}

/// Writes why an answer ended. One that refused in words refused, whatever its provider calls it.
pub(super) fn write_stop(stop: Stop, refused: bool, sequence: Option<&str>, json: &mut Json) {
    let stop = if refused { Stop::Refusal } else { stop };
    json.key("stop_reason").text(stop::word(stop));
    json.key("stop_sequence");
    match sequence {
        Some(sequence) => json.text(sequence),
        None => json.raw("null"),
    }
}

/// Writes a call's arguments, if they are an object; no arguments are an empty one.
fn write_input(call: &ToolCall<'_>, json: &mut Json) -> bool {
    let arguments = call.arguments.trim();
    if arguments.is_empty() {
        json.raw("{}");
        return true;
    }
    let object = Document::parse(Bytes::copy_from_slice(arguments.as_bytes()), LIMITS)
        .is_ok_and(|document| document.root().kind() == NodeKind::Object);
    if object {
        json.raw(arguments);
    }
    object
}

fn write_part(part: &Part<'_>, json: &mut Json) {
    json.object(|json| match part {
        // Messages has no part for a refusal in words: it is what the model says, and the stop reason tells.
        Part::Text(text) | Part::Refusal(text) => {
            json.key("type").text("text");
            json.key("text").text(text);
        }
        // The SDKs want a signature. An empty one says that nobody signed: what comes back is read so.
        Part::Reasoning(text) => {
            json.key("type").text("thinking");
            json.key("thinking").text(text);
            json.key("signature").text("");
        }
        Part::ToolCall(call) => {
            json.key("type").text("tool_use");
            json.key("id").text(&call.id);
            json.key("name").text(&call.name);
            json.key("input");
            // What was cut off or never was an object is kept as the text it is, since there must be an object.
            if !write_input(call, json) {
                json.object(|json| json.key("arguments").text(&call.arguments));
            }
        }
    });
}
