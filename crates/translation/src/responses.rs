//! OpenAI's responses: callers speak it. Requests are read, answers and events are written; that nobody keeps
//! anything between two requests is this way's nature, so whatever refers to something kept is refused.
//!
//! Deliberately absent: requests that go out in this dialect. Between callers and providers that both speak it
//! bodies are spliced, not translated.

mod answer_out;
mod content_in;
mod echo;
mod events_out;
pub(crate) mod fields;
mod input_in;
mod items_out;
mod request_in;
mod response_out;
mod shape;
#[cfg(test)]
mod tests;
mod tools_in;

pub(crate) use answer_out::write_answer;
pub(crate) use echo::echo;
pub(crate) use events_out::EventWriter;
pub(crate) use request_in::read_request;
