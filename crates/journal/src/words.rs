//! The journal's numbers as the words of the vocabulary, both ways. What they mean is said there.

use crate::record;

impl From<flyball_core::Counting> for record::Counting {
    fn from(counting: flyball_core::Counting) -> Self {
        match counting {
            flyball_core::Counting::Nothing => record::Counting::Nothing,
            flyball_core::Counting::Reported => record::Counting::Reported,
            flyball_core::Counting::Counted => record::Counting::Counted,
            flyball_core::Counting::Estimated => record::Counting::Estimated,
        }
    }
}

impl From<record::Counting> for flyball_core::Counting {
    fn from(counting: record::Counting) -> Self {
        match counting {
            record::Counting::Nothing => flyball_core::Counting::Nothing,
            record::Counting::Reported => flyball_core::Counting::Reported,
            record::Counting::Counted => flyball_core::Counting::Counted,
            record::Counting::Estimated => flyball_core::Counting::Estimated,
        }
    }
}

impl From<flyball_core::Outcome> for record::Outcome {
    fn from(outcome: flyball_core::Outcome) -> Self {
        match outcome {
            flyball_core::Outcome::Answered => record::Outcome::Answered,
            flyball_core::Outcome::Blocked => record::Outcome::Blocked,
            flyball_core::Outcome::Failed => record::Outcome::Failed,
            flyball_core::Outcome::Abandoned => record::Outcome::Abandoned,
            flyball_core::Outcome::Interrupted => record::Outcome::Interrupted,
        }
    }
}

impl From<record::Outcome> for flyball_core::Outcome {
    fn from(outcome: record::Outcome) -> Self {
        match outcome {
            record::Outcome::Answered => flyball_core::Outcome::Answered,
            record::Outcome::Blocked => flyball_core::Outcome::Blocked,
            record::Outcome::Failed => flyball_core::Outcome::Failed,
            record::Outcome::Abandoned => flyball_core::Outcome::Abandoned,
            record::Outcome::Interrupted => flyball_core::Outcome::Interrupted,
        }
    }
}
