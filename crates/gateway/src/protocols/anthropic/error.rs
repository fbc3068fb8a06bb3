//! SEAM
use crate::refusal::Refusal;
/// SEAM
pub fn body(_refusal: &Refusal, _request_id: &str) -> String {
    String::new()
}
