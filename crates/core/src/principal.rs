//! Who is calling. A principal is made from a verified credential and nothing else: no header or field of the
//! request can set any part of it.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::ids::{KeyId, TenantId};

/// What a credential may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Role {
    /// Calls models and sees its own tenant's usage.
    Caller,
    /// Administers the installation; does not call models.
    Operator,
}

impl Role {
    /// The name used in policies, commands and answers.
    pub fn name(self) -> &'static str {
        match self {
            Role::Caller => "caller",
            Role::Operator => "operator",
        }
    }
}

/// The ground on which personal data is processed (GDPR article 6(1), the five of the ADR-006 vocabulary). An
/// operator configures it on a key or a route; a caller cannot claim one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LawfulBasis {
    /// The data subject agreed.
    Consent,
    /// Needed to perform a contract.
    Contract,
    /// The law demands it.
    LegalObligation,
    /// A legitimate interest that outweighs the subject's.
    LegitimateInterest,
    /// A task in the public interest.
    PublicTask,
}

impl LawfulBasis {
    /// The five bases.
    pub const ALL: &[LawfulBasis] = &[
        LawfulBasis::Consent,
        LawfulBasis::Contract,
        LawfulBasis::LegalObligation,
        LawfulBasis::LegitimateInterest,
        LawfulBasis::PublicTask,
    ];

    /// The name used in configuration, policies and commands.
    pub fn name(self) -> &'static str {
        match self {
            LawfulBasis::Consent => "consent",
            LawfulBasis::Contract => "contract",
            LawfulBasis::LegalObligation => "legal_obligation",
            LawfulBasis::LegitimateInterest => "legitimate_interest",
            LawfulBasis::PublicTask => "public_task",
        }
    }
}

/// A verified caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// The tenant that the credential belongs to; none for an operator.
    pub tenant: Option<TenantId>,
    /// Which credential it was.
    pub key: KeyId,
    /// What it may do.
    pub role: Role,
    /// Patterns of the public model names that it may use, `*` matching any run of characters. Empty: none.
    pub models: Arc<[String]>,
    /// From when on the credential is dead.
    pub expires: Option<Timestamp>,
    /// The lawful basis that the operator noted on the credential.
    pub lawful_basis: Option<LawfulBasis>,
}

impl Principal {
    /// Whether the credential may use the public model `name`.
    pub fn may_use(&self, name: &str) -> bool {
        self.models.iter().any(|pattern| matches_pattern(pattern, name))
    }
}

/// Matches `name` against `pattern`, in which `*` stands for any run of characters (also an empty one). Linear
/// in the product of both lengths at worst, without recursion.
pub fn matches_pattern(pattern: &str, name: &str) -> bool {
    let mut pieces = pattern.split('*');
    let first = pieces.next().unwrap_or_default();
    let Some(mut rest) = name.strip_prefix(first) else { return false };
    let mut last: Option<&str> = None;
    for piece in pieces {
        if let Some(middle) = last {
            match rest.find(middle) {
                Some(at) => rest = rest.get(at + middle.len()..).unwrap_or_default(),
                None => return false,
            }
        }
        last = Some(piece);
    }
    match last {
        None => rest.is_empty(),
        Some(suffix) => rest.ends_with(suffix),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_people_expect() {
        for (pattern, name, expected) in [
            ("*", "anything", true),
            ("gpt-5", "gpt-5", true),
            ("gpt-5", "gpt-5-mini", false),
            ("gpt-*", "gpt-5-mini", true),
            ("*-mini", "gpt-5-mini", true),
            ("a*b*c", "a-b-b-c", true),
            ("a*a", "a", false),
            ("", "a", false),
            ("", "", true),
        ] {
            assert_eq!(matches_pattern(pattern, name), expected, "{pattern} {name}");
        }
    }
}
