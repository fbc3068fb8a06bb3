//! Scanning a text that is there as a whole.

use flyball_core::Finding;

use crate::engine::{self, Progress};
use crate::stream::StreamScanner;

/// Looks for everything in [`DETECTORS`](crate::DETECTORS), or for nothing.
#[derive(Clone, Copy, Debug)]
pub struct Scanner {
    looks: bool,
}

impl Scanner {
    /// All detectors.
    pub fn standard() -> Self {
        Scanner { looks: true }
    }

    /// No detectors: finds nothing, and costs nothing.
    pub fn none() -> Self {
        Scanner { looks: false }
    }

    /// The same for a text that arrives in pieces.
    pub fn stream(&self) -> StreamScanner {
        if self.looks { StreamScanner::new() } else { StreamScanner::none() }
    }

    /// Appends what is in `text`, ascending and without overlap. Takes time linear in the text, and allocates
    /// nothing when there is nothing.
    pub fn scan(&self, text: &str, findings: &mut Vec<Finding>) {
        if self.looks {
            engine::advance(text.as_bytes(), &mut Progress::default(), true, 0, findings);
        }
    }
}
