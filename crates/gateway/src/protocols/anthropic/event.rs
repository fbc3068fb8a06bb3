//! SEAM
use crate::protocols::Chunk;
use flyball_core::Document;

/// SEAM
pub fn read(_document: &Document) -> Option<Chunk> {
    None
}
