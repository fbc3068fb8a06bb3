//! OpenAI's completions of old: one prompt in, one text out. Callers speak it still; no provider is called in it
//! here. What it has in common with chat is read and written there.

mod answer_out;
mod events_out;
pub(crate) mod fields;
mod request_in;

pub(crate) use answer_out::write_answer;
pub(crate) use events_out::EventWriter;
pub(crate) use request_in::read_request;

use crate::chat::stops;
use crate::reply::Stop;

/// The word for why a text ended. There are no calls: one that ended with calls ended.
fn stop_word(stop: Stop) -> &'static str {
    match stop {
        Stop::ToolUse => stops::word(Stop::End),
        other => stops::word(other),
    }
}

#[cfg(test)]
mod tests;
