//! What a settlement says that is counted.

use flyball_core::{Counting, KeyId, Money, Outcome, TenantId, Timestamp};

/// Tokens of one exchange that are counted at most, in each direction. A provider that reports more is in error,
/// and a sum must not overflow because of it: eight million such exchanges in one row would.
pub const MAX_TOKENS: u64 = 1 << 40;
/// Cost of one exchange that is counted at most: about 35 million currency units. See [`MAX_TOKENS`].
pub const MAX_COST: Money = Money(1 << 45);

/// A settled exchange, to be counted.
#[derive(Clone, Debug)]
pub struct Settled {
    /// Whose it was.
    pub tenant: TenantId,
    /// The key that called.
    pub key: KeyId,
    /// A pseudonym of the end user; 0: nobody was named. See [`MAX_END_USERS`](super::MAX_END_USERS).
    pub end_user: u64,
    /// The public model name of a route; empty when there was none. Never free text of the caller, which would make
    /// rows without bound.
    pub model: String,
    /// The configured provider's name; empty when none was called.
    pub provider: String,
    /// What was asked for; empty when it ended before that was known.
    pub operation: String,
    /// The tags that it is counted under, in any order. See [`MAX_TAG_LISTS`](super::MAX_TAG_LISTS).
    pub tags: Vec<String>,
    /// How the tokens became known.
    pub counting: Counting,
    /// When the exchange came in: it counts for that quarter of an hour.
    pub at: Timestamp,
    /// Tokens that went to the model, cached ones included; at most [`MAX_TOKENS`] count.
    pub input_tokens: u64,
    /// Those of them that the provider read from its cache.
    pub cached_input_tokens: u64,
    /// Tokens that came from the model; at most [`MAX_TOKENS`] count.
    pub output_tokens: u64,
    /// What it cost, from nothing to [`MAX_COST`]; none when no price is known.
    pub cost: Option<Money>,
    /// How it ended.
    pub outcome: Outcome,
}
