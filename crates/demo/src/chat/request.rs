//! The body of a chat completion, read without copying what the caller wrote, and checked. Fields that change
//! nothing here are ignored, as a provider ignores what it does not know.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use flyball_core::tokens::Prompt;
use serde::de::{self, SeqAccess, Visitor, value::SeqAccessDeserializer};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::models;
use crate::rejected::Rejected;

const MOST_CHOICES: u32 = 128;
const MOST_TOP_LOGPROBS: u32 = 20;
const MOST_STOPS: usize = 4;

/// A string that borrows from the body where it holds no escapes.
#[derive(Debug)]
pub(crate) struct Str<'a>(Cow<'a, str>);

#[derive(Debug, Deserialize)]
pub(super) struct ChatRequest<'a> {
    #[serde(borrow)]
    model: Option<Str<'a>>,
    #[serde(borrow)]
    messages: Option<Vec<Message<'a>>>,
    stream: Option<bool>,
    stream_options: Option<StreamOptions>,
    n: Option<u32>,
    max_tokens: Option<u64>,
    max_completion_tokens: Option<u64>,
    #[serde(borrow)]
    stop: Option<OneOrMany<'a, Str<'a>>>,
    logprobs: Option<bool>,
    top_logprobs: Option<u32>,
    temperature: Option<f64>,
    pub(super) tools: Option<Vec<Value>>,
    pub(super) tool_choice: Option<Value>,
    pub(super) parallel_tool_calls: Option<bool>,
    response_format: Option<Value>,
    functions: Option<Value>,
}

#[derive(Debug, Deserialize)]
struct StreamOptions {
    include_usage: Option<bool>,
}

#[derive(Debug, Deserialize)]
struct Message<'a> {
    #[serde(borrow)]
    role: Option<Str<'a>>,
    #[serde(borrow)]
    content: Option<OneOrMany<'a, Part<'a>>>,
    #[serde(borrow)]
    tool_call_id: Option<Str<'a>>,
    tool_calls: Option<Vec<Value>>,
    function_call: Option<Value>,
    refusal: Option<Value>,
    reasoning_content: Option<Value>,
    reasoning: Option<Value>,
}

#[derive(Debug, Deserialize)]
struct Part<'a> {
    #[serde(borrow, rename = "type")]
    kind: Str<'a>,
    #[serde(borrow)]
    text: Option<Str<'a>>,
    refusal: Option<Value>,
}

/// A string, or an array of something.
#[derive(Debug)]
enum OneOrMany<'a, T> {
    One(Str<'a>),
    Many(Vec<T>),
}

/// The form that the answer's text is wanted in.
#[derive(Debug, Clone, Copy)]
pub(super) enum Format<'r> {
    Text,
    Object,
    Schema(&'r Value),
}

