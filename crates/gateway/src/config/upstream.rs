//! Settings of the side towards models: the routes that name models behind providers, patience, prices. Providers
//! themselves are in `providers`.

use std::collections::BTreeMap;

use flyball_core::{LawfulBasis, Operation};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

use super::units::{Amount, Period};

/// How long providers may take.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Timeouts {
    /// Until a connection stands, TLS included.
    #[schemars(extend("x-minimum" = "10ms", "x-maximum" = "5m"))]
    pub connect: Period,
    /// Until the first byte of a plain answer, and until its end.
    #[schemars(extend("x-minimum" = "10ms", "x-maximum" = "1d"))]
    pub first_byte: Period,
    /// Until the first event of a stream.
    #[schemars(extend("x-minimum" = "10ms", "x-maximum" = "1d"))]
    pub first_event: Period,
    /// From one event of a stream to the next.
    #[schemars(extend("x-minimum" = "10ms", "x-maximum" = "1d"))]
    pub between_events: Period,
    /// After how much silence a stream's caller gets a comment, so that nothing between takes the connection for
    /// dead.
    #[schemars(extend("x-minimum" = "100ms", "x-maximum" = "1h"))]
    pub keep_alive_comment: Period,
}

impl Default for Timeouts {
    fn default() -> Self {
        Timeouts {
            connect: Period::from_secs(10),
            first_byte: Period::from_secs(600),
            first_event: Period::from_secs(120),
            between_events: Period::from_secs(60),
            keep_alive_comment: Period::from_secs(15),
        }
    }
}

/// Where calls to a public model go, and what is changed on the way.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Route {
    /// The name of the provider.
    #[schemars(extend("format" = "name"))]
    pub provider: String,
    /// The model's name at the provider. Absent: the route's own name.
    #[serde(default)]
    #[schemars(extend("format" = "model-name"))]
    pub model: Option<String>,
    /// Further public names of this model.
    #[serde(default)]
    #[schemars(extend("items" = { "type": "string", "format": "model-name" }))]
    pub aliases: Vec<String>,
    /// What the model can do.
    #[serde(default = "all_operations", with = "operations")]
    #[schemars(schema_with = "operations_schema")]
    pub operations: Vec<Operation>,
    /// Parameters that are added when the caller leaves them out.
    #[serde(default)]
    #[schemars(extend("propertyNames" = { "format": "parameter" }))]
    pub defaults: Map<String, Value>,
    /// The most that a caller may ask for.
    #[serde(default)]
    pub caps: Caps,
    /// Parameters that the provider knows by another name, as `max_tokens: max_completion_tokens`.
    #[serde(default)]
    #[schemars(extend(
        "propertyNames" = { "format": "parameter" },
        "additionalProperties" = { "type": "string", "format": "parameter" }
    ))]
    pub rename: BTreeMap<String, String>,
    /// Parameters that the provider does not take; they are left out and named in `x-flyball-dropped`.
    #[serde(default)]
    #[schemars(extend("items" = { "type": "string", "format": "parameter" }))]
    pub drop_params: Vec<String>,
    /// Headers that calls of this route carry, besides and before the provider's.
    #[serde(default)]
    #[schemars(extend(
        "propertyNames" = { "format": "header-name" },
        "additionalProperties" = { "type": "string", "format": "header-value" }
    ))]
    pub headers: BTreeMap<String, String>,
    /// Whether callers may use what the provider keeps of other calls (earlier answers, conversations, stored
    /// prompts, files, containers), and have answers kept there. Only where the provider's account serves one tenant
    /// and nobody else: the provider does not tell tenants apart.
    #[serde(default)]
    pub stored_state: bool,
    /// The ground on which personal data goes this way, for rules that read `request.lawful_basis`.
    #[serde(default)]
    #[schemars(schema_with = "lawful_basis_schema")]
    pub lawful_basis: Option<LawfulBasis>,
}

impl Route {
    /// The model's name at the provider, for the route named `public`.
    pub fn concrete_model<'a>(&'a self, public: &'a str) -> &'a str {
        self.model.as_deref().unwrap_or(public)
    }
}

/// The most that a caller may ask for.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Caps {
    /// Most output tokens per answer; a larger wish is lowered, a missing one set.
    #[schemars(range(min = 1, max = 10_000_000))]
    pub max_output_tokens: Option<u64>,
}

/// What calls cost.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Prices {
    /// The currency of all amounts (ISO 4217). The built-in list prices are in USD and apply only
    /// then; they are dated, incomplete and no invoice: set your own for what you bill or budget.
    #[schemars(extend("format" = "currency"))]
    pub currency: String,
    /// Your own prices by `provider/model`, either with `*` for any run of characters. They win over the
    /// built-in table; of several that match, the one with the most letters outside `*` wins.
    #[schemars(extend("propertyNames" = { "format": "price-pattern" }))]
    pub overrides: BTreeMap<String, ListPrice>,
}

impl Default for Prices {
    fn default() -> Self {
        Prices { currency: "USD".to_owned(), overrides: BTreeMap::new() }
    }
}

/// A price, in units of the currency per million tokens.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListPrice {
    /// Tokens of the request.
    pub input_per_million: Amount,
    /// Tokens of the request that the provider had in its cache. Absent: as other input.
    #[serde(default)]
    pub cached_input_per_million: Option<Amount>,
    /// Tokens of the answer; 0 for embeddings.
    pub output_per_million: Amount,
}

pub(super) fn default_routes() -> BTreeMap<String, Route> {
    let route = Route {
        provider: "demo".to_owned(),
        model: Some("demo-1".to_owned()),
        aliases: Vec::new(),
        operations: all_operations(),
        defaults: Map::new(),
        caps: Caps::default(),
        rename: BTreeMap::new(),
        drop_params: Vec::new(),
        headers: BTreeMap::new(),
        stored_state: false,
        lawful_basis: None,
    };
    BTreeMap::from([("demo".to_owned(), route)])
}

/// What a route can offer.
const OPERATIONS: [Operation; 7] = [
    Operation::Chat,
    Operation::Embeddings,
    Operation::Moderations,
    Operation::Rerank,
    Operation::Images,
    Operation::Speech,
    Operation::Transcriptions,
];

fn all_operations() -> Vec<Operation> {
    OPERATIONS.to_vec()
}

/// Operations by their names.
mod operations {
    use super::{Deserialize, Deserializer, OPERATIONS, Operation, Serializer};

    pub(super) fn serialize<S: Serializer>(
        operations: &[Operation],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(operations.iter().map(|operation| operation.name()))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<Operation>, D::Error> {
        let find = |name: String| {
            OPERATIONS
                .into_iter()
                .find(|operation| operation.name() == name)
                .ok_or_else(|| serde::de::Error::custom("not an operation"))
        };
        Vec::<String>::deserialize(deserializer)?.into_iter().map(find).collect()
    }
}

fn operations_schema(_: &mut SchemaGenerator) -> Schema {
    let names: Vec<_> = OPERATIONS.iter().map(|operation| operation.name()).collect();
    json_schema!({
        "type": "array",
        "items": { "type": "string", "enum": names },
        "minItems": 1,
        "uniqueItems": true
    })
}

pub(super) fn lawful_basis_schema(_: &mut SchemaGenerator) -> Schema {
    let names = LawfulBasis::ALL.iter().map(|basis| Some(basis.name())).chain([None]);
    json_schema!({ "type": ["string", "null"], "enum": names.collect::<Vec<_>>() })
}
