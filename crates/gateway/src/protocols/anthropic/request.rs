//! SEAM
use crate::refusal::{Kind, Refusal};
use flyball_core::{Call, Document, Operation};
/// SEAM
/// # Errors
/// SEAM
pub fn decode(_document: Document, _operation: Operation) -> Result<Call, Refusal> {
    Err(Refusal::new(Kind::Internal, ""))
}
