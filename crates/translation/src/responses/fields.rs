//! The fields of responses: what they mean, and where it puts what is meant.

use crate::fields::{Fate, Field, Meaning};

/// Of a request.
pub(crate) const REQUEST: &[Field] = &[];

/// Where an answer has what is meant.
pub(crate) fn answer_fate(_meaning: Meaning) -> Fate {
    Fate::Dropped
}
