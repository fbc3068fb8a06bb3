//! OpenAI's chat completions, in both directions: callers speak it and so do many providers. The folder reads and
//! writes requests, answers and events; `fields` and `fates` say what becomes of each field. What the older
//! completions have in common with it (sampling, usage, words for why an answer ended) is shared from here.

mod answer_in;
mod answer_out;
mod events_in;
mod events_out;
mod fates;
pub(crate) mod fields;
mod messages_in;
mod messages_out;
pub(crate) mod options;
mod parts_in;
mod request_in;
mod request_out;
mod said;
pub(crate) mod stops;
mod tools_in;
pub(crate) mod usage;

pub(crate) use answer_in::read_answer;
pub(crate) use answer_out::write_answer;
pub(crate) use events_in::EventReader;
pub(crate) use events_out::{EventWriter, stream_head, usage_chunk};
pub(crate) use request_in::read_request;
pub(crate) use request_out::write_request;

#[cfg(test)]
mod tests;
