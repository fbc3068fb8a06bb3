//! Tests of messages through what the frame calls.
