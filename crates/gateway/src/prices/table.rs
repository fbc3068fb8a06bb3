//! The built-in list prices, in micro-dollars per million tokens: standard tier, pay as you go, no beta features.
//!
//! They were gathered second-hand, from stored copies of the vendors' price pages and from lists that cite them,
//! of different months of 2026: a starting point, not an invoice. Left out are models whose price depends on
//! more than the counts of tokens (the length of the prompt, the time of day), models that this gateway cannot
//! reach, and models that sources disagree about: no price is better than a wrong one.

use flyball_core::Money;

use super::Price;

/// When the list prices were written down, as an ISO 8601 date.
pub const AS_OF: &str = "2026-11-24";

/// Whose prices they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Vendor {
    Demo,
    OpenAi,
    Anthropic,
    Groq,
}

impl Vendor {
    /// The vendor behind a host name in lower case.
    pub(super) fn of_host(host: &str) -> Option<Vendor> {
        match host {
            "api.openai.com" => Some(Vendor::OpenAi),
            "api.anthropic.com" => Some(Vendor::Anthropic),
            "api.groq.com" => Some(Vendor::Groq),
            _ => None,
        }
    }
}

/// The list price of `model`: by its name, or by its name with a vendor's date of a snapshot or `-latest` after
/// it. A longer name with another ending is another model.
pub(super) fn list_price(vendor: Vendor, model: &str) -> Option<Price> {
    LIST.iter()
        .filter(|row| row.vendor == vendor && model.strip_prefix(row.model).is_some_and(is_snapshot))
        .max_by_key(|row| row.model.len())
        .map(|row| Price {
            input: Money(row.input),
            cached_input: Money(row.cached_input),
            output: Money(row.output),
        })
}

/// Whether `rest` is nothing, `-latest`, or a date as `-2024-08-06` or `-20250929`.
fn is_snapshot(rest: &str) -> bool {
    let Some(tag) = rest.strip_prefix('-') else { return rest.is_empty() };
    let digits = tag.bytes().filter(u8::is_ascii_digit).count();
    tag == "latest"
        || (tag.starts_with("20") && digits == 8 && tag.bytes().all(|b| b.is_ascii_digit() || b == b'-'))
}

struct Row {
    vendor: Vendor,
    model: &'static str,
    input: i64,
    cached_input: i64,
    output: i64,
}

const fn row(vendor: Vendor, model: &'static str, input: i64, cached_input: i64, output: i64) -> Row {
    Row { vendor, model, input, cached_input, output }
}

use Vendor::{Anthropic, Demo, Groq, OpenAi};

