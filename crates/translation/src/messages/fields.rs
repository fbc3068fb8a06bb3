//! The fields of messages: what they mean, and where it puts what is meant.

use crate::fields::{Fate, Field, Meaning};

/// Of a request.
pub(crate) const REQUEST: &[Field] = &[];

/// Of an answer.
pub(crate) const ANSWER: &[Field] = &[];

/// Where a request has what is meant.
pub(crate) fn request_fate(_meaning: Meaning) -> Fate {
    Fate::Refused
}

/// Where an answer has what is meant.
pub(crate) fn answer_fate(_meaning: Meaning) -> Fate {
    Fate::Dropped
}
