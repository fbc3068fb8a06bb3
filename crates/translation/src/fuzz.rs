//! Bodies of the fuzz targets: what must hold for translations of every sequence of foreign bytes. Plain functions, so
//! that stable tests replay the corpora in `fuzz/seeds`. Not part of the product's interface. What callers read in
//! answers and streams is in [`told`].

mod told;

use bytes::Bytes;
use flyball_core::json::{Document, Limits, NodeKind};

use crate::conversation::{Part, Request, Source};
use crate::events::Events;
use crate::gate::Gate;
use crate::ids::fitted;
use crate::sides::{self, Said};
use crate::{Dialect, Envelope, Wanted, chat, messages};
use told::Told;

/// How much larger than what it is made of a body may be: times so many, and so many bytes. The most is a tool of
/// messages without anything but its name, which is a description of several levels elsewhere; characters that must be
/// escaped take at most three times their room.
const GROWTH: usize = 8;
/// See above.
const FRAME: usize = 4096;

/// Models of which some want other settings than the rest.
const MODELS: [&str; 4] = ["m", "claude-opus-4-8", "gemini-3-pro", "us.amazon.nova-pro-v1:0"];

/// A request is refused by a field or translated, the same way each time, into a JSON document not much larger than
/// itself; what is left out is named by paths. The first byte picks caller, provider and model.
pub fn translate_request(bytes: &[u8]) {
    let Some((way, document)) = ways(bytes) else { return };
    let (from, to) = (pick(&Dialect::CALLERS, way), pick(&Dialect::PROVIDERS, way >> 2));
    let wanted = Wanted { model: pick(&MODELS, way >> 4), max_output_tokens: 4096 };
    let size = document.source().len();
    let translated = || {
        let translated = crate::request(from, &document, to, wanted);
        translated.map(|translated| (translated.body, translated.dropped, translated.echo))
    };
    let once = translated();
    assert_eq!(once, translated());
    match once {
        Ok((body, dropped, echo)) => {
            assert!(body.len() <= GROWTH * size + FRAME, "{} of {size} bytes", body.len());
            assert!(is_object(&body));
            assert!(echo.is_empty() || is_object(format!("{{{echo}}}").as_bytes()));
            assert!(echo.len() <= size + FRAME && !echo.contains(['\n', '\r']));
            assert!(dropped.iter().all(|path| is_path(path)), "{dropped:?}");
            assert!(dropped.iter().map(String::len).sum::<usize>() <= FRAME, "{dropped:?}");
        }
        Err(refused) => assert!(!refused.field.is_empty() && refused.field.len() <= 4 * 256),
    }
}

/// An answer is read by all callers or by none, as JSON of bounded size, and all are told the same. The first byte
/// picks the provider.
pub fn translate_answer(bytes: &[u8]) {
    let Some((way, document)) = ways(bytes) else { return };
    let from = pick(&Dialect::PROVIDERS, way);
    let envelope = envelope();
    let size = document.source().len();
    let answers = Dialect::CALLERS.map(|to| (to, crate::answer(from, &document, to, &envelope)));
    let read: Vec<_> = answers.into_iter().filter_map(|(to, answer)| Some((to, answer?))).collect();
    assert!(read.is_empty() || read.len() == Dialect::CALLERS.len());
    let told: Vec<_> = read
        .iter()
        .map(|(to, answer)| {
            assert!(answer.body.len() <= GROWTH * size + FRAME, "{} of {size} bytes", answer.body.len());
            let again = crate::answer(from, &document, *to, &envelope).map(|again| again.body);
            assert_eq!(again.as_ref(), Some(&answer.body));
            Told::plain(*to, &parsed(&answer.body))
        })
        .collect();
    Told::agree(&told);
}

/// Events in any order are told or end the stream, in bounded size, and each as a document on one line; callers of all
/// protocols are told the same, and nothing after the end. The first byte picks the provider; each line is an event,
/// its name before the document.
pub fn translate_events(bytes: &[u8]) {
    let Some((way, lines)) = bytes.split_first() else { return };
    let from = pick(&Dialect::PROVIDERS, *way);
    let told = Dialect::CALLERS.map(|to| {
        let mut told = Told::new(to);
        let Some(mut events) = Events::new(from, to, envelope()) else { return told };
        let (mut size, mut values) = (0, 0);
        for line in lines.split(|byte| *byte == b'\n') {
            let at = line.iter().position(|byte| *byte == b'{').unwrap_or(0);
            let (name, data) = line.split_at(at);
            let name = std::str::from_utf8(name).ok().map(str::trim).filter(|name| !name.is_empty());
            let data = Bytes::copy_from_slice(data);
            size += data.len();
            values += Document::parse(data.clone(), Limits::default()).map_or(1, |document| document.len());
            let mut out = Vec::new();
            let outcome = events.event(name, &data, &mut out);
            told.add(&out);
            if outcome.is_err() {
                told.broken = true;
                break;
            }
        }
        if !told.broken {
            let mut out = Vec::new();
            events.end_of_body(&mut out);
            told.add(&out);
        }
        // A text is told in pieces, and in responses whole four times besides; each event has a frame.
        assert!(told.events <= 8 * values + 16, "{} events of {values} values", told.events);
        assert!(told.bytes <= 16 * size + 1024 * told.events, "{} of {size} bytes", told.bytes);
        told
    });
    if told.iter().all(|told| told.ended) {
        Told::agree(&told);
    }
    assert!(told.iter().all(|one| one.ended == told.iter().any(|other| other.ended)));
}

