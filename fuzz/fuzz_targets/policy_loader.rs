//! Feeds `flyball_gateway::fuzz::policy_loader`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| flyball_gateway::fuzz::policy_loader(bytes));
