//! The journal: what is about to leave us and what became of it, durable before anybody sees an answer.
//!
//! Records are intents and settlements of exchanges. They hold ids, names, counts, amounts and salted hashes, never
//! text. What is counted from them lives in the store, how exchanges make them in the gateway.

mod record;

pub use record::{
    Count, Counting, Intent, Outcome, Record, Reservation, Settlement, Subject, Usage, Verdict,
};
