//! Content, written as messages' blocks: one message a side, results of tools first in the user's.

use std::borrow::Cow;
use std::collections::HashSet;

use super::answer_out::write_input;
use crate::Untranslatable;
use crate::conversation::{Part, Request, Source, Speaker, ToolResult, Turn};
use crate::gate::Gate;
use crate::write::Json;

/// What one side says until the other does.
#[derive(Debug)]
pub(super) struct Side<'r, 'd> {
    /// Whether it is the model's.
    pub(super) assistant: bool,
    /// What is said, and in which turn.
    pub(super) parts: Vec<(&'r Turn<'d>, &'r Part<'d>)>,
}

/// Turns of one side in one, results of tools before all else in the user's. What is empty is left out: the
/// provider refuses empty texts, and they say nothing.
///
/// # Errors
/// When a result does not follow the answer with its call.
pub(super) fn sides<'r, 'd>(request: &'r Request<'d>) -> Result<Vec<Side<'r, 'd>>, Untranslatable> {
    let mut sides: Vec<Side<'r, 'd>> = Vec::new();
    for turn in &request.turns {
        let assistant = turn.speaker == Speaker::Assistant;
        for part in turn.parts.iter().filter(|part| says_something(part)) {
            match sides.last_mut() {
                Some(last) if last.assistant == assistant => last.parts.push((turn, part)),
                _ => sides.push(Side { assistant, parts: vec![(turn, part)] }),
            }
        }
    }
    let mut calls: HashSet<&str> = HashSet::new();
    for side in &mut sides {
        for (turn, part) in &side.parts {
            if let Part::ToolResult(result) = part
                && !calls.contains(result.id.as_ref())
            {
                return Err(Untranslatable::new(
                    turn.path.clone(),
                    "holds the result of a call that is not in the answer before it",
                ));
            }
        }
        calls.clear();
        if side.assistant {
            calls.extend(side.parts.iter().filter_map(|(_, part)| match part {
                Part::ToolCall(call) => Some(call.id.as_ref()),
                _ => None,
            }));
        } else {
            // A stable sort: results keep their order among themselves, and so does the rest.
            side.parts.sort_by_key(|(_, part)| !matches!(part, Part::ToolResult(_)));
        }
    }
    Ok(sides)
}

fn says_something(part: &Part<'_>) -> bool {
    match part {
        Part::Text(text) | Part::Refusal(text) => !text.is_empty(),
        // Thinking that is not signed is not taken back; the gate has noted it.
        Part::Reasoning(_) => false,
        _ => true,
    }
}

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
            for (turn, part) in &side.parts {
                match (turn.speaker, part) {
                    (Speaker::System, Part::Text(text)) => write_instruction(text, json),
                    _ => write_part(part, &turn.path, gate, fault, json),
                }
            }
        });
    });
}

/// Writes instructions that nothing follows, as the user's message.
pub(super) fn write_instructions(texts: &[Cow<'_, str>], json: &mut Json) {
    json.object(|json| {
        json.key("role").text("user");
        json.key("content").array(|json| texts.iter().for_each(|text| write_instruction(text, json)));
    });
}

/// An instruction of the application's among the user's words. Not all models take a system's turn there.
fn write_instruction(text: &str, json: &mut Json) {
    write_text(&format!("<system>{text}</system>"), json);
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
            json.key("id").text(&fitting(&call.id));
            json.key("name").text(&call.name);
            json.key("input");
            if !write_input(call, json) {
                json.raw("{}");
                note(fault, Untranslatable::new(path, "calls a tool with arguments that are not an object"));
            }
        }),
        Part::ToolResult(result) => write_result(result, path, gate, fault, json),
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
        json.key("tool_use_id").text(&fitting(&result.id));
        if result.parts.iter().any(says_something) {
            json.key("content").array(|json| {
                for part in result.parts.iter().filter(|part| says_something(part)) {
                    write_part(part, path, gate, fault, json);
                }
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

/// An id of a call in the characters that messages allows (letters, digits, `_`, `-`). One that has others is told
/// apart from its likes by the FNV-1a hash of it, the same in call and result and in every turn.
pub(super) fn fitting(id: &str) -> Cow<'_, str> {
    let allowed = |character: char| character.is_ascii_alphanumeric() || matches!(character, '_' | '-');
    if !id.is_empty() && id.chars().all(allowed) {
        return Cow::Borrowed(id);
    }
    let hash = id.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let kept: String = id.chars().map(|c| if allowed(c) { c } else { '_' }).take(40).collect();
    Cow::Owned(format!("{kept}_{hash:016x}"))
}
