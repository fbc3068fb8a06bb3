//! Settings in a caller's messages, read: sampling, tools, thinking, the answer's form, hints.

use std::borrow::Cow;

use flyball_core::json::{NodeKind, Value};

use crate::Untranslatable;
use crate::conversation::{Format, Reasoning, Request, Tool, ToolChoice};
use crate::fields::Meaning;
use crate::gate::Gate;

/// Reads a member of the root that is neither said nor thought.
pub(super) fn read<'d>(
    name: &str,
    value: Value<'d>,
    request: &mut Request<'d>,
    gate: &mut Gate,
) -> Result<(), Untranslatable> {
    let path = || name.to_owned();
    match name {
        "max_tokens" => {
            let cap = value.unsigned().ok_or_else(|| wrong(name, "is not a whole number"))?;
            request.max_output_tokens = gate.pass(Meaning::MaxOutputTokens, path, value)?.then_some(cap);
        }
        "temperature" => request.temperature = number(Meaning::Temperature, name, value, gate)?,
        "top_p" => request.top_p = number(Meaning::TopP, name, value, gate)?,
        "top_k" => request.top_k = number(Meaning::TopK, name, value, gate)?,
        "stop_sequences" => {
            if value.kind() != NodeKind::Array || value.holds_scalars() {
                return Err(wrong(name, "is not a list of texts"));
            }
            let texts =
                value.items().map(|item| item.text().ok_or_else(|| wrong(name, "is not a list of texts")));
            let texts = texts.collect::<Result<Vec<_>, _>>()?;
            if gate.pass(Meaning::Stop, path, value)? {
                request.stop = texts;
            }
        }
        "stream" => {
            let stream = value.boolean().ok_or_else(|| wrong(name, "is neither true nor false"))?;
            request.stream = gate.pass(Meaning::Stream, path, value)? && stream;
        }
        "tools" => tools(value, request, gate)?,
        "tool_choice" => tool_choice(value, request, gate)?,
        "metadata" => {
            for (key, value) in value.members() {
                let inner = key.text().unwrap_or_default();
                match value.text() {
                    Some(user) if inner == "user_id" => {
                        if gate.pass(Meaning::EndUser, || "metadata.user_id".to_owned(), value)? {
                            request.end_user = Some(user);
                        }
                    }
                    _ => gate.unknown(format!("metadata.{inner}"), value)?,
                }
            }
        }
        "service_tier" => {
            // The other tiers are this vendor's words.
            if gate.pass(Meaning::ServiceTier, path, value)? {
                if value.is_text("auto") {
                    request.others.push((Meaning::ServiceTier, value));
                } else {
                    gate.drop(path());
                }
            }
        }
        "cache_control" | "speed" => left_out(Meaning::CacheHint, name, value, gate)?,
        "diagnostics" => left_out(Meaning::Include, name, value, gate)?,
        "container" => left_out(Meaning::Container, name, value, gate)?,
        "context_management" => context(value, gate)?,
        "compaction" => left_out(Meaning::ContextManagement, name, value, gate)?,
        "mcp_servers" => left_out(Meaning::ServerTools, name, value, gate)?,
        "inference_geo" | "user_profile_id" | "workspace_id" | "thread" | "fallbacks" | "billing_policy" => {
            left_out(Meaning::StoredState, name, value, gate)?;
        }
        _ => gate.unknown(path(), value)?,
    }
    Ok(())
}

/// What only this vendor understands: refused, or left out where it matters to nobody.
fn left_out(meaning: Meaning, name: &str, value: Value<'_>, gate: &mut Gate) -> Result<(), Untranslatable> {
    if gate.pass(meaning, || name.to_owned(), value)? {
        gate.drop(name.to_owned());
    }
    Ok(())
}

