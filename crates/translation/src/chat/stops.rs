//! Chat's words for why an answer ended.

use crate::reply::Stop;

/// Every word, with what it means.
pub(crate) const WORDS: &[(&str, Stop)] = &[
    ("stop", Stop::End),
    ("length", Stop::Length),
    ("tool_calls", Stop::ToolUse),
    ("content_filter", Stop::Refusal),
    ("function_call", Stop::ToolUse),
];

/// What a provider's word means. Words that OpenAI does not have end an answer as any other end does. A call that
/// was forced ends with `stop`: the calls themselves tell.
pub(crate) fn read(word: &str, calls: bool) -> Stop {
    let known = WORDS.iter().find(|(known, _)| *known == word).map_or(Stop::End, |(_, stop)| *stop);
    if known == Stop::End && calls { Stop::ToolUse } else { known }
}

/// The word for it. Chat does not tell a stop sequence from an end, nor a pause from a cap: both leave something
/// unsaid.
pub(crate) fn word(stop: Stop) -> &'static str {
    match stop {
        Stop::End | Stop::StopSequence => "stop",
        Stop::Length | Stop::Pause => "length",
        Stop::ToolUse => "tool_calls",
        Stop::Refusal => "content_filter",
    }
}
