//! Writes a conversation as chat messages: instructions first, then turn after turn, so that what was said before
//! stays where it was.

use std::borrow::Cow;
use std::collections::HashSet;

use crate::Untranslatable;
use crate::conversation::{Part, Request, Source, Speaker, ToolCall, ToolResult, Turn};
use crate::write::Json;

/// Writes the items of `messages`.
pub(super) fn write(request: &Request<'_>, json: &mut Json) -> Result<(), Untranslatable> {
    if !request.system.is_empty() {
        json.object(|json| {
            json.key("role").text("system");
            match request.system.as_slice() {
                [one] => json.key("content").text(one),
                several => json.key("content").array(|json| {
                    several.iter().for_each(|said| json.object(|json| text(said, json)));
                }),
            }
        });
    }
    let mut calls = HashSet::new();
    for turn in &request.turns {
        match turn.speaker {
            Speaker::System => message("system", &turn.parts, json),
            Speaker::Assistant => {
                calls.extend(called(turn).map(|call| &*call.id));
                assistant(turn, json);
            }
            Speaker::User => user(turn, &calls, json)?,
        }
    }
    Ok(())
}

/// Results of tools come first, each a message of its own; then what else is said, with the media of the results,
/// which have no place in theirs.
fn user(turn: &Turn<'_>, calls: &HashSet<&str>, json: &mut Json) -> Result<(), Untranslatable> {
    let mut rest = Vec::new();
    for part in &turn.parts {
        if let Part::ToolResult(result) = part {
            if !calls.contains(&*result.id) {
                return Err(Untranslatable::new(turn.path.as_str(), "answers no call of a tool before it"));
            }
            tool(result, json);
            rest.extend(result.parts.iter().filter(|part| !matches!(part, Part::Text(_))));
        }
    }
    let results = turn.parts.iter().any(|part| matches!(part, Part::ToolResult(_)));
    rest.extend(turn.parts.iter().filter(|part| !matches!(part, Part::ToolResult(_))));
    if !results || !rest.is_empty() {
        contents("user", &rest, json);
    }
    Ok(())
}

fn tool(result: &ToolResult<'_>, json: &mut Json) {
    let texts: Vec<&Part<'_>> = result.parts.iter().filter(|part| matches!(part, Part::Text(_))).collect();
    json.object(|json| {
        json.key("role").text("tool");
        json.key("tool_call_id").text(&result.id);
        content(&texts, json);
    });
}

fn message(role: &str, parts: &[Part<'_>], json: &mut Json) {
    contents(role, &parts.iter().collect::<Vec<_>>(), json);
}

fn contents(role: &str, parts: &[&Part<'_>], json: &mut Json) {
    json.object(|json| {
        json.key("role").text(role);
        content(parts, json);
    });
}

fn called<'r, 'd>(turn: &'r Turn<'d>) -> impl Iterator<Item = &'r ToolCall<'d>> {
    turn.parts.iter().filter_map(|part| match part {
        Part::ToolCall(call) => Some(call),
        _ => None,
    })
}

fn assistant(turn: &Turn<'_>, json: &mut Json) {
    let said: Vec<&Part<'_>> =
        turn.parts.iter().filter(|part| matches!(part, Part::Text(_) | Part::Refusal(_))).collect();
    json.object(|json| {
        json.key("role").text("assistant");
        match said.as_slice() {
            [] if called(turn).next().is_some() => {}
            [Part::Refusal(refusal)] => {
                json.key("content").raw("null");
                json.key("refusal").text(refusal);
            }
            [Part::Text(said), Part::Refusal(refusal)] => {
                json.key("content").text(said);
                json.key("refusal").text(refusal);
            }
            said => content(said, json),
        }
        if called(turn).next().is_some() {
            json.key("tool_calls").array(|json| {
                for call in called(turn) {
                    json.object(|json| {
                        json.key("id").text(&call.id);
                        json.key("type").text("function");
                        json.key("function").object(|json| {
                            json.key("name").text(&call.name);
                            // Chat's readers parse the text: one that takes no arguments is an empty object.
                            let arguments = if call.arguments.is_empty() { "{}" } else { &call.arguments };
                            json.key("arguments").text(arguments);
                        });
                    });
                }
            });
        }
    });
}

/// One text stands for itself; anything else is a list of parts.
fn content(parts: &[&Part<'_>], json: &mut Json) {
    json.key("content");
    match parts {
        [] => json.text(""),
        [Part::Text(said)] => json.text(said),
        several => json.array(|json| several.iter().for_each(|part| content_part(part, json))),
    }
}

fn text(said: &str, json: &mut Json) {
    json.key("type").text("text");
    json.key("text").text(said);
}

fn content_part(part: &Part<'_>, json: &mut Json) {
    match part {
        Part::Text(said) => json.object(|json| text(said, json)),
        Part::Refusal(said) => json.object(|json| {
            json.key("type").text("refusal");
            json.key("refusal").text(said);
        }),
        Part::Image { source, detail } => json.object(|json| {
            json.key("type").text("image_url");
            json.key("image_url").object(|json| {
                json.key("url").text(&address(source));
                if let Some(detail) = detail {
                    json.key("detail").text(detail);
                }
            });
        }),
        Part::Document { source: Source::Text(said), .. } => json.object(|json| text(said, json)),
        Part::Document { source, name } => json.object(|json| {
            json.key("type").text("file");
            json.key("file").object(|json| {
                json.key("filename").text(name.as_deref().unwrap_or("document.pdf"));
                json.key("file_data").text(&address(source));
            });
        }),
        Part::Audio { format, data } => json.object(|json| {
            json.key("type").text("input_audio");
            json.key("input_audio").object(|json| {
                json.key("data").text(data);
                json.key("format").text(format);
            });
        }),
        // Calls and results have their own places; reasoning is not taken back, which the lists say.
        Part::ToolCall(_) | Part::ToolResult(_) | Part::Reasoning(_) => {}
    }
}

/// An address of the bytes: a `data:` one (RFC 2397) when they are here.
fn address<'s>(source: &'s Source<'_>) -> Cow<'s, str> {
    match source {
        Source::Bytes { media_type, data } => Cow::Owned(format!("data:{media_type};base64,{data}")),
        Source::Text(text) | Source::Link(text) => Cow::Borrowed(text),
    }
}
