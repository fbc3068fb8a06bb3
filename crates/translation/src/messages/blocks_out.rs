//! Content, written as messages' blocks: one message a side, results of tools first in the user's.

use std::borrow::Cow;

use crate::Untranslatable;
use crate::conversation::{Part, Source, ToolResult};
use crate::gate::Gate;
use crate::ids::fitted;
use crate::sides::{self, Said, Side};
use crate::write::Json;

/// Writes a message.
pub(super) fn write_side(
    side: &Side<'_, '_>,
    gate: &Gate,
    fault: &mut Option<Untranslatable>,
    json: &mut Json,
) {
    json.object(|json| {
        json.key("role").text(if side.assistant { "assistant" } else { "user" });
        json.key("content").array(|json| {
            for answered in &side.results {
                write_result(answered.result, answered.path, gate, fault, json);
            }
            for said in &side.said {
                match said {
                    Said::Part(part, path) => write_part(part, path, gate, fault, json),
                    Said::Instruction(text) => write_text(text, json),
                }
            }
        });
    });
}

/// Writes instructions that nothing follows, as the user's message.
pub(super) fn write_instructions(texts: &[Cow<'_, str>], json: &mut Json) {
    json.object(|json| {
        json.key("role").text("user");
        json.key("content").array(|json| {
            // As instructions in the middle are said. Not all models take a system's turn there.
            texts.iter().for_each(|text| write_text(&format!("<system>{text}</system>"), json));
        });
    });
}

/// Writes a text.
pub(super) fn write_text(text: &str, json: &mut Json) {
    json.object(|json| {
        json.key("type").text("text");
        json.key("text").text(text);
    });
}

fn write_part(part: &Part<'_>, path: &str, gate: &Gate, fault: &mut Option<Untranslatable>, json: &mut Json) {
    match part {
        Part::Text(text) | Part::Refusal(text) => write_text(text, json),
        Part::Image { source, .. } => match source {
            Source::Text(_) => note(fault, gate.refusal(path.to_owned())),
            source => json.object(|json| {
                json.key("type").text("image");
                write_source(source, json);
            }),
        },
        Part::Document { source, name } => match source {
            Source::Bytes { media_type, .. } if media_type != "application/pdf" => {
                note(fault, Untranslatable::new(path, "holds a document that is neither PDF nor text"));
            }
            source => json.object(|json| {
                json.key("type").text("document");
                write_source(source, json);
                if let Some(name) = name {
                    json.key("title").text(name);
                }
            }),
        },
        Part::Audio { .. } => note(fault, gate.refusal(path.to_owned())),
        Part::ToolCall(call) => json.object(|json| {
            json.key("type").text("tool_use");
            json.key("id").text(&fitted(&call.id));
            json.key("name").text(&call.name);
            json.key("input").raw(sides::arguments(call));
        }),
        Part::ToolResult(result) => write_result(result, path, gate, fault, json),
        // Thinking that is not signed is not taken back; the gate has noted it.
        Part::Reasoning(_) => {}
    }
}

fn write_result(
    result: &ToolResult<'_>,
    path: &str,
    gate: &Gate,
    fault: &mut Option<Untranslatable>,
    json: &mut Json,
) {
    json.object(|json| {
        json.key("type").text("tool_result");
        json.key("tool_use_id").text(&fitted(&result.id));
        let says_something = |part: &&Part<'_>| !matches!(part, Part::Text(text) if text.is_empty());
        let mut said = result.parts.iter().filter(says_something).peekable();
        if said.peek().is_some() {
            json.key("content").array(|json| {
                said.for_each(|part| write_part(part, path, gate, fault, json));
            });
        }
        if result.error {
            json.key("is_error").boolean(true);
        }
    });
}

fn write_source(source: &Source<'_>, json: &mut Json) {
    json.key("source").object(|json| match source {
        Source::Bytes { media_type, data } => {
            json.key("type").text("base64");
            json.key("media_type").text(media_type);
            json.key("data").text(data);
        }
        Source::Text(text) => {
            json.key("type").text("text");
            json.key("media_type").text("text/plain");
            json.key("data").text(text);
        }
        Source::Link(link) => {
            json.key("type").text("url");
            json.key("url").text(link);
        }
    });
}

/// The first fault counts.
fn note(fault: &mut Option<Untranslatable>, found: Untranslatable) {
    fault.get_or_insert(found);
}
