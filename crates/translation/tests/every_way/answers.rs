//! One answer from every provider, plain and streamed, as every caller reads it.

use bytes::Bytes;
use flyball_core::json::{Document, Limits};
use flyball_translation::events::{Events, Written};
use flyball_translation::{Dialect, Envelope};

use super::providers::Provider;
use super::told::{self, Told};

pub(crate) fn document(text: &str) -> Document {
    let limits = Limits { depth: 64, nodes: 100_000 };
    Document::parse(Bytes::copy_from_slice(text.as_bytes()), limits).unwrap()
}

fn envelope() -> Envelope {
    Envelope {
        id: "0190".into(),
        created: 1_700_000_000,
        model: "public".into(),
        echo: String::new(),
        stream_usage: true,
    }
}

/// Callers and providers between which there is translation.
pub(crate) fn ways() -> impl Iterator<Item = (Dialect, Dialect)> {
    Dialect::CALLERS.into_iter().flat_map(|caller| {
        let others = Dialect::PROVIDERS.into_iter().filter(move |provider| *provider != caller);
        others.map(move |provider| (caller, provider))
    })
}

/// A provider's stream as a caller reads it.
fn streamed(provider: &Provider, caller: Dialect) -> Vec<Written> {
    let mut events = Events::new(provider.dialect, caller, envelope()).unwrap();
    let mut out = Vec::new();
    for (name, data) in &provider.events {
        events.event(*name, &Bytes::from(data.clone()), &mut out).unwrap();
    }
    events.end_of_body(&mut out);
    out
}

/// What arrives at a caller of what all providers say.
fn expected(provider: &Provider, caller: Dialect) -> Told {
    let mut told = provider.meant();
    if caller == Dialect::Completions {
        told.reasoning.clear();
        told.calls.clear();
    }
    told.stop = match caller {
        Dialect::Chat => "tool_calls",
        Dialect::Completions => "stop",
        Dialect::Responses => "completed",
        _ => "tool_use",
    }
    .into();
    if caller == Dialect::Responses {
        // There counts that nobody told are nought.
        told.usage = told.usage.map(|count| count.or(Some(0)));
    }
    told
}

#[test]
fn every_caller_reads_the_same_in_a_plain_answer_of_every_provider() {
    for (caller, dialect) in ways() {
        let provider = Provider::of(dialect);
        let answer = document(&provider.plain.to_string());
        let written = flyball_translation::answer(dialect, &answer, caller, &envelope()).unwrap().body;
        let told = told::plain(caller, &serde_json::from_slice(&written).unwrap());
        assert_eq!(told, expected(&provider, caller), "{} to {}", dialect.name(), caller.name());
    }
}

#[test]
fn every_caller_reads_the_same_in_a_stream_of_every_provider() {
    for (caller, dialect) in ways() {
        let provider = Provider::of(dialect);
        let told = told::streamed(caller, &streamed(&provider, caller));
        assert_eq!(told, expected(&provider, caller), "{} to {}", dialect.name(), caller.name());
    }
}

#[test]
fn a_stream_that_breaks_off_anywhere_has_no_proper_end() {
    for (caller, dialect) in ways() {
        let whole = Provider::of(dialect);
        // Where a stream ends without a mark, what comes after the reason it ended for is only counts.
        let last = whole.events.len() - whole.after_the_end;
        for kept in 0..last {
            let mut provider = Provider::of(dialect);
            provider.events.truncate(kept);
            let written = streamed(&provider, caller);
            let ended = written.last().is_some_and(|last| told::is_end(caller, last));
            assert!(!ended, "{} to {} after {kept} events", dialect.name(), caller.name());
        }
        let written = streamed(&whole, caller);
        assert!(told::is_end(caller, written.last().unwrap()), "{} to {}", dialect.name(), caller.name());
    }
}
