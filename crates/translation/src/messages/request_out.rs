//! A request, written as messages. Content is written in [`super::blocks_out`], settings in [`super::knobs_out`].
//!
//! The conversation comes last in the body: what precedes it does not change from turn to turn, so that each body
//! begins as the one before and the provider's prompt cache holds.

use std::borrow::Cow;

use super::blocks_out;
use super::knobs_out;
use crate::claude;
use crate::conversation::Request;
use crate::gate::Gate;
use crate::sides;
use crate::write::Json;
use crate::{Untranslatable, Wanted};

/// Writes a request.
///
/// # Errors
/// When it holds a call of a tool whose arguments are no object, a result without its call, or media that messages
/// does not have.
pub(crate) fn write_request(
    request: &Request<'_>,
    wanted: Wanted<'_>,
    gate: &mut Gate,
) -> Result<Vec<u8>, Untranslatable> {
    let cap = request.max_output_tokens.unwrap_or(wanted.max_output_tokens);
    let sides = sides::sides(request)?;
    let claude = claude::traits(wanted.model);
    let thinking = knobs_out::thinking(request, claude, cap, sides::goes_on(&sides), gate);
    let temperature = knobs_out::temperature(request, &thinking, claude, gate);
    let top_p = knobs_out::top_p(request, &thinking, claude, gate);
    let top_k = knobs_out::top_k(request, &thinking, claude, gate);
    // There must be something to answer: instructions alone become the user's words.
    let (system, spoken): (&[Cow<'_, str>], &[Cow<'_, str>]) =
        if sides.is_empty() { (&[], &request.system) } else { (&request.system, &[]) };
    let mut fault = None;
    let mut json = Json::with_capacity(4096);
    json.object(|json| {
        json.key("model").text(wanted.model);
        json.key("max_tokens").number(cap);
        json.key("stream").boolean(request.stream);
        for (name, number) in [("temperature", temperature), ("top_p", top_p), ("top_k", top_k)] {
            if let Some(number) = number {
                json.key(name).raw(number);
            }
        }
        if !request.stop.is_empty() {
            json.key("stop_sequences").array(|json| request.stop.iter().for_each(|text| json.text(text)));
        }
        knobs_out::write_thinking(&thinking, json);
        knobs_out::write_output(request, &thinking, json);
        if let Some(user) = &request.end_user {
            json.key("metadata").object(|json| json.key("user_id").text(user));
        }
        knobs_out::write_tools(request, json);
        if system.iter().any(|text| !sides::is_blank(text)) {
            json.key("system").array(|json| {
                system
                    .iter()
                    .filter(|text| !sides::is_blank(text))
                    .for_each(|text| blocks_out::write_text(text, json));
            });
        }
        json.key("messages").array(|json| {
            if !spoken.is_empty() {
                blocks_out::write_instructions(spoken, json);
            }
            sides.iter().for_each(|side| blocks_out::write_side(side, gate, &mut fault, json));
        });
    });
    match fault {
        Some(fault) => Err(fault),
        None => Ok(json.finish()),
    }
}
