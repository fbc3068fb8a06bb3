//! The scripts that make the demo model a simulator of faulty providers: parsing only; `play` carries them out.
//!
//! A script is a comma-separated list of keys, some with a value: `sim:delay=20ms,chunks=32,gap=5ms`. It stands
//! in the concrete model name after `sim:`. When the model name is exactly `sim`, the first line of the last
//! user message may be a script (`sim: status=429`); with any other model a message steers nothing.
//!
//! | key | effect |
//! |---|---|
//! | `delay=TIME` | the time to the answer's first byte: ahead of a plain answer, and ahead of the first event of a stream, whose head goes out at once |
//! | `slow_head=TIME` | the head too comes only after this time |
//! | `gap=TIME` | the time between two writes |
//! | `chunks=N` | exactly N content deltas (1 to 1 000 000); without `text`, N short words |
//! | `chunk_bytes=N` | deltas of at most N bytes of text |
//! | `raw_split=N` | the bytes of the body are written N at a time, wherever that cuts them |
//! | `text=PERCENT-ENCODED` | the answer's text, exactly |
//! | `huge=BYTES` | an answer text of that size (at most 256 MiB), in one delta unless split otherwise |
//! | `status=N` | an error status (300 to 599) with the error object of the dialect; a redirect carries `location` |
//! | `retry_after=SECONDS` | the header `retry-after` |
//! | `cut=head`, `cut=body`, `cut=N` | the connection breaks ahead of the head, half-way through the body, or after N content deltas |
//! | `hang`, `hang=body`, `hang=N` | the same places, but nothing more comes and the connection stays open |
//! | `malformed=N` | after N content deltas an event whose data is no JSON; a plain answer breaks off within its JSON |
//! | `error_event=N` | after N content deltas an error object, and the end; a plain answer is the error object, with status 200 |
//! | `no_usage` | no usage is reported, asked or not |
//! | `no_done` | a stream ends without its last event: `[DONE]`, or what says in its dialect that all is said |
//! | `garbage` | the body is an HTML page |
//! | `empty` | the body is empty |
//! | `wrong_content_type` | the body is right, its `content-type` is `text/plain` |
//! | `ignore_stream` | a plain answer, even when a stream was asked for |
//!
//! TIME is a number with `us`, `ms` or `s` (none: milliseconds), at most one hour. In an answer without deltas
//! (embeddings, `ignore_stream`) a place N is half-way through the body; a place beyond the last delta is the end
//! of the stream for `cut` and `hang`, and never reached by `malformed` and `error_event`.

use std::time::Duration;

use http::StatusCode;

const LONGEST_WAIT: Duration = Duration::from_secs(3600);
const MOST_CHUNKS: usize = 1_000_000;
const LARGEST_ANSWER: usize = 256 * 1024 * 1024;

/// A place in the course of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Ahead of the status line.
    Head,
    /// Half-way through the bytes of the body.
    Body,
    /// After so many content deltas.
    After(usize),
}

/// What a simulated provider does differently from a good one. The default does nothing differently.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Script {
    /// Time to the first byte of the answer.
    pub delay: Duration,
    /// Time to the head.
    pub slow_head: Duration,
    /// Time between two writes.
    pub gap: Duration,
    /// The number of content deltas.
    pub chunks: Option<usize>,
    /// The most bytes of text in a delta.
    pub chunk_bytes: Option<usize>,
    /// The size of a write, in bytes.
    pub raw_split: Option<usize>,
    /// The text to answer.
    pub text: Option<String>,
    /// The size of the text to answer, in bytes.
    pub huge: Option<usize>,
    /// The status to answer.
    pub status: Option<StatusCode>,
    /// The value of `retry-after`, in seconds.
    pub retry_after: Option<u32>,
    /// Where the connection breaks.
    pub cut: Option<Place>,
    /// Where the answer stops without ending.
    pub hang: Option<Place>,
    /// After how many deltas a malformed event comes.
    pub malformed: Option<usize>,
    /// After how many deltas an error object comes.
    pub error_event: Option<usize>,
    /// Report no usage.
    pub no_usage: bool,
    /// End a stream without `[DONE]`.
    pub no_done: bool,
    /// Answer an HTML page.
    pub garbage: bool,
    /// Answer an empty body.
    pub empty: bool,
    /// Name the wrong content type.
    pub wrong_content_type: bool,
    /// Answer plainly even when a stream is asked for.
    pub ignore_stream: bool,
}

/// A script that cannot be played.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScriptError {
    /// There is no such key.
    #[error("Unknown script key '{0}'.")]
    UnknownKey(String),
    /// The value does not fit the key.
    #[error("The script key '{key}' takes {expected}.")]
    BadValue {
        /// The key.
        key: String,
        /// What the key takes.
        expected: &'static str,
    },
}

