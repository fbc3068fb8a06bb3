//! The parts of a conversation as `contents` has them.

use crate::Untranslatable;
use crate::conversation::{Part, Source, ToolCall};
use crate::gate::Gate;
use crate::sides::{Answered, Said, Side, arguments, texts};
use crate::write::Json;

/// What stands for the signature of a call that another vendor's model made: Google's documentation of thought
/// signatures names it for this. Models that want signatures refuse a call without one.
const NO_SIGNATURE: &str = "skip_thought_signature_validator";

/// Notes what is left out and finds what has no form here, so that writing cannot fail.
pub(crate) fn check(sides: &[Side<'_, '_>], gate: &mut Gate) -> Result<(), Untranslatable> {
    for side in sides {
        for answered in &side.results {
            for part in &answered.result.parts {
                check_part(part, answered.path, gate)?;
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
    match part {
        Part::Document { name: Some(_), .. } => gate.drop(format!("{path}.content[].document.name")),
        Part::Image { source: Source::Text(_), .. } => return Err(gate.refusal(path.to_owned())),
        Part::Image { detail: Some(_), .. } => gate.drop(format!("{path}.content[].image.detail")),
        Part::Reasoning(_) => gate.drop(format!("{path}.reasoning")),
        _ => {}
    }
    Ok(())
}

/// The members of a content. `signed`: whether the model wants signatures of calls.
pub(crate) fn write_side(json: &mut Json, side: &Side<'_, '_>, signed: bool) {
    json.key("role").text(if side.assistant { "model" } else { "user" });
    json.key("parts").array(|json| {
        for answered in &side.results {
            write_result(json, answered);
        }
        // Media have no place in a response that every model takes: they follow the responses.
        for answered in &side.results {
            answered.result.parts.iter().for_each(|part| write_media(json, part));
        }
        // One signature in a step is enough: on the first of its calls.
        let mut sign = signed;
        for said in &side.said {
            match said {
                Said::Instruction(text) => json.object(|json| json.key("text").text(text)),
                Said::Part(Part::Text(text) | Part::Refusal(text), _) => {
                    json.object(|json| json.key("text").text(text));
                }
                Said::Part(Part::ToolCall(call), _) => {
                    json.object(|json| write_call(json, call, std::mem::take(&mut sign)));
                }
                Said::Part(part, _) => write_media(json, part),
            }
        }
    });
}

fn write_call(json: &mut Json, call: &ToolCall<'_>, sign: bool) {
    json.key("functionCall").object(|json| {
        json.key("name").text(&call.name);
        json.key("args").raw(arguments(call));
    });
    if sign {
        json.key("thoughtSignature").text(NO_SIGNATURE);
    }
}

/// Responses are matched to calls by name and order; ids are not known to every version of the API.
fn write_result(json: &mut Json, answered: &Answered<'_, '_>) {
    let result = answered.result;
    json.object(|json| {
        json.key("functionResponse").object(|json| {
            json.key("name").text(answered.name);
            json.key("response").object(|json| {
                json.key(if result.error { "error" } else { "output" });
                let mut texts = texts(result);
                match (texts.next(), texts.next()) {
                    (None, _) => json.text(""),
                    (Some(text), None) => json.text(text),
                    (Some(first), Some(second)) => json.array(|json| {
                        json.text(first);
                        json.text(second);
                        texts.for_each(|text| json.text(text));
                    }),
                }
            });
        });
    });
}

fn write_media(json: &mut Json, part: &Part<'_>) {
    match part {
        Part::Image { source, .. } | Part::Document { source, .. } => match source {
            Source::Bytes { media_type, data } => write_inline(json, media_type, data),
            Source::Text(text) => json.object(|json| json.key("text").text(text)),
            Source::Link(address) => json.object(|json| {
                json.key("fileData").object(|json| {
                    if let Some(media_type) = media_type_of(address) {
                        json.key("mimeType").text(media_type);
                    }
                    json.key("fileUri").text(address);
                });
            }),
        },
        Part::Audio { format, data } => write_inline(json, &format!("audio/{format}"), data),
        Part::Text(_) | Part::ToolCall(_) | Part::ToolResult(_) | Part::Reasoning(_) | Part::Refusal(_) => {}
    }
}

fn write_inline(json: &mut Json, media_type: &str, data: &str) {
    json.object(|json| {
        json.key("inlineData").object(|json| {
            json.key("mimeType").text(media_type);
            json.key("data").text(data);
        });
    });
}

/// What the ending of an address says about what is there.
fn media_type_of(address: &str) -> Option<&'static str> {
    let path = address.split(['?', '#']).next()?;
    let (_, ending) = path.rsplit_once('.')?;
    match ending.to_ascii_lowercase().as_str() {
        "png" => Some("image/png"),
        "jpg" | "jpeg" => Some("image/jpeg"),
        "webp" => Some("image/webp"),
        "gif" => Some("image/gif"),
        "heic" => Some("image/heic"),
        "heif" => Some("image/heif"),
        "pdf" => Some("application/pdf"),
        "txt" => Some("text/plain"),
        "md" => Some("text/markdown"),
        "html" => Some("text/html"),
        "csv" => Some("text/csv"),
        _ => None,
    }
}
