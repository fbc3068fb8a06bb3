//! What is asked and what the simulator answers, to the byte: bodies of requests, the plain answer, the events of a
//! stream. The name of the model says how the simulator behaves, so that a call means the same on whichever way it
//! comes. Sending and checking are elsewhere.

use memchr::memmem;

use crate::cell::Shape;
use crate::way::{Dialect, Way};

mod anthropic;
mod google;

/// Events of a stream of chat's, `[DONE]` not counted: one that opens, one for each of [`WORDS`], one that closes.
pub(crate) const EVENTS: usize = WORDS.len() + 2;

/// The text of a plain answer.
pub(crate) const ANSWER: &str = "When the engine races, the weights fly outward and the valve closes; when it slows, the valve opens again.";

/// The text of a streamed answer, a word an event. None of them occurs in the JSON around it.
pub(crate) const WORDS: [&str; 30] = [
    "Whenever",
    "steam",
    "pushes",
    "harder",
    "these",
    "spinning",
    "weights",
    "climb",
    "outward",
    "until",
    "their",
    "sleeve",
    "lifts",
    "every",
    "linked",
    "lever",
    "which",
    "narrows",
    "quickly",
    "before",
    "anything",
    "breaks",
    "while",
    "slower",
    "turns",
    "lower",
    "themselves",
    "gently",
    "toward",
    "balance",
];

/// Prose without personal data, of which prompts are cut.
const PROSE: &str = "A governor measures the speed of the machine that it serves and moves the valve against every \
    change. Explain to somebody who has never seen one how the weights, the sleeve and the lever work together, why \
    the arrangement settles instead of hunting, and what happens when friction grows with age. Keep the explanation \
    short, use everyday words, and end with one example from a mill, a lighthouse or a gramophone. Where a figure \
    helps, give one: turns in a minute, the angle of the arms, the play of the joint. Do not describe engines that \
    burn fuel, and leave out the history of patents. The reader knows what steam is, has held a spanner before, and \
    wants to mend the thing on the bench in front of him today rather than admire it. If two explanations are \
    possible, take the one that can be tried with a piece of string and a stone. Afterwards list three questions \
    that a careful apprentice would ask next, without answering them, and name the part that wears out first. ";

/// Length of a small body, bytes.
const SMALL_BODY: usize = 170;
/// Length of a large prompt, bytes.
const LARGE_PROMPT: usize = 1024;

/// How the simulator treats a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Behaviour {
    /// Before the answer, milliseconds.
    pub(crate) delay_ms: u32,
    /// Between the events of a stream, milliseconds.
    pub(crate) pace_ms: u32,
}

impl Behaviour {
    /// The model of that behaviour.
    pub(crate) fn model(self) -> String {
        format!("bench-d{}-p{}", self.delay_ms, self.pace_ms)
    }

    /// Every behaviour of the matrix: the models that a gateway has to know.
    pub(crate) fn all() -> Vec<Behaviour> {
        let mut all = Vec::new();
        for delay_ms in crate::cell::DELAYS {
            all.extend([0, Shape::StreamPaced.pace_ms()].map(|pace_ms| Behaviour { delay_ms, pace_ms }));
        }
        all
    }

    /// Reads the model's name in a request's body.
    pub(crate) fn find(body: &[u8]) -> Option<Behaviour> {
        let rest = body.get(memmem::find(body, b"bench-d")? + 7..)?;
        let (delay_ms, rest) = number(rest)?;
        let (pace_ms, _) = number(rest.strip_prefix(b"-p")?)?;
        Some(Behaviour { delay_ms, pace_ms })
    }
}

fn number(text: &[u8]) -> Option<(u32, &[u8])> {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (digits, rest) = text.split_at_checked(digits)?;
    Some((std::str::from_utf8(digits).ok()?.parse().ok()?, rest))
}

