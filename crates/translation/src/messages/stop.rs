//! Why an answer ended, in messages' words: one table, both ways.

use crate::reply::Stop;

/// Every `stop_reason`, with what it means.
pub(crate) const REASONS: &[(&str, Stop)] = &[
    ("end_turn", Stop::End),
    ("max_tokens", Stop::Length),
    ("model_context_window_exceeded", Stop::Length),
    ("stop_sequence", Stop::StopSequence),
    ("tool_use", Stop::ToolUse),
    ("pause_turn", Stop::Pause),
    ("refusal", Stop::Refusal),
];

/// What a `stop_reason` means. Words that are not known are a proper end: the answer is there.
pub(super) fn read(reason: &str) -> Stop {
    REASONS.iter().find(|(known, _)| *known == reason).map_or(Stop::End, |(_, stop)| *stop)
}

/// The `stop_reason` that means it.
pub(super) fn word(stop: Stop) -> &'static str {
    match stop {
        Stop::End => "end_turn",
        Stop::Length => "max_tokens",
        Stop::StopSequence => "stop_sequence",
        Stop::ToolUse => "tool_use",
        Stop::Refusal => "refusal",
        Stop::Pause => "pause_turn",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_is_read_as_it_was_written() {
        for stop in [Stop::End, Stop::Length, Stop::StopSequence, Stop::ToolUse, Stop::Refusal, Stop::Pause] {
            assert_eq!(read(word(stop)), stop);
        }
        assert_eq!(read("model_context_window_exceeded"), Stop::Length);
        assert_eq!(read("something_new"), Stop::End);
    }
}
