//! Anthropic's messages: what callers send and providers take, in both roles. Reading and writing of each are in
//! files of their own; here is what they share with the frame.
//!
//! Deliberately absent: `count_tokens`, batches and files, which are not conversations.

mod answer_in;
mod answer_out;
mod blocks_in;
mod blocks_out;
mod events_in;
mod events_out;
pub(crate) mod fields;
mod knobs_in;
mod knobs_out;
mod request_in;
mod request_out;
mod sequence;
pub(crate) mod stop;
mod usage;

pub(crate) use answer_in::read_answer;
pub(crate) use answer_out::write_answer;
pub(crate) use events_in::EventReader;
pub(crate) use events_out::EventWriter;
pub(crate) use request_in::read_request;
pub(crate) use request_out::write_request;

#[cfg(test)]
mod tests;
