//! SEAM
use crate::refusal::{Kind, Refusal};
use flyball_core::{Call, Document};
/// SEAM
/// # Errors
/// SEAM
pub fn decode(_document: Document) -> Result<Call, Refusal> {
    Err(Refusal::new(Kind::Internal, ""))
}
