//! Scanning a text that arrives in pieces, with bounded memory.

use std::fmt;

use flyball_core::Finding;

use crate::engine::{self, Progress};

/// Bytes kept before what is open: the longest look back, a local part with its boundary, and room to spare.
const CONTEXT: usize = 80;

/// Looks for everything in [`DETECTORS`](crate::DETECTORS) in one text that arrives in pieces.
///
/// However the text is cut, the findings are those of [`Scanner::scan`](crate::Scanner::scan) on the whole. At most
/// 512 bytes are held back: 64 of a local part, the `@`, 255 of a domain and 64 of a label that turns out to be too
/// much, 64 of a number before them. Nothing is held when nothing is open.
#[derive(Clone, Default)]
pub struct StreamScanner {
    /// Context and what is open.
    window: Vec<u8>,
    /// Where the window begins in the text.
    base: usize,
    progress: Progress,
    /// Looks for nothing: everything is final at once.
    blind: bool,
}

impl StreamScanner {
    /// Begins a text.
    pub fn new() -> Self {
        StreamScanner::default()
    }

    /// Begins a text in which nothing is looked for.
    pub(crate) fn none() -> Self {
        StreamScanner { blind: true, ..StreamScanner::default() }
    }

    /// Takes the next piece of the text. Returns the offset, in bytes since the text began, up to which everything
    /// is final: nothing that is still open begins before it, and all findings that end there or before have been
    /// appended to `findings`, once each and with spans from the beginning of the text.
    pub fn push(&mut self, piece: &str, findings: &mut Vec<Finding>) -> usize {
        if self.blind {
            self.base += piece.len();
            return self.base;
        }
        self.window.extend_from_slice(piece.as_bytes());
        self.advance(false, findings)
    }

    /// The text ended: everything is final, up to the offset returned, which is its length.
    pub fn finish(&mut self, findings: &mut Vec<Finding>) -> usize {
        self.advance(true, findings)
    }

    /// Whether what is open is letters and nothing else: a word that is hardly the beginning of anything.
    pub fn holds_a_mere_word(&self) -> bool {
        let open = self.window.get(self.progress.done..).unwrap_or_default();
        open.iter().all(|byte| byte.is_ascii_alphabetic() || !byte.is_ascii())
    }

    fn advance(&mut self, closed: bool, findings: &mut Vec<Finding>) -> usize {
        engine::advance(&self.window, &mut self.progress, closed, self.base, findings);
        let done = self.base + self.progress.done;
        // Moving what is left costs as much as reading it: wait until there is something to gain.
        if self.progress.done > 4 * CONTEXT {
            let past = self.progress.done - CONTEXT;
            self.window.drain(..past);
            self.base += past;
            self.progress.done -= past;
            self.progress.floor = self.progress.floor.saturating_sub(past);
        }
        done
    }
}

/// Without the text, which must not get into logs.
impl fmt::Debug for StreamScanner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamScanner")
            .field("base", &self.base)
            .field("progress", &self.progress)
            .finish_non_exhaustive()
    }
}
