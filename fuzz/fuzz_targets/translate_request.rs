//! Feeds `flyball_translation::fuzz::translate_request`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| flyball_translation::fuzz::translate_request(bytes));
