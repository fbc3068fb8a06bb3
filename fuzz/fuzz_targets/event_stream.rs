//! Feeds `flyball_gateway::fuzz::event_stream`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| flyball_gateway::fuzz::event_stream(bytes));
