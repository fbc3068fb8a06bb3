//! A whole answer of `generateContent`.

use std::borrow::Cow;

use flyball_core::Document;
use flyball_core::json::Value;

use crate::conversation::ToolCall;
use crate::gemini::parts_in::{self, Said};
use crate::reply::{Answer, Choice, Part, Stop};

/// Reads an answer; none when it is not one.
pub(crate) fn read_answer(document: &Document) -> Option<Answer<'_>> {
    let root = document.root();
    let usage = parts_in::usage(root);
    let refused = parts_in::prompt_refused(root);
    let candidates = root.get("candidates");
    if candidates.is_none() && usage.is_none() && !refused {
        return None;
    }
    let id = root.get("responseId").and_then(Value::text);
    let answer = id.as_deref().unwrap_or_default();
    let mut choices = Vec::new();
    for (place, candidate) in (0..).zip(candidates.into_iter().flat_map(Value::items)) {
        let index = candidate.get("index").map_or(Some(place), |_| parts_in::index(candidate))?;
        choices.push((index, read_candidate(candidate, answer, index)));
    }
    choices.sort_by_key(|(index, _)| *index);
    let mut choices: Vec<_> = choices.into_iter().map(|(_, choice)| choice).collect();
    if choices.is_empty() {
        let stop = if refused { Stop::Refusal } else { Stop::End };
        choices.push(Choice { stop, ..Choice::default() });
    }
    let model = root.get("modelVersion").and_then(Value::text);
    let created = root.get("createTime").and_then(Value::text).and_then(|time| parts_in::seconds(&time));
    Some(Answer { id, model, created, choices, usage })
}

/// Texts of one kind that follow each other are one part, as they are in a stream.
fn read_candidate<'d>(candidate: Value<'d>, answer: &str, index: u32) -> Choice<'d> {
    let mut parts: Vec<Part<'d>> = Vec::new();
    let mut calls = 0;
    for said in parts_in::said(candidate) {
        match (said, parts.last_mut()) {
            (Said::Text(more), Some(Part::Text(text)))
            | (Said::Thought(more), Some(Part::Reasoning(text))) => {
                text.to_mut().push_str(&more);
            }
            (Said::Text(text), _) => parts.push(Part::Text(text)),
            (Said::Thought(text), _) => parts.push(Part::Reasoning(text)),
            (Said::Call { id, name, arguments }, _) => {
                let id = parts_in::call_id(id, answer, index, calls, &name);
                calls += 1;
                let arguments = Cow::Borrowed(arguments);
                parts.push(Part::ToolCall(ToolCall { id, name, arguments }));
            }
        }
    }
    let stop = parts_in::stop(candidate, calls > 0);
    let stop = stop.unwrap_or(if calls > 0 { Stop::ToolUse } else { Stop::End });
    Choice { parts, stop, stop_sequence: None }
}
