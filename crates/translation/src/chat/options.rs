//! Members of a request that chat shares with the older completions: sampling, stops, streams and hints. Numbers
//! stay as they were written.

use std::borrow::Cow;

use flyball_core::json::{NodeKind, Value};

use crate::Untranslatable;
use crate::conversation::Request;
use crate::fields::Meaning;
use crate::gate::Gate;

/// Takes the member `name` if it is one of these; false when it is not.
///
/// # Errors
/// When it is not of its type, or cannot be said where the request goes.
pub(crate) fn read<'d>(
    name: &[u8],
    value: Value<'d>,
    request: &mut Request<'d>,
    gate: &mut Gate,
) -> Result<bool, Untranslatable> {
    match name {
        b"temperature" => number(gate, Meaning::Temperature, "temperature", value, &mut request.temperature)?,
        b"top_p" => number(gate, Meaning::TopP, "top_p", value, &mut request.top_p)?,
        b"seed" => number(gate, Meaning::Seed, "seed", value, &mut request.seed)?,
        b"presence_penalty" => {
            number(gate, Meaning::PresencePenalty, "presence_penalty", value, &mut request.presence_penalty)?;
        }
        b"frequency_penalty" => {
            number(
                gate,
                Meaning::FrequencyPenalty,
                "frequency_penalty",
                value,
                &mut request.frequency_penalty,
            )?;
        }
        b"n" => {
            let choices = value.unsigned().ok_or_else(|| wrong("n", "must be a whole number"))?;
            if gate.pass(Meaning::Choices, || "n".into(), value)? {
                request.choices = Some(choices);
            }
        }
        b"logit_bias" => other(gate, Meaning::LogitBias, "logit_bias", value, request)?,
        b"stop" => stop(gate, value, request)?,
        b"stream" => {
            let stream = value.boolean().ok_or_else(|| wrong("stream", "must be true or false"))?;
            if gate.pass(Meaning::Stream, || "stream".into(), value)? {
                request.stream = stream;
            }
        }
        b"stream_options" => stream_options(gate, value, request)?,
        b"user" => end_user(gate, "user", value, request)?,
        _ => return Ok(false),
    }
    Ok(true)
}

/// A number as it was written.
fn number<'d>(
    gate: &mut Gate,
    meaning: Meaning,
    name: &'static str,
    value: Value<'d>,
    into: &mut Option<&'d str>,
) -> Result<(), Untranslatable> {
    if value.kind() != NodeKind::Number {
        return Err(wrong(name, "must be a number"));
    }
    if gate.pass(meaning, || name.into(), value)? {
        *into = Some(value.raw());
    }
    Ok(())
}

/// What one writer alone knows how to carry.
pub(crate) fn other<'d>(
    gate: &mut Gate,
    meaning: Meaning,
    name: &'static str,
    value: Value<'d>,
    request: &mut Request<'d>,
) -> Result<(), Untranslatable> {
    if gate.pass(meaning, || name.into(), value)? {
        request.others.push((meaning, value));
    }
    Ok(())
}

/// The person behind the call. Of two names, the first is carried.
pub(crate) fn end_user<'d>(
    gate: &mut Gate,
    name: &'static str,
    value: Value<'d>,
    request: &mut Request<'d>,
) -> Result<(), Untranslatable> {
    let user = text(value, || name.into())?;
    if gate.pass(Meaning::EndUser, || name.into(), value)? {
        match &request.end_user {
            None => request.end_user = Some(user),
            Some(known) if *known == user => {}
            Some(_) => gate.drop(name.into()),
        }
    }
    Ok(())
}

fn stop<'d>(gate: &mut Gate, value: Value<'d>, request: &mut Request<'d>) -> Result<(), Untranslatable> {
    if value.holds_scalars() || !matches!(value.kind(), NodeKind::String | NodeKind::Array) {
        return Err(wrong("stop", "must be a text or a list of texts"));
    }
    if !gate.pass(Meaning::Stop, || "stop".into(), value)? {
        return Ok(());
    }
    if let Some(one) = value.text() {
        request.stop.push(one);
    }
    for item in value.items() {
        request.stop.push(text(item, || "stop".into())?);
    }
    Ok(())
}

fn stream_options<'d>(
    gate: &mut Gate,
    value: Value<'d>,
    request: &mut Request<'d>,
) -> Result<(), Untranslatable> {
    object(value, || "stream_options".into())?;
    for (key, value) in value.members() {
        if value.is_null() {
            continue;
        }
        match key.name().as_ref() {
            b"include_usage" => {
                let path = || "stream_options.include_usage".into();
                if gate.pass(Meaning::StreamUsage, path, value)? {
                    request.stream_usage = value.boolean() == Some(true);
                }
            }
            b"include_obfuscation" => {
                gate.pass(Meaning::StreamPadding, || "stream_options.include_obfuscation".into(), value)?;
            }
            _ => gate.unknown(child("stream_options", key), value)?,
        }
    }
    Ok(())
}

/// The text of a string.
pub(crate) fn text<'d>(
    value: Value<'d>,
    path: impl FnOnce() -> String,
) -> Result<Cow<'d, str>, Untranslatable> {
    value.text().ok_or_else(|| Untranslatable::new(path(), "must be a text"))
}

/// That a value is an object.
pub(crate) fn object(value: Value<'_>, path: impl FnOnce() -> String) -> Result<(), Untranslatable> {
    if value.kind() == NodeKind::Object {
        Ok(())
    } else {
        Err(Untranslatable::new(path(), "must be an object"))
    }
}

/// That a value is a list of strings, objects or lists.
pub(crate) fn list(value: Value<'_>, path: impl FnOnce() -> String) -> Result<(), Untranslatable> {
    if value.kind() == NodeKind::Array && !value.holds_scalars() {
        Ok(())
    } else {
        Err(Untranslatable::new(path(), "must be a list, and not of numbers"))
    }
}

/// The path of a member.
pub(crate) fn child(path: &str, key: Value<'_>) -> String {
    let name = key.text().unwrap_or_default();
    if path.is_empty() { name.into_owned() } else { format!("{path}.{name}") }
}

/// What is the matter with the member `name`.
pub(crate) fn wrong(name: &str, reason: &str) -> Untranslatable {
    Untranslatable::new(name, reason)
}
