//! What this dialect reads and writes, shown on its own: requests with fates chosen here, answers and events from
//! what is common to all dialects.

mod answers;
mod events;
mod requests;
mod robust;

use bytes::Bytes;
use flyball_core::Document;
use flyball_core::json::Limits;

use crate::fields::{Fate, Meaning};
use crate::gate::Gate;
use crate::{Dialect, Envelope};

pub(super) fn document(json: &str) -> Document {
    Document::parse(Bytes::copy_from_slice(json.as_bytes()), Limits::default()).unwrap()
}

/// A dialect that has everything.
pub(super) fn generous(_: Meaning) -> Fate {
    Fate::Carried("somewhere")
}

/// A dialect that has what every one of them has, drops hints and refuses the rest.
pub(super) fn plain(meaning: Meaning) -> Fate {
    match meaning {
        Meaning::System
        | Meaning::Turns
        | Meaning::Text
        | Meaning::Image
        | Meaning::Tools
        | Meaning::ToolCall
        | Meaning::ToolResult
        | Meaning::ToolChoice
        | Meaning::Stream
        | Meaning::Temperature
        | Meaning::MaxOutputTokens => Fate::Carried("somewhere"),
        Meaning::Reasoning
        | Meaning::SignedReasoning
        | Meaning::ReasoningShown
        | Meaning::Include
        | Meaning::CacheHint
        | Meaning::CacheKey
        | Meaning::MessagePhase
        | Meaning::Citations
        | Meaning::StreamPadding
        | Meaning::EndUser
        | Meaning::Metadata
        | Meaning::ServiceTier
        | Meaning::Verbosity
        | Meaning::ImageDetail => Fate::Dropped,
        _ => Fate::Refused,
    }
}

pub(super) fn gate(fates: fn(Meaning) -> Fate) -> Gate {
    Gate::with_fates(Dialect::Responses, Dialect::Messages, fates)
}

pub(super) fn envelope() -> Envelope {
    Envelope {
        id: "resp_7".into(),
        created: 1_700_000_000,
        model: "m".into(),
        echo: String::new(),
        stream_usage: true,
    }
}
