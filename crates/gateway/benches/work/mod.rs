//! What the stages of one exchange compute, each as a function of its input, over the library as the gateway uses
//! it. The benches beside this file time it and count its instructions; nothing here measures.

use std::sync::Arc;

use bytes::Bytes;
use flyball_core::json::{Document, Editor, Limits, Value};
use flyball_core::{Call, Clock, Decision, Finding, KeyId, Principal, Role, Stage, SystemClock};
use flyball_demo::Demo;
use flyball_gateway::config::Config;
use flyball_gateway::edge::sse::{Decoder, Event};
use flyball_gateway::pipeline::decide::Basis;
use flyball_gateway::pipeline::screen::stream::{State, StreamScreen};
use flyball_gateway::protocols::{Protocol, openai};
use flyball_gateway::snapshot::Snapshot;
use flyball_translation::events::Events;
use flyball_translation::{Dialect, Envelope, Wanted};

/// The events of a stream that the bench screens: so many deltas.
const EVENTS: usize = 32;

/// The default configuration and what exchanges under it are made of.
pub(crate) struct Work {
    snapshot: Arc<Snapshot>,
    principal: Arc<Principal>,
}

impl Work {
    /// The default configuration with the default policy.
    pub(crate) fn new() -> Self {
        let snapshot =
            Snapshot::build(1, Config::default(), &Arc::new(Demo::new())).expect("the defaults build");
        let principal = Principal {
            tenant: Some("demo".parse().expect("a tenant's name")),
            key: KeyId(SystemClock.uuid()),
            role: Role::Caller,
            models: ["*".to_owned()].into(),
            expires: None,
            lawful_basis: None,
        };
        Work { snapshot: Arc::new(snapshot), principal: Arc::new(principal) }
    }

    /// Bytes to a call.
    pub(crate) fn receive(&self, body: Bytes) -> Call {
        let document = Document::parse(body, Limits::default()).expect("the body is JSON");
        Protocol::OpenAiChat.decode(document).expect("the body is a chat request")
    }

    /// Detectors over every text of a call.
    pub(crate) fn inspect(&self, call: &Call) -> Vec<Finding> {
        let mut findings = Vec::new();
        for text in &call.texts {
            if let Some(text) = call.document.value(text.node).text() {
                self.snapshot.scanner.scan(&text, &mut findings);
            }
        }
        findings
    }

    /// What decisions on a call are based on.
    pub(crate) fn basis(&self, call: Call) -> Basis {
        let route = self.snapshot.route("demo").expect("the demo route");
        Basis::new(call, Arc::clone(&self.principal), route, &[], 1_000)
    }

    /// The policy on what came in.
    pub(crate) fn decide(&self, basis: &Basis) -> Decision {
        self.snapshot.policy.decide(Stage::Prompt, &basis.signals())
    }

    /// The body that leaves: another model's name, everything else as it came.
    pub(crate) fn prepare(&self, call: &Call) -> Bytes {
        let mut editor = Editor::new(&call.document);
        editor.set(call.document.root(), "model", "\"concrete\"");
        editor.finish()
    }

    /// The body for a provider of messages.
    pub(crate) fn translate(&self, call: &Call) -> Bytes {
        let wanted = Wanted { model: "concrete", max_output_tokens: 4096 };
        flyball_translation::request(Dialect::Chat, &call.document, Dialect::Messages, wanted)
            .expect("the body can be said as messages")
            .body
    }

    /// An answer of a provider of messages, as chat's.
    pub(crate) fn translate_answer(&self, body: Bytes) -> Bytes {
        let document = Document::parse(body, Limits::default()).expect("the answer is JSON");
        flyball_translation::answer(Dialect::Messages, &document, Dialect::Chat, &Envelope::default())
            .expect("the answer is a message")
    }

    /// A whole answer: read, inspected, judged, passed on.
    pub(crate) fn screen_plain(&self, basis: &Basis, body: Bytes) -> (Bytes, Decision) {
        let document = Document::parse(body, Limits::default()).expect("the answer is JSON");
        let answer = openai::answer::chat(&document).expect("the answer is a chat completion");
        let mut findings = Vec::new();
        for text in &answer.texts {
            if let Some(text) = document.value(text.text.node).text() {
                self.snapshot.scanner.scan(&text, &mut findings);
            }
        }
        let mut signals = basis.signals();
        signals.output_contains_pii(!findings.is_empty());
        let decision = self.snapshot.policy.decide(Stage::Output, &signals);
        (Editor::new(&document).finish(), decision)
    }

    /// A screen for the stream that answers a call.
    pub(crate) fn screen(&self, call: Call) -> StreamScreen {
        StreamScreen::new(Protocol::OpenAiChat, Arc::clone(&self.snapshot), self.basis(call))
    }

