//! A request as Converse takes it. What grows from turn to turn stands last, so that a request is a prefix of the
//! next one. Parts, and what is said to one vendor's models only, are written in their own files.

use std::borrow::Cow;

use crate::conversation::{Format, Part, Request, Tool, ToolChoice};
use crate::converse::{model_out, parts_out};
use crate::gate::Gate;
use crate::write::Json;
use crate::{Untranslatable, Wanted, sides};

/// Writes a request.
///
/// # Errors
/// When the conversation has no form here: a result that answers no call, arguments that are not an object, media of
/// a type that Bedrock does not name, a form of answer or a choice of tools that it does not have.
pub(crate) fn write_request(
    request: &Request<'_>,
    wanted: Wanted<'_>,
    gate: &mut Gate,
) -> Result<Vec<u8>, Untranslatable> {
    let sides = sides::sides(request)?;
    parts_out::check(&sides, gate)?;
    let tools = offered(request, gate)?;
    if matches!(request.format, Some(Format::Json)) {
        return Err(gate.refusal("response_format".to_owned()));
    }
    let model = model_out::fields(request, &sides, wanted.model, gate);
    let temperature = request
        .temperature
        .filter(|_| model.samples && !model.thinks)
        .map(|number| at_most_one(number, gate));
    let top_p = request.top_p.filter(|_| model.samples);
    let mut json = Json::with_capacity(4096);
    json.object(|json| {
        if request.system.iter().any(|text| !sides::is_blank(text)) {
            json.key("system").array(|json| {
                for text in request.system.iter().filter(|text| !sides::is_blank(text)) {
                    json.object(|json| json.key("text").text(text));
                }
            });
        }
        write_tool_config(json, tools, request.tool_choice.as_ref());
        let settings = request.max_output_tokens.is_some()
            || temperature.is_some()
            || top_p.is_some()
            || !request.stop.is_empty();
        if settings {
            json.key("inferenceConfig").object(|json| {
                if let Some(cap) = request.max_output_tokens {
                    json.key("maxTokens").number(cap);
                }
                if let Some(temperature) = temperature {
                    json.key("temperature").raw(temperature);
                }
                if let Some(top_p) = top_p {
                    json.key("topP").raw(top_p);
                }
                if !request.stop.is_empty() {
                    json.key("stopSequences")
                        .array(|json| request.stop.iter().for_each(|stop| json.text(stop)));
                }
            });
        }
        if let Some(fields) = &model.request {
            json.key("additionalModelRequestFields").raw(fields);
        }
        if model.tells_stop_sequence {
            json.key("additionalModelResponseFieldPaths").array(|json| json.text("/stop_sequence"));
        }
        if let Some(format) = &request.format {
            write_format(json, format);
        }
        let mut names = parts_out::Names::default();
        json.key("messages").array(|json| {
            for side in &sides {
                json.object(|json| parts_out::write_side(json, side, &mut names));
            }
        });
    });
    Ok(json.finish())
}

/// Bedrock's range ends at 1.
fn at_most_one<'n>(number: &'n str, gate: &mut Gate) -> &'n str {
    if number.parse::<f64>().is_ok_and(|number| number > 1.0) {
        gate.drop("temperature".to_owned());
        return "1";
    }
    number
}

/// The tools to offer. There is no choice of none: where none may be called, none is offered. That is the same,
/// unless the conversation holds calls: Bedrock then wants to know the tools.
fn offered<'r, 'd>(request: &'r Request<'d>, gate: &mut Gate) -> Result<&'r [Tool<'d>], Untranslatable> {
    if !matches!(request.tool_choice, Some(ToolChoice::None)) || request.tools.is_empty() {
        return Ok(&request.tools);
    }
    let mut parts = request.turns.iter().flat_map(|turn| &turn.parts);
    if parts.any(|part| matches!(part, Part::ToolCall(_) | Part::ToolResult(_))) {
        return Err(gate.refusal("tool_choice".to_owned()));
    }
    gate.drop("tools".to_owned());
    Ok(&[])
}

fn write_tool_config(json: &mut Json, tools: &[Tool<'_>], choice: Option<&ToolChoice<'_>>) {
    let choice = choice.filter(|choice| !matches!(choice, ToolChoice::None));
    if tools.is_empty() && choice.is_none() {
        return;
    }
    json.key("toolConfig").object(|json| {
        json.key("tools").array(|json| {
            for tool in tools {
                json.object(|json| json.key("toolSpec").object(|json| write_tool(json, tool)));
            }
        });
        if let Some(choice) = choice {
            json.key("toolChoice").object(|json| match choice {
                ToolChoice::Auto | ToolChoice::None => json.key("auto").object(|_| {}),
                ToolChoice::Any => json.key("any").object(|_| {}),
                ToolChoice::Named(name) => json.key("tool").object(|json| json.key("name").text(name)),
            });
        }
    });
}

fn write_tool(json: &mut Json, tool: &Tool<'_>) {
    json.key("name").text(&tool.name);
    if let Some(description) = tool.description.as_ref().filter(|description| !description.is_empty()) {
        json.key("description").text(description);
    }
    json.key("inputSchema").object(|json| {
        let schema = tool.parameters.map_or(r#"{"type":"object","properties":{}}"#, |schema| schema.raw());
        json.key("json").raw(schema);
    });
    // Only models of late know the field; without it, none is strict.
    if tool.strict == Some(true) {
        json.key("strict").boolean(true);
    }
}

/// The schema is a text here.
fn write_format(json: &mut Json, format: &Format<'_>) {
    let Format::Schema { name, description, schema, .. } = format else { return };
    json.key("outputConfig").object(|json| {
        json.key("textFormat").object(|json| {
            json.key("type").text("json_schema");
            json.key("structure").object(|json| {
                json.key("jsonSchema").object(|json| {
                    let optional = |json: &mut Json, key: &'static str, text: &Option<Cow<'_, str>>| {
                        if let Some(text) = text {
                            json.key(key).text(text);
                        }
                    };
                    optional(json, "name", name);
                    optional(json, "description", description);
                    json.key("schema").text(schema.raw());
                });
            });
        });
    });
}