/// A request of chat's that is written as messages, read as such and written as chat again has the same turns; chat has
/// an answer's calls after all of its words.
pub fn conversation_kept(bytes: &[u8]) {
    let Ok(document) = Document::parse(Bytes::copy_from_slice(bytes), Limits::default()) else { return };
    let wanted = Wanted { model: "m", max_output_tokens: 4096 };
    let mut gate = Gate::new(Dialect::Chat, Dialect::Messages);
    let Ok(asked) = chat::read_request(&document, &mut gate) else { return };
    let Ok(body) = messages::write_request(&asked, wanted, &mut gate) else { return };
    let written = parsed(&body.into());
    let mut gate = Gate::new(Dialect::Messages, Dialect::Messages);
    let read = messages::read_request(&written, &mut gate);
    assert!(read.is_ok(), "{read:?}");
    let Ok(read) = read else { return };
    same(&asked, &read, false);
    let mut gate = Gate::new(Dialect::Messages, Dialect::Chat);
    let Ok(body) = chat::write_request(&read, wanted, &mut gate) else { return };
    let written = parsed(&body.into());
    let mut gate = Gate::new(Dialect::Chat, Dialect::Messages);
    let again = chat::read_request(&written, &mut gate);
    assert!(again.is_ok(), "{again:?}");
    let Ok(again) = again else { return };
    same(&read, &again, true);
}

/// Two requests mean the same.
fn same(one: &Request<'_>, other: &Request<'_>, calls_last: bool) {
    assert_eq!(turns(one, calls_last), turns(other, calls_last));
    let tools = |request: &Request<'_>| {
        let tools = request.tools.iter().map(|tool| (tool.name.clone().into_owned(), tool.strict));
        tools.collect::<Vec<_>>()
    };
    assert_eq!(tools(one), tools(other));
    assert_eq!(one.stop, other.stop);
    assert_eq!(one.stream, other.stream);
}

/// What is said, side by side, as text.
fn turns(request: &Request<'_>, calls_last: bool) -> Vec<String> {
    let mut turns = Vec::new();
    let system = request.system.iter().filter(|text| !sides::is_blank(text));
    let Ok(sides) = sides::sides(request) else { return turns };
    // Instructions that nothing follows become what the user says.
    if sides.is_empty() {
        turns.extend(system.map(|text| format!("user <system>{text}</system>")));
        return turns;
    }
    turns.extend(system.map(|text| format!("system {text}")));
    for side in &sides {
        let speaker = if side.assistant { "assistant" } else { "user" };
        for answered in &side.results {
            let texts: Vec<_> = sides::texts(answered.result).filter(|text| !text.is_empty()).collect();
            turns.push(format!("result {} {texts:?}", fitted(&answered.result.id)));
        }
        let mut said: Vec<_> = side.said.iter().collect();
        if calls_last {
            said.sort_by_key(|said| matches!(said, Said::Part(Part::ToolCall(_), _)));
        }
        for said in said {
            turns.push(match said {
                Said::Instruction(text) => format!("{speaker} {text}"),
                Said::Part(part, _) => match part {
                    Part::Text(text) | Part::Refusal(text) => format!("{speaker} {text}"),
                    Part::Image { source, .. } | Part::Document { source, .. } => {
                        format!("{speaker} {}", bytes_of(source))
                    }
                    Part::ToolCall(call) => {
                        format!("call {} {} {}", fitted(&call.id), call.name, sides::arguments(call))
                    }
                    Part::Audio { .. } | Part::ToolResult(_) | Part::Reasoning(_) => continue,
                },
            });
        }
    }
    turns
}

fn bytes_of(source: &Source<'_>) -> String {
    match source {
        Source::Bytes { media_type, data } => format!("{media_type} {data}"),
        Source::Text(text) | Source::Link(text) => text.clone().into_owned(),
    }
}

/// The first byte, and the rest as a document.
fn ways(bytes: &[u8]) -> Option<(u8, Document)> {
    let (way, body) = bytes.split_first()?;
    Some((*way, Document::parse(Bytes::copy_from_slice(body), Limits::default()).ok()?))
}

fn pick<T: Copy>(of: &[T; 4], way: u8) -> T {
    let [first, second, third, fourth] = *of;
    match way & 3 {
        0 => first,
        1 => second,
        2 => third,
        _ => fourth,
    }
}

fn envelope() -> Envelope {
    Envelope { id: "0190".to_owned(), model: "public".to_owned(), stream_usage: true, ..Envelope::default() }
}

/// What was written, which is a document whatever is in it. Arguments of calls are as deep as they were sent.
fn parsed(written: &Bytes) -> Document {
    let limits = Limits { depth: 256, nodes: 10_000_000 };
    let document = Document::parse(written.clone(), limits);
    assert!(document.is_ok(), "{:?}: {}", document.err(), String::from_utf8_lossy(written));
    document.unwrap_or_else(|_| std::process::abort())
}

fn is_object(written: &[u8]) -> bool {
    parsed(&Bytes::copy_from_slice(written)).root().kind() == NodeKind::Object
}

/// Whether this names a field: names and numbers of items, nothing of what was sent.
fn is_path(path: &str) -> bool {
    let mut characters = path.bytes();
    characters.next().is_some_and(|first| first.is_ascii_lowercase())
        && characters.all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'[' | b']'))
}
