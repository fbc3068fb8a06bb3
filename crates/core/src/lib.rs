//! The vocabulary of Flyball: what every other crate talks about.
//!
//! Here live ids, the principal, findings, decisions, money, the clock, and the JSON document that carries a
//! call through the pipeline without being rebuilt. Deliberately absent: I/O, an async runtime, any word of
//! HTTP, SQL or a wire protocol, and everything that decides.

pub mod call;
pub mod clock;
pub mod decision;
pub mod finding;
pub mod ids;
pub mod json;
pub mod money;
pub mod outcome;
pub mod principal;
pub mod tokens;

pub use call::{Call, Operation, Text, TextRole};
pub use clock::{Clock, ManualClock, SystemClock, Timestamp};
pub use decision::{Action, AnswerTreatment, Decision, Disposition, Reason, Stage, Treatment};
pub use finding::{Category, Finding, Kind};
pub use ids::{ExchangeId, KeyId, TenantId};
pub use json::Document;
pub use money::Money;
pub use outcome::{Counting, Outcome};
pub use principal::{LawfulBasis, Principal, Role};