/// A line per model: input, cached input, output. Without a cache price both inputs cost the same.
const LIST: &[Row] = &[
    // Nobody bills for the demo model; a nominal price lets usage and budgets be tried out.
    row(Demo, "demo-1", 150_000, 75_000, 600_000),
    row(OpenAi, "gpt-5.4-mini", 750_000, 75_000, 4_500_000),
    row(OpenAi, "gpt-5.4-nano", 200_000, 20_000, 1_250_000),
    row(OpenAi, "gpt-5.2", 1_750_000, 175_000, 14_000_000),
    row(OpenAi, "gpt-5.1", 1_250_000, 125_000, 10_000_000),
    row(OpenAi, "gpt-5", 1_250_000, 125_000, 10_000_000),
    row(OpenAi, "gpt-5-mini", 250_000, 25_000, 2_000_000),
    row(OpenAi, "gpt-5-nano", 50_000, 5_000, 400_000),
    row(OpenAi, "gpt-4.1", 2_000_000, 500_000, 8_000_000),
    row(OpenAi, "gpt-4.1-mini", 400_000, 100_000, 1_600_000),
    row(OpenAi, "gpt-4.1-nano", 100_000, 25_000, 400_000),
    row(OpenAi, "gpt-4o", 2_500_000, 1_250_000, 10_000_000),
    row(OpenAi, "gpt-4o-2024-05-13", 5_000_000, 5_000_000, 15_000_000),
    row(OpenAi, "gpt-4o-mini", 150_000, 75_000, 600_000),
    row(OpenAi, "o4-mini", 1_100_000, 275_000, 4_400_000),
    row(OpenAi, "o3", 2_000_000, 500_000, 8_000_000),
    row(OpenAi, "o3-mini", 1_100_000, 550_000, 4_400_000),
    row(OpenAi, "o1", 15_000_000, 7_500_000, 60_000_000),
    row(OpenAi, "gpt-4", 30_000_000, 30_000_000, 60_000_000),
    row(OpenAi, "gpt-3.5-turbo", 500_000, 500_000, 1_500_000),
    row(OpenAi, "text-embedding-3-small", 20_000, 20_000, 0),
    row(OpenAi, "text-embedding-3-large", 130_000, 130_000, 0),
    row(Anthropic, "claude-fable-5-1", 10_000_000, 250_000, 50_000_000),
    row(Anthropic, "claude-fable-5", 10_000_000, 1_000_000, 50_000_000),
    row(Anthropic, "claude-opus-5-5", 4_000_000, 200_000, 20_000_000),
    row(Anthropic, "claude-opus-5", 5_000_000, 500_000, 25_000_000),
    row(Anthropic, "claude-opus-4-8", 5_000_000, 500_000, 25_000_000),
    row(Anthropic, "claude-opus-4-7", 5_000_000, 500_000, 25_000_000),
    row(Anthropic, "claude-opus-4-6", 5_000_000, 500_000, 25_000_000),
    row(Anthropic, "claude-opus-4-5", 5_000_000, 500_000, 25_000_000),
    row(Anthropic, "claude-opus-4-1", 15_000_000, 1_500_000, 75_000_000),
    row(Anthropic, "claude-opus-4-0", 15_000_000, 1_500_000, 75_000_000),
    row(Anthropic, "claude-opus-4", 15_000_000, 1_500_000, 75_000_000),
    row(Anthropic, "claude-sonnet-5-5", 2_000_000, 100_000, 10_000_000),
    row(Anthropic, "claude-sonnet-5", 2_000_000, 200_000, 10_000_000),
    row(Anthropic, "claude-sonnet-4-6", 3_000_000, 300_000, 15_000_000),
    row(Anthropic, "claude-sonnet-4-5", 3_000_000, 300_000, 15_000_000),
    row(Anthropic, "claude-sonnet-4-0", 3_000_000, 300_000, 15_000_000),
    row(Anthropic, "claude-sonnet-4", 3_000_000, 300_000, 15_000_000),
    row(Anthropic, "claude-haiku-4-5", 1_000_000, 100_000, 5_000_000),
    row(Anthropic, "claude-3-7-sonnet", 3_000_000, 300_000, 15_000_000),
    row(Anthropic, "claude-3-5-haiku", 800_000, 80_000, 4_000_000),
    row(Anthropic, "claude-3-haiku", 250_000, 30_000, 1_250_000),
    row(Groq, "llama-3.3-70b-versatile", 590_000, 590_000, 790_000),
    row(Groq, "llama-3.1-8b-instant", 50_000, 50_000, 80_000),
    row(Groq, "openai/gpt-oss-120b", 150_000, 75_000, 600_000),
    row(Groq, "openai/gpt-oss-20b", 75_000, 37_500, 300_000),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_sane_and_stands_once() {
        for (index, row) in LIST.iter().enumerate() {
            assert!(row.input > 0 && row.output >= 0, "{}", row.model);
            assert!((1..=row.input).contains(&row.cached_input), "{}", row.model);
            let twin = LIST.iter().skip(index + 1).find(|o| o.vendor == row.vendor && o.model == row.model);
            assert!(twin.is_none(), "{}", row.model);
        }
        assert!(AS_OF.parse::<jiff::civil::Date>().is_ok());
    }

    #[test]
    fn snapshots_have_the_price_of_their_model_and_other_models_do_not() {
        let input = |model| list_price(OpenAi, model).map(|price| price.input.0);
        assert_eq!(input("gpt-4o"), Some(2_500_000));
        assert_eq!(input("gpt-4o-2024-08-06"), Some(2_500_000));
        assert_eq!(input("gpt-4o-2024-05-13"), Some(5_000_000));
        assert_eq!(input("gpt-4o-mini-2024-07-18"), Some(150_000));
        assert_eq!(input("gpt-4o-audio-preview"), None);
        assert_eq!(input("gpt-5.2-codex"), None);
        assert_eq!(input("gpt-4o-2024"), None);
        assert_eq!(list_price(Anthropic, "claude-sonnet-4-5-20250929").map(|p| p.input.0), Some(3_000_000));
        assert_eq!(list_price(Anthropic, "gpt-4o"), None);
    }
}
