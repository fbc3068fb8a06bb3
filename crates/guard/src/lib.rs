//! Detectors: text in, findings out, whole or in pieces.
//!
//! [`Scanner`] looks at a text that is there; [`StreamScanner`] at one that is still arriving, and finds the same
//! for every way of cutting it. Pure: no I/O, no clock, no state beyond the text. Deliberately absent: what is done
//! about a finding (policies decide, `flyball-mask` redacts), and every format around the text.
//!
//! A detector is added as a file under `detectors/` and a line in `detectors.rs`; its examples are its tests.
//!
//! # What a scan reports
//! Findings are ascending and never overlap. Three rules make it so, and make a redacted text free of findings:
//! 1. e-mail addresses win over everything that they touch; each splits the text, and the parts beside it are
//!    looked at as if they stood alone;
//! 2. of the other kinds the one that begins first wins; what follows is looked at as if it began there;
//! 3. of several at one place the longest wins, and of equally long ones the first in [`DETECTORS`].
//!
//! ```
//! use flyball_guard::Scanner;
//!
//! let mut findings = Vec::new();
//! Scanner::standard().scan("Write to <ada@example.org>.", &mut findings);
//! assert_eq!(findings[0].kind.0, "email");
//! assert_eq!(findings[0].span, 10..25);
//! ```

mod detector;
mod detectors;
mod engine;
mod scanner;
mod stream;
mod view;

pub use detector::Detector;
pub use detectors::{DETECTORS, KINDS};
pub use scanner::Scanner;
pub use stream::StreamScanner;

use flyball_core::{Category, Kind};

/// The kind of this name with its category, if a detector finds it.
pub fn kind_named(name: &str) -> Option<(Kind, Category)> {
    KINDS.iter().find(|(kind, _)| kind.0 == name).copied()
}