/// Whether the body has this key with the value `true`.
pub(crate) fn is_true(body: &[u8], key: &str) -> bool {
    let Some(at) = memmem::find(body, format!("\"{key}\"").as_bytes()) else { return false };
    let rest = body.get(at + key.len() + 2..).unwrap_or_default();
    let value = rest.iter().position(|byte| !b" \t\r\n:".contains(byte)).and_then(|at| rest.get(at..));
    value.is_some_and(|value| value.starts_with(b"true"))
}

/// The body of a request. Small ones are filled up with prose to 170 bytes.
pub(crate) fn body(way: Way, shape: Shape, behaviour: Behaviour) -> String {
    let model = format!("{}{}", way.provider().prefix(), behaviour.model());
    let stream = if shape.is_stream() { r#""stream":true,"# } else { "" };
    let around = |prompt: &str| {
        let input = if way.client() == Dialect::Responses { "input" } else { "messages" };
        let cap = if way.client() == Dialect::Messages { r#""max_tokens":256,"# } else { "" };
        format!(r#"{{"model":"{model}",{cap}{stream}"{input}":[{{"role":"user","content":"{prompt}"}}]}}"#)
    };
    let length = match shape {
        Shape::Plain1k => LARGE_PROMPT,
        _ => SMALL_BODY.saturating_sub(around("").len()),
    };
    around(&PROSE.chars().cycle().take(length).collect::<String>())
}

/// A whole request, with the headers that an SDK sends.
pub(crate) fn request(client: Dialect, host: &str, headers: &[(String, String)], body: &str) -> Vec<u8> {
    let path = client.path();
    let mut request = format!(
        "POST {path} HTTP/1.1\r\nhost: {host}\r\naccept: application/json\r\n\
         content-type: application/json\r\nuser-agent: flyball-bench\r\n"
    );
    for (name, value) in headers {
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    request.push_str(&format!("content-length: {}\r\n\r\n{body}", body.len()));
    request.into_bytes()
}

/// The plain answer, head included.
pub(crate) fn plain_answer(provider: Dialect, model: &str) -> Vec<u8> {
    let body = match provider {
        Dialect::Messages => anthropic::answer(model),
        Dialect::Gemini => google::answer(model),
        Dialect::Chat | Dialect::Responses => chat_answer(model),
    };
    let length = body.len();
    format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}")
        .into_bytes()
}

fn chat_answer(model: &str) -> String {
    format!(
        r#"{{"id":"chatcmpl-bench","object":"chat.completion","created":1764000000,"model":"{model}","choices":[{{"index":0,"message":{{"role":"assistant","content":"{ANSWER}","refusal":null}},"logprobs":null,"finish_reason":"stop"}}],"usage":{{"prompt_tokens":40,"completion_tokens":24,"total_tokens":64}}}}"#
    )
}

/// The head of a streamed answer. nginx reads from it not to hold the answer back.
pub(crate) const STREAM_HEAD: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\
    cache-control: no-cache\r\nx-accel-buffering: no\r\ntransfer-encoding: chunked\r\n\r\n";

/// The end of a streamed answer, sent with its last event.
pub(crate) fn stream_end(provider: Dialect) -> &'static [u8] {
    match provider {
        Dialect::Chat | Dialect::Responses => b"e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n",
        Dialect::Messages | Dialect::Gemini => b"0\r\n\r\n",
    }
}

/// The events of a stream, each a chunk.
pub(crate) fn events(provider: Dialect, model: &str) -> Vec<Vec<u8>> {
    match provider {
        Dialect::Messages => anthropic::events(model).iter().map(|event| chunk(event)).collect(),
        Dialect::Gemini => google::events(model).iter().map(|event| chunk(event)).collect(),
        Dialect::Chat | Dialect::Responses => chat_events(model),
    }
}

fn chat_events(model: &str) -> Vec<Vec<u8>> {
    let words = WORDS.iter().enumerate().map(|(n, word)| {
        let space = if n == 0 { "" } else { " " };
        (format!(r#"{{"content":"{space}{word}"}}"#), "null")
    });
    std::iter::once((r#"{"role":"assistant","content":""}"#.to_owned(), "null"))
        .chain(words)
        .chain(std::iter::once(("{}".to_owned(), r#""stop""#)))
        .map(|(delta, finish)| {
            chunk(&format!(
                "data: {},\"choices\":[{{\"index\":0,\"delta\":{delta},\"logprobs\":null,\"finish_reason\":{finish}}}]}}\n\n",
                event_head(model)
            ))
        })
        .collect()
}

/// The event with the usage, for requests that want it. It comes with the last event.
pub(crate) fn usage_event(model: &str) -> Vec<u8> {
    chunk(&format!(
        "data: {},\"choices\":[],\"usage\":{{\"prompt_tokens\":40,\"completion_tokens\":31,\"total_tokens\":71}}}}\n\n",
        event_head(model)
    ))
}

fn event_head(model: &str) -> String {
    format!(
        r#"{{"id":"chatcmpl-bench","object":"chat.completion.chunk","created":1764000000,"model":"{model}""#
    )
}

fn chunk(event: &str) -> Vec<u8> {
    format!("{:x}\r\n{event}\r\n", event.len()).into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Behaviour = Behaviour { delay_ms: 0, pace_ms: 0 };

    #[test]
    fn bodies_have_the_length_that_the_tables_name() {
        for behaviour in Behaviour::all() {
            for way in Way::ALL {
                assert_eq!(body(way, Shape::Plain170, behaviour).len(), SMALL_BODY);
                assert_eq!(body(way, Shape::StreamPaced, behaviour).len(), SMALL_BODY);
                let large = body(way, Shape::Plain1k, behaviour);
                let large: serde_json::Value = serde_json::from_str(&large).unwrap();
                let input = large.get("messages").or(large.get("input")).unwrap();
                assert_eq!(input[0]["content"].as_str().unwrap().len(), LARGE_PROMPT);
            }
        }
    }

    #[test]
    fn a_model_name_says_the_behaviour() {
        for behaviour in Behaviour::all() {
            for (way, shape) in Way::ALL.into_iter().flat_map(|way| Shape::ALL.map(|shape| (way, shape))) {
                assert_eq!(Behaviour::find(body(way, shape, behaviour).as_bytes()), Some(behaviour));
            }
        }
        assert_eq!(Behaviour::find(b"{\"model\":\"demo\"}"), None);
    }

    #[test]
    fn a_key_is_read_with_and_without_spaces() {
        assert!(is_true(br#"{"stream":true}"#, "stream"));
        assert!(is_true(br#"{"stream" : true}"#, "stream"));
        assert!(!is_true(br#"{"stream": false}"#, "stream"));
        assert!(!is_true(br#"{"stream_options":{"include_usage":true}}"#, "stream"));
    }

    #[test]
    fn no_word_of_a_stream_stands_in_the_json_around_it() {
        let mut around = String::from_utf8(usage_event(&NOW.model())).unwrap();
        for provider in Dialect::PROVIDERS {
            let events = String::from_utf8(events(provider, &NOW.model()).concat()).unwrap();
            // Each word stands there once; what is left is around them.
            around += &WORDS.iter().fold(events, |text, word| text.replacen(word, "", 1));
        }
        for word in WORDS {
            assert!(!around.contains(word), "{word}");
        }
    }

    #[test]
    fn what_the_simulator_says_is_json() {
        let json = |text: &str| serde_json::from_str::<serde_json::Value>(text).is_ok();
        for provider in Dialect::PROVIDERS {
            let plain = String::from_utf8(plain_answer(provider, &NOW.model())).unwrap();
            assert!(json(plain.split("\r\n\r\n").nth(1).unwrap()), "{plain}");
            for event in events(provider, &NOW.model()) {
                let event = String::from_utf8(event).unwrap();
                assert!(json(event.lines().find_map(|line| line.strip_prefix("data: ")).unwrap()), "{event}");
            }
        }
    }

    #[test]
    fn a_stream_has_thirty_two_events() {
        assert_eq!(events(Dialect::Chat, &NOW.model()).len(), EVENTS);
        assert_eq!(EVENTS, 32);
    }
}
