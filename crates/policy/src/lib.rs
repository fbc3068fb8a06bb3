//! Policy as code: a YAML document becomes typed, checked, compiled rules, and rules with the signals of a call
//! become a decision with reasons.
//!
//! Pure: no files are read, no clock, no network; the caller hands over texts. Deliberately absent: detectors (they
//! make the signals), the acting on a decision (the gateway's stages), and the storing of policies.
//!
//! # The document
//!
//! `version: 1`, `rules`, `thresholds`, and the descriptive sections of ADR-006 (`meta`, `frameworks`, `ownership`,
//! `environment`, `classification`, `ci_cd_gates`, `evidence_artifacts`, `monitoring`, `incident_response`,
//! `sprint_integration`, `maturity_targets`). A rule is `{id, description, when, action, owner, kinds}`; `id`, `when`
//! and `action` are required, `kinds` goes with `mask` only. Actions before the call: `allow`, `mask`, `safe_mode`,
//! `block`; on the answer: `allow`, `mask`, `summarize`, `block`.
//!
//! # The language of conditions
//!
//! A typed subset of CEL over [`SIGNALS`]: `&& || ! ? :`, `== != < <= > >=`, `+ - * / %` on numbers, `in`,
//! `size(x)`, `x.size()`, `text.startsWith(t)`, `text.endsWith(t)`, `text.contains(t)`, `double(n)`,
//! `list.exists(item, condition)`, `list.all(item, condition)`, literals of texts, numbers, `true`, `false` and lists
//! of literals. Whole-number literals stand for doubles where doubles are wanted. A condition that cannot be
//! evaluated (overflow, division by zero) blocks.
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
