//! Bedrock's Converse: requests are written, answers and the events of `ConverseStream` are read. The framing of
//! its event stream and the signing of calls are the provider's file's.

mod answer_in;
mod events_in;
pub(crate) mod fields;
mod model_out;
mod parts_out;
mod request_out;
#[cfg(test)]
mod tests;

pub(crate) use answer_in::{STOP_REASONS, read_answer};
pub(crate) use events_in::EventReader;
pub(crate) use request_out::write_request;
