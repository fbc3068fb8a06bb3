//! Redaction: findings are replaced by tags that name their kind, and every other byte stays.
//!
//! [`parts`] and [`redact`] are for plain text; [`json_parts`] and [`JsonStringTracker`] for text that is itself
//! JSON, such as the arguments of a tool call, and must stay JSON. Pure. Deliberately absent: what to mask (policies
//! decide), and the document around the text (the gateway splices the parts in).
//!
//! A redacted text has no findings: the detectors treat what stands beside a tag as they treated what stood beside
//! the value.

mod json;
mod tag;

pub use json::{JsonStringTracker, json_parts};
pub use tag::{parts, redact, tag};
