//! Reading a request: its members except for what is said ([`super::input_in`]) and tools ([`super::tools_in`]).

use flyball_core::Document;
use flyball_core::json::Value;

use super::shape::{boolean, items, number, object, only, text, whole};
use super::{input_in, tools_in};
use crate::conversation::{Format, Reasoning, Request};
use crate::fields::Meaning;
use crate::gate::{Gate, Untranslatable};

/// Reads a request.
///
/// # Errors
/// What cannot be said in the other dialect, by name; and what is not a request.
pub(crate) fn read_request<'d>(
    document: &'d Document,
    gate: &mut Gate,
) -> Result<Request<'d>, Untranslatable> {
    let mut request = Request::default();
    let mut input = None;
    for (key, value) in document.root().members() {
        let name = key.text().unwrap_or_default();
        match name.as_ref() {
            _ if value.is_null() => {}
            "input" => input = Some(value),
            name => member(name, value, &mut request, gate)?,
        }
    }
    let input = input.ok_or_else(|| Untranslatable::new("input", "is missing"))?;
    input_in::read(input, &mut request, gate)?;
    // Usage comes with every stream of this dialect; elsewhere it has to be asked for.
    request.stream_usage = request.stream;
    Ok(request)
}

fn member<'d>(
    name: &str,
    value: Value<'d>,
    request: &mut Request<'d>,
    gate: &mut Gate,
) -> Result<(), Untranslatable> {
    let path = || name.to_owned();
    match name {
        // The provider's name of it comes from the target.
        "model" => {}
        "instructions" => {
            if gate.pass(Meaning::System, path, value)? {
                request.system.push(text(value, &path)?);
            }
        }
        "tools" => tools_in::read(value, request, gate)?,
        "tool_choice" => request.tool_choice = tools_in::choice(value, gate)?,
        "parallel_tool_calls" => {
            if gate.pass(Meaning::ParallelToolCalls, path, value)? {
                request.parallel_tool_calls = Some(boolean(value, &path)?);
            }
        }
        "max_output_tokens" => {
            if gate.pass(Meaning::MaxOutputTokens, path, value)? {
                request.max_output_tokens = Some(whole(value, &path)?);
            }
        }
        "temperature" => {
            if gate.pass(Meaning::Temperature, path, value)? {
                request.temperature = Some(number(value, &path)?);
            }
        }
        "top_p" => {
            if gate.pass(Meaning::TopP, path, value)? {
                request.top_p = Some(number(value, &path)?);
            }
        }
        "text" => answer_form(value, request, gate)?,
        "reasoning" => reasoning(value, request, gate)?,
        "stream" => {
            request.stream = boolean(value, &path)?;
            gate.pass(Meaning::Stream, path, value)?;
        }
        "stream_options" => stream_options(value, gate)?,
        "include" => include(value, gate)?,
        "user" | "safety_identifier" => {
            if gate.pass(Meaning::EndUser, path, value)? {
                match &request.end_user {
                    None => request.end_user = Some(text(value, &path)?),
                    Some(_) => gate.drop(path()),
                }
            }
        }
        "metadata" => other(Meaning::Metadata, name, value, request, gate)?,
        "client_metadata" => {
            if gate.pass(Meaning::ClientFacts, path, value)? {
                gate.drop(path());
            }
        }
        "service_tier" => other(Meaning::ServiceTier, name, value, request, gate)?,
        "prompt_cache_key" => other(Meaning::CacheKey, name, value, request, gate)?,
        "prompt_cache_retention" => gate.drop(path()),
        "prompt_cache_options" => cache_options(value, gate)?,
        "store" if value.boolean() == Some(false) => {
            other(Meaning::Store, name, value, request, gate)?;
        }
        // What would be kept elsewhere could not be asked for again in this dialect.
        "store" => refuse(Meaning::Store, name, value, gate)?,
        "top_logprobs" => refuse(Meaning::TopLogProbs, name, value, gate)?,
        "previous_response_id" | "conversation" | "prompt" => {
            refuse(Meaning::StoredState, name, value, gate)?;
        }
        "background" => refuse(Meaning::Background, name, value, gate)?,
        "context_management" => refuse(Meaning::ContextManagement, name, value, gate)?,
        "truncation" => refuse(Meaning::Truncation, name, value, gate)?,
        "max_tool_calls" => refuse(Meaning::ServerTools, name, value, gate)?,
        _ => gate.unknown(path(), value)?,
    }
    Ok(())
}

/// What a writer may know how to carry.
fn other<'d>(
    meaning: Meaning,
    name: &str,
    value: Value<'d>,
    request: &mut Request<'d>,
    gate: &mut Gate,
) -> Result<(), Untranslatable> {
    if gate.pass(meaning, || name.to_owned(), value)? {
        request.others.push((meaning, value));
    }
    Ok(())
}

/// What cannot be had by way of another dialect, even one with a field for it: the answer could not tell it.
fn refuse(meaning: Meaning, name: &str, value: Value<'_>, gate: &mut Gate) -> Result<(), Untranslatable> {
    let path = || name.to_owned();
    if crate::fields::changes_nothing(crate::Dialect::Responses, meaning, value) {
        gate.drop(path());
        return Ok(());
    }
    if gate.pass(meaning, path, value)? { Err(gate.refusal(path())) } else { Ok(()) }
}

