//! Policy as code: a YAML document becomes typed, checked, compiled rules, and rules with the signals of a call
//! become a decision with reasons.
//!
//! Pure: no files are read, no clock, no network; the caller hands over texts. Deliberately absent: detectors (they
//! make the signals), the acting on a decision (the gateway's stages), and the storing of policies.
//!
//! ```
//! use flyball_core::{Action, Category, Kind, Stage};
//! use flyball_policy::{Policy, Signals, Vocabulary};
//!
//! let source = "
//! version: 1
//! rules:
//!   - id: pii
//!     description: Personal data needs a lawful basis.
//!     when: prompt.contains_pii && request.lawful_basis == \"\"
//!     action: block
//!     owner: dpo
//! ";
//! let vocabulary = Vocabulary { kinds: &[(Kind("email"), Category::Pii)] };
//! let policy = Policy::load(source, "policy.yaml", &vocabulary)?;
//! let mut signals = Signals::neutral();
//! signals.prompt_contains_pii(true);
//! assert_eq!(policy.decide(Stage::Prompt, &signals).action(), Action::Block);
//! # Ok::<(), flyball_policy::LoadErrors>(())
//! ```

mod canonical;
mod cases;
mod document;
mod error;
mod explain;
mod expression;
mod index;
mod policy;
mod rule;
mod signal;
mod signals;
mod stated;
mod thresholds;
mod yaml;

pub use cases::{CaseOutcome, PolicyTests, TestReport};
pub use error::{LoadError, LoadErrors, Place};
pub use explain::{Explanation, Outcome, Part, RuleExplanation};
pub use policy::{Policy, Vocabulary};
pub use rule::Rule;
pub use signal::{SIGNALS, Scope, Signal, SignalInfo, SignalType};
pub use signals::{Signals, Value};
pub use stated::{BadSignal, StatedSignals};
pub use thresholds::Thresholds;