impl<'a> ChatRequest<'a> {
    /// Reads a body. An error names the field at fault.
    pub(super) fn parse(body: &'a [u8]) -> Result<Self, Rejected> {
        serde_json::from_slice(body).map_err(|error| parse_error::<ChatRequest<'_>>(body, &error))
    }

    /// The model that is asked for, if it exists.
    pub(super) fn model<'s>(&'s self, deployment: Option<&'s str>) -> Result<&'s str, Rejected> {
        let named = deployment.or(self.model.as_ref().map(Str::as_str));
        let model = named.ok_or_else(|| Rejected::missing("model"))?;
        if models::exists(model) { Ok(model) } else { Err(Rejected::unknown_model(model)) }
    }

    /// Checks what the types do not say.
    pub(super) fn check(&self) -> Result<(), Rejected> {
        let invalid = |param: &str, message: &str| Err(Rejected::invalid(param.to_owned(), message));
        let Some(messages) = &self.messages else { return Err(Rejected::missing("messages")) };
        if messages.is_empty() {
            return invalid("messages", "'messages' must hold at least one message.");
        }
        for (at, message) in messages.iter().enumerate() {
            message.check(at)?;
        }
        if !(1..=MOST_CHOICES).contains(&self.choices()) {
            return invalid("n", "'n' must be from 1 to 128.");
        }
        if self.max_tokens == Some(0) {
            return invalid("max_tokens", "'max_tokens' must be at least 1.");
        }
        if self.max_completion_tokens == Some(0) {
            return invalid("max_completion_tokens", "'max_completion_tokens' must be at least 1.");
        }
        if self.temperature.is_some_and(|temperature| !(0.0..=2.0).contains(&temperature)) {
            return invalid("temperature", "'temperature' must be from 0 to 2.");
        }
        if matches!(&self.stop, Some(OneOrMany::Many(stops)) if stops.len() > MOST_STOPS) {
            return invalid("stop", "'stop' takes at most four sequences.");
        }
        if self.top_logprobs.is_some() && self.logprobs != Some(true) {
            return invalid("top_logprobs", "'top_logprobs' needs 'logprobs' to be true.");
        }
        if self.top_logprobs.is_some_and(|count| count > MOST_TOP_LOGPROBS) {
            return invalid("top_logprobs", "'top_logprobs' must be from 0 to 20.");
        }
        if self.stream_options.is_some() && !self.stream() {
            return invalid("stream_options", "'stream_options' is only for streams.");
        }
        self.check_format()
    }

    fn check_format(&self) -> Result<(), Rejected> {
        let Some(format) = &self.response_format else { return Ok(()) };
        match format.get("type").and_then(Value::as_str) {
            Some("text" | "json_object") => Ok(()),
            Some("json_schema") => {
                let schema = format.pointer("/json_schema/schema");
                if schema.is_some_and(Value::is_object) {
                    Ok(())
                } else {
                    Err(Rejected::missing("response_format.json_schema.schema"))
                }
            }
            _ => Err(Rejected::invalid(
                "response_format.type".to_owned(),
                "'response_format.type' must be text, json_object or json_schema.",
            )),
        }
    }

    pub(super) fn stream(&self) -> bool {
        self.stream.unwrap_or(false)
    }

    pub(super) fn include_usage(&self) -> bool {
        self.stream_options.as_ref().and_then(|options| options.include_usage).unwrap_or(false)
    }

    pub(super) fn choices(&self) -> u32 {
        self.n.unwrap_or(1)
    }

    /// The cap on tokens: the stricter of the old and the new field.
    pub(super) fn max_tokens(&self) -> Option<u64> {
        match (self.max_tokens, self.max_completion_tokens) {
            (Some(old), Some(new)) => Some(old.min(new)),
            (old, new) => old.or(new),
        }
    }

    /// The sequences that end the answer.
    pub(super) fn stop_sequences(&self) -> impl Iterator<Item = &str> {
        let (one, many) = match &self.stop {
            None => (None, None),
            Some(OneOrMany::One(stop)) => (Some(stop), None),
            Some(OneOrMany::Many(stops)) => (None, Some(stops)),
        };
        one.into_iter().chain(many.into_iter().flatten()).map(Str::as_str).filter(|stop| !stop.is_empty())
    }

    /// How many alternatives each token is to show; `None` when log probabilities are not wanted.
    pub(super) fn top_logprobs(&self) -> Option<u32> {
        self.logprobs.unwrap_or(false).then(|| self.top_logprobs.unwrap_or(0))
    }

    pub(super) fn format(&self) -> Format<'_> {
        let Some(format) = &self.response_format else { return Format::Text };
        match format.get("type").and_then(Value::as_str) {
            Some("json_object") => Format::Object,
            Some("json_schema") => {
                format.pointer("/json_schema/schema").map_or(Format::Object, Format::Schema)
            }
            _ => Format::Text,
        }
    }

    /// What the user said last: the last text of the last user message; empty when there is none.
    pub(super) fn prompt(&self) -> &str {
        let last = self.messages().iter().rev().find(|message| message.has_role("user"));
        last.and_then(|message| message.texts().last()).unwrap_or_default()
    }

    /// A sentence about the pictures, sounds and files of the last user message; empty when there are none.
    pub(super) fn media(&self) -> String {
        let last = self.messages().iter().rev().find(|message| message.has_role("user"));
        let Some(Message { content: Some(OneOrMany::Many(parts)), .. }) = last else { return String::new() };
        let count = |kind: &str| parts.iter().filter(|part| part.kind.as_str() == kind).count();
        let kinds =
            [("image", count("image_url")), ("audio clip", count("input_audio")), ("file", count("file"))];
        let given: Vec<String> = kinds
            .into_iter()
            .filter(|(_, count)| *count > 0)
            .map(|(name, count)| format!("{count} {name}{}", if count == 1 { "" } else { "s" }))
            .collect();
        if given.is_empty() { String::new() } else { format!("You gave me {}. ", given.join(" and ")) }
    }

    /// A text about the tool results at the end of the conversation; `None` when it does not end in any.
    pub(super) fn tool_results(&self) -> Option<String> {
        let messages = self.messages();
        let results = messages.iter().rev().take_while(|message| message.has_role("tool")).count();
        let first = messages.len() - results;
        let mut lines = Vec::with_capacity(results);
        for message in messages.iter().skip(first) {
            let id = message.tool_call_id.as_ref().map(Str::as_str).unwrap_or_default();
            let name = self.name_of_call(id).unwrap_or("The tool");
            lines.push(format!("{name} says: {}", message.texts().collect::<Vec<_>>().join(" ")));
        }
        (!lines.is_empty()).then(|| lines.join("\n"))
    }

    /// Whether the conversation ends in a tool's result.
    pub(super) fn ends_in_tool_result(&self) -> bool {
        self.messages().last().is_some_and(|message| message.has_role("tool"))
    }

    /// The tokens of all that the model reads.
    pub(super) fn prompt_tokens(&self) -> u64 {
        let mut prompt = Prompt::default();
        self.messages().iter().for_each(|message| message.count(&mut prompt));
        self.tools.iter().flatten().for_each(|tool| structure(&mut prompt, tool));
        [&self.functions, &self.response_format]
            .into_iter()
            .flatten()
            .for_each(|value| structure(&mut prompt, value));
        prompt.total()
    }