impl Script {
    /// Reads a script, without the leading `sim:`. Spaces around keys and values do not count.
    ///
    /// # Errors
    ///
    /// Names the first key that is unknown or has a wrong value.
    pub fn parse(source: &str) -> Result<Script, ScriptError> {
        let mut script = Script::default();
        for entry in source.split(',').map(str::trim).filter(|entry| !entry.is_empty()) {
            let (key, value) = match entry.split_once('=') {
                Some((key, value)) => (key.trim(), Some(value.trim())),
                None => (entry, None),
            };
            script.set(key, value)?;
        }
        Ok(script)
    }

    fn set(&mut self, key: &str, value: Option<&str>) -> Result<(), ScriptError> {
        let bad = |expected| ScriptError::BadValue { key: key.to_owned(), expected };
        let time = || value.and_then(parse_time).ok_or(bad("a time of at most one hour, such as 20ms"));
        let count = |least: usize, most: usize, expected| {
            let number = value.and_then(|value| value.parse::<usize>().ok());
            number.filter(|number| (least..=most).contains(number)).ok_or(bad(expected))
        };
        let flag = || if value.is_none() { Ok(true) } else { Err(bad("no value")) };
        match key {
            "delay" => self.delay = time()?,
            "slow_head" => self.slow_head = time()?,
            "gap" => self.gap = time()?,
            "chunks" => self.chunks = Some(count(1, MOST_CHUNKS, "a number from 1 to 1000000")?),
            "chunk_bytes" => self.chunk_bytes = Some(count(1, usize::MAX, "a number of bytes, 1 or more")?),
            "raw_split" => self.raw_split = Some(count(1, usize::MAX, "a number of bytes, 1 or more")?),
            "text" => {
                let text = value.and_then(percent_decode);
                self.text = Some(text.ok_or(bad("percent-encoded UTF-8 text"))?);
            }
            "huge" => self.huge = Some(count(0, LARGEST_ANSWER, "a number of bytes, at most 268435456")?),
            "status" => {
                let status = count(300, 599, "a status from 300 to 599")?;
                let status = u16::try_from(status).ok().and_then(|code| StatusCode::from_u16(code).ok());
                self.status = Some(status.ok_or(bad("a status from 300 to 599"))?);
            }
            "retry_after" => {
                let seconds = value.and_then(|value| value.parse().ok());
                self.retry_after = Some(seconds.ok_or(bad("a number of seconds"))?);
            }
            "cut" => {
                let place = value.and_then(parse_place);
                self.cut = Some(place.ok_or(bad("head, body or a number of deltas"))?);
            }
            "hang" => {
                let place = value.map_or(Some(Place::Head), parse_place);
                self.hang = Some(place.ok_or(bad("nothing, head, body or a number of deltas"))?);
            }
            "malformed" => self.malformed = Some(count(0, usize::MAX, "a number of deltas")?),
            "error_event" => self.error_event = Some(count(0, usize::MAX, "a number of deltas")?),
            "no_usage" => self.no_usage = flag()?,
            "no_done" => self.no_done = flag()?,
            "garbage" => self.garbage = flag()?,
            "empty" => self.empty = flag()?,
            "wrong_content_type" => self.wrong_content_type = flag()?,
            "ignore_stream" => self.ignore_stream = flag()?,
            _ => return Err(ScriptError::UnknownKey(key.to_owned())),
        }
        Ok(())
    }
}

fn parse_place(value: &str) -> Option<Place> {
    match value {
        "head" => Some(Place::Head),
        "body" => Some(Place::Body),
        number => number.parse().ok().map(Place::After),
    }
}

fn parse_time(value: &str) -> Option<Duration> {
    let split = value.find(|character: char| !character.is_ascii_digit()).unwrap_or(value.len());
    let (number, unit) = value.split_at(split);
    let number: u64 = number.parse().ok()?;
    let time = match unit {
        "us" => Duration::from_micros(number),
        "ms" | "" => Duration::from_millis(number),
        "s" => Duration::from_secs(number),
        _ => return None,
    };
    (time <= LONGEST_WAIT).then_some(time)
}

/// Decodes `%XX` (RFC 3986, section 2.1). `None` when a percent sign starts no byte or the bytes are not UTF-8.
pub(crate) fn percent_decode(text: &str) -> Option<String> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte != b'%' {
            decoded.push(byte);
            continue;
        }
        let (&[high, low], after) = rest.split_first_chunk::<2>()?;
        let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        decoded.push(digit(high)? << 4 | digit(low)?);
        rest = after;
    }
    String::from_utf8(decoded).ok()
}
