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
