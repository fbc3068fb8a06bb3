//! Settings, written as messages': thinking and what it forbids, sampling, tools, the answer's form.

use flyball_core::json::Value;

use crate::claude::{self, Mode, Off, Traits};
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
    /// As much as it likes, with this effort.
    Adaptive(Option<&'static str>),
    /// At most so many tokens, of those of the answer.
    Budget(u64),
}

impl Thinking {
    fn is_on(self) -> bool {
        matches!(self, Thinking::Adaptive(_) | Thinking::Budget(_))
    }
}

/// How the model is to think, given the cap on its output. Where the provider would refuse it (a tool that must be
/// called; with a budget a cap without room, or an answer that `goes_on` without its signed thinking) it is left out by
/// name.
pub(super) fn thinking(
    request: &Request<'_>,
    claude: Traits,
    cap: u64,
    goes_on: bool,
    gate: &mut Gate,
) -> Thinking {
    let Some(reasoning) = &request.reasoning else { return Thinking::Unsaid };
    let meaning = match reasoning {
        Reasoning::Budget(_) => Meaning::ReasoningBudget,
        _ => Meaning::ReasoningEffort,
    };
    let forced = matches!(request.tool_choice, Some(ToolChoice::Any | ToolChoice::Named(_)));
    match claude::mode(claude, reasoning) {
        None if claude.off == Off::Said => return Thinking::Off,
        None if claude.off == Off::Unsaid => return Thinking::Unsaid,
        Some(Mode::Adaptive(effort)) if !forced => return Thinking::Adaptive(effort),
        Some(Mode::Budget(tokens)) if !forced && !goes_on && cap >= MIN_BUDGET + LEFT_TO_ANSWER => {
            return Thinking::Budget(tokens.clamp(MIN_BUDGET, cap - LEFT_TO_ANSWER));
        }
        _ => gate.drop_meaning(meaning),
    }
    Thinking::Unsaid
}

/// What the model takes of a setting of sampling: nothing, where it takes none.
fn sampled<'d>(name: &str, written: Option<&'d str>, claude: Traits, gate: &mut Gate) -> Option<&'d str> {
    if written.is_some() && !claude.sampling {
        gate.drop(name.to_owned());
        return None;
    }
    written
}

/// At most 1, and with thinking nothing else.
pub(super) fn temperature<'d>(
    request: &Request<'d>,
    thinking: &Thinking,
    claude: Traits,
    gate: &mut Gate,
) -> Option<&'d str> {
    let written = sampled("temperature", request.temperature, claude, gate)?;
    let value: f64 = written.parse().unwrap_or(1.0);
    if value > 1.0 || (thinking.is_on() && value < 1.0) {
        gate.drop("temperature".to_owned());
        return (!thinking.is_on()).then_some("1");
    }
    Some(written)
}

/// With thinking at least 0.95.
pub(super) fn top_p<'d>(
    request: &Request<'d>,
    thinking: &Thinking,
    claude: Traits,
    gate: &mut Gate,
) -> Option<&'d str> {
    let written = sampled("top_p", request.top_p, claude, gate)?;
    if thinking.is_on() && written.parse::<f64>().is_ok_and(|value| value < 0.95) {
        gate.drop("top_p".to_owned());
        return None;
    }
    Some(written)
}

/// Without thinking only.
pub(super) fn top_k<'d>(
    request: &Request<'d>,
    thinking: &Thinking,
    claude: Traits,
    gate: &mut Gate,
) -> Option<&'d str> {
    let written = sampled("top_k", request.top_k, claude, gate)?;
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
        Thinking::Adaptive(_) => "adaptive",
        Thinking::Budget(_) => "enabled",
    };
    json.key("thinking").object(|json| {
        json.key("type").text(word);
        if let Thinking::Budget(tokens) = thinking {
            json.key("budget_tokens").number(*tokens);
        }
    });
}

/// Writes `output_config`: the effort of thinking, and the answer's form.
pub(super) fn write_output(request: &Request<'_>, thinking: &Thinking, json: &mut Json) {
    let effort = match thinking {
        Thinking::Adaptive(effort) => *effort,
        _ => None,
    };
    // Any JSON object cannot be asked for; the gate has refused it.
    let schema = match &request.format {
        Some(Format::Schema { schema, .. }) => Some(schema),
        _ => None,
    };
    if effort.is_none() && schema.is_none() {
        return;
    }
    json.key("output_config").object(|json| {
        if let Some(effort) = effort {
            json.key("effort").text(effort);
        }
        if let Some(schema) = schema {
            json.key("format").object(|json| {
                json.key("type").text("json_schema");
                json.key("schema").raw(schema.raw());
            });
        }
    });
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