/// What is done to a conversation that grows long. Without it more is read, which changes nothing that is meant; but
/// a summary in place of the conversation is an answer of its own.
fn context(value: Value<'_>, gate: &mut Gate) -> Result<(), Untranslatable> {
    let clears = |edit: Value<'_>| {
        let kind = edit.get("type").and_then(Value::text);
        kind.is_some_and(|kind| kind.starts_with("clear_thinking_") || kind.starts_with("clear_tool_uses_"))
    };
    let known = |(name, value): (Value<'_>, Value<'_>)| {
        name.text().as_deref() == Some("edits")
            && value.kind() == NodeKind::Array
            && !value.holds_scalars()
            && value.items().all(clears)
    };
    if value.kind() != NodeKind::Object || value.members().count() != 1 || !value.members().all(known) {
        return left_out(Meaning::ContextManagement, "context_management", value, gate);
    }
    for (index, edit) in value.get("edits").into_iter().flat_map(Value::items).enumerate() {
        let path = format!("context_management.edits[{index}]");
        left_out(Meaning::ContextTrimming, &path, edit, gate)?;
    }
    Ok(())
}

fn tools<'d>(tools: Value<'d>, request: &mut Request<'d>, gate: &mut Gate) -> Result<(), Untranslatable> {
    if tools.kind() != NodeKind::Array || tools.holds_scalars() {
        return Err(wrong("tools", "is not a list of tools"));
    }
    if !gate.pass(Meaning::Tools, || "tools".to_owned(), tools)? {
        return Ok(());
    }
    for (index, item) in tools.items().enumerate() {
        let kind = item.get("type").and_then(Value::text).unwrap_or(Cow::Borrowed("custom"));
        let path = || format!("tools[{index}]");
        if kind != "custom" {
            // With a type of their own come those that the vendor runs, and those whose description it knows.
            if gate.pass(Meaning::ServerTools, path, item)? {
                return Err(gate.refusal(path()));
            }
            continue;
        }
        let name = item.get("name").and_then(Value::text);
        let name =
            name.ok_or_else(|| Untranslatable::new(format!("tools[{index}].name"), "is not a text"))?;
        let mut tool = Tool { name, description: None, parameters: None, strict: None };
        for (key, value) in item.members() {
            let member = key.text().unwrap_or_default();
            let path = || format!("tools[{index}].{member}");
            if value.is_null() {
                continue;
            }
            match member.as_ref() {
                "type" | "name" => {}
                "description" => {
                    let text = value.text().ok_or_else(|| Untranslatable::new(path(), "is not a text"))?;
                    tool.description = Some(text);
                }
                "input_schema" => tool.parameters = Some(value),
                "strict" => {
                    let strict = value.boolean();
                    let strict =
                        strict.ok_or_else(|| Untranslatable::new(path(), "is neither true nor false"))?;
                    tool.strict = gate.pass(Meaning::ToolStrictness, path, value)?.then_some(strict);
                }
                "cache_control" | "eager_input_streaming" => {
                    gate.pass(Meaning::CacheHint, path, value)?;
                }
                "defer_loading" | "allowed_callers" | "input_examples" => {
                    gate.pass(Meaning::ServerTools, path, value)?;
                }
                _ => gate.unknown(path(), value)?,
            }
        }
        request.tools.push(tool);
    }
    Ok(())
}

fn tool_choice<'d>(
    choice: Value<'d>,
    request: &mut Request<'d>,
    gate: &mut Gate,
) -> Result<(), Untranslatable> {
    let kind = choice.get("type").and_then(Value::text).unwrap_or_default();
    let named = match kind.as_ref() {
        "auto" => ToolChoice::Auto,
        "none" => ToolChoice::None,
        "any" => ToolChoice::Any,
        "tool" => ToolChoice::Named(
            choice
                .get("name")
                .and_then(Value::text)
                .ok_or_else(|| wrong("tool_choice.name", "is missing"))?,
        ),
        _ => return Err(gate.refusal("tool_choice.type".to_owned())),
    };
    if gate.pass(Meaning::ToolChoice, || "tool_choice".to_owned(), choice)? {
        request.tool_choice = Some(named);
    }
    for (key, value) in choice.members() {
        match (key.text().unwrap_or_default().as_ref(), value.boolean()) {
            ("type", _) => {}
            ("name", _) if kind == "tool" => {}
            (name @ "disable_parallel_tool_use", Some(disabled)) => {
                if gate.pass(Meaning::ParallelToolCalls, || format!("tool_choice.{name}"), value)? {
                    request.parallel_tool_calls = Some(!disabled);
                }
            }
            (name, _) => gate.unknown(format!("tool_choice.{name}"), value)?,
        }
    }
    Ok(())
}