    /// A stream whose events arrive together, to its end.
    pub(crate) fn screen_stream(&self, mut screen: StreamScreen, events: Bytes) -> Bytes {
        let mut decoder = Decoder::new(1 << 20);
        decoder.push(events);
        while let Ok(Some(event)) = decoder.next_event() {
            assert!(screen.event(event).is_ok(), "the stream is a stream of chunks");
        }
        assert_eq!(screen.state(), State::Done, "the stream ends");
        screen.take().freeze()
    }

    /// The same from a provider of messages: translated on the way.
    pub(crate) fn screen_translated(&self, mut screen: StreamScreen, events: Bytes) -> Bytes {
        let mut decoder = Decoder::new(1 << 20);
        decoder.push(events);
        let translation = Events::new(Dialect::Messages, Dialect::Chat, Envelope::default());
        let mut translation = translation.expect("there is such a way");
        let mut written = Vec::new();
        while let Ok(Some(Event { name, data, .. })) = decoder.next_event() {
            let name = name.as_deref().and_then(|name| std::str::from_utf8(name).ok());
            translation.event(name, &data, &mut written).expect("the stream is one of messages");
            for event in written.drain(..) {
                let name = event.name.map(|name| Bytes::from_static(name.as_bytes()));
                let event = Event { raw: None, name, data: event.data };
                assert!(screen.event(event).is_ok(), "what comes of it is a stream of chunks");
            }
        }
        assert_eq!(screen.state(), State::Done, "the stream ends");
        screen.take().freeze()
    }
}

/// A request whose user message has `length` bytes of prose.
pub(crate) fn request(length: usize, stream: bool) -> Bytes {
    let prose = "The governor keeps the speed of an engine even, whatever the load on it may be. ";
    let text: String = prose.chars().cycle().take(length).collect();
    Bytes::from(format!(
        r#"{{"model":"demo","stream":{stream},"messages":[{{"role":"system","content":"Be brief."}},{{"role":"user","content":"{text}"}}]}}"#
    ))
}

/// A short answer.
pub(crate) fn answer() -> Bytes {
    Bytes::from_static(
        br#"{"id":"chatcmpl-1","object":"chat.completion","created":1700000000,"model":"concrete","choices":[{"index":0,"message":{"role":"assistant","content":"It keeps the speed even, whatever the load is.","refusal":null},"logprobs":null,"finish_reason":"stop"}],"usage":{"prompt_tokens":21,"completion_tokens":11,"total_tokens":32},"system_fingerprint":"fp_1"}"#,
    )
}

/// A short answer as messages has it.
pub(crate) fn message() -> Bytes {
    Bytes::from_static(
        br#"{"id":"msg_1","type":"message","role":"assistant","model":"concrete","content":[{"type":"text","text":"It keeps the speed even, whatever the load is."}],"stop_reason":"end_turn","stop_sequence":null,"usage":{"input_tokens":21,"output_tokens":11}}"#,
    )
}

/// A stream of 32 deltas as messages has it.
pub(crate) fn message_events() -> Bytes {
    let mut stream = String::new();
    let mut push = |name: &str, members: &str| {
        stream += &format!("event: {name}\ndata: {{\"type\":\"{name}\"{members}}}\n\n");
    };
    let message = r#","message":{"id":"msg_1","type":"message","role":"assistant","model":"concrete","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":21,"output_tokens":1}}"#;
    push("message_start", message);
    push("content_block_start", r#","index":0,"content_block":{"type":"text","text":""}"#);
    for word in 0..EVENTS {
        let delta = format!(r#","index":0,"delta":{{"type":"text_delta","text":" word{word}"}}"#);
        push("content_block_delta", &delta);
    }
    push("content_block_stop", r#","index":0"#);
    push(
        "message_delta",
        r#","delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":33}"#,
    );
    push("message_stop", "");
    Bytes::from(stream)
}

/// A stream of 32 deltas, its end and its end mark.
pub(crate) fn events() -> Bytes {
    let chunk = |delta: &str, reason: &str| {
        format!(
            r#"{{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1700000000,"model":"concrete","system_fingerprint":"fp_1","choices":[{{"index":0,"delta":{delta},"logprobs":null,"finish_reason":{reason}}}]}}"#
        )
    };
    let mut stream = String::new();
    for word in 0..EVENTS {
        stream += &format!("data: {}\n\n", chunk(&format!(r#"{{"content":" word{word}"}}"#), "null"));
    }
    stream += &format!("data: {}\n\ndata: [DONE]\n\n", chunk("{}", "\"stop\""));
    Bytes::from(stream)
}

/// The name of a request's model, as a check that it was read.
pub(crate) fn model(call: &Call) -> Option<String> {
    call.document.root().get("model").and_then(Value::text).map(|text| text.into_owned())
}