/// `text`: the form of the answer, and how many words it has.
fn answer_form<'d>(
    value: Value<'d>,
    request: &mut Request<'d>,
    gate: &mut Gate,
) -> Result<(), Untranslatable> {
    for (key, value) in object(value, &|| "text".to_owned())?.members().filter(|(_, value)| !value.is_null())
    {
        let name = key.text().unwrap_or_default();
        let path = || format!("text.{name}");
        match name.as_ref() {
            "format" => format(value, request, gate)?,
            "verbosity" => {
                if gate.pass(Meaning::Verbosity, path, value)? {
                    request.verbosity = Some(text(value, &path)?);
                }
            }
            _ => gate.unknown(path(), value)?,
        }
    }
    Ok(())
}

fn format<'d>(value: Value<'d>, request: &mut Request<'d>, gate: &mut Gate) -> Result<(), Untranslatable> {
    let path = || "text.format".to_owned();
    let kind = object(value, &path)?.get("type").and_then(Value::text).unwrap_or_default();
    let meaning = match kind.as_ref() {
        // As without it.
        "text" => None,
        "json_object" => Some(Meaning::JsonObject),
        "json_schema" => Some(Meaning::JsonSchema),
        _ => return Err(gate.refusal(path())),
    };
    let (mut name, mut description, mut schema, mut strict) = (None, None, None, None);
    for (key, value) in value.members().filter(|(_, value)| !value.is_null()) {
        let member = key.text().unwrap_or_default();
        let path = || format!("text.format.{member}");
        match (member.as_ref(), meaning) {
            ("type", _) => {}
            ("name", Some(Meaning::JsonSchema)) => name = Some(text(value, &path)?),
            ("description", Some(Meaning::JsonSchema)) => description = Some(text(value, &path)?),
            ("schema", Some(Meaning::JsonSchema)) => schema = Some(object(value, &path)?),
            ("strict", Some(Meaning::JsonSchema)) => strict = Some(boolean(value, &path)?),
            _ => gate.unknown(path(), value)?,
        }
    }
    let Some(meaning) = meaning else { return Ok(()) };
    if gate.pass(meaning, path, value)? {
        request.format = Some(if meaning == Meaning::JsonObject {
            Format::Json
        } else {
            let schema = schema.ok_or_else(|| Untranslatable::new("text.format.schema", "is missing"))?;
            Format::Schema { name, description, schema, strict }
        });
    }
    Ok(())
}

fn reasoning<'d>(value: Value<'d>, request: &mut Request<'d>, gate: &mut Gate) -> Result<(), Untranslatable> {
    let members = object(value, &|| "reasoning".to_owned())?.members();
    for (key, value) in members.filter(|(_, value)| !value.is_null()) {
        let name = key.text().unwrap_or_default();
        let path = || format!("reasoning.{name}");
        match name.as_ref() {
            "effort" => {
                if gate.pass(Meaning::ReasoningEffort, path, value)? {
                    let effort = text(value, &path)?;
                    request.reasoning =
                        Some(if effort == "none" { Reasoning::Off } else { Reasoning::Effort(effort) });
                }
            }
            "summary" | "generate_summary" => {
                if gate.pass(Meaning::ReasoningShown, path, value)? {
                    request.others.push((Meaning::ReasoningShown, value));
                }
            }
            "context" => only(gate, value, r#""auto""#, &path)?,
            "mode" => only(gate, value, r#""standard""#, &path)?,
            _ => gate.unknown(path(), value)?,
        }
    }
    Ok(())
}

fn stream_options(value: Value<'_>, gate: &mut Gate) -> Result<(), Untranslatable> {
    for (key, value) in object(value, &|| "stream_options".to_owned())?.members() {
        let name = key.text().unwrap_or_default();
        let path = || format!("stream_options.{name}");
        match name.as_ref() {
            _ if value.is_null() => {}
            // No event that is written here is padded, whatever is asked.
            "include_obfuscation" => gate.drop(path()),
            _ => gate.unknown(path(), value)?,
        }
    }
    Ok(())
}

/// What an answer should hold besides. Everything but log probabilities comes from OpenAI's own tools and store.
fn include(value: Value<'_>, gate: &mut Gate) -> Result<(), Untranslatable> {
    for (index, item) in items(value, &|| "include".to_owned())? {
        if item.is_text("message.output_text.logprobs") {
            return Err(gate.refusal(format!("include[{index}]")));
        }
    }
    if gate.pass(Meaning::Include, || "include".to_owned(), value)? {
        gate.drop("include".to_owned());
    }
    Ok(())
}

fn cache_options(value: Value<'_>, gate: &mut Gate) -> Result<(), Untranslatable> {
    let path = || "prompt_cache_options".to_owned();
    match object(value, &path)?.get("prewarm").and_then(Value::boolean) {
        // It asks for no answer at all.
        Some(true) => Err(gate.refusal("prompt_cache_options.prewarm".to_owned())),
        _ => {
            gate.drop(path());
            Ok(())
        }
    }
}
