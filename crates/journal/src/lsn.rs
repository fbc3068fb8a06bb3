//! Positions in the journal. How they map to files is the segments' business.

use std::fmt;

/// A log sequence number: a byte position in the whole journal, counted over all segments, headers included. Positions
/// never repeat, so a position that was stored elsewhere stays meaningful for the life of the journal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Lsn(pub u64);

impl fmt::Display for Lsn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The least multiple of 8 that is not below `position`: where the next frame may begin.
pub(crate) fn aligned(position: u64) -> u64 {
    position.saturating_add(7) & !7
}
