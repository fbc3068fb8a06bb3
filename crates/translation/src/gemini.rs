//! Google's `generateContent`: requests are written, answers and the chunks of `streamGenerateContent` are read.
//! What callers would say in this dialect is not read: nobody calls Flyball in it.

mod answer_in;
mod events_in;
pub(crate) mod fields;
mod parts_in;
mod parts_out;
mod request_out;
mod settings_out;
#[cfg(test)]
mod tests;

pub(crate) use answer_in::read_answer;
pub(crate) use events_in::EventReader;
pub(crate) use parts_in::FINISH_REASONS;
pub(crate) use request_out::write_request;
