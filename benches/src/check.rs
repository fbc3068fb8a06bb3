//! Whether an answer is the one that the simulator gave: status, text, and of a stream its words in order, each in
//! an event of its own, and its end, in the client's protocol. The other JSON around the text is the proxy's affair.

use memchr::memmem;

use crate::script::{ANSWER, WORDS};
use crate::way::Dialect;

/// What is wrong with an answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Wrong {
    /// Not 200.
    #[error("status {status}: {body}")]
    Status {
        /// The status.
        status: u16,
        /// The beginning of the body.
        body: String,
    },
    /// The text of a plain answer is not in it.
    #[error("the answer lacks the simulator's text: {0}")]
    Text(String),
    /// A word of a stream is missing or out of order.
    #[error("word {0:?} of the stream is missing or out of order")]
    Word(&'static str),
    /// Two words came in one event.
    #[error("word {0:?} of the stream has no event of its own")]
    Merged(&'static str),
    /// A plain answer is not in the client's protocol.
    #[error("the answer is not one of {0:?}: {1}")]
    Protocol(Dialect, String),
    /// A stream does not end as the client's protocol has it.
    #[error("the stream does not end as one of {0:?} does")]
    End(Dialect),
}

/// How much of a wrong body is shown, bytes.
const EXCERPT: usize = 300;

/// Checks a complete answer.
pub(crate) fn answer(client: Dialect, status: u16, body: &[u8], is_stream: bool) -> Result<(), Wrong> {
    if status != 200 {
        return Err(Wrong::Status { status, body: excerpt(body) });
    }
    if is_stream { stream(client, body) } else { plain(client, body) }
}

fn excerpt(body: &[u8]) -> String {
    String::from_utf8_lossy(body.get(..EXCERPT).unwrap_or(body)).into_owned()
}

fn plain(client: Dialect, body: &[u8]) -> Result<(), Wrong> {
    let mark: &[u8] = match client {
        Dialect::Chat => b"\"choices\"",
        Dialect::Responses => b"\"object\":\"response\"",
        Dialect::Messages => b"\"type\":\"message\"",
        Dialect::Gemini => b"\"candidates\"",
    };
    if memmem::find(body, ANSWER.as_bytes()).is_none() {
        return Err(Wrong::Text(excerpt(body)));
    }
    match memmem::find(body, mark) {
        Some(_) => Ok(()),
        None => Err(Wrong::Protocol(client, excerpt(body))),
    }
}

fn stream(client: Dialect, body: &[u8]) -> Result<(), Wrong> {
    // What stands in each event with text, before the text.
    let (mark, last): (&[u8], &[u8]) = match client {
        Dialect::Chat => (b"data:", b"[DONE]"),
        Dialect::Responses => (b"\"response.output_text.delta\"", b"\"response.completed\""),
        Dialect::Messages => (b"\"content_block_delta\"", b"\"message_stop\""),
        Dialect::Gemini => (b"\"candidates\"", b"\"finishReason\""),
    };
    let mut rest = body;
    for word in WORDS {
        let at = memmem::find(rest, word.as_bytes()).ok_or(Wrong::Word(word))?;
        let (before, after) = rest.split_at_checked(at).unwrap_or_default();
        if memmem::find(before, mark).is_none() {
            return Err(Wrong::Merged(word));
        }
        rest = after.get(word.len()..).unwrap_or_default();
    }
    let rest = rest.trim_ascii_end();
    let line = rest.get(memchr::memrchr(b'\n', rest).map_or(0, |at| at + 1)..).unwrap_or_default();
    let ends = line.starts_with(b"data: ") && memmem::find(line, last).is_some();
    if ends { Ok(()) } else { Err(Wrong::End(client)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http1::Message;
    use crate::script::{STREAM_HEAD, events, plain_answer, stream_end};

    fn streamed(provider: Dialect) -> String {
        let mut message = Message::default();
        message.feed(&[STREAM_HEAD, &events(provider, "m").concat(), stream_end(provider)].concat()).unwrap();
        assert!(message.is_done());
        String::from_utf8(message.body().to_vec()).unwrap()
    }

    #[test]
    fn the_simulators_own_answers_are_right() {
        for provider in [Dialect::Chat, Dialect::Messages] {
            let mut message = Message::default();
            message.feed(&plain_answer(provider, "m")).unwrap();
            assert_eq!(answer(provider, message.status().unwrap(), message.body(), false), Ok(()));
            assert_eq!(answer(provider, 200, streamed(provider).as_bytes(), true), Ok(()));
        }
    }

    #[test]
    fn an_answer_in_another_protocol_is_wrong() {
        for (client, provider) in [(Dialect::Chat, Dialect::Messages), (Dialect::Messages, Dialect::Chat)] {
            let body = plain_answer(provider, "m");
            assert!(matches!(answer(client, 200, &body, false), Err(Wrong::Protocol(..))));
            assert!(answer(client, 200, streamed(provider).as_bytes(), true).is_err());
        }
    }

    #[test]
    fn a_refusal_is_wrong_and_shown() {
        let wrong = answer(Dialect::Chat, 429, b"slow down", false).unwrap_err();
        assert_eq!(wrong.to_string(), "status 429: slow down");
    }

    #[test]
    fn another_text_is_wrong() {
        assert!(matches!(answer(Dialect::Chat, 200, b"{}", false), Err(Wrong::Text(_))));
    }

    #[test]
    fn a_stream_that_lost_or_merged_an_event_or_its_end_is_wrong() {
        let lost = streamed(Dialect::Chat).replace("spinning", "");
        assert_eq!(answer(Dialect::Chat, 200, lost.as_bytes(), true), Err(Wrong::Word("spinning")));
        let swapped =
            streamed(Dialect::Chat).replace("climb", "x").replace("outward", "climb").replace("x", "outward");
        assert!(answer(Dialect::Chat, 200, swapped.as_bytes(), true).is_err());
        let merged = streamed(Dialect::Chat).replace(" spinning", " spinning weights");
        assert_eq!(answer(Dialect::Chat, 200, merged.as_bytes(), true), Err(Wrong::Merged("weights")));
        let open = streamed(Dialect::Chat).replace("data: [DONE]", "");
        assert_eq!(answer(Dialect::Chat, 200, open.as_bytes(), true), Err(Wrong::End(Dialect::Chat)));
    }
}
