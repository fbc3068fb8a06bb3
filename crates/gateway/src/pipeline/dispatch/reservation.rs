//! What a call can use at most: the amount that is held while it runs, that stands for it if the process dies, and
//! that limits hold against budgets.

use flyball_core::{Call, Operation};
use flyball_journal::Reservation;

use crate::snapshot::Route;

/// Tokens that a provider's own template may add to what is sent.
const TEMPLATE: u64 = 64;

/// Output tokens of one answer where neither caller nor route sets a cap.
pub(super) const UNCAPPED: u64 = 16_384;

/// The bound for a body of so many bytes whose answers are capped at `cap` tokens each.
///
/// No tokenizer makes more tokens than there are bytes, and the whole body is counted, keys and punctuation included:
/// that covers what providers add per message and per tool. What a provider fetches by itself (images by address,
/// stored state) is not bounded by what is sent.
pub(super) fn bound(call: &Call, target: &Route, body: usize, cap: Option<u64>) -> Reservation {
    if call.operation == Operation::CountTokens {
        return Reservation { input: 0, output: 0, cost: target.price.map(|_| 0) };
    }
    let input = u64::try_from(body).unwrap_or(u64::MAX).saturating_add(TEMPLATE);
    let output = match call.operation {
        Operation::Embeddings | Operation::Moderations | Operation::Rerank | Operation::Speech => 0,
        _ => cap.unwrap_or(UNCAPPED).saturating_mul(u64::from(call.choices)),
    };
    Reservation { input, output, cost: target.price.map(|price| price.cost(input, 0, output).0) }
}
