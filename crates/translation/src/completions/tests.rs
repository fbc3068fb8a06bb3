//! Behaviour of completions.
