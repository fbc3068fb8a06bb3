//! Prices through the table that a configuration makes.

use proptest::prelude::*;

use super::*;
use crate::config::{Amount, ListPrice};

fn openai(base_url: &str) -> Provider {
    let text = format!(r#"{{"kind":"openai","base_url":"{base_url}"}}"#);
    serde_json::from_str(&text).unwrap()
}

fn table(currency: &str, overrides: &[(&str, f64)]) -> PriceTable {
    let list = |units: f64| ListPrice {
        input_per_million: Amount::try_from(units).unwrap(),
        cached_input_per_million: None,
        output_per_million: Amount::try_from(units * 2.0).unwrap(),
    };
    let prices = Prices {
        currency: currency.to_owned(),
        overrides: overrides.iter().map(|(pattern, units)| ((*pattern).to_owned(), list(*units))).collect(),
    };
    let providers = BTreeMap::from([
        ("demo".to_owned(), serde_json::from_str(r#"{"kind":"demo"}"#).unwrap()),
        ("openai".to_owned(), openai("https://api.openai.com/v1")),
        ("own".to_owned(), openai("http://127.0.0.1:8000/v1")),
    ]);
    PriceTable::new(&prices, &providers)
}

fn input(table: &PriceTable, provider: &str, model: &str) -> Option<i64> {
    table.price(provider, model).map(|price| price.input.0)
}

#[test]
fn list_prices_belong_to_the_vendor_behind_the_url() {
    let table = table("USD", &[]);
    assert_eq!(input(&table, "openai", "gpt-4o-mini"), Some(150_000));
    assert_eq!(input(&table, "own", "gpt-4o-mini"), None);
    assert_eq!(input(&table, "demo", "demo-1"), Some(150_000));
}

#[test]
fn an_unknown_model_has_no_price_instead_of_none_to_pay() {
    let table = table("USD", &[]);
    assert_eq!(table.price("openai", "gpt-99"), None);
    assert_eq!(table.price("nobody", "gpt-4o"), None);
}

#[test]
fn the_operators_longest_pattern_wins() {
    let table =
        table("USD", &[("*/*", 1.0), ("openai/*", 2.0), ("openai/gpt-4o*", 3.0), ("*/gpt-4o-mini*", 4.0)]);
    assert_eq!(input(&table, "own", "llama"), Some(1_000_000));
    assert_eq!(input(&table, "openai", "llama"), Some(2_000_000));
    assert_eq!(input(&table, "openai", "gpt-4o"), Some(3_000_000));
    assert_eq!(input(&table, "openai", "gpt-4o-mini-2024-07-18"), Some(4_000_000));
}

#[test]
fn list_prices_do_not_apply_in_another_currency() {
    let table = table("EUR", &[("openai/gpt-4o", 3.0)]);
    assert_eq!(input(&table, "openai", "gpt-4o"), Some(3_000_000));
    assert_eq!(input(&table, "openai", "gpt-4o-mini"), None);
    assert_eq!(table.currency(), "EUR");
}

#[test]
fn cached_input_is_part_of_the_input_and_costs_less() {
    let price = table("USD", &[]).price("openai", "gpt-4o").unwrap();
    assert_eq!(price.cost(1_000_000, 0, 0), Money(2_500_000));
    assert_eq!(price.cost(1_000_000, 400_000, 0), Money(1_500_000 + 500_000));
    assert_eq!(price.cost(10, 99, 0), price.cost(10, 10, 0));
    assert_eq!(price.cost(1, 0, 1), Money(13));
    assert_eq!(price.cost(0, 0, 0), Money::ZERO);
}

proptest! {
    #[test]
    fn more_tokens_never_cost_less(input: u64, cached: u64, output: u64, more in 0_u64..1_000_000) {
        let price = Price { input: Money(250), cached_input: Money(25), output: Money(2_000) };
        prop_assert!(price.cost(input, cached, output) >= Money::ZERO);
        let larger = price.cost(input, cached, output.saturating_add(more));
        prop_assert!(larger >= price.cost(input, cached, output));
        let longer = price.cost(input.saturating_add(more), cached.min(input), output);
        prop_assert!(longer >= price.cost(input, cached.min(input), output));
    }
}
