//! The matrix that tests of every path share: each way to ask for an answer ([`Form`]) against each dialect that a
//! provider speaks ([`Vendor`]), a gateway between them, and what a caller hears. What has to hold on a cell is said
//! in the tests.

pub(crate) mod answers;
mod form;
pub(crate) mod frames;
mod heard;

use flyball_testkit::{Canned, Simulator};
use serde_json::Value;

pub(crate) use form::{Form, Speech};
pub(crate) use heard::{Heard, hear};

/// A provider, by the dialect that it speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Vendor {
    /// OpenAI's protocols, those of responses and of completions included.
    OpenAi,
    /// OpenAI's chat completions and embeddings, and nothing else.
    Compatible,
    Anthropic,
    Gemini,
    Bedrock,
}

impl Vendor {
    pub(crate) const ALL: [Vendor; 5] =
        [Vendor::OpenAi, Vendor::Compatible, Vendor::Anthropic, Vendor::Gemini, Vendor::Bedrock];

    /// The name of its provider and of its route.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Vendor::OpenAi => "openai",
            Vendor::Compatible => "compatible",
            Vendor::Anthropic => "anthropic",
            Vendor::Gemini => "gemini",
            Vendor::Bedrock => "bedrock",
        }
    }

    /// The settings of a provider at this address, as the inside of a YAML flow mapping. The credential is in the
    /// variable `SIM_KEY`.
    pub(crate) fn settings(self, address: &str) -> String {
        match self {
            Vendor::OpenAi => format!(
                "kind: openai, base_url: '{address}/v1', api_key: 'env:SIM_KEY', native: [responses, completions]"
            ),
            Vendor::Compatible => {
                format!("kind: openai, base_url: '{address}/v1', api_key: 'env:SIM_KEY', native: []")
            }
            Vendor::Anthropic => format!("kind: anthropic, base_url: '{address}', api_key: 'env:SIM_KEY'"),
            Vendor::Gemini => format!("kind: gemini, base_url: '{address}', api_key: 'env:SIM_KEY'"),
            Vendor::Bedrock => format!(
                "kind: bedrock, region: us-east-1, base_url: '{address}', access_key_id: 'env:SIM_KEY', \
                 secret_access_key: 'env:SIM_KEY'"
            ),
        }
    }

    /// One for each, at the simulator, under its name; and at a provider with prepared answers, under its name after
    /// `canned-`: the lines of `providers`, and those of `routes`.
    pub(crate) fn configuration(simulator: &Simulator, canned: &Canned) -> (String, String) {
        let (mut providers, mut routes) = (String::new(), String::new());
        for vendor in Vendor::ALL {
            let name = vendor.name();
            for (prefix, address, model) in
                [("", format!("http://{}", simulator.address()), "sim"), ("canned-", canned.root(), "m")]
            {
                providers.push_str(&format!("  {prefix}{name}: {{ {} }}\n", vendor.settings(&address)));
                routes
                    .push_str(&format!("  {prefix}{name}: {{ provider: {prefix}{name}, model: {model} }}\n"));
            }
        }
        (providers, routes)
    }

    /// Whether it does what is asked for.
    pub(crate) fn offers(self, form: Form) -> bool {
        form != Form::Embeddings || matches!(self, Vendor::OpenAi | Vendor::Compatible)
    }

    /// Whether what is asked for leaves the gateway: tokens are counted there where a provider does not tell.
    pub(crate) fn is_called_for(self, form: Form) -> bool {
        self.offers(form) && (form != Form::CountTokens || self == Vendor::Anthropic)
    }
}

/// Personal data as a provider might write it, and the tag that takes its place. Numbers are published test
/// numbers or reserved for examples.
pub(crate) const PERSONAL: [(&str, &str); 5] = [
    ("<email>", "alex.example@example.com"),
    ("<phone>", "+1 415-555-0123"),
    ("<payment_card>", "4111 1111 1111 1111"),
    ("<us_ssn>", "536-90-4399"),
    ("<iban>", "DE89370400440532013000"),
];

/// How many bytes in a row of personal data count as a leak.
pub(crate) const LEAK: usize = 6;

/// A text with all of it.
pub(crate) fn personal_text() -> String {
    let [(_, email), (_, phone), (_, card), (_, ssn), (_, iban)] = PERSONAL;
    format!(
        "Write to {email} now, or call {phone} soon; pay with {card} please; number {ssn} here; account {iban} today."
    )
}

/// What has to become of it.
pub(crate) fn masked_text() -> String {
    PERSONAL.iter().fold(personal_text(), |text, (tag, value)| text.replace(value, tag))
}

/// A text without any.
pub(crate) const CLEAN: &str =
    "A governor keeps an engine steady: 1, 22, 333 turns – no more, no fewer \"on average\"\n✓.";

/// A prompt that makes the simulator say `text` in pieces of `size` bytes.
pub(crate) fn says(text: &str, size: usize) -> String {
    format!("sim: chunk_bytes={size},text={}\nGo on.", Simulator::script_text(text))
}

/// Every string value of a document.
pub(crate) fn strings(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) => vec![text],
        Value::Array(items) => items.iter().flat_map(strings).collect(),
        Value::Object(members) => members.values().flat_map(strings).collect(),
        _ => Vec::new(),
    }
}

/// Fails when the provider was told any of it.
pub(crate) fn assert_untold(body: &[u8], what: &str) {
    let told: Value = serde_json::from_slice(body).unwrap();
    for text in strings(&told) {
        for (_, value) in PERSONAL {
            assert!(!text.contains(value), "{what}: {value} was told: {text}");
        }
    }
}
