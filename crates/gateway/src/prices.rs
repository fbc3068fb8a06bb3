//! What calls cost: the operator's own prices, then the built-in list prices. A model without a price costs an
//! unknown amount, never nothing. Counting tokens and adding up usage happens elsewhere.
//!
//! List prices change and vary by contract, region and service tier; [`AS_OF`] says when the built-in ones were
//! gathered, second-hand. Who bills or budgets by these figures sets their own under `prices.overrides`.

mod table;

use std::collections::BTreeMap;

use flyball_core::Money;
use flyball_core::principal::matches_pattern;

use crate::config::{Prices, Provider};

pub use table::AS_OF;
use table::Vendor;

/// A price per million tokens, in micro-units of the configured currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Price {
    /// Tokens of the request.
    pub input: Money,
    /// Tokens of the request that the provider had in its cache.
    pub cached_input: Money,
    /// Tokens of the answer.
    pub output: Money,
}

impl Price {
    /// What a call costs, rounded up to a micro-unit once. `input` are all tokens of the request; `cached_input`,
    /// at most as many, are those of them that the provider had in its cache.
    pub fn cost(&self, input: u64, cached_input: u64, output: u64) -> Money {
        let cached = cached_input.min(input);
        let rows = [(input - cached, self.input), (cached, self.cached_input), (output, self.output)];
        // At most 3 * 2^64 * 2^63, which 128 bits with a sign do not hold for absurd prices: saturate.
        let total = rows
            .into_iter()
            .map(|(tokens, price)| i128::from(tokens).saturating_mul(i128::from(price.0)))
            .fold(0_i128, i128::saturating_add);
        let micros = total / 1_000_000 + i128::from(total % 1_000_000 > 0);
        Money(i64::try_from(micros).unwrap_or(i64::MAX))
    }
}

/// One of the operator's own prices.
#[derive(Clone, Debug)]
struct Override {
    provider: String,
    model: String,
    price: Price,
}

/// All prices of one configuration.
#[derive(Clone, Debug)]
pub struct PriceTable {
    currency: String,
    /// The most specific first.
    overrides: Vec<Override>,
    /// Whose list prices apply to which provider.
    vendors: BTreeMap<String, Vendor>,
}

impl PriceTable {
    /// The prices under `providers`. The list prices are in US dollars: with another currency only the
    /// operator's own prices count.
    pub fn new(prices: &Prices, providers: &BTreeMap<String, Provider>) -> Self {
        let mut overrides: Vec<Override> = prices
            .overrides
            .iter()
            .filter_map(|(pattern, list)| {
                let (provider, model) = pattern.split_once('/')?;
                let input = list.input_per_million.get();
                let price = Price {
                    input,
                    cached_input: list.cached_input_per_million.map_or(input, |amount| amount.get()),
                    output: list.output_per_million.get(),
                };
                Some(Override { provider: provider.to_owned(), model: model.to_owned(), price })
            })
            .collect();
        // Stable, so that equals keep the order of their patterns.
        overrides.sort_by_key(|row| std::cmp::Reverse((literals(&row.model), literals(&row.provider))));
        let listed = prices.currency == "USD";
        let vendors = providers
            .iter()
            .filter(|_| listed)
            .filter_map(|(name, provider)| Some((name.clone(), vendor(provider)?)))
            .collect();
        PriceTable { currency: prices.currency.clone(), overrides, vendors }
    }

    /// The currency of every price (ISO 4217).
    pub fn currency(&self) -> &str {
        &self.currency
    }

    /// The price of the concrete `model` at the provider named `provider`; none when it is unknown.
    pub fn price(&self, provider: &str, model: &str) -> Option<Price> {
        self.overrides
            .iter()
            .find(|row| matches_pattern(&row.provider, provider) && matches_pattern(&row.model, model))
            .map(|row| row.price)
            .or_else(|| table::list_price(*self.vendors.get(provider)?, model))
    }
}

/// How many characters of a pattern are not `*`.
fn literals(pattern: &str) -> usize {
    pattern.chars().filter(|c| *c != '*').count()
}

/// Whose prices a provider has. An unknown host (a proxy, a server of one's own) has none.
fn vendor(provider: &Provider) -> Option<Vendor> {
    match provider {
        Provider::Demo(_) => Some(Vendor::Demo),
        // A deployment's name says nothing about its model.
        Provider::AzureOpenai(_) => None,
        Provider::Groq(like) if like.base_url.is_none() => Some(Vendor::Groq),
        other => {
            let uri: http::Uri = other.base_url()?.parse().ok()?;
            Vendor::of_host(&uri.host()?.to_ascii_lowercase())
        }
    }
}

#[cfg(test)]
mod tests;
