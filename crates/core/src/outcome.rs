//! How an exchange ended and how its tokens became known: what is recorded, counted and told of every one. How records
//! are encoded, and what follows from an end, is decided elsewhere.

use serde::{Deserialize, Serialize};

/// How an exchange ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Outcome {
    /// The caller got the whole answer.
    Answered,
    /// Policy stopped it.
    Blocked,
    /// It ended with any other refusal or fault.
    Failed,
    /// The caller went away.
    Abandoned,
    /// The process died while it ran.
    Interrupted,
}

impl Outcome {
    /// The name in answers and exports.
    pub fn name(self) -> &'static str {
        match self {
            Outcome::Answered => "answered",
            Outcome::Blocked => "blocked",
            Outcome::Failed => "failed",
            Outcome::Abandoned => "abandoned",
            Outcome::Interrupted => "interrupted",
        }
    }
}

/// How the tokens of an exchange became known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Counting {
    /// There is nothing to count: no provider did any work.
    #[default]
    Nothing,
    /// The provider told: it is what it bills.
    Reported,
    /// The provider did not tell, or not to the end: our own tokenizer ([`tokens`](crate::tokens)) counted.
    Counted,
    /// Nobody lived to count: the reservation stands for it.
    Estimated,
}

impl Counting {
    /// All of them.
    pub const ALL: [Counting; 4] =
        [Counting::Nothing, Counting::Reported, Counting::Counted, Counting::Estimated];

    /// The name in the database, metrics, logs, answers and commands.
    pub fn name(self) -> &'static str {
        match self {
            Counting::Nothing => "nothing",
            Counting::Reported => "reported",
            Counting::Counted => "counted",
            Counting::Estimated => "estimated",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ways_of_counting_are_called_the_same_everywhere() {
        for counting in Counting::ALL {
            assert_eq!(serde_json::to_value(counting).unwrap(), counting.name());
        }
    }
}
