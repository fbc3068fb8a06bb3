//! Feeds `flyball_translation::fuzz::conversation_kept`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| flyball_translation::fuzz::conversation_kept(bytes));
