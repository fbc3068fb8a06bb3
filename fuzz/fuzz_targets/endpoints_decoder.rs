//! Feeds `flyball_gateway::fuzz::endpoints_decoder`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| flyball_gateway::fuzz::endpoints_decoder(bytes));