/// The form of the answer.
pub(super) fn format<'d>(
    format: Value<'d>,
    path: &str,
    request: &mut Request<'d>,
    gate: &mut Gate,
) -> Result<(), Untranslatable> {
    if format.is_null() {
        return Ok(());
    }
    let schema =
        format.get("schema").filter(|_| format.get("type").is_some_and(|t| t.is_text("json_schema")));
    let schema = schema.ok_or_else(|| gate.refusal(path.to_owned()))?;
    for (key, value) in format.members() {
        let name = key.text().unwrap_or_default();
        if !matches!(name.as_ref(), "type" | "schema") {
            gate.unknown(format!("{path}.{name}"), value)?;
        }
    }
    if gate.pass(Meaning::JsonSchema, || path.to_owned(), format)? {
        request.format = Some(Format::Schema { name: None, description: None, schema, strict: None });
    }
    Ok(())
}

/// Whether and how much to think: two members of the root say it.
#[derive(Debug, Default)]
pub(super) struct Thinking<'d> {
    mode: Option<Reasoning<'d>>,
    effort: Option<Cow<'d, str>>,
}

impl<'d> Thinking<'d> {
    /// Takes `thinking`.
    pub(super) fn read(&mut self, thinking: Value<'d>, gate: &mut Gate) -> Result<(), Untranslatable> {
        let path = || "thinking".to_owned();
        let kind = thinking.get("type").ok_or_else(|| wrong("thinking.type", "is missing"))?;
        let word = kind.text().unwrap_or_default();
        let mode = match word.as_ref() {
            "enabled" => {
                let budget = thinking.get("budget_tokens");
                let tokens = budget.and_then(Value::unsigned);
                let tokens =
                    tokens.ok_or_else(|| wrong("thinking.budget_tokens", "is not a whole number"))?;
                Reasoning::Budget(tokens)
            }
            "disabled" => Reasoning::Off,
            "adaptive" => Reasoning::Adaptive,
            _ => return Err(gate.refusal("thinking.type".to_owned())),
        };
        for (key, value) in thinking.members() {
            match key.text().unwrap_or_default().as_ref() {
                "type" => {}
                "budget_tokens" if word == "enabled" => {}
                "display" => left_out(Meaning::ReasoningShown, "thinking.display", value, gate)?,
                name => gate.unknown(format!("thinking.{name}"), value)?,
            }
        }
        self.mode = gate.pass(Meaning::ReasoningBudget, path, kind)?.then_some(mode);
        Ok(())
    }

    /// Takes `output_config.effort`.
    pub(super) fn effort(&mut self, effort: Value<'d>, gate: &mut Gate) -> Result<(), Untranslatable> {
        if effort.is_null() {
            return Ok(());
        }
        let word = effort.text().ok_or_else(|| wrong("output_config.effort", "is not a word"))?;
        if gate.pass(Meaning::ReasoningEffort, || "output_config.effort".to_owned(), effort)? {
            self.effort = Some(word);
        }
        Ok(())
    }

    /// What both say. Where one setting has to stand for both, a word of effort says more than a budget, and less
    /// than that there be no thinking.
    pub(super) fn finish(self, gate: &mut Gate) -> Option<Reasoning<'d>> {
        match (self.mode, self.effort) {
            (Some(Reasoning::Off), effort) => {
                if effort.is_some() {
                    gate.drop("output_config.effort".to_owned());
                }
                Some(Reasoning::Off)
            }
            (mode, Some(effort)) => {
                if matches!(mode, Some(Reasoning::Budget(_))) {
                    gate.drop("thinking.budget_tokens".to_owned());
                }
                Some(Reasoning::Effort(effort))
            }
            (mode, None) => mode,
        }
    }
}

fn number<'d>(
    meaning: Meaning,
    name: &str,
    value: Value<'d>,
    gate: &mut Gate,
) -> Result<Option<&'d str>, Untranslatable> {
    if value.kind() != NodeKind::Number {
        return Err(wrong(name, "is not a number"));
    }
    Ok(gate.pass(meaning, || name.to_owned(), value)?.then(|| value.raw()))
}

fn wrong(field: &str, reason: &str) -> Untranslatable {
    Untranslatable::new(field, reason)
}
