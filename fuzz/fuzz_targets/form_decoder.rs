//! Feeds `flyball_gateway::fuzz::form_decoder`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| flyball_gateway::fuzz::form_decoder(bytes));
