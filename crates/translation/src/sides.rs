//! A conversation as dialects want it in which two sides alternate: turns of one side that follow each other are one,
//! results of tools stand first in the turn after their calls. How a side's parts are written is the dialects'.

use std::borrow::Cow;
use std::collections::{HashMap, VecDeque};

use bytes::Bytes;
use flyball_core::json::{Document, Limits, NodeKind};

use crate::Untranslatable;
use crate::conversation::{Part, Request, Speaker, ToolCall, ToolResult, Turn};

/// Bounds on the arguments of one call.
const LIMITS: Limits = Limits { depth: 128, nodes: 1_000_000 };

/// What one side says until the other does.
#[derive(Debug)]
pub(crate) struct Side<'r, 'd> {
    /// Whether these are earlier answers.
    pub(crate) assistant: bool,
    /// Results of the calls of the side before, in the order of these calls.
    pub(crate) results: Vec<Answered<'r, 'd>>,
    /// Everything else, in its order. Blank texts are not here: vendors refuse them, and models
    /// write them beside calls of tools.
    pub(crate) said: Vec<Said<'r, 'd>>,
}

/// A result and where it belongs.
#[derive(Debug)]
pub(crate) struct Answered<'r, 'd> {
    /// Which of the calls of the side before.
    call: usize,
    /// The called tool's name.
    pub(crate) name: &'r str,
    /// The result.
    pub(crate) result: &'r ToolResult<'d>,
    /// The turn's path.
    pub(crate) path: &'r str,
}

/// Something said.
#[derive(Debug)]
pub(crate) enum Said<'r, 'd> {
    /// A part of a turn, and the turn's path.
    Part(&'r Part<'d>, &'r str),
    /// An instruction from the middle of the conversation, as a text of the user's.
    Instruction(String),
}

/// The sides of a conversation.
///
/// # Errors
/// When a result answers no call of the turn before, or one that was answered, when the arguments of a call are not an object, or when a turn
/// holds what its side does not say.
pub(crate) fn sides<'r, 'd>(request: &'r Request<'d>) -> Result<Vec<Side<'r, 'd>>, Untranslatable> {
    let mut sides: Vec<Side<'r, 'd>> = Vec::with_capacity(request.turns.len());
    // The open calls: by their ids, where they stand in the side before and what they call. Each is answered once, so
    // that a name is written no more often than it was sent.
    let mut calls: HashMap<&'r str, VecDeque<(usize, &'r str)>> = HashMap::new();
    let mut number = 0;
    for turn in &request.turns {
        let assistant = turn.speaker == Speaker::Assistant;
        for part in &turn.parts {
            if is_empty(part) {
                continue;
            }
            if sides.last().is_none_or(|side| side.assistant != assistant) {
                if assistant {
                    calls.clear();
                }
                sides.push(Side { assistant, results: Vec::new(), said: Vec::new() });
            }
            let Some(side) = sides.last_mut() else { continue };
            match (part, turn.speaker) {
                (Part::ToolCall(call), Speaker::Assistant) => {
                    check_arguments(call, &turn.path)?;
                    calls.entry(&call.id).or_default().push_back((number, &call.name));
                    number += 1;
                    side.said.push(Said::Part(part, &turn.path));
                }
                (Part::ToolResult(result), Speaker::User) => {
                    let open = calls.get_mut(&*result.id).ok_or_else(|| orphan(turn))?;
                    let (call, name) = open.pop_front().ok_or_else(|| again(turn))?;
                    side.results.push(Answered { call, name, result, path: &turn.path });
                }
                (Part::ToolCall(_) | Part::ToolResult(_), _) => return Err(misplaced(turn)),
                (Part::Text(text), Speaker::System) => {
                    side.said.push(Said::Instruction(format!("<system>{text}</system>")));
                }
                (_, Speaker::System) => return Err(misplaced(turn)),
                _ => side.said.push(Said::Part(part, &turn.path)),
            }
        }
    }
    for side in &mut sides {
        side.results.sort_by_key(|answered| answered.call);
    }
    Ok(sides)
}

/// Whether the model is to go on with an answer that was begun: from results of its calls, or from its own words.
/// Vendors that sign thinking want to see what was thought before.
pub(crate) fn goes_on(sides: &[Side<'_, '_>]) -> bool {
    sides.last().is_some_and(|side| side.assistant || !side.results.is_empty())
}

/// Arguments as a JSON object. [`sides`] has checked that they are one.
pub(crate) fn arguments<'c>(call: &'c ToolCall<'_>) -> &'c str {
    let arguments = call.arguments.trim_ascii();
    if arguments.is_empty() { "{}" } else { arguments }
}

/// The texts of a result.
pub(crate) fn texts<'r, 'd>(result: &'r ToolResult<'d>) -> impl Iterator<Item = &'r Cow<'d, str>> + Clone {
    result.parts.iter().filter_map(|part| match part {
        Part::Text(text) => Some(text),
        _ => None,
    })
}

/// Whether a text says nothing.
pub(crate) fn is_blank(text: &str) -> bool {
    text.trim().is_empty()
}

fn is_empty(part: &Part<'_>) -> bool {
    matches!(part, Part::Text(text) | Part::Reasoning(text) | Part::Refusal(text) if is_blank(text))
}

fn check_arguments(call: &ToolCall<'_>, path: &str) -> Result<(), Untranslatable> {
    let document = Document::parse(Bytes::copy_from_slice(arguments(call).as_bytes()), LIMITS);
    match document {
        Ok(document) if document.root().kind() == NodeKind::Object => Ok(()),
        _ => Err(Untranslatable::new(path, "calls a tool with arguments that are not a JSON object")),
    }
}

fn orphan(turn: &Turn<'_>) -> Untranslatable {
    Untranslatable::new(&*turn.path, "holds a tool's result that answers no call of the turn before")
}

fn again(turn: &Turn<'_>) -> Untranslatable {
    Untranslatable::new(&*turn.path, "holds a second result of the same call of a tool")
}

fn misplaced(turn: &Turn<'_>) -> Untranslatable {
    Untranslatable::new(&*turn.path, "holds a part that this side does not say")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trial::{call, request, result, text};

    fn answered(ids: &[&str]) -> Request<'static> {
        let results = ids.iter().map(|id| result(id, vec![text(id)])).collect();
        request(vec![
            (Speaker::Assistant, vec![call("a", "f", ""), call("a", "g", "")]),
            (Speaker::User, results),
        ])
    }

    #[test]
    fn calls_of_one_id_are_answered_one_after_the_other() {
        let request = answered(&["a", "a"]);
        let sides = sides(&request).unwrap();
        let names: Vec<_> = sides[1].results.iter().map(|result| result.name).collect();
        assert_eq!(names, ["f", "g"]);
    }

    #[test]
    fn a_call_is_answered_once() {
        let refused = sides(&answered(&["a", "a", "a"])).unwrap_err();
        assert_eq!(refused.field, "messages[1]");
    }
}
