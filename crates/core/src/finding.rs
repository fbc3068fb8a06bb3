//! What a detector saw. A finding carries where and what, never the text itself, so that it can go into logs,
//! reasons and receipts.

use std::fmt;
use std::ops::Range;

use serde::{Deserialize, Serialize};

/// What a finding is about; policies treat findings by category.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Category {
    /// Personal data.
    Pii,
}

impl Category {
    /// Every category that the binary knows.
    pub const ALL: &[Category] = &[Category::Pii];

    /// The name used in policies, metrics and answers.
    pub fn name(self) -> &'static str {
        match self {
            Category::Pii => "pii",
        }
    }
}

/// The detector's name for what it saw: `email`, `payment_card` ... Also the text of the mask tag.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Kind(pub &'static str);

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl fmt::Debug for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// One thing that a detector saw.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Finding {
    /// What it is.
    pub kind: Kind,
    /// What it is about.
    pub category: Category,
    /// Bytes of the inspected text, on character boundaries.
    pub span: Range<usize>,
    /// How sure the detector is, above 0 and at most 1.
    pub score: f32,
    /// The detector's version: raised whenever it could answer differently for some text.
    pub detector_version: u16,
}
