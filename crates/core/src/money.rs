//! Money in micro-units of one currency (a millionth of a US dollar by default). Integers only: a bill is
//! never a float. Prices per million tokens are therefore micro-units per token times a million.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign};

use serde::{Deserialize, Serialize};

/// An amount in millionths of the currency unit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Money(pub i64);

impl Money {
    /// Nothing.
    pub const ZERO: Money = Money(0);

    /// What `tokens` cost at `price` per million tokens, rounded up: a reservation must never be too small.
    pub fn for_tokens(tokens: u64, price: Money) -> Money {
        let product = i128::from(tokens) * i128::from(price.0);
        let rounded = product.div_euclid(1_000_000) + i128::from(product.rem_euclid(1_000_000) != 0);
        Money(i64::try_from(rounded).unwrap_or(i64::MAX))
    }
}

impl Add for Money {
    type Output = Money;

    fn add(self, other: Money) -> Money {
        Money(self.0.saturating_add(other.0))
    }
}

impl AddAssign for Money {
    fn add_assign(&mut self, other: Money) {
        *self = *self + other;
    }
}

impl Sum for Money {
    fn sum<I: Iterator<Item = Money>>(amounts: I) -> Money {
        amounts.fold(Money::ZERO, Add::add)
    }
}

impl fmt::Display for Money {
    /// Six decimals: `0.000123`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let micros = self.0.unsigned_abs();
        write!(f, "{sign}{}.{:06}", micros / 1_000_000, micros % 1_000_000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn token_cost_rounds_up() {
        assert_eq!(Money::for_tokens(1, Money(150_000)), Money(1));
        assert_eq!(Money::for_tokens(1_000_000, Money(150_000)), Money(150_000));
        assert_eq!(Money::for_tokens(0, Money(150_000)), Money::ZERO);
        assert_eq!(Money::for_tokens(u64::MAX, Money(i64::MAX)), Money(i64::MAX));
    }

    #[test]
    fn amounts_print_with_six_decimals() {
        assert_eq!(Money(1_234_567).to_string(), "1.234567");
        assert_eq!(Money(-5).to_string(), "-0.000005");
    }
}
