//! Why an answer ended, in messages' words: one table, both ways.

use crate::reply::Stop;

/// What a `stop_reason` means. Words that are not known are a proper end: the answer is there.
pub(super) fn read(reason: &str) -> Stop {
    match reason {
        "max_tokens" | "model_context_window_exceeded" => Stop::Length,
        "stop_sequence" => Stop::StopSequence,
        "tool_use" => Stop::ToolUse,
        "pause_turn" => Stop::Pause,
        "refusal" => Stop::Refusal,
        _ => Stop::End,
    }
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
