//! Settings, written as messages': thinking and what it forbids, sampling, tools, the answer's form.

use flyball_core::json::Value;

use crate::conversation::{Format, Reasoning, Request, ToolChoice};
use crate::fields::Meaning;
use crate::gate::Gate;
use crate::write::Json;

/// The least budget that the provider takes.
const MIN_BUDGET: u64 = 1024;

/// What an answer has left of its cap when thinking has used up its budget, at least.
const LEFT_TO_ANSWER: u64 = 1024;

/// How the model is to think.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Thinking {
    /// As it does by itself.
    Unsaid,
    Off,
    Adaptive,
    /// At most so many tokens, of those of the answer.
    Budget(u64),
}

impl Thinking {
    fn is_on(self) -> bool {
        matches!(self, Thinking::Adaptive | Thinking::Budget(_))
    }
}

/// How the model is to think, given the cap on its output. Where the provider would refuse it (a cap without room,
/// a tool that must be called, an answer that `goes_on` without its signed thinking) it is left out by name.
pub(super) fn thinking(request: &Request<'_>, cap: u64, goes_on: bool, gate: &mut Gate) -> Thinking {
    let (wanted, meaning) = match &request.reasoning {
        None => return Thinking::Unsaid,
        Some(Reasoning::Off) => return Thinking::Off,
        Some(Reasoning::Adaptive) => (None, Meaning::ReasoningEffort),
        Some(Reasoning::Effort(word)) => (Some(budget(word)), Meaning::ReasoningEffort),
        Some(Reasoning::Budget(tokens)) => (Some(*tokens), Meaning::ReasoningBudget),
    };
    let forced = matches!(request.tool_choice, Some(ToolChoice::Any | ToolChoice::Named(_)));
    if forced || goes_on || cap < MIN_BUDGET + LEFT_TO_ANSWER {
        gate.drop_meaning(meaning);
        return Thinking::Unsaid;
    }
    wanted
        .map_or(Thinking::Adaptive, |tokens| Thinking::Budget(tokens.clamp(MIN_BUDGET, cap - LEFT_TO_ANSWER)))
}

/// The budget that a word of effort stands for.
fn budget(effort: &str) -> u64 {
    match effort {
        "minimal" | "low" => 1024,
        "high" => 16_384,
        "xhigh" | "max" => 32_768,
        _ => 4096,
    }
}

/// At most 1, and with thinking nothing else.
pub(super) fn temperature<'d>(
    request: &Request<'d>,
    thinking: &Thinking,
    gate: &mut Gate,
) -> Option<&'d str> {
    let written = request.temperature?;
    let value: f64 = written.parse().unwrap_or(1.0);
    if value > 1.0 || (thinking.is_on() && value < 1.0) {
        gate.drop("temperature".to_owned());
        return (!thinking.is_on()).then_some("1");
    }
    Some(written)
}

/// With thinking at least 0.95.
pub(super) fn top_p<'d>(request: &Request<'d>, thinking: &Thinking, gate: &mut Gate) -> Option<&'d str> {
    let written = request.top_p?;
    if thinking.is_on() && written.parse::<f64>().is_ok_and(|value| value < 0.95) {
        gate.drop("top_p".to_owned());
        return None;
    }
    Some(written)
}

/// Without thinking only.
pub(super) fn top_k<'d>(request: &Request<'d>, thinking: &Thinking, gate: &mut Gate) -> Option<&'d str> {
    let written = request.top_k?;
    if thinking.is_on() {
        gate.drop("top_k".to_owned());
        return None;
    }
    Some(written)
}

/// Writes `thinking`.
pub(super) fn write_thinking(thinking: &Thinking, json: &mut Json) {
    let word = match thinking {
        Thinking::Unsaid => return,
        Thinking::Off => "disabled",
        Thinking::Adaptive => "adaptive",
        Thinking::Budget(_) => "enabled",
    };
    json.key("thinking").object(|json| {
        json.key("type").text(word);
        if let Thinking::Budget(tokens) = thinking {
            json.key("budget_tokens").number(*tokens);
        }
    });
}

/// Writes `output_config`.
pub(super) fn write_format(request: &Request<'_>, json: &mut Json) {
    // Any JSON object cannot be asked for; the gate has refused it.
    if let Some(Format::Schema { schema, .. }) = &request.format {
        json.key("output_config").object(|json| {
            json.key("format").object(|json| {
                json.key("type").text("json_schema");
                json.key("schema").raw(schema.raw());
            });
        });
    }
}

/// Writes `tools` and `tool_choice`.
pub(super) fn write_tools(request: &Request<'_>, json: &mut Json) {
    if !request.tools.is_empty() {
        json.key("tools").array(|json| {
            for tool in &request.tools {
                json.object(|json| {
                    json.key("name").text(&tool.name);
                    if let Some(description) = &tool.description {
                        json.key("description").text(description);
                    }
                    write_schema(tool.parameters, json);
                    // Only models of late know the field; without it, none is strict.
                    if tool.strict == Some(true) {
                        json.key("strict").boolean(true);
                    }
                });
            }
        });
    }
    let one_by_one = request.parallel_tool_calls == Some(false);
    let choice = match (&request.tool_choice, one_by_one) {
        (None, false) => return,
        (None, true) => &ToolChoice::Auto,
        (Some(choice), _) => choice,
    };
    json.key("tool_choice").object(|json| {
        json.key("type").text(match choice {
            ToolChoice::Auto => "auto",
            ToolChoice::None => "none",
            ToolChoice::Any => "any",
            ToolChoice::Named(_) => "tool",
        });
        if let ToolChoice::Named(name) = choice {
            json.key("name").text(name);
        }
        // Where no tool may be called there is nothing to do one by one.
        if one_by_one && !matches!(choice, ToolChoice::None) {
            json.key("disable_parallel_tool_use").boolean(true);
        }
    });
}

/// Writes `input_schema`. It must be there and say that it is of an object.
fn write_schema(schema: Option<Value<'_>>, json: &mut Json) {
    json.key("input_schema");
    let typed = |schema: &Value<'_>| schema.members().any(|(key, _)| key.name().as_ref() == b"type");
    match schema {
        Some(schema) if typed(&schema) => json.raw(schema.raw()),
        untyped => json.object(|json| {
            json.key("type").text("object");
            let inside = untyped.and_then(|schema| schema.raw().strip_prefix('{')?.strip_suffix('}'));
            match inside.map(str::trim) {
                Some(members) if !members.is_empty() => json.members(members),
                _ => json.key("properties").object(|_| {}),
            }
        }),
    }
}
