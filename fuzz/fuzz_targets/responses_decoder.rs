//! Feeds `flyball_gateway::fuzz::responses_decoder`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| flyball_gateway::fuzz::responses_decoder(bytes));
