//! What the bench says while it works, on standard error, so that standard output holds the tables alone.

use std::io::{self, Write};
use std::time::Instant;

/// Says things with the time since the beginning.
#[derive(Debug)]
pub(crate) struct Progress {
    begin: Instant,
}

impl Progress {
    /// Begins now.
    pub(crate) fn new() -> Progress {
        Progress { begin: Instant::now() }
    }

    /// Says a line.
    pub(crate) fn say(&self, line: &str) {
        let seconds = self.begin.elapsed().as_secs();
        // Nobody who closed it wants to read it.
        let _written = writeln!(io::stderr().lock(), "[{seconds:>4} s] {line}");
    }
}
