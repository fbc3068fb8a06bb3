//! When the demo model calls the caller's tools, and with which arguments.
//!
//! It calls a tool that `tool_choice` demands, and one that the prompt mentions: by name, or by all the telling
//! words of its name (`get_weather`: "weather"). It calls several when several are mentioned, or when the prompt
//! asks for two calls of one. After a tool's result it answers.

use serde_json::Value;

use super::choice::ToolCall;
use super::request::ChatRequest;
use crate::hash::hash;
use crate::hints::Hints;
use crate::rejected::Rejected;
use crate::schema;

/// Words of tool names that say little about what the tool is for.
const WEAK_WORDS: [&str; 13] = [
    "get", "set", "the", "find", "list", "fetch", "look", "lookup", "make", "create", "call", "current",
    "tool",
];

/// Words that ask for one call per value.
const SEVERAL_WORDS: [&str; 6] = ["twice", "two", "both", "each", "parallel", "respectively"];

/// What the caller lets us do with the tools.
enum Wanted<'r> {
    Nothing,
    WhatIsMentioned,
    Something,
    This(&'r str),
}

/// The calls that answer the prompt; `None` when words answer it.
pub(super) fn calls(
    request: &ChatRequest<'_>,
    prompt: &str,
    choice: u32,
) -> Result<Option<Vec<ToolCall>>, Rejected> {
    let Some(tools) = request.tools.as_deref().filter(|tools| !tools.is_empty()) else { return Ok(None) };
    let functions = tools.iter().enumerate().map(|(at, tool)| Function::read(at, tool));
    let functions = functions.collect::<Result<Vec<_>, _>>()?;
    let lower = prompt.to_lowercase();
    let mentioned: Vec<_> = functions.iter().filter(|function| function.is_mentioned(&lower)).collect();
    let chosen = match wanted(request)? {
        Wanted::Nothing => return Ok(None),
        _ if request.ends_in_tool_result() => return Ok(None),
        Wanted::WhatIsMentioned => mentioned,
        Wanted::Something if mentioned.is_empty() => functions.iter().take(1).collect(),
        Wanted::Something => mentioned,
        Wanted::This(name) => {
            let named = functions.iter().find(|function| function.name == name);
            let unknown = || Rejected::invalid("tool_choice".to_owned(), "'tool_choice' names no tool.");
            vec![named.ok_or_else(unknown)?]
        }
    };
    let mut hints = Hints::of(prompt);
    let parallel = request.parallel_tool_calls.unwrap_or(true);
    let most = if parallel { usize::MAX } else { 1 };
    let repeat = match chosen.as_slice() {
        [_] if parallel && asks_for_several(&lower) => hints.strings().clamp(2, 8),
        _ => 1,
    };
    let repeated = chosen.into_iter().flat_map(|function| std::iter::repeat_n(function, repeat));
    let calls: Vec<_> = repeated
        .take(most)
        .enumerate()
        .map(|(at, function)| function.call(&mut hints, choice, at, prompt))
        .collect();
    Ok((!calls.is_empty()).then_some(calls))
}

fn wanted<'r>(request: &'r ChatRequest<'_>) -> Result<Wanted<'r>, Rejected> {
    let invalid = || {
        Rejected::invalid(
            "tool_choice".to_owned(),
            "'tool_choice' must be none, auto, required or a function.",
        )
    };
    match &request.tool_choice {
        None | Some(Value::Null) => Ok(Wanted::WhatIsMentioned),
        Some(Value::String(word)) => match word.as_str() {
            "none" => Ok(Wanted::Nothing),
            "auto" => Ok(Wanted::WhatIsMentioned),
            "required" => Ok(Wanted::Something),
            _ => Err(invalid()),
        },
        Some(choice) => {
            choice.pointer("/function/name").and_then(Value::as_str).map(Wanted::This).ok_or_else(invalid)
        }
    }
}

fn asks_for_several(lower: &str) -> bool {
    let mut words = lower.split(|character: char| !character.is_alphanumeric());
    words.any(|word| SEVERAL_WORDS.contains(&word))
}

/// One of the caller's functions.
struct Function<'r> {
    name: &'r str,
    parameters: Option<&'r Value>,
}

impl<'r> Function<'r> {
    fn read(at: usize, tool: &'r Value) -> Result<Self, Rejected> {
        let name = tool.pointer("/function/name").and_then(Value::as_str);
        let name = name.ok_or_else(|| Rejected::missing(&format!("tools[{at}].function.name")))?;
        Ok(Function { name, parameters: tool.pointer("/function/parameters") })
    }

    fn is_mentioned(&self, lower: &str) -> bool {
        let name = self.name.to_lowercase();
        if lower.contains(&name) {
            return true;
        }
        let telling = name
            .split(['_', '-', '.'])
            .filter(|word| word.len() > 2 && !WEAK_WORDS.contains(word))
            .map(|word| lower.contains(word));
        telling.clone().count() > 0 && telling.into_iter().all(|found| found)
    }

    fn call(&self, hints: &mut Hints, choice: u32, at: usize, prompt: &str) -> ToolCall {
        let arguments = match self.parameters {
            Some(parameters) => schema::generate(parameters, hints),
            None => Value::Object(serde_json::Map::new()),
        };
        let arguments = arguments.to_string();
        let id = hash(format!("{prompt}\n{}\n{arguments}\n{choice}\n{at}", self.name).as_bytes());
        ToolCall { id: format!("call_{id:016x}"), name: self.name.to_owned(), arguments }
    }
}
