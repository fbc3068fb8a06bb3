//! Scanning a text that is there as a whole.

use flyball_core::Finding;

use crate::engine::{self, Progress};

/// Looks for everything in [`DETECTORS`](crate::DETECTORS).
#[derive(Clone, Copy, Debug)]
pub struct Scanner(());

impl Scanner {
    /// All detectors.
    pub fn standard() -> Self {
        Scanner(())
    }

    /// Appends what is in `text`, ascending and without overlap. Takes time linear in the text, and allocates
    /// nothing when there is nothing.
    pub fn scan(&self, text: &str, findings: &mut Vec<Finding>) {
        engine::advance(text.as_bytes(), &mut Progress::default(), true, 0, findings);
    }
}
