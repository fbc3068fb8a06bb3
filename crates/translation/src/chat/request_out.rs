//! Writes a request as chat: its outermost members and tools. Messages are written beside.

use super::messages_out;
use crate::conversation::{Format, Reasoning, Request, Tool, ToolChoice};
use crate::fields::Meaning;
use crate::gate::Gate;
use crate::write::Json;
use crate::{Untranslatable, Wanted};

/// Writes a request.
pub(crate) fn write_request(
    request: &Request<'_>,
    wanted: Wanted<'_>,
    gate: &mut Gate,
) -> Result<Vec<u8>, Untranslatable> {
    let mut refused = None;
    let mut json = Json::with_capacity(4096);
    json.object(|json| {
        json.key("model").text(wanted.model);
        json.key("messages").array(|json| {
            refused = messages_out::write(request, json).err();
        });
        if !request.tools.is_empty() {
            json.key("tools").array(|json| request.tools.iter().for_each(|item| tool(item, json)));
        }
        if let Some(choice) = &request.tool_choice {
            json.key("tool_choice");
            tool_choice(choice, json);
        }
        if let Some(parallel) = request.parallel_tool_calls {
            json.key("parallel_tool_calls").boolean(parallel);
        }
        if let Some(cap) = request.max_output_tokens {
            json.key("max_completion_tokens").number(cap);
        }
        sampling(request, json);
        if let Some(format) = &request.format {
            json.key("response_format").object(|json| response_format(format, json));
        }
        if let Some(reasoning) = &request.reasoning {
            json.key("reasoning_effort").text(effort(reasoning));
        }
        if let Some(verbosity) = &request.verbosity {
            json.key("verbosity").text(verbosity);
        }
        if let Some(user) = &request.end_user {
            json.key("user").text(user);
        }
        others(request, json, gate);
        if request.stream {
            json.key("stream").boolean(true);
            // Every other dialect tells usage in its streams; a chat caller's wish is the writer's of events.
            json.key("stream_options").object(|json| json.key("include_usage").boolean(true));
        }
    });
    match refused {
        Some(refusal) => Err(refusal),
        None => Ok(json.finish()),
    }
}

fn sampling(request: &Request<'_>, json: &mut Json) {
    let numbers = [
        ("temperature", request.temperature),
        ("top_p", request.top_p),
        ("seed", request.seed),
        ("presence_penalty", request.presence_penalty),
        ("frequency_penalty", request.frequency_penalty),
    ];
    for (name, number) in numbers {
        if let Some(number) = number {
            json.key(name).raw(number);
        }
    }
    if let Some(choices) = request.choices {
        json.key("n").number(choices);
    }
    if !request.stop.is_empty() {
        json.key("stop").array(|json| request.stop.iter().for_each(|stop| json.text(stop)));
    }
}

fn tool(tool: &Tool<'_>, json: &mut Json) {
    json.object(|json| {
        json.key("type").text("function");
        json.key("function").object(|json| {
            json.key("name").text(&tool.name);
            if let Some(description) = &tool.description {
                json.key("description").text(description);
            }
            if let Some(parameters) = tool.parameters {
                json.key("parameters").raw(parameters.raw());
            }
            if let Some(strict) = tool.strict {
                json.key("strict").boolean(strict);
            }
        });
    });
}

fn tool_choice(choice: &ToolChoice<'_>, json: &mut Json) {
    match choice {
        ToolChoice::Auto => json.text("auto"),
        ToolChoice::None => json.text("none"),
        ToolChoice::Any => json.text("required"),
        ToolChoice::Named(name) => json.object(|json| {
            json.key("type").text("function");
            json.key("function").object(|json| json.key("name").text(name));
        }),
    }
}

fn response_format(format: &Format<'_>, json: &mut Json) {
    match format {
        Format::Json => json.key("type").text("json_object"),
        Format::Schema { name, description, schema, strict } => {
            json.key("type").text("json_schema");
            json.key("json_schema").object(|json| {
                // Chat wants a name where others have none.
                json.key("name").text(name.as_deref().unwrap_or("answer"));
                if let Some(description) = description {
                    json.key("description").text(description);
                }
                json.key("schema").raw(schema.raw());
                if let Some(strict) = strict {
                    json.key("strict").boolean(*strict);
                }
            });
        }
    }
}

/// A budget's nearest step: low stands for 1024 tokens, medium for 4096, high for 16384 where efforts become
/// budgets, and the borders lie between them.
fn effort<'r>(reasoning: &'r Reasoning<'_>) -> &'r str {
    match reasoning {
        Reasoning::Off => "none",
        Reasoning::Effort(word) => word,
        Reasoning::Budget(..=2048) => "low",
        Reasoning::Budget(2049..=8192) | Reasoning::Adaptive => "medium",
        Reasoning::Budget(8193..) => "high",
    }
}

fn others(request: &Request<'_>, json: &mut Json, gate: &mut Gate) {
    for (meaning, value) in &request.others {
        match meaning {
            Meaning::LogitBias => json.key("logit_bias").raw(value.raw()),
            Meaning::Metadata => json.key("metadata").raw(value.raw()),
            Meaning::CacheKey => json.key("prompt_cache_key").raw(value.raw()),
            Meaning::ServiceTier => match service_tier(value.text().as_deref().unwrap_or_default()) {
                Some(tier) => json.key("service_tier").text(tier),
                None => gate.drop("service_tier".into()),
            },
            _ => {}
        }
    }
}

/// The tier by chat's word for it.
fn service_tier(word: &str) -> Option<&str> {
    match word {
        "auto" | "default" | "flex" | "scale" | "priority" | "fast" => Some(word),
        "standard_only" => Some("default"),
        _ => None,
    }
}