    fn name_of_call(&self, id: &str) -> Option<&str> {
        let calls = self.messages().iter().rev().filter_map(|message| message.tool_calls.as_ref()).flatten();
        let mut named = calls.filter(|call| call.get("id").and_then(Value::as_str) == Some(id));
        named.next()?.pointer("/function/name")?.as_str()
    }

    fn messages(&self) -> &[Message<'a>] {
        self.messages.as_deref().unwrap_or_default()
    }
}

impl Message<'_> {
    fn check(&self, at: usize) -> Result<(), Rejected> {
        let Some(role) = &self.role else { return Err(Rejected::missing(&format!("messages[{at}].role"))) };
        match role.as_str() {
            "system" | "developer" | "user" | "function" if self.content.is_some() => Ok(()),
            "tool" if self.content.is_some() && self.tool_call_id.is_some() => Ok(()),
            "tool" if self.content.is_some() => {
                Err(Rejected::missing(&format!("messages[{at}].tool_call_id")))
            }
            "assistant" if self.content.is_some() || self.tool_calls.is_some() => Ok(()),
            "system" | "developer" | "user" | "function" | "tool" | "assistant" => {
                Err(Rejected::missing(&format!("messages[{at}].content")))
            }
            other => Err(Rejected::invalid(
                format!("messages[{at}].role"),
                format!("'{other}' is not a role. Use system, developer, user, assistant or tool."),
            )),
        }
    }

    fn has_role(&self, role: &str) -> bool {
        self.role.as_ref().is_some_and(|own| own.as_str() == role)
    }

    fn count(&self, prompt: &mut Prompt) {
        prompt.message();
        self.texts().for_each(|text| prompt.text(text));
        if let Some(OneOrMany::Many(parts)) = &self.content {
            for part in parts {
                match part.kind.as_str() {
                    "image_url" | "input_audio" | "file" | "video_url" => prompt.medium(),
                    _ => string(prompt, part.refusal.as_ref()),
                }
            }
        }
        string(prompt, self.refusal.as_ref());
        string(prompt, self.reasoning_content.as_ref().or(self.reasoning.as_ref()));
        let calls = self.tool_calls.iter().flatten().filter_map(|call| call.get("function"));
        for function in calls.chain(&self.function_call) {
            string(prompt, function.get("name"));
            string(prompt, function.get("arguments"));
        }
    }

    fn texts(&self) -> impl Iterator<Item = &str> {
        let (one, many) = match &self.content {
            None => (None, None),
            Some(OneOrMany::One(text)) => (Some(text), None),
            Some(OneOrMany::Many(parts)) => (None, Some(parts)),
        };
        let parts = many.into_iter().flatten().filter_map(|part| part.text.as_ref());
        one.into_iter().chain(parts).map(Str::as_str)
    }
}

fn string(prompt: &mut Prompt, value: Option<&Value>) {
    if let Some(text) = value.and_then(Value::as_str) {
        prompt.text(text);
    }
}

/// Counts the names and strings of a structure.
fn structure(prompt: &mut Prompt, value: &Value) {
    match value {
        Value::String(text) => prompt.text(text),
        Value::Array(items) => items.iter().for_each(|item| structure(prompt, item)),
        Value::Object(members) => members.iter().for_each(|(name, member)| {
            prompt.text(name);
            structure(prompt, member);
        }),
        _ => {}
    }
}

/// Says what is wrong with a body that did not parse. Reads it once more to find the field.
pub(crate) fn parse_error<'a, T: Deserialize<'a>>(body: &'a [u8], error: &serde_json::Error) -> Rejected {
    if !error.is_data() {
        return Rejected::invalid(None, "The body is not a JSON document that can be read.");
    }
    let mut reader = serde_json::Deserializer::from_slice(body);
    let path = match serde_path_to_error::deserialize::<_, T>(&mut reader) {
        Ok(_) => String::new(),
        Err(error) => error.path().to_string(),
    };
    // The detail of the error would repeat what the caller wrote; the field's name is enough.
    match path.as_str() {
        "" | "." => Rejected::invalid(None, "The body must be a JSON object of this endpoint."),
        field => Rejected::invalid(field.to_owned(), format!("Invalid type or value for '{field}'.")),
    }
}

impl Str<'_> {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Str<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Borrow;
        impl<'de> Visitor<'de> for Borrow {
            type Value = Str<'de>;
            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a string")
            }
            fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Str(Cow::Borrowed(text)))
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Str(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(Borrow)
    }
}

impl<'de: 'a, 'a, T: Deserialize<'de>> Deserialize<'de> for OneOrMany<'a, T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Either<T> {
            type Value = OneOrMany<'de, T>;
            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a string or an array")
            }
            fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(OneOrMany::One(Str(Cow::Borrowed(text))))
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
                Ok(OneOrMany::One(Str(Cow::Owned(text.to_owned()))))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<Self::Value, A::Error> {
                Deserialize::deserialize(SeqAccessDeserializer::new(items)).map(OneOrMany::Many)
            }
        }
        deserializer.deserialize_any(Either(PhantomData))
    }
}
