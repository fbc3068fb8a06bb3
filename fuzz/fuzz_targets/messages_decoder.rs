//! Feeds `flyball_gateway::fuzz::messages_decoder`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| flyball_gateway::fuzz::messages_decoder(bytes));
