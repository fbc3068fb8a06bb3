//! A request as `generateContent` takes it. What grows from turn to turn stands last, so that a request is a prefix
//! of the next one. Parts and settings are written in their own files.

use crate::conversation::{Request, Tool, ToolChoice};
use crate::gate::Gate;
use crate::gemini::{parts_out, settings_out};
use crate::write::Json;
use crate::{Untranslatable, Wanted, sides};

/// Writes a request.
///
/// # Errors
/// When the conversation has no form here: a result that answers no call, arguments that are not an object.
pub(crate) fn write_request(
    request: &Request<'_>,
    wanted: Wanted<'_>,
    gate: &mut Gate,
) -> Result<Vec<u8>, Untranslatable> {
    let sides = sides::sides(request)?;
    parts_out::check(&sides, gate)?;
    let newer = is_newer(wanted.model);
    let settings = settings_out::settings(request, wanted.model, newer, gate);
    let mut json = Json::with_capacity(4096);
    json.object(|json| {
        if request.system.iter().any(|text| !sides::is_blank(text)) {
            json.key("systemInstruction").object(|json| {
                json.key("parts").array(|json| {
                    for text in request.system.iter().filter(|text| !sides::is_blank(text)) {
                        json.object(|json| json.key("text").text(text));
                    }
                });
            });
        }
        if !request.tools.is_empty() {
            json.key("tools").array(|json| {
                json.object(|json| {
                    json.key("functionDeclarations").array(|json| {
                        for tool in &request.tools {
                            json.object(|json| write_tool(json, tool));
                        }
                    });
                });
            });
        }
        write_tool_choice(json, request);
        if let Some(settings) = &settings {
            json.key("generationConfig").raw(settings);
        }
        json.key("contents").array(|json| {
            for side in &sides {
                json.object(|json| parts_out::write_side(json, side, newer));
            }
        });
    });
    Ok(json.finish())
}

/// Whether a model came after the second generation, whose last ones take budgets of thinking and do not ask for
/// signatures of calls. An alias without a generation names the latest.
fn is_newer(model: &str) -> bool {
    let Some((_, generation)) = model.rsplit_once("gemini-") else { return false };
    let digits = generation.bytes().take_while(u8::is_ascii_digit).count();
    !matches!(generation.get(..digits), Some("1" | "2"))
}

fn write_tool(json: &mut Json, tool: &Tool<'_>) {
    json.key("name").text(&tool.name);
    if let Some(description) = &tool.description {
        json.key("description").text(description);
    }
    if let Some(parameters) = tool.parameters {
        json.key("parametersJsonSchema").raw(parameters.raw());
    }
}

/// `VALIDATED` leaves the model its choice and holds it to the schemas, as `ANY` does.
fn write_tool_choice(json: &mut Json, request: &Request<'_>) {
    let strict = request.tools.iter().any(|tool| tool.strict == Some(true));
    let (mode, only) = match &request.tool_choice {
        None if request.tools.iter().all(|tool| tool.strict.is_none()) => return,
        None | Some(ToolChoice::Auto) => (if strict { "VALIDATED" } else { "AUTO" }, None),
        Some(ToolChoice::None) => ("NONE", None),
        Some(ToolChoice::Any) => ("ANY", None),
        Some(ToolChoice::Named(name)) => ("ANY", Some(name)),
    };
    json.key("toolConfig").object(|json| {
        json.key("functionCallingConfig").object(|json| {
            json.key("mode").text(mode);
            if let Some(name) = only {
                json.key("allowedFunctionNames").array(|json| json.text(name));
            }
        });
    });
}

#[cfg(test)]
mod tests {
    use super::is_newer;

    #[test]
    fn models_of_the_third_generation_and_aliases_are_newer() {
        for model in ["gemini-3-pro", "models/gemini-3.8-flash", "gemini-flash-latest", "gemini-10"] {
            assert!(is_newer(model), "{model}");
        }
        for model in ["gemini-2.5-pro", "gemini-1.5-flash-002", "gemma-3", "m"] {
            assert!(!is_newer(model), "{model}");
        }
    }
}
