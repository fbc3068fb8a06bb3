//! The parts of a conversation as `messages` has them. Media are named by formats, documents by names of few
//! characters, each once.

use std::borrow::Cow;
use std::collections::HashSet;

use crate::Untranslatable;
use crate::conversation::{Part, Source, ToolCall};
use crate::gate::Gate;
use crate::ids;
use crate::sides::{Answered, Said, Side, arguments};
use crate::write::Json;

/// Formats of audio that Bedrock names.
const AUDIO: [&str; 14] =
    ["aac", "flac", "m4a", "mka", "mkv", "mp3", "mp4", "mpeg", "mpga", "ogg", "opus", "pcm", "wav", "webm"];

/// The longest name of a document.
const NAME: usize = 200;

/// Notes what is left out and finds what has no form here, so that writing cannot fail.
pub(crate) fn check(sides: &[Side<'_, '_>], gate: &mut Gate) -> Result<(), Untranslatable> {
    for side in sides {
        for answered in &side.results {
            for part in &answered.result.parts {
                check_part(part, answered.path, gate)?;
                if matches!(part, Part::Audio { .. }) {
                    return Err(gate.refusal(answered.path.to_owned()));
                }
            }
        }
        for said in &side.said {
            if let Said::Part(part, path) = said {
                check_part(part, path, gate)?;
            }
        }
    }
    Ok(())
}

fn check_part(part: &Part<'_>, path: &str, gate: &mut Gate) -> Result<(), Untranslatable> {
    let known = match part {
        Part::Image { source: Source::Bytes { media_type, .. }, .. } => image_format(media_type).is_some(),
        Part::Document { source: Source::Bytes { media_type, .. }, .. } => {
            document_format(media_type).is_some()
        }
        Part::Document { source: Source::Text(_), .. } => true,
        Part::Image { .. } | Part::Document { .. } => false,
        Part::Audio { format, .. } => AUDIO.contains(&&**format),
        Part::Reasoning(_) => {
            gate.drop(format!("{path}.reasoning"));
            true
        }
        Part::Text(_) | Part::Refusal(_) | Part::ToolCall(_) | Part::ToolResult(_) => true,
    };
    if known { Ok(()) } else { Err(gate.refusal(path.to_owned())) }
}

/// The names of documents that were given.
#[derive(Debug, Default)]
pub(crate) struct Names {
    given: HashSet<String>,
    /// The last number that told names apart. It only grows: names cost time in the order of their count.
    number: u64,
}

impl Names {
    /// A name as Bedrock allows it (letters, digits, hyphens, brackets, single spaces), not given before.
    fn give(&mut self, wanted: Option<&str>) -> String {
        let mut name = String::new();
        for character in wanted.unwrap_or("document").chars().take(NAME - 24) {
            let allowed =
                character.is_ascii_alphanumeric() || matches!(character, '-' | '(' | ')' | '[' | ']');
            match character {
                character if allowed => name.push(character),
                _ if !name.is_empty() && !name.ends_with(' ') => name.push(' '),
                _ => {}
            }
        }
        let name = match name.trim_end() {
            "" => "document",
            name => name,
        };
        let mut given = name.to_owned();
        while self.given.contains(&given) {
            self.number += 1;
            given = format!("{name} {}", self.number);
        }
        self.given.insert(given.clone());
        given
    }
}

/// The members of a message.
pub(crate) fn write_side(json: &mut Json, side: &Side<'_, '_>, names: &mut Names) {
    json.key("role").text(if side.assistant { "assistant" } else { "user" });
    let mut document = None;
    let mut text = false;
    json.key("content").array(|json| {
        for answered in &side.results {
            write_result(json, answered, names);
        }
        for said in &side.said {
            match said {
                Said::Instruction(instruction) => {
                    text = true;
                    json.object(|json| json.key("text").text(instruction));
                }
                Said::Part(Part::Text(words) | Part::Refusal(words), _) => {
                    text = true;
                    json.object(|json| json.key("text").text(words));
                }
                Said::Part(Part::ToolCall(call), _) => write_call(json, call),
                Said::Part(part, _) => {
                    if let Some(name) = write_media(json, part, names) {
                        document.get_or_insert(name);
                    }
                }
            }
        }
        // Bedrock wants words with a document.
        if let Some(name) = document.filter(|_| !text) {
            json.object(|json| json.key("text").text(&name));
        }
    });
}

fn write_call(json: &mut Json, call: &ToolCall<'_>) {
    json.object(|json| {
        json.key("toolUse").object(|json| {
            json.key("toolUseId").text(&ids::fitted(&call.id));
            json.key("name").text(&call.name);
            json.key("input").raw(arguments(call));
        });
    });
}

fn write_result(json: &mut Json, answered: &Answered<'_, '_>, names: &mut Names) {
    let result = answered.result;
    json.object(|json| {
        json.key("toolResult").object(|json| {
            json.key("toolUseId").text(&ids::fitted(&result.id));
            json.key("content").array(|json| {
                let mut empty = true;
                for part in &result.parts {
                    match part {
                        Part::Text(text) if text.is_empty() => continue,
                        Part::Text(text) => json.object(|json| json.key("text").text(text)),
                        part => {
                            write_media(json, part, names);
                        }
                    }
                    empty = false;
                }
                // Empty texts and empty results are refused: an object that says nothing is neither.
                if empty {
                    json.object(|json| json.key("json").object(|_| {}));
                }
            });
            if result.error {
                json.key("status").text("error");
            }
        });
    });
}

/// Writes an image, a document, a recording. Returns a document's name.
fn write_media(json: &mut Json, part: &Part<'_>, names: &mut Names) -> Option<String> {
    match part {
        Part::Image { source: Source::Bytes { media_type, data }, .. } => {
            write_block(json, "image", image_format(media_type)?, data);
            None
        }
        Part::Audio { format, data } => {
            write_block(json, "audio", format, data);
            None
        }
        Part::Document { source, name } => {
            let given = names.give(name.as_deref());
            json.object(|json| {
                json.key("document").object(|json| {
                    let (format, member, text): (_, _, &Cow<'_, str>) = match source {
                        Source::Bytes { media_type, data } => {
                            (document_format(media_type).unwrap_or("txt"), "bytes", data)
                        }
                        Source::Text(text) | Source::Link(text) => ("txt", "text", text),
                    };
                    json.key("format").text(format);
                    json.key("name").text(&given);
                    json.key("source").object(|json| json.key(member).text(text));
                });
            });
            Some(given)
        }
        _ => None,
    }
}

fn write_block(json: &mut Json, kind: &'static str, format: &str, data: &str) {
    json.object(|json| {
        json.key(kind).object(|json| {
            json.key("format").text(format);
            json.key("source").object(|json| json.key("bytes").text(data));
        });
    });
}

fn image_format(media_type: &str) -> Option<&'static str> {
    match media_type {
        "image/png" => Some("png"),
        "image/jpeg" | "image/jpg" => Some("jpeg"),
        "image/gif" => Some("gif"),
        "image/webp" => Some("webp"),
        _ => None,
    }
}

fn document_format(media_type: &str) -> Option<&'static str> {
    match media_type {
        "application/pdf" => Some("pdf"),
        "text/plain" => Some("txt"),
        "text/markdown" => Some("md"),
        "text/html" => Some("html"),
        "text/csv" => Some("csv"),
        "application/msword" => Some("doc"),
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document" => Some("docx"),
        "application/vnd.ms-excel" => Some("xls"),
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet" => Some("xlsx"),
        _ => None,
    }
}
