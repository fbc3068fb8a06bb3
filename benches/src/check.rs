//! Whether an answer is the one that the simulator gave: status, text, and of a stream its words in order, each in
//! an event of its own, and its end. The JSON around the text is the proxy's affair.

use memchr::memmem;

use crate::script::{ANSWER, WORDS};

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
    /// A stream does not end with `[DONE]`.
    #[error("the stream does not end with [DONE]")]
    End,
}

/// How much of a wrong body is shown, bytes.
const EXCERPT: usize = 300;

/// Checks a complete answer.
pub(crate) fn answer(status: u16, body: &[u8], is_stream: bool) -> Result<(), Wrong> {
    if status != 200 {
        return Err(Wrong::Status { status, body: excerpt(body) });
    }
    if is_stream { stream(body) } else { plain(body) }
}

fn excerpt(body: &[u8]) -> String {
    String::from_utf8_lossy(body.get(..EXCERPT).unwrap_or(body)).into_owned()
}

fn plain(body: &[u8]) -> Result<(), Wrong> {
    match memmem::find(body, ANSWER.as_bytes()) {
        Some(_) => Ok(()),
        None => Err(Wrong::Text(excerpt(body))),
    }
}

fn stream(body: &[u8]) -> Result<(), Wrong> {
    let mut rest = body;
    for word in WORDS {
        let at = memmem::find(rest, word.as_bytes()).ok_or(Wrong::Word(word))?;
        let (before, after) = rest.split_at_checked(at).unwrap_or_default();
        if memmem::find(before, b"data:").is_none() {
            return Err(Wrong::Merged(word));
        }
        rest = after.get(word.len()..).unwrap_or_default();
    }
    if rest.trim_ascii_end().ends_with(b"data: [DONE]") { Ok(()) } else { Err(Wrong::End) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http1::Message;
    use crate::script::{STREAM_END, STREAM_HEAD, events, plain_answer};

    fn streamed() -> String {
        let mut message = Message::default();
        message.feed(&[STREAM_HEAD, &events("m").concat(), STREAM_END].concat()).unwrap();
        assert!(message.is_done());
        String::from_utf8(message.body().to_vec()).unwrap()
    }

    #[test]
    fn the_simulators_own_answers_are_right() {
        let mut message = Message::default();
        message.feed(&plain_answer("m")).unwrap();
        assert_eq!(answer(message.status().unwrap(), message.body(), false), Ok(()));
        assert_eq!(answer(200, streamed().as_bytes(), true), Ok(()));
    }

    #[test]
    fn a_refusal_is_wrong_and_shown() {
        let wrong = answer(429, b"slow down", false).unwrap_err();
        assert_eq!(wrong.to_string(), "status 429: slow down");
    }

    #[test]
    fn another_text_is_wrong() {
        assert!(matches!(answer(200, b"{}", false), Err(Wrong::Text(_))));
    }

    #[test]
    fn a_stream_that_lost_or_merged_an_event_or_its_end_is_wrong() {
        let lost = streamed().replace("spinning", "");
        assert_eq!(answer(200, lost.as_bytes(), true), Err(Wrong::Word("spinning")));
        let swapped = streamed().replace("climb", "x").replace("outward", "climb").replace("x", "outward");
        assert!(answer(200, swapped.as_bytes(), true).is_err());
        let merged = streamed().replace(" spinning", " spinning weights");
        assert_eq!(answer(200, merged.as_bytes(), true), Err(Wrong::Merged("weights")));
        let open = streamed().replace("data: [DONE]", "");
        assert_eq!(answer(200, open.as_bytes(), true), Err(Wrong::End));
    }
}
