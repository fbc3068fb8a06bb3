//! Reads a chat request: its outermost members. Messages, their parts and tools are read beside.

use flyball_core::Document;
use flyball_core::json::Value;

use super::options::{self, child, object, other, text, wrong};
use super::{messages_in, tools_in};
use crate::Untranslatable;
use crate::conversation::{Format, Reasoning, Request};
use crate::fields::Meaning;
use crate::gate::Gate;

/// Reads a request.
pub(crate) fn read_request<'d>(
    document: &'d Document,
    gate: &mut Gate,
) -> Result<Request<'d>, Untranslatable> {
    let root = document.root();
    object(root, || "body".into())?;
    let mut request = Request::default();
    let mut cap_of_old = None;
    for (key, value) in root.members() {
        if value.is_null() {
            continue;
        }
        let name = key.name();
        match name.as_ref() {
            b"max_tokens" => cap_of_old = Some(value),
            name => {
                if !options::read(name, value, &mut request, gate)?
                    && !member(name, value, &mut request, gate)?
                {
                    gate.unknown(child("", key), value)?;
                }
            }
        }
    }
    if let Some(value) = cap_of_old {
        max_tokens(value, &mut request, gate)?;
    }
    if root.get("messages").is_none() {
        return Err(wrong("messages", "is missing"));
    }
    Ok(request)
}

/// Takes a member that only chat has; false when it has none of the name.
fn member<'d>(
    name: &[u8],
    value: Value<'d>,
    request: &mut Request<'d>,
    gate: &mut Gate,
) -> Result<bool, Untranslatable> {
    match name {
        // The provider's file writes the name of its own model.
        b"model" => {}
        b"messages" => messages_in::read(value, request, gate)?,
        b"tools" => tools_in::tools(value, request, gate)?,
        b"tool_choice" => tools_in::choice(value, request, gate)?,
        b"functions" => other(gate, Meaning::Functions, "functions", value, request)?,
        b"function_call" => other(gate, Meaning::Functions, "function_call", value, request)?,
        b"parallel_tool_calls" => {
            let wanted =
                value.boolean().ok_or_else(|| wrong("parallel_tool_calls", "must be true or false"))?;
            if gate.pass(Meaning::ParallelToolCalls, || "parallel_tool_calls".into(), value)? {
                request.parallel_tool_calls = Some(wanted);
            }
        }
        b"max_completion_tokens" => {
            let cap = cap(value, "max_completion_tokens")?;
            if gate.pass(Meaning::MaxOutputTokens, || "max_completion_tokens".into(), value)? {
                request.max_output_tokens = Some(cap);
            }
        }
        b"response_format" => format(value, request, gate)?,
        b"reasoning_effort" => {
            let effort = text(value, || "reasoning_effort".into())?;
            if gate.pass(Meaning::ReasoningEffort, || "reasoning_effort".into(), value)? {
                request.reasoning =
                    Some(if effort == "none" { Reasoning::Off } else { Reasoning::Effort(effort) });
            }
        }
        b"verbosity" => {
            let verbosity = text(value, || "verbosity".into())?;
            if gate.pass(Meaning::Verbosity, || "verbosity".into(), value)? {
                request.verbosity = Some(verbosity);
            }
        }
        b"modalities" => {
            let only_text = !value.holds_scalars() && value.items().all(|item| item.is_text("text"));
            if !only_text {
                other(gate, Meaning::Modalities, "modalities", value, request)?;
            }
        }
        b"safety_identifier" => options::end_user(gate, "safety_identifier", value, request)?,
        b"audio" => other(gate, Meaning::AudioOutput, "audio", value, request)?,
        b"prediction" => other(gate, Meaning::Prediction, "prediction", value, request)?,
        b"web_search_options" => other(gate, Meaning::ServerTools, "web_search_options", value, request)?,
        b"moderation" => other(gate, Meaning::SafetySettings, "moderation", value, request)?,
        b"logprobs" => other(gate, Meaning::LogProbs, "logprobs", value, request)?,
        b"top_logprobs" => other(gate, Meaning::TopLogProbs, "top_logprobs", value, request)?,
        b"store" => other(gate, Meaning::Store, "store", value, request)?,
        b"metadata" => other(gate, Meaning::Metadata, "metadata", value, request)?,
        b"service_tier" => other(gate, Meaning::ServiceTier, "service_tier", value, request)?,
        b"prompt_cache_key" => other(gate, Meaning::CacheKey, "prompt_cache_key", value, request)?,
        b"prompt_cache_retention" => {
            other(gate, Meaning::CacheHint, "prompt_cache_retention", value, request)?;
        }
        b"prompt_cache_options" => other(gate, Meaning::CacheHint, "prompt_cache_options", value, request)?,
        _ => return Ok(false),
    }
    Ok(true)
}

/// The cap by its name of old, which the newer one overrides.
fn max_tokens<'d>(
    value: Value<'d>,
    request: &mut Request<'d>,
    gate: &mut Gate,
) -> Result<(), Untranslatable> {
    let cap = cap(value, "max_tokens")?;
    if !gate.pass(Meaning::MaxOutputTokens, || "max_tokens".into(), value)? {
        return Ok(());
    }
    match request.max_output_tokens {
        None => request.max_output_tokens = Some(cap),
        Some(newer) if newer == cap => {}
        Some(_) => gate.drop("max_tokens".into()),
    }
    Ok(())
}

fn cap(value: Value<'_>, name: &str) -> Result<u64, Untranslatable> {
    value.unsigned().ok_or_else(|| wrong(name, "must be a whole number"))
}

fn format<'d>(value: Value<'d>, request: &mut Request<'d>, gate: &mut Gate) -> Result<(), Untranslatable> {
    object(value, || "response_format".into())?;
    let kind = value.get("type").and_then(Value::text).unwrap_or_default();
    let mut schema = None;
    for (key, value) in value.members() {
        match key.name().as_ref() {
            b"type" => {}
            b"json_schema" if kind == "json_schema" => schema = Some(value),
            _ => gate.unknown(child("response_format", key), value)?,
        }
    }
    match kind.as_ref() {
        "text" => {}
        "json_object" => {
            if gate.pass(Meaning::JsonObject, || "response_format.type".into(), value)? {
                request.format = Some(Format::Json);
            }
        }
        "json_schema" => {
            let path = "response_format.json_schema";
            let schema = schema.ok_or_else(|| wrong(path, "is missing"))?;
            if gate.pass(Meaning::JsonSchema, || path.into(), schema)? {
                request.format = Some(json_schema(schema, gate)?);
            }
        }
        _ => return Err(gate.refusal("response_format.type".into())),
    }
    Ok(())
}

fn json_schema<'d>(value: Value<'d>, gate: &mut Gate) -> Result<Format<'d>, Untranslatable> {
    let path = "response_format.json_schema";
    object(value, || path.into())?;
    let (mut name, mut description, mut schema, mut strict) = (None, None, None, None);
    for (key, value) in value.members() {
        if value.is_null() {
            continue;
        }
        match key.name().as_ref() {
            b"name" => name = Some(text(value, || child(path, key))?),
            b"description" => description = Some(text(value, || child(path, key))?),
            b"strict" => {
                strict =
                    Some(value.boolean().ok_or_else(|| wrong(&child(path, key), "must be true or false"))?);
            }
            b"schema" => {
                object(value, || child(path, key))?;
                schema = Some(value);
            }
            _ => gate.unknown(child(path, key), value)?,
        }
    }
    let schema = schema.ok_or_else(|| wrong("response_format.json_schema.schema", "is missing"))?;
    Ok(Format::Schema { name, description, schema, strict })
}
