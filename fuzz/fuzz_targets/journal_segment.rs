//! Feeds `flyball_journal::fuzz::segment`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| flyball_journal::fuzz::segment(bytes));
