//! Replays the seeds of the fuzz targets, and mutations of them, on the stable compiler.

use std::fs;

use flyball_gateway::fuzz;

use crate::tidy::tree::root;

/// Applies `target` to each seed of its folder, to every prefix of it, and to it with one byte changed.
fn replay(name: &str, target: fn(&[u8])) {
    let mut seeds = 0;
    for entry in fs::read_dir(root().join("fuzz/seeds").join(name)).unwrap() {
        let bytes = fs::read(entry.unwrap().path()).unwrap();
        seeds += 1;
        target(&bytes);
        let step = (bytes.len() / 200).max(1);
        for at in (0..bytes.len()).step_by(step) {
            target(&bytes[..at]);
            for byte in [0, b'"', b'{', b'\n', 0xff] {
                let mut changed = bytes.clone();
                changed[at] = byte;
                target(&changed);
            }
        }
    }
    assert!(seeds > 1, "{name} has no seeds");
}

#[test]
fn sse_decoder_seeds_hold() {
    replay("sse_decoder", fuzz::sse_decoder);
}

#[test]
fn event_stream_seeds_hold() {
    replay("event_stream", fuzz::event_stream);
}

#[test]
fn chat_decoder_seeds_hold() {
    replay("chat_decoder", fuzz::chat_decoder);
}

#[test]
fn messages_decoder_seeds_hold() {
    replay("messages_decoder", fuzz::messages_decoder);
}

#[test]
fn responses_decoder_seeds_hold() {
    replay("responses_decoder", fuzz::responses_decoder);
}

#[test]
fn endpoints_decoder_seeds_hold() {
    replay("endpoints_decoder", fuzz::endpoints_decoder);
}

#[test]
fn form_decoder_seeds_hold() {
    replay("form_decoder", fuzz::form_decoder);
}

#[test]
fn policy_loader_seeds_hold() {
    replay("policy_loader", fuzz::policy_loader);
}

#[test]
fn journal_segment_seeds_hold() {
    replay("journal_segment", flyball_journal::fuzz::segment);
}

#[test]
fn translate_request_seeds_hold() {
    replay("translate_request", flyball_translation::fuzz::translate_request);
}

#[test]
fn translate_answer_seeds_hold() {
    replay("translate_answer", flyball_translation::fuzz::translate_answer);
}

#[test]
fn translate_events_seeds_hold() {
    replay("translate_events", flyball_translation::fuzz::translate_events);
}

#[test]
fn conversation_kept_seeds_hold() {
    replay("conversation_kept", flyball_translation::fuzz::conversation_kept);
}
