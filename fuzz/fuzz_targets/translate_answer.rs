//! Feeds `flyball_translation::fuzz::translate_answer`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| flyball_translation::fuzz::translate_answer(bytes));
