//! SEAM
use crate::protocols::{Chunk, Ending};
use crate::refusal::Refusal;
use bytes::BytesMut;
use flyball_core::Document;

/// SEAM
#[derive(Debug, Default)]
pub struct Envelope {}

impl Ending for Envelope {
    fn note(&mut self, _document: &Document, _chunk: &Chunk) {}
    fn refuse(&mut self, _open: &[u32], _out: &mut BytesMut) {}
    fn answer(&mut self, _texts: &[(u32, String)], _out: &mut BytesMut) {}
    fn broken(&mut self, _refusal: &Refusal, _request_id: &str, _out: &mut BytesMut) {}
}

/// SEAM
/// # Errors
/// SEAM
pub fn decode(_document: Document) -> Result<flyball_core::Call, Refusal> {
    Err(Refusal::new(crate::refusal::Kind::Internal, ""))
}
/// SEAM
pub fn answer(_document: &Document) -> Option<crate::protocols::Answer> {
    None
}
/// SEAM
pub fn event(_document: &Document) -> Option<Chunk> {
    None
}
/// SEAM
pub fn tokens(_document: &Document) -> u64 {
    0
}
